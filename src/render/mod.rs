//! The text of the files that a Puppet Server reads.
//!
//! Pure functions: the same Config and the same [`RenderInputs`] give the same bytes. Every value goes through the
//! writer of its format ([`ini`], [`hocon`], [`xml`]), which escapes it or says why it cannot be written.

pub mod auth_conf;
pub mod authorization_rule;
pub mod ca_conf;
pub mod enc;
mod error;
mod files;
pub mod hocon;
pub mod ini;
mod inputs;
pub mod logback_xml;
pub mod metrics_conf;
pub mod path_regex;
pub mod product_conf;
pub mod puppet_conf;
pub mod puppet_setting;
pub mod puppetdb_conf;
pub mod puppetserver_conf;
pub mod service_cfg;
pub mod webserver_conf;
pub mod xml;

pub use error::RenderError;
pub use files::render;
pub use inputs::{Authority, RenderInputs};
