use super::*;
use crate::cluster::Part;
use k8s_openapi::api::core::v1::ObjectReference;
use openvox_crds::Pool;
use serde_json::json;
use std::sync::{Mutex, PoisonError};

/// What was told, in order.
#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl Told {
    fn tell(&self, what: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(what);
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl Listener for Told {
    fn gone(&self, _: &'static str, _: &str, name: &str, uid: &str) {
        self.tell(format!("{name} {uid} is gone"));
    }

    fn unreadable(&self, object: &ObjectReference, part: Part, _: &str) {
        self.tell(format!("{} of {} cannot be read", part.as_str(), object.name.as_deref().unwrap()));
    }

    fn unreadable_objects(&self, _: &'static str, part: Part, count: usize) {
        if count > 0 {
            self.tell(format!("{count} {}", part.as_str()));
        }
    }

    fn synced(&self, _: &'static str, synced: bool) {
        self.tell(format!("synced: {synced}"));
    }
}

fn follower() -> (Follower<Pool>, Arc<Told>) {
    let writer = Writer::<Pool>::new(());
    let told = Arc::new(Told::default());
    let listener = Arc::clone(&told) as Arc<dyn Listener>;
    let (heard, ready) = (Arc::clone(&told), Arc::clone(&told));
    let follower = Follower {
        kind: "Pool",
        cache: Cache::new(writer.as_reader(), ()),
        writer,
        heard: Box::new(move |pool| heard.tell(format!("heard {}", pool.name_any()))),
        ready: Box::new(move || ready.tell("ready".to_owned())),
        aside: Aside::new("Pool", Arc::clone(&listener)),
        listener,
    };
    (follower, told)
}

fn shown(name: &str, uid: &str, version: u32, spec: &str, status: &str) -> Lenient<Pool> {
    let metadata = json!({"name": name, "namespace": "n", "uid": uid, "resourceVersion": version.to_string(), "generation": 1});
    serde_json::from_str(&format!(r#"{{"metadata": {metadata}, "spec": {spec}, "status": {status}}}"#)).unwrap()
}

fn good(name: &str, uid: &str, version: u32) -> Lenient<Pool> {
    shown(name, uid, version, "{}", r#"{"endpoints": 2}"#)
}

fn poisoned(name: &str, version: u32) -> Lenient<Pool> {
    shown(name, "u", version, "{}", r#"{"endpoints": "many"}"#)
}

fn spoiled(name: &str, version: u32) -> Lenient<Pool> {
    shown(name, "u", version, r#"{"service": 1}"#, "{}")
}

fn list(follower: &mut Follower<Pool>, objects: Vec<Lenient<Pool>>) {
    follower.take(watcher::Event::Init);
    for object in objects {
        follower.take(watcher::Event::InitApply(object));
    }
    follower.take(watcher::Event::InitDone);
}

#[test]
fn an_object_that_cannot_be_read_is_named_once_and_the_others_are_there() {
    let (mut follower, told) = follower();
    list(&mut follower, vec![poisoned("status", 1), spoiled("spec", 1), good("good", "u", 1)]);
    let names = |follower: &Follower<Pool>| follower.cache.all("n").iter().map(|pool| pool.name_any()).collect::<Vec<_>>();
    assert_eq!(names(&follower), ["good", "status"]);
    assert!(follower.cache.get("n", "status").unwrap().status.is_none());
    let said = told.take();
    for what in ["status of status cannot be read", "object of spec cannot be read", "1 object", "1 status", "heard status", "heard good"] {
        assert!(said.iter().any(|line| line == what), "{what}: {said:?}");
    }
    assert_eq!(said[said.len() - 2..], ["synced: true", "ready"], "no controller waits for it");

    follower.take(watcher::Event::Apply(spoiled("spec", 2)));
    assert_eq!(told.take(), ["1 object", "1 status"], "known already");
    follower.take(watcher::Event::Apply(good("spec", "u", 3)));
    assert_eq!(told.take(), ["1 status", "heard spec"]);
    list(&mut follower, vec![poisoned("status", 1), good("spec", "u", 3), good("good", "u", 1)]);
    assert!(!told.take().iter().any(|line| line.ends_with("cannot be read")), "known already");
}

#[test]
fn an_object_that_can_no_longer_be_read_counts_as_gone_until_it_can() {
    let (mut follower, told) = follower();
    list(&mut follower, vec![good("a", "u", 1)]);
    told.take();
    follower.take(watcher::Event::Apply(spoiled("a", 2)));
    assert!(follower.cache.get("n", "a").is_none());
    assert_eq!(told.take(), ["object of a cannot be read", "1 object", "a u is gone", "heard a"]);
    follower.take(watcher::Event::Apply(good("a", "u", 3)));
    assert!(follower.cache.get("n", "a").is_some());
    follower.take(watcher::Event::Apply(spoiled("a", 4)));
    told.take();
    follower.take(watcher::Event::Delete(spoiled("a", 5)));
    assert_eq!(told.take(), Vec::<String>::new());
}

#[test]
fn what_was_deleted_while_nobody_watched_is_told_and_leaves_no_answer_behind() {
    let (mut follower, told) = follower();
    list(&mut follower, vec![good("stays", "1", 1), good("goes", "2", 1), good("again", "3", 1)]);
    follower.cache.wrote(Arc::new(good("goes", "2", 5).into_object().unwrap()));
    told.take();
    list(&mut follower, vec![good("stays", "1", 1), good("again", "4", 7)]);
    let said = told.take();
    for what in ["goes 2 is gone", "heard goes", "again 3 is gone", "heard again", "heard stays"] {
        assert!(said.iter().any(|line| line == what), "{what}: {said:?}");
    }
    assert!(follower.cache.get("n", "goes").is_none(), "our answer is older than the list");
}
