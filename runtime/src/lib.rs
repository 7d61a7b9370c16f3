//! Small programs that run beside a Puppet Server, and the file formats they share with the operator.

pub mod autosign;
