//! What the facts mean for a SigningPolicy (no client required).

use super::digest;
use super::look::Facts;
use super::rule::{rule, text_of};
use crate::reconcile::View;
use crate::resources::text::text;
use kube::ResourceExt as _;
use openvox_crds::SigningPolicy;
use openvox_machines::core::{Blocked, Timestamp};
use openvox_machines::reason;
use openvox_machines::signing_policy::{self as machine, InFile, Observed};
use openvox_runtime::autosign::policy::PolicyFile;
use std::convert::Infallible;

/// The machine's observation.
pub struct PolicyView(Observed);

impl View<machine::SigningPolicy> for PolicyView {
    fn seen(&self) -> &Observed {
        &self.0
    }
}

pub(super) fn judge(object: &SigningPolicy, facts: &Facts, report: Option<Infallible>, now: Timestamp) -> PolicyView {
    let (name, authority) = (object.name_any(), &object.spec.certificate_authority_ref);
    let wanted = rule(object, &facts.values);
    let file = facts.file.as_deref().and_then(|secret| PolicyFile::parse(text(secret, "autosign-policy.yaml")?).ok());
    let written = file.and_then(|file| file.policies.into_iter().find(|policy| policy.name == name));
    let in_file = match (written.map(text_of), wanted.as_ref().ok().cloned().map(text_of)) {
        (None, _) => InFile::Absent,
        (written, wanted) if written == wanted => InFile::Exactly,
        _ => InFile::Other,
    };
    PolicyView(Observed {
        now,
        generation: object.metadata.generation.unwrap_or(0),
        invalid: wanted.as_ref().err().cloned(),
        authority_missing: facts.authority.is_none().then(|| {
            let message = format!("spec.certificateAuthorityRef names CertificateAuthority {authority}, which does not exist");
            Blocked::waiting(reason::AUTHORITY_NOT_FOUND, message).remedy("create it or change the reference")
        }),
        external: facts.authority.as_ref().is_some_and(|authority| authority.spec.external.is_some()),
        digest: wanted.map(digest::without_values).unwrap_or_default(),
        in_file,
        server: facts.server,
        report,
    })
}
