//! `webserver.conf`, one for the CA server and one for all others.

use openvox_crds::{ClientAuth, ConfigSpec};

use super::hocon::{self, Value};
use super::layout;

/// The text of `webserver.conf`. `ca` tells which CRL is used: the CA server keeps its own up to date, all others read
/// the one from the mounted Secret.
#[must_use]
pub fn render(config: &ConfigSpec, ca: bool) -> String {
    let client_auth = match config.puppetserver.as_ref().map(|server| server.client_auth).unwrap_or_default() {
        ClientAuth::Want => "want",
        ClientAuth::Need => "need",
        ClientAuth::None => "none",
    };
    let crl = if ca { layout::CA_SERVER_CRL_FILE } else { layout::CRL_FILE };
    hocon::render(&vec![(
        "webserver",
        Value::Object(vec![
            ("client-auth", client_auth.into()),
            ("ssl-host", "0.0.0.0".into()),
            ("ssl-port", layout::PORT.into()),
            ("ssl-cert", layout::CERT_FILE.into()),
            ("ssl-key", layout::KEY_FILE.into()),
            ("ssl-ca-cert", layout::CA_CERT_FILE.into()),
            ("ssl-crl-path", crl.into()),
        ]),
    )])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compile_server_reads_the_crl_of_the_mounted_secret() {
        insta::assert_snapshot!(render(&ConfigSpec::default(), false), @r#"
        webserver: {
          client-auth: "want"
          ssl-host: "0.0.0.0"
          ssl-port: 8140
          ssl-cert: "/etc/puppetlabs/puppet/ssl/certs/puppet.pem"
          ssl-key: "/etc/puppetlabs/puppet/ssl/private_keys/puppet.pem"
          ssl-ca-cert: "/etc/puppetlabs/puppet/ssl/certs/ca.pem"
          ssl-crl-path: "/etc/puppetlabs/puppet/crl/ca_crl.pem"
        }
        "#);
    }

    #[test]
    fn the_ca_server_reads_the_crl_it_keeps_itself() {
        assert!(render(&ConfigSpec::default(), true).contains("ssl-crl-path: \"/etc/puppetlabs/puppet/ssl/crl.pem\""));
    }
}
