//! Names of the objects that belong to a custom resource.

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident($of:ident) = $format:literal;)*) => {
        $(
            $(#[$doc])*
            #[must_use]
            pub fn $name($of: &str) -> String {
                format!($format)
            }
        )*
    };
}

names! {
    /// `ConfigMap` with the files of a Config.
    config_map(config) = "{config}-config";
    /// Secret with the settings of the classifier program.
    enc_secret(config) = "{config}-enc";
    /// Secret with the settings of the report program.
    report_webhook_secret(config) = "{config}-report-webhook";
    /// `ServiceAccount` of Server pods.
    server_service_account(config) = "{config}-server";
    /// Secret with the autosign policy of a CA.
    autosign_policy_secret(authority) = "{authority}-autosign-policy";
    /// Volume of a CA.
    ca_data(authority) = "{authority}-data";
    /// Service in front of the CA server.
    ca_service(authority) = "{authority}-internal";
    /// Job that sets a CA up, and its `ServiceAccount`, Role and `RoleBinding`.
    ca_setup(authority) = "{authority}-ca-setup";
    /// Secret with the certificates of a CA.
    ca_secret(authority) = "{authority}-ca";
    /// Secret with the private key of a CA.
    ca_key_secret(authority) = "{authority}-ca-key";
    /// Secret with the CRL of a CA.
    ca_crl_secret(authority) = "{authority}-ca-crl";
    /// Certificate with which the operator administers a CA.
    operator_signing(authority) = "{authority}-operator-signing";
    /// Certname of that Certificate.
    operator_certname(authority) = "{authority}-operator";
    /// Secret with a certificate and its key.
    tls_secret(certificate) = "{certificate}-tls";
    /// Secret with a key whose certificate is not there yet.
    pending_tls_secret(certificate) = "{certificate}-tls-pending";
    /// `NetworkPolicy` of a Server.
    server_network_policy(server) = "{server}-netpol";
}
