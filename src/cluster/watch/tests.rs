use super::*;
use crate::cluster::Part;
use k8s_openapi::api::core::v1::ObjectReference;
use openvox_crds::Pool;
use openvox_engine::ObjectKey;
use serde_json::json;
use std::sync::{Mutex, PoisonError};

/// What was reported, in order.
#[derive(Default)]
struct Reports(Mutex<Vec<String>>);

impl Reports {
    fn add(&self, what: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(what);
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl Listener for Reports {
    fn gone(&self, object: &ObjectKey, uid: &str) {
        self.add(format!("{} {uid} is gone", object.name));
    }

    fn unreadable(&self, object: &ObjectReference, part: Part, _: &str) {
        self.add(format!("{} of {} cannot be read", part.as_str(), object.name.as_deref().unwrap()));
    }

    fn unreadable_objects(&self, _: &'static str, part: Part, count: usize) {
        if count > 0 {
            self.add(format!("{count} {}", part.as_str()));
        }
    }

    fn synced(&self, _: &'static str, synced: bool) {
        self.add(format!("synced: {synced}"));
    }
}

fn handler() -> (WatchHandler<Pool>, Arc<Reports>) {
    let writer = Writer::<Pool>::new(());
    let reports = Arc::new(Reports::default());
    let listener = Arc::clone(&reports) as Arc<dyn Listener>;
    let (changed, ready) = (Arc::clone(&reports), Arc::clone(&reports));
    let handler = WatchHandler {
        kind: "Pool",
        cache: Cache::new(writer.as_reader(), ()),
        writer,
        on_change: Box::new(move |pool| changed.add(format!("changed: {}", pool.name_any()))),
        on_ready: Box::new(move || ready.add("ready".to_owned())),
        unreadable: UnreadableObjects::new("Pool", Arc::clone(&listener)),
        listener,
    };
    (handler, reports)
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

fn list(handler: &mut WatchHandler<Pool>, objects: Vec<Lenient<Pool>>) {
    handler.handle(watcher::Event::Init);
    for object in objects {
        handler.handle(watcher::Event::InitApply(object));
    }
    handler.handle(watcher::Event::InitDone);
}

#[test]
fn an_object_that_cannot_be_read_is_named_once_and_the_others_are_there() {
    let (mut handler, reports) = handler();
    list(&mut handler, vec![poisoned("status", 1), spoiled("spec", 1), good("good", "u", 1)]);
    let names = |handler: &WatchHandler<Pool>| handler.cache.all("n").iter().map(|pool| pool.name_any()).collect::<Vec<_>>();
    assert_eq!(names(&handler), ["good", "status"]);
    assert!(handler.cache.get("n", "status").unwrap().status.is_none());
    let said = reports.take();
    for what in
        ["status of status cannot be read", "object of spec cannot be read", "1 object", "1 status", "changed: status", "changed: good"]
    {
        assert!(said.iter().any(|line| line == what), "{what}: {said:?}");
    }
    assert_eq!(said[said.len() - 2..], ["synced: true", "ready"], "no controller waits for it");

    handler.handle(watcher::Event::Apply(spoiled("spec", 2)));
    assert_eq!(reports.take(), ["1 object", "1 status"], "known already");
    handler.handle(watcher::Event::Apply(good("spec", "u", 3)));
    assert_eq!(reports.take(), ["1 status", "changed: spec"]);
    list(&mut handler, vec![poisoned("status", 1), good("spec", "u", 3), good("good", "u", 1)]);
    assert!(!reports.take().iter().any(|line| line.ends_with("cannot be read")), "known already");
}

#[test]
fn an_object_that_can_no_longer_be_read_counts_as_gone_until_it_can() {
    let (mut handler, reports) = handler();
    list(&mut handler, vec![good("a", "u", 1)]);
    reports.take();
    handler.handle(watcher::Event::Apply(spoiled("a", 2)));
    assert!(handler.cache.get("n", "a").is_none());
    assert_eq!(reports.take(), ["object of a cannot be read", "1 object", "a u is gone", "changed: a"]);
    handler.handle(watcher::Event::Apply(good("a", "u", 3)));
    assert!(handler.cache.get("n", "a").is_some());
    handler.handle(watcher::Event::Apply(spoiled("a", 4)));
    reports.take();
    handler.handle(watcher::Event::Delete(spoiled("a", 5)));
    assert_eq!(reports.take(), Vec::<String>::new());
}

#[test]
fn what_was_deleted_while_the_watch_was_interrupted_is_reported_and_leaves_no_answer_behind() {
    let (mut handler, reports) = handler();
    list(&mut handler, vec![good("stays", "1", 1), good("goes", "2", 1), good("again", "3", 1)]);
    handler.cache.wrote(Arc::new(good("goes", "2", 5).into_object().unwrap()));
    reports.take();
    list(&mut handler, vec![good("stays", "1", 1), good("again", "4", 7)]);
    let said = reports.take();
    for what in ["goes 2 is gone", "changed: goes", "again 3 is gone", "changed: again", "changed: stays"] {
        assert!(said.iter().any(|line| line == what), "{what}: {said:?}");
    }
    assert!(handler.cache.get("n", "goes").is_none(), "our answer is older than the list");
}
