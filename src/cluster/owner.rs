//! Whose an object is: the one check before everything that the operator writes, mounts read-write or deletes.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::Resource;
use openvox_crds::vocabulary::label;
use openvox_machines::core::Blocked;
use openvox_machines::reason;
use std::collections::BTreeMap;
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

/// Labels that name the object of ours that another one belongs to, the most specific first. A Secret with a certificate
/// also names the certificate's authority, and a policy file also names a Config.
const SUBJECTS: [&str; 4] = [label::CERTIFICATE, label::SERVER, label::CERTIFICATE_AUTHORITY, label::CONFIG];

/// Whose an object is that should be ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Foreign {
    /// Another object controls it.
    Stranger(String),
    /// No object controls it, and it lacks our label.
    Nobody,
    /// No object controls it, and its labels name another object of ours, or none. Says which.
    Labelled(String),
    /// The resource of the same kind and name that has been deleted: the garbage collector removes it.
    Predecessor(String),
}

impl Foreign {
    /// Whose `live` is, if it is not that of `planned`; `None` if it is ours.
    ///
    /// It is ours if the controller of `planned` controls it. If nothing controls it, as with the keys of a CA, which
    /// outlive their resource, it is ours if its labels say so: `app.kubernetes.io/managed-by`, and the same subject as
    /// in `planned`.
    #[must_use]
    pub fn of(live: &ObjectMeta, planned: &ObjectMeta) -> Option<Self> {
        let Some(theirs) = controller_of(live) else { return Self::by_labels(live, planned) };
        let owner = format!("{} {}", theirs.kind, theirs.name);
        match controller_of(planned) {
            Some(ours) if ours.uid == theirs.uid => None,
            Some(ours) if (&ours.api_version, &ours.kind, &ours.name) == (&theirs.api_version, &theirs.kind, &theirs.name) => {
                Some(Self::Predecessor(owner))
            }
            _ => Some(Self::Stranger(owner)),
        }
    }

    fn by_labels(live: &ObjectMeta, planned: &ObjectMeta) -> Option<Self> {
        let none = BTreeMap::new();
        let (live, planned) = (live.labels.as_ref().unwrap_or(&none), planned.labels.as_ref().unwrap_or(&none));
        if live.get(label::MANAGED_BY).is_none_or(|by| by != label::MANAGED_BY_VALUE) {
            return Some(Self::Nobody);
        }
        for key in SUBJECTS {
            match (live.get(key), planned.get(key)) {
                (None, None) => {}
                (Some(theirs), Some(ours)) if theirs == ours => return None,
                (Some(theirs), _) => return Some(Self::Labelled(format!("has the label {key}={theirs}, which names another object"))),
                (None, Some(ours)) => return Some(Self::Labelled(format!("lacks the label {key}={ours}"))),
            }
        }
        // A Pool is named by the key of its label.
        let missing = planned.iter().find(|(key, value)| key.starts_with(label::OWN_PREFIX) && live.get(*key) != Some(*value));
        missing.map(|(key, value)| Self::Labelled(format!("lacks the label {key}={value}")))
    }

    /// `CamelCase` reason for conditions and metrics.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Stranger(_) | Self::Nobody | Self::Labelled(_) => reason::NOT_OURS,
            Self::Predecessor(_) => reason::WAITING_FOR_REMOVAL,
        }
    }

    /// What the user may do, as the end of a sentence.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Stranger(_) | Self::Nobody | Self::Labelled(_) => "; rename one of the two",
            Self::Predecessor(_) => "",
        }
    }

    /// Why nothing can be done about the object `what`.
    #[must_use]
    pub fn blocked(&self, what: &str, remedy: &str) -> Blocked {
        let message = format!("{what} {self}");
        match self {
            Self::Stranger(_) | Self::Nobody | Self::Labelled(_) => Blocked::invalid(self.reason(), message).remedy(remedy),
            Self::Predecessor(_) => Blocked::waiting(self.reason(), message),
        }
    }
}

impl fmt::Display for Foreign {
    fn fmt(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stranger(owner) => write!(text, "is controlled by {owner}"),
            Self::Nobody => write!(text, "was not made by the operator"),
            Self::Labelled(how) => text.write_str(how),
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

    fn metadata(owner: Option<OwnerReference>, labels: &[(&str, &str)]) -> ObjectMeta {
        let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        ObjectMeta { owner_references: owner.map(|owner| vec![owner]), labels: Some(labels), ..ObjectMeta::default() }
    }

    const OURS: (&str, &str) = (label::MANAGED_BY, label::MANAGED_BY_VALUE);

    fn found(theirs: OwnerReference) -> Option<Foreign> {
        // What controls an object decides, whatever its labels say.
        let live = metadata(Some(theirs), &[OURS, (label::SERVER, "web")]);
        Foreign::of(&live, &metadata(Some(reference("web", "2")), &[OURS, (label::SERVER, "web")]))
    }

    #[test]
    fn ours_theirs_and_that_of_our_deleted_namesake() {
        assert_eq!(found(reference("web", "2")), None);
        assert_eq!(found(reference("other", "1")), Some(Foreign::Stranger("Server other".to_owned())));
        assert_eq!(found(reference("web", "1")), Some(Foreign::Predecessor("Server web".to_owned())));
        let namesake = OwnerReference { api_version: "example.test/v1".to_owned(), ..reference("web", "1") };
        assert_eq!(found(namesake), Some(Foreign::Stranger("Server web".to_owned())), "a kind of another group");
    }

    #[test]
    fn an_object_that_nothing_controls_is_ours_by_its_labels() {
        let authority = [OURS, (label::CERTIFICATE_AUTHORITY, "corp")];
        let planned = metadata(None, &authority);
        let found = |labels: &[(&str, &str)]| Foreign::of(&metadata(None, labels), &planned);
        assert_eq!(found(&authority), None);
        assert_eq!(found(&[OURS, (label::CERTIFICATE_AUTHORITY, "corp"), (label::CONFIG, "main"), ("theirs", "yes")]), None);
        for theirs in [&[][..], &[(label::MANAGED_BY, "Helm"), (label::CERTIFICATE_AUTHORITY, "corp")]] {
            assert_eq!(found(theirs), Some(Foreign::Nobody));
        }
        let others: [&[(&str, &str)]; 4] = [
            &[OURS],
            &[OURS, (label::CERTIFICATE_AUTHORITY, "other")],
            &[OURS, (label::CONFIG, "corp")],
            &[OURS, (label::CERTIFICATE_AUTHORITY, "corp"), (label::CERTIFICATE, "corp")],
        ];
        for theirs in others {
            assert!(matches!(found(theirs), Some(Foreign::Labelled(_))), "{theirs:?}");
        }
    }

    #[test]
    fn the_service_of_a_pool_is_known_by_the_key_of_its_label() {
        let planned = metadata(None, &[OURS, (&label::pool("agents"), label::TRUE), ("theirs", "new")]);
        let found = |pool: &str| Foreign::of(&metadata(None, &[OURS, (&label::pool(pool), label::TRUE)]), &planned);
        assert_eq!(found("agents"), None);
        assert!(matches!(found("others"), Some(Foreign::Labelled(_))));
    }

    #[test]
    fn one_is_for_the_user_to_solve_and_the_other_is_waited_for() {
        let stranger = Foreign::Stranger("Server other".to_owned()).blocked("Deployment web", "rename one of the two");
        assert!(stranger.permanent && stranger.message.ends_with("rename one of the two"), "{}", stranger.message);
        let predecessor = Foreign::Predecessor("Server web".to_owned()).blocked("Deployment web", "rename one of the two");
        assert!(!predecessor.permanent && !predecessor.message.contains("rename"), "{}", predecessor.message);
    }
}
