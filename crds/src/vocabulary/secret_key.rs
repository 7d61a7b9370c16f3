//! Keys of the Secrets that hold certificates, keys and revocation lists.

/// Of the Secrets of a CA, whose keys are the names of Puppet's files.
pub use openvox_puppet::layout::{CA_CERTIFICATES, CA_CRL, CA_KEY, INFRA_CRL};

/// Certificate of a pair.
pub const CERTIFICATE: &str = "cert.pem";

/// Private key of a pair, and of a given intermediate CA.
pub const KEY: &str = "key.pem";

/// Certificates of a given intermediate CA, from the signing one up to the root.
pub const INTERMEDIATE_CERTIFICATES: &str = "ca.pem";

/// Revocation lists of a given intermediate CA, one of each CA of its chain.
pub const INTERMEDIATE_CRL: &str = "crl.pem";
