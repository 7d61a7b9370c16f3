//! Dying on purpose, for tests: a release build has none of this.
//!
//! `CRASH_AT=Greeting/commit/2` ends the process, without a word to anybody, right after the second commit of a Greeting;
//! `CRASH_AT=Greeting/effect/1` right before its first effect, `Greeting/done/1` right after it. A reconciler may have
//! points of its own.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

static MET: LazyLock<Mutex<HashMap<String, u32>>> = LazyLock::new(Mutex::default);

/// Counts this point, and dies if it is the one that was asked for.
pub fn point(kind: &str, point: &str) {
    let Ok(wanted) = std::env::var("CRASH_AT") else { return };
    let place = format!("{kind}/{point}");
    let mut met = MET.lock().unwrap_or_else(PoisonError::into_inner);
    let count = met.entry(place.clone()).or_default();
    *count += 1;
    if wanted == format!("{place}/{count}") {
        std::process::abort();
    }
}
