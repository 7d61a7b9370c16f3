//! The API over real sockets, with a journal in memory.

use super::*;
use crate::http::access::{Credential, Reviews, Target, User};
use crate::http::tests::{Running, get, start};
use crate::journal::{JournalUrl, Record, SqliteStore};
use futures::future::{BoxFuture, FutureExt as _};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;
use openvox_crds::HistoryEntry;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;

/// At `2027-01-15T08:00:00Z` and `seq` seconds.
fn record(kind: &str, namespace: &str, name: &str, seq: i64) -> Record {
    Record {
        uid: format!("uid-{namespace}-{name}"),
        kind: kind.to_owned(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        entry: HistoryEntry {
            seq,
            at: Time(Timestamp::from_second(1_800_000_000 + seq).unwrap()),
            event: "CsrSubmitted".to_owned(),
            version: 1,
            from: "Requested/KeyStored".to_owned(),
            to: "Requested/Submitted".to_owned(),
            phase: "Requested".to_owned(),
            cause: Some("Secret web-tls changed".to_owned()),
            trace_id: Some("0af7651916cd43dd8448eb211c80319c".to_owned()),
            data: Some(json!({ "attempt": seq }).into()),
        },
    }
}

fn object(kind: &str, namespace: &str, name: &str, uses: &[(&'static str, &str)]) -> Object {
    Object {
        kind: kind.to_owned(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        uid: format!("uid-{namespace}-{name}"),
        created: None,
        deleting: false,
        generation: Some(1),
        observed_generation: Some(1),
        phase: Some("Requested".to_owned()),
        state: Some("Requested/Submitted".to_owned()),
        since: Some(Time(Timestamp::from_second(1_800_000_000).unwrap())),
        seq: Some(3),
        attempt: Some(2),
        next_attempt: Some(Time(Timestamp::from_second(1_800_000_060).unwrap())),
        deadline: None,
        conditions: vec![Condition {
            type_: "Ready".to_owned(),
            status: "False".to_owned(),
            reason: "WaitingForSigning".to_owned(),
            message: "<b>the CA</b> has not signed it".to_owned(),
            last_transition_time: Time(Timestamp::from_second(1_800_000_000).unwrap()),
            observed_generation: Some(1),
        }],
        uses: uses.iter().map(|(kind, name)| Reference { kind, name: (*name).to_owned() }).collect(),
    }
}

struct Fixed(Vec<Object>);

impl Objects for Fixed {
    fn all(&self, namespace: Option<&str>) -> Vec<Object> {
        self.0.iter().filter(|object| namespace.is_none_or(|namespace| object.namespace == namespace)).cloned().collect()
    }

    fn one(&self, kind: &str, namespace: &str, name: &str) -> Option<Object> {
        self.0.iter().find(|object| object.kind == kind && object.namespace == namespace && object.name == name).cloned()
    }
}

/// When the namespace `again` was made, between its two records of the test.
const MADE_AGAIN: i64 = 1_800_000_005;

/// The user is whom the token names; each of `rights` is `user plural namespace`, with `*` for the whole cluster and
/// `/name` behind the namespace for one object.
struct Rights(&'static [&'static str]);

impl Reviews for Rights {
    fn user<'a>(&'a self, credential: &'a Credential) -> BoxFuture<'a, Result<Option<User>, kube::Error>> {
        let user = ["alice", "bob", "carol"].into_iter().find(|name| Credential::of(&bearer(name)).as_ref() == Some(credential));
        async move { Ok(user.map(|name| User { name: name.to_owned(), ..User::default() })) }.boxed()
    }

    fn may<'a>(&'a self, user: &'a User, target: &'a Target) -> BoxFuture<'a, Result<bool, kube::Error>> {
        let place = target.namespace.as_deref().unwrap_or("*");
        let name = target.name.as_ref().map_or_else(String::new, |name| format!("/{name}"));
        let asked = format!("{} {} {place}{name}", user.name, target.resource);
        let allowed = self.0.contains(&asked.as_str());
        async move { Ok(allowed) }.boxed()
    }

    fn may_open<'a>(&'a self, _: &'a User, _: &'static str, _: &'static str) -> BoxFuture<'a, Result<bool, kube::Error>> {
        async { Ok(false) }.boxed()
    }

    fn namespace_since<'a>(&'a self, namespace: &'a str) -> BoxFuture<'a, Result<Option<i64>, kube::Error>> {
        async move {
            Ok(match namespace {
                "again" => Some(MADE_AGAIN),
                "gone" => None,
                _ => Some(0),
            })
        }
        .boxed()
    }
}

fn bearer(token: &str) -> HeaderMap {
    [(header::AUTHORIZATION, format!("Bearer {token}").parse().unwrap())].into_iter().collect()
}

struct Served {
    running: Running,
    store: Arc<SqliteStore>,
}

async fn served(records: &[Record], objects: Vec<Object>, access: AccessControl) -> Served {
    let store = Arc::new(SqliteStore::open(&JournalUrl::Memory).await.unwrap());
    store.append(records).await.unwrap();
    let api = Api::new(Arc::clone(&store) as Arc<dyn Store>, Arc::new(Fixed(objects)), access);
    Served { running: start(router(api, Router::new())).await, store }
}

async fn open(records: &[Record]) -> Served {
    served(records, Vec::new(), AccessControl::open()).await
}

impl Served {
    async fn ask(&self, path: &str, headers: HeaderMap) -> reqwest::Response {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let client = reqwest::Client::builder().tls_certs_only([]).build().unwrap();
        client.get(format!("http://{}{path}", self.running.address)).headers(headers).send().await.unwrap()
    }

    async fn json(&self, path: &str) -> (u16, Value) {
        self.json_as(path, "").await
    }

    async fn json_as(&self, path: &str, user: &str) -> (u16, Value) {
        let response = self.ask(path, bearer(user)).await;
        let status = response.status().as_u16();
        (status, serde_json::from_str(&response.text().await.unwrap()).unwrap())
    }
}

fn names(page: &Value) -> Vec<String> {
    page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| format!("{}/{}", item["namespace"].as_str().unwrap(), item["name"].as_str().unwrap()))
        .collect()
}

#[tokio::test]
async fn the_history_of_one_object_comes_page_by_page() {
    let mut records: Vec<_> = (1..=3).map(|seq| record("Certificate", "puppet", "web", seq)).collect();
    records.push(record("Server", "puppet", "ca", 1));
    let served = open(&records).await;

    let path = "/api/v1/history/certificates/puppet/web?limit=2";
    let (status, first) = served.json(path).await;
    assert_eq!(status, 200);
    assert_eq!(
        first["items"][0],
        json!({
            "kind": "Certificate", "namespace": "puppet", "name": "web", "uid": "uid-puppet-web",
            "seq": 3, "at": "2027-01-15T08:00:03Z", "event": "CsrSubmitted", "version": 1,
            "from": "Requested/KeyStored", "to": "Requested/Submitted", "phase": "Requested",
            "cause": "Secret web-tls changed", "traceId": "0af7651916cd43dd8448eb211c80319c",
            "data": { "attempt": 3 },
        })
    );
    assert_eq!(first["items"][1]["seq"], 2);

    let cursor = first["nextCursor"].as_str().unwrap();
    let (_, second) = served.json(&format!("{path}&cursor={cursor}")).await;
    assert_eq!(second["items"].as_array().unwrap().len(), 1);
    assert_eq!((&second["items"][0]["seq"], second.get("nextCursor")), (&json!(1), None));
}

#[tokio::test]
async fn the_list_is_restricted_by_its_parameters() {
    let mut other = record("Server", "puppet", "ca", 2);
    other.entry.event = "PodsReady".to_owned();
    other.entry.phase = "Running".to_owned();
    other.entry.cause = Some("Deployment ca_100% changed".to_owned());
    let served = open(&[record("Certificate", "puppet", "web", 1), other]).await;
    for query in [
        "kind=server",
        "namespace=puppet&since=2027-01-15T08:00:02Z",
        "phase=Running",
        "event=PodsReady",
        "cause=DEPLOYMENT",
        "cause=_100%25",
        "name=ca&order=asc",
    ] {
        let (status, page) = served.json(&format!("/api/v1/history?{query}")).await;
        assert_eq!((status, names(&page)), (200, vec!["puppet/ca".to_owned()]), "{query}");
    }
    assert_eq!(names(&served.json("/api/v1/history?cause=%25").await.1), ["puppet/ca"]);
}

#[tokio::test]
async fn what_cannot_be_answered_is_a_problem_with_its_media_type() {
    let served = open(&[]).await;
    for (path, status) in [
        ("/api/v1/history?limit=1000", 400),
        ("/api/v1/history/pods/puppet/web", 400),
        ("/api/v1/history?format=sse&limit=5", 400),
        ("/api/v1/history?format=jsonl&limit=5", 400),
        ("/api/v1/objects?cursor=abc", 400),
        ("/api/v1/objects/certificate/puppet/web", 404),
        ("/api/v1/objects/database/puppet/db/graph", 404),
        ("/api/v2/history", 404),
    ] {
        let response = get(&served.running, path).await;
        assert_eq!(response.status(), status, "{path}");
        assert_eq!(response.headers()["content-type"], Problem::CONTENT_TYPE, "{path}");
        let problem: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
        assert_eq!(problem["status"], status, "{problem}");
        assert!(!problem["detail"].as_str().unwrap().is_empty());
    }
}

#[tokio::test]
async fn an_export_has_every_record_on_a_line_of_its_own() {
    let records: Vec<_> = (1..=1203).map(|seq| record("Certificate", "puppet", "web", seq)).collect();
    let served = open(&records).await;
    let accept = [(header::ACCEPT, "application/jsonl".parse().unwrap())].into_iter().collect();
    let response = served.ask("/api/v1/history?order=asc", accept).await;
    assert_eq!(response.headers()["content-type"], "application/jsonl");
    let text = response.text().await.unwrap();
    let numbers: Vec<i64> = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["seq"].as_i64().unwrap()).collect();
    assert_eq!(numbers, (1..=1203).collect::<Vec<_>>());
}

/// The next events of a stream, as pairs of id and sequence number; events without data have none.
async fn events(mut response: reqwest::Response, count: usize) -> Vec<(String, Option<i64>)> {
    let mut text = String::new();
    while text.matches("\n\n").count() < count {
        text += std::str::from_utf8(&response.chunk().await.unwrap().expect("the stream goes on")).unwrap();
    }
    let field = |event: &str, name: &str| event.lines().find_map(|line| line.strip_prefix(name).map(|rest| rest.trim().to_owned()));
    let events = text.split("\n\n").filter(|event| !event.is_empty());
    events
        .map(|event| {
            let data = field(event, "data:").map(|data| serde_json::from_str::<Value>(&data).unwrap()["seq"].as_i64().unwrap());
            (field(event, "id:").unwrap(), data)
        })
        .collect()
}

#[tokio::test]
async fn a_stream_begins_now_and_is_resumed_where_it_broke_off() {
    let served = open(&[record("Certificate", "puppet", "web", 1)]).await;
    let path = "/api/v1/history?format=sse&kind=Certificate";
    let live = get(&served.running, path).await;
    assert_eq!(live.headers()["content-type"], "text/event-stream");
    served.store.append(&[record("Certificate", "puppet", "web", 2), record("Pool", "puppet", "p", 1)]).await.unwrap();
    let first = events(live, 2).await;
    assert_eq!(first.iter().map(|(_, seq)| *seq).collect::<Vec<_>>(), [None, Some(2)]);

    served.store.append(&[record("Certificate", "puppet", "web", 3)]).await.unwrap();
    for (id, expected) in [(&first[0].0, vec![Some(2), Some(3)]), (&first[1].0, vec![Some(3)])] {
        let resume = [("last-event-id".parse().unwrap(), id.parse().unwrap())].into_iter().collect::<HeaderMap>();
        let resumed = events(served.ask(path, resume).await, expected.len()).await;
        assert_eq!(resumed.into_iter().map(|(_, seq)| seq).collect::<Vec<_>>(), expected);
    }
    let bad = [("last-event-id".parse().unwrap(), "77".parse().unwrap())].into_iter().collect::<HeaderMap>();
    assert_eq!(served.ask(path, bad).await.status(), 400);
}

#[tokio::test]
async fn only_so_many_streams_are_open_and_one_that_ends_makes_room() {
    let served = open(&[]).await;
    let mut streams = Vec::new();
    let refused = loop {
        let response = get(&served.running, "/api/v1/history?format=sse").await;
        if response.status() != 200 {
            break response;
        }
        streams.push(response);
        assert!(streams.len() < 50, "no bound");
    };
    assert_eq!((refused.status().as_u16(), streams.len()), (429, 12));
    streams.pop();
    // The server notices the end of the connection a moment later.
    while get(&served.running, "/api/v1/history?format=sse").await.status() == 429 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn lists_show_what_the_caller_may_get_and_nothing_else() {
    let rights = Rights(&["alice certificates *", "bob certificates mine", "bob servers mine", "carol certificates yours/web"]);
    let records = [
        record("Certificate", "mine", "web", 1),
        record("Server", "mine", "ca", 1),
        record("Certificate", "yours", "web", 1),
        record("Pool", "mine", "agents", 1),
        record("Retired", "mine", "kind", 1),
    ];
    let objects = vec![
        object("Certificate", "mine", "web", &[]),
        object("Server", "mine", "ca", &[("Certificate", "web"), ("Config", "secret"), ("Pool", "agents")]),
        object("Certificate", "yours", "web", &[]),
        object("Config", "mine", "secret", &[]),
    ];
    let served = served(&records, objects, AccessControl::with_tokens(Arc::new(rights))).await;

    assert_eq!(names(&served.json_as("/api/v1/history?order=asc", "alice").await.1), ["mine/web", "yours/web"]);
    assert_eq!(names(&served.json_as("/api/v1/history?order=asc", "bob").await.1), ["mine/web", "mine/ca"]);
    assert_eq!(names(&served.json_as("/api/v1/history", "carol").await.1), Vec::<String>::new());
    assert_eq!(names(&served.json_as("/api/v1/objects", "bob").await.1), ["mine/web", "mine/ca"]);
    assert_eq!(names(&served.json_as("/api/v1/objects?at=2028-01-01T00:00:00Z", "bob").await.1), ["mine/web", "mine/ca"]);
    // One record a page, most of them not to be seen: short pages, and nothing is left out.
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let (_, page) = served.json_as(&format!("/api/v1/history?order=asc&limit=1{cursor}"), "bob").await;
        seen.extend(names(&page));
        let Some(next) = page["nextCursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen, ["mine/web", "mine/ca"]);

    // Who may get one object sees that one, by its name.
    assert_eq!(names(&served.json_as("/api/v1/history/certificates/yours/web", "carol").await.1), ["yours/web"]);
    assert_eq!(served.json_as("/api/v1/objects/certificates/yours/web/graph", "carol").await.0, 200);

    // Related objects: the name stands in the spec; whether it exists is for who may get it.
    let (_, shown) = served.json_as("/api/v1/objects/servers/mine/ca", "bob").await;
    assert_eq!(
        shown["related"],
        json!([
            { "relation": "uses", "kind": "Certificate", "name": "web", "exists": true, "phase": "Requested" },
            { "relation": "uses", "kind": "Config", "name": "secret" },
            { "relation": "uses", "kind": "Pool", "name": "agents" },
        ])
    );
    let (_, web) = served.json_as("/api/v1/objects/certificates/mine/web", "bob").await;
    assert_eq!(web["related"], json!([{ "relation": "usedBy", "kind": "Server", "name": "ca", "exists": true, "phase": "Requested" }]));
}

#[tokio::test]
async fn a_refusal_is_the_same_whether_the_object_exists_or_not() {
    let served = served(
        &[record("Certificate", "yours", "web", 1)],
        vec![object("Certificate", "yours", "web", &[])],
        AccessControl::with_tokens(Arc::new(Rights(&["bob certificates mine"]))),
    )
    .await;
    for path in [
        "/api/v1/history/certificates/yours/NAME",
        "/api/v1/objects/certificates/yours/NAME",
        "/api/v1/objects/certificates/yours/NAME/graph",
    ] {
        let existing = served.json_as(&path.replace("NAME", "web"), "bob").await;
        let missing = served.json_as(&path.replace("NAME", "nothing"), "bob").await;
        assert_eq!((existing.0, &existing), (403, &missing), "{path}");
    }
    for path in [
        "/api/v1/history?kind=certificate&namespace=yours",
        "/api/v1/history/certificates/yours/web?format=sse",
        "/api/v1/history/certificates/yours/web?format=jsonl",
    ] {
        assert_eq!(served.json_as(path, "bob").await.0, 403, "{path}");
    }
    let response = served.ask("/api/v1/history", HeaderMap::new()).await;
    assert_eq!((response.status().as_u16(), &response.headers()["www-authenticate"]), (401, &"Bearer".parse().unwrap()));
    assert_eq!(served.json_as("/api/v1/objects", "mallory").await.0, 401);
    // Page and description hold nothing but themselves.
    for path in ["/", "/openapi.json", "/page/main.js"] {
        assert_eq!(get(&served.running, path).await.status(), 200, "{path}");
    }
}

#[tokio::test]
async fn an_object_is_shown_as_it_was_at_a_time() {
    let mut second = record("Certificate", "puppet", "web", 2);
    second.entry.to = "Signed/Valid".to_owned();
    second.entry.phase = "Signed".to_owned();
    let served = open(&[record("Certificate", "puppet", "web", 1), second]).await;
    let path = "/api/v1/objects/certificate/puppet/web";
    let (_, first) = served.json(&format!("{path}?at=2027-01-15T08:00:01Z")).await;
    assert_eq!(
        (&first["state"], &first["seq"], &first["since"]),
        (&json!("Requested/Submitted"), &json!(1), &json!("2027-01-15T08:00:01Z"))
    );
    let (_, later) = served.json(&format!("{path}?at=2027-01-15T09:00:00Z")).await;
    assert_eq!(later["state"], "Signed/Valid");
    assert_eq!(served.json(&format!("{path}?at=2027-01-15T08:00:00Z")).await.0, 404);
    let (_, graph) = served.json(&format!("{path}/graph?at=2027-01-15T08:00:01Z")).await;
    assert_eq!(graph["current"], "Requested/Submitted");
    // Gone from the cluster, but not from the journal.
    let mermaid = get(&served.running, &format!("{path}/graph?format=mermaid")).await.text().await.unwrap();
    assert!(mermaid.starts_with("stateDiagram-v2\n") && mermaid.ends_with("class Signed_Valid current\n"), "{mermaid}");

    let (_, all) = served.json("/api/v1/objects?at=2027-01-15T08:00:01Z&phase=Requested").await;
    assert_eq!(names(&all), ["puppet/web"]);
    assert_eq!(names(&served.json("/api/v1/objects?at=2027-01-15T08:00:02Z&phase=Requested").await.1), Vec::<String>::new());
}

#[tokio::test]
async fn objects_come_in_pages_by_kind_namespace_and_name() {
    let objects =
        ["c", "a", "b"].into_iter().map(|name| object("Certificate", "puppet", name, &[])).chain([object("Config", "a", "z", &[])]);
    let served = served(&[], objects.collect(), AccessControl::open()).await;
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let (status, page) = served.json(&format!("/api/v1/objects?limit=3{cursor}")).await;
        assert_eq!(status, 200);
        seen.push(names(&page));
        let Some(next) = page["nextCursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen, [vec!["puppet/a", "puppet/b", "puppet/c"], vec!["a/z"]]);
    assert_eq!(names(&served.json("/api/v1/objects?kind=configs").await.1), ["a/z"]);
    assert_eq!(names(&served.json("/api/v1/objects?namespace=a&phase=Signed").await.1), Vec::<String>::new());
}

#[tokio::test]
async fn callers_who_hang_up_do_no_harm_to_the_journal() {
    let records: Vec<_> = (1..=500).map(|seq| record("Certificate", "puppet", "web", seq)).collect();
    let served = open(&records).await;
    for _ in 0..40 {
        let mut stream = tokio::net::TcpStream::connect(served.running.address).await.unwrap();
        stream.write_all(b"GET /api/v1/history?limit=500 HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        tokio::task::yield_now().await;
    }
    // The limit of a caller's requests is not what is looked at here.
    let page = loop {
        match served.json("/api/v1/history?limit=1").await {
            (429, _) => tokio::time::sleep(Duration::from_millis(100)).await,
            (status, page) => break (status, page),
        }
    };
    assert_eq!((page.0, page.1["items"][0]["seq"].as_i64()), (200, Some(500)), "{}", page.1);
}

/// Every property of an answer stands in its schema, and every required one is there.
fn conforms(document: &Value, schema: &Value, value: &Value, place: &str) {
    if let Some(name) = schema["$ref"].as_str() {
        return conforms(document, document.pointer(name.trim_start_matches('#')).unwrap(), value, place);
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let fits = |choice: &&Value| {
            let choice = document.pointer(choice["$ref"].as_str().unwrap().trim_start_matches('#')).unwrap();
            choice["required"].as_array().unwrap().iter().all(|name| value.get(name.as_str().unwrap()).is_some())
        };
        return conforms(document, choices.iter().find(fits).expect("one that fits"), value, place);
    }
    if let (Some(items), Some(values)) = (schema.get("items"), value.as_array()) {
        for value in values {
            conforms(document, items, value, place);
        }
    }
    if let (Some(properties), Some(members)) = (schema["properties"].as_object(), value.as_object()) {
        for name in schema["required"].as_array().unwrap() {
            assert!(members.contains_key(name.as_str().unwrap()), "{place} has no {name}");
        }
        for (name, value) in members {
            let schema = properties.get(name).unwrap_or_else(|| panic!("{place}.{name} is not described"));
            conforms(document, schema, value, &format!("{place}.{name}"));
        }
    }
}

#[tokio::test]
async fn the_description_holds_for_every_path_parameter_and_answer() {
    let objects = vec![object("Certificate", "puppet", "web", &[("CertificateAuthority", "ca")])];
    let served = served(&[record("Certificate", "puppet", "web", 1)], objects, AccessControl::open()).await;
    let (_, document) = served.json("/openapi.json").await;
    let mut answered = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        let address = path.replace("{kind}", "certificates").replace("{namespace}", "puppet").replace("{name}", "web");
        let operation = &item["get"];
        let parameters = operation["parameters"].as_array().unwrap();
        for parameter in parameters.iter().filter(|parameter| parameter["in"] == "query") {
            // No value is right for all of them: an unknown parameter is refused by its name, a known one by its value.
            let name = parameter["name"].as_str().unwrap();
            let (_, answer) = served.json(&format!("{address}?{name}=%00")).await;
            let expected = answer["expected"].as_str().unwrap_or_default();
            assert!(!expected.contains("one of the parameters"), "{path} {name}: {answer}");
        }
        assert_eq!(served.json(&format!("{address}?colour=red")).await.1["parameter"], "colour", "{path}");

        let json = &operation["responses"]["200"]["content"]["application/json"]["schema"];
        for query in ["", "?at=2028-01-01T00:00:00Z"] {
            let (status, answer) = served.json(&format!("{address}{query}")).await;
            let known = parameters.iter().any(|parameter| parameter["name"] == "at");
            assert_eq!(status, if query.is_empty() || known { 200 } else { 400 }, "{address}{query}: {answer}");
            let problem = json!({ "$ref": "#/components/schemas/Problem" });
            conforms(&document, if status == 200 { json } else { &problem }, &answer, path);
            answered += 1;
        }
    }
    assert_eq!(answered, 2 * ROUTES.len());
}

#[tokio::test]
async fn every_answer_forbids_browsers_what_it_does_not_need() {
    let served = open(&[]).await;
    for path in ["/", "/api/v1/history", "/nothing"] {
        let response = get(&served.running, path).await;
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        assert!(header("content-security-policy").starts_with("default-src 'none'"), "{path}");
        assert_eq!((header("x-content-type-options"), header("referrer-policy")), ("nosniff".to_owned(), "no-referrer".to_owned()));
    }
    let client = reqwest::Client::builder().tls_certs_only([]).build().unwrap();
    let posted = client.post(format!("http://{}/api/v1/history", served.running.address)).send().await.unwrap();
    assert_eq!(posted.status(), 405);
}

#[tokio::test]
async fn who_owns_a_namespace_sees_nothing_of_an_earlier_one_of_its_name() {
    let records = [
        record("Certificate", "again", "web", 1),
        record("Certificate", "again", "web", 9),
        record("Certificate", "again", "old", 2),
        record("Certificate", "gone", "web", 3),
    ];
    let rights = &["alice certificates again", "alice certificates gone", "bob certificates *"];
    let served = served(&records, Vec::new(), AccessControl::with_tokens(Arc::new(Rights(rights)))).await;
    for path in ["/api/v1/history", "/api/v1/history/certificates/again/web", "/api/v1/history?kind=certificate&namespace=again"] {
        let (status, page) = served.json_as(path, "alice").await;
        let seqs: Vec<i64> = page["items"].as_array().unwrap().iter().map(|item| item["seq"].as_i64().unwrap()).collect();
        assert_eq!((status, seqs), (200, vec![9]), "{path}");
    }
    let (_, all) = served.json_as("/api/v1/history", "bob").await;
    assert_eq!(all["items"].as_array().unwrap().len(), 4, "who sees the whole cluster sees all times");
    let then = "at=2027-01-15T08:00:04Z";
    let path = format!("/api/v1/objects/certificates/again/web?{then}");
    assert_eq!((served.json_as(&path, "alice").await.0, served.json_as(&path, "bob").await.0), (404, 200));
    let (_, moments) = served.json_as(&format!("/api/v1/objects?{then}"), "alice").await;
    assert_eq!(moments["items"], json!([]));
}
