//! Writes dashboards, alerts, their tests and their runbooks. That they are up to date is a test.
//!
//! What they are made of: `boards/*.yaml`, `alerts.yaml`, and the leaf states of the machines.

mod alert;
mod board;
mod kinds;
mod runbook;

use board::Board;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{fs, io};

/// Command that writes the files, named in each of them.
const COMMAND: &str = "cargo run -p openvox-dashboards";

/// The descriptions of the dashboards, in the order of the menu.
const BOARDS: [&str; 4] = [
    include_str!("../boards/fleet.yaml"),
    include_str!("../boards/certificates.yaml"),
    include_str!("../boards/servers.yaml"),
    include_str!("../boards/operator.yaml"),
];

/// The alerts that no machine brings along.
const ALERTS: &str = include_str!("../alerts.yaml");

/// Where dashboards and alerts go, from the crate's directory: to import by hand, and those that Helm installs.
const FOLDERS: [(&str, &str); 2] =
    [("generated", "generated"), ("../charts/openvox-operator/files/dashboards", "../charts/openvox-operator/files")];

/// Where the runbooks go.
const RUNBOOKS: &str = "../docs/runbooks";

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("failed to read dashboards/{file}: {source}")]
    Source { file: &'static str, source: Box<serde_saphyr::Error> },
    #[error("failed to write YAML: {0}")]
    Yaml(#[from] serde_saphyr::ser::Error),
    #[error("failed to write JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("failed to write {}: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Error> {
    for (path, text) in files(home())? {
        write(&path, &text).map_err(|source| Error::Write { path, source })?;
    }
    Ok(())
}

/// The folder of this crate.
fn home() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file with its content.
fn files(home: &Path) -> Result<BTreeMap<PathBuf, String>, Error> {
    let mut files = BTreeMap::new();
    let groups = alert::all(ALERTS).map_err(|source| Error::Source { file: "alerts.yaml", source: source.into() })?;
    let note = format!("# Made by `{COMMAND}`.\n");
    let rules = note.clone() + &serde_saphyr::to_string(&alert::rules(&groups))?;
    files.insert(home.join("generated/alerts.test.yaml"), note + &serde_saphyr::to_string(&alert::tests(&groups))?);
    for (boards, alerts) in FOLDERS {
        files.insert(home.join(alerts).join("alerts.yaml"), rules.clone());
        for text in BOARDS {
            let board = Board::read(text).map_err(|source| Error::Source { file: "boards", source: source.into() })?;
            let json = serde_json::to_string_pretty(&board.json())? + "\n";
            files.insert(home.join(boards).join(format!("{}.json", board.name)), json);
        }
    }
    let folder = home.join(RUNBOOKS);
    files.insert(folder.join("README.md"), runbook::index(&groups));
    for alert in groups.iter().flat_map(|group| &group.alerts) {
        let path = folder.join(format!("{}.md", alert.name));
        let page = runbook::page(alert, fs::read_to_string(&path).ok().as_deref());
        files.insert(path, page);
    }
    Ok(files)
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, text)
}

#[cfg(test)]
mod tests;
