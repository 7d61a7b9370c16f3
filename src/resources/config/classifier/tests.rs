use super::*;
use crate::render::enc;
use k8s_openapi::ByteString;
use kube::core::ObjectMeta;
use openvox_crds::vocabulary::{annotation, label};
use openvox_crds::{Auth, ConfigSpec, NodeClassifierSpec, SecretKeyRef, SecretKeySelector};

const SCOPE: Scope<'_> = Scope { namespace: "ns", owner: None };

fn config(named: Option<&str>) -> Config {
    Config::new("main", ConfigSpec { node_classifier_ref: named.map(str::to_owned), ..ConfigSpec::default() })
}

fn classifier(url: &str) -> Arc<NodeClassifier> {
    let key = SecretKeyRef { name: "enc".into(), key: "token".into() };
    let auth = Auth { bearer: Some(SecretKeySelector { secret_key_ref: key }), ..Auth::default() };
    Arc::new(NodeClassifier::new("foreman", NodeClassifierSpec { url: url.into(), auth: Some(auth), ..NodeClassifierSpec::default() }))
}

fn given(token: &str, ours: bool) -> UserSecrets {
    let labels = ours.then(|| [(label::MANAGED_BY.to_owned(), label::MANAGED_BY_VALUE.to_owned())].into());
    let data = Some([("token".to_owned(), ByteString(token.as_bytes().to_vec()))].into());
    let metadata = ObjectMeta { name: Some("enc".into()), labels, ..ObjectMeta::default() };
    [("enc".to_owned(), Ok(Some(Secret { metadata, data, ..Secret::default() })))].into()
}

fn rendered(token: &str) -> Arc<Secret> {
    let files = enc::enc(&classifier("https://enc").spec, |_, _| Some(token.to_owned())).unwrap();
    let mut secret = build::secret::enc(SCOPE, "main", &files);
    let digest = Desired::new(&secret).unwrap().digest().to_owned();
    secret.metadata.annotations = Some([(annotation::DESIRED_DIGEST.to_owned(), digest)].into());
    Arc::new(secret)
}

fn changes(judgement: &Judgement) -> Vec<String> {
    judgement.objects.differences().iter().map(|difference| format!("{:?} {}", difference.change, difference.name)).collect()
}

#[test]
fn a_classifier_whose_credentials_are_there_is_rendered() {
    let facts = Facts { classifier: Some(classifier("https://enc")), secrets: given("t", false), rendered: None };
    let judged = judge(&config(Some("foreman")), SCOPE, &facts);
    assert_eq!((judged.is_used, judged.blocked.is_none(), changes(&judged)), (true, true, vec!["Create main-enc".to_owned()]));
}

#[test]
fn a_config_that_never_had_its_classifier_waits_for_it_and_says_for_what() {
    let missing = judge(&config(Some("foreman")), SCOPE, &Facts::default()).blocked.unwrap();
    assert_eq!(missing.reason, reason::NODE_CLASSIFIER_NOT_FOUND);
    for (url, secrets, words) in [
        ("https://enc", UserSecrets::new(), "the key \"token\" of Secret enc, which is not there"),
        ("enc", given("t", false), "spec.url: \"enc\" is not an http or https URL"),
        ("https://enc", given("t", true), "Secret enc was made by the operator; name one of your own"),
    ] {
        let facts = Facts { classifier: Some(classifier(url)), secrets, rendered: None };
        let judged = judge(&config(Some("foreman")), SCOPE, &facts);
        let blocked = judged.blocked.as_ref().unwrap();
        assert!(blocked.message.contains(words) && !blocked.permanent, "{}", blocked.message);
        assert_eq!((judged.is_used, changes(&judged).len()), (false, 0));
    }
}

#[test]
fn what_was_rendered_stays_when_the_classifier_or_its_credentials_break() {
    for (classifier, secrets) in
        [(None, UserSecrets::new()), (Some(classifier("https://enc")), UserSecrets::new()), (Some(classifier("enc")), given("t", false))]
    {
        let facts = Facts { classifier, secrets, rendered: Some(rendered("t")) };
        let judged = judge(&config(Some("foreman")), SCOPE, &facts);
        assert_eq!((judged.is_used, judged.blocked.is_none(), changes(&judged).len()), (true, true, 0));
    }
}

#[test]
fn changed_credentials_are_written_and_the_same_ones_are_not() {
    let facts = |token| Facts { classifier: Some(classifier("https://enc")), secrets: given(token, false), rendered: Some(rendered("t")) };
    assert!(judge(&config(Some("foreman")), SCOPE, &facts("t\n")).objects.is_in_place());
    assert_eq!(changes(&judge(&config(Some("foreman")), SCOPE, &facts("new"))), ["Update main-enc"]);
}

#[test]
fn the_settings_go_with_the_reference_and_a_strangers_secret_is_left_alone() {
    let judged = judge(&config(None), SCOPE, &Facts { rendered: Some(rendered("t")), ..Facts::default() });
    assert_eq!((judged.is_used, changes(&judged)), (false, vec!["Delete main-enc".to_owned()]));
    let stranger = Secret {
        metadata: ObjectMeta { name: Some("main-enc".into()), namespace: Some("ns".into()), ..ObjectMeta::default() },
        ..Secret::default()
    };
    let facts = Facts { classifier: Some(classifier("https://enc")), secrets: given("t", false), rendered: Some(Arc::new(stranger)) };
    let judged = judge(&config(Some("foreman")), SCOPE, &facts);
    assert_eq!((judged.is_used, changes(&judged).len()), (false, 0));
    assert!(judged.blocked.unwrap().message.contains("Secret main-enc"));
}
