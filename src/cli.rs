//! The command line: without a subcommand the program is the operator itself.
//!
//! The flags of the operator keep the names, defaults and notation (Go's `flag` package) of
//! controller-runtime based operators, so that a Deployment written for one starts this one.

mod retention;

use crate::ca_setup::CaSetup;
use crate::crl_sync::CrlSync;
use crate::go_bool::go_bool;
use crate::http::BindAddress;
use crate::journal::{JournalUrl, JournalUrlError, Limit};
use crate::pod_init::PodInit;
use crate::resources::certificate_authority::ExternalHosts;
use crate::telemetry::{Detail, LogFlags};
use clap::builder::TypedValueParser;
use clap::error::ErrorKind;
use clap::{Arg, Args, Command as Definition, CommandFactory as _, Parser, Subcommand, ValueEnum};
use k8s_openapi::jiff::SignedDuration;
use std::ffi::{OsStr, OsString};
use std::num::NonZeroU32;
use std::path::PathBuf;

/// Runs Puppet/OpenVox on Kubernetes.
#[derive(Debug, Clone, Parser)]
#[command(name = "openvox-operator", version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    /// Flags of the operator.
    #[command(flatten)]
    pub operator: OperatorFlags,

    /// Another program of this binary.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The programs of this binary beside the operator: those that run in pods it makes.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Makes or imports a Puppet CA directory and publishes it as Secrets.
    CaSetup(CaSetup),
    /// Prepares the files of a Server pod.
    PodInit(PodInit),
    /// Keeps the revocation list of a Server pod current.
    CrlSync(CrlSync),
}

/// Flags of the operator.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct OperatorFlags {
    /// Address of /metrics (host:port, :port for all addresses, 0 for none).
    #[arg(long, value_name = "ADDRESS", default_value = ":8080")]
    pub metrics_bind_address: BindAddress,

    /// Whether single objects have series of their own in /metrics: about twenty each. Without them, sums by
    /// kind, namespace and state are left, which is enough for every alert.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          default_value = "true", value_parser = detail, value_name = "BOOL")]
    pub metrics_per_object: Detail,

    /// How scrapers of /metrics show who they are: by a token of the cluster whose owner may `get` the path `/metrics`,
    /// over HTTPS, or not at all.
    #[arg(long, value_name = "MODE", value_enum, default_value = "none")]
    pub metrics_auth: CallerAuth,

    /// Address of /livez, /healthz and /readyz.
    #[arg(long, value_name = "ADDRESS", default_value = ":8081")]
    pub health_probe_bind_address: BindAddress,

    /// Address of the history API and its web page: HTTPS over the network, plain HTTP for kubectl port-forward.
    #[arg(long, value_name = "ADDRESS", default_value = ":8082")]
    pub history_bind_address: BindAddress,

    /// How callers of the history API show who they are: by a token of the cluster, or not at all. The latter
    /// only on a loopback address: whoever may port-forward to the pod may then read everything.
    #[arg(long, value_name = "MODE", value_enum, default_value_t)]
    pub history_auth: CallerAuth,

    /// Work only while holding the Lease openvox-operator.voxpupuli.org.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          default_value = "false", value_parser = go_bool, value_name = "BOOL")]
    pub leader_elect: bool,

    /// Not in this version: only false is accepted.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          default_value = "false", value_parser = no_webhooks, value_name = "BOOL")]
    pub enable_webhooks: bool,

    /// The only namespace to work in, where the Lease is then kept too; empty for all.
    #[arg(long, value_name = "NAMESPACE", default_value = "")]
    pub watch_namespace: WatchNamespace,

    /// Hosts at which CertificateAuthorities outside the cluster may be, separated by commas: names, *.domain, IP addresses;
    /// * for any.
    #[arg(long, value_name = "HOSTS", default_value = "*")]
    pub external_ca_hosts: ExternalHosts,

    /// Kubeconfig to use instead of the one of the environment or of the pod.
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,

    /// Store of the event history: `sqlite:///path`, `sqlite::memory:` or `postgres://user@host/database`.
    #[arg(long, value_name = "URL", default_value = "sqlite:///var/lib/openvox-operator/journal.db", value_parser = JournalParser)]
    pub journal: JournalUrl,

    /// File with the password for a journal in PostgreSQL; without it `PGPASSWORD` holds it.
    #[arg(long, value_name = "FILE")]
    pub journal_password_file: Option<PathBuf>,

    /// Age beyond which history may be removed, such as 90d; 0 for none. The newest entry of an object stays.
    #[arg(long, value_name = "AGE", default_value = "90d", value_parser = retention::age)]
    pub journal_retention: Limit<SignedDuration>,

    /// Number of entries of one object beyond which its oldest are removed; 0 for none.
    #[arg(long, value_name = "COUNT", default_value = "10000")]
    pub journal_retention_count: Limit<NonZeroU32>,

    /// Image of this program, for the pods that run its other programs.
    #[arg(long, value_name = "IMAGE", env = "OPERATOR_IMAGE")]
    pub operator_image: Option<String>,

    /// Log output.
    #[command(flatten)]
    pub log: LogFlags,
}

/// Who may read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum CallerAuth {
    /// Who shows a token that the API server accepts, as far as its owner may `get` what is read.
    #[default]
    Token,
    /// Who reaches it.
    None,
}

/// Reads `--journal` without showing a value that is refused: it may hold a password, and the message ends in a log.
#[derive(Debug, Clone)]
struct JournalParser;

impl TypedValueParser for JournalParser {
    type Value = JournalUrl;

    fn parse_ref(&self, definition: &Definition, _: Option<&Arg>, value: &OsStr) -> Result<JournalUrl, clap::Error> {
        let parsed = value.to_str().ok_or(JournalUrlError::Form).and_then(str::parse);
        parsed.map_err(|error| {
            let message = format!("invalid value for --journal, not shown because it may hold a password: {error}\n");
            clap::Error::raw(ErrorKind::ValueValidation, message).with_cmd(definition)
        })
    }
}

/// The namespace that is watched; none for all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchNamespace(Option<String>);

impl WatchNamespace {
    /// The one namespace, if it is one.
    #[must_use]
    pub fn one(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl std::str::FromStr for WatchNamespace {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Ok(Self(None));
        }
        // RFC 1123 label, as Kubernetes wants it for namespaces.
        let inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let label = text.len() <= 63 && text.chars().all(inside) && !text.starts_with('-') && !text.ends_with('-');
        if label { Ok(Self(Some(text.to_owned()))) } else { Err("expected the name of a namespace, or nothing for all") }
    }
}

impl Cli {
    /// Reads the command line of the process; prints and exits on `--help` and on errors.
    #[must_use]
    pub fn from_process() -> Self {
        Self::parse_from(normalized(std::env::args_os()))
    }

    /// Reads a command line, the program's name first.
    ///
    /// # Errors
    /// When a flag is unknown or its value malformed; the message is for the user.
    pub fn from_args<T: Into<OsString>>(args: impl IntoIterator<Item = T>) -> Result<Self, clap::Error> {
        Self::try_parse_from(normalized(args.into_iter().map(Into::into)))
    }
}

/// Go programs take `-flag` for `--flag`. Stops at a subcommand, which is ours alone.
fn normalized(args: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let command = Cli::command();
    let mut ours = false;
    args.map(|arg| {
        let Some(text) = arg.to_str() else {
            return arg;
        };
        ours |= text == "--" || command.get_subcommands().any(|sub| sub.get_name() == text);
        let go_flag = text.strip_prefix('-').filter(|name| name.len() > 1 && name.starts_with(|first: char| first.is_ascii_alphabetic()));
        match go_flag {
            Some(name) if !ours => format!("--{name}").into(),
            _ => arg,
        }
    })
    .collect()
}

fn detail(text: &str) -> Result<Detail, &'static str> {
    go_bool(text).map(|per_object| if per_object { Detail::PerObject } else { Detail::Sums })
}

fn no_webhooks(text: &str) -> Result<bool, &'static str> {
    if go_bool(text)? { Err("admission webhooks are not part of this version; the CRDs validate without them") } else { Ok(false) }
}

#[cfg(test)]
mod tests;
