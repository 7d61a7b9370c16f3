//! One step of a sweep, in whichever database.

use super::statements::{HIGH_WATER, NEXT_OBJECT, OLDEST, REMOVE};
use super::store::{PruneStep, Pruned};
use sqlx::{ColumnIndex, Database, Decode, Encode, Executor, IntoArguments, Row as _, Type};

/// Objects that a step looks at, with three look-ups in an index each.
const OBJECTS: usize = 50;
/// Records that a step removes: some milliseconds, which whoever appends may have to wait.
const RECORDS: i64 = 500;

/// What may go of the oldest records of an object, given as (seq, time) in ascending order: all up to this number.
/// The newest record stays, and what stays has no holes.
fn removable(step: &PruneStep, newest: i64, oldest: &[(i64, i64)]) -> Option<i64> {
    let beyond = step.newest.map(|count| newest.saturating_sub(i64::from(count)));
    let before = step.before.map(k8s_openapi::jiff::Timestamp::as_second);
    let goes = |(seq, at): &(i64, i64)| *seq < newest && (beyond.is_some_and(|last| *seq <= last) || before.is_some_and(|time| *at < time));
    oldest.iter().take_while(|record| goes(record)).last().map(|(seq, _)| *seq)
}

/// Looks at the next objects, oldest records first, until its bound of objects or of records is reached.
pub(super) async fn prune<DB>(connection: &mut DB::Connection, step: &PruneStep) -> Result<Pruned, sqlx::Error>
where
    DB: Database,
    DB::Arguments: IntoArguments<DB>,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
    for<'q> String: Encode<'q, DB> + Type<DB>,
    for<'q> i64: Encode<'q, DB> + Decode<'q, DB> + Type<DB>,
    for<'r> Option<i64>: Decode<'r, DB>,
    for<'r> Option<String>: Decode<'r, DB>,
    usize: ColumnIndex<DB::Row>,
{
    let mut removed = 0;
    let mut position = step.position.clone();
    for _ in 0..OBJECTS {
        let row = sqlx::query(NEXT_OBJECT).bind(position.clone()).fetch_one(&mut *connection).await?;
        let Some(uid) = row.try_get::<Option<String>, _>(0)? else {
            return Ok(Pruned { removed, position: None });
        };
        let row = sqlx::query(HIGH_WATER).bind(uid.clone()).fetch_one(&mut *connection).await?;
        let newest = row.try_get::<Option<i64>, _>(0)?.unwrap_or(0);
        // Most objects have nothing to remove, and their oldest record tells so.
        for most in [1, RECORDS] {
            let rows = sqlx::query(OLDEST).bind(uid.clone()).bind(most).fetch_all(&mut *connection).await?;
            let oldest = rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect::<Result<Vec<_>, sqlx::Error>>()?;
            let Some(last) = removable(step, newest, &oldest) else { break };
            if most > 1 {
                sqlx::query(REMOVE).bind(uid.clone()).bind(last).execute(&mut *connection).await?;
                removed += u64::try_from(oldest.iter().filter(|(seq, _)| *seq <= last).count()).unwrap_or(u64::MAX);
                if removed >= RECORDS.unsigned_abs() || oldest.last().is_some_and(|(seq, _)| *seq <= last) {
                    // This object may have more to remove: the next step begins with it.
                    return Ok(Pruned { removed, position: Some(position) });
                }
            }
        }
        position = uid;
    }
    Ok(Pruned { removed, position: Some(position) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::jiff::Timestamp;

    fn step(before: Option<i64>, newest: Option<u32>) -> PruneStep {
        PruneStep { before: before.map(|at| Timestamp::from_second(at).unwrap()), newest, position: String::new() }
    }

    #[test]
    fn the_newest_record_stays_whatever_its_age() {
        let records = [(1, 10), (2, 20), (3, 30)];
        assert_eq!(removable(&step(Some(1000), None), 3, &records), Some(2));
        assert_eq!(removable(&step(Some(1000), Some(1)), 1, &records[..1]), None);
    }

    #[test]
    fn either_limit_removes() {
        let records = [(1, 10), (2, 20), (3, 30), (4, 40)];
        assert_eq!(removable(&step(Some(20), None), 9, &records), Some(1));
        assert_eq!(removable(&step(None, Some(6)), 9, &records), Some(3));
        assert_eq!(removable(&step(Some(20), Some(6)), 9, &records), Some(3));
        assert_eq!(removable(&step(None, None), 9, &records), None);
    }

    #[test]
    fn what_stays_has_no_holes_even_after_a_clock_that_ran_ahead() {
        let records = [(1, 10), (2, 5000), (3, 30), (4, 40)];
        assert_eq!(removable(&step(Some(100), None), 9, &records), Some(1));
    }
}
