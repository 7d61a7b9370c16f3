//! Writes the CRD manifests. That they are up to date is a test of this crate (`tests/generated.rs`).

use openvox_crds::definition;
use std::{
    fs, io,
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Command that writes the files, named in each of them.
const COMMAND: &str = "cargo run -p openvox-crds --bin crdgen";

/// Where the manifests go, from the crate's directory: the repository's reference copy and the
/// one that Helm installs.
const FOLDERS: [&str; 2] = ["generated", "../charts/openvox-operator/crds"];

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("failed to make the definitions")]
    Definition(#[from] definition::DefinitionError),
    #[error("failed to write {}", path.display())]
    Write { path: PathBuf, source: io::Error },
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            let mut source = std::error::Error::source(&error);
            while let Some(cause) = source {
                eprintln!("  because: {cause}");
                source = cause.source();
            }
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Error> {
    for (path, text) in manifests()? {
        write(&path, &text).map_err(|source| Error::Write { path, source })?;
    }
    Ok(())
}

/// Every file with its content.
fn manifests() -> Result<Vec<(PathBuf, String)>, Error> {
    let mut files = Vec::new();
    for crd in definition::all()? {
        let text = format!("# Made by `{COMMAND}`. Edit the types, not this file.\n{}", definition::manifest(&crd)?);
        for folder in FOLDERS {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
            files.push((path.join(definition::file_name(&crd)), text.clone()));
        }
    }
    Ok(files)
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, text)
}
