//! Checks whether the lists from a CA may replace the stored ones.

use super::bundle::CaBundle;
use super::crl::{Crl, CrlBundle, CrlError};
use chrono::{DateTime, TimeDelta, Utc};

/// How far the clock of a CA may be ahead of the operator's. Kerberos allows the same difference; nodes whose clocks differ
/// more have trouble with certificates, too.
const CLOCK_SKEW: TimeDelta = TimeDelta::minutes(5);

/// What lists are to those that are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CrlUpdate {
    /// The same.
    Same,
    /// Newer, or the first.
    Newer,
}

/// Why lists must not take the place of the stored ones.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CrlRefusal {
    /// They are not lists of this CA.
    #[error(transparent)]
    Unverified(#[from] CrlError),
    /// A list has a lower number than the stored one of the same CA.
    #[error("the CRL of {issuer} has number {found}, and the stored one has {stored}: it is older, and revocations would be lost")]
    Older {
        /// Issuer of both lists.
        issuer: String,
        /// Number of the list.
        found: String,
        /// Number of the stored one.
        stored: String,
    },
    /// A list differs from the stored one and is not newer by number or date.
    #[error(
        "the CRL of {issuer} differs from the stored one, and nothing says that it is newer: its number is {found}, that of the \
         stored one {stored}, and it is not issued later"
    )]
    Ambiguous {
        /// Issuer of both lists.
        issuer: String,
        /// Number of the list.
        found: String,
        /// Number of the stored one.
        stored: String,
    },
    /// A list is from the future.
    #[error("the CRL of {issuer} is issued at {this_update}, and it is {now}: the clock of the CA or of this cluster is wrong")]
    FromTheFuture {
        /// Issuer of the list.
        issuer: String,
        /// When it was issued, by its own account.
        this_update: DateTime<Utc>,
        /// The time here.
        now: DateTime<Utc>,
    },
    /// A list has run out.
    #[error("the CRL of {issuer} had to be renewed by {next_update}: nobody who is checked against it would be trusted")]
    Ended {
        /// Issuer of the list.
        issuer: String,
        /// When the next list was due.
        next_update: DateTime<Utc>,
    },
    /// A CA of the chain that had a list has none any more.
    #[error("the CRL of {issuer} is stored and not among those that the CA shows: without it the chain cannot be checked")]
    Dropped {
        /// Issuer of the stored list.
        issuer: String,
    },
}

impl CrlBundle {
    /// Compares lists with the stored ones, if there are any, as of `now`.
    ///
    /// Every list must be signed by a CA of `bundle`, and the signing CA's must be there. A list may take the place of
    /// the stored one of the same issuer if it [is newer](Crl::is_newer_than). It must not be from the future, nor past its
    /// own next update.
    ///
    /// # Errors
    /// Names the list and the rule that it breaks.
    pub fn update_of(&self, stored: Option<&Self>, bundle: &CaBundle, now: DateTime<Utc>) -> Result<CrlUpdate, CrlRefusal> {
        if stored == Some(self) {
            return Ok(CrlUpdate::Same);
        }
        self.verify(bundle)?;
        for list in self.lists() {
            let before = stored.and_then(|stored| stored.newest_of(&list.info().issuer_name));
            if before != Some(list) {
                fresh(list, now)?;
                before.map_or(Ok(()), |before| newer(list, before))?;
            }
        }
        for before in stored.iter().flat_map(|stored| stored.lists()) {
            if self.newest_of(&before.info().issuer_name).is_none() {
                return Err(CrlRefusal::Dropped { issuer: before.info().issuer.clone() });
            }
        }
        Ok(CrlUpdate::Newer)
    }
}

fn fresh(list: &Crl, now: DateTime<Utc>) -> Result<(), CrlRefusal> {
    let info = list.info();
    if info.this_update > now + CLOCK_SKEW {
        return Err(CrlRefusal::FromTheFuture { issuer: info.issuer.clone(), this_update: info.this_update, now });
    }
    match info.next_update.filter(|next_update| *next_update <= now) {
        Some(next_update) => Err(CrlRefusal::Ended { issuer: info.issuer.clone(), next_update }),
        None => Ok(()),
    }
}

/// `list` differs from `before`, which has the same issuer.
fn newer(list: &Crl, before: &Crl) -> Result<(), CrlRefusal> {
    if list.is_newer_than(before) {
        return Ok(());
    }
    let text = |list: &Crl| list.info().number.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string);
    let (issuer, found, stored) = (list.info().issuer.clone(), text(list), text(before));
    // A list without a number is older than any with one.
    let older = list.info().number < before.info().number;
    Err(if older { CrlRefusal::Older { issuer, found, stored } } else { CrlRefusal::Ambiguous { issuer, found, stored } })
}

#[cfg(test)]
mod tests;
