//! The program that the Puppet CA asks whether to sign a request; see `openvox_runtime::autosign` for the rules.

use openvox_puppet::request::{Request, RequestError};
use openvox_runtime::autosign::policy::{PolicyError, PolicyFile};
use openvox_runtime::autosign::verdict::{self, Verdict};
use openvox_runtime::invocation::{Invocation, UsageError};
use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use thiserror::Error;

/// What the program prints when it is asked how to use it, or is used wrongly.
const USAGE: &str = "\
usage: openvox-autosign [--config PATH] CERTNAME

Decides whether the Puppet CA may sign a certificate signing request, which is
read as PEM from standard input. Set it as `autosign` in puppet.conf.

  --config PATH  the policy file; without it the first that exists of
                 /etc/puppetlabs/autosign/autosign-policy.yaml
                 /etc/puppetlabs/puppet/autosign-policy.yaml

exit code: 0 sign, 1 do not sign, 2 this text was printed (do not sign)
";

/// Where the policy file lies, best first. The first path is in a directory of its own: a volume mounted as a directory
/// follows changes of its Secret while the server runs, one mounted as a single file does not.
const POLICY_PATHS: [&str; 2] = ["/etc/puppetlabs/autosign/autosign-policy.yaml", "/etc/puppetlabs/puppet/autosign-policy.yaml"];

/// A request with an RSA key of 8192 bits and a few dozen names is under 8 KiB of PEM.
const MAX_REQUEST_BYTES: u64 = 64 * 1024;

/// A Secret holds 1 MiB at most.
const MAX_POLICY_BYTES: u64 = 1024 * 1024;

/// The CA logs the line, and its names come from the sender of the request.
const MAX_LINE_CHARS: usize = 4096;

const SIGN: u8 = 0;
const REFUSE: u8 = 1;
const USED_WRONGLY: u8 = 2;

/// Why there is no verdict. The request is refused then too.
#[derive(Debug, Error)]
enum Undecided {
    #[error("failed to read the request from standard input: {0}")]
    Input(io::Error),
    #[error("failed to find a policy file at {} or {}", POLICY_PATHS[0], POLICY_PATHS[1])]
    NoPolicyFile,
    #[error("failed to read {path:?}: {error}")]
    PolicyFile { path: PathBuf, error: io::Error },
    #[error("{path:?}: {error}")]
    Policy { path: PathBuf, error: PolicyError },
    #[error("{0}")]
    Request(#[from] RequestError),
}

fn main() -> ExitCode {
    let invocation = match Invocation::parse(std::env::args_os().skip(1)) {
        Ok(invocation) => invocation,
        Err(error) => {
            let said = if error == UsageError::Help { String::new() } else { format!("openvox-autosign: {error}\n") };
            // The exit code is the answer, whether the text can be written or not.
            let _ = io::stderr().write_all(format!("{said}{USAGE}").as_bytes());
            return ExitCode::from(USED_WRONGLY);
        }
    };
    let certname = &invocation.certname;
    let (code, line) = match decide(&invocation) {
        Ok(verdict) if verdict.signs() => (SIGN, format!("signed {certname:?}: {verdict}")),
        Ok(verdict) => (REFUSE, format!("refused {certname:?}: {verdict}")),
        Err(undecided) => (REFUSE, format!("refused {certname:?}: {undecided}")),
    };
    say(&format!("openvox-autosign: {line}"));
    ExitCode::from(code)
}

fn decide(invocation: &Invocation) -> Result<Verdict, Undecided> {
    // Read the request first in any case: the CA is still writing and must not get a broken pipe.
    let pem = read(io::stdin().lock(), MAX_REQUEST_BYTES).map_err(Undecided::Input)?;
    let path = match &invocation.config {
        Some(path) => path.clone(),
        None => default_path().ok_or(Undecided::NoPolicyFile)?,
    };
    let policy = read_policy(path)?;
    let request = Request::from_pem(&pem)?;
    Ok(verdict::evaluate(&policy, &invocation.certname, &request))
}

/// The first policy file that exists, or whose existence cannot be checked: reading it gives the error then.
fn default_path() -> Option<PathBuf> {
    POLICY_PATHS.map(Path::new).into_iter().find(|path| path.try_exists().unwrap_or(true)).map(Path::to_path_buf)
}

fn read_policy(path: PathBuf) -> Result<PolicyFile, Undecided> {
    let bytes = File::open(&path).and_then(|file| read(file, MAX_POLICY_BYTES));
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "not UTF-8")));
    match text {
        Ok(text) => PolicyFile::parse(&text).map_err(|error| Undecided::Policy { path, error }),
        Err(error) => Err(Undecided::PolicyFile { path, error }),
    }
}

/// Reads to the end, but not more than `limit` bytes.
fn read(source: impl Read, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut limited = source.take(limit + 1);
    limited.read_to_end(&mut bytes)?;
    if limited.limit() == 0 {
        let message = format!("longer than {limit} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(bytes)
}

/// Writes one line for the CA's log; no log is no reason to answer otherwise.
fn say(line: &str) {
    let mut stderr = io::stderr();
    let mut text: String = line.chars().take(MAX_LINE_CHARS).collect();
    if line.len() > text.len() {
        text.push('…');
    }
    // The CA's log brings a line end of its own; with another one, every verdict would leave an empty line behind it.
    if stderr.is_terminal() {
        text.push('\n');
    }
    let _ = stderr.write_all(text.as_bytes());
}
