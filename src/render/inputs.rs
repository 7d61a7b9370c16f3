//! What the files say beyond the Config itself.

use openvox_crds::CertificateAuthoritySpec;

/// Facts about other objects that end up in the files of a Config.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RenderInputs {
    /// The `CertificateAuthority` that the Config names, once it is there.
    pub authority: Option<Authority>,
    /// URL of the Database that the Config names, once it has one.
    pub database_url: Option<String>,
    /// Whether the `NodeClassifier` that the Config names is there.
    pub node_classifier: bool,
    /// Number of `ReportProcessor`s that name the Config.
    pub report_processors: usize,
}

/// A `CertificateAuthority`.
#[derive(Debug, Clone, PartialEq)]
pub struct Authority {
    /// Name of the object.
    pub name: String,
    /// Its settings.
    pub spec: CertificateAuthoritySpec,
}

impl Authority {
    /// Whether the CA runs here. Only then may the operator's certificate administer it.
    #[must_use]
    pub fn is_internal(&self) -> bool {
        self.spec.external.is_none()
    }
}
