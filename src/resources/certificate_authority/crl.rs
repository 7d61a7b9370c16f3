//! Fetching the revocation list: from the CA, through all checks, into the Secret that servers mount.

use super::connections::{ConnectionError, Identity, ask, secret, strength};
use super::judge::trust_name;
use super::{AuthorityView, secrets};
use crate::build::{self, Scope, name};
use crate::cluster::{ApplyError, FIELD_MANAGER, merge, owner_reference};
use crate::puppetca::{CaClient, ClientError, CrlText};
use crate::reconcile::Context;
use crate::resources::text::text;
use crate::telemetry::Verb;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;
use kube::api::{Api, PostParams};
use openvox_crds::CertificateAuthority;
use openvox_crds::vocabulary::secret_key;
use openvox_machines::certificate_authority::{Report, RevocationList};
use openvox_machines::core::{Acted, Blocked, Timestamp};
use openvox_machines::reason;
use openvox_puppet::{CaBundle, CrlBundle, CrlUpdate};
use serde_json::json;
use std::sync::Arc;

/// The most bytes that a Secret holds (`MaxSecretSize` of the Kubernetes API).
const SECRET_MAX: usize = 1024 * 1024;

/// What a list says, for the machine. It is due when the first list of the chain is.
pub(super) fn facts(lists: &CrlBundle, trust: &CaBundle) -> Option<RevocationList> {
    let info = lists.of_signing_ca(trust)?.info();
    Some(RevocationList {
        number: info.number.as_ref().map(ToString::to_string),
        this_update: info.this_update,
        next_update: lists.first_due(trust).and_then(|first| first.next_update),
        revoked: u32::try_from(info.revoked.len()).unwrap_or(u32::MAX),
    })
}

/// What is wrong with the lists of the CAs above the one that signs: no server here can make them anew.
pub(super) fn of_others(lists: &CrlBundle, trust: &CaBundle, now: Timestamp) -> Option<Blocked> {
    const REMEDY: &str = "get one of that CA, and hand it to the CA server: `curl -X PUT --data-binary @crl.pem \
                          https://SERVER:8140/puppet-ca/v1/certificate_revocation_list` with a client certificate that has pp_cli_auth";
    if let Some(ca) = lists.without_list(trust) {
        let subject = &ca.info().subject;
        let message = format!("there is no revocation list of {subject}, so TLS refuses everybody whose chain is checked");
        return Some(Blocked::invalid(reason::CRL_STALE, message).remedy(REMEDY));
    }
    let first = lists.first_due(trust).filter(|first| first.issuer_name != trust.signing().info().subject_name)?;
    let due = first.next_update.filter(|due| *due < now)?;
    let message =
        format!("the revocation list of {} had to be replaced by {due}, so TLS refuses everybody whose chain is checked", first.issuer);
    Some(Blocked::invalid(reason::CRL_STALE, message).remedy(REMEDY))
}

pub(super) async fn refresh(context: &Arc<Context>, object: &CertificateAuthority, view: &AuthorityView) -> Acted<Report> {
    let namespace = object.namespace().unwrap_or_default();
    let report = match fetch(context, object, &namespace).await {
        Ok((text, trust)) => take(context, object, &namespace, &text, &trust).await,
        Err(report) => Acted::Reported(report),
    };
    match &report {
        Acted::Reported(Report::CrlCurrent | Report::CrlStored(_)) => {
            context.crl_refreshes.looked(&namespace, &view.name, &view.seen.access, context.now());
        }
        _ => context.crl_refreshes.forget(&namespace, &view.name),
    }
    report
}

fn unavailable(reason: &str, message: String) -> Report {
    Report::CrlUnavailable { reason: reason.to_owned(), message }
}

/// The lists as the CA shows them, and the certificates to check them with.
async fn fetch(context: &Context, object: &CertificateAuthority, namespace: &str) -> Result<(CrlText, CaBundle), Report> {
    let external = object.spec.external.is_some();
    let cannot = |error: ConnectionError| {
        let reason = if external { reason::EXTERNAL_UNREACHABLE } else { reason::AUTHORITY_NOT_USABLE };
        unavailable(reason, error.to_string())
    };
    let trust_name = trust_name(object);
    let stored = secret(context, namespace, &trust_name).await.map_err(cannot)?;
    let missing = || cannot(ConnectionError::Missing { secret: trust_name.clone(), key: secret_key::CA_CERTIFICATES });
    let pem = text(&stored, secret_key::CA_CERTIFICATES).ok_or_else(missing)?;
    let trust = CaBundle::from_pem(pem).map_err(|error| cannot(error.into()))?.with_strength(strength(object));
    let client = context.connections.client(context, namespace, object, Identity::Nobody).await.map_err(cannot)?;
    let infra = !external && object.spec.enable_infra_crl;
    ask(context, "crl", || lists(&client, infra)).await.map(|text| (text, trust)).map_err(|error| match error {
        ClientError::UnexpectedAnswer { status: 404, .. } if infra => unavailable(
            error.reason(),
            "the CA server does not show its full revocation list, because its pod was started by another operator or an older \
             version; restart its Deployment, or set spec.enableInfraCRL to false"
                .to_owned(),
        ),
        error => unavailable(error.reason(), error.to_string()),
    })
}

/// With `enableInfraCRL` the CA's own API shows the list of infrastructure certificates only, in which agents never
/// stand (docs/decisions/2026-11-21-the-full-crl-reaches-every-server.md).
async fn lists(client: &CaClient, infra: bool) -> Result<CrlText, ClientError> {
    if infra { client.full_crl().await } else { client.crl().await }
}

/// Checks the lists against the stored ones, and stores them if they are newer.
async fn take(context: &Context, object: &CertificateAuthority, namespace: &str, pem: &str, trust: &CaBundle) -> Acted<Report> {
    let refused = |message: String| Acted::Reported(Report::CrlRefused { message });
    // What is stored is what was read and checked, of the CAs of the chain alone.
    let shown = match CrlBundle::from_pem(pem).and_then(|shown| shown.of_chain(trust)) {
        Ok((shown, _)) => shown,
        Err(error) => return refused(error.to_string()),
    };
    let pem = shown.to_pem();
    if pem.len() > SECRET_MAX {
        let revoked = shown.of_signing_ca(trust).map_or(0, |list| list.info().revoked.len());
        return refused(format!(
            "the revocation list has {revoked} certificates and {} bytes, and a Secret holds {SECRET_MAX}, so revocations do not reach the \
             servers any more; shorten it with `puppetserver ca prune` (with --remove-expired, where it knows that) where the CA runs",
            pem.len()
        ));
    }
    let store = name::ca_crl_secret(&object.name_any());
    let before = match secret(context, namespace, &store).await {
        Ok(before) => Some(before),
        Err(ConnectionError::Missing { .. }) => None,
        Err(error) => return Acted::Reported(Report::Failed { reason: reason::APPLY_FAILED.to_owned(), message: error.to_string() }),
    };
    // What cannot be read, or is not of this CA, is no list to compare with.
    let stored = before.as_ref().and_then(|secret| CrlBundle::from_pem(text(secret, secret_key::CA_CRL)?).ok()?.of_chain(trust).ok());
    match shown.update_of(stored.as_ref().map(|(lists, _)| lists), trust, context.now()) {
        Ok(CrlUpdate::Same) => return Acted::Reported(Report::CrlCurrent),
        Ok(CrlUpdate::Newer) => {}
        Err(refusal) => return refused(refusal.to_string()),
    }
    match write(context, object, namespace, &pem, before.as_deref()).await {
        Ok(()) => facts(&shown, trust).map_or(Acted::Begun, |facts| Acted::Reported(Report::CrlStored(facts))),
        Err(error @ ApplyError::Immutable { .. }) => refused(error.to_string()),
        Err(error) => error.acted(|reason, message| Report::Failed { reason, message }),
    }
}

/// Replaces the one key of a Secret that is ours; labels, owners and other keys stay. Guarded by the version that was
/// compared with.
async fn write(
    context: &Context,
    object: &CertificateAuthority,
    namespace: &str,
    pem: &str,
    before: Option<&Secret>,
) -> Result<(), ApplyError> {
    let (authority, cache) = (object.name_any(), &context.caches.secrets);
    let store = name::ca_crl_secret(&authority);
    if let Some(before) = before {
        let identity = secrets::identity(namespace, object, store);
        let mut data = json!({secret_key::CA_CRL: ByteString(pem.as_bytes().to_vec())});
        let others = before.data.iter().flatten().filter(|(key, _)| *key != secret_key::CA_CRL).map(|(_, value)| value.0.len());
        if pem.len() + others.sum::<usize>() > SECRET_MAX
            && let Some(data) = data.as_object_mut()
        {
            // Nobody reads it from here but a set-up that fills a lost volume, which can do without.
            data.insert(secret_key::INFRA_CRL.to_owned(), serde_json::Value::Null);
        }
        let patch = json!({"metadata": {"labels": build::label_set::authority(&authority)}, "data": data});
        return merge(&context.client, cache, &identity, before, patch, &context.metrics).await;
    }
    // Lists of a CA outside can be fetched again at any time, so they may go with the object.
    let owner = owner_reference(object).filter(|_| object.spec.external.is_some());
    let secret = build::secret::ca_crl(Scope { namespace, owner: owner.as_ref() }, &authority, pem.as_bytes(), None);
    let api: Api<Secret> = Api::namespaced(context.client.clone(), namespace);
    context.metrics.api_write("Secret", Verb::Create);
    let params = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
    let written = api.create(&params, &secret).await.map_err(|source| ApplyError::from_api("Secret", store, source))?;
    cache.wrote(Arc::new(written));
    Ok(())
}

/// How often the CA is asked where the spec gives no interval that can be used: the reference's default.
const DEFAULT_INTERVAL: i64 = 300;

/// Seconds between two looks.
pub(super) fn interval(object: &CertificateAuthority) -> chrono::TimeDelta {
    let given = openvox_puppet::duration::parse_seconds(&object.spec.crl_refresh_interval).ok().filter(|seconds| *seconds > 0);
    chrono::TimeDelta::try_seconds(given.unwrap_or(DEFAULT_INTERVAL)).unwrap_or(chrono::TimeDelta::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use openvox_puppet::{KeyAlgorithm, NewAuthority, PrivateKey};
    use std::time::Duration;

    #[test]
    fn a_list_of_a_ca_above_that_is_missing_or_over_is_named_with_what_to_do() {
        let [root_key, signing_key] = [(); 2].map(|()| PrivateKey::generate(KeyAlgorithm::Rsa2048).unwrap());
        let now = chrono::DateTime::from_timestamp(1_900_000_000, 0).unwrap();
        let lists = |days: u64| {
            let lifetime = Duration::from_hours(24 * days);
            let new = NewAuthority { root_key: &root_key, signing_key: &signing_key, name: "a", root_suffix: "b", lifetime, now };
            let made = new.create().unwrap();
            let (own, root) = made.crl_pem.split_at(made.crl_pem.rfind("-----BEGIN").unwrap());
            (CaBundle::from_pem(&made.bundle_pem).unwrap(), own.to_owned(), root.to_owned())
        };
        let ((trust, own, root), (_, own_soon, root_soon)) = (lists(400), lists(30));
        let said = |own: &str, root: &str| {
            of_others(&CrlBundle::from_pem(&format!("{own}{root}")).unwrap(), &trust, now + chrono::TimeDelta::days(31))
        };
        assert_eq!(said(&own, &root), None);
        assert_eq!(said(&own_soon, &root), None, "the CA server renews its own");
        for (root, words) in
            [("", "there is no revocation list of CN=Puppet Root CA: b"), (&root_soon, "of CN=Puppet Root CA: b had to be replaced by")]
        {
            let message = said(&own, root).unwrap().message;
            assert!(message.contains(words) && message.contains("puppet-ca/v1/certificate_revocation_list"), "{message}");
        }
    }
}
