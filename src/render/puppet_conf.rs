//! `puppet.conf`.

use super::error::RenderError;
use super::ini::{Ini, Section};
use super::inputs::RenderInputs;
use super::puppet_setting;
use openvox_crds::{ConfigSpec, PuppetSpec};
use openvox_puppet::layout;

/// Puppet's own default of `environmentpath` for [`layout::CODE_DIR`].
const DEFAULT_ENVIRONMENT_PATH: &str = "/etc/puppetlabs/code/environments";
/// Name of the report handler that calls the `ReportProcessor`s.
const WEBHOOK: &str = "webhook";

/// The text of `puppet.conf`.
///
/// A setting of `spec.puppet.extraConfig` takes the place of a built-in one with the same name, where the operator does not
/// rely on that one.
///
/// # Errors
/// When a value does not fit on a line, a name of `extraConfig` is not a setting name or one that the operator relies on,
/// or a lifetime is one that Puppet Server does not take.
pub fn render(config: &ConfigSpec, inputs: &RenderInputs) -> Result<String, RenderError> {
    let puppet = config.puppet.as_ref();
    let extra = puppet.and_then(|puppet| puppet.extra_config.as_ref());
    let mut ini = Ini::default();

    let main = ini.section("main");
    for (name, value) in [
        ("certname", layout::CERTNAME),
        ("confdir", layout::CONF_DIR),
        ("vardir", layout::CACHE_DIR),
        ("logdir", "/var/log/puppetlabs/puppet"),
        ("codedir", layout::CODE_DIR),
        ("rundir", layout::RUN_DIR),
        ("ssldir", layout::SSL_DIR),
        ("cadir", layout::CA_DIR),
        // The files are mounted read-only and belong to another user.
        ("manage_internal_file_permissions", "false"),
    ] {
        main.set("puppet.conf", name, value)?;
    }
    main.set("spec.puppet.environmentPath", "environmentpath", environment_path(config))?;
    if let Some(puppet) = puppet {
        set_if_given(main, "spec.puppet.hieraConfig", "hiera_config", &puppet.hiera_config)?;
    }
    for (name, value) in extra.iter().flat_map(|extra| &extra.main) {
        let field = format!("spec.puppet.extraConfig.main[{name}]");
        puppet_setting::check(&field, name, value, inputs)?;
        main.set(&field, name, value)?;
    }

    let server = ini.section("server");
    if let Some(puppet) = puppet {
        let timeout = puppet.environment_timeout.as_deref().unwrap_or_default();
        puppet_setting::check("spec.puppet.environmentTimeout", "environment_timeout", timeout, inputs)?;
        set_if_given(server, "spec.puppet.environmentTimeout", "environment_timeout", timeout)?;
        if puppet.storeconfigs {
            server.set("spec.puppet.storeconfigs", "storeconfigs", "true")?;
            set_if_given(server, "spec.puppet.storeBackend", "storeconfigs_backend", &puppet.store_backend)?;
        }
    }
    set_if_given(server, "spec.puppet.reports", "reports", &reports(puppet, inputs))?;
    if let Some(authority) = &inputs.authority {
        if let Some(seconds) = authority.lifetime("ttl", &authority.spec.ttl)? {
            server.set("spec.ttl", "ca_ttl", &seconds.to_string())?;
        }
        server.set("puppet.conf", "autosign", layout::AUTOSIGN_PROGRAM)?;
    }
    if inputs.node_classifier {
        server.set("puppet.conf", "node_terminus", "exec")?;
        server.set("puppet.conf", "external_nodes", layout::ENC_PROGRAM)?;
    }
    for (name, value) in extra.iter().flat_map(|extra| &extra.server) {
        let field = format!("spec.puppet.extraConfig.server[{name}]");
        puppet_setting::check(&field, name, value, inputs)?;
        server.set(&field, name, value)?;
    }

    let agent = ini.section("agent");
    for (name, value) in extra.iter().flat_map(|extra| &extra.agent) {
        agent.set(&format!("spec.puppet.extraConfig.agent[{name}]"), name, value)?;
    }
    Ok(ini.render())
}

/// The directories in which Puppet looks for environments, separated by colons.
fn environment_path(config: &ConfigSpec) -> &str {
    match &config.puppet {
        Some(puppet) if !puppet.environment_path.trim().is_empty() => puppet.environment_path.trim(),
        _ => DEFAULT_ENVIRONMENT_PATH,
    }
}

/// The directory at which the code volume is mounted: the first one of `environmentpath`.
///
/// # Errors
/// When that directory is not absolute after `$codedir` and `$confdir` are filled in.
pub fn code_mount_path(config: &ConfigSpec) -> Result<String, RenderError> {
    let first = environment_path(config).split(':').next().unwrap_or_default();
    let path =
        [("codedir", layout::CODE_DIR), ("confdir", layout::CONF_DIR)].into_iter().fold(first.to_owned(), |path, (name, directory)| {
            path.replace(&format!("${{{name}}}"), directory).replace(&format!("${name}"), directory)
        });
    if path.starts_with('/') {
        return Ok(path);
    }
    Err(RenderError::new(
        "spec.puppet.environmentPath",
        first,
        "is not an absolute path, so the code volume cannot be mounted there",
        "let it begin with / or with $codedir",
    ))
}

fn reports(puppet: Option<&PuppetSpec>, inputs: &RenderInputs) -> String {
    let given = puppet.map_or("", |puppet| puppet.reports.trim());
    // Whole names are compared: a handler called `mywebhook` is another one.
    let listed = given.split(',').any(|name| name.trim() == WEBHOOK);
    if inputs.report_processors == 0 || listed {
        given.to_owned()
    } else if given.is_empty() {
        WEBHOOK.to_owned()
    } else {
        format!("{given},{WEBHOOK}")
    }
}

fn set_if_given(section: &mut Section, field: &str, name: &str, value: &str) -> Result<(), RenderError> {
    if value.trim().is_empty() {
        return Ok(());
    }
    section.set(field, name, value)
}

#[cfg(test)]
mod tests {
    use super::super::inputs::Authority;
    use super::*;
    use openvox_crds::{CertificateAuthoritySpec, ExtraConfig};
    use std::collections::BTreeMap;

    fn with_puppet(puppet: PuppetSpec) -> ConfigSpec {
        ConfigSpec { puppet: Some(puppet), ..ConfigSpec::default() }
    }

    fn authority() -> Authority {
        Authority { name: "corp".to_owned(), spec: CertificateAuthoritySpec::default(), operator_by_name: false }
    }

    #[test]
    fn without_a_puppet_block_only_the_paths_are_written() {
        insta::assert_snapshot!(render(&ConfigSpec::default(), &RenderInputs::default()).unwrap(), @r"
        [main]
        certname = puppet
        confdir = /etc/puppetlabs/puppet
        vardir = /opt/puppetlabs/puppet/cache
        logdir = /var/log/puppetlabs/puppet
        codedir = /etc/puppetlabs/code
        rundir = /var/run/puppetlabs
        ssldir = /etc/puppetlabs/puppet/ssl
        cadir = /etc/puppetlabs/puppetserver/ca
        manage_internal_file_permissions = false
        environmentpath = /etc/puppetlabs/code/environments
        ");
    }

    #[test]
    fn everything_that_can_be_set_is_written() {
        let config = with_puppet(PuppetSpec {
            environment_timeout: Some("unlimited".to_owned()),
            extra_config: Some(ExtraConfig {
                main: BTreeMap::from([("strict".to_owned(), "warning".to_owned())]),
                server: BTreeMap::from([("parser".to_owned(), "current".to_owned())]),
                agent: BTreeMap::from([("runinterval".to_owned(), "1h".to_owned())]),
            }),
            ..PuppetSpec::default()
        });
        let inputs = RenderInputs { authority: Some(authority()), node_classifier: true, report_processors: 1, ..RenderInputs::default() };
        let text = render(&config, &inputs).unwrap();
        let (_, tail) = text.split_once("permissions = false\n").unwrap();
        insta::assert_snapshot!(tail, @r"
        environmentpath = /etc/puppetlabs/code/environments
        hiera_config = $confdir/hiera.yaml
        strict = warning

        [server]
        environment_timeout = unlimited
        storeconfigs = true
        storeconfigs_backend = puppetdb
        reports = puppetdb,webhook
        ca_ttl = 157680000
        autosign = /usr/local/bin/openvox-autosign
        node_terminus = exec
        external_nodes = /usr/local/bin/openvox-enc
        parser = current

        [agent]
        runinterval = 1h
        ");
    }

    #[test]
    fn a_lifetime_that_cannot_be_read_is_an_error_that_names_the_certificate_authority() {
        let mut authority = authority();
        authority.spec.ttl = "5 years".to_owned();
        let inputs = RenderInputs { authority: Some(authority), ..RenderInputs::default() };
        let error = render(&ConfigSpec::default(), &inputs).unwrap_err();
        assert_eq!(error.field, "spec.ttl of CertificateAuthority corp");
    }

    #[test]
    fn certname_is_set_so_that_no_ca_pod_issues_itself_a_certificate_for_its_pod_name() {
        let text = render(&ConfigSpec::default(), &RenderInputs::default()).unwrap();
        assert!(text.contains("\ncertname = puppet\n"), "{text}");
    }

    #[test]
    fn extra_config_replaces_a_built_in_setting_and_does_not_repeat_it() {
        let config = with_puppet(PuppetSpec {
            extra_config: Some(ExtraConfig { main: BTreeMap::from([("logdir".to_owned(), "/logs".to_owned())]), ..ExtraConfig::default() }),
            ..PuppetSpec::default()
        });
        let text = render(&config, &RenderInputs::default()).unwrap();
        assert_eq!(text.matches("logdir").count(), 1);
        assert!(text.contains("\nlogdir = /logs\n"), "{text}");
    }

    #[test]
    fn an_error_names_the_key_of_extra_config() {
        let config = with_puppet(PuppetSpec {
            extra_config: Some(ExtraConfig {
                server: BTreeMap::from([("parser".to_owned(), "a\nautosign = true".to_owned())]),
                ..ExtraConfig::default()
            }),
            ..PuppetSpec::default()
        });
        let error = render(&config, &RenderInputs::default()).unwrap_err();
        assert_eq!(error.field, "spec.puppet.extraConfig.server[parser]");
    }

    #[test]
    fn the_report_handler_is_added_unless_it_is_listed_by_its_whole_name() {
        let cases = [("", "webhook"), ("store", "store,webhook"), ("webhook, store", "webhook, store")];
        let inputs = RenderInputs { report_processors: 1, ..RenderInputs::default() };
        for (given, expected) in cases.into_iter().chain([("mywebhook", "mywebhook,webhook")]) {
            let puppet = PuppetSpec { reports: given.to_owned(), ..PuppetSpec::default() };
            assert_eq!(reports(Some(&puppet), &inputs), expected, "{given:?}");
            assert_eq!(reports(Some(&puppet), &RenderInputs::default()), given);
        }
    }

    #[test]
    fn a_missing_node_classifier_does_not_switch_the_classifier_program_on() {
        let config = ConfigSpec { node_classifier_ref: Some("gone".to_owned()), ..ConfigSpec::default() };
        assert!(!render(&config, &RenderInputs::default()).unwrap().contains("external_nodes"));
    }

    #[test]
    fn a_code_volume_has_a_mount_path_even_without_a_puppet_block() {
        assert_eq!(code_mount_path(&ConfigSpec::default()).unwrap(), DEFAULT_ENVIRONMENT_PATH);
    }

    #[test]
    fn the_code_volume_is_mounted_at_the_first_directory_of_the_environment_path() {
        for (given, expected) in [
            ("/code/a:/code/b", "/code/a"),
            ("$codedir/envs", "/etc/puppetlabs/code/envs"),
            ("${confdir}/envs", "/etc/puppetlabs/puppet/envs"),
            ("", DEFAULT_ENVIRONMENT_PATH),
        ] {
            let puppet = PuppetSpec { environment_path: given.to_owned(), ..PuppetSpec::default() };
            assert_eq!(code_mount_path(&with_puppet(puppet)).unwrap(), expected, "{given:?}");
        }
        let puppet = PuppetSpec { environment_path: "envs".to_owned(), ..PuppetSpec::default() };
        assert!(code_mount_path(&with_puppet(puppet)).is_err());
    }
}
