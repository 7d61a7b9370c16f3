//! History that is known to be missing.

use super::record::Record;
use crate::lifecycle::HistoryEntry;
use serde_json::json;

/// Event name of the entry that stands for missing entries.
pub const HISTORY_GAP: &str = "HistoryGap";
/// Layout version of the entry's data.
const GAP_VERSION: u32 = 1;

/// A range of sequence numbers whose entries were lost before they reached the journal.
///
/// As a history entry it carries the number of the last one it stands for, so numbers stay
/// unique and ascending, and `data: {"firstSeq": …, "lastSeq": …}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// First missing number.
    pub first: i64,
    /// Last missing number.
    pub last: i64,
}

impl Gap {
    /// The gap that an entry stands for, if it is one.
    #[must_use]
    pub fn of(entry: &HistoryEntry) -> Option<Self> {
        if entry.event != HISTORY_GAP {
            return None;
        }
        let first = entry.data.as_ref().and_then(|data| data.value().get("firstSeq")?.as_i64()).unwrap_or(entry.seq);
        // Somebody else may have written it.
        let first = first.min(entry.seq);
        Some(Self { first, last: entry.seq })
    }

    /// How many entries are missing.
    #[must_use]
    pub fn count(self) -> i64 {
        self.last.saturating_sub(self.first).saturating_add(1)
    }

    /// The entry that stands for this gap. `lost` is an entry inside the gap or right after it;
    /// states and time are taken from it, being the nearest that is known.
    #[must_use]
    pub fn entry(self, from: &str, lost: &HistoryEntry) -> HistoryEntry {
        HistoryEntry {
            seq: self.last,
            at: lost.at.clone(),
            event: HISTORY_GAP.to_owned(),
            version: GAP_VERSION,
            from: from.to_owned(),
            to: lost.to.clone(),
            phase: lost.phase.clone(),
            cause: Some("entries were lost before they could be journaled".to_owned()),
            trace_id: None,
            data: Some(json!({ "firstSeq": self.first, "lastSeq": self.last }).into()),
        }
    }
}

/// The first number that an entry stands for.
pub(super) fn first_seq(entry: &HistoryEntry) -> i64 {
    Gap::of(entry).map_or(entry.seq, |gap| gap.first)
}

/// Brings the records of one object, in ascending order, to where the journal stands: leaves
/// out what it has, and puts a gap in front of a record whose predecessor nobody has.
pub(super) fn continue_after(high_water: i64, records: Vec<Record>) -> Vec<Record> {
    let mut reached = high_water;
    let mut continued = Vec::with_capacity(records.len());
    for mut record in records {
        let seq = record.entry.seq;
        if seq <= reached {
            continue;
        }
        let first = first_seq(&record.entry);
        if first > reached.saturating_add(1) {
            let gap = Gap { first: reached.saturating_add(1), last: first.saturating_sub(1) };
            // The state before the gap is not known; the one after it is where the record starts.
            let mut entry = gap.entry("", &record.entry);
            entry.to.clone_from(&record.entry.from);
            continued.push(Record { entry, ..record.clone() });
        } else if first <= reached {
            // A gap that the ring had to make while the journal was still receiving its start.
            let gap = Gap { first: reached.saturating_add(1), last: seq };
            record.entry = gap.entry(&record.entry.from, &record.entry);
        }
        reached = seq;
        continued.push(record);
    }
    continued
}

#[cfg(test)]
mod tests;
