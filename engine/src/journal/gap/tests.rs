use super::*;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;

fn record(seq: i64) -> Record {
    Record {
        uid: "u".to_owned(),
        kind: "Certificate".to_owned(),
        namespace: "puppet".to_owned(),
        name: "web".to_owned(),
        entry: HistoryEntry {
            seq,
            at: Time(Timestamp::from_second(1_800_000_000 + seq).unwrap()),
            event: "CsrSubmitted".to_owned(),
            version: 1,
            from: format!("S{}", seq - 1),
            to: format!("S{seq}"),
            phase: "Requested".to_owned(),
            cause: None,
            trace_id: None,
            data: None,
        },
    }
}

fn gap(first: i64, last: i64) -> Record {
    let mut record = record(last);
    record.entry = Gap { first, last }.entry("S0", &record.entry);
    record
}

fn ranges(records: &[Record]) -> Vec<(i64, i64)> {
    records.iter().map(|record| (first_seq(&record.entry), record.entry.seq)).collect()
}

#[test]
fn what_the_journal_has_is_left_out() {
    let records = continue_after(2, vec![record(1), record(2), record(3)]);
    assert_eq!(ranges(&records), [(3, 3)]);
}

#[test]
fn a_hole_in_front_of_a_record_is_named() {
    let records = continue_after(2, vec![record(6), record(7)]);
    assert_eq!(ranges(&records), [(3, 5), (6, 6), (7, 7)]);
    let gap = &records[0].entry;
    assert_eq!(gap.event, HISTORY_GAP);
    assert_eq!((gap.from.as_str(), gap.to.as_str()), ("", "S5"));
}

#[test]
fn a_fresh_journal_names_everything_before_the_ring() {
    let records = continue_after(0, vec![record(43)]);
    assert_eq!(ranges(&records), [(1, 42), (43, 43)]);
}

#[test]
fn a_gap_of_the_ring_is_enough() {
    let records = continue_after(0, vec![gap(1, 9), record(10)]);
    assert_eq!(ranges(&records), [(1, 9), (10, 10)]);
}

#[test]
fn a_gap_does_not_claim_what_the_journal_received() {
    let records = continue_after(7, vec![gap(5, 9), record(10)]);
    assert_eq!(ranges(&records), [(8, 9), (10, 10)]);
}
