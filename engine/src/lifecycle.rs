//! The part of `.status` that every kind shares: state, conditions, snapshot and history.

#![expect(clippy::doc_markdown, reason = "the docs of fields are what `kubectl explain` prints, as plain text")]

use crate::document::Document;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::KubeSchema;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::fmt::Debug;

/// State, conditions and history of an object. Flattened into the status of every kind.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Lifecycle {
    /// Path of the current state, from the superstate to the leaf, such as Signed/Valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Generation of the spec that this status describes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Conditions of the object, one per type. Ready says whether the object does its work.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// Value of the annotation {group}/requestedAt when the object last came to rest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,
    /// Snapshot of the state machine behind this object. Written by the operator only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<MachineStatus>,
    /// The newest transitions, oldest first. Older ones are kept in the journal.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<HistoryEntry>,
}

/// Snapshot of a state machine: all it needs to go on after a restart.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct MachineStatus {
    /// Version of the layout of this snapshot.
    pub version: u32,
    /// Number of the last transition. The first one has number 1.
    #[schemars(range(min = 0, max = 9_007_199_254_740_991_i64))]
    pub seq: i64,
    /// When the current state was entered; where it waits after failures, when it was entered after the first of them.
    pub since: Time,
    /// When the first of the failures in a row was. Only while they go on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<Time>,
    /// How many attempts of the current step have failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// When the next attempt is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_attempt: Option<Time>,
    /// When waiting in the current state counts as a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Time>,
    /// Data of the current state. Its shape depends on kind, state and version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "free_form")]
    pub data: Option<Document>,
}

/// One transition of the state machine, recorded before anything was done about it.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct HistoryEntry {
    /// Number of the transition, counted per object from 1.
    #[schemars(range(min = 0, max = 9_007_199_254_740_991_i64))]
    pub seq: i64,
    /// When the transition was decided, in whole seconds.
    pub at: Time,
    /// Name of the domain event, in the past tense, such as CsrSubmitted.
    pub event: String,
    /// Version of the layout of this event's data.
    pub version: u32,
    /// Path of the state that was left.
    pub from: String,
    /// Path of the state that was entered.
    pub to: String,
    /// Phase that the entered state shows as.
    pub phase: String,
    /// What led to the transition, in one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// Trace in which the transition was decided, 32 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// Data of the event. Its shape depends on event and version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "free_form")]
    pub data: Option<Document>,
}

/// A status that carries a [`Lifecycle`] and a phase from its kind's own list.
pub trait Lifecycled: Default + Clone + PartialEq + Serialize + DeserializeOwned + Debug + Send + Sync + 'static {
    /// The shared part of the status.
    fn lifecycle(&self) -> &Lifecycle;

    /// The shared part of the status, to be changed.
    fn lifecycle_mut(&mut self) -> &mut Lifecycle;

    /// The phase as it stands in `.status.phase`, absent before the first decision.
    fn phase(&self) -> Option<String>;

    /// Sets the phase by name.
    ///
    /// # Errors
    /// [`UnknownPhase`] when the kind has no phase of that name; the status is unchanged then.
    fn set_phase(&mut self, phase: &str) -> Result<(), UnknownPhase>;
}

/// A phase name that the kind does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("failed to read phase {phase:?}: known are {}", known.join(", "))]
pub struct UnknownPhase {
    /// The name that was given.
    pub phase: String,
    /// The names that the kind has.
    pub known: Vec<&'static str>,
}

fn free_form(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "x-kubernetes-preserve-unknown-fields": true })
}
