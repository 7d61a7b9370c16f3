//! Inputs of the files beyond the Config itself.

use super::error::RenderError;
use openvox_crds::CertificateAuthoritySpec;
use openvox_puppet::duration;

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
    /// The operator's certificate carries no `pp_cli_auth`, because another operator had it signed from a request: then
    /// its name is all by which the CA server can know it.
    pub operator_by_name: bool,
}

impl Authority {
    /// A lifetime in seconds, `None` where the field is empty.
    ///
    /// # Errors
    /// When the value is one that Puppet Server does not take.
    pub fn lifetime(&self, field: &str, value: &str) -> Result<Option<i64>, RenderError> {
        duration::lifetime_seconds(value).map_err(|error| {
            let (rule, remedy) = error.rule_and_remedy();
            RenderError::new(format!("spec.{field} of CertificateAuthority {}", self.name), value, rule, remedy)
        })
    }

    /// Whether the CA runs here.
    #[must_use]
    pub fn is_internal(&self) -> bool {
        self.spec.external.is_none()
    }
}
