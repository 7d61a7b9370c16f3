use super::*;
use k8s_openapi::api::core::v1::ConfigMap;
use openvox_crds::vocabulary::label;
use serde_json::{Value, json};

fn map(owner: &str, value: &str) -> ConfigMap {
    let owner = json!({"apiVersion": "openvox.voxpupuli.org/v1alpha1", "kind": "Config", "name": owner, "uid": owner, "controller": true});
    let metadata =
        json!({"name": "web", "namespace": "ns", "ownerReferences": [owner], "labels": {label::MANAGED_BY: label::MANAGED_BY_VALUE}});
    serde_json::from_value(json!({"metadata": metadata, "data": {"key": value}})).unwrap()
}

fn desired() -> Desired {
    Desired::new(&map("web", "one")).unwrap()
}

/// What is there once `desired` was written, with the changes that somebody made.
fn live(desired: &Desired, change: &Value) -> Arc<OwnedObject> {
    let mut body = desired.body.clone();
    for (part, value) in change.as_object().unwrap() {
        body[part] = value.clone();
    }
    Arc::new(serde_json::from_value(body).unwrap())
}

fn foreign() -> Arc<OwnedObject> {
    live(&Desired::new(&map("other", "one")).unwrap(), &json!({}))
}

#[test]
fn a_wanted_object_is_in_place_if_it_is_there_as_it_should_be() {
    let changes = |live: Option<Arc<OwnedObject>>| {
        let set = OwnedSet::default().with(desired(), live);
        let changes: Vec<Change> = set.differences().iter().map(|difference| difference.change).collect();
        (set.is_in_place(), changes)
    };
    assert_eq!(changes(None), (false, vec![Change::Create]), "missing");
    assert_eq!(changes(Some(live(&desired(), &json!({"data": {"key": "two"}})))), (false, vec![Change::Update]), "differs");
    assert_eq!(changes(Some(foreign())), (false, vec![Change::Update]), "foreign: writing it is refused");
    assert_eq!(changes(Some(live(&desired(), &json!({})))), (true, vec![]), "in place");
}

#[test]
fn an_unwanted_object_is_in_place_if_none_of_ours_is_there() {
    let changes = |live: Option<Arc<OwnedObject>>| {
        let set = OwnedSet::default().with_optional(desired().identity, None, live);
        let changes: Vec<Change> = set.differences().iter().map(|difference| difference.change).collect();
        (set.is_in_place(), changes)
    };
    assert_eq!(changes(None), (true, vec![]), "absent");
    assert_eq!(changes(Some(foreign())), (true, vec![]), "foreign");
    assert_eq!(changes(Some(live(&desired(), &json!({})))), (false, vec![Change::Delete]), "present");
}

#[test]
fn a_set_is_in_place_if_all_of_it_is() {
    let there = || Some(live(&desired(), &json!({})));
    assert!(OwnedSet::<OwnedObject>::default().is_in_place());
    assert!(OwnedSet::default().with(desired(), there()).with_optional(desired().identity, None, None).is_in_place());
    let set = OwnedSet::default().with(desired(), None).with_optional(desired().identity, None, there());
    let differences: Vec<_> =
        set.differences().into_iter().map(|difference| (difference.kind, difference.name, difference.change)).collect();
    let of = |change| ("ConfigMap".to_owned(), "web".to_owned(), change);
    assert_eq!(differences, [of(Change::Create), of(Change::Delete)], "in the order in which they are applied");
}

#[test]
fn the_name_of_a_strangers_object_is_taken() {
    let taken = desired().taken(Some(&foreign()), "Config").unwrap();
    assert!(taken.permanent, "{taken:?}");
    assert_eq!(taken.message, "ConfigMap web is controlled by Config other; rename the Config, or remove that ConfigMap");
    assert_eq!(desired().taken(Some(&live(&desired(), &json!({}))), "Config"), None);
    assert_eq!(desired().taken(None, "Config"), None);
}
