//! The Puppet CA: keys, names, requests, certificates and revocation lists, and a client of its HTTP API.

mod alt_name;
mod answer;
mod authority;
mod body;
mod bundle;
mod certificate;
mod certname;
mod client;
mod client_error;
mod crl;
mod crl_update;
mod csr;
mod extensions;
mod fingerprint;
mod key;
#[cfg(test)]
pub(crate) mod openssl;
mod serial;
mod unverified;

pub use alt_name::{AltName, AltNameError};
pub use answer::{Renewed, ServiceStatus, Signed, Submitted};
pub use authority::{AuthorityError, AuthorityFiles, LeafRequest, NewAuthority, SigningAuthority, inventory_line};
pub use body::{AllBodies, Bodies, CrlText};
pub use bundle::{BundleError, CaBundle};
pub use certificate::{Certificate, CertificateError, CertificateInfo};
pub use certname::{Certname, CertnameError};
pub use client::{CaClient, ClientIdentity, FULL_CRL_FILE, FULL_CRL_PATH, ServerCheck};
pub use client_error::{ClientConfigError, ClientError};
pub use crl::{Crl, CrlBundle, CrlError, CrlInfo};
pub use crl_update::{CrlRefusal, CrlUpdate};
pub use csr::{CsrError, CsrInfo, CsrRequest, request_fingerprint};
pub use extensions::{ExtensionError, ExtensionOid};
pub use fingerprint::{Fingerprint, FingerprintError};
pub use key::{KeyAlgorithm, KeyError, PrivateKey};
pub use serial::{Serial, SerialError};
