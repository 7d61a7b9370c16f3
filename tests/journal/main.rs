//! The journal's stores against real databases. PostgreSQL is a private server of the test, from the Debian package
//! `postgresql`; where it cannot be started, a line that begins with SKIPPED says so.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]
#![allow(missing_docs, reason = "nobody reads the documentation of a test")]

#[path = "../support/fold.rs"]
mod fold;
#[path = "../support/postgres.rs"]
mod postgres;

mod conformance;
mod outage;
mod records;
mod replicas;
mod schema;
mod upgrade;
