//! One transition of one object.

use crate::paint::{Paint, Tone};
use crate::table::{Cell, Table};
use crate::time::{rfc3339, short, utc};
use openvox_crds::HistoryEntry;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// An entry of the history, with the object it belongs to: a line of the history API's export.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Transition {
    /// Kind as in manifests.
    pub kind: String,
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// `metadata.uid`.
    pub uid: String,
    /// The entry.
    #[serde(flatten)]
    pub entry: HistoryEntry,
}

/// Durations of the states that were left: how long before each transition the one before it was.
#[derive(Debug, Default)]
pub struct Stays(HashMap<String, (i64, chrono::DateTime<chrono::Utc>)>);

impl Stays {
    /// How long the object was in the state that this transition left, if the transition before it was seen.
    pub fn left(&mut self, transition: &Transition) -> Option<String> {
        let (seq, at) = (transition.entry.seq, utc(&transition.entry.at));
        let before = self.0.insert(transition.uid.clone(), (seq, at));
        before.filter(|(before, _)| before + 1 == seq).map(|(_, entered)| short(at - entered))
    }
}

/// Headings of [`row`].
pub fn headings(one: bool) -> Vec<&'static str> {
    let all = ["TIME", "OBJECT", "EVENT", "FROM", "STAYED", "TO", "CAUSE", "TRACE"];
    all.into_iter().filter(|heading| !one || *heading != "OBJECT").collect()
}

/// A transition as cells; without its object where it is the only one.
pub fn row(transition: &Transition, one: bool, stays: &mut Stays) -> Vec<Cell> {
    let entry = &transition.entry;
    let stayed = stays.left(transition).unwrap_or_default();
    let mut cells = vec![Cell(rfc3339(utc(&entry.at)), Some(Tone::Quiet))];
    if !one {
        cells.push(format!("{}/{}/{}", transition.kind, transition.namespace, transition.name).into());
    }
    let tone = if entry.phase == "Error" { Some(Tone::Bad) } else { None };
    cells.extend([
        Cell(entry.event.clone(), tone),
        entry.from.clone().into(),
        stayed.into(),
        Cell(entry.to.clone(), tone),
        entry.cause.clone().unwrap_or_default().into(),
        Cell(entry.trace_id.clone().unwrap_or_default(), Some(Tone::Quiet)),
    ]);
    cells
}

/// A table of transitions, oldest first.
pub fn table(transitions: &[Transition], one: bool, paint: Paint) -> String {
    if transitions.is_empty() {
        return String::new();
    }
    let mut table = Table::headed(&headings(one));
    let mut stays = Stays::default();
    for transition in transitions {
        table.row(row(transition, one, &mut stays));
    }
    table.show(paint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transition(seq: i64, second: u32, event: &str, from: &str, to: &str) -> Transition {
        serde_json::from_value(serde_json::json!({
            "kind": "Certificate", "namespace": "n", "name": "web", "uid": "u", "seq": seq, "at": format!("2026-01-31T12:00:{second:02}Z"),
            "event": event, "version": 1, "from": from, "to": to, "phase": to.split('/').next(), "cause": "Secret web-tls changed",
        }))
        .unwrap()
    }

    #[test]
    fn a_stay_is_as_long_as_the_time_between_neighbours_and_unknown_after_a_hole() {
        let transitions = [
            transition(1, 0, "KeyStored", "Pending/WaitingForAuthority", "Requested/KeyStored"),
            transition(2, 3, "CsrSubmitted", "Requested/KeyStored", "Requested/Submitted"),
            transition(4, 9, "AttemptResumed", "Error/Retrying", "Requested/Submitted"),
        ];
        insta::assert_snapshot!(table(&transitions, true, Paint::PLAIN), @r"
        TIME                  EVENT           FROM                         STAYED  TO                   CAUSE                   TRACE
        2026-01-31T12:00:00Z  KeyStored       Pending/WaitingForAuthority          Requested/KeyStored  Secret web-tls changed
        2026-01-31T12:00:03Z  CsrSubmitted    Requested/KeyStored          3s      Requested/Submitted  Secret web-tls changed
        2026-01-31T12:00:09Z  AttemptResumed  Error/Retrying                       Requested/Submitted  Secret web-tls changed
        ");
    }
}
