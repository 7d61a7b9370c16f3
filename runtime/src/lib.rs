//! Small programs that run beside a Puppet Server, and the file formats they share with the operator.

pub mod autosign;
pub mod enc;
pub mod invocation;
