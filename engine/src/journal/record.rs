//! One row of the journal.

use crate::lifecycle::HistoryEntry;

/// A transition and the object that made it.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// `metadata.uid`: two objects of the same name, one after the other, differ in it.
    pub uid: String,
    /// Kind as in manifests, such as `Deployment`.
    pub kind: String,
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// The transition; its `seq` is unique per uid.
    pub entry: HistoryEntry,
}
