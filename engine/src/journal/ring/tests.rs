use super::*;
use crate::journal::HISTORY_GAP;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use proptest::prelude::*;
use serde_json::json;

fn entry(seq: i64, bytes: usize) -> HistoryEntry {
    HistoryEntry {
        seq,
        at: Time(Timestamp::from_second(1_800_000_000 + seq).unwrap()),
        event: "CsrSubmitted".to_owned(),
        version: 1,
        from: format!("S{}", seq - 1),
        to: format!("S{seq}"),
        phase: "Requested".to_owned(),
        cause: None,
        trace_id: None,
        data: (bytes > 0).then(|| json!("x".repeat(bytes)).into()),
    }
}

fn bytes(history: &[HistoryEntry]) -> usize {
    serde_json::to_vec(history).unwrap().len()
}

fn seqs(history: &[HistoryEntry]) -> Vec<i64> {
    history.iter().map(|entry| entry.seq).collect()
}

#[test]
fn with_a_working_journal_only_the_newest_stay() {
    let mut history = Vec::new();
    for seq in 1..=30 {
        push(&mut history, entry(seq, 0), seq - 1);
    }
    assert_eq!(seqs(&history), (23..=30).collect::<Vec<_>>());
}

#[test]
fn entries_that_are_not_journaled_stay() {
    let mut history = Vec::new();
    for seq in 1..=30 {
        push(&mut history, entry(seq, 0), 5);
    }
    assert_eq!(seqs(&history), (6..=30).collect::<Vec<_>>());
}

#[test]
fn when_the_bound_is_reached_one_gap_names_what_was_lost() {
    let mut history = Vec::new();
    for seq in 1..=200 {
        push(&mut history, entry(seq, 100), 0);
    }
    let first = &history[0];
    let gap = Gap::of(first).unwrap();
    assert_eq!(gap.first, 1);
    assert_eq!(gap.last + 1, history[1].seq);
    assert_eq!(first.from, "S0");
    assert_eq!(first.to, history[1].from);
    assert!(bytes(&history) <= MAX_BYTES);
    assert_eq!(history.iter().filter(|e| Gap::of(e).is_some()).count(), 1);
}

#[test]
fn a_gap_leaves_like_any_entry_once_it_is_journaled() {
    let mut history = Vec::new();
    for seq in 1..=200 {
        push(&mut history, entry(seq, 100), 0);
    }
    push(&mut history, entry(201, 0), 200);
    assert_eq!(seqs(&history), (194..=201).collect::<Vec<_>>());
}

#[test]
fn the_newest_stay_even_when_they_are_too_big() {
    let mut history = Vec::new();
    for seq in 1..=20 {
        push(&mut history, entry(seq, 4000), 0);
    }
    assert_eq!(seqs(&history), (12..=20).collect::<Vec<_>>());
    assert_eq!(history[0].event, HISTORY_GAP);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn nothing_unjournaled_disappears_without_a_gap(
        steps in prop::collection::vec((0_usize..3000, any::<bool>(), 0_i64..40), 1..150)
    ) {
        let mut history = Vec::new();
        let mut journaled = 0;
        for (seq, (size, advance, behind)) in (1_i64..).zip(steps) {
            if advance {
                journaled = journaled.max(seq - 1 - behind);
            }
            push(&mut history, entry(seq, size), journaled);

            // Numbers ascend, and every one that is not journaled is there or in a gap.
            let mut covered = journaled;
            for kept in &history {
                prop_assert!(first_seq(kept) <= covered + 1, "{} after {covered}", kept.seq);
                covered = covered.max(kept.seq);
            }
            prop_assert!(history.windows(2).all(|pair| pair[0].seq < pair[1].seq));
            prop_assert_eq!(covered, seq);

            // The newest are there, unchanged in everything that the test can tell.
            let newest: Vec<_> = history.iter().rev().take(NEWEST_KEPT).collect();
            prop_assert!(newest.iter().all(|kept| Gap::of(kept).is_none()));
            prop_assert_eq!(newest.len(), usize::try_from(seq).unwrap().min(NEWEST_KEPT));

            // One gap at most, and the bound holds while anything may go.
            prop_assert!(history.iter().skip(1).all(|kept| Gap::of(kept).is_none()));
            prop_assert!(history.len() <= NEWEST_KEPT + 1 || bytes(&history) <= MAX_BYTES + 1);
        }
    }
}
