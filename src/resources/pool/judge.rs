//! What the facts mean for a Pool (no client required).

use super::look::Facts;
use crate::build::{self, Scope};
use crate::cluster::{Desired, OwnedSet, owner_reference};
use crate::reconcile::View;
use crate::resources::name_length::too_long;
use kube::ResourceExt as _;
use openvox_crds::Pool;
use openvox_crds::vocabulary::label::POOL_NAME_MAX;
use openvox_machines::Report;
use openvox_machines::core::{Blocked, Timestamp};
use openvox_machines::pool::{self as machine, Observed};
use openvox_machines::reason;

/// The machine's observation, and the objects that the Pool owns.
pub struct PoolView {
    pub(super) seen: Observed,
    pub(super) name: String,
    pub(super) objects: OwnedSet,
}

impl View<machine::Pool> for PoolView {
    fn seen(&self) -> &Observed {
        &self.seen
    }
}

pub(super) fn judge(object: &Pool, Facts { service: live, endpoints }: Facts, report: Option<Report>, now: Timestamp) -> PoolView {
    let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
    let owner = owner_reference(object);
    let service = Desired::new(&build::service::pool(Scope { namespace: &namespace, owner: owner.as_ref() }, &name, &object.spec)).ok();
    let (foreign, predecessor) = match service.as_ref().and_then(|service| service.taken(live.as_deref(), "Pool")) {
        Some(blocked) if !blocked.permanent => (None, Some(blocked)),
        taken => (taken, None),
    };
    let digest = service.as_ref().map(|service| service.digest().to_owned());
    let objects = service.map(|service| OwnedSet::default().with(service, live)).unwrap_or_default();
    let seen = Observed {
        now,
        invalid: invalid(object),
        foreign,
        predecessor,
        in_place: digest.is_some() && objects.is_in_place(),
        digest: digest.unwrap_or_default(),
        endpoints,
        report,
    };
    PoolView { seen, name, objects }
}

/// The first value in the spec that cannot be used.
fn invalid(object: &Pool) -> Option<Blocked> {
    if let Some(blocked) = too_long(&object.name_any(), POOL_NAME_MAX, "the label that it becomes part of") {
        return Some(blocked);
    }
    let port = object.spec.service.as_ref().map_or(0, |service| service.port);
    (!(0..=65535).contains(&port)).then(|| {
        Blocked::invalid(reason::INVALID_SPEC, format!("spec.service.port: {port} is no port"))
            .remedy("use a number from 1 to 65535, or leave it out for 8140")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::OwnedObject;
    use serde_json::{Value, json};
    use std::sync::Arc;

    fn pool(port: i32) -> Pool {
        let metadata = json!({"name": "agents", "namespace": "ns", "uid": "1"});
        serde_json::from_value(json!({"metadata": metadata, "spec": {"service": {"port": port}}})).unwrap()
    }

    fn seen(pool: &Pool, live: Option<Value>) -> Observed {
        let service = live.map(|live| Arc::new(serde_json::from_value::<OwnedObject>(live).unwrap()));
        judge(pool, Facts { service, endpoints: 2 }, None, Timestamp::UNIX_EPOCH).seen
    }

    fn controlled_by(name: &str, uid: &str) -> Value {
        let owner = json!({"apiVersion": "openvox.voxpupuli.org/v1alpha1", "kind": "Pool", "name": name, "uid": uid, "controller": true});
        json!({"metadata": {"name": "agents", "namespace": "ns", "ownerReferences": [owner]}})
    }

    #[test]
    fn a_service_of_the_name_is_ours_foreign_or_that_of_a_predecessor() {
        let blocked = |live| {
            let seen = seen(&pool(8140), live);
            (seen.in_place, seen.foreign.map(|blocked| blocked.message), seen.predecessor.map(|blocked| blocked.reason))
        };
        assert_eq!(blocked(None), (false, None, None));
        assert_eq!(blocked(Some(controlled_by("agents", "1"))), (false, None, None));
        let (_, foreign, predecessor) = blocked(Some(controlled_by("other", "2")));
        assert_eq!(foreign.as_deref(), Some("Service agents is controlled by Pool other; rename the Pool, or remove that Service"));
        assert_eq!(predecessor, None);
        assert_eq!(blocked(Some(controlled_by("agents", "0"))), (false, None, Some(reason::WAITING_FOR_REMOVAL)));
    }

    #[test]
    fn a_port_that_is_none_is_refused_and_the_digest_changes_with_the_spec() {
        assert!(seen(&pool(70_000), None).invalid.unwrap().message.contains("spec.service.port: 70000"));
        assert_eq!(seen(&pool(8140), None).invalid, None);
        assert_ne!(seen(&pool(8140), None).digest, seen(&pool(8141), None).digest);
        assert_eq!(seen(&pool(8140), None).endpoints, 2);
    }
}
