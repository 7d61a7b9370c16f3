//! Types of conditions.

/// The object does its work. On every kind; the `Ready` and `Reason` columns show it.
pub const READY: &str = "Ready";

/// The operator is still working towards the spec (kstatus). Present only while True.
pub const RECONCILING: &str = "Reconciling";

/// The operator cannot go on without help (kstatus). Present only while True.
pub const STALLED: &str = "Stalled";

/// On a CertificateAuthority: the CA can sign.
pub const CA_READY: &str = "CAReady";

/// On a CertificateAuthority: the certificate the operator signs with is there.
pub const OPERATOR_SIGNING_READY: &str = "OperatorSigningReady";

/// On a Certificate: a signed certificate is stored.
pub const CERT_SIGNED: &str = "CertSigned";

/// On a Config: ConfigMaps, Secrets and ServiceAccount are written.
pub const CONFIG_READY: &str = "ConfigReady";

/// On a Server: certificate, key and CA certificate are there for the pods to mount.
pub const SSL_BOOTSTRAPPED: &str = "SSLBootstrapped";
