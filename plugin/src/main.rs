//! `kubectl openvox`: where every object stands, why, how it came there, and what comes next.
//!
//! What is pure (the tree, the chain to what blocks, the fold) takes lists of objects and transitions and knows no
//! client; the commands ask for them and print what comes out.

mod chain;
mod cli;
mod connection;
mod csr;
mod fleet;
mod format;
mod gate;
mod history;
mod issue;
mod kind;
mod mark;
mod outcome;
mod page;
mod paint;
mod plan;
mod redact;
mod replay;
mod report;
mod secret;
mod status;
mod table;
mod target;
mod time;
mod tree;
mod why;

use chrono::Utc;
use clap::{CommandFactory as _, Parser as _};
use cli::{Cli, Cluster, Command, Issue};
use connection::Connection;
use mark::Mark;
use outcome::Outcome;
use std::process::ExitCode;
use target::Target;

#[tokio::main]
async fn main() -> ExitCode {
    let Cli { cluster, command } = Cli::parse();
    match run(&cluster, command).await {
        Ok(outcome) => outcome.into(),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(outcome::ERROR)
        }
    }
}

async fn run(cluster: &Cluster, command: Command) -> anyhow::Result<Outcome> {
    let open = || Connection::open(cluster);
    match command {
        Command::Status { name, output } => status::run(&open().await?, name.as_deref(), output.format).await,
        Command::Why { target, output } => why::run(&open().await?, &target, output.format).await,
        Command::History(flags) => history::run(&open().await?, &flags).await,
        Command::Plan { target, output } => plan::run(&open().await?, target.as_ref(), output.format).await,
        Command::Replay { file, output } => replay::run(open().await, &file, output.format).await,
        Command::Renew(Issue { certificate, wait }) => issue::run(&open().await?, Mark::Renew, &certificate, wait).await,
        Command::Rekey(Issue { certificate, wait }) => issue::run(&open().await?, Mark::Rekey, &certificate, wait).await,
        Command::Reconcile { target } => set(&open().await?, Mark::Reconcile, &target).await,
        Command::Pause { target, for_, reason } => set(&open().await?, Mark::pause(for_, reason.as_deref(), Utc::now()), &target).await,
        Command::Resume { target } => set(&open().await?, Mark::Resume, &target).await,
        Command::Csr(command) => csr::run(&open().await?, &command).await,
        Command::Page { port } => page::run(&open().await?, port).await,
        Command::Report { to } => report::run(&open().await?, to.as_deref()).await,
        Command::Completion { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "kubectl-openvox", &mut script);
            format::write(&String::from_utf8(script)?)?;
            Ok(Outcome::Fine)
        }
    }
}

async fn set(connection: &Connection, mark: Mark, target: &Target) -> anyhow::Result<Outcome> {
    mark.set(connection, target).await?;
    Ok(Outcome::Fine)
}
