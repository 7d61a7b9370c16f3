//! `logback.xml`.

use super::error::RenderError;
use super::xml;
use openvox_crds::{ConfigSpec, LogLevel};
use std::fmt::Write as _;

/// The text of `logback.xml`: everything goes to standard output. Loggers are sorted by name, so that the same Config
/// always gives the same file.
///
/// # Errors
/// When a logger's name or level holds a character that XML cannot express.
pub fn render(config: &ConfigSpec) -> Result<String, RenderError> {
    let logging = config.logging.clone().unwrap_or_default();
    let level = match logging.level {
        LogLevel::Trace => "TRACE",
        LogLevel::Debug => "DEBUG",
        LogLevel::Info => "INFO",
        LogLevel::Warn => "WARN",
        LogLevel::Error => "ERROR",
    };
    let mut text = String::from(
        r#"<configuration scan="true">
  <appender name="STDOUT" class="ch.qos.logback.core.ConsoleAppender">
    <encoder>
      <pattern>%d %-5p [%t] [%c{2}] %m%n</pattern>
    </encoder>
  </appender>
"#,
    );
    for (name, level) in &logging.loggers {
        let name_field = format!("spec.logging.loggers (name {name:?})");
        let level_field = format!("spec.logging.loggers[{name}]");
        let name = xml::attribute(&name_field, name)?;
        let level = xml::attribute(&level_field, level)?;
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  <logger name=\"{name}\" level=\"{level}\"/>");
    }
    let root = format!("  <root level=\"{level}\">\n    <appender-ref ref=\"STDOUT\"/>\n  </root>\n</configuration>\n");
    Ok(text + &root)
}

#[cfg(test)]
mod tests {
    use super::*;
    use openvox_crds::LoggingSpec;
    use std::collections::BTreeMap;

    fn with_loggers(loggers: &[(&str, &str)]) -> ConfigSpec {
        let loggers: BTreeMap<_, _> = loggers.iter().map(|(name, level)| ((*name).to_owned(), (*level).to_owned())).collect();
        ConfigSpec { logging: Some(LoggingSpec { level: LogLevel::Warn, loggers }), ..ConfigSpec::default() }
    }

    #[test]
    fn loggers_are_sorted_so_that_the_config_map_does_not_change_by_itself() {
        let text = render(&with_loggers(&[("puppetserver", "DEBUG"), ("org.eclipse.jetty", "ERROR")])).unwrap();
        insta::assert_snapshot!(text, @r#"
        <configuration scan="true">
          <appender name="STDOUT" class="ch.qos.logback.core.ConsoleAppender">
            <encoder>
              <pattern>%d %-5p [%t] [%c{2}] %m%n</pattern>
            </encoder>
          </appender>
          <logger name="org.eclipse.jetty" level="ERROR"/>
          <logger name="puppetserver" level="DEBUG"/>
          <root level="WARN">
            <appender-ref ref="STDOUT"/>
          </root>
        </configuration>
        "#);
    }

    #[test]
    fn the_root_level_is_info_where_nothing_is_said() {
        assert!(render(&ConfigSpec::default()).unwrap().contains("<root level=\"INFO\">"));
    }

    #[test]
    fn a_logger_cannot_add_elements_and_an_error_names_it() {
        let text = render(&with_loggers(&[("a\"/><x", "DEBUG")])).unwrap();
        assert!(text.contains("name=\"a&quot;/&gt;&lt;x\""), "{text}");
        let error = render(&with_loggers(&[("a", "\u{1}")])).unwrap_err();
        assert_eq!(error.field, "spec.logging.loggers[a]");
    }
}
