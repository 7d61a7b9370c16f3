//! All files of a Config.

use super::error::RenderError;
use super::inputs::RenderInputs;
use super::{
    auth_conf, ca_conf, logback_xml, metrics_conf, product_conf, puppet_conf, puppetdb_conf, puppetserver_conf, service_cfg, webserver_conf,
};
use openvox_crds::ConfigSpec;
use std::collections::BTreeMap;

/// The data of the `ConfigMap` that belongs to a Config: file name to text, always the same twelve names.
///
/// # Errors
/// The first value that no file can hold, or that would keep Puppet Server from starting.
pub fn render(config: &ConfigSpec, inputs: &RenderInputs) -> Result<BTreeMap<String, String>, RenderError> {
    let authority = inputs.authority.as_ref();
    let files = [
        ("puppet.conf", puppet_conf::render(config, inputs)?),
        ("puppetdb.conf", puppetdb_conf::render(config, inputs.database_url.as_deref())?),
        ("webserver.conf", webserver_conf::render(config, false)),
        ("webserver-ca.conf", webserver_conf::render(config, true)),
        ("puppetserver.conf", puppetserver_conf::render(config)?),
        ("auth.conf", auth_conf::render(config, authority)?),
        ("ca.conf", ca_conf::render(authority)?),
        ("product.conf", product_conf::render()),
        ("logback.xml", logback_xml::render(config)?),
        ("metrics.conf", metrics_conf::render(config)?),
        ("ca-enabled.cfg", service_cfg::render(true)),
        ("ca-disabled.cfg", service_cfg::render(false)),
    ];
    Ok(files.into_iter().map(|(name, text)| (name.to_owned(), text)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_exactly_the_twelve_files_that_server_pods_mount() {
        let files = render(&ConfigSpec::default(), &RenderInputs::default()).unwrap();
        let names: Vec<&str> = files.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                "auth.conf",
                "ca-disabled.cfg",
                "ca-enabled.cfg",
                "ca.conf",
                "logback.xml",
                "metrics.conf",
                "product.conf",
                "puppet.conf",
                "puppetdb.conf",
                "puppetserver.conf",
                "webserver-ca.conf",
                "webserver.conf",
            ]
        );
        assert!(files.values().all(|text| text.ends_with('\n')));
    }

    #[test]
    fn the_same_config_gives_the_same_bytes() {
        let render = || render(&ConfigSpec::default(), &RenderInputs::default());
        assert_eq!(render(), render());
    }
}
