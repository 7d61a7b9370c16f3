//! Finalizers that the operator sets.

/// On Certificates: the CA is told to clean the certificate before the object goes.
pub const CERTIFICATE_CLEANUP: &str = "openvox.voxpupuli.org/certificate-cleanup";
