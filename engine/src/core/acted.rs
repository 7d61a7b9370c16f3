//! What running an effect came to.

/// What running an effect came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acted<R> {
    /// The machine is handed this report.
    Reported(R),
    /// The effect did its part; the machine will observe what comes of it.
    Begun,
    /// There was nothing to do, or what it was to be done to is gone or has changed.
    Moot,
}

impl<R> Acted<R> {
    /// The report, if there is one.
    #[must_use]
    pub fn report(self) -> Option<R> {
        match self {
            Self::Reported(report) => Some(report),
            Self::Begun | Self::Moot => None,
        }
    }

    /// Name of the variant, for traces.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Reported(_) => "reported",
            Self::Begun => "begun",
            Self::Moot => "moot",
        }
    }
}

/// The effect type of a machine that has no effects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoEffect {}

impl From<NoEffect> for &'static str {
    fn from(effect: NoEffect) -> Self {
        match effect {}
    }
}
