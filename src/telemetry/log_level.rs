//! The level of the log while the operator runs.

use super::logs::{LogFilterError, directives, filter};
use std::sync::{Mutex, OnceLock, PoisonError};
use tracing_subscriber::filter::EnvFilter;
use tracing_subscriber::reload::{Error, Handle};

type Reload = Box<dyn Fn(EnvFilter) -> Result<(), Error> + Send + Sync>;

/// What is logged, and the way to change it.
pub struct LogLevel {
    /// What the operator was started with.
    first: String,
    now: Mutex<String>,
    reload: Reload,
}

/// A process has one log.
static OF_PROCESS: OnceLock<LogLevel> = OnceLock::new();

/// The log level cannot be changed.
#[derive(Debug, thiserror::Error)]
pub enum LogLevelError {
    /// It is neither a level nor a filter.
    #[error(transparent)]
    Filter(#[from] LogFilterError),
    /// Nothing is logged any more.
    #[error("failed to change the filter of the log")]
    Reload(#[from] Error),
}

impl LogLevel {
    pub(super) fn new<S: 'static>(directives: String, handle: Handle<EnvFilter, S>) -> Self {
        Self { now: Mutex::new(directives.clone()), first: directives, reload: Box::new(move |filter| handle.reload(filter)) }
    }

    /// The level of this process's log; none before it is set up.
    pub fn of_process() -> Option<&'static Self> {
        OF_PROCESS.get()
    }

    /// Makes it the level of this process's log. The first one stays.
    pub(super) fn install(self) {
        let _ = OF_PROCESS.set(self);
    }

    /// The filter in use, as directives of `tracing-subscriber`.
    #[must_use]
    pub fn now(&self) -> String {
        self.now.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes it to a level (error, warn, info, debug, trace) of the operator's own lines, or to a complete filter such as
    /// `info,kube=debug`; nothing stands for what the operator was started with.
    ///
    /// # Errors
    /// [`LogLevelError`]; then nothing has changed.
    pub fn set(&self, wanted: &str) -> Result<(), LogLevelError> {
        let wanted = if wanted.trim().is_empty() { &self.first } else { wanted };
        let filter = filter(wanted)?;
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        (self.reload)(filter)?;
        *now = directives(wanted);
        Ok(())
    }
}
