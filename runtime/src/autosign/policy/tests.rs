use super::*;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

fn fault(yaml: &str) -> PolicyFault {
    PolicyFile::parse(yaml).expect_err(yaml).fault
}

fn conditions(policy: &Policy) -> &Conditions {
    match &policy.rule {
        Rule::Conditions(conditions) => conditions,
        Rule::Any => panic!("an any policy"),
    }
}

#[test]
fn reads_every_field() {
    let file = PolicyFile::parse(
        r#"
policies:
  - name: web
    pattern:
      allow:
        - "web*.example.test"
        - db?
    dnsAltNames: {allow: ["*.example.test"]}
    ipAltNames: {allow: [10.0.0.0/8]}
    extensions: {allow: [pp_auth_role]}
    csrAttributes:
      - name: pp_role
        value: "web"
      - name: pp_preshared_key
        value: |
          hunter2
  - name: lab
    any: true
    extensions: {allow: ["1.3.6.1.4.1.34380.1.2.7"]}
"#,
    )
    .unwrap();
    let [web, lab] = file.policies.as_slice() else {
        panic!("{file:?}");
    };
    assert_eq!((web.name.as_str(), lab.name.as_str()), ("web", "lab"));
    assert_eq!(lab.rule, Rule::Any);
    assert_eq!(
        (web.extensions.as_slice(), lab.extensions.as_slice()),
        (&["pp_auth_role".to_owned()][..], &["1.3.6.1.4.1.34380.1.2.7".to_owned()][..])
    );
    let web = conditions(web);
    assert_eq!(web.pattern.as_deref().unwrap(), ["web*.example.test", "db?"]);
    assert_eq!(web.dns_alt_names.as_deref().unwrap(), ["*.example.test"]);
    assert_eq!(web.ip_alt_names.as_deref().unwrap(), ["10.0.0.0/8"]);
    let [role, key] = web.csr_attributes.as_slice() else { panic!("{:?}", web.csr_attributes) };
    assert!(role.name == "pp_role" && role.value.is(b"web"));
    assert!(key.name == "pp_preshared_key" && key.value.is(b"hunter2") && !key.value.is(b"hunter3"));
}

#[test]
fn an_empty_file_has_no_policies() {
    for yaml in ["", "\n", "# nothing\n", "---\n", "{}", "policies:", "policies: []", "policies: null"] {
        assert_eq!(PolicyFile::parse(yaml), Ok(PolicyFile::default()), "{yaml:?}");
    }
}

#[test]
fn an_any_policy_drops_what_stands_beside_it() {
    let file = PolicyFile::parse("policies: [{name: a, any: true, pattern: {allow: [x]}}]").unwrap();
    assert_eq!(file.policies[0].rule, Rule::Any);
}

#[test]
fn a_misspelled_key_is_not_skipped() {
    let unknown = |key: &str| PolicyFault::UnknownKey(key.to_owned());
    assert_eq!(fault("policy: []"), unknown("policy"));
    assert_eq!(fault("policies: [{name: a, patern: {allow: [x]}}]"), unknown("patern"));
    assert_eq!(fault("policies: [{name: a, pattern: {alow: [x]}}]"), unknown("alow"));
    assert_eq!(fault("policies: [{name: a, csrAttributes: [{name: b, valueFrom: c}]}]"), unknown("valueFrom"));
    assert_eq!(fault("policies: [{name: a, any: true, patern: {allow: [x]}}]"), unknown("patern"));
}

#[test]
fn anything_but_a_policy_file_is_refused() {
    use PolicyFault::{DuplicateKey, MissingKey, WrongType};
    let missing = |key: &str| MissingKey(key.to_owned());
    assert_eq!(fault("policies: [{any: true}]"), missing("name"));
    assert_eq!(fault("policies: [{name: a, pattern: {}}]"), missing("allow"));
    assert_eq!(fault("policies: [{name: a, csrAttributes: [{value: b}]}]"), missing("name"));
    assert_eq!(fault("policies: [{name: a, any: yes}]"), WrongType);
    assert_eq!(fault("policies: [{name: a, pattern: {allow: web*}}]"), WrongType);
    assert_eq!(fault("policies: {name: a}"), WrongType);
    assert_eq!(fault("policies: []\npolicies: [{name: a, any: true}]"), DuplicateKey);
    for yaml in [
        "policies: [",
        "policies: []\n---\npolicies: [{name: a, any: true}]",
        "- a",
        "hello",
        "policies: [*a]",
        "policies: [{name: a, <<: {any: true}}]",
        "\u{0}",
    ] {
        assert!(PolicyFile::parse(yaml).is_err(), "{yaml:?}");
    }
}

#[test]
fn no_message_shows_a_value() {
    for yaml in [
        "policies: [{name: a, csrAttributes: [{name: b, value: hunter2, valeu: hunter2}]}]",
        "policies: [{name: a, csrAttributes: [{name: b, value: [hunter2]}]}]",
        "policies: [{name: a, csrAttributes: hunter2}]",
        "policies: [{name: a, any: hunter2}]",
        "policies: hunter2",
        "hunter2",
        "policies: [{name: a, csrAttributes: [{name: b, value: \"hunter2\\q\"}]}]",
        "policies: [{name: a, csrAttributes: [{name: b, value: !!int hunter2}]}]",
        "policies: [{name: a, csrAttributes: [{name: b, value: *hunter2}]}]",
        "policies:\n - name: a\n   csrAttributes:\n    - name: b\n   value: 'hunter2\n",
    ] {
        let error = PolicyFile::parse(yaml).expect_err(yaml);
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("hunter2"), "{yaml}: {shown}");
    }
    let value = ExpectedValue::from("hunter2".to_owned());
    assert!(!format!("{value:?}").contains("hunter2"));
}

#[test]
fn a_message_says_where_and_what() {
    let error = PolicyFile::parse("policies:\n  - name: a\n    patern: {}\n").unwrap_err();
    assert_eq!(error.to_string(), "failed to read the policy file at line 3, column 5: unknown key \"patern\"");
}

#[test]
fn writes_the_documented_shape() {
    let file = PolicyFile {
        policies: vec![
            Policy {
                name: "web".to_owned(),
                extensions: vec!["pp_auth_role".to_owned()],
                rule: Rule::Conditions(Conditions {
                    pattern: Some(vec!["web*.example.test".to_owned()]),
                    dns_alt_names: Some(vec![]),
                    ip_alt_names: Some(vec!["10.0.0.0/8".to_owned()]),
                    csr_attributes: vec![CsrAttribute { name: "pp_role".to_owned(), value: ExpectedValue::from("a \"b\"\n".to_owned()) }],
                }),
            },
            Policy { name: "lab".to_owned(), extensions: vec![], rule: Rule::Any },
        ],
    };
    let yaml = r#"policies:
  - name: "web"
    pattern:
      allow:
        - "web*.example.test"
    dnsAltNames:
      allow: []
    ipAltNames:
      allow:
        - "10.0.0.0/8"
    csrAttributes:
      - name: "pp_role"
        value: "a \"b\"\n"
    extensions:
      allow:
        - "pp_auth_role"
  - name: "lab"
    any: true
"#;
    assert_eq!(file.to_yaml(), yaml);
    assert_eq!(PolicyFile::parse(yaml), Ok(file));
    assert_eq!(PolicyFile::default().to_yaml(), "policies: []\n");
}

#[test]
fn a_crafted_name_stays_a_name() {
    let crafted = "x\"\n    value: \"\"\n  - name: evil\n    any: true\n#";
    let file = PolicyFile {
        policies: vec![Policy {
            name: crafted.to_owned(),
            extensions: vec![crafted.to_owned()],
            rule: Rule::Conditions(Conditions {
                csr_attributes: vec![CsrAttribute { name: crafted.to_owned(), value: ExpectedValue::from(crafted.to_owned()) }],
                ..Conditions::default()
            }),
        }],
    };
    assert_eq!(PolicyFile::parse(&file.to_yaml()), Ok(file));
}

/// Text with a leaning towards what YAML makes something of.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[-:#'\"\\\\{}\\[\\],&*!|>%@`?~ \t\r\n]{0,12}",
        proptest::sample::select(vec![
            "",
            "true",
            "no",
            "null",
            "~",
            "1e3",
            "0x10",
            "---",
            "...",
            "<<",
            "- a",
            "a: b",
            "\u{85}",
            "\u{2028}",
            "\u{feff}",
            "\u{0}",
            "\u{7f}",
            "\u{10ffff}",
            "!!binary aGk=",
            " leading",
            "trailing ",
            "\r\n",
        ])
        .prop_map(str::to_owned),
    ]
}

fn rule() -> impl Strategy<Value = Rule> {
    let attribute = (text(), text()).prop_map(|(name, value)| CsrAttribute { name, value: ExpectedValue::from(value) });
    let texts = || option::of(vec(text(), 0..4));
    let conditions = (texts(), texts(), texts(), vec(attribute, 0..4));
    prop_oneof![
        Just(Rule::Any),
        conditions.prop_map(|(pattern, dns_alt_names, ip_alt_names, csr_attributes)| {
            Rule::Conditions(Conditions { pattern, dns_alt_names, ip_alt_names, csr_attributes })
        }),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read_back_the_same(
        policies in vec((text(), vec(text(), 0..3), rule()).prop_map(|(name, extensions, rule)| Policy { name, extensions, rule }), 0..5)
    ) {
        let file = PolicyFile { policies };
        prop_assert_eq!(PolicyFile::parse(&file.to_yaml()), Ok(file));
    }

    #[test]
    fn any_text_is_read_or_refused(yaml: String) {
        let _ = PolicyFile::parse(&yaml);
    }

    #[test]
    fn any_text_in_the_shape_of_a_policy_is_read_or_refused(
        yaml in r"policies:\n( *-? ?(name|any|pattern|allow|csrAttributes|value)?:? ?(true|&a|\*a|x|\[|\{|\]|\}|'|\n)?\n?){0,12}"
    ) {
        let _ = PolicyFile::parse(&yaml);
    }
}
