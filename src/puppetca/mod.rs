//! Client of the Puppet CA's HTTP API.

mod answer;
mod body;
mod client;
mod client_error;
mod legacy;
mod tls_error;
mod unverified;
mod verified;

pub use answer::{Renewed, ServiceStatus, Signed, Submitted, Waiting};
pub use body::{AllBodies, Bodies, CrlText};
pub use client::{CaClient, ClientIdentity, FULL_CRL_FILE, FULL_CRL_PATH, ServerCheck};
pub use client_error::{ClientConfigError, ClientError};
