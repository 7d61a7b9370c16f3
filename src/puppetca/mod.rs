//! Client of the Puppet CA's HTTP API.

mod answer;
mod body_budget;
mod client;
mod client_error;
mod server_verifier;
mod short_rsa;
mod tls_error;

pub use answer::{Renewed, ServiceStatus, Signed, Submitted, Waiting};
pub use body_budget::{BodyBudget, CrlText, NamespaceBudget};
pub use client::{CaClient, ClientIdentity, ServerCheck};
pub use client_error::{ClientConfigError, ClientError};
