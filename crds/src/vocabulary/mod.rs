//! Names that this API shares with the outside: group, labels, annotations and finalizers. Reasons of conditions belong
//! to the state machines that give them.
//!
//! They are a contract: scripts, selectors and dashboards of users depend on every one of them.

pub mod annotation;
pub mod finalizer;
pub mod label;
pub mod secret_key;
pub mod well_known;

/// API group of all kinds. Also the prefix of our labels, annotations and finalizers.
pub const GROUP: &str = "openvox.voxpupuli.org";

/// The one version of the API.
pub const VERSION: &str = "v1alpha1";

/// Group and version, as objects carry them in `apiVersion`.
pub const API_VERSION: &str = "openvox.voxpupuli.org/v1alpha1";

/// Field manager of what the operator writes.
pub const FIELD_MANAGER: &str = "openvox-operator";

/// Field manager of the Secrets that the set-up of a CA writes.
pub const CA_SETUP_FIELD_MANAGER: &str = "openvox-operator-ca-setup";

/// Field manager of the annotations that `kubectl openvox` sets.
pub const PLUGIN_FIELD_MANAGER: &str = "kubectl-openvox";

/// Signer name of the CertificateSigningRequests by which somebody without a token shows who they are. No controller signs
/// for it, which keeps every other signer and approver away from them.
pub const HISTORY_SIGNER: &str = "openvox.voxpupuli.org/history";

/// Category that holds all kinds: `kubectl get openvox`.
pub const CATEGORY: &str = "openvox";
