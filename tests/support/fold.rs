//! The state that a history leads to.

use openvox_machines::core::{Recorded, State, read};
use serde_json::Value;

/// Folds entries as the history API shows them, oldest first, from the machine's beginning; each leads from where the one
/// before it ended.
pub fn fold<S: State>(entries: &[Value]) -> Value {
    let mut state = S::default();
    for entry in entries {
        let recorded = Recorded {
            name: entry["event"].as_str().unwrap_or_default().to_owned(),
            version: entry["version"].as_u64().and_then(|version| version.try_into().ok()).unwrap_or_default(),
            data: entry.get("data").cloned(),
        };
        let event = read::<S::Event>(recorded).unwrap_or_else(|error| panic!("{error} in {entry}"));
        assert_eq!(entry["from"], state.path(), "{entry}");
        state = state.evolve(&event).unwrap_or_else(|| panic!("{} cannot absorb {entry}", state.path()));
        assert_eq!(entry["to"], state.path(), "{entry}");
    }
    serde_json::to_value(state).expect("states serialise")
}
