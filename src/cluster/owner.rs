//! Owner references.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::Resource;
use openvox_machines::core::Blocked;
use openvox_machines::reason;
use std::fmt;

/// The reference that makes `owner` the controller of an object.
#[must_use]
pub fn owner_reference<K: Resource<DynamicType = ()>>(owner: &K) -> Option<OwnerReference> {
    owner.controller_owner_ref(&())
}

/// The controller among an object's owners.
#[must_use]
pub fn controller_of(meta: &ObjectMeta) -> Option<&OwnerReference> {
    meta.owner_references.as_ref()?.iter().find(|owner| owner.controller == Some(true))
}

/// Whose an object is that should be ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Foreign {
    /// Another object controls it.
    Stranger(String),
    /// No object controls it, and it lacks our label.
    Nobody,
    /// The resource of the same kind and name that has been deleted: the garbage collector is on its way.
    Predecessor(String),
}

impl Foreign {
    /// Whose `live` is, if another than `ours` controls it.
    #[must_use]
    pub fn of(live: &ObjectMeta, ours: Option<&OwnerReference>) -> Option<Self> {
        let theirs = controller_of(live)?;
        let owner = format!("{} {}", theirs.kind, theirs.name);
        match ours {
            Some(ours) if ours.uid == theirs.uid => None,
            Some(ours) if (&ours.kind, &ours.name) == (&theirs.kind, &theirs.name) => Some(Self::Predecessor(owner)),
            _ => Some(Self::Stranger(owner)),
        }
    }

    /// `CamelCase` reason for conditions and metrics.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Stranger(_) | Self::Nobody => reason::NOT_OURS,
            Self::Predecessor(_) => reason::WAITING_FOR_REMOVAL,
        }
    }

    /// What the user may do, as the end of a sentence.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Stranger(_) | Self::Nobody => "; rename one of the two",
            Self::Predecessor(_) => "",
        }
    }

    /// Why nothing can be done about the object `what`.
    #[must_use]
    pub fn blocked(&self, what: &str, remedy: &str) -> Blocked {
        let message = format!("{what} {self}");
        match self {
            Self::Stranger(_) | Self::Nobody => Blocked::invalid(self.reason(), message).remedy(remedy),
            Self::Predecessor(_) => Blocked::waiting(self.reason(), message),
        }
    }
}

impl fmt::Display for Foreign {
    fn fmt(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stranger(owner) => write!(text, "is controlled by {owner}"),
            Self::Nobody => write!(text, "was not made by the operator"),
            Self::Predecessor(owner) => write!(text, "still belongs to the deleted {owner}; the garbage collector removes it"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(name: &str, uid: &str) -> OwnerReference {
        let (api_version, kind) = ("openvox.voxpupuli.org/v1alpha1".to_owned(), "Server".to_owned());
        OwnerReference { api_version, kind, name: name.into(), uid: uid.into(), controller: Some(true), block_owner_deletion: None }
    }

    fn found(theirs: Option<OwnerReference>) -> Option<Foreign> {
        let live = ObjectMeta { owner_references: theirs.map(|owner| vec![owner]), ..ObjectMeta::default() };
        Foreign::of(&live, Some(&reference("web", "2")))
    }

    #[test]
    fn ours_theirs_and_that_of_our_deleted_namesake() {
        assert_eq!((found(None), found(Some(reference("web", "2")))), (None, None));
        assert_eq!(found(Some(reference("other", "1"))), Some(Foreign::Stranger("Server other".to_owned())));
        assert_eq!(found(Some(reference("web", "1"))), Some(Foreign::Predecessor("Server web".to_owned())));
    }

    #[test]
    fn one_is_for_the_user_to_solve_and_the_other_is_waited_for() {
        let stranger = Foreign::Stranger("Server other".to_owned()).blocked("Deployment web", "rename one of the two");
        assert!(stranger.permanent && stranger.message.ends_with("rename one of the two"), "{}", stranger.message);
        let predecessor = Foreign::Predecessor("Server web".to_owned()).blocked("Deployment web", "rename one of the two");
        assert!(!predecessor.permanent && !predecessor.message.contains("rename"), "{}", predecessor.message);
    }
}
