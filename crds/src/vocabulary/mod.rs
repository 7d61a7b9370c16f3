//! Names that this API shares with the outside: group, labels, annotations and finalizers. Reasons of conditions belong
//! to the state machines that give them.
//!
//! They are a contract: scripts, selectors and dashboards of users depend on every one of them.

pub mod annotation;
pub mod finalizer;
pub mod label;

/// API group of all kinds. Also the prefix of our labels, annotations and finalizers.
pub const GROUP: &str = "openvox.voxpupuli.org";

/// The one version of the API.
pub const VERSION: &str = "v1alpha1";

/// Group and version, as objects carry them in `apiVersion`.
pub const API_VERSION: &str = "openvox.voxpupuli.org/v1alpha1";

/// Category that holds all kinds: `kubectl get openvox`.
pub const CATEGORY: &str = "openvox";
