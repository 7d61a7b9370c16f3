//! Names that become part of a label or of another object's name, which take less than a name may have.

use openvox_machines::core::Blocked;
use openvox_machines::reason;

/// Longest value of a label, and longest name of a Service or a Job
/// (<https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set>).
pub const LABEL_VALUE_MAX: usize = 63;

/// Why a name cannot be used: `becomes`, such as "the label of its Secret", takes `most` characters only.
pub fn too_long(name: &str, most: usize, becomes: &str) -> Option<Blocked> {
    let length = name.len();
    (length > most).then(|| {
        Blocked::invalid(reason::INVALID_SPEC, format!("metadata.name: {name:?} has {length} characters, and {becomes} takes {most}"))
            .remedy("create it under a shorter name")
    })
}
