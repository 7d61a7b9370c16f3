//! What a run of `ca-setup` is to achieve.

use super::error::SetupError;
use openvox_puppet::{AltName, Certname, ExtensionOid, KeyAlgorithm};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// Keys and values of a Secret; this program only handles text.
pub(super) type SecretData = BTreeMap<String, String>;

/// Secrets that exist, by name.
pub(super) type StoredSecrets = BTreeMap<String, SecretData>;

/// The desired state.
#[derive(Debug, Clone)]
pub(super) struct SetupGoal {
    pub(super) directory: PathBuf,
    pub(super) ca_name: String,
    pub(super) namespace: String,
    /// Directory of an intermediate CA to use.
    pub(super) intermediate: Option<PathBuf>,
    pub(super) lifetime: Duration,
    pub(super) key_algorithm: KeyAlgorithm,
    pub(super) secrets: SecretNames,
    pub(super) leaves: Vec<DesiredLeaf>,
}

/// Names of the CA's own Secrets.
#[derive(Debug, Clone)]
pub(super) struct SecretNames {
    pub(super) authority: String,
    pub(super) key: String,
    pub(super) crl: String,
}

/// A certificate that must exist, with its Secret.
#[derive(Debug, Clone)]
pub(super) struct DesiredLeaf {
    pub(super) certname: Certname,
    pub(super) alt_names: Vec<AltName>,
    pub(super) extensions: Vec<(ExtensionOid, String)>,
    pub(super) secret: String,
}

/// A Secret to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DesiredSecret {
    pub(super) name: String,
    /// Name of the Certificate the pair belongs to, for its label.
    pub(super) certificate: Option<String>,
    pub(super) data: SecretData,
    /// Keys that must not exist.
    pub(super) removed: Vec<&'static str>,
}

impl DesiredSecret {
    /// The most bytes that a Secret holds (`MaxSecretSize` of the Kubernetes API).
    pub(super) const MAX: usize = 1024 * 1024;

    /// Checks that the API server would take it.
    pub(super) fn check_size(&self, revoked: usize) -> Result<(), SetupError> {
        let bytes = self.data.values().map(String::len).sum();
        if bytes <= Self::MAX { Ok(()) } else { Err(SetupError::TooLarge { secret: self.name.clone(), bytes, max: Self::MAX, revoked }) }
    }

    /// Whether a Secret with this data is as planned.
    pub(super) fn is_met(&self, data: &SecretData) -> bool {
        self.data.iter().all(|(key, text)| data.get(key) == Some(text)) && !self.removed.iter().any(|key| data.contains_key(*key))
    }
}

impl SetupGoal {
    /// Names of all Secrets this goal deals with.
    pub(super) fn secret_names(&self) -> Vec<String> {
        let SecretNames { authority, key, crl } = &self.secrets;
        let leaves = self.leaves.iter().map(|leaf| &leaf.secret);
        [authority, key, crl].into_iter().chain(leaves).cloned().collect()
    }

    /// The name in the signing certificate's subject: CA and namespace, as long as a common name may be.
    pub(super) fn common_name(&self) -> String {
        /// RFC 5280 appendix A.1 allows 64 characters, of which `Puppet CA: ` takes 11.
        const MAX: usize = 64 - 11;
        let full = format!("{}.{}", self.ca_name, self.namespace);
        full.chars().take(MAX).collect()
    }
}

impl DesiredLeaf {
    /// The Certificate its Secret is named after.
    pub(super) fn certificate(&self) -> String {
        let name = self.secret.strip_suffix("-tls");
        name.unwrap_or(&self.secret).to_owned()
    }
}

#[cfg(test)]
impl SetupGoal {
    /// A CA `main` in namespace `ns` with a server and an operator certificate, and keys that are made quickly.
    pub(super) fn for_tests(directory: &std::path::Path) -> Self {
        let leaf = |certname: &str, names: &[&str], secret: &str| DesiredLeaf {
            certname: certname.parse().unwrap(),
            alt_names: names.iter().map(|name| name.parse().unwrap()).collect(),
            extensions: vec![(ExtensionOid::cli_auth(), "true".to_owned())],
            secret: secret.to_owned(),
        };
        SetupGoal {
            directory: directory.to_owned(),
            ca_name: "main".to_owned(),
            namespace: "ns".to_owned(),
            intermediate: None,
            lifetime: Duration::from_hours(24 * 365),
            key_algorithm: KeyAlgorithm::Rsa2048,
            secrets: SecretNames { authority: "main-ca".to_owned(), key: "main-ca-key".to_owned(), crl: "main-ca-crl".to_owned() },
            leaves: vec![leaf("puppet", &["main-internal.ns.svc"], "puppet-tls"), leaf("main-operator", &[], "main-operator-signing-tls")],
        }
    }
}
