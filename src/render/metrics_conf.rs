//! `metrics.conf`.

use super::error::RenderError;
use super::hocon::{self, Object, Value};
use openvox_crds::ConfigSpec;

/// Port of a Graphite server where none is given.
const DEFAULT_GRAPHITE_PORT: i32 = 2003;
/// Seconds between two reports where nothing is given.
const DEFAULT_GRAPHITE_INTERVAL: i32 = 60;

/// The text of `metrics.conf`: it has reporters only while metrics are enabled.
///
/// # Errors
/// When a number is negative.
pub fn render(config: &ConfigSpec) -> Result<String, RenderError> {
    let mut metrics: Object = vec![("server-id", "localhost".into())];
    let reporters = reporters(config)?;
    if !reporters.is_empty() {
        let registry = Value::Object(vec![("reporters", Value::Object(reporters))]);
        metrics.push(("registries", Value::Object(vec![("puppetserver", registry)])));
    }
    Ok(hocon::render(&vec![("metrics", Value::Object(metrics))]))
}

fn reporters(config: &ConfigSpec) -> Result<Object, RenderError> {
    let mut reporters = Object::new();
    let Some(metrics) = config.metrics.as_ref().filter(|metrics| metrics.enabled) else {
        return Ok(reporters);
    };
    if metrics.jmx.as_ref().is_some_and(|jmx| jmx.enabled) {
        reporters.push(("jmx", Value::Object(vec![("enabled", true.into())])));
    }
    if let Some(graphite) = metrics.graphite.as_ref().filter(|graphite| graphite.enabled) {
        let or_default = |field: &str, given: i32, default: i32| {
            let given = RenderError::not_negative(&format!("spec.metrics.graphite.{field}"), given)?;
            Ok(if given == 0 { default } else { given })
        };
        reporters.push((
            "graphite",
            Value::Object(vec![
                ("enabled", true.into()),
                ("host", graphite.host.as_deref().unwrap_or_default().into()),
                ("port", or_default("port", graphite.port, DEFAULT_GRAPHITE_PORT)?.into()),
                (
                    "update-interval-seconds",
                    or_default("updateIntervalSeconds", graphite.update_interval_seconds, DEFAULT_GRAPHITE_INTERVAL)?.into(),
                ),
            ]),
        ));
    }
    Ok(reporters)
}

#[cfg(test)]
mod tests {
    use super::*;
    use openvox_crds::{GraphiteSpec, JmxSpec, MetricsSpec};

    fn with_metrics(enabled: bool, port: i32) -> ConfigSpec {
        ConfigSpec {
            metrics: Some(MetricsSpec {
                enabled,
                jmx: Some(JmxSpec { enabled: true }),
                graphite: Some(GraphiteSpec { enabled: true, host: Some("graphite.example".to_owned()), port, update_interval_seconds: 0 }),
            }),
            ..ConfigSpec::default()
        }
    }

    #[test]
    fn reporters_are_written_with_their_defaults() {
        insta::assert_snapshot!(render(&with_metrics(true, 0)).unwrap(), @r#"
        metrics: {
          server-id: "localhost"
          registries: {
            puppetserver: {
              reporters: {
                jmx: {
                  enabled: true
                }
                graphite: {
                  enabled: true
                  host: "graphite.example"
                  port: 2003
                  update-interval-seconds: 60
                }
              }
            }
          }
        }
        "#);
        assert!(render(&with_metrics(true, 2004)).unwrap().contains("port: 2004"));
    }

    #[test]
    fn no_reporter_is_written_while_metrics_are_off() {
        assert!(!render(&with_metrics(false, 0)).unwrap().contains("registries"));
        assert!(!render(&ConfigSpec::default()).unwrap().contains("registries"));
    }
}
