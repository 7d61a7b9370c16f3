//! The verdict against a second reading of the rules, as short and as slow as it can be, that shares no code with the
//! first: over random requests and random policies, both must agree.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use openvox_puppet::request::Request;
use openvox_runtime::autosign::policy::{Conditions, CsrAttribute, ExpectedValue, Policy, PolicyFile, Rule};
use openvox_runtime::autosign::verdict::evaluate;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::TestRunner;
use rcgen::{Attribute, CertificateParams, CustomExtension, DistinguishedName, DnType, KeyPair, SanType};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::OnceLock;

/// Names that policies use, with the identifier that Puppet's documentation gives for each; the last two name nothing.
const NAMES: [(&str, &str); 12] = [
    ("pp_role", "1.3.6.1.4.1.34380.1.1.13"),
    ("pp_preshared_key", "1.3.6.1.4.1.34380.1.1.4"),
    ("pp_owner", "1.3.6.1.4.1.34380.1.1.26"),
    ("pp_auth_role", "1.3.6.1.4.1.34380.1.3.13"),
    ("pp_auth_auto_renew", "1.3.6.1.4.1.34380.1.3.2"),
    ("pp_cli_auth", "1.3.6.1.4.1.34380.1.3.39"),
    ("challengePassword", "1.2.840.113549.1.9.7"),
    ("1.3.6.1.4.1.34380.1.2.7", "1.3.6.1.4.1.34380.1.2.7"),
    ("1.3.6.1.4.1.34380.1.3.99", "1.3.6.1.4.1.34380.1.3.99"),
    ("2.5.29.19", "2.5.29.19"),
    ("pp_rolle", ""),
    ("", ""),
];
/// Identifiers that requests carry: the ones above, and some that no policy here names.
const CARRIED: [&str; 13] = [
    "1.3.6.1.4.1.34380.1.1.13",
    "1.3.6.1.4.1.34380.1.1.4",
    "1.3.6.1.4.1.34380.1.1.26",
    "1.3.6.1.4.1.34380.1.1.99",
    "1.3.6.1.4.1.34380.1.3.13",
    "1.3.6.1.4.1.34380.1.3.2",
    "1.3.6.1.4.1.34380.1.3.39",
    "1.3.6.1.4.1.34380.1.3.99",
    "1.2.840.113549.1.9.7",
    "1.2.840.113549.1.9.2",
    "1.3.6.1.4.1.34380.1.2.7",
    "1.3.6.1.4.1.34380.1.31.1",
    "2.5.29.19",
];
const GLOBS: [&str; 10] =
    ["*", "web*", "web*.example.test", "web?.example.test", "[vw]eb1.example.test", "[^x]*", "db1", "*.test", "", "web["];
const RANGES: [&str; 8] = ["10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", "0.0.0.0/0", "::/0", "2001:db8::/32", "10.1.2.3/8", "*"];
const HOSTS: [&str; 7] =
    ["web1.example.test", "web22.example.test", "db1", "*.example.test", "xeb1.example.test", "WEB1.example.test", "a.test"];
const ADDRESSES: [&str; 5] = ["10.1.2.3", "10.200.0.1", "192.0.2.1", "2001:db8::1", "::ffff:10.1.2.3"];
const VALUES: [&str; 8] = ["web", "web\n", "db", "true", "", "w\u{e9}b", "w\nb", "w\r\nb\r\n"];

/// What a request asks for.
#[derive(Clone, Debug)]
struct Asked {
    common_name: &'static str,
    hosts: Vec<&'static str>,
    addresses: Vec<&'static str>,
    /// A mail address or a URI among the names.
    odd_name: Option<bool>,
    /// Extensions and attributes: their values, and the ASN.1 type that each is written in.
    extensions: BTreeMap<&'static str, (&'static str, Form)>,
    attributes: BTreeMap<&'static str, (&'static str, Form)>,
}

#[derive(Clone, Copy, Debug)]
enum Form {
    Utf8,
    Ia5,
    Printable,
    Bare,
}

// --- the second reading --------------------------------------------------------------------------------------------

const AUTHORIZATION: &str = "1.3.6.1.4.1.34380.1.3.";
const REGISTERED: &str = "1.3.6.1.4.1.34380.1.1.";
const PRIVATE: &str = "1.3.6.1.4.1.34380.1.2.";
const PASSWORD: &str = "1.2.840.113549.1.9.7";
const AUTO_RENEW: &str = "1.3.6.1.4.1.34380.1.3.2";

fn identifier(name: &str) -> &'static str {
    NAMES.iter().find(|(known, _)| *known == name).unwrap().1
}

/// `pp_uuid` (1) to `pp_owner` (26).
fn is_registered(oid: &str) -> bool {
    oid.strip_prefix(REGISTERED).is_some_and(|last| (1..=26).any(|number| last == number.to_string()))
}

fn glob(pattern: &[char], text: &[char]) -> bool {
    match (pattern, text) {
        ([], []) => true,
        (['*', rest @ ..], _) => glob(rest, text) || (!text.is_empty() && text[0] != '/' && glob(pattern, &text[1..])),
        (['?', rest @ ..], [first, more @ ..]) => *first != '/' && glob(rest, more),
        (['[', rest @ ..], [first, more @ ..]) => {
            let Some(end) = rest.iter().position(|c| *c == ']') else { return false };
            let (set, not) = if rest[0] == '^' { (&rest[1..end], true) } else { (&rest[..end], false) };
            set.contains(first) != not && glob(&rest[end + 1..], more)
        }
        ([wanted, rest @ ..], [first, more @ ..]) => wanted == first && glob(rest, more),
        _ => false,
    }
}

fn any_glob(globs: &[String], text: &str) -> bool {
    let chars = |text: &str| text.chars().collect::<Vec<char>>();
    globs.iter().any(|pattern| glob(&chars(pattern), &chars(text)))
}

fn bits(address: &str) -> Option<String> {
    Some(match address.parse().ok()? {
        IpAddr::V4(address) => format!("{:032b}", address.to_bits()),
        IpAddr::V6(address) => format!("{:0128b}", address.to_bits()),
    })
}

fn in_range(range: &str, address: &str) -> bool {
    let (network, length) = range.split_once('/').unwrap_or((range, "128"));
    let (Some(network), Some(address), Ok(length)) = (bits(network), bits(address), length.parse::<usize>()) else { return false };
    let length = length.min(network.len());
    // A network with bits behind its prefix is none.
    network.len() == address.len() && !network[length..].contains('1') && network[..length] == address[..length]
}

fn policy_signs(policy: &Policy, asked: &Asked) -> bool {
    let nothing = Conditions::default();
    let (any, conditions) = match &policy.rule {
        Rule::Any => (true, &nothing),
        Rule::Conditions(conditions) => (false, conditions),
    };
    let Conditions { pattern, dns_alt_names, ip_alt_names, csr_attributes } = conditions;
    let all = policy.extensions.iter().chain(csr_attributes.iter().map(|wanted| &wanted.name));
    let named: Vec<&str> = all.map(|name| identifier(name)).collect();

    let extension_is_fine = |oid: &str| {
        let describes =
            !oid.starts_with(AUTHORIZATION) && (is_registered(oid) || (any && (oid.starts_with(REGISTERED) || oid.starts_with(PRIVATE))));
        describes || named.contains(&oid)
    };
    let attribute_is_fine = |oid: &str| any || oid == PASSWORD || oid == AUTO_RENEW || is_registered(oid) || named.contains(&oid);
    let fine = asked.extensions.keys().all(|oid| extension_is_fine(oid))
        && asked.attributes.keys().all(|oid| attribute_is_fine(oid))
        && asked.odd_name.is_none()
        && asked.hosts.iter().all(|host| !host.contains('*'));
    if !fine || any {
        return fine;
    }
    let carried = |wanted: &CsrAttribute| {
        let given = VALUES.iter().find(|given| wanted.value == ExpectedValue::from((**given).to_owned())).unwrap();
        let lines = |value: &str| value.replace("\r\n", "\n").trim_end_matches('\n').to_owned();
        let expected = lines(given);
        let oid = identifier(&wanted.name);
        let mut values = asked.extensions.get(oid).into_iter().chain(asked.attributes.get(oid)).map(|(value, _)| *value).peekable();
        !oid.is_empty() && !expected.is_empty() && values.peek().is_some() && values.all(|value| lines(value) == expected)
    };
    (pattern.is_some() || !csr_attributes.is_empty())
        && pattern.as_ref().is_none_or(|globs| any_glob(globs, asked.common_name))
        && csr_attributes.iter().all(carried)
        && asked.hosts.iter().all(|host| dns_alt_names.as_ref().is_some_and(|globs| any_glob(globs, host)))
        && asked.addresses.iter().all(|address| ip_alt_names.iter().flatten().any(|range| in_range(range, address)))
}

fn signs(file: &PolicyFile, certname: &str, asked: &Asked) -> bool {
    asked.common_name == certname && file.policies.iter().any(|policy| policy_signs(policy, asked))
}

// --- random requests and policies ----------------------------------------------------------------------------------

fn names(from: &'static [&'static str], most: usize) -> impl Strategy<Value = Vec<String>> {
    vec(select(from).prop_map(str::to_owned), 0..most)
}

fn carried() -> impl Strategy<Value = BTreeMap<&'static str, (&'static str, Form)>> {
    let form = select(vec![Form::Utf8, Form::Ia5, Form::Printable, Form::Bare]);
    prop_oneof![1 => Just(BTreeMap::new()), 1 => btree_map(select(&CARRIED[..]), (select(&VALUES[..]), form), 1..3)]
}

fn asked() -> impl Strategy<Value = Asked> {
    let common_name = prop_oneof![4 => Just(HOSTS[0]), 1 => select(&HOSTS[..])];
    let hosts = prop_oneof![1 => Just(Vec::new()), 1 => vec(select(&HOSTS[..]), 1..3)];
    let addresses = prop_oneof![2 => Just(Vec::new()), 1 => vec(select(&ADDRESSES[..]), 1..3)];
    let odd_name = prop_oneof![6 => Just(None), 1 => any::<bool>().prop_map(Some)];
    (common_name, hosts, addresses, odd_name, carried(), carried()).prop_map(
        |(common_name, hosts, addresses, odd_name, extensions, attributes)| Asked {
            common_name,
            hosts,
            addresses,
            odd_name,
            extensions,
            attributes,
        },
    )
}

fn policy() -> impl Strategy<Value = Policy> {
    let name = || select(&NAMES[..]).prop_map(|(name, _)| name.to_owned());
    let attribute =
        (name(), select(&VALUES[..])).prop_map(|(name, value)| CsrAttribute { name, value: ExpectedValue::from(value.to_owned()) });
    let conditions = (option::of(names(&GLOBS, 3)), option::of(names(&GLOBS, 3)), option::of(names(&RANGES, 3)), vec(attribute, 0..2));
    let rule = prop_oneof![
        1 => Just(Rule::Any),
        6 => conditions.prop_map(|(pattern, dns_alt_names, ip_alt_names, csr_attributes)| {
            Rule::Conditions(Conditions { pattern, dns_alt_names, ip_alt_names, csr_attributes })
        }),
    ];
    (vec(name(), 0..3), rule).prop_map(|(extensions, rule)| Policy { name: "p".to_owned(), extensions, rule })
}

/// The identifier in numbers, for as long as the program runs.
fn numbers(oid: &'static str) -> &'static [u64] {
    static NUMBERS: OnceLock<BTreeMap<&str, Vec<u64>>> = OnceLock::new();
    let all = NUMBERS.get_or_init(|| {
        let of = |oid: &'static str| (oid, oid.split('.').map(|number| number.parse().unwrap()).collect());
        CARRIED.into_iter().map(of).collect()
    });
    &all[oid]
}

fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    [&[tag, u8::try_from(content.len()).unwrap()], content].concat()
}

/// The value in its form, which for text beyond ASCII is UTF-8 only, be it in a `PrintableString` as Puppet writes it; bare bytes have no place among the attributes.
fn written(value: &str, form: Form, of_attribute: bool) -> Vec<u8> {
    match form {
        Form::Ia5 if value.is_ascii() => der(0x16, value.as_bytes()),
        Form::Printable => der(0x13, value.as_bytes()),
        Form::Bare if !of_attribute => value.as_bytes().to_vec(),
        _ => der(0x0c, value.as_bytes()),
    }
}

fn pem(asked: &Asked) -> String {
    static KEY: OnceLock<KeyPair> = OnceLock::new();
    let key = KEY.get_or_init(|| KeyPair::generate().unwrap());
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, asked.common_name);
    let hosts = asked.hosts.iter().map(|host| SanType::DnsName((*host).try_into().unwrap()));
    let addresses = asked.addresses.iter().map(|address| SanType::IpAddress(address.parse().unwrap()));
    let odd = match asked.odd_name {
        Some(true) => Some(SanType::Rfc822Name("root@example.test".try_into().unwrap())),
        Some(false) => Some(SanType::URI("https://web1.example.test/".try_into().unwrap())),
        None => None,
    };
    params.subject_alt_names = hosts.chain(addresses).chain(odd).collect();
    let extension = |(oid, (value, form)): (&&'static str, &(&str, Form))| {
        CustomExtension::from_oid_content(numbers(oid), written(value, *form, false))
    };
    params.custom_extensions = asked.extensions.iter().map(extension).collect();
    let attribute = |(oid, (value, form)): (&&'static str, &(&str, Form))| Attribute {
        oid: numbers(oid),
        values: der(0x31, &written(value, *form, true)),
    };
    params.serialize_request_with_attributes(key, asked.attributes.iter().map(attribute).collect()).unwrap().pem().unwrap()
}

#[test]
fn the_verdict_is_that_of_the_rules_read_a_second_time() {
    let (signed, refused) = (Cell::new(0), Cell::new(0));
    let config = ProptestConfig { cases: 6000, failure_persistence: None, ..ProptestConfig::default() };
    let ran = TestRunner::new(config).run(&(vec(policy(), 0..4), asked()), |(policies, asked)| {
        // Through its text, as the CA's program reads it.
        let file = PolicyFile::parse(&PolicyFile { policies }.to_yaml()).unwrap();
        let request = Request::from_pem(pem(&asked).as_bytes()).unwrap();
        for certname in [HOSTS[0], HOSTS[2]] {
            let verdict = evaluate(&file, certname, &request);
            prop_assert_eq!(verdict.signs(), signs(&file, certname, &asked), "{}", verdict);
            let count = if verdict.signs() { &signed } else { &refused };
            count.set(count.get() + 1);
        }
        Ok(())
    });
    ran.unwrap();
    println!("signed {}, refused {}", signed.get(), refused.get());
    assert!(signed.get() > 200 && refused.get() > 200, "both happen: signed {}, refused {}", signed.get(), refused.get());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn what_is_not_as_it_was_signed_is_not_read(
        asked in asked(),
        at: prop::sample::Index,
        kind in 0..4_u8,
        bytes in vec(any::<u8>(), 1..9),
    ) {
        let der = pem::parse(pem(&asked)).unwrap().into_contents();
        let at = at.index(der.len());
        let mut changed = der.clone();
        match kind {
            0 => changed.truncate(at),
            1 => changed.extend(&bytes),
            2 => drop(changed.splice(at..at, bytes)),
            _ => drop(changed.splice(at..(at + bytes.len()).min(der.len()), bytes)),
        }
        prop_assume!(changed != der);
        let text = pem::encode(&pem::Pem::new("CERTIFICATE REQUEST", changed));
        prop_assert!(Request::from_pem(text.as_bytes()).is_err());
    }
}
