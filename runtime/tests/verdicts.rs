//! Verdicts about real certificate requests.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

use openvox_puppet::request::{Request, RequestError};
use openvox_puppet::signature::SignatureError;
use openvox_runtime::autosign::policy::PolicyFile;
use openvox_runtime::autosign::verdict::{Denial, Ground, Reason, Verdict, evaluate};
use proptest::prelude::*;
use rcgen::{Attribute, CertificateParams, CustomExtension, DistinguishedName, DnType, KeyPair, SanType};

const PP_ROLE: &[u64] = &[1, 3, 6, 1, 4, 1, 34380, 1, 1, 13];
const PP_PRESHARED_KEY: &[u64] = &[1, 3, 6, 1, 4, 1, 34380, 1, 1, 4];
const PP_AUTH_AUTO_RENEW: &[u64] = &[1, 3, 6, 1, 4, 1, 34380, 1, 3, 2];
const PP_AUTH_ROLE: &[u64] = &[1, 3, 6, 1, 4, 1, 34380, 1, 3, 13];
const PP_CLI_AUTH: &[u64] = &[1, 3, 6, 1, 4, 1, 34380, 1, 3, 39];
const NAMELESS_AUTHORIZATION: &[u64] = &[1, 3, 6, 1, 4, 1, 34380, 1, 3, 99];
const PRIVATE: &[u64] = &[1, 3, 6, 1, 4, 1, 34380, 1, 2, 7];
const UNREGISTERED: &[u64] = &[1, 3, 6, 1, 4, 1, 34380, 1, 1, 99];
const UNSTRUCTURED_NAME: &[u64] = &[1, 2, 840, 113_549, 1, 9, 2];
const CHALLENGE_PASSWORD: &[u64] = &[1, 2, 840, 113_549, 1, 9, 7];
const EXTENSION_REQUEST: &[u64] = &[1, 2, 840, 113_549, 1, 9, 14];
const MICROSOFT_EXTENSION_REQUEST: &[u64] = &[1, 3, 6, 1, 4, 1, 311, 2, 1, 14];

const CERTNAME: &str = "web01.example.test";

/// A DER value with content of fewer than 128 bytes.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).unwrap();
    assert!(length < 0x80);
    [&[tag, length], content].concat()
}

fn utf8(text: &str) -> Vec<u8> {
    der(0x0c, text.as_bytes())
}

/// A request in the making.
struct Asking {
    params: CertificateParams,
    attributes: Vec<Attribute>,
}

fn asking(common_name: &str) -> Asking {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    Asking { params, attributes: Vec::new() }
}

impl Asking {
    fn alt_names(mut self, names: impl IntoIterator<Item = SanType>) -> Self {
        self.params.subject_alt_names.extend(names);
        self
    }

    fn dns(self, name: &str) -> Self {
        self.alt_names([SanType::DnsName(name.try_into().unwrap())])
    }

    fn ip(self, address: &str) -> Self {
        self.alt_names([SanType::IpAddress(address.parse().unwrap())])
    }

    fn raw_extension(mut self, oid: &[u64], value: Vec<u8>) -> Self {
        let extension = CustomExtension::from_oid_content(oid, value);
        self.params.custom_extensions.push(extension);
        self
    }

    fn extension(self, oid: &[u64], value: &str) -> Self {
        self.raw_extension(oid, utf8(value))
    }

    fn raw_attribute(mut self, oid: &'static [u64], values: &[u8]) -> Self {
        let values = der(0x31, values);
        self.attributes.push(Attribute { oid, values });
        self
    }

    fn attribute(self, oid: &'static [u64], value: &str) -> Self {
        self.raw_attribute(oid, &utf8(value))
    }

    fn pem_of(&self, key: &KeyPair) -> String {
        self.params.serialize_request_with_attributes(key, self.attributes.clone()).unwrap().pem().unwrap()
    }

    fn pem(&self) -> String {
        self.pem_of(&KeyPair::generate().unwrap())
    }

    fn read(&self) -> Result<Request, RequestError> {
        Request::from_pem(self.pem().as_bytes())
    }
}

fn policies(yaml: &str) -> PolicyFile {
    PolicyFile::parse(yaml).expect(yaml)
}

fn decide(yaml: &str, asking: &Asking) -> Verdict {
    evaluate(&policies(yaml), CERTNAME, &asking.read().unwrap())
}

/// Why the only policy of a file refuses.
fn reason(yaml: &str, asking: &Asking) -> Reason {
    match decide(yaml, asking) {
        Verdict::Deny(Denial::Policies(mut refused)) if refused.len() == 1 => refused.remove(0).1,
        other => panic!("{other:?}"),
    }
}

fn signs(yaml: &str, asking: &Asking) -> bool {
    decide(yaml, asking).signs()
}

const ANY: &str = "policies: [{name: all, any: true}]";
const WEB: &str = r#"policies: [{name: web, pattern: {allow: ["web*.example.test"]}}]"#;
const WEB_AND_NAMES: &str = r#"
policies:
  - name: web
    pattern: {allow: ["web*.example.test"]}
    dnsAltNames: {allow: ["*.example.test"]}
    ipAltNames: {allow: ["10.0.0.0/31", "2001:DB8::1"]}
"#;

fn with_attribute(name: &str, value: &str) -> String {
    format!("policies: [{{name: keyed, csrAttributes: [{{name: {name}, value: {value:?}}}]}}]")
}

#[test]
fn the_first_policy_that_matches_signs() {
    let yaml = r#"
policies:
  - name: db
    pattern: {allow: ["db*"]}
  - name: web
    pattern: {allow: ["mail*", "web*"]}
  - name: late
    any: true
"#;
    let verdict = decide(yaml, &asking(CERTNAME));
    let grounds = vec![Ground::Pattern("web*".to_owned())];
    let policy = "web".to_owned();
    assert_eq!(verdict, Verdict::Sign { policy, grounds });
    assert_eq!(verdict.to_string(), r#"policy "web" (pattern "web*")"#);
}

#[test]
fn a_refusal_names_what_failed_in_every_policy() {
    let yaml = r#"
policies:
  - name: db
    pattern: {allow: ["db*", "[x"]}
  - name: key
    csrAttributes: [{name: challengePassword, value: hunter2}]
  - name: names
    dnsAltNames: {allow: ["*"]}
"#;
    let asking = asking(CERTNAME).attribute(CHALLENGE_PASSWORD, "hunter3");
    assert_eq!(
        decide(yaml, &asking).to_string(),
        "policy \"db\": pattern did not match [\"db*\", \"[x\"] (failed to read the pattern \"[x\": the class is not \
         closed at character 1); policy \"key\": attribute \"challengePassword\" has another value; policy \"names\": it \
         has neither pattern nor csrAttributes"
    );
}

#[test]
fn no_policies_refuse_everything() {
    let verdict = decide("", &asking(CERTNAME));
    assert_eq!(verdict, Verdict::Deny(Denial::NoPolicies));
}

#[test]
fn the_common_name_must_be_the_certname_whatever_the_policy() {
    for other in ["web02.example.test", "WEB01.example.test", "web01.example.test "] {
        let verdict = decide(ANY, &asking(other));
        assert_eq!(verdict, Verdict::Deny(Denial::CommonName(other.to_owned())));
    }
}

#[test]
fn alt_names_must_all_be_allowed() {
    let cases = [
        (asking(CERTNAME), true),
        (asking(CERTNAME).dns("a.example.test"), true),
        (asking(CERTNAME).dns("a.example.test").dns("b.example.test"), true),
        (asking(CERTNAME).dns("a.example.test").dns("puppet"), false),
        (asking(CERTNAME).dns("a.example.test").ip("10.0.0.1"), true),
        (asking(CERTNAME).ip("2001:db8::1"), true),
        (asking(CERTNAME).ip("10.0.0.2"), false),
        (asking(CERTNAME).dns("A.EXAMPLE.TEST"), false),
    ];
    for (asking, expected) in cases {
        let names = asking.params.subject_alt_names.clone();
        assert_eq!(signs(WEB_AND_NAMES, &asking), expected, "{names:?}");
    }
}

#[test]
fn a_policy_without_alt_names_allows_none_not_even_the_certname() {
    let name = CERTNAME.to_owned();
    assert_eq!(reason(WEB, &asking(CERTNAME).dns(CERTNAME)), Reason::DnsName { name, unreadable: vec![] });
    let address = "10.0.0.1".parse().unwrap();
    assert_eq!(reason(WEB, &asking(CERTNAME).ip("10.0.0.1")), Reason::Address { address, unreadable: vec![] });
}

#[test]
fn a_glob_does_not_reach_ip_addresses() {
    let yaml = r#"policies: [{name: web, pattern: {allow: ["*"]}, dnsAltNames: {allow: ["*", "10.0.0.*", "10.0.0.1"]}}]"#;
    assert!(signs(yaml, &asking(CERTNAME).dns("a.b")));
    assert!(!signs(yaml, &asking(CERTNAME).ip("10.0.0.1")));
}

#[test]
fn alt_names_of_other_types_are_never_signed() {
    let mail = SanType::Rfc822Name("root@example.test".try_into().unwrap());
    let uri = SanType::URI("https://example.test".try_into().unwrap());
    let other = SanType::OtherName((vec![1, 3, 6, 1], "x".into()));
    for name in [mail, uri, other] {
        for yaml in [ANY, WEB_AND_NAMES] {
            let asking = asking(CERTNAME).dns("a.example.test").alt_names([name.clone()]);
            assert!(matches!(reason(yaml, &asking), Reason::AltNameType(_)), "{name:?}");
        }
    }
}

#[test]
fn an_address_range_that_cannot_be_read_holds_nothing_and_is_named() {
    let yaml = r#"policies: [{name: web, pattern: {allow: ["*"]}, ipAltNames: {allow: ["10.0.0.1/8", "10.0.0.*"]}}]"#;
    let Reason::Address { unreadable, .. } = reason(yaml, &asking(CERTNAME).ip("10.0.0.1")) else { panic!("another reason") };
    assert_eq!(unreadable.len(), 2);
}

#[test]
fn a_name_with_a_wildcard_is_never_signed_even_where_the_pattern_is_written_like_it() {
    for yaml in [ANY, WEB_AND_NAMES] {
        let name = "*.example.test".to_owned();
        assert_eq!(reason(yaml, &asking(CERTNAME).dns("*.example.test")), Reason::Wildcard(name));
    }
}

#[test]
fn what_is_neither_ordinary_nor_named_is_refused() {
    let refused = |asking: Asking| {
        let why = reason(WEB, &asking);
        (matches!(why, Reason::UnnamedExtension(_)), matches!(why, Reason::UnnamedAttribute(_)))
    };
    let basic_constraints = || asking(CERTNAME).raw_extension(&[2, 5, 29, 19], vec![0x30, 3, 1, 1, 0xff]);
    assert_eq!(refused(asking(CERTNAME).extension(PRIVATE, "x")), (true, false));
    assert_eq!(refused(asking(CERTNAME).extension(UNREGISTERED, "x")), (true, false));
    assert_eq!(refused(basic_constraints()), (true, false));
    assert_eq!(refused(asking(CERTNAME).attribute(PRIVATE, "x")), (false, true));
    assert_eq!(refused(asking(CERTNAME).attribute(PP_AUTH_ROLE, "x")), (false, true));
    assert_eq!(refused(asking(CERTNAME).attribute(UNSTRUCTURED_NAME, "x")), (false, true));
    // What agents send needs no name.
    for ordinary in [
        asking(CERTNAME).extension(PP_ROLE, "web"),
        asking(CERTNAME).extension(PP_PRESHARED_KEY, "x"),
        asking(CERTNAME).attribute(PP_ROLE, "web"),
        asking(CERTNAME).attribute(CHALLENGE_PASSWORD, "x"),
        asking(CERTNAME).attribute(PP_AUTH_AUTO_RENEW, "true"),
    ] {
        assert!(signs(WEB, &ordinary));
    }
    // To `any`, what describes a node and what never reaches the certificate is as good as any other.
    for described in [
        asking(CERTNAME).extension(PRIVATE, "x"),
        asking(CERTNAME).extension(UNREGISTERED, "x"),
        asking(CERTNAME).attribute(UNSTRUCTURED_NAME, "x"),
        asking(CERTNAME).attribute(PP_AUTH_ROLE, "x"),
    ] {
        assert!(signs(ANY, &described));
    }
    assert!(matches!(reason(ANY, &basic_constraints()), Reason::UnnamedExtension(_)));
}

#[test]
fn what_a_policy_names_may_be_requested_whatever_its_value_and_the_verdict_says_so() {
    let all = "extensions: {allow: [pp_auth_role, '1.3.6.1.4.1.34380.1.2.7', '1.2.840.113549.1.9.2', pp_rolle]}";
    let web = format!(r#"policies: [{{name: web, pattern: {{allow: ["web*"]}}, {all}}}]"#);
    let any = format!("policies: [{{name: all, any: true, {all}}}]");
    for yaml in [&web, &any] {
        assert!(signs(yaml, &asking(CERTNAME)));
        for role in ["web", "admin"] {
            assert!(signs(yaml, &asking(CERTNAME).extension(PP_AUTH_ROLE, role)));
        }
        assert!(signs(yaml, &asking(CERTNAME).extension(PRIVATE, "x").attribute(UNSTRUCTURED_NAME, "x")));
        let why = reason(yaml, &asking(CERTNAME).extension(PP_AUTH_ROLE, "web").extension(PP_CLI_AUTH, "true"));
        assert_eq!(why, Reason::AuthorizationExtension("pp_cli_auth".to_owned()));
    }
    let verdict = decide(&web, &asking(CERTNAME).extension(PP_AUTH_ROLE, "hunter2"));
    assert_eq!(verdict.to_string(), r#"policy "web" (pattern "web*", extension pp_auth_role)"#);
    // Being allowed to ask is no reason to sign.
    let alone = format!("policies: [{{name: web, {all}}}]");
    assert_eq!(reason(&alone, &asking(CERTNAME).extension(PP_AUTH_ROLE, "web")), Reason::NoCondition);
}

#[test]
fn rights_and_names_are_judged_before_any_condition() {
    let mail = SanType::Rfc822Name("root@example.test".try_into().unwrap());
    let all_wrong = || asking(CERTNAME).extension(PRIVATE, "x").alt_names([mail.clone()]);
    let yaml = r#"policies: [{name: db, pattern: {allow: ["db*"]}}]"#;
    assert!(matches!(reason(yaml, &all_wrong().extension(PP_AUTH_ROLE, "x")), Reason::AuthorizationExtension(_)));
    assert!(matches!(reason(yaml, &all_wrong()), Reason::AltNameType(_)));
    assert!(matches!(reason(yaml, &asking(CERTNAME).extension(PRIVATE, "x")), Reason::UnnamedExtension(_)));
    assert!(matches!(reason(yaml, &asking(CERTNAME)), Reason::Pattern { .. }));
}

#[test]
fn any_signs_host_names_and_addresses() {
    assert!(signs(ANY, &asking(CERTNAME).dns("puppet").ip("10.0.0.1")));
}

#[test]
fn alt_names_alone_are_no_reason_to_sign() {
    let yaml = r#"policies: [{name: names, dnsAltNames: {allow: ["*"]}}]"#;
    assert_eq!(reason(yaml, &asking(CERTNAME).dns("a")), Reason::NoCondition);
    assert_eq!(reason(yaml, &asking(CERTNAME)), Reason::NoCondition);
}

#[test]
fn an_empty_list_of_patterns_matches_nothing() {
    assert!(!signs("policies: [{name: web, pattern: {allow: []}}]", &asking(CERTNAME)));
}

#[test]
fn an_authorization_extension_must_be_named_with_its_value() {
    for (oid, name) in [
        (PP_CLI_AUTH, "pp_cli_auth"),
        (PP_AUTH_ROLE, "pp_auth_role"),
        (PP_AUTH_AUTO_RENEW, "pp_auth_auto_renew"),
        (PP_AUTH_AUTO_RENEW, "pp_auth_token"),
        (NAMELESS_AUTHORIZATION, "1.3.6.1.4.1.34380.1.3.99"),
    ] {
        let asking = asking(CERTNAME).extension(oid, "true");
        for yaml in [ANY, WEB, &with_attribute("pp_role", "true")] {
            assert!(matches!(reason(yaml, &asking), Reason::AuthorizationExtension(_)), "{name}");
        }
        assert!(signs(&with_attribute(name, "true"), &asking), "{name}");
        let other = with_attribute(name, "false");
        assert_eq!(reason(&other, &asking), Reason::AttributeDiffers(name.to_owned()));
        let ignored = format!("policies: [{{name: a, any: true, csrAttributes: [{{name: {name}, value: x}}]}}]");
        assert!(!signs(&ignored, &asking), "{name}");
    }
}

#[test]
fn the_attribute_that_agents_send_for_renewal_is_not_an_extension() {
    let asking = asking(CERTNAME).attribute(PP_AUTH_AUTO_RENEW, "true");
    assert!(signs(ANY, &asking));
    assert!(signs(WEB, &asking));
}

#[test]
fn an_attribute_does_not_vouch_for_an_extension_with_another_value() {
    let yaml = with_attribute("pp_auth_role", "web");
    let both = |value| asking(CERTNAME).extension(PP_AUTH_ROLE, value).attribute(PP_AUTH_ROLE, "web");
    assert!(signs(&yaml, &both("web")));
    assert!(!signs(&yaml, &both("admin")));
}

#[test]
fn a_value_is_found_among_extensions_and_attributes() {
    let plain = b"web".to_vec();
    let cases = [
        ("pp_role", asking(CERTNAME).extension(PP_ROLE, "web"), true),
        ("pp_role", asking(CERTNAME).attribute(PP_ROLE, "web"), true),
        ("pp_role", asking(CERTNAME).raw_extension(PP_ROLE, plain), true),
        ("pp_role", asking(CERTNAME).raw_extension(PP_ROLE, der(0x13, b"web")), true),
        ("pp_role", asking(CERTNAME).raw_extension(PP_ROLE, der(0x1e, b"\0w\0e\0b")), true),
        ("pp_role", asking(CERTNAME).raw_attribute(PP_ROLE, &der(0x16, b"web")), true),
        ("pp_role", asking(CERTNAME).raw_attribute(PP_ROLE, &[utf8("web"), utf8("db")].concat()), false),
        ("pp_role", asking(CERTNAME).raw_attribute(PP_ROLE, &[]), false),
        ("pp_role", asking(CERTNAME).extension(PP_ROLE, "Web"), false),
        ("pp_role", asking(CERTNAME).extension(PP_ROLE, "web\n"), true),
        ("pp_role", asking(CERTNAME).extension(PP_ROLE, "web\n "), false),
        ("pp_role", asking(CERTNAME).extension(PP_PRESHARED_KEY, "web"), false),
        ("pp_role", asking(CERTNAME), false),
        ("challengePassword", asking(CERTNAME).attribute(CHALLENGE_PASSWORD, "web"), true),
        ("1.3.6.1.4.1.34380.1.2.7", asking(CERTNAME).extension(PRIVATE, "web"), true),
        ("pp_rolle", asking(CERTNAME).extension(PP_ROLE, "web"), false),
    ];
    for (index, (name, asking, expected)) in cases.into_iter().enumerate() {
        assert_eq!(signs(&with_attribute(name, "web"), &asking), expected, "case {index}");
        assert_eq!(signs(&with_attribute(name, "web\r\n"), &asking), expected, "case {index}");
    }
}

#[test]
fn text_counts_as_puppet_writes_it_whatever_its_characters() {
    let password = "Grüße-aus-Köln";
    let as_puppet_writes = |text: &str| asking(CERTNAME).raw_attribute(CHALLENGE_PASSWORD, &der(0x13, text.as_bytes()));
    let yaml = with_attribute("challengePassword", password);
    assert!(signs(&yaml, &as_puppet_writes(password)));
    assert!(signs(&yaml, &asking(CERTNAME).attribute(CHALLENGE_PASSWORD, password)));
    assert!(!signs(&yaml, &as_puppet_writes("Grüsse-aus-Köln")));
    // ISO 8859-1, which is no UTF-8.
    assert!(!signs(&yaml, &asking(CERTNAME).raw_attribute(CHALLENGE_PASSWORD, &der(0x13, b"Gr\xfc\xdfe-aus-K\xf6ln"))));
}

#[test]
fn line_ends_count_on_neither_side() {
    let forms = ["one\ntwo", "one\r\ntwo", "one\ntwo\n", "one\r\ntwo\r\n", "one\ntwo\r\n\n"];
    for expected in forms {
        for carried in forms {
            assert!(signs(&with_attribute("pp_role", expected), &asking(CERTNAME).extension(PP_ROLE, carried)), "{expected:?} {carried:?}");
        }
        for other in ["onetwo", "one\rtwo", "\none\ntwo", "one\n\ntwo"] {
            assert!(!signs(&with_attribute("pp_role", expected), &asking(CERTNAME).extension(PP_ROLE, other)), "{expected:?} {other:?}");
        }
    }
}

#[test]
fn an_empty_expectation_never_matches() {
    let empty = asking(CERTNAME).extension(PP_ROLE, "");
    for value in ["", "\n"] {
        let expected = Reason::EmptyExpectation("pp_role".to_owned());
        assert_eq!(reason(&with_attribute("pp_role", value), &empty), expected);
    }
    let missing = "policies: [{name: keyed, csrAttributes: [{name: pp_role}]}]";
    assert!(!signs(missing, &empty));
}

#[test]
fn pattern_and_attributes_must_both_hold() {
    let yaml = r#"
policies:
  - name: web
    pattern: {allow: ["web*"]}
    csrAttributes: [{name: pp_role, value: web}, {name: challengePassword, value: key}]
"#;
    let full = asking(CERTNAME).extension(PP_ROLE, "web").attribute(CHALLENGE_PASSWORD, "key");
    assert!(signs(yaml, &full));
    assert!(!signs(yaml, &asking(CERTNAME).extension(PP_ROLE, "web")));
    assert!(!signs(yaml, &asking(CERTNAME)));
}

#[test]
fn a_changed_request_is_refused() {
    let pem = asking(CERTNAME).pem();
    let block = pem::parse(&pem).unwrap();
    let at = block.contents().windows(5).position(|window| window == b"web01").unwrap();
    let mut changed = block.contents().to_vec();
    changed[at + 4] = b'2';
    let changed = pem::encode(&pem::Pem::new("CERTIFICATE REQUEST", changed));
    assert_eq!(Request::from_pem(changed.as_bytes()), Err(RequestError::Signature(SignatureError::Wrong)));
}

#[test]
fn keys_of_every_supported_kind_verify() {
    for algorithm in [
        &rcgen::PKCS_ECDSA_P256_SHA256,
        &rcgen::PKCS_ECDSA_P384_SHA384,
        &rcgen::PKCS_ECDSA_P521_SHA256,
        &rcgen::PKCS_ECDSA_P521_SHA384,
        &rcgen::PKCS_ECDSA_P521_SHA512,
        &rcgen::PKCS_ED25519,
        &rcgen::PKCS_RSA_SHA256,
        &rcgen::PKCS_RSA_SHA512,
    ] {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let pem = asking(CERTNAME).pem_of(&key);
        let request = Request::from_pem(pem.as_bytes()).expect("a good signature");
        assert_eq!(request.common_name(), CERTNAME);
    }
}

#[test]
fn what_two_readers_could_read_differently_is_refused() {
    let extensions = der(0x30, &der(0x30, &[vec![6, 3, 0x55, 0x1d, 0x11], der(4, &[0x30, 0])].concat()));
    let mut names = asking(CERTNAME);
    names.params.distinguished_name.push(DnType::OrganizationName, "x");
    assert!(names.read().is_ok(), "further parts of the subject do no harm");

    let twice = asking(CERTNAME).extension(PP_ROLE, "web").extension(PP_ROLE, "db");
    assert!(matches!(twice.read(), Err(RequestError::Twice(_))));
    let twice = asking(CERTNAME).attribute(PP_ROLE, "web").attribute(PP_ROLE, "db");
    assert!(matches!(twice.read(), Err(RequestError::Twice(_))));
    let twice = asking(CERTNAME).dns("a").raw_attribute(EXTENSION_REQUEST, &extensions);
    assert!(matches!(twice.read(), Err(RequestError::Twice(_))));

    let double = asking(CERTNAME).raw_attribute(EXTENSION_REQUEST, &extensions.repeat(2));
    assert!(matches!(double.read(), Err(RequestError::Malformed(_))));
    let none = asking(CERTNAME).raw_attribute(EXTENSION_REQUEST, &[]);
    assert!(matches!(none.read(), Err(RequestError::Malformed(_))));
    let microsoft = asking(CERTNAME).raw_attribute(MICROSOFT_EXTENSION_REQUEST, &extensions);
    assert_eq!(microsoft.read(), Err(RequestError::MicrosoftExtensions));
}

#[test]
fn an_alt_name_that_is_no_name_is_refused() {
    let alt_name = |name: Vec<u8>| asking(CERTNAME).raw_extension(&[2, 5, 29, 17], der(0x30, &name));
    assert!(alt_name(der(0x82, b"a.b")).read().is_ok());
    for name in
        [der(0x82, b""), der(0x82, b"a\0.b"), der(0x82, b"a b"), der(0x82, "ä".as_bytes()), der(0x87, b"abc"), der(0x89, b"a"), vec![0x82]]
    {
        assert!(matches!(alt_name(name).read(), Err(RequestError::Malformed(_))));
    }
}

#[test]
fn input_must_be_exactly_one_request() {
    let pem = asking(CERTNAME).pem();
    let read = |text: &str| Request::from_pem(text.as_bytes());
    assert!(read(&pem).is_ok());
    assert!(read(&format!("text before\n{pem}text after\n")).is_ok());
    assert!(read(&pem.replace("BEGIN CERT", "BEGIN NEW CERT").replace("END CERT", "END NEW CERT")).is_ok());
    assert_eq!(read(""), Err(RequestError::Blocks(0)));
    assert_eq!(read(&pem.repeat(2)), Err(RequestError::Blocks(2)));
    let label = pem.replace("CERTIFICATE REQUEST", "CERTIFICATE");
    assert_eq!(read(&label), Err(RequestError::Label("CERTIFICATE".to_owned())));
    assert!(read(&pem[..pem.len() / 2]).is_err());
    let mut longer = pem::parse(&pem).unwrap().into_contents();
    longer.push(0);
    let longer = pem::encode(&pem::Pem::new("CERTIFICATE REQUEST", longer));
    assert_eq!(read(&longer), Err(RequestError::Malformed("the request")));
}

#[test]
fn no_debug_output_shows_a_value() {
    let asking = asking(CERTNAME).extension(PP_PRESHARED_KEY, "hunter2").attribute(CHALLENGE_PASSWORD, "hunter2");
    let request = asking.read().unwrap();
    let verdict = decide(&with_attribute("challengePassword", "hunter2x"), &asking);
    let bytes = format!("{:?}", b"hunter2");
    for shown in [format!("{request:?}"), format!("{verdict:?} {verdict}")] {
        assert!(!shown.contains("hunter2") && !shown.contains(&bytes), "{shown}");
    }
}

fn request_pem(der: Vec<u8>) -> String {
    pem::encode(&pem::Pem::new("CERTIFICATE REQUEST", der))
}

proptest! {
    #[test]
    fn no_bytes_are_a_request(bytes: Vec<u8>) {
        prop_assert!(Request::from_pem(&bytes).is_err());
        prop_assert!(Request::from_pem(request_pem(bytes).as_bytes()).is_err());
    }

    #[test]
    fn a_request_with_any_byte_changed_is_no_request(at: prop::sample::Index, to: u8) {
        let pem = asking(CERTNAME).dns("a.example.test").attribute(CHALLENGE_PASSWORD, "key").pem();
        let mut der = pem::parse(pem).unwrap().into_contents();
        let at = at.index(der.len());
        prop_assume!(der[at] != to);
        der[at] = to;
        prop_assert!(Request::from_pem(request_pem(der).as_bytes()).is_err());
    }

    #[test]
    fn any_extension_and_attribute_value_gives_an_answer(
        alt_name in prop::collection::vec(any::<u8>(), 0..60),
        role in prop::collection::vec(any::<u8>(), 0..60),
        attribute in prop::collection::vec(any::<u8>(), 0..60),
        asked in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        let asking = asking(CERTNAME)
            .raw_extension(&[2, 5, 29, 17], alt_name)
            .raw_extension(PP_ROLE, role)
            .raw_attribute(CHALLENGE_PASSWORD, &attribute)
            .raw_attribute(&[1, 2, 3], &asked);
        if let Ok(request) = asking.read() {
            let file = policies(&with_attribute("pp_role", "unguessable"));
            prop_assert!(!evaluate(&file, CERTNAME, &request).signs());
        }
    }

    #[test]
    fn no_pattern_that_cannot_be_read_signs(pattern in r"[*?a-z]{0,4}(\[|\[\]|\[a-|\\)") {
        let yaml = format!("policies: [{{name: web, pattern: {{allow: [{pattern:?}]}}}}]");
        prop_assert!(!signs(&yaml, &asking(CERTNAME)));
    }
}
