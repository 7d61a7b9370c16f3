//! `puppetserver.conf`.

use super::error::RenderError;
use super::hocon::{self, Value};
use openvox_crds::{CompileMode, ConfigSpec};
use openvox_puppet::layout;

/// Puppet Server's own default of `borrow-timeout`, in milliseconds.
const DEFAULT_BORROW_TIMEOUT: i32 = 1_200_000;

/// The text of `puppetserver.conf`.
///
/// The number of `JRuby` instances is 1 unless the environment variable [`layout::MAX_ACTIVE_INSTANCES`] says otherwise:
/// each Server of a Config may have its own, and Puppet Server does not read it from a system property.
///
/// # Errors
/// When a number is negative.
pub fn render(config: &ConfigSpec) -> Result<String, RenderError> {
    let server = config.puppetserver.clone().unwrap_or_default();
    let borrow_timeout = match RenderError::not_negative("spec.puppetserver.borrowTimeout", server.borrow_timeout)? {
        0 => DEFAULT_BORROW_TIMEOUT,
        given => given,
    };
    let max_requests = RenderError::not_negative("spec.puppetserver.maxRequestsPerInstance", server.max_requests_per_instance)?;
    let compile_mode = match server.compile_mode {
        CompileMode::Jit => "jit",
        CompileMode::Off => "off",
    };
    let timeouts = server.http_client.unwrap_or_default();
    let mut http_client = Vec::new();
    for (field, name, value) in [
        ("connectTimeoutMs", "connect-timeout-milliseconds", timeouts.connect_timeout_ms),
        ("idleTimeoutMs", "idle-timeout-milliseconds", timeouts.idle_timeout_ms),
    ] {
        if let Some(value) = value {
            let value = RenderError::not_negative(&format!("spec.puppetserver.httpClient.{field}"), value)?;
            http_client.push((name, value.into()));
        }
    }
    Ok(hocon::render(&vec![
        (
            "jruby-puppet",
            Value::Object(vec![
                ("ruby-load-path", Value::List(vec!["/opt/puppetlabs/puppet/lib/ruby/vendor_ruby".into()])),
                ("gem-home", "/opt/puppetlabs/server/data/puppetserver/jruby-gems".into()),
                (
                    "gem-path",
                    Value::List(vec![
                        Value::Setting("jruby-puppet.gem-home"),
                        "/opt/puppetlabs/server/data/puppetserver/vendored-jruby-gems".into(),
                        "/opt/puppetlabs/puppet/lib/ruby/vendor_gems".into(),
                    ]),
                ),
                ("server-conf-dir", layout::CONF_DIR.into()),
                ("server-code-dir", layout::CODE_DIR.into()),
                ("server-var-dir", layout::SERVER_VAR_DIR.into()),
                ("server-run-dir", "/run/puppetserver/run".into()),
                ("server-log-dir", "/var/log/puppetlabs/puppetserver".into()),
                ("max-active-instances", 1.into()),
                ("max-active-instances", Value::Environment(layout::MAX_ACTIVE_INSTANCES)),
                ("max-requests-per-instance", max_requests.into()),
                ("borrow-timeout", borrow_timeout.into()),
                ("compile-mode", compile_mode.into()),
            ]),
        ),
        ("http-client", Value::Object(http_client)),
        ("profiler", Value::Object(Vec::new())),
        ("dropsonde", Value::Object(vec![("enabled", false.into())])),
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use openvox_crds::{HttpClientSpec, PuppetServerSpec};

    #[test]
    fn the_defaults_are_those_of_puppet_server() {
        insta::assert_snapshot!(render(&ConfigSpec::default()).unwrap(), @r#"
        jruby-puppet: {
          ruby-load-path: ["/opt/puppetlabs/puppet/lib/ruby/vendor_ruby"]
          gem-home: "/opt/puppetlabs/server/data/puppetserver/jruby-gems"
          gem-path: [${jruby-puppet.gem-home}, "/opt/puppetlabs/server/data/puppetserver/vendored-jruby-gems", "/opt/puppetlabs/puppet/lib/ruby/vendor_gems"]
          server-conf-dir: "/etc/puppetlabs/puppet"
          server-code-dir: "/etc/puppetlabs/code"
          server-var-dir: "/run/puppetserver"
          server-run-dir: "/run/puppetserver/run"
          server-log-dir: "/var/log/puppetlabs/puppetserver"
          max-active-instances: 1
          max-active-instances: ${?MAX_ACTIVE_INSTANCES}
          max-requests-per-instance: 0
          borrow-timeout: 1200000
          compile-mode: "off"
        }
        http-client: {}
        profiler: {}
        dropsonde: {
          enabled: false
        }
        "#);
    }

    #[test]
    fn given_values_are_written_and_a_zero_borrow_timeout_means_the_default() {
        let text = render(&ConfigSpec {
            puppetserver: Some(PuppetServerSpec {
                max_requests_per_instance: 10_000,
                borrow_timeout: 0,
                compile_mode: CompileMode::Jit,
                http_client: Some(HttpClientSpec { connect_timeout_ms: Some(10), idle_timeout_ms: None }),
                ..PuppetServerSpec::default()
            }),
            ..ConfigSpec::default()
        })
        .unwrap();
        for line in [
            "  max-requests-per-instance: 10000\n",
            "  borrow-timeout: 1200000\n",
            "  compile-mode: \"jit\"\n",
            "http-client: {\n  connect-timeout-milliseconds: 10\n}\n",
        ] {
            assert!(text.contains(line), "{line:?} in {text}");
        }
    }

    #[test]
    fn the_number_of_instances_comes_from_the_environment_because_a_system_property_has_no_effect() {
        let text = render(&ConfigSpec::default()).unwrap();
        let fixed = text.find("max-active-instances: 1\n").unwrap();
        let variable = text.find("max-active-instances: ${?MAX_ACTIVE_INSTANCES}\n").unwrap();
        assert!(fixed < variable, "the later line wins");
    }

    #[test]
    fn a_negative_number_is_refused_by_the_name_of_its_field() {
        let refused = |server: PuppetServerSpec| {
            let config = ConfigSpec { puppetserver: Some(server), ..ConfigSpec::default() };
            render(&config).unwrap_err().to_string()
        };
        let negative = Some(HttpClientSpec { connect_timeout_ms: None, idle_timeout_ms: Some(-1) });
        for (server, field) in [
            (PuppetServerSpec { borrow_timeout: -1, ..PuppetServerSpec::default() }, "borrowTimeout"),
            (PuppetServerSpec { max_requests_per_instance: -1, ..PuppetServerSpec::default() }, "maxRequestsPerInstance"),
            (PuppetServerSpec { http_client: negative, ..PuppetServerSpec::default() }, "httpClient.idleTimeoutMs"),
        ] {
            let refused = refused(server);
            assert!(refused.contains(field) && refused.contains("\"-1\" is negative"), "{refused}");
        }
    }
}
