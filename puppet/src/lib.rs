//! What Puppet and X.509 say, for everything else to say it only once: names and their rules, object identifiers, requests
//! and signatures; with the feature `x509` also keys, certificates and revocation lists.
//!
//! Nothing here knows Kubernetes.

mod alt_name;
mod certname;
mod der;
pub mod duration;
pub mod extension;
pub mod layout;
mod oid;
pub mod request;
pub mod setting;
pub mod signature;
#[cfg(feature = "x509")]
mod x509;

pub use alt_name::{AltName, AltNameError};
pub use certname::{Certname, CertnameError};
pub use extension::{ExtensionError, ExtensionOid};
pub use oid::Oid;
pub use signature::{SignatureError, Strength};
#[cfg(feature = "x509")]
pub use x509::*;
