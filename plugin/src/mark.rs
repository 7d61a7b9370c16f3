//! Wishes to the operator, which are annotations: renew, rekey, reconcile, pause, resume.

use crate::connection::Connection;
use crate::target::Target;
use crate::time::rfc3339;
use anyhow::Context as _;
use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use kube::api::{Api, Patch, PatchParams};
use kube::core::DynamicObject;
use kube::core::PartialObjectMeta;
use openvox_crds::vocabulary::{PLUGIN_FIELD_MANAGER, annotation};
use serde_json::{Value, json};

/// A wish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mark {
    /// A new certificate for the same key.
    Renew,
    /// A new certificate for a new key.
    Rekey,
    /// A look, now.
    Reconcile,
    /// To be left alone.
    Pause {
        /// Until when; for ever without it.
        until: Option<DateTime<Utc>>,
        /// Why.
        reason: Option<String>,
    },
    /// Not to be left alone any more.
    Resume,
}

impl Mark {
    /// A pause from now on.
    pub fn pause(length: Option<TimeDelta>, reason: Option<&str>, now: DateTime<Utc>) -> Self {
        Self::Pause { until: length.and_then(|length| now.checked_add_signed(length)), reason: reason.map(str::to_owned) }
    }

    /// The annotations, `null` for those that go.
    fn annotations(&self, now: DateTime<Utc>) -> Value {
        // Two wishes in one second are two wishes.
        let now = now.trunc_subsecs(3).to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
        match self {
            Self::Renew => json!({annotation::RENEW: now}),
            Self::Rekey => json!({annotation::REKEY: now}),
            Self::Reconcile => json!({annotation::REQUESTED_AT: now}),
            Self::Pause { until, reason } => {
                json!({annotation::PAUSE: until.map_or_else(|| "true".to_owned(), rfc3339), annotation::PAUSE_REASON: reason})
            }
            Self::Resume => json!({annotation::PAUSE: null, annotation::PAUSE_REASON: null}),
        }
    }

    fn done(&self, target: &Target) -> String {
        match self {
            Self::Renew => format!("{target}: a renewal is asked for"),
            Self::Rekey => format!("{target}: a new key is asked for"),
            Self::Reconcile => format!("{target}: the operator is asked to look at it now"),
            Self::Pause { until: Some(until), .. } => format!("{target} is to be left alone until {}", rfc3339(*until)),
            Self::Pause { until: None, .. } => format!("{target} is to be left alone until: kubectl openvox resume"),
            Self::Resume => format!("{target} is not to be left alone any more"),
        }
    }

    /// Sets or removes the annotations, and answers with the value of the first, which the operator's answer repeats.
    ///
    /// # Errors
    /// If the object does not exist, or may not be changed.
    pub async fn set(&self, connection: &Connection, target: &Target) -> anyhow::Result<String> {
        let namespace = connection.one_namespace()?;
        let api: Api<DynamicObject> = Api::namespaced_with(connection.client.clone(), namespace, &target.kind.resource);
        let annotations = self.annotations(Utc::now());
        let value = annotations.as_object().and_then(|all| all.values().find_map(Value::as_str)).unwrap_or_default().to_owned();
        let patch = json!({"metadata": {"annotations": annotations}});
        let params = PatchParams { field_manager: Some(PLUGIN_FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        let patched: Result<PartialObjectMeta<DynamicObject>, _> = api.patch_metadata(&target.name, &params, &Patch::Merge(&patch)).await;
        patched.with_context(|| format!("failed to annotate {target} in namespace {namespace}"))?;
        println!("{}", self.done(target));
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_has_an_end_or_none_and_a_resume_takes_both_annotations_away() {
        let now: DateTime<Utc> = "2026-01-31T12:00:00.5Z".parse().unwrap();
        let pause = |length| Mark::pause(length, Some("disk change"), now).annotations(now);
        let reason = "disk change";
        assert_eq!(pause(None), json!({annotation::PAUSE: "true", annotation::PAUSE_REASON: reason}));
        assert_eq!(pause(Some(TimeDelta::hours(2))), json!({annotation::PAUSE: "2026-01-31T14:00:00Z", annotation::PAUSE_REASON: reason}));
        assert_eq!(Mark::pause(None, None, now).annotations(now)[annotation::PAUSE_REASON], Value::Null);
        assert_eq!(Mark::Resume.annotations(now), json!({annotation::PAUSE: null, annotation::PAUSE_REASON: null}));
    }

    #[test]
    fn a_wish_carries_the_time_at_which_it_was_made() {
        let now: DateTime<Utc> = "2026-01-31T12:00:00.5Z".parse().unwrap();
        assert_eq!(Mark::Renew.annotations(now), json!({annotation::RENEW: "2026-01-31T12:00:00.500Z"}));
        assert_eq!(Mark::Reconcile.annotations(now), json!({annotation::REQUESTED_AT: "2026-01-31T12:00:00.500Z"}));
    }
}
