//! The Secret with an intermediate CA that the user brings.

use super::connections::{ConnectionError, secret};
use crate::build::name;
use crate::reconcile::Context;
use crate::resources::text::text;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;
use openvox_crds::CertificateAuthority;
use openvox_crds::vocabulary::secret_key;
use openvox_machines::core::Blocked;
use openvox_machines::reason;
use std::sync::Arc;

/// Keys of that Secret: certificates from the signing one up to the root, its key, and a revocation list of each.
const KEYS: [&str; 3] = [secret_key::INTERMEDIATE_CERTIFICATES, secret_key::KEY, secret_key::INTERMEDIATE_CRL];

/// Name of the Secret, if the spec asks for one.
pub(super) fn secret_name(object: &CertificateAuthority) -> Option<&str> {
    let given = object.spec.intermediate_ca.as_ref().filter(|given| given.enabled)?;
    given.secret_name.as_deref().filter(|name| !name.is_empty())
}

/// The Secret, where the set-up needs it: as long as the CA has none of its own. Afterwards the given one may go.
pub(super) type Given = Option<Result<Arc<Secret>, ConnectionError>>;

/// Reads it (client required).
pub(super) async fn look(context: &Context, namespace: &str, object: &CertificateAuthority) -> Given {
    let given = secret_name(object)?;
    let own = context.caches.secrets.get(namespace, &name::ca_secret(&object.name_any()));
    if own.is_some() { None } else { Some(secret(context, namespace, given).await) }
}

/// What is missing before the set-up can take that CA.
pub(super) fn missing(object: &CertificateAuthority, given: &Given) -> Option<Blocked> {
    let name = secret_name(object)?;
    let waiting = |message: String| {
        Some(
            Blocked::waiting(reason::SECRET_NOT_FOUND, message)
                .remedy("put the CA's certificates, its key and their revocation lists there as ca.pem, key.pem and crl.pem"),
        )
    };
    match given.as_ref()? {
        Ok(found) => {
            let key = KEYS.into_iter().find(|key| text(found, key).is_none())?;
            waiting(format!("spec.intermediateCA.secretName: Secret {name} has no {key}"))
        }
        Err(ConnectionError::Missing { .. }) => waiting(format!("spec.intermediateCA.secretName: there is no Secret {name}")),
        Err(error) => waiting(error.to_string()),
    }
}
