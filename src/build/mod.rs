//! Kubernetes objects, one builder file per kind.
//!
//! Pure functions: no client, no clock, and the same input gives the same object, so that a plan can be compared with
//! what is in the cluster. Names of objects are in [`name`], label sets in [`label_set`].

pub mod config_map;
pub mod deployment;
pub mod hash;
mod heap;
pub mod horizontal_pod_autoscaler;
pub mod image;
mod init_container;
pub mod job;
pub mod label_set;
pub mod metadata;
pub mod name;
pub mod network_policy;
pub mod persistent_volume_claim;
pub mod pod_disruption_budget;
mod probe;
pub mod quantity;
pub mod role;
pub mod role_binding;
mod scope;
pub mod secret;
mod security;
mod server_volume;
pub mod service;
pub mod service_account;

pub use scope::Scope;

#[cfg(test)]
mod fixture;
