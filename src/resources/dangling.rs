//! References that lead nowhere.

use openvox_machines::core::Blocked;

/// `field` of a spec names an object that does not exist.
pub fn dangling(reason: &'static str, field: &str, kind: &str, name: &str) -> Blocked {
    Blocked::waiting(reason, format!("{field} names {kind} {name}, which does not exist")).remedy("create it or change the reference")
}
