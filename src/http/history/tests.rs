use super::*;

fn parsed(pairs: &[(&str, &str)]) -> Result<Query, Malformed> {
    let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    parse(&[], pairs)
}

#[test]
fn without_parameters_the_newest_hundred_of_everything_are_meant() {
    let query = parsed(&[]).unwrap();
    assert_eq!(query.limit, 100);
    assert_eq!(query.order, Order::Descending);
    assert_eq!(query.kind, None);
    assert_eq!(query.cursor, None);
}

#[test]
fn kinds_are_known_by_kind_and_plural_in_any_case() {
    for text in ["CertificateAuthority", "certificateauthority", "CERTIFICATEAUTHORITIES"] {
        let query = parsed(&[("kind", text)]).unwrap();
        assert_eq!(query.kind.as_deref(), Some("CertificateAuthority"), "{text}");
    }
}

#[test]
fn an_unknown_kind_lists_the_known_ones() {
    let malformed = parsed(&[("kind", "Pod")]).unwrap_err();
    assert_eq!(malformed.parameter, "kind");
    assert_eq!(malformed.value, "Pod");
    assert!(malformed.expected.contains("Certificate, "), "{malformed:?}");
    assert!(malformed.expected.contains("SigningPolicy"), "{malformed:?}");
}

#[test]
fn every_malformed_parameter_is_named_with_its_value() {
    for (parameter, value) in [
        ("since", "yesterday"),
        ("until", "2026-13-01T00:00:00Z"),
        ("order", "up"),
        ("limit", "0"),
        ("limit", "501"),
        ("limit", "-1"),
        ("limit", "many"),
        ("cursor", "abc"),
        ("sicne", "2026-01-31T12:00:00Z"),
    ] {
        let malformed = parsed(&[(parameter, value)]).unwrap_err();
        assert_eq!(malformed.parameter, parameter);
        assert_eq!(malformed.value, value);
        assert!(!malformed.expected.is_empty());
    }
}

#[test]
fn a_parameter_given_twice_is_refused_and_so_is_one_beside_the_path() {
    let twice = parsed(&[("limit", "1"), ("limit", "2")]).unwrap_err();
    assert_eq!((twice.parameter.as_str(), twice.value.as_str()), ("limit", "2"));

    let path = [("kind", "servers".to_owned())];
    let beside = parse(&path, vec![("kind".to_owned(), "configs".to_owned())]).unwrap_err();
    assert_eq!(beside.parameter, "kind");
}

#[test]
fn empty_values_do_not_restrict() {
    let query = parsed(&[("kind", ""), ("since", ""), ("limit", ""), ("cursor", "")]).unwrap();
    assert_eq!(query, parsed(&[]).unwrap());
}

#[test]
fn times_of_any_zone_are_taken() {
    let query = parsed(&[("since", "2026-01-31T13:00:00+01:00")]).unwrap();
    assert_eq!(query.since.unwrap().to_string(), "2026-01-31T12:00:00Z");
}
