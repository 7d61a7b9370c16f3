//! What keeps an object from doing its work, as its own status says.

use crate::time::utc;
use chrono::{DateTime, Utc};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use openvox_machines::condition::{PAUSED, READY, RECONCILING, STALLED};
use openvox_operator::http::history::Object;
use serde::Serialize;

/// Why an object is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Gate {
    /// `CamelCase` reason.
    pub reason: String,
    /// One sentence.
    pub message: String,
    /// Since when, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<DateTime<Utc>>,
    /// Nothing changes until somebody does something.
    pub stuck: bool,
}

/// The condition of a type.
fn of<'o>(object: &'o Object, kind: &str) -> Option<&'o Condition> {
    object.conditions.iter().find(|condition| condition.type_ == kind)
}

/// The object does its work.
pub fn is_ready(object: &Object) -> bool {
    of(object, READY).is_some_and(|ready| ready.status == "True")
}

/// What its Ready condition says.
pub fn message(object: &Object) -> &str {
    of(object, READY).map_or("", |ready| &ready.message)
}

/// What blocks the object, the first of: nobody has looked at it, somebody has paused it, it is not ready, its newest spec
/// was not looked at, or it works and something is amiss all the same.
pub fn gate(object: &Object) -> Option<Gate> {
    let held = |kind: &str, status: &str| of(object, kind).filter(|condition| condition.status == status);
    let said = |condition: &Condition, stuck: bool| Gate {
        reason: condition.reason.clone(),
        message: condition.message.clone(),
        since: Some(utc(&condition.last_transition_time)),
        stuck,
    };
    let unseen = |message: String| Gate { reason: "NotObserved".to_owned(), message, since: None, stuck: false };
    let stalled = held(STALLED, "True");
    let Some(ready) = of(object, READY) else {
        let message = "the operator has not looked at it yet: does one run that watches this namespace and knows this kind?";
        return Some(Gate { since: object.created.as_ref().map(utc), ..unseen(message.to_owned()) });
    };
    if let Some(paused) = held(PAUSED, "True") {
        return Some(said(paused, true));
    }
    if ready.status != "True" {
        return Some(said(ready, stalled.is_some()));
    }
    if let (Some(spec), Some(seen)) = (object.generation, object.observed_generation)
        && seen < spec
    {
        return Some(unseen(format!("the operator has not looked at generation {spec} of the spec yet; the status is that of {seen}")));
    }
    stalled.map(|stalled| said(stalled, true)).or_else(|| held(RECONCILING, "True").map(|doing| said(doing, false)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::tests::fleet;

    fn certificate(conditions: &str, generations: (i64, i64)) -> Object {
        let (spec, seen) = generations;
        let text = format!(
            "{{apiVersion: openvox.voxpupuli.org/v1alpha1, kind: Certificate, metadata: {{name: web, namespace: puppet, generation: {spec}}}, \
             spec: {{authorityRef: ca}}, status: {{observedGeneration: {seen}, conditions: [{conditions}]}}}}"
        );
        fleet(&text).0.remove(0).object
    }

    fn condition(kind: &str, status: &str, reason: &str) -> String {
        format!("{{type: {kind}, status: '{status}', reason: {reason}, message: because, lastTransitionTime: 2026-01-31T12:00:00Z}}")
    }

    #[test]
    fn the_first_thing_that_is_amiss_is_the_gate() {
        let reason = |conditions: &[String], generations| gate(&certificate(&conditions.join(", "), generations)).map(|gate| gate.reason);
        let ready = condition("Ready", "True", "Fine");
        let unready = condition("Ready", "False", "Waits");
        let stalled = condition("Stalled", "True", "Stuck");
        let paused = condition("Paused", "True", "Held");
        assert_eq!(reason(&[], (1, 1)).as_deref(), Some("NotObserved"));
        assert_eq!(reason(std::slice::from_ref(&ready), (1, 1)), None);
        assert_eq!(reason(std::slice::from_ref(&ready), (2, 1)).as_deref(), Some("NotObserved"));
        assert_eq!(reason(&[ready.clone(), stalled.clone()], (1, 1)).as_deref(), Some("Stuck"));
        assert_eq!(reason(&[unready.clone(), stalled.clone()], (2, 1)).as_deref(), Some("Waits"));
        assert_eq!(reason(&[unready, stalled, paused], (1, 1)).as_deref(), Some("Held"));
    }

    #[test]
    fn a_gate_is_stuck_when_the_object_says_that_it_is_stalled() {
        let stuck = |conditions: &[String]| gate(&certificate(&conditions.join(", "), (1, 1))).unwrap().stuck;
        assert!(!stuck(&[condition("Ready", "False", "Waits")]));
        assert!(stuck(&[condition("Ready", "False", "Waits"), condition("Stalled", "True", "Waits")]));
    }
}
