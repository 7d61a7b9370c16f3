//! `replay`: folds an exported history, and compares what comes out with what the objects say.

mod fold;
mod source;

use crate::connection::Connection;
use crate::fleet::Fleet;
use crate::format::Format;
use crate::history::Transition;
use crate::outcome::Outcome;
use crate::paint::{Paint, Tone};
use fold::{Comparison, Place, Placed, Verdict, fold};
use serde::Serialize;
use source::{Snapshot, Source};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

/// How long the cluster is asked for the objects of an export: it may have been brought from elsewhere.
const ASK: Duration = Duration::from_secs(10);

/// What came of one object.
#[derive(Debug, Serialize)]
struct Replayed {
    kind: String,
    namespace: String,
    name: String,
    uid: String,
    #[serde(flatten)]
    verdict: Verdict,
}

/// Replays a file. Without objects in it, those of the cluster are compared with, if it can be asked.
///
/// # Errors
/// If the file cannot be read.
pub async fn run(connection: anyhow::Result<Connection>, file: &Path, format: Format) -> anyhow::Result<Outcome> {
    let Source { entries, objects } = Source::read(file)?;
    let objects = match objects {
        Some(objects) => objects,
        None => live(connection, &entries).await.unwrap_or_else(|error| {
            eprintln!("The cluster cannot be asked ({error:#}); there is nothing to compare with.");
            HashMap::new()
        }),
    };
    let replayed = replay(entries, &objects);
    format.print(&replayed, || text(&replayed, Paint::of_stdout()))?;
    Ok(Outcome::fine_if(!replayed.is_empty() && replayed.iter().all(|object| object.verdict.is_proven())))
}

/// Folds the transitions of each object, and those of its own newest ones that the file does not have yet.
fn replay(entries: Vec<Placed>, objects: &HashMap<String, Snapshot>) -> Vec<Replayed> {
    let mut by_object: BTreeMap<(String, String, String, String), Vec<Placed>> = BTreeMap::new();
    for entry in entries {
        let Transition { kind, namespace, name, uid, .. } = entry.transition.clone();
        by_object.entry((kind, namespace, name, uid)).or_default().push(entry);
    }
    let mut replayed = Vec::new();
    for ((kind, namespace, name, uid), mut entries) in by_object {
        // The API gives the newest first unless it is told otherwise.
        entries.sort_by_key(|entry| entry.transition.entry.seq);
        let last = entries.last().map_or(0, |entry| entry.transition.entry.seq);
        let snapshot = objects.get(&uid);
        let newer = snapshot.iter().flat_map(|snapshot| &snapshot.ring).filter(|entry| entry.seq > last);
        let newer = newer.map(|entry| Placed {
            place: Place::Ring,
            transition: Transition {
                kind: kind.clone(),
                namespace: namespace.clone(),
                name: name.clone(),
                uid: uid.clone(),
                entry: entry.clone(),
            },
        });
        entries.extend(newer.collect::<Vec<_>>());
        if let Some(verdict) = fold(&kind, &entries, snapshot.and_then(|snapshot| snapshot.machine.as_ref())) {
            replayed.push(Replayed { kind, namespace, name, uid, verdict });
        }
    }
    replayed
}

/// The objects of the cluster.
async fn live(connection: anyhow::Result<Connection>, entries: &[Placed]) -> anyhow::Result<HashMap<String, Snapshot>> {
    let client = connection?.client;
    let namespaces: BTreeSet<&str> = entries.iter().map(|entry| &*entry.transition.namespace).collect();
    let mut objects = HashMap::new();
    for namespace in namespaces {
        let fleet = tokio::time::timeout(ASK, Fleet::list(&client, Some(namespace)))
            .await
            .map_err(|_| anyhow::anyhow!("no answer in {ASK:?}"))??;
        for member in fleet.0 {
            objects.insert(member.object.uid, Snapshot { machine: member.lifecycle.machine, ring: member.lifecycle.history });
        }
    }
    Ok(objects)
}

fn text(replayed: &[Replayed], paint: Paint) -> String {
    if replayed.is_empty() {
        return "There are no transitions to replay.\n".to_owned();
    }
    let mut text = String::new();
    for Replayed { kind, namespace, name, verdict, .. } in replayed {
        let (tone, said) = match &verdict.comparison {
            _ if !verdict.findings.is_empty() => (Tone::Bad, "not proven".to_owned()),
            Comparison::Same => (Tone::Good, "the same as the object's own state".to_owned()),
            Comparison::Differs { .. } => (Tone::Bad, "not the object's own state".to_owned()),
            Comparison::None { why } => (Tone::Waiting, format!("not compared: {why}")),
        };
        let lead =
            if verdict.transitions == 1 { "1 transition leads".to_owned() } else { format!("{} transitions lead", verdict.transitions) };
        let state = verdict.state.as_deref().unwrap_or("a state that is not known");
        let _ = writeln!(text, "{kind} {namespace}/{name}: {lead} to {state}; {}", paint.tone(tone, &said));
        for seq in &verdict.anew {
            let _ = writeln!(text, "  seq {seq}: the history begins anew; the object had lost its status");
        }
        for finding in &verdict.findings {
            let _ = writeln!(text, "  {}, seq {}: {}", finding.place, finding.seq, finding.problem);
        }
        if let Comparison::Differs { folded, snapshot } = &verdict.comparison {
            let _ = writeln!(text, "  folded:   {folded}\n  snapshot: {snapshot}");
        }
    }
    text
}
