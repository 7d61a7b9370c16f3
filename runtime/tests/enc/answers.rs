//! What the services of the field answer, and what Puppet is given.

use crate::Room;
use crate::service::{Reply, Service};

#[test]
fn foreman_is_asked_for_yaml_and_its_aliases_are_resolved() {
    let foreman = Service::start(vec![Reply::ok(
        "---\nclasses:\n  ntp:\n    servers: &s [a.example.com]\n    peers: *s\nparameters:\n  hostgroup: web\n  port: 0644\nenvironment: production\n",
    )]);
    let run = Room::new().run(&format!("url: {}\npath: /node/{{certname}}?format=yml\n", foreman.url));
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    assert_eq!(
        run.out,
        "---\nclasses:\n  ntp:\n    servers:\n      - \"a.example.com\"\n    peers:\n      - \"a.example.com\"\nparameters:\n  hostgroup: web\n  port: 0644\nenvironment: \"production\"\n"
            .replace("\"a.example.com\"", "a.example.com")
    );
    let asked = &foreman.asked()[0];
    assert_eq!(asked.line, "GET /node/web.example.com?format=yml HTTP/1.1");
    assert_eq!(asked.header("accept"), Some("application/json, application/yaml, text/yaml"));
}

#[test]
fn puppet_enterprise_gets_fact_and_trusted_and_its_json_is_read() {
    let room = Room::new();
    std::fs::create_dir(room.path("facts")).unwrap();
    room.write("facts/web.example.com.json", r#"{"name": "web.example.com", "values": {"os": {"family": "Debian"}}}"#);
    let answer = r#"{"name":"web.example.com","groups":["1"],"environment":"production","classes":{"apache":{"port":8080}},"parameters":{"tier":"1"}}"#;
    let pe = Service::start(vec![Reply::ok(answer)]);
    let run = room.run(&format!(
        "url: {}\npath: /classifier-api/v1/classified/nodes/{{certname}}\nmethod: POST\nbody: pe\nresponseFormat: json\n\
         auth: {{type: token, header: X-Authentication, token: t0ken}}\nfactsDirectory: {}\n",
        pe.url,
        room.path("facts").display()
    ));
    assert_eq!(
        (run.code, run.out.as_str()),
        (0, "---\nclasses:\n  \"apache\":\n    \"port\": 8080\nparameters:\n  \"tier\": \"1\"\nenvironment: \"production\"\n"),
        "{run:?}"
    );
    let asked = &pe.asked()[0];
    assert_eq!(asked.line, "POST /classifier-api/v1/classified/nodes/web.example.com HTTP/1.1");
    assert_eq!((asked.header("x-authentication"), asked.header("content-type")), (Some("t0ken"), Some("application/json")));
    assert_eq!(asked.body, r#"{"fact":{"os": {"family": "Debian"}},"trusted":{"certname":"web.example.com"}}"#);
}

#[test]
fn a_good_answer_stands_in_when_the_service_fails_and_its_use_is_said() {
    let room = Room::new();
    let service = Service::start(vec![Reply::ok("classes: {ntp: {}}\n"), Reply::status(500)]);
    let settings = format!("url: {}\n{}\n", service.url, room.cache());
    let good = room.run(&settings);
    let cached = room.run(&settings);
    assert_eq!((good.code, cached.code, &good.out), (0, 0, &cached.out));
    assert!(cached.err.contains("answered 500; the answer of ") && cached.err.contains(" s ago is used"), "{}", cached.err);
}

#[test]
fn an_unknown_node_is_never_classified_from_the_cache() {
    let room = Room::new();
    let service = Service::start(vec![Reply::ok("classes: {ntp: {}}\n"), Reply::status(404), Reply::status(500)]);
    let settings = format!("url: {}\n{}\n", service.url, room.cache());
    assert_eq!(room.run(&settings).code, 0);
    let unknown = room.run(&settings);
    assert_eq!((unknown.code, unknown.out.as_str()), (1, ""));
    assert!(unknown.err.contains("it does not know this node"), "{}", unknown.err);
    assert_eq!(room.run(&settings).code, 2, "what was cached is forgotten");
}
