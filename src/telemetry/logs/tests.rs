use super::*;
use clap::Parser;
use std::io;
use std::sync::{Arc, Mutex};
use tracing_subscriber::layer::SubscriberExt as _;

#[derive(Debug, Parser)]
struct Flags {
    #[command(flatten)]
    log: LogFlags,
}

fn flags(args: &[&str]) -> LogFlags {
    Flags::try_parse_from([&["operator"], args].concat()).unwrap().log
}

fn directives(args: &[&str], rust_log: Option<&str>) -> String {
    flags(args).directives(rust_log.map(ToOwned::to_owned))
}

#[test]
fn production_defaults_are_json_at_info() {
    assert_eq!(flags(&[]).format(), LogFormat::Json);
    assert_eq!(directives(&[], None), leveled(Level::INFO));
}

#[test]
fn a_level_applies_to_our_crates_and_libraries_stay_at_info() {
    let debug = directives(&["--log-level", "debug"], None);
    assert!(debug.starts_with("INFO,"), "{debug}");
    assert!(debug.contains(",openvox_machines=DEBUG"), "{debug}");
    let error = directives(&["--log-level=error"], None);
    assert!(error.starts_with("ERROR,"), "{error}");
}

#[test]
fn a_complete_filter_is_taken_as_it_is() {
    assert_eq!(directives(&["--log-level=info,kube=debug"], None), "info,kube=debug");
    assert_eq!(directives(&[], Some("warn,kube=trace")), "warn,kube=trace");
}

#[test]
fn a_flag_beats_the_environment_and_our_flag_beats_the_zap_one() {
    let debug = leveled(Level::DEBUG);
    assert_eq!(directives(&["--log-level=debug"], Some("warn")), debug);
    assert_eq!(directives(&["--zap-log-level=debug"], Some("warn")), debug);
    assert_eq!(directives(&["--log-level=debug", "--zap-log-level=error"], None), debug);
    assert_eq!(directives(&["--zap-devel"], Some("warn")), leveled(Level::WARN));
}

#[test]
fn zap_flags_keep_their_meaning() {
    for (value, level) in [
        ("debug", Level::DEBUG),
        ("info", Level::INFO),
        ("error", Level::ERROR),
        ("panic", Level::ERROR),
        ("1", Level::DEBUG),
        ("5", Level::TRACE),
    ] {
        let args = [format!("--zap-log-level={value}")];
        assert_eq!(directives(&[&args[0]], None), leveled(level), "{value}");
    }
    assert_eq!(flags(&["--zap-encoder=console"]).format(), LogFormat::Text);
    assert_eq!(flags(&["--zap-devel"]).format(), LogFormat::Text);
    assert_eq!(directives(&["--zap-devel=true"], None), leveled(Level::DEBUG));
    assert_eq!(flags(&["--zap-devel=false"]).format(), LogFormat::Json);
    assert_eq!(flags(&["--zap-devel", "--zap-encoder=json"]).format(), LogFormat::Json);
    flags(&["--zap-stacktrace-level=error", "--zap-time-encoding=rfc3339"]);
}

#[test]
fn a_zap_level_that_controller_runtime_refuses_is_refused() {
    for value in ["0", "-1", "loud"] {
        assert!(value.parse::<ZapLevel>().is_err(), "{value}");
    }
}

#[test]
fn a_filter_that_does_not_parse_is_named() {
    let broken = flags(&["--log-level=kube=loud"]);
    let Err(error) = layer_to::<tracing_subscriber::Registry, _>(&broken, None, io::stderr) else {
        panic!("accepted");
    };
    assert_eq!(error.to_string(), "failed to parse the log filter \"kube=loud\"");
}

#[derive(Debug, Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl io::Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn the_level_is_changed_and_put_back_and_a_bad_one_changes_nothing() {
    let captured = Captured::default();
    let writer = captured.clone();
    let (layer, level) = layer_to(&flags(&[]), None, move || writer.clone()).unwrap();
    let first = level.now();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        level.set("error").unwrap();
        tracing::info!("unheard");
        level.set(" debug ").unwrap();
        tracing::debug!("heard");
        assert!(level.set("openvox_operator=loudest").unwrap_err().to_string().contains("openvox_operator=loudest"));
        tracing::debug!("heard again");
        level.set("").unwrap();
        tracing::debug!("unheard");
        assert_eq!(level.now(), first);
    });
    let text = String::from_utf8(captured.0.lock().unwrap().clone()).unwrap();
    assert_eq!((text.matches("heard").count(), text.contains("unheard")), (2, false), "{text}");
}

#[test]
fn a_line_carries_the_fields_of_the_debug_span_it_was_logged_in() {
    let captured = Captured::default();
    let writer = captured.clone();
    let (layer, _) = layer_to(&flags(&[]), None, move || writer.clone()).unwrap();
    let subscriber = tracing_subscriber::registry().with(layer);
    tracing::subscriber::with_default(subscriber, || {
        let _span = tracing::debug_span!("reconcile", kind = "Server", name = "web").entered();
        let _effect = tracing::debug_span!("effect").entered();
        tracing::debug!("too detailed");
        tracing::info!(phase = "Running", "transition");
    });

    let bytes = captured.0.lock().unwrap().clone();
    let lines: Vec<serde_json::Value> = serde_json::Deserializer::from_slice(&bytes).into_iter().collect::<Result<_, _>>().unwrap();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!(lines[0]["message"], "transition");
    assert_eq!(lines[0]["phase"], "Running");
    assert_eq!(lines[0]["level"], "INFO");
    assert_eq!(lines[0]["spans"][0]["kind"], "Server");
}
