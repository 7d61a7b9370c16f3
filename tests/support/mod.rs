//! A cluster, an operator and waiting, for tests of the whole program.

#![allow(dead_code, unused_imports, reason = "each test target uses its own part of it")]

pub mod cluster;
pub mod fold;
pub mod namespace;
pub mod operator;
pub mod plain;
pub mod postgres;
pub mod rights;
pub mod wait;

pub use cluster::Cluster;
pub use namespace::Namespace;
pub use operator::Operator;
