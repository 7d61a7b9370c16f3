use super::*;
use serde_json::Value;

fn authority(spec: &Value) -> CertificateAuthority {
    serde_json::from_value(json!({"metadata": {"name": "corp", "namespace": "ns", "uid": "ca-uid"}, "spec": spec})).unwrap()
}

/// A claim of the CA `corp` as an earlier version made it.
fn claim(size: &str) -> PersistentVolumeClaim {
    serde_json::from_value(json!({
        "metadata": {
            "name": "corp-data", "namespace": "ns", "labels": label_set::authority("corp"),
            "ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "theirs", "uid": "x"}],
        },
        "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "fast", "resources": {"requests": {"storage": size}}},
    }))
    .unwrap()
}

fn annotated(annotation: &str, value: &str) -> PersistentVolumeClaim {
    let mut claim = claim("1Gi");
    claim.metadata.annotations = Some([(annotation.to_owned(), value.to_owned())].into());
    claim
}

#[test]
fn a_larger_size_is_applied_and_the_same_in_other_words_is_not() {
    let wanted = |size: &str| authority(&json!({"storage": {"size": size}}));
    assert_eq!(growth(&claim("1Gi"), &wanted("2Gi")), Some(Quantity("2Gi".into())));
    assert_eq!(growth(&claim("1Gi"), &wanted("1024Mi")), None);
    assert_eq!(growth(&claim("5Gi"), &authority(&json!({}))), None, "a spec without storage has no opinion");
    assert_eq!(storage(&claim("1Gi"), &wanted("1024Mi")), None);
}

#[test]
fn a_smaller_size_and_another_class_are_refused_with_the_remedy() {
    let refusal = |spec: &Value| storage(&claim("2Gi"), &authority(spec)).unwrap().message;
    let smaller = refusal(&json!({"storage": {"size": "1Gi"}}));
    assert!(smaller.contains("spec.storage.size: 1Gi") && smaller.contains("write 2Gi or more"), "{smaller}");
    let class = refusal(&json!({"storage": {"size": "2Gi", "storageClass": "slow"}}));
    assert!(class.contains("spec.storage.storageClass: slow") && class.contains("fast"), "{class}");
    let mode = refusal(&json!({"storage": {"size": "2Gi", "accessMode": "ReadWriteOncePod"}}));
    assert!(mode.contains("spec.storage.accessMode: ReadWriteOncePod") && mode.contains("ReadWriteOnce of the volume claim"), "{mode}");
}

#[test]
fn only_a_claim_that_the_operator_has_made_goes_with_the_authority() {
    let delete = authority(&json!({"deletionPolicy": "Delete"}));
    let made = new("ns", &delete);
    assert_eq!(made.owner_references().len(), 1);
    assert_eq!(new("ns", &authority(&json!({}))).owner_references(), []);
    assert_eq!(owners(&new("ns", &authority(&json!({}))), &delete).unwrap().len(), 1);
    // An earlier version may have labelled a claim of somebody else.
    assert_eq!(owners(&claim("1Gi"), &delete), None);
    assert_eq!(change(&annotated(annotation::IMPORT, "corp"), &delete), None);
    // What another operator has made stays where the policy says so.
    let mut theirs = claim("1Gi");
    theirs.metadata.owner_references = owner_reference(&delete).map(|owner| vec![owner]);
    assert_eq!(owners(&theirs, &authority(&json!({}))), Some(vec![]));
}

#[test]
fn a_claim_is_used_if_it_is_ours_or_marked_for_this_authority() {
    let corp = authority(&json!({}));
    assert_eq!(right(&claim("1Gi"), &corp), Ok(Right::Created));
    let unlabelled = |mut claim: PersistentVolumeClaim| {
        claim.metadata.labels = Some([("app.kubernetes.io/managed-by".to_owned(), "Helm".to_owned())].into());
        claim
    };
    assert_eq!(right(&unlabelled(annotated(annotation::IMPORT, "corp")), &corp), Ok(Right::Marked));
    assert_eq!(right(&unlabelled(annotated(annotation::IMPORT, "other")), &corp), Err(Foreign::Nobody));
    assert_eq!(right(&unlabelled(claim("1Gi")), &corp), Err(Foreign::Nobody));
    let mut controlled = claim("1Gi");
    let owner = json!([{"apiVersion": "v1", "kind": "Pod", "name": "db-0", "uid": "x", "controller": true}]);
    controlled.metadata.owner_references = serde_json::from_value(owner).unwrap();
    assert_eq!(right(&controlled, &corp), Err(Foreign::Stranger("Pod db-0".to_owned())));
}

#[test]
fn a_claim_that_was_brought_is_not_enlarged() {
    let larger = authority(&json!({"storage": {"size": "2Gi"}}));
    let brought = annotated(annotation::IMPORT, "corp");
    assert_eq!(change(&brought, &larger), None);
    let message = storage(&brought, &larger).unwrap().message;
    assert!(message.contains("spec.storage.size: 2Gi") && message.contains("let corp-data ask for 2Gi, or write 1Gi"), "{message}");
}
