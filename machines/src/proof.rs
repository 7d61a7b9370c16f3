//! What is proven of every machine, once.

use crate::core::{Attempts, Blocked, Condition, Machine, Rest, State, Status, Timestamp, decide, decide_after, explore, read, record};
use chrono::TimeDelta;
use proptest::prelude::*;
use std::{collections::BTreeMap, fmt::Write as _, fs, path::PathBuf};
use strum::VariantNames;

/// More states than any machine of ours has; reaching it means a counter without a bound.
const MOST_STATES: usize = 50_000;

/// `seconds` after the epoch.
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_timestamp(seconds, 0).unwrap()
}

fn in_workspace(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// Compares `text` with the file, or writes it when `UPDATE` is set.
fn matches_file(path: &str, text: &str) {
    let file = in_workspace(path);
    if std::env::var_os("UPDATE").is_some() {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, text).unwrap();
    }
    let stored = fs::read_to_string(&file).unwrap_or_default();
    assert!(stored == text, "{path} is out of date: run UPDATE=1 cargo test -p openvox-machines");
}

/// What an hour in a state costs while nothing changes: neither the spec, nor the cluster, nor what the CA answers.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Hour {
    /// Changes of state; each is a Kubernetes Event too.
    transitions: usize,
    /// Writes of the status after the one that entered the state.
    writes: usize,
    /// Effects that were run: calls of the CA or of the API server.
    calls: usize,
}

/// Most calls in an hour: a first one, and then intervals that double up to five minutes.
const MOST_CALLS: usize = 21;

/// What is observed right after an effect.
pub type Answer<M> = dyn Fn(&<M as Machine>::Effect, Timestamp) -> Option<<M as Machine>::Observed>;

/// The conditions of an object in a state.
type Conditions<'a, M> = dyn Fn(&<M as Machine>::State, &<M as Machine>::Observed, Option<&Blocked>) -> Vec<Condition> + 'a;

/// An object in a state, and what surrounds it while nothing changes.
pub struct Unchanged<M: Machine> {
    /// The state it begins in.
    pub start: M::State,
    /// What is observed at a time.
    pub rest: Box<dyn Fn(Timestamp) -> M::Observed>,
    /// What is observed right after an effect; `None` for an effect that only begins something.
    pub answer: Box<Answer<M>>,
}

/// Seconds after which some change of another object wakes this one, to which it means nothing.
const WOKEN_EACH: i64 = 10;

/// Lives through an hour as the reconcile does: each decision is committed, its effects are run, and a settled object sleeps
/// until its time comes or somebody wakes it.
fn hour<M: Machine>(Unchanged { start, rest, answer: answers }: &Unchanged<M>, conditions: &Conditions<M>) -> Hour {
    let (mut state, mut now, mut last, mut stored, mut cost) = (start.clone(), at(0), None, None, Hour::default());
    let goes = |state: &M::State| state.leaf().is_some_and(|leaf| leaf.rest == Rest::Final);
    while now < at(3600) && !goes(&state) {
        let mut seen = rest(now);
        for round in 0.. {
            assert!(round < 8, "{}: {} does not come to rest", M::KIND, state.path());
            let decision = decide_after::<M>(&state, &seen, Attempts { last, at_once: false });
            let status = (decision.state.clone(), conditions(&decision.state, &seen, decision.blocked.as_ref()));
            cost.transitions += decision.transitions.len();
            cost.writes += usize::from(stored.as_ref().is_some_and(|stored| *stored != status));
            (state, stored) = (decision.state, Some(status));
            let moved = !decision.transitions.is_empty();
            if moved {
                last = None;
            }
            if decision.effects.is_empty() && !moved {
                break;
            }
            let mut answer = None;
            for effect in &decision.effects {
                cost.calls += 1;
                last = Some(now);
                answer = answers(effect, now);
            }
            match answer {
                None if !moved => break,
                answer => seen = answer.unwrap_or_else(|| rest(now)),
            }
        }
        let woken = now + TimeDelta::seconds(WOKEN_EACH);
        now = state.wake_after(last).filter(|wake| *wake > now).map_or(woken, |wake| wake.min(woken));
    }
    cost
}

/// An hour in every state that is not the end: what it costs, at most, for its page. `changes` is how many transitions a
/// state may make that time alone ends.
pub fn hours<M: Machine>(
    cases: &[Unchanged<M>],
    changes: impl Fn(&str) -> usize,
    conditions: impl Fn(&M::State, &M::Observed, Option<&Blocked>) -> Vec<Condition>,
) -> BTreeMap<&'static str, Hour> {
    let mut all: BTreeMap<&'static str, Hour> = BTreeMap::new();
    for case in cases {
        let cost = hour(case, &conditions);
        let path = case.start.path();
        let most = changes(path);
        assert!(
            cost.transitions <= most && cost.writes <= most && cost.calls <= MOST_CALLS,
            "{} {path}: {cost:?} for {:?}",
            M::KIND,
            case.start
        );
        let known = all.entry(path).or_default();
        *known = Hour {
            transitions: known.transitions.max(cost.transitions),
            writes: known.writes.max(cost.writes),
            calls: known.calls.max(cost.calls),
        };
    }
    for leaf in M::State::LEAVES.iter().filter(|leaf| leaf.rest != Rest::Final) {
        assert!(all.contains_key(leaf.path), "{} {}: nobody knows what an hour there costs", M::KIND, leaf.path);
    }
    all
}

/// Seconds between the first looks of a state that was entered at `from`, where none of them changes anything.
pub fn waits<S: State>(state: &S, from: Timestamp) -> Vec<i64> {
    let (mut last, mut waits) = (None, Vec::new());
    while waits.len() < 6 {
        let next = state.wake_after(last).unwrap();
        waits.push((next - last.unwrap_or(from)).num_seconds());
        last = Some(next);
    }
    waits
}

/// Walks the whole space: no defect, the page under `docs/machines/` says what was found, and `tests/argocd/` has a status of
/// every leaf with each combination of conditions that it can show.
pub fn explored<M: Machine>(
    signals: &[M::Observed],
    hours: &BTreeMap<&'static str, Hour>,
    conditions: impl Fn(&M::State, &M::Observed, Option<&Blocked>) -> Vec<Condition>,
) {
    let mut shown = BTreeMap::new();
    let found = explore::<M>(signals, MOST_STATES, |seen, decision| {
        let conditions = conditions(&decision.state, seen, decision.blocked.as_ref());
        let statuses: Vec<_> = conditions.iter().map(|condition| (condition.kind, text(condition.status))).collect();
        shown.entry((decision.state.path(), statuses)).or_insert(conditions);
    });
    assert!(found.defects.is_empty(), "{}: {:#?}", M::KIND, found.defects);
    let name = snake(M::KIND).replace('_', "-");
    matches_file(&format!("docs/machines/{name}.md"), &page::<M>(&found, hours));
    let statuses = shown.into_iter().map(|((path, _), conditions)| status::<M>(path, &conditions)).collect::<String>();
    let head = "-- Generated by the exploration of the machine's state space (UPDATE=1 cargo test -p openvox-machines).\n";
    matches_file(&format!("tests/argocd/{name}.lua"), &format!("{head}return {{\n{statuses}}}\n"));
}

fn text(status: Status) -> &'static str {
    match status {
        Status::True => "True",
        Status::False => "False",
        Status::Unknown => "Unknown",
    }
}

fn name(rest: Rest) -> &'static str {
    match rest {
        Rest::Settled => "settled",
        Rest::Waiting { .. } => "waiting",
        Rest::Stuck => "stuck",
        Rest::Final => "final",
    }
}

/// An object in this state as a table of Lua, as Argo CD hands it to its scripts.
fn status<M: Machine>(path: &str, conditions: &[Condition]) -> String {
    let rest = M::State::LEAVES.iter().find(|leaf| leaf.path == path).map_or("", |leaf| name(leaf.rest));
    let mut table = format!(
        "  {{ kind = \"{}\", rest = \"{rest}\", metadata = {{ generation = 1 }}, status = {{ state = \"{path}\", observedGeneration = 1, conditions = {{\n",
        M::KIND
    );
    for Condition { kind, status, reason, message } in conditions {
        let message = message.replace('\\', "\\\\").replace('"', "\\\"");
        let status = text(*status);
        let _ = writeln!(table, "    {{ type = \"{kind}\", status = \"{status}\", reason = \"{reason}\", message = \"{message}\" }},");
    }
    table + "  } } },\n"
}

fn snake(kind: &str) -> String {
    let mut out = String::new();
    for (index, letter) in kind.chars().enumerate() {
        if letter.is_uppercase() && index > 0 {
            out.push('_');
        }
        out.extend(letter.to_lowercase());
    }
    out
}

fn page<M: Machine>(found: &crate::core::Exploration, hours: &BTreeMap<&'static str, Hour>) -> String {
    let id = |path: &str| path.replace('/', "_");
    let mut text = format!(
        "# {}\n\n<!-- Generated by the exploration of the machine's state space (`UPDATE=1 cargo test -p openvox-machines`). -->\n\nEvery state and every change between states that the machine can make. `.status.state` holds the path, `.status.phase` its first part.\n\n```mermaid\nstateDiagram-v2\n",
        M::KIND
    );
    let initial = M::State::default();
    let _ = writeln!(text, "    [*] --> {}", id(initial.path()));
    let mut phases: Vec<&str> = Vec::new();
    for leaf in M::State::LEAVES {
        if !phases.contains(&leaf.phase()) {
            phases.push(leaf.phase());
        }
    }
    for phase in phases {
        let _ = writeln!(text, "    state {phase} {{");
        for leaf in M::State::LEAVES.iter().filter(|leaf| leaf.phase() == phase) {
            let short = leaf.path.rsplit('/').next().unwrap();
            let _ = writeln!(text, "        {} : {short}", id(leaf.path));
        }
        let _ = writeln!(text, "    }}");
    }
    let mut arrows: Vec<(&str, &str, Vec<&str>)> = Vec::new();
    for edge in &found.edges {
        match arrows.iter_mut().find(|(from, to, _)| *from == edge.from && *to == edge.to) {
            Some((_, _, events)) => events.push(&edge.event),
            None => arrows.push((edge.from, edge.to, vec![&edge.event])),
        }
    }
    for (from, to, events) in arrows {
        let _ = writeln!(text, "    {} --> {} : {}", id(from), id(to), events.join(", "));
    }
    for leaf in M::State::LEAVES.iter().filter(|leaf| leaf.rest == Rest::Final) {
        let _ = writeln!(text, "    {} --> [*]", id(leaf.path));
    }
    text.push_str("```\n\n| state | meaning | deadline | what you can do | an hour without a change |\n|---|---|---|---|---|\n");
    for leaf in M::State::LEAVES {
        let rest = match leaf.rest {
            Rest::Settled => "rests here".to_owned(),
            Rest::Waiting { deadline } => format!("{deadline} s"),
            Rest::Stuck => "waits for you".to_owned(),
            Rest::Final => "the end".to_owned(),
        };
        let cost = hours.get(leaf.path).copied().unwrap_or_default();
        let _ = writeln!(text, "| `{}` | {} | {rest} | {} | {} |", leaf.path, leaf.meaning, leaf.remedy, cost.text());
    }
    text.push_str(
        "\nThe last column is the most that an hour in the state costs while nothing changes, whatever wakes the object meanwhile: \
         calls of the CA or of the API server, and changes of the state, each with one write of the status and one Event. A test lives \
         through that hour.\n",
    );
    text
}

impl Hour {
    fn text(self) -> String {
        let count = |number: usize, what: &str| match number {
            0 => None,
            1 => Some(format!("1 {what}")),
            _ => Some(format!("{number} {what}s")),
        };
        let parts: Vec<String> = [count(self.calls, "call"), count(self.transitions, "change")].into_iter().flatten().collect();
        if parts.is_empty() { "nothing".to_owned() } else { parts.join(", ") }
    }
}

/// For random sequences of observations: what is stored folds to what the machine holds, also when the process
/// dies between storing a decision and acting on it, or before storing it.
pub fn folds<M: Machine>(signals: &[M::Observed]) {
    let step = (any::<prop::sample::Index>(), 0..3_u8);
    let mut runner =
        proptest::test_runner::TestRunner::new(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() });
    runner
        .run(&prop::collection::vec(step, 1..40), |steps| {
            let mut stored: Vec<crate::core::Recorded> = Vec::new();
            let mut snapshot = serde_json::to_value(M::State::default()).unwrap();
            for (index, crash) in steps {
                // Each round begins as after a restart: from what was stored.
                let state: M::State = serde_json::from_value(snapshot.clone()).unwrap();
                let decision = decide::<M>(&state, index.get(signals));
                if crash == 0 {
                    continue; // died before the commit: nothing happened
                }
                stored.extend(decision.transitions.iter().map(|step| record(&step.event).unwrap()));
                snapshot = serde_json::to_value(&decision.state).unwrap();
                if crash == 1 {
                    // Died between commit and act: whoever starts again asks for the same effects, or has an
                    // answer to the observation that shows them done.
                    let again: M::State = serde_json::from_value(snapshot.clone()).unwrap();
                    prop_assert_eq!(&again, &decision.state);
                }
            }
            let folded = stored.into_iter().try_fold(M::State::default(), |state, event| state.evolve(&read(event).unwrap()));
            prop_assert_eq!(folded, Some(serde_json::from_value(snapshot).unwrap()));
            Ok(())
        })
        .unwrap();
}

/// Every event, as it is stored, reads back from the golden file of its version, and those named in `warnings` warn.
pub fn golden<E: crate::core::DomainEvent + VariantNames>(name: &str, events: &[E], warnings: &[&str]) {
    let path = format!("machines/golden/{name}.jsonl");
    let mut lines = String::new();
    for event in events {
        lines += &serde_json::to_string(event).unwrap();
        lines.push('\n');
    }
    matches_file(&path, &lines);
    for (line, event) in lines.lines().zip(events) {
        let recorded = record(event).unwrap();
        assert_eq!(serde_json::to_value(event).unwrap()["type"], recorded.name);
        assert_eq!(event.is_warning(), warnings.contains(&event.as_ref()), "{event:?}");
        assert_eq!(&read::<E>(recorded).unwrap(), event);
        assert_eq!(&serde_json::from_str::<E>(line).unwrap(), event);
    }
    for name in E::VARIANTS.iter().chain(warnings) {
        assert!(events.iter().any(|event| event.as_ref() == *name), "{name} is not in {path}");
    }
}
