//! A Puppet CA's keys and certificates, and the Secrets that the set-up Job would have written of them: no pod
//! runs here that could.

use crate::support::Namespace;
use chrono::{DateTime, Utc};
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Secret};
use openvox_operator::build::{self, Scope, name};
use openvox_puppet::{AuthorityFiles, CaBundle, ExtensionOid, KeyAlgorithm, LeafRequest, NewAuthority, PrivateKey, SigningAuthority};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// A CA.
pub struct Authority {
    pub key: PrivateKey,
    pub files: AuthorityFiles,
    pub bundle: CaBundle,
    serial: AtomicU32,
}

pub fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(Utc::now().timestamp(), 0).unwrap()
}

impl Authority {
    /// One for all tests: making its keys takes a moment.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Authority> = OnceLock::new();
        SHARED.get_or_init(Self::new)
    }

    /// Another one of the same name.
    pub fn stranger() -> &'static Self {
        static STRANGER: OnceLock<Authority> = OnceLock::new();
        STRANGER.get_or_init(Self::new)
    }

    fn new() -> Self {
        let key = PrivateKey::generate(KeyAlgorithm::Rsa2048).unwrap();
        let lifetime = Duration::from_hours(24 * 365 * 5);
        let new = NewAuthority { root_key: &key, signing_key: &key, name: "tests", root_suffix: "00", lifetime, now: now() };
        let files = new.create().unwrap();
        let bundle = CaBundle::from_pem(&files.bundle_pem).unwrap();
        Self { key, files, bundle, serial: AtomicU32::new(16) }
    }

    /// Its revocation lists: one of this number by the signing CA, issued a minute ago and good for an hour, and the one
    /// of the root.
    pub fn lists(&self, number: u64) -> String {
        self.lists_with(number, &[])
    }

    /// The same, with these serial numbers on it.
    pub fn lists_with(&self, number: u64, revoked: &[&str]) -> String {
        let signing = rustls::pki_types::CertificateDer::from(self.bundle.signing().der().to_vec());
        let issuer = rcgen::Issuer::from_ca_cert_der(&signing, rcgen::KeyPair::from_pem(self.key.to_pem()).unwrap()).unwrap();
        let since_1970 = u64::try_from(now().timestamp()).unwrap();
        let time = |seconds: u64| rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds);
        let entry = |serial: &&str| rcgen::RevokedCertParams {
            serial_number: u64::from_str_radix(serial, 16).unwrap().into(),
            revocation_time: time(since_1970 - 60),
            reason_code: None,
            invalidity_date: None,
        };
        let params = rcgen::CertificateRevocationListParams {
            this_update: time(since_1970 - 60),
            next_update: time(since_1970 + 3600),
            crl_number: number.into(),
            issuing_distribution_point: None,
            revoked_certs: revoked.iter().map(entry).collect(),
            key_identifier_method: rcgen::KeyIdMethod::Sha256,
        };
        let root = &self.files.crl_pem[self.files.crl_pem.rfind("-----BEGIN").unwrap()..];
        params.signed_by(&issuer).unwrap().pem().unwrap() + root
    }

    pub fn next_serial(&self) -> u32 {
        self.serial.fetch_add(1, Ordering::Relaxed)
    }

    /// A certificate for a key, with 127.0.0.1 among its names, valid for five years.
    pub fn issue(&self, certname: &str, key: &PrivateKey) -> String {
        self.issue_with(certname, key, &[])
    }

    fn issue_with(&self, certname: &str, key: &PrivateKey, extensions: &[(ExtensionOid, String)]) -> String {
        let request = LeafRequest {
            certname: &certname.parse().unwrap(),
            alt_names: &["127.0.0.1".parse().unwrap()],
            extensions,
            key,
            serial: &self.next_serial().into(),
            lifetime: Duration::from_hours(24 * 365 * 5),
            now: now(),
        };
        SigningAuthority::new(&self.bundle, &self.key).unwrap().issue(&request).unwrap()
    }

    /// What the set-up Job writes of the CA itself.
    pub fn secrets(&self, namespace: &str, authority: &str) -> [Secret; 3] {
        let scope = Scope { namespace, owner: None };
        [
            build::secret::ca_certificates(scope, authority, self.files.bundle_pem.as_bytes()),
            build::secret::ca_key(scope, authority, self.key.to_pem().as_bytes()),
            build::secret::ca_crl(scope, authority, self.files.crl_pem.as_bytes(), None),
        ]
    }

    /// A TLS Secret with a fresh pair.
    pub fn tls_secret(&self, namespace: &str, authority: &str, certificate: &str, certname: &str) -> Secret {
        self.tls_secret_with(namespace, authority, certificate, certname, &[])
    }

    fn tls_secret_with(
        &self,
        namespace: &str,
        authority: &str,
        certificate: &str,
        certname: &str,
        extensions: &[(ExtensionOid, String)],
    ) -> Secret {
        let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let pem = self.issue_with(certname, &key, extensions);
        build::secret::tls(Scope { namespace, owner: None }, authority, certificate, pem.as_bytes(), key.to_pem().as_bytes(), None)
    }

    /// A CA that was there before: what its set-up left, and the claim of its volume, which would be filled anew if it
    /// came later.
    pub async fn found(&self, namespace: &Namespace, authority: &str) {
        let claim: PersistentVolumeClaim = serde_json::from_value(serde_json::json!({
            "metadata": {"name": name::ca_data(authority), "labels": build::label_set::authority(authority)},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
        }))
        .unwrap();
        namespace.put(&claim).await;
        self.set_up(namespace, authority).await;
    }

    /// Everything that the set-up Job leaves of a CA: its three Secrets, and the operator's own pair.
    pub async fn set_up(&self, namespace: &Namespace, authority: &str) {
        for secret in self.secrets(&namespace.name, authority) {
            namespace.put(&secret).await;
        }
        let operator = name::operator_signing(authority);
        let administers = [(ExtensionOid::cli_auth(), "true".to_owned())];
        let certname = name::operator_certname(authority);
        namespace.put(&self.tls_secret_with(&namespace.name, authority, &operator, &certname, &administers)).await;
    }
}
