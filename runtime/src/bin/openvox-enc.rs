//! The program that Puppet Server asks for the classes of a node; see `openvox_runtime::enc` for the rules.

use openvox_runtime::enc::answer::{AnswerError, Classification};
use openvox_runtime::enc::cache::Cache;
use openvox_runtime::enc::client::{self, AskError};
use openvox_runtime::enc::request::{Request, RequestError, check_certname};
use openvox_runtime::enc::settings::{Settings, SettingsError};
use openvox_runtime::invocation::{Invocation, UsageError};
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::SystemTime;
use thiserror::Error;

const USAGE: &str = "\
usage: openvox-enc [--config PATH] CERTNAME

Asks an HTTP service for the classes of a node and prints them as the YAML that
Puppet reads. Set it as `external_nodes` in puppet.conf.

  --config PATH  the settings; without it the first that exists of
                 /etc/puppetlabs/enc/enc.yaml
                 /etc/puppetlabs/puppet/enc.yaml

exit code: 0 printed, 1 the service does not know the node, 2 anything else
";

/// Where the settings lie, best first. The first path is in a directory of its own: a volume mounted as a directory follows
/// changes of its Secret while the server runs, one mounted as a single file does not.
const SETTINGS: [&str; 2] = ["/etc/puppetlabs/enc/enc.yaml", "/etc/puppetlabs/puppet/enc.yaml"];

const UNKNOWN_NODE: u8 = 1;
const FAILED: u8 = 2;

/// Why nothing is printed.
#[derive(Debug, Error)]
enum Failure {
    #[error("failed to read {0:?}: {1}")]
    SettingsFile(PathBuf, io::Error),
    #[error("{0:?}: {1}")]
    Settings(PathBuf, SettingsError),
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error(transparent)]
    Ask(#[from] AskError),
    #[error(transparent)]
    Answer(#[from] AnswerError),
    #[error("failed to write to standard output: {0}")]
    Output(io::Error),
}

fn main() -> ExitCode {
    let invocation = match Invocation::parse(std::env::args_os().skip(1)) {
        Ok(invocation) => invocation,
        Err(error) => {
            let said = if error == UsageError::Help { String::new() } else { format!("openvox-enc: {error}\n") };
            // Whether or not somebody reads it, the exit code is the answer.
            let _ = io::stderr().write_all(format!("{said}{USAGE}").as_bytes());
            return ExitCode::from(FAILED);
        }
    };
    match run(&invocation) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            say(&invocation.certname, &failure.to_string());
            ExitCode::from(if matches!(failure, Failure::Ask(AskError::UnknownNode(_))) { UNKNOWN_NODE } else { FAILED })
        }
    }
}

fn run(invocation: &Invocation) -> Result<(), Failure> {
    let certname = &invocation.certname;
    check_certname(certname)?;
    let path = invocation.config.clone().unwrap_or_else(default_path);
    let settings = read_settings(&path)?;
    let cache = settings.cache().map(Cache::new);
    match classify(&settings, certname) {
        Ok(text) => {
            print(&text)?;
            if let Some(Err(error)) = cache.map(|cache| cache.store(certname, &text)) {
                say(certname, &format!("failed to cache the answer: {error}"));
            }
            Ok(())
        }
        Err(failure) => {
            let Some(cache) = cache else { return Err(failure) };
            if matches!(failure, Failure::Ask(AskError::UnknownNode(_))) {
                if let Err(error) = cache.forget(certname) {
                    say(certname, &format!("failed to remove the cached answer: {error}"));
                }
                return Err(failure);
            }
            let Ok(cached) = cache.load(certname, SystemTime::now()) else { return Err(failure) };
            say(certname, &format!("{failure}; the answer of {} s ago is used", cached.age.as_secs()));
            print(&cached.text)
        }
    }
}

/// The first settings that are there, or else the second path: reading it says why not.
fn default_path() -> PathBuf {
    let [first, second] = SETTINGS;
    if Path::new(first).exists() { first.into() } else { second.into() }
}

fn classify(settings: &Settings, certname: &str) -> Result<String, Failure> {
    let request = Request::about(settings, certname)?;
    let body = client::ask(settings, &request)?;
    Ok(Classification::read(&body, settings.response_format)?.to_string())
}

fn read_settings(path: &Path) -> Result<Settings, Failure> {
    let text = fs::read_to_string(path).map_err(|error| Failure::SettingsFile(path.to_owned(), error))?;
    Settings::parse(&text).map_err(|error| Failure::Settings(path.to_owned(), error))
}

fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(Failure::Output)
}

/// Writes one line for Puppet Server's log.
fn say(certname: &str, what: &str) {
    let _ = io::stderr().write_all(format!("openvox-enc: {certname}: {what}\n").as_bytes());
}
