//! What stays in `.status.history` of an object.

use super::gap::{Gap, first_seq};
use crate::lifecycle::HistoryEntry;
use std::io;

/// This many of the newest entries stay whatever happens: enough to see how an object came to
/// where it is without asking the journal.
pub const NEWEST_KEPT: usize = 8;

/// Bound in bytes of the JSON form while entries wait for the journal. The API server refuses
/// objects of about 1.5 MiB, and every watcher receives the whole object on every change.
pub const MAX_BYTES: usize = 16 * 1024;

/// Appends a transition. Older entries leave once they are journaled (`journaled` is the
/// highest number that is); when the journal is down for so long that the bound is reached,
/// the oldest give way to one entry that names their range.
pub fn push(history: &mut Vec<HistoryEntry>, entry: HistoryEntry, journaled: i64) {
    history.push(entry);
    let spare = history.len().saturating_sub(NEWEST_KEPT);
    let done = history.iter().take(spare).take_while(|entry| entry.seq <= journaled).count();
    history.drain(..done);
    shrink(history);
}

/// Folds the oldest entries into a gap until the bound is kept or only the newest are left.
fn shrink(history: &mut Vec<HistoryEntry>) {
    let mut size: usize = history.iter().map(json_len).sum();
    while size > MAX_BYTES && history.len() > NEWEST_KEPT + 1 {
        let oldest = history.remove(0);
        let Some(next) = history.first_mut() else {
            return;
        };
        size = size.saturating_sub(json_len(&oldest) + json_len(next));
        let gap = Gap { first: first_seq(&oldest), last: next.seq };
        *next = gap.entry(&oldest.from, next);
        size += json_len(next);
    }
}

/// Length of the JSON form with its comma, without making it.
fn json_len(entry: &HistoryEntry) -> usize {
    struct Count(usize);

    impl io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let mut count = Count(1);
    // Neither the counter nor the entry's plain data can fail; a partial count would only
    // shrink the ring later.
    let _ = serde_json::to_writer(&mut count, entry);
    count.0
}

#[cfg(test)]
mod tests;
