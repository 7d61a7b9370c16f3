//! `openvox-operator`: the operator, and the programs that its image runs in other pods.

use openvox_operator::cli::{Cli, Command};
use openvox_operator::{ca_setup, crl_sync, operator, pod_init, telemetry};
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = Cli::from_process();
    match &cli.command {
        Some(Command::PodInit(options)) => pod_init::run(options),
        Some(Command::CaSetup(options)) => on_runtime(ca_setup::run(options)),
        Some(Command::CrlSync(options)) => on_runtime(crl_sync::run(options)),
        None => on_runtime(operate(&cli)),
    }
}

/// Two threads: the operator waits for others most of the time, and each thread has its own share of memory.
fn on_runtime(work: impl Future<Output = ExitCode>) -> ExitCode {
    match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime.block_on(work),
        Err(error) => {
            eprintln!("failed to start: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn operate(cli: &Cli) -> ExitCode {
    // Whoever installs a provider first wins; any is fine.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let traces = match telemetry::init(&cli.operator.log) {
        Ok(traces) => traces,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let result = operator::run(&cli.operator).await;
    if let Err(error) = &result {
        tracing::error!(error = format!("{error:#}"), "the operator ends");
    }
    traces.shutdown().await;
    if result.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
