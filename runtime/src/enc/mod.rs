//! `openvox-enc`: the external node classifier that Puppet Server runs for each catalog.
//!
//! It asks an HTTP service for the classes of one node, checks the answer, and prints it as the YAML that Puppet reads
//! (`node_terminus = exec`, <https://www.puppet.com/docs/puppet/8/nodes_external>). The contract is section 7.1 of
//! `reference/servers-and-runtime.md`; where it was unsafe, this program is stricter:
//!
//! * credentials are sent to the host of `url` only, never to where it redirects to;
//! * an answer counts only when it is whole and well formed;
//! * numbers keep their digits and every value its type, because scalars are handed on as text;
//! * the cache is written in one step, expires, is bounded, and never answers for a node that the service does not know.

pub mod answer;
pub mod cache;
pub mod client;
mod emit;
pub mod facts;
mod json;
pub mod request;
pub mod settings;
pub mod value;
mod yaml;
