//! Pause: an annotation asks to leave an object alone. No client, no clock.

use crate::annotation;
use crate::core::{Condition, Status, Timestamp, condition, reason};
use chrono::{DateTime, SecondsFormat};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

/// What an object's annotations say about a pause.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pause {
    /// Nothing, or one that is over.
    None,
    /// It holds until its end, or until the annotation goes.
    Holds { end: Option<Timestamp>, why: Option<String> },
    /// A value that means nothing. The object is not paused: whoever wrote it may have meant either.
    Unreadable { value: String },
}

impl Pause {
    /// The deletion of an object is not held up: its namespace would hang.
    pub fn of(meta: &ObjectMeta, group: &str, now: Timestamp) -> Self {
        let value_of = |name| meta.annotations.as_ref().and_then(|annotations| annotations.get(&annotation::name(group, name)));
        let Some(value) = value_of(annotation::PAUSE).filter(|_| meta.deletion_timestamp.is_none()) else { return Self::None };
        let end = match (value.as_str(), DateTime::parse_from_rfc3339(value)) {
            ("true", _) => None,
            (_, Ok(end)) => Some(end.to_utc()),
            (_, Err(_)) => return Self::Unreadable { value: value.clone() },
        };
        if end.is_some_and(|end| end <= now) {
            return Self::None;
        }
        Self::Holds { end, why: value_of(annotation::PAUSE_REASON).filter(|why| !why.is_empty()).cloned() }
    }

    /// The condition that tells of it.
    pub fn condition(&self, group: &str) -> Option<Condition> {
        let annotation = annotation::name(group, annotation::PAUSE);
        match self {
            Self::None => None,
            Self::Holds { end, why } => {
                let end = end.map_or_else(
                    || "until somebody resumes it".to_owned(),
                    |end| format!("until {}", end.to_rfc3339_opts(SecondsFormat::Secs, true)),
                );
                let why = why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
                let message = format!("nothing is done about this object {end}{why}; to resume it, remove the annotation {annotation}");
                Some(Condition::new(condition::PAUSED, Status::True, reason::PAUSED, message))
            }
            Self::Unreadable { value } => {
                let message = format!(
                    "annotation {annotation}: {value:?} is neither true nor a time, so nothing is paused; write true, or when the pause ends, \
                     such as 2030-01-31T18:00:00Z, or remove it"
                );
                Some(Condition::new(condition::PAUSED, Status::False, reason::INVALID_PAUSE, message))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pause(pairs: &[(&str, &str)], now: &str) -> Pause {
        let annotations = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Pause::of(&ObjectMeta { annotations: Some(annotations), ..ObjectMeta::default() }, GROUP, at(now))
    }

    fn at(time: &str) -> Timestamp {
        DateTime::parse_from_rfc3339(time).unwrap().to_utc()
    }

    const GROUP: &str = "example.org";
    const NOON: &str = "2026-11-21T12:00:00Z";

    #[test]
    fn true_pauses_until_it_is_removed_and_says_why_and_how_to_resume() {
        assert_eq!(pause(&[], NOON), Pause::None);
        let paused = pause(&[("example.org/pause", "true"), ("example.org/pause-reason", "CHG-7: the disk moves")], NOON);
        let condition = paused.condition(GROUP).unwrap();
        assert_eq!((condition.status, condition.reason), (Status::True, "PausedByAnnotation"));
        for words in ["until somebody resumes it", "CHG-7: the disk moves", "remove the annotation example.org/pause"] {
            assert!(condition.message.contains(words), "{}", condition.message);
        }
    }

    #[test]
    fn an_object_that_is_being_deleted_is_not_paused() {
        let annotations = Some([("example.org/pause".to_owned(), "true".to_owned())].into());
        let meta = ObjectMeta { annotations, deletion_timestamp: Some(crate::reconcile::time(at(NOON))), ..ObjectMeta::default() };
        assert_eq!(Pause::of(&meta, GROUP, at(NOON)), Pause::None);
    }

    #[test]
    fn a_time_pauses_until_it_has_come_in_any_time_zone() {
        for end in ["2026-11-21T13:00:00Z", "2026-11-21T14:00:00+01:00", "2026-11-21T13:00:00.5Z"] {
            let paused = pause(&[("example.org/pause", end)], NOON);
            assert!(matches!(&paused, Pause::Holds { end: Some(end), .. } if end.timestamp() == at("2026-11-21T13:00:00Z").timestamp()));
            assert!(paused.condition(GROUP).unwrap().message.contains("until 2026-11-21T13:00:00Z"), "{paused:?}");
        }
        for end in [NOON, "2026-11-21T12:30:00+01:00", "1999-01-01T00:00:00Z"] {
            assert_eq!(pause(&[("example.org/pause", end)], NOON), Pause::None, "{end}");
        }
    }

    #[test]
    fn a_value_that_is_neither_pauses_nothing_and_is_told() {
        for value in ["", "True", "false", "yes", "tomorrow", "2026-11-21", "2026-11-21T13:00:00", "3600"] {
            let condition = pause(&[("example.org/pause", value)], NOON).condition(GROUP).unwrap();
            assert_eq!((condition.status, condition.reason), (Status::False, "InvalidPause"), "{value:?}");
            for words in [&format!("{value:?}"), "neither true nor a time", "remove it"] {
                assert!(condition.message.contains(words), "{}", condition.message);
            }
        }
    }
}
