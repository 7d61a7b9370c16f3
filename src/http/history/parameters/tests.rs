use super::super::routes::ROUTES;
use super::*;
use crate::http::problem::Malformed;

fn route(id: &str) -> &'static Route {
    ROUTES.iter().find(|route| route.id == id).unwrap()
}

fn read(route: &Route, pairs: &[(&str, &str)], accept: &str) -> Result<Asked, Problem> {
    let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let headers = [(header::ACCEPT, accept.parse().unwrap())].into_iter().collect();
    Asked::read(route, std::iter::empty(), pairs, &headers)
}

fn parsed(pairs: &[(&str, &str)]) -> Result<Asked, Problem> {
    read(route("listHistory"), pairs, "*/*")
}

fn malformed(problem: Problem) -> Malformed {
    *problem.malformed.expect("it is about a parameter")
}

#[test]
fn without_parameters_the_newest_hundred_of_everything_are_meant() {
    let query = parsed(&[]).unwrap().query().unwrap();
    assert_eq!((query.limit, query.order), (100, Order::Descending));
    assert_eq!((query.kind, query.cursor), (None, None));
}

#[test]
fn kinds_are_known_by_kind_and_plural_in_any_case() {
    for text in ["CertificateAuthority", "certificateauthority", "CERTIFICATEAUTHORITIES"] {
        let asked = parsed(&[("kind", text)]).unwrap();
        assert_eq!(asked.query().unwrap().kind.as_deref(), Some("CertificateAuthority"), "{text}");
    }
}

#[test]
fn an_unknown_kind_lists_the_known_ones() {
    let problem = parsed(&[("kind", "Pod")]).unwrap_err();
    assert_eq!(problem.status, 400);
    let Malformed { parameter, value, expected } = malformed(problem);
    assert_eq!((parameter.as_str(), value.as_str()), ("kind", "Pod"));
    assert!(expected.contains("Certificate, ") && expected.contains("SigningPolicy"), "{expected}");
}

#[test]
fn every_parameter_that_cannot_be_used_is_named_with_its_value() {
    for (parameter, value) in [
        ("since", "yesterday"),
        ("until", "2026-13-01T00:00:00Z"),
        ("order", "up"),
        ("limit", "0"),
        ("limit", "501"),
        ("limit", "-1"),
        ("limit", "many"),
        ("format", "xml"),
        ("format", "mermaid"),
        ("sicne", "2026-01-31T12:00:00Z"),
        ("at", "2026-01-31T12:00:00Z"),
    ] {
        let said = malformed(parsed(&[(parameter, value)]).unwrap_err());
        assert_eq!((said.parameter.as_str(), said.value.as_str()), (parameter, value));
        assert!(!said.expected.is_empty());
    }
    assert_eq!(malformed(parsed(&[("cursor", "abc")]).unwrap().query().unwrap_err()).parameter, "cursor");
}

#[test]
fn a_long_bad_value_is_not_repeated_in_full() {
    let problem = parsed(&[("order", &"x".repeat(5000))]).unwrap_err();
    assert_eq!(malformed(problem).value.len(), 200);
}

#[test]
fn a_parameter_given_twice_is_refused_and_so_is_one_beside_the_path() {
    let twice = malformed(parsed(&[("limit", "1"), ("limit", "2")]).unwrap_err());
    assert_eq!((twice.parameter.as_str(), twice.value.as_str()), ("limit", "2"));

    let path = [("kind", "servers")].into_iter();
    let pairs = vec![("kind".to_owned(), "configs".to_owned())];
    let beside = Asked::read(route("listHistoryOfObject"), path, pairs, &HeaderMap::new()).unwrap_err();
    assert_eq!(malformed(beside).parameter, "kind");
}

#[test]
fn empty_values_do_not_restrict() {
    let empty = [("kind", ""), ("since", ""), ("limit", ""), ("cursor", ""), ("format", "")];
    assert_eq!(parsed(&empty).unwrap(), parsed(&[]).unwrap());
}

#[test]
fn times_of_any_zone_are_taken_also_where_the_plus_was_not_encoded() {
    for text in ["2026-01-31T13:00:00+01:00", "2026-01-31T13:00:00 01:00"] {
        assert_eq!(parsed(&[("since", text)]).unwrap().since.unwrap().to_string(), "2026-01-31T12:00:00Z");
    }
}

#[test]
fn the_form_is_that_of_the_parameter_else_the_first_accepted_one_that_there_is() {
    let of = |id: &str, format: &str, accept: &str| read(route(id), &[("format", format)], accept).unwrap().format;
    assert_eq!(of("listHistory", "", "text/html, */*;q=0.8"), Format::Json);
    assert_eq!(of("listHistory", "", "text/vnd.mermaid, application/x-ndjson"), Format::Jsonl);
    assert_eq!(of("listHistory", "", "Text/Event-Stream"), Format::Sse);
    assert_eq!(of("listHistory", "json", "text/event-stream"), Format::Json);
    assert_eq!(of("getGraphOfObject", "", "text/vnd.mermaid;charset=utf-8"), Format::Mermaid);
}
