//! What the operator says about itself: logs, traces and metrics.
//!
//! [`init`] is called once, before anything else that may log. Metrics live in a
//! [`Metrics`] value that is handed to whoever measures something.

pub mod catalogue;
mod exposition;
mod log_level;
pub mod logs;
pub mod metrics;
mod objects;
mod process;
mod queues;
pub mod traces;

pub use catalogue::{METRICS, MetricDescription, MetricKind};
pub use log_level::{LogLevel, LogLevelError};
pub use logs::{LogFlags, LogFormat};
pub use metrics::{Metrics, Verb};
pub use objects::Detail;
pub use openvox_engine::Causes;
pub use traces::{TraceId, Traces, traceparent};

use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};

/// The crates of this workspace, as they appear at the start of a `tracing` target.
const OUR_CRATES: [&str; 6] =
    [env!("CARGO_CRATE_NAME"), "openvox_crds", "openvox_engine", "openvox_machines", "openvox_puppet", "openvox_runtime"];

/// Whether a `tracing` target belongs to this workspace.
fn is_ours(target: &str) -> bool {
    let crate_name = target.split("::").next().unwrap_or(target);
    OUR_CRATES.contains(&crate_name)
}

/// Telemetry could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The log filter does not parse.
    #[error(transparent)]
    Logs(#[from] logs::LogFilterError),
    /// The trace exporter cannot be built from the `OTEL_*` variables.
    #[error(transparent)]
    Traces(#[from] traces::TracesError),
    /// A subscriber was installed before.
    #[error("failed to install the log and trace subscriber")]
    Subscriber(#[from] TryInitError),
}

/// Installs logs and traces for the whole process.
///
/// The returned [`Traces`] must be shut down at the end of the process, or the last
/// seconds of spans are lost.
///
/// # Errors
/// When the log filter or an `OTEL_*` variable is unusable, or when called twice.
pub fn init(flags: &LogFlags) -> Result<Traces, InitError> {
    let traces = Traces::from_env()?;
    let (log, level) = logs::layer(flags)?;
    tracing_subscriber::registry().with(log).with(traces.layer()).try_init()?;
    level.install();
    Ok(traces)
}
