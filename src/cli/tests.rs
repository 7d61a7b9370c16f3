use super::*;

fn parse(args: &[&str]) -> OperatorFlags {
    Cli::from_args([&["openvox-operator"], args].concat()).unwrap().operator
}

fn refusal(args: &[&str]) -> String {
    Cli::from_args([&["openvox-operator"], args].concat()).unwrap_err().to_string()
}

#[test]
fn the_definition_of_the_command_line_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn without_flags_the_defaults_are_those_of_the_documentation() {
    let flags = parse(&[]);
    assert_eq!(flags.metrics_bind_address.to_string(), ":8080");
    assert_eq!(flags.metrics_auth, CallerAuth::None);
    assert_eq!(flags.metrics_per_object, Detail::PerObject);
    assert_eq!(flags.health_probe_bind_address.to_string(), ":8081");
    assert_eq!((flags.history_bind_address.to_string().as_str(), flags.history_auth), (":8082", CallerAuth::Token));
    assert!(!flags.leader_elect);
    assert!(!flags.enable_webhooks);
    assert_eq!(flags.watch_namespace.one(), None);
    assert_eq!(flags.kubeconfig, None);
    assert_eq!(flags.journal.to_string(), "sqlite:///var/lib/openvox-operator/journal.db");
    assert_eq!(flags.journal_password_file, None);
    assert_eq!(flags.journal_retention, Limit::Upto(SignedDuration::from_hours(90 * 24)));
    assert_eq!(flags.journal_retention_count, Limit::Upto(NonZeroU32::new(10_000).unwrap()));
}

#[test]
fn every_flag_is_read() {
    let flags = parse(&[
        "--metrics-bind-address=0",
        "--metrics-per-object=false",
        "--health-probe-bind-address=127.0.0.1:9",
        "--history-bind-address",
        "127.0.0.1:9082",
        "--history-auth",
        "none",
        "--leader-elect",
        "--enable-webhooks=false",
        "--watch-namespace=puppet",
        "--kubeconfig=/etc/kubeconfig",
        "--journal=sqlite::memory:",
        "--journal-password-file=/etc/journal/password",
        "--journal-retention=1y",
        "--journal-retention-count=0",
        "--operator-image=registry.example/openvox-operator:1",
        "--zap-log-level=debug",
        "--log-format=text",
    ]);
    assert_eq!(flags.metrics_bind_address.to_string(), "0");
    assert_eq!(flags.metrics_per_object, Detail::Sums);
    assert_eq!(flags.health_probe_bind_address.to_string(), "127.0.0.1:9");
    assert_eq!((flags.history_bind_address.to_string().as_str(), flags.history_auth), ("127.0.0.1:9082", CallerAuth::None));
    assert!(flags.leader_elect);
    assert_eq!(flags.watch_namespace.one(), Some("puppet"));
    assert_eq!(flags.kubeconfig, Some("/etc/kubeconfig".into()));
    assert_eq!(flags.journal, JournalUrl::Memory);
    assert_eq!(flags.journal_password_file, Some("/etc/journal/password".into()));
    assert_eq!(flags.journal_retention, Limit::Upto(SignedDuration::from_hours(365 * 24)));
    assert_eq!(flags.journal_retention_count, Limit::None);
    assert_eq!(flags.operator_image.as_deref(), Some("registry.example/openvox-operator:1"));
}

#[test]
fn switches_take_the_values_of_go() {
    for (arg, value) in [
        ("--leader-elect", true),
        ("--leader-elect=true", true),
        ("--leader-elect=1", true),
        ("--leader-elect=T", true),
        ("--leader-elect=false", false),
        ("--leader-elect=0", false),
    ] {
        assert_eq!(parse(&[arg]).leader_elect, value, "{arg}");
    }
    assert!(refusal(&["--leader-elect=yes"]).contains("expected true or false"));
}

#[test]
fn one_dash_is_as_good_as_two() {
    let flags = parse(&["-leader-elect", "-metrics-bind-address", ":1", "-zap-devel=true"]);
    assert!(flags.leader_elect);
    assert_eq!(flags.metrics_bind_address.to_string(), ":1");
    assert!(flags.log.zap_devel);
}

#[test]
fn webhooks_are_refused_with_the_reason() {
    for arg in ["--enable-webhooks", "--enable-webhooks=true"] {
        let refusal = refusal(&[arg]);
        assert!(refusal.contains("not part of this version"), "{refusal}");
    }
}

#[test]
fn a_malformed_value_names_the_accepted_form() {
    let address = refusal(&["--metrics-bind-address=8080"]);
    assert!(address.contains("expected host:port"), "{address}");
    let journal = refusal(&["--journal=mysql://db/journal"]);
    assert!(journal.contains("expected sqlite:///absolute/path"), "{journal}");
    let namespace = refusal(&["--watch-namespace=a,b"]);
    assert!(namespace.contains("name of a namespace"), "{namespace}");
}

#[test]
fn an_empty_namespace_means_all() {
    assert_eq!(parse(&["--watch-namespace="]).watch_namespace.one(), None);
}

#[test]
fn an_unknown_flag_is_refused() {
    assert!(refusal(&["--leader-elct"]).contains("--leader-elect"));
}

#[test]
fn a_password_in_the_journal_url_is_refused_and_not_shown() {
    for url in ["postgres://journal:hunter2@db/openvox", "postgres://journal@db/openvox?password=hunter2", "postgre://journal:hunter2@db"] {
        let refusal = refusal(&[&format!("--journal={url}")]);
        assert!(refusal.contains("--journal"), "{refusal}");
        assert!(!refusal.contains("hunter2"), "{refusal}");
    }
    assert!(refusal(&["--journal=postgres://journal:hunter2@db/openvox"]).contains("--journal-password-file"));
}

#[test]
fn a_retention_that_cannot_be_used_is_told_what_could() {
    assert!(refusal(&["--journal-retention=1.5h"]).contains("such as 90d"));
    assert!(refusal(&["--journal-retention-count=many"]).contains("a whole number"));
}
