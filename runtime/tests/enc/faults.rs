//! Services that answer badly or not at all: an error that names the cause, never a part of an answer.

use crate::Room;
use crate::service::{Reply, Service};
use std::time::{Duration, Instant};

#[test]
fn what_is_no_answer_is_an_error_and_the_last_good_one_is_used() {
    let deep = format!("classes: {}1{}\n", "[".repeat(1000), "]".repeat(1000));
    for (reply, words) in [
        (Reply::status(500), "answered 500"),
        (Reply::status(401), "answered 401: it does not accept the credentials"),
        (Reply::status(403), "answered 403"),
        (Reply::status(412), "answered 412"),
        (Reply::Half, "failed to ask http://"),
        (Reply::Endless, "more than 10485760 bytes"),
        (Reply::Whole(200, vec![], b"classes: {n\xff: 1}".to_vec()), "not UTF-8"),
        (Reply::ok("classes: {ntp: {}, ntp: {}}\n"), "\"ntp\" stands twice"),
        (Reply::ok(&deep), "recursion limit"),
        (Reply::ok("classes: {}\nparameters: [1]\n"), "parameters is a list, not a map"),
        (Reply::ok("<html><body>login</body></html>"), "top level is a scalar"),
        (Reply::ok(""), "it is empty"),
        (Reply::redirect(301, "/again"), "redirects more than 10 times"),
        (Reply::redirect(302, ""), "another server"),
    ] {
        let room = Room::new();
        let service = Service::start(vec![reply.clone()]);
        let bare = room.run(&format!("url: {}\ntimeoutSeconds: 5\n", service.url));
        assert_eq!((bare.code, bare.out.as_str()), (2, ""), "{reply:?}: {bare:?}");
        assert!(bare.err.contains(words) && bare.err.lines().count() == 1, "{words}: {}", bare.err);

        let service = Service::start(vec![Reply::ok("classes: {ntp: {}}\n"), reply.clone()]);
        let settings = format!("url: {}\ntimeoutSeconds: 5\n{}\n", service.url, room.cache());
        room.run(&settings);
        let cached = room.run(&settings);
        assert_eq!((cached.code, cached.out.as_str()), (0, "---\nclasses:\n  ntp: {}\n"), "{reply:?}: {cached:?}");
    }
}

#[test]
fn a_service_that_hangs_costs_the_timeout_and_no_more() {
    let service = Service::start(vec![Reply::Never]);
    let began = Instant::now();
    let run = Room::new().run(&format!("url: {}\ntimeoutSeconds: 1\n", service.url));
    assert_eq!(run.code, 2);
    assert!(run.err.contains("timeout"), "{}", run.err);
    assert!(began.elapsed() >= Duration::from_secs(1));
}

#[test]
fn nobody_who_listens_is_an_error_that_names_the_url() {
    let run = Room::new().run("url: http://127.0.0.1:1\n");
    assert_eq!(run.code, 2);
    assert!(run.err.contains("failed to ask http://127.0.0.1:1/node/web.example.com"), "{}", run.err);
}

#[test]
fn settings_that_cannot_be_used_are_named_with_their_file() {
    let run = Room::new().run("url: nowhere\n");
    assert_eq!(run.code, 2);
    assert!(run.err.contains("enc.yaml") && run.err.contains("url: \"nowhere\""), "{}", run.err);
}
