//! The operator on a real cluster: from `helm install` to a catalog, through crashes, and until it is all gone.
//!
//! The cluster is a devcluster with a real node, which needs root, or the one that `KUBECONFIG` names.
//! Everything shares one cluster, so one test runs at a time, in any order.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

mod agent;
mod at_rest;
mod classifier;
mod cluster;
mod crash;
mod deletion;
#[path = "../support/fold.rs"]
mod fold;
mod history;
mod host_operator;
mod kubectl;
mod lifecycle;
mod limits;
mod metrics;
mod node;
mod operator;
mod policy;
mod revocation;
#[path = "../support/rights.rs"]
mod rights;
mod rollout;
mod secrecy;
mod stack;
mod within_rights;
