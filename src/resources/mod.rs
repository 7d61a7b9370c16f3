//! One folder per resource kind: what is observed for its machine, and how its effects are run.

mod ca_server;
pub mod certificate;
pub mod certificate_authority;
pub mod config;
mod endpoints;
mod last_words;
mod name_length;
mod pod_failure;
pub mod pool;
pub mod server;
pub mod signing_policy;
mod text;
