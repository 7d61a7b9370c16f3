//! The dashboards and alerts against a real Prometheus that scrapes a real operator at work: no panel is empty by
//! mistake, no alert asks for what nobody says.
//!
//! `tests/dashboards.sh` finds Prometheus. With `DASHBOARD_DATA` set, what every panel showed is left in that folder.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]
#![allow(missing_docs, reason = "nobody reads the documentation of a test")]

#[path = "../control_plane/authority.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod authority;
#[path = "../control_plane/fake_ca.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod fake_ca;
mod prometheus;
mod run;
mod scenario;
#[path = "../support/mod.rs"]
mod support;
