//! What the facts mean for a Pool (no client required).

use super::look::Facts;
use crate::build::{self, Scope};
use crate::cluster::{Desired, OwnedObject, owner_reference};
use crate::reconcile::View;
use crate::resources::name_length::too_long;
use kube::ResourceExt as _;
use openvox_crds::Pool;
use openvox_crds::vocabulary::label::POOL_NAME_MAX;
use openvox_machines::core::{Blocked, Timestamp};
use openvox_machines::pool::{self as machine, Observed, Report};
use openvox_machines::reason;

/// The machine's observation, and the Service as it should be.
pub struct PoolView {
    pub(super) seen: Observed,
    pub(super) name: String,
    pub(super) service: Option<Desired<OwnedObject>>,
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
    let foreign = service.as_ref().zip(live.as_ref()).and_then(|(desired, live)| desired.foreign(live));
    let taken = foreign.map(|owner| owner.blocked(&format!("Service {name}"), "rename the Pool, or remove that Service"));
    let (foreign, predecessor) = match taken {
        Some(blocked) if !blocked.permanent => (None, Some(blocked)),
        taken => (taken, None),
    };
    let seen = Observed {
        now,
        generation: object.metadata.generation.unwrap_or(0),
        invalid: invalid(object),
        foreign,
        predecessor,
        in_place: service.as_ref().zip(live.as_ref()).is_some_and(|(desired, live)| desired.is_in_place(live)),
        digest: service.as_ref().map(|desired| desired.digest().to_owned()).unwrap_or_default(),
        endpoints,
        report,
    };
    PoolView { seen, name, service }
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
