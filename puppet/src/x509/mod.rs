//! Keys, requests, certificates and revocation lists of a Puppet CA.

mod authority;
mod bundle;
mod certificate;
mod chain_lists;
mod crl;
mod crl_outline;
mod crl_update;
mod csr;
mod distinguished_name;
mod extension_value;
mod fingerprint;
mod general_name;
mod issuer_name;
mod key;
mod name_constraints;
#[cfg(test)]
mod openssl;
mod path;
mod pem_text;
mod revoked_serials;
mod serial;
mod signature;

pub use authority::{AuthorityError, AuthorityFiles, LeafRequest, NewAuthority, SigningAuthority, inventory_line, inventory_time};
pub use bundle::{BundleError, CaBundle};
pub use certificate::{Certificate, CertificateError, CertificateInfo};
pub use chain_lists::{Spare, SpareList};
pub use crl::{Crl, CrlBundle, CrlError, CrlInfo};
pub use crl_update::{CrlRefusal, CrlUpdate};
pub use csr::{CsrError, CsrInfo, CsrRequest, request_fingerprint};
pub use distinguished_name::DistinguishedName;
pub use fingerprint::{Fingerprint, FingerprintError};
pub use key::{KeyAlgorithm, KeyError, PrivateKey};
pub use path::PathError;
pub use pem_text::pem_labels;
pub use revoked_serials::RevokedSerials;
pub use serial::{Serial, SerialError};
