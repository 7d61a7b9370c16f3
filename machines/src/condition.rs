//! Every condition type, in one place.

pub use crate::core::condition::{PAUSED, READY, RECONCILING, STALLED};

/// On Certificates: the CA has signed the certificate.
pub const CERT_SIGNED: &str = "CertSigned";
/// On CertificateAuthorities: the CA can be asked.
pub const CA_READY: &str = "CAReady";
/// On CertificateAuthorities: the operator holds its own certificate for this CA.
pub const OPERATOR_SIGNING_READY: &str = "OperatorSigningReady";
/// On CertificateAuthorities: a check of an external CA is switched off.
pub const INSECURE: &str = "Insecure";
/// On Configs: the files are written.
pub const CONFIG_READY: &str = "ConfigReady";
/// On Servers: the certificate of the pods is there.
pub const SSL_BOOTSTRAPPED: &str = "SSLBootstrapped";
