//! Serial numbers of revoked certificates, left in the encoded list: a list that is only checked and stored needs
//! none of them, and as numbers they take several times the room.

use super::crl_outline::{Outline, serials};
use super::serial::Serial;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// The serial numbers on a revocation list, in its order.
#[derive(Clone, Default)]
pub struct RevokedSerials {
    list: Arc<[u8]>,
    /// Where the entries are.
    entries: Range<usize>,
}

impl RevokedSerials {
    /// Those of the list that has this outline.
    pub(super) fn new(list: &Arc<[u8]>, outline: &Outline<'_>) -> Self {
        let from = outline.entries_at;
        Self { list: Arc::clone(list), entries: from..from + outline.entries.len() }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        serials(self.entries()).flatten().count()
    }

    /// There are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether this number is one of them.
    #[must_use]
    pub fn contains(&self, serial: &Serial) -> bool {
        self.iter().any(|revoked| revoked == *serial)
    }

    /// The numbers.
    pub fn iter(&self) -> impl Iterator<Item = Serial> {
        serials(self.entries()).flatten().map(Serial::from_bytes)
    }

    fn entries(&self) -> &[u8] {
        self.list.get(self.entries.clone()).unwrap_or_default()
    }
}

impl PartialEq for RevokedSerials {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for RevokedSerials {}

impl fmt::Debug for RevokedSerials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RevokedSerials({})", self.len())
    }
}

impl IntoIterator for RevokedSerials {
    type Item = Serial;
    type IntoIter = std::vec::IntoIter<Serial>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter().collect::<Vec<_>>().into_iter()
    }
}
