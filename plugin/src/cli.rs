//! The command line.

use crate::format::Format;
use crate::target::{Target, certificate, parse};
use crate::time::{Since, duration, since};
use chrono::TimeDelta;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Where every OpenVox object stands, why, how it came there, and what comes next.
///
/// Exit codes: 0 fine; 1 something is not ready, or differs; 2 wrong usage, or an error.
#[derive(Debug, Parser)]
#[command(name = "kubectl-openvox", bin_name = "kubectl openvox", version, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    pub cluster: Cluster,
    #[command(subcommand)]
    pub command: Command,
}

/// Which cluster, and where in it.
#[derive(Debug, Args)]
pub struct Cluster {
    /// Kubeconfig file; otherwise KUBECONFIG or ~/.kube/config.
    #[arg(long, global = true, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig.
    #[arg(long, global = true, value_name = "NAME")]
    pub context: Option<String>,
    /// Namespace; otherwise that of the context.
    #[arg(short, long, global = true, conflicts_with = "all_namespaces")]
    pub namespace: Option<String>,
    /// All namespaces.
    #[arg(short = 'A', long, global = true)]
    pub all_namespaces: bool,
    /// Namespace in which the operator itself runs. Its history service is looked for there and nowhere else.
    #[arg(long, global = true, value_name = "NAME", env = "OPENVOX_OPERATOR_NAMESPACE", default_value = "openvox-system")]
    pub operator_namespace: String,
}

/// Form of the output.
#[derive(Debug, Args)]
pub struct Output {
    /// Form of the output.
    #[arg(short = 'o', long = "output", value_enum, default_value_t, value_name = "FORMAT")]
    pub format: Format,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// The tree of all objects, or the part of it around one name: state, since when, what blocks.
    Status {
        /// Only what is connected to objects of this name.
        name: Option<String>,
        #[command(flatten)]
        output: Output,
    },
    /// What blocks an object, in one sentence, followed to its root.
    Why {
        /// For example certificate/web.
        #[arg(value_name = "KIND/NAME", value_parser = parse)]
        target: Target,
        #[command(flatten)]
        output: Output,
    },
    /// Transitions: of one object, or of all.
    History(History),
    /// What the operator would do next; writes nothing. Exit code 1 if it would do something.
    Plan {
        /// For example server/web; otherwise every object of the namespace.
        #[arg(value_name = "KIND/NAME", value_parser = parse)]
        target: Option<Target>,
        #[command(flatten)]
        output: Output,
    },
    /// Folds an exported history and compares it with the state it should lead to.
    Replay {
        /// JSONL of the history API, or a report (folder, .json, .tar.gz); - reads standard input.
        #[arg(value_name = "FILE|-")]
        file: PathBuf,
        #[command(flatten)]
        output: Output,
    },
    /// Renews a certificate now, with its key kept.
    Renew(Issue),
    /// Issues a certificate anew, with a new key.
    Rekey(Issue),
    /// Has the operator look at an object now.
    Reconcile {
        /// For example server/web.
        #[arg(value_name = "KIND/NAME", value_parser = parse)]
        target: Target,
    },
    /// Has the operator leave an object alone.
    Pause {
        /// For example server/web.
        #[arg(value_name = "KIND/NAME", value_parser = parse)]
        target: Target,
        /// How long, such as 30m, 2h or 1d; otherwise until it is resumed.
        #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
        for_: Option<TimeDelta>,
        /// Why, for whoever finds it paused.
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Ends a pause.
    Resume {
        /// For example server/web.
        #[arg(value_name = "KIND/NAME", value_parser = parse)]
        target: Target,
    },
    /// The signing requests that wait at a CA: with what the policies say; signing or denying one.
    #[command(subcommand)]
    Csr(Csr),
    /// Serves the operator's web page to a browser on this machine, with your own rights, until Ctrl-C.
    Page {
        /// Port to listen on; otherwise any that is free.
        #[arg(long, value_name = "PORT", default_value_t = 0)]
        port: u16,
    },
    /// Writes a support bundle without any secret.
    Report {
        /// FILE.tar.gz, FILE.json or a folder; otherwise JSON on standard output.
        #[arg(short = 'o', long = "output", value_name = "PLACE")]
        to: Option<PathBuf>,
    },
    /// Prints the completion script of a shell.
    Completion {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// What to do with signing requests.
#[derive(Debug, Subcommand)]
pub enum Csr {
    /// What waits, what it asks for, and whether the policies would sign it.
    List {
        /// Name of a CertificateAuthority; otherwise all of the namespace.
        authority: Option<String>,
        #[command(flatten)]
        output: Output,
    },
    /// Signs a request, whatever the policies say.
    Sign(CsrDecision),
    /// Removes a request; whoever sent it may send another.
    Deny(CsrDecision),
}

/// Arguments of `csr sign` and `csr deny`.
#[derive(Debug, Args)]
pub struct CsrDecision {
    /// The name that the request is for.
    pub certname: String,
    /// Name of the CertificateAuthority, where requests of this name wait at several.
    #[arg(long, value_name = "NAME")]
    pub authority: Option<String>,
    /// SHA-256 of the request as the agent prints it: nothing is done if another one waits.
    #[arg(long, value_name = "SHA256")]
    pub fingerprint: Option<String>,
}

/// Arguments of `history`.
#[derive(Debug, Args)]
pub struct History {
    /// For example certificate/web; otherwise every object of the namespace.
    #[arg(value_name = "KIND/NAME", value_parser = parse)]
    pub target: Option<Target>,
    /// Goes on with what happens from now on.
    #[arg(short, long)]
    pub follow: bool,
    /// Not before: a duration such as 2h, or an RFC 3339 time. Without it, the newest 100 transitions.
    #[arg(long, value_name = "DURATION|TIME", value_parser = since)]
    pub since: Option<Since>,
    #[command(flatten)]
    pub output: Output,
}

/// Arguments of `renew` and `rekey`.
#[derive(Debug, Args)]
pub struct Issue {
    /// Name of the Certificate.
    #[arg(value_name = "NAME", value_parser = certificate)]
    pub certificate: Target,
    /// Waits for the new certificate.
    #[arg(long)]
    pub wait: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn no_two_flags_of_a_command_are_the_same() {
        Cli::command().debug_assert();
    }
}
