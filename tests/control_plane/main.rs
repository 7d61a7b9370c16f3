//! The operator against a real API server: etcd, API server and controllers, but no node, so that no pod runs.
//!
//! `cargo test --test control_plane` starts such a cluster for itself; with `KUBECONFIG` it uses that one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]
#![allow(missing_docs, reason = "nobody reads the documentation of a test")]

#[path = "../support/mod.rs"]
mod support;

mod access;
mod adoption;
mod api_faults;
mod authority;
mod authority_upkeep;
mod bad_input;
mod browser;
mod ca_servers;
mod classifier;
mod classifier_settings;
mod clock;
mod collector;
mod contention;
mod crashes;
mod crd_fixtures;
mod engine_example;
mod external_ca;
mod fake_ca;
mod faults;
mod hazards;
mod history;
mod isolation;
mod issuing;
mod journal;
mod leader;
mod log_level;
mod ownership;
mod page;
mod pause;
mod plugin;
mod renewal;
mod requested;
mod rights;
mod scaling;
mod secrecy;
mod setup;
mod sign_in;
mod signing_requests;
mod soak;
mod successors;
mod traces;
mod upkeep;
mod waiting;
