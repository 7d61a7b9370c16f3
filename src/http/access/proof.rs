//! Proof of identity for callers that have no token, or none that they may pass on.
//!
//! The API server records in each CertificateSigningRequest who created it, whatever they authenticated with: user, groups
//! and extra (`spec.username`, `spec.groups`, `spec.extra`), which cannot be changed afterwards. So a caller creates one
//! whose request holds the digest of a random secret, and presents the secret, which only the creator knows. Nothing is ever
//! signed. See `docs/decisions/2026-11-30-who-asks-without-a-token.md`.

use super::reviews::User;
use super::token::audience;
use axum::http::HeaderValue;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use k8s_openapi::ByteString;
use k8s_openapi::api::certificates::v1::{CertificateSigningRequest, CertificateSigningRequestSpec};
use kube::api::ObjectMeta;
use openvox_crds::vocabulary::HISTORY_SIGNER;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use sha2::{Digest as _, Sha256};
use std::fmt::{self, Write as _};
use std::sync::Arc;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::FromDer as _;

/// The scheme of the header: `Csr NAME:SECRET`.
pub(super) const SCHEME: &str = "Csr";
/// Begin of the object's name. The API server makes the rest.
const NAME_PREFIX: &str = "openvox-history-";
/// Longest name of an object.
const LONGEST_NAME: usize = 253;
/// Length of the secret in bytes: as hard to guess as the digest.
const SECRET_BYTES: usize = 32;
/// How long a proof is valid after the creation of its object: as long as the shortest token that the API server issues.
/// Groups that are removed from a user count here for as long.
const PROOF_LIFETIME: TimeDelta = TimeDelta::minutes(10);
/// How far the clock of the API server may be ahead of the operator's.
const CLOCK_SKEW: TimeDelta = TimeDelta::minutes(1);

/// The name of a CertificateSigningRequest, and the secret whose digest it holds. Debug output does not show the secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Proof {
    name: Arc<str>,
    secret: Arc<str>,
}

/// Why no request could be made.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// There is no randomness.
    #[error("failed to get random bytes")]
    Random,
    /// The request could not be encoded or signed.
    #[error("failed to build a CertificateSigningRequest")]
    Build(#[from] rcgen::Error),
}

/// A proof whose object is not created yet.
pub struct NewProof {
    /// The object to create.
    pub object: CertificateSigningRequest,
    secret: String,
}

impl NewProof {
    /// A proof for the operator of a namespace; of no use to any other operator.
    ///
    /// # Errors
    /// [`ProofError`] if the system gives no randomness.
    pub fn new(namespace: &str) -> Result<Self, ProofError> {
        let mut secret = [0; SECRET_BYTES];
        rustls::crypto::aws_lc_rs::default_provider().secure_random.fill(&mut secret).map_err(|_| ProofError::Random)?;
        let secret = URL_SAFE_NO_PAD.encode(secret);
        let mut subject = DistinguishedName::new();
        subject.push(DnType::OrganizationalUnitName, audience(namespace));
        subject.push(DnType::CommonName, digest(&secret));
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name = subject;
        // A request has to be signed; this key signs nothing else.
        let request = parameters.serialize_request(&KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?)?.pem()?;
        let spec = CertificateSigningRequestSpec {
            request: ByteString(request.into_bytes()),
            signer_name: HISTORY_SIGNER.to_owned(),
            usages: Some(vec!["digital signature".to_owned()]),
            ..CertificateSigningRequestSpec::default()
        };
        let metadata = ObjectMeta { generate_name: Some(NAME_PREFIX.to_owned()), ..ObjectMeta::default() };
        Ok(Self { object: CertificateSigningRequest { metadata, spec, status: None }, secret })
    }

    /// The value of [`super::TOKEN_HEADER`] for the object of this name. `None` for a name that is not of this
    /// object.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<HeaderValue> {
        let proof = Proof::of(&format!("{name}:{}", self.secret))?;
        let mut value = HeaderValue::from_str(&format!("{SCHEME} {}:{}", proof.name, proof.secret)).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl Proof {
    /// A proof from its text `NAME:SECRET`. `None` if it cannot be one; nothing is asked of the API server then.
    pub(super) fn of(text: &str) -> Option<Self> {
        let (name, secret) = text.split_once(':')?;
        let rest = name.strip_prefix(NAME_PREFIX)?;
        let named = name.len() <= LONGEST_NAME && !rest.is_empty() && rest.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        let secrecy = URL_SAFE_NO_PAD.decode(secret).is_ok_and(|secret| secret.len() == SECRET_BYTES);
        (named && secrecy).then(|| Self { name: name.into(), secret: secret.into() })
    }

    /// The name of the object.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The secret; only its digest leaves the process.
    pub(super) fn secret(&self) -> &str {
        &self.secret
    }

    /// The creator of the object, if it belongs to this proof, is for the operator of this namespace, and is not too old.
    /// Denying the request ends it before its time.
    pub(super) fn creator(&self, object: CertificateSigningRequest, namespace: &str, now: DateTime<Utc>) -> Option<User> {
        let CertificateSigningRequest { metadata, spec, status } = object;
        let created = DateTime::from_timestamp(metadata.creation_timestamp?.0.as_second(), 0)?;
        let young = (-CLOCK_SKEW..PROOF_LIFETIME).contains(&(now - created));
        // There is nothing to approve here: any condition means that the proof is to be revoked.
        let untouched = status.and_then(|status| status.conditions).is_none_or(|conditions| conditions.is_empty());
        let ours = spec.signer_name == HISTORY_SIGNER && metadata.deletion_timestamp.is_none();
        // `spec` never changes once the object is created; an annotation could be changed by others.
        let named = subject(&spec.request.0)? == (audience(namespace), digest(&self.secret));
        let name = spec.username.filter(|name| !name.is_empty())?;
        (young && untouched && ours && named).then(|| User {
            name,
            uid: spec.uid,
            groups: spec.groups.unwrap_or_default(),
            extra: spec.extra.unwrap_or_default(),
        })
    }
}

/// Organizational unit and common name of a request in PEM.
fn subject(request: &[u8]) -> Option<(String, String)> {
    let block = pem::parse(request).ok()?;
    let (_, request) = X509CertificationRequest::from_der(block.contents()).ok()?;
    let subject = &request.certification_request_info.subject;
    let unit = subject.iter_organizational_unit().next()?.as_str().ok()?;
    let name = subject.iter_common_name().next()?.as_str().ok()?;
    Some((unit.to_owned(), name.to_owned()))
}

/// SHA-256 in hexadecimal; the secret is random, so nobody finds it.
fn digest(secret: &str) -> String {
    Sha256::digest(secret).iter().fold(String::with_capacity(2 * SECRET_BYTES), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proof").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use serde_json::json;

    const NOW: i64 = 1_800_000_000;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(NOW, 0).unwrap()
    }

    /// The object as the API server keeps it, and the proof that belongs to it.
    fn created() -> (CertificateSigningRequest, Proof) {
        let new = NewProof::new("openvox-system").unwrap();
        let header = new.header("openvox-history-x7k2p").unwrap();
        let proof = Proof::of(header.to_str().unwrap().strip_prefix("Csr ").unwrap()).unwrap();
        let mut object = new.object;
        object.metadata.creation_timestamp = Some(Time(k8s_openapi::jiff::Timestamp::from_second(NOW).unwrap()));
        object.spec.username = Some("alice".to_owned());
        object.spec.groups = Some(vec!["admins".to_owned()]);
        (object, proof)
    }

    #[test]
    fn the_creator_of_the_object_is_who_the_api_server_says() {
        let (object, proof) = created();
        let user = proof.creator(object, "openvox-system", now()).unwrap();
        assert_eq!((user.name.as_str(), user.groups.as_slice()), ("alice", &["admins".to_owned()][..]));
    }

    #[test]
    fn another_secret_another_operator_and_an_object_of_another_time_prove_nothing() {
        let (object, proof) = created();
        let (_, other) = created();
        assert_eq!(other.creator(object.clone(), "openvox-system", now()), None);
        assert_eq!(proof.creator(object.clone(), "tenant-a", now()), None);
        for (age, believed) in [(-61, false), (-60, true), (0, true), (599, true), (600, false)] {
            let user = proof.creator(object.clone(), "openvox-system", now() + TimeDelta::seconds(age));
            assert_eq!(user.is_some(), believed, "{age}");
        }
    }

    #[test]
    fn an_object_for_another_signer_and_one_that_was_denied_or_deleted_prove_nothing() {
        let (object, proof) = created();
        let mut another = object.clone();
        another.spec.signer_name = "example.test/signer".to_owned();
        let mut denied = object.clone();
        denied.status = serde_json::from_value(json!({"conditions": [{"type": "Denied", "status": "True"}]})).unwrap();
        let mut deleted = object.clone();
        deleted.metadata.deletion_timestamp = object.metadata.creation_timestamp.clone();
        let mut nobody = object.clone();
        nobody.spec.username = None;
        let mut garbled = object;
        garbled.spec.request = ByteString(b"no request".to_vec());
        for object in [another, denied, deleted, nobody, garbled] {
            assert_eq!(proof.creator(object, "openvox-system", now()), None);
        }
    }

    #[test]
    fn only_names_and_secrets_that_can_be_ours_are_asked_about() {
        let secret = URL_SAFE_NO_PAD.encode([7; SECRET_BYTES]);
        assert!(Proof::of(&format!("openvox-history-x7k2p:{secret}")).is_some());
        for name in ["openvox-history-", "node-csr-x7k2p", "openvox-history-../x", &format!("openvox-history-{}", "x".repeat(300))] {
            assert_eq!(Proof::of(&format!("{name}:{secret}")), None, "{name}");
        }
        for secret in ["", "short", &format!("{secret}{secret}"), "!"] {
            assert_eq!(Proof::of(&format!("openvox-history-x7k2p:{secret}")), None, "{secret}");
        }
    }

    #[test]
    fn the_secret_does_not_show_in_debug_output() {
        let (object, proof) = created();
        assert!(!format!("{proof:?} {object:?}").contains(&*proof.secret));
    }
}
