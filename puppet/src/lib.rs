//! What Puppet and X.509 define, in one place: names and their rules, object identifiers, settings, paths, requests and
//! signatures; with the feature `x509` also keys, certificates and revocation lists.
//!
//! This crate does not depend on Kubernetes.

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
