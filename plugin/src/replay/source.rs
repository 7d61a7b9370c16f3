//! What is replayed: an export of the history API, or a report.

use super::fold::{Place, Placed};
use crate::history::Transition;
use crate::report::{HISTORY, OBJECTS, Report};
use anyhow::{Context as _, bail};
use openvox_crds::{HistoryEntry, MachineStatus};
use serde_json::Value;
use std::collections::HashMap;
use std::io::Read as _;
use std::path::Path;
use std::process::Command;

/// Transitions, and the snapshots of the objects they belong to.
#[derive(Debug, Default)]
pub struct Source {
    /// In the order of the file.
    pub entries: Vec<Placed>,
    /// By `metadata.uid`: the snapshot, and the newest transitions beside it. `None` for a source without objects.
    pub objects: Option<HashMap<String, Snapshot>>,
}

/// What an object says about itself.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Its machine.
    pub machine: Option<MachineStatus>,
    /// Its newest transitions.
    pub ring: Vec<HistoryEntry>,
}

impl Source {
    /// Reads a file, a folder, or standard input for `-`.
    ///
    /// # Errors
    /// If it cannot be read or is neither of both.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        if path.as_os_str() == "-" {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).context("failed to read standard input")?;
            return Self::of_text(&text);
        }
        if path.is_dir() {
            let part = |name: &str| {
                std::fs::read_to_string(path.join(name)).with_context(|| format!("failed to read {name} of the report {shown}"))
            };
            return Self::of_parts(&part(HISTORY)?, &part(OBJECTS)?);
        }
        if path.extension().is_some_and(|end| end == "gz" || end == "tgz") {
            return Self::of_parts(&unpacked(path, HISTORY)?, &unpacked(path, OBJECTS)?);
        }
        let text = std::fs::read_to_string(path).with_context(|| format!("failed to read {shown}"))?;
        Self::of_text(&text).with_context(|| format!("failed to read {shown}"))
    }

    /// A report in one document, or lines of transitions.
    fn of_text(text: &str) -> anyhow::Result<Self> {
        match serde_json::from_str::<Report>(text) {
            Ok(report) => {
                let place = |(index, transition)| Placed { place: Place::Line(index + 1), transition };
                Ok(Self { entries: report.history.into_iter().enumerate().map(place).collect(), objects: Some(snapshots(&report.objects)) })
            }
            Err(_) => Ok(Self { entries: lines(text)?, objects: None }),
        }
    }

    fn of_parts(history: &str, objects: &str) -> anyhow::Result<Self> {
        let objects: Vec<Value> = serde_json::from_str(objects).with_context(|| format!("failed to read {OBJECTS}"))?;
        Ok(Self { entries: lines(history)?, objects: Some(snapshots(&objects)) })
    }
}

fn lines(text: &str) -> anyhow::Result<Vec<Placed>> {
    let mut entries = Vec::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let transition: Transition = serde_json::from_str(line).with_context(|| {
            format!("line {} is no transition; expected is what the history API exports with format=jsonl, or a report", index + 1)
        })?;
        entries.push(Placed { place: Place::Line(index + 1), transition });
    }
    Ok(entries)
}

/// Snapshots of objects as in manifests.
fn snapshots(objects: &[Value]) -> HashMap<String, Snapshot> {
    let part = |object: &Value, path: &str| object.pointer(path).cloned().unwrap_or_default();
    let snapshot = |object: &Value| Snapshot {
        machine: serde_json::from_value(part(object, "/status/machine")).ok(),
        ring: serde_json::from_value(part(object, "/status/history")).unwrap_or_default(),
    };
    objects.iter().filter_map(|object| Some((object.pointer("/metadata/uid")?.as_str()?.to_owned(), snapshot(object)))).collect()
}

/// A file of a packed report.
fn unpacked(path: &Path, name: &str) -> anyhow::Result<String> {
    let output = Command::new("tar").arg("-xzOf").arg(path).arg(name).output().context("failed to run tar, which unpacks .tar.gz")?;
    if !output.status.success() {
        bail!("failed to read {name} of the report {}: {}", path.display(), String::from_utf8_lossy(&output.stderr).trim());
    }
    String::from_utf8(output.stdout).with_context(|| format!("failed to read {name} of the report {}", path.display()))
}
