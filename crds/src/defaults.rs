//! The values the API server fills in, one function each.
//!
//! serde calls them while reading, schemars puts their result into the CRD, and the `Default`
//! of the type they belong to uses them too, so the three cannot disagree.

pub fn yes() -> bool {
    true
}

/// Serialised only when set: absent and `false` mean the same to every reader.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if passes a reference")]
pub fn is_false(value: &bool) -> bool {
    !*value
}

macro_rules! texts {
    ($($name:ident = $value:literal;)*) => { $(pub fn $name() -> String { $value.to_owned() })* };
}

macro_rules! numbers {
    ($($name:ident = $value:literal;)*) => { $(pub fn $name() -> i32 { $value })* };
}

texts! {
    image_repository = "ghcr.io/slauger/openvox-server";
    image_tag = "latest";
    pull_policy = "IfNotPresent";
    storage_size = "1Gi";
    environment_path = "/etc/puppetlabs/code/environments";
    hiera_config = "$confdir/hiera.yaml";
    store_backend = "puppetdb";
    reports = "puppetdb";
    ca_ttl = "5y";
    auto_renewal_cert_ttl = "90d";
    crl_refresh_interval = "5m";
    certname = "puppet";
    renew_before = "60d";
    classifier_path = "/node/{certname}";
    cache_directory = "/var/cache/openvox-enc";
    username_key = "username";
    password_key = "password";
    postgres_database = "openvoxdb";
    service_type = "ClusterIP";
}

numbers! {
    borrow_timeout = 1_200_000;
    rule_sort_order = 500;
    graphite_port = 2003;
    graphite_interval = 60;
    classifier_timeout = 10;
    cache_max_age = 259_200;
    report_timeout = 30;
    replicas = 1;
    min_replicas = 1;
    max_replicas = 5;
    target_cpu = 75;
    max_active_instances = 1;
    postgres_port = 5432;
    database_port = 8081;
    pool_port = 8140;
}
