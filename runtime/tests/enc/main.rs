//! `openvox-enc` as Puppet Server runs it, against services that answer well, badly, or not at all; and what it prints
//! as Ruby reads it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]
#![allow(missing_docs, reason = "nobody reads the documentation of a test")]

mod answers;
mod credentials;
mod faults;
mod ruby;
mod service;
mod tls;

use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;

/// Where one run of the program finds its settings, and what it said.
pub(crate) struct Room {
    directory: TempDir,
}

/// The outcome of one run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Room {
    pub(crate) fn new() -> Self {
        Self { directory: TempDir::new().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Runs the program for `web.example.com` with these settings.
    pub(crate) fn run(&self, settings: &str) -> Run {
        let settings = self.write("enc.yaml", settings);
        let output = Command::new(env!("CARGO_BIN_EXE_openvox-enc"))
            .arg("--config")
            .arg(settings)
            .arg("web.example.com")
            .env_clear()
            .output()
            .unwrap();
        Run {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Settings of a cache in this room.
    pub(crate) fn cache(&self) -> String {
        format!("cache: {{enabled: true, directory: {}}}", self.path("cache").display())
    }
}
