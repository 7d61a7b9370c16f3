//! The operator: a thin shell around the state machines of `openvox-machines`.
//!
//! [`reconcile`] is the loop, [`resources`] what each kind brings to it, [`cluster`] the caches and writes,
//! [`build`] and [`render`] make objects and files, [`puppetca`] talks to a Puppet CA, [`journal`] keeps the
//! history, [`http`] and [`telemetry`] show it. [`ca_setup`], [`pod_init`] and [`crl_sync`] are the programs
//! that the operator's image runs in set-up Jobs and beside a Puppet Server.

pub mod build;
pub mod ca_setup;
pub mod cli;
pub mod cluster;
#[cfg(test)]
mod completeness;
pub mod crl_sync;
mod go_bool;
#[cfg(test)]
mod hazards;
pub mod http;
pub mod leader;
#[cfg(test)]
mod openssl;
pub mod operator;
pub mod planner;
pub mod pod_init;
pub mod puppetca;
pub mod reconcile;
pub mod render;
pub mod resources;
#[cfg(test)]
mod source_rules;
pub mod telemetry;
mod watch_listener;

pub use openvox_engine::journal;
