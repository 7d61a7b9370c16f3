//! `OpenTelemetry` traces.
//!
//! A tracer provider always exists, because every transition stores the trace id of the
//! reconcile that made it. Spans leave the process only when an OTLP endpoint is configured
//! with the standard `OTEL_*` variables of the `OpenTelemetry` specification: endpoint,
//! headers, timeout, sampler, batch limits, service name and resource attributes. Of the OTLP
//! transports only `http/protobuf` is compiled in.

use super::{Causes, is_ours};
use opentelemetry::trace::{TraceContextExt as _, TraceFlags, TracerProvider as _};
use opentelemetry::{Key, KeyValue};
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{BatchSpanProcessor, SdkTracerProvider};
use std::env;
use std::fmt;
use std::time::Duration;
use tracing::subscriber::Interest;
use tracing::{Level, Metadata, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{DynFilterFn, LevelFilter};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// `service.name` when the environment does not set one.
const SERVICE_NAME: &str = "openvox-operator";
/// The last batch gets this long at the end of the process: half of what Kubernetes leaves
/// after the 10 s that the operator's chart grants.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
const PROTOCOLS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];

/// Traces cannot be exported as the environment asks.
#[derive(Debug, thiserror::Error)]
pub enum TracesError {
    /// A protocol that is not compiled in.
    #[error("failed to set up trace export: OTLP protocol {0:?} is not available, set http/protobuf")]
    Protocol(String),
    /// The HTTP client cannot be built; for https this includes missing root certificates.
    #[error("failed to build the HTTP client of the trace exporter")]
    Client(#[source] reqwest::Error),
    /// The thread that builds the HTTP client did not survive.
    #[error("failed to build the HTTP client of the trace exporter: its thread ended early")]
    ClientThread,
    /// The exporter refused its settings.
    #[error("failed to build the trace exporter")]
    Exporter(#[from] ExporterBuildError),
}

/// The id of the trace that the current code runs in, 32 hex digits when displayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId(opentelemetry::TraceId);

impl TraceId {
    /// The id of the current span's trace; none outside of a span and in a trace that was
    /// not sampled, since nobody could look that one up.
    #[must_use]
    pub fn current() -> Option<Self> {
        let context = tracing::Span::current().context();
        let span = context.span();
        let context = span.span_context();
        (context.is_valid() && context.is_sampled()).then(|| Self(context.trace_id()))
    }
}

/// The current span for whom we call: the value of the header `traceparent` (W3C Trace Context, section 3.2). None where
/// nobody traces.
#[must_use]
pub fn traceparent() -> Option<String> {
    let context = tracing::Span::current().context();
    let span = context.span();
    let of = span.span_context();
    of.is_valid().then(|| format!("00-{}-{}-{:02x}", of.trace_id(), of.span_id(), of.trace_flags() & TraceFlags::SAMPLED))
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The tracer provider of the process.
#[derive(Debug)]
pub struct Traces {
    provider: SdkTracerProvider,
    exports: bool,
}

impl Traces {
    /// Reads the `OTEL_*` variables of the process.
    ///
    /// # Errors
    /// When an endpoint is configured that cannot be used. Without endpoint nothing can fail.
    pub fn from_env() -> Result<Self, TracesError> {
        let endpoint = endpoint(|name| env::var(name).ok())?;
        let exporter = match &endpoint {
            Some(endpoint) => Some(SpanExporter::builder().with_http().with_http_client(http_client(endpoint)?).build()?),
            None => None,
        };
        Ok(Self::with_exporter(exporter))
    }

    fn with_exporter(exporter: Option<SpanExporter>) -> Self {
        let exports = exporter.is_some();
        let mut builder = SdkTracerProvider::builder().with_resource(resource());
        if let Some(exporter) = exporter {
            // Runs on a thread of its own; a full queue drops spans instead of waiting.
            builder = builder.with_span_processor(BatchSpanProcessor::builder(exporter).build());
        }
        Self { provider: builder.build(), exports }
    }

    /// Whether spans leave the process.
    #[must_use]
    pub fn exports(&self) -> bool {
        self.exports
    }

    /// The layer that turns `tracing` spans into `OpenTelemetry` spans.
    ///
    /// It has a filter of its own, so spans of level debug are exported whatever the log
    /// level is, and the spans of HTTP libraries are not.
    #[must_use]
    pub fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer(SERVICE_NAME))
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_filter(
                DynFilterFn::new(|metadata, context: &Context<'_, S>| {
                    // The watches of the caches belong to no reconcile: each would be a trace of its own, minutes long.
                    is_ours_to_trace(metadata) || (is_api_call(metadata) && context.lookup_current().is_some())
                })
                .with_callsite_filter(|metadata| match () {
                    () if is_ours_to_trace(metadata) => Interest::always(),
                    () if is_api_call(metadata) => Interest::sometimes(),
                    () => Interest::never(),
                })
                .with_max_level_hint(LevelFilter::DEBUG),
            )
    }

    /// Sends what is still queued and stops. Bounded by five seconds.
    pub async fn shutdown(self) {
        let Self { provider, .. } = self;
        // It blocks on the exporter's thread.
        let stopped = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(SHUTDOWN_TIMEOUT));
        match stopped.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(error = %Causes(&error), "failed to send the last spans"),
            Err(error) => tracing::warn!(error = %Causes(&error), "failed to stop the trace exporter"),
        }
    }
}

/// Our spans down to debug, and as their events our log lines down to info.
fn is_ours_to_trace(metadata: &Metadata<'_>) -> bool {
    let most_verbose = if metadata.is_span() { Level::DEBUG } else { Level::INFO };
    *metadata.level() <= most_verbose && is_ours(metadata.target())
}

/// The span that the client of the API server makes for each request.
fn is_api_call(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && *metadata.level() <= Level::DEBUG && metadata.target().starts_with("kube_client::client")
}

/// The endpoint that is configured, if spans are to be exported at all.
fn endpoint(var: impl Fn(&str) -> Option<String>) -> Result<Option<String>, TracesError> {
    let set = |name: &str| var(name).filter(|value| !value.trim().is_empty());
    let Some(endpoint) = ENDPOINTS.into_iter().find_map(set) else {
        return Ok(None);
    };
    let disabled = set("OTEL_SDK_DISABLED").is_some_and(|v| v.eq_ignore_ascii_case("true"))
        || set("OTEL_TRACES_EXPORTER").is_some_and(|v| v.eq_ignore_ascii_case("none"));
    if disabled {
        return Ok(None);
    }
    match PROTOCOLS.into_iter().find_map(set) {
        Some(protocol) if protocol != "http/protobuf" => Err(TracesError::Protocol(protocol)),
        _ => Ok(Some(endpoint)),
    }
}

/// A client that needs root certificates only when it is going to use them: the exporter's own
/// client fails in an image without any, even for a plain http endpoint.
fn http_client(endpoint: &str) -> Result<reqwest::blocking::Client, TracesError> {
    let plain = endpoint.trim().starts_with("http://");
    // The provider of the process may be installed already, with the same choice.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    // A blocking client starts a runtime, which must not happen on a thread of another one.
    let thread = std::thread::spawn(move || {
        let mut builder = reqwest::blocking::Client::builder();
        if plain {
            builder = builder.tls_certs_only([]);
        }
        builder.build()
    });
    thread.join().map_err(|_| TracesError::ClientThread)?.map_err(TracesError::Client)
}

fn resource() -> Resource {
    let named = Resource::builder().build();
    let service_name = Key::from_static_str("service.name");
    // The SDK invents `unknown_service`, and an attribute set here would beat the environment.
    let unnamed = named.get(&service_name).is_none_or(|name| name.as_str().starts_with("unknown_service"));
    let mut builder = Resource::builder();
    if unnamed {
        builder = builder.with_service_name(SERVICE_NAME);
    }
    builder.with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION"))).build()
}

#[cfg(test)]
mod tests;
