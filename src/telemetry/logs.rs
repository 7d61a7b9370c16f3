//! Log output: level and format from our flags, or from the `--zap-*` flags that manifests
//! written for a controller-runtime operator carry.

use super::{LogLevel, OUR_CRATES, is_ours};
use crate::go_bool::go_bool;
use clap::{Args, ValueEnum};
use std::env;
use std::str::FromStr;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::filter::{EnvFilter, FilterExt as _, FilterFn, ParseError};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Layer, reload};

/// Flags that choose what is logged and how.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "Logging")]
pub struct LogFlags {
    /// Level of the operator's own log lines (error, warn, info, debug, trace), or a complete
    /// filter such as `info,kube=debug`. Without it `RUST_LOG` counts, then info.
    #[arg(long, value_name = "LEVEL")]
    pub log_level: Option<String>,

    /// Format of the log lines [default: json].
    #[arg(long, value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,

    /// Level in the words of controller-runtime: debug, info, error, panic, or a number
    /// (1 = debug, more = trace).
    #[arg(long, value_name = "LEVEL")]
    pub zap_log_level: Option<ZapLevel>,

    /// Format in the words of controller-runtime: json or console.
    #[arg(long, value_name = "ENCODER")]
    pub zap_encoder: Option<ZapEncoder>,

    /// Development defaults of controller-runtime: level debug, text format.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          default_value = "false", value_parser = go_bool, value_name = "BOOL")]
    pub zap_devel: bool,

    /// Accepted for compatibility; log lines carry no stack traces.
    #[arg(long, hide = true)]
    pub zap_stacktrace_level: Option<String>,

    /// Accepted for compatibility; times are always written as RFC 3339.
    #[arg(long, hide = true)]
    pub zap_time_encoding: Option<String>,
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One JSON object per line.
    Json,
    /// One line for people.
    Text,
}

/// The encoder names of controller-runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ZapEncoder {
    /// Same as [`LogFormat::Json`].
    Json,
    /// Same as [`LogFormat::Text`].
    Console,
}

/// The level names of controller-runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ZapLevel(Level);

impl FromStr for ZapLevel {
    type Err = String;

    fn from_str(value: &str) -> Result<Self, Self::Err> {
        let level = match value.to_ascii_lowercase().as_str() {
            "debug" => Level::DEBUG,
            "info" => Level::INFO,
            "error" | "panic" => Level::ERROR,
            number => match number.parse::<u8>() {
                Ok(1) => Level::DEBUG,
                Ok(2..) => Level::TRACE,
                _ => return Err("expected debug, info, error, panic or a number above 0".into()),
            },
        };
        Ok(Self(level))
    }
}

/// The log filter is not valid.
#[derive(Debug, thiserror::Error)]
#[error("failed to parse the log filter {filter:?}")]
pub struct LogFilterError {
    filter: String,
    #[source]
    source: ParseError,
}

impl LogFlags {
    fn format(&self) -> LogFormat {
        let zap = self.zap_encoder.map(|encoder| match encoder {
            ZapEncoder::Json => LogFormat::Json,
            ZapEncoder::Console => LogFormat::Text,
        });
        let default = if self.zap_devel { LogFormat::Text } else { LogFormat::Json };
        self.log_format.or(zap).unwrap_or(default)
    }

    /// The filter as directives; `rust_log` is the value of `RUST_LOG`.
    fn directives(&self, rust_log: Option<String>) -> String {
        let chosen = self
            .log_level
            .clone()
            .or_else(|| self.zap_log_level.map(|ZapLevel(level)| level.to_string()))
            .or_else(|| rust_log.filter(|value| !value.trim().is_empty()));
        let chosen = match chosen {
            Some(chosen) => chosen,
            None if self.zap_devel => Level::DEBUG.to_string(),
            None => Level::INFO.to_string(),
        };
        directives(&chosen)
    }
}

/// A level, or a filter that is taken as it is, as directives.
pub(super) fn directives(chosen: &str) -> String {
    chosen.trim().parse().map_or_else(|_| chosen.trim().to_owned(), leveled)
}

/// The filter that a level or a filter stands for.
pub(super) fn filter(chosen: &str) -> Result<EnvFilter, LogFilterError> {
    let filter = directives(chosen);
    EnvFilter::try_new(&filter).map_err(|source| LogFilterError { filter, source })
}

/// The part of kube that logs an error for each failed call, which its caller handles and words.
const REPEATS_US: &str = "kube_client::client::builder=off";

/// One level for our crates. Libraries stay at info: below it they describe every HTTP frame.
fn leveled(level: Level) -> String {
    let libraries = level.min(Level::INFO);
    OUR_CRATES.iter().fold(format!("{libraries},{REPEATS_US}"), |directives, name| format!("{directives},{name}={level}"))
}

/// The layer that writes log lines to standard error, and the handle on its level.
///
/// # Errors
/// When the filter does not parse.
pub(super) fn layer<S>(flags: &LogFlags) -> Result<(Box<dyn Layer<S> + Send + Sync + 'static>, LogLevel), LogFilterError>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    layer_to(flags, env::var("RUST_LOG").ok(), std::io::stderr)
}

fn layer_to<S, W>(
    flags: &LogFlags,
    rust_log: Option<String>,
    writer: W,
) -> Result<(Box<dyn Layer<S> + Send + Sync + 'static>, LogLevel), LogFilterError>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: for<'w> tracing_subscriber::fmt::MakeWriter<'w> + Send + Sync + 'static,
{
    let directives = flags.directives(rust_log);
    let (filter, handle) = reload::Layer::new(filter(&directives)?);
    let level = LogLevel::new(directives, handle);
    // Our debug spans stay visible to this layer at every level: their fields (kind, namespace,
    // name) are the context of the lines that are logged inside them.
    let context =
        FilterFn::new(|metadata: &Metadata<'_>| metadata.is_span() && *metadata.level() <= Level::DEBUG && is_ours(metadata.target()));
    let filter = filter.or(context);
    let lines = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(false);
    let layer = match flags.format() {
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(false).with_span_list(true).with_filter(filter).boxed(),
        LogFormat::Text => lines.with_filter(filter).boxed(),
    };
    Ok((layer, level))
}

#[cfg(test)]
mod tests;
