//! Labels of the objects that the operator makes.

/// Name of the application. Value [`NAME_VALUE`].
pub const NAME: &str = "app.kubernetes.io/name";

/// Value of [`NAME`] on all managed objects and pods.
pub const NAME_VALUE: &str = "openvox";

/// Selects the Deployment, pods and Services of operators, as the chart labels them.
pub const OPERATOR_SELECTOR: &str = "app.kubernetes.io/name=openvox-operator";

/// Who manages the object. Value [`MANAGED_BY_VALUE`]; watches of Secrets select on it.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// Value of [`MANAGED_BY`].
pub const MANAGED_BY_VALUE: &str = "openvox-operator";

/// Name of the Config. On objects of a Config, on Server Deployments and their pods.
pub const CONFIG: &str = "openvox.voxpupuli.org/config";

/// Name of the CertificateAuthority. On its objects and on the Secrets of its Certificates.
pub const CERTIFICATE_AUTHORITY: &str = "openvox.voxpupuli.org/certificateauthority";

/// Name of the Certificate. On its Secrets.
pub const CERTIFICATE: &str = "openvox.voxpupuli.org/certificate";

/// Name of the Server. On its objects; the only selector of its Deployment.
pub const SERVER: &str = "openvox.voxpupuli.org/server";

/// Role of a Server's pods: [`ROLE_CA`] or [`ROLE_SERVER`].
pub const ROLE: &str = "openvox.voxpupuli.org/role";

/// Value of [`ROLE`] for a Server that runs the CA and compiles no catalogs.
pub const ROLE_CA: &str = "ca";

/// Value of [`ROLE`] for every other Server.
pub const ROLE_SERVER: &str = "server";

/// Value [`TRUE`] on pods that run a CA; the only selector of the CA's Service.
pub const CA: &str = "openvox.voxpupuli.org/ca";

/// Name of the Database. On its objects; the only selector of its Deployment and Service.
pub const DATABASE: &str = "openvox.voxpupuli.org/database";

/// Start of the label key of a Pool, see [`pool`].
pub const POOL_PREFIX: &str = "openvox.voxpupuli.org/pool-";

/// What all label keys of our own begin with.
pub const OWN_PREFIX: &str = "openvox.voxpupuli.org/";

/// Value of the labels that only say yes.
pub const TRUE: &str = "true";

/// Longest Pool name whose label key is valid: the name part of a key holds 63 characters and
/// `pool-` takes five of them.
pub const POOL_NAME_MAX: usize = 58;

/// Label key of the pods of a Pool, with value [`TRUE`]; the only selector of the Pool's Service.
///
/// The key is invalid for names longer than [`POOL_NAME_MAX`].
#[must_use]
pub fn pool(name: &str) -> String {
    format!("{POOL_PREFIX}{name}")
}
