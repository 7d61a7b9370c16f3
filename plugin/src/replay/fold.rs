//! Folding the transitions of one object into the state that they lead to.

use crate::history::Transition;
use openvox_crds::{HistoryEntry, MachineStatus};
use openvox_machines::core::{DomainEvent as _, Machine, Recorded, State, read};
use openvox_operator::journal::{Gap, HISTORY_GAP};
use serde::Serialize;
use std::fmt;

/// Where an entry stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Place {
    /// In a line of the export, counted from 1.
    Line(usize),
    /// In the ring of the object itself.
    Ring,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Ring => f.write_str("status.history"),
        }
    }
}

/// A transition, and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Placed {
    /// Where.
    pub place: Place,
    /// The transition.
    pub transition: Transition,
}

/// Something that keeps a history from being proven, at the entry where it was noticed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// Where the entry stands.
    pub place: Place,
    /// Number of the transition.
    pub seq: i64,
    /// What is wrong.
    pub problem: String,
}

/// How the folded state stands to the snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "result", rename_all = "camelCase")]
pub enum Comparison {
    /// They are the same.
    Same,
    /// They are not.
    Differs {
        /// What the history leads to.
        folded: String,
        /// What the object says.
        snapshot: String,
    },
    /// They cannot be compared.
    None {
        /// Why.
        why: String,
    },
}

/// What came of one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// How many transitions were folded.
    pub transitions: usize,
    /// Number of the last one.
    pub last: i64,
    /// Path of the state they lead to; none where that cannot be known.
    pub state: Option<String>,
    /// What keeps it from being proven.
    pub findings: Vec<Finding>,
    /// The history began anew at these numbers: the object had lost its status.
    pub anew: Vec<i64>,
    /// Against the snapshot.
    pub comparison: Comparison,
}

impl Verdict {
    /// The history is whole and leads to the snapshot, if there is one.
    pub fn is_proven(&self) -> bool {
        self.findings.is_empty() && !matches!(self.comparison, Comparison::Differs { .. })
    }
}

/// Folds the transitions of one object, ascending by number, with the machine of its kind; `None` for a kind without one.
pub fn fold(kind: &str, entries: &[Placed], snapshot: Option<&MachineStatus>) -> Option<Verdict> {
    macro_rules! with_machine {
        ($($module:ident :: $machine:ident: $page:literal;)+) => {
            match kind {
                $(openvox_machines::$module::$machine::KIND => of::<<openvox_machines::$module::$machine as Machine>::State>(entries, snapshot),)+
                _ => return None,
            }
        };
    }
    Some(openvox_machines::for_each_machine!(with_machine))
}

fn of<S: State>(entries: &[Placed], snapshot: Option<&MachineStatus>) -> Verdict {
    let mut way =
        Way::<S> { state: Some(S::default()), left: Some(S::default().path().to_owned()), seq: 0, findings: Vec::new(), anew: Vec::new() };
    for Placed { place, transition } in entries {
        way.step(*place, &transition.entry);
    }
    let comparison = way.compare(snapshot);
    let state = way.state.as_ref().map(|state| state.path().to_owned());
    Verdict { transitions: entries.len(), last: way.seq, state, findings: way.findings, anew: way.anew, comparison }
}

/// How far the fold has come.
struct Way<S> {
    /// The state; unknown after a gap and after an entry that does not fold.
    state: Option<S>,
    /// Path of the state that the last entry led to; unknown after a gap.
    left: Option<String>,
    /// Number of the last entry.
    seq: i64,
    findings: Vec<Finding>,
    anew: Vec<i64>,
}

impl<S: State> Way<S> {
    fn step(&mut self, place: Place, entry: &HistoryEntry) {
        let first = Gap::of(entry).map_or(entry.seq, |gap| gap.first);
        let mut found = |problem: String| self.findings.push(Finding { place, seq: entry.seq, problem });
        if entry.seq <= self.seq {
            found(format!("number {} comes a second time", entry.seq));
            return;
        }
        if first > self.seq + 1 {
            found(format!("{} missing before this one", span(self.seq + 1, first - 1, ["is", "are"])));
            (self.state, self.left) = (None, None);
        }
        self.seq = entry.seq;
        if entry.event == HISTORY_GAP {
            found(format!("{} lost before reaching the journal", span(first, entry.seq, ["was", "were"])));
            (self.state, self.left) = (None, Some(entry.to.clone()));
            return;
        }
        let event = read::<S::Event>(Recorded {
            name: entry.event.clone(),
            version: entry.version,
            data: entry.data.as_ref().map(openvox_crds::Document::value),
        });
        let left = self.left.replace(entry.to.clone());
        if let Some(left) = left.filter(|left| *left != entry.from) {
            let again = S::default();
            if entry.from == again.path()
                && event.as_ref().is_ok_and(|event| again.evolve(event).is_some_and(|next| next.path() == entry.to))
            {
                self.anew.push(entry.seq);
                self.state = Some(again);
            } else {
                found(format!("it leaves {}, and the transition before it led to {left}", entry.from));
                self.state = None;
            }
        }
        let event = match event {
            Ok(event) => event,
            Err(error) => {
                let newest = S::Event::VERSION;
                let newer = if entry.version > newest { format!("; this program reads versions up to {newest}") } else { String::new() };
                found(format!("{error}{newer}"));
                self.state = None;
                return;
            }
        };
        let Some(state) = self.state.take() else { return };
        match state.evolve(&event) {
            None => found(format!("{} cannot happen in {}", entry.event, state.path())),
            Some(next) if next.path() != entry.to => {
                found(format!("{} leads from {} to {}, not to {}", entry.event, state.path(), next.path(), entry.to));
            }
            Some(next) => {
                if next.phase() != entry.phase {
                    found(format!("{} shows as phase {}, not as {}", next.path(), next.phase(), entry.phase));
                }
                self.state = Some(next);
            }
        }
    }

    fn compare(&self, snapshot: Option<&MachineStatus>) -> Comparison {
        let none = |why: String| Comparison::None { why };
        let Some(snapshot) = snapshot else { return none("there is no snapshot of this object".to_owned()) };
        let Some(state) = &self.state else { return none("the state is not known from this history alone".to_owned()) };
        if snapshot.seq != self.seq {
            return none(format!("the history ends with {}, the snapshot is that after {}", self.seq, snapshot.seq));
        }
        let Some(data) = &snapshot.data else { return none("the snapshot has no data".to_owned()) };
        match data.read::<S>() {
            Ok(there) if there == *state => Comparison::Same,
            _ => Comparison::Differs { folded: serde_json::to_string(state).unwrap_or_default(), snapshot: data.to_string() },
        }
    }
}

/// `transition 2 is`, `transitions 2 to 4 are`.
fn span(first: i64, last: i64, [one, many]: [&str; 2]) -> String {
    if first == last { format!("transition {first} {one}") } else { format!("transitions {first} to {last} {many}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// The way of a Pool whose Service was refused once.
    fn way() -> Vec<Placed> {
        let steps = [
            (
                "AttemptFailed",
                json!({"reason": "ApplyFailed", "message": "no", "nextAttempt": "2026-01-31T12:00:01Z"}),
                "Pending/Provisioning",
                "Error/Retrying",
            ),
            ("Synced", json!({"digest": "abc"}), "Error/Retrying", "Ready/Synced"),
            ("Changed", json!({"digest": "def"}), "Ready/Synced", "Ready/Synced"),
        ];
        steps.into_iter().enumerate().map(|(index, (event, data, from, to))| placed(index, event, &data, from, to)).collect()
    }

    fn placed(index: usize, event: &str, data: &Value, from: &str, to: &str) -> Placed {
        let transition = serde_json::from_value(json!({
            "kind": "Pool", "namespace": "n", "name": "agents", "uid": "u", "seq": index + 1, "at": "2026-01-31T12:00:00Z", "event": event,
            "version": 1, "from": from, "to": to, "phase": to.split('/').next(), "data": data,
        }));
        Placed { place: Place::Line(index + 1), transition: transition.unwrap() }
    }

    fn snapshot(seq: i64, digest: &str) -> MachineStatus {
        serde_json::from_value(
            json!({"version": 1, "seq": seq, "since": "2026-01-31T12:00:00Z", "data": {"leaf": "Synced", "digest": digest}}),
        )
        .unwrap()
    }

    /// The only finding, as line, number and words.
    fn finding(entries: &[Placed]) -> (Place, i64, String) {
        let verdict = fold("Pool", entries, None).unwrap();
        let [finding] = &*verdict.findings else { panic!("{verdict:#?}") };
        assert!(!verdict.is_proven());
        (finding.place, finding.seq, finding.problem.clone())
    }

    #[test]
    fn a_whole_history_leads_to_the_snapshot() {
        let verdict = fold("Pool", &way(), Some(&snapshot(3, "def"))).unwrap();
        assert_eq!((verdict.is_proven(), &verdict.comparison), (true, &Comparison::Same));
        assert_eq!((verdict.state.as_deref(), verdict.last), (Some("Ready/Synced"), 3));
    }

    #[test]
    fn a_snapshot_that_it_does_not_lead_to_is_shown_beside_what_it_leads_to() {
        let verdict = fold("Pool", &way(), Some(&snapshot(3, "other"))).unwrap();
        assert!(!verdict.is_proven());
        assert!(
            matches!(verdict.comparison, Comparison::Differs { folded, snapshot } if folded.contains("def") && snapshot.contains("other"))
        );
        let older = fold("Pool", &way(), Some(&snapshot(2, "abc"))).unwrap();
        assert!(matches!(older.comparison, Comparison::None { why } if why.contains("ends with 3")));
    }

    #[test]
    fn a_missing_entry_is_told_at_the_one_after_it() {
        let mut entries = way();
        entries.remove(1);
        let (place, seq, problem) = finding(&entries);
        assert_eq!((place, seq), (Place::Line(3), 3));
        assert_eq!(problem, "transition 2 is missing before this one");
        entries.remove(0);
        assert_eq!(finding(&entries).2, "transitions 1 to 2 are missing before this one");
    }

    #[test]
    fn a_gap_of_the_journal_is_told_as_such() {
        let mut entries = way();
        entries[1] = placed(1, HISTORY_GAP, &json!({"firstSeq": 2, "lastSeq": 2}), "", "Ready/Synced");
        let (_, seq, problem) = finding(&entries);
        assert_eq!((seq, &*problem), (2, "transition 2 was lost before reaching the journal"));
    }

    #[test]
    fn a_state_that_was_changed_by_hand_is_told_where_it_is_left() {
        let mut entries = way();
        entries[2].transition.entry.from = "Error/Retrying".to_owned();
        let (place, _, problem) = finding(&entries);
        assert_eq!((place, &*problem), (Place::Line(3), "it leaves Error/Retrying, and the transition before it led to Ready/Synced"));
        let mut entries = way();
        entries[2].transition.entry.to = "Error/Stalled".to_owned();
        assert_eq!(finding(&entries).2, "Changed leads from Ready/Synced to Ready/Synced, not to Error/Stalled");
        let mut entries = way();
        entries[2].transition.entry.phase = "Error".to_owned();
        assert_eq!(finding(&entries).2, "Ready/Synced shows as phase Ready, not as Error");
    }

    #[test]
    fn an_event_that_is_not_known_not_possible_or_too_new_is_told() {
        let changed = |change: &dyn Fn(&mut HistoryEntry)| {
            let mut entries = way();
            change(&mut entries[1].transition.entry);
            finding(&entries).2
        };
        assert!(changed(&|entry| entry.event = "Exploded".to_owned()).contains("Exploded"));
        assert_eq!(changed(&|entry| entry.data = None), "failed to read event Synced: missing field `data`");
        let newer = changed(&|entry| entry.version = 9);
        assert!(newer.contains("version 9") && newer.contains("up to 1"), "{newer}");
        assert_eq!(
            changed(&|entry| (entry.event, entry.data) = ("NameFreed".to_owned(), None)),
            "NameFreed cannot happen in Error/Retrying"
        );
    }

    #[test]
    fn an_object_that_lost_its_status_begins_anew_and_that_is_no_fault_of_its_history() {
        let mut entries = way();
        entries.push(placed(3, "Adopted", &json!({"digest": "def"}), "Pending/Provisioning", "Ready/Synced"));
        let verdict = fold("Pool", &entries, Some(&snapshot(4, "def"))).unwrap();
        assert_eq!((verdict.is_proven(), verdict.anew, verdict.comparison), (true, vec![4], Comparison::Same));
    }

    #[test]
    fn an_entry_that_comes_twice_is_told() {
        let mut entries = way();
        entries.insert(1, entries[0].clone());
        assert_eq!(finding(&entries).2, "number 1 comes a second time");
    }
}
