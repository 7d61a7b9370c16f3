//! Each way to prove who asks, and that no one else learns it.

use crate::Room;
use crate::service::{Reply, Service};
use crate::tls;

const CLASSES: &str = "classes: {ntp: {}}\n";

#[test]
fn a_token_a_bearer_and_a_password_reach_the_service() {
    for (auth, header, value) in [
        ("{type: token, header: X-Token, token: t}", "x-token", "t"),
        ("{type: bearer, token: t}", "authorization", "Bearer t"),
        ("{type: basic, username: puppet, password: 'pass:word'}", "authorization", "Basic cHVwcGV0OnBhc3M6d29yZA=="),
    ] {
        let service = Service::start(vec![Reply::ok(CLASSES)]);
        let run = Room::new().run(&format!("url: {}\nauth: {auth}\n", service.url));
        assert_eq!((run.code, service.asked()[0].header(header)), (0, Some(value)), "{run:?}");
    }
}

#[test]
fn credentials_follow_a_redirect_within_the_server_and_never_to_another() {
    let other = Service::start(vec![Reply::ok(CLASSES)]);
    for status in [301, 302, 303, 307, 308] {
        let service = Service::start(vec![Reply::redirect(status, "/moved"), Reply::ok(CLASSES)]);
        let auth = "auth: {type: token, header: X-Token, token: s3cret}";
        let within = Room::new().run(&format!("url: {}\n{auth}\n", service.url));
        assert_eq!((within.code, service.asked()[1].header("x-token")), (0, Some("s3cret")), "{within:?}");

        let service = Service::start(vec![Reply::redirect(status, &format!("{}/moved", other.url))]);
        let away = Room::new().run(&format!("url: {}\n{auth}\n", service.url));
        assert_eq!((away.code, away.out.as_str()), (2, ""));
        assert!(away.err.contains("which is another server: nothing is sent there") && !away.err.contains("s3cret"), "{}", away.err);
    }
    assert_eq!(other.asked().len(), 0);
}

#[test]
fn facts_are_posted_again_only_where_the_redirect_keeps_the_method() {
    for (status, second) in [(302, "GET /moved HTTP/1.1"), (307, "POST /moved HTTP/1.1")] {
        let service = Service::start(vec![Reply::redirect(status, "/moved"), Reply::ok(CLASSES)]);
        let run = Room::new().run(&format!("url: {}\nmethod: POST\nbody: certname\n", service.url));
        let asked = service.asked();
        assert_eq!((run.code, asked[1].line.as_str(), asked[1].body.is_empty()), (0, second, status == 302), "{run:?}");
    }
}

#[test]
fn a_client_certificate_is_shown_to_a_service_of_our_own_authority() {
    let room = Room::new();
    let authority = tls::Authority::new();
    let (certificate, key) = authority.issue("puppet");
    room.write("cert.pem", &certificate);
    room.write("key.pem", &key);
    room.write("ca.pem", &authority.certificate());
    let service = authority.service(vec![Reply::ok(CLASSES)]);
    let ssl = |name: &str| room.path(name).display().to_string();
    let files = format!("ssl: {{certFile: {}, keyFile: {}, caFile: {}}}", ssl("cert.pem"), ssl("key.pem"), ssl("ca.pem"));
    let url = service.url.replace("127.0.0.1", "localhost");

    let with = room.run(&format!("url: {url}\nauth: {{type: mtls}}\n{files}\n"));
    assert_eq!((with.code, with.err.as_str()), (0, ""), "{with:?}");
    let without = room.run(&format!("url: {url}\n{files}\n"));
    assert_eq!(without.code, 2, "{without:?}");
    let stranger = room.run(&format!("url: {url}\n"));
    assert_eq!(stranger.code, 2);
    assert!(stranger.err.to_lowercase().contains("unknownissuer") || stranger.err.contains("certificate"), "{}", stranger.err);
    assert_eq!(service.asked().len(), 1);
}

#[test]
fn a_redirect_to_https_of_the_same_host_is_followed_with_the_certificates() {
    let room = Room::new();
    let authority = tls::Authority::new();
    let (certificate, key) = authority.issue("puppet");
    let ssl = [("certFile", "cert.pem", certificate), ("keyFile", "key.pem", key), ("caFile", "ca.pem", authority.certificate())]
        .map(|(field, name, pem)| format!("{field}: {}", room.write(name, &pem).display()));
    let secure = authority.service(vec![Reply::ok(CLASSES)]);
    let plain = Service::start(vec![Reply::redirect(301, &secure.url.replace("127.0.0.1", "localhost"))]);
    let url = plain.url.replace("127.0.0.1", "localhost");
    let run = room.run(&format!("url: {url}\nauth: {{type: mtls}}\nssl: {{{}}}\n", ssl.join(", ")));
    assert_eq!((run.code, run.err.as_str(), secure.asked().len()), (0, "", 1), "{run:?}");
}

#[test]
fn a_file_that_is_no_certificate_is_named() {
    let room = Room::new();
    let path = room.write("ca.pem", "nothing");
    let run = room.run(&format!("url: https://localhost:1\nssl: {{caFile: {}}}\n", path.display()));
    assert_eq!(run.code, 2);
    assert!(run.err.contains("ca.pem: it holds no certificate"), "{}", run.err);
}
