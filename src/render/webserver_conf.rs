//! `webserver.conf`, one for the CA server and one for all others.

use super::hocon::{self, Value};
use openvox_crds::{ClientAuth, ConfigSpec};
use openvox_puppet::layout;

/// The text of `webserver.conf`. `ca` tells which CRL is used: the CA server keeps its own up to date, all others read
/// the one from the mounted Secret. The CA server also shows its full CRL, which its own API does not with
/// `enable-infra-crl`, so that the operator can bring it to all others.
#[must_use]
pub fn render(config: &ConfigSpec, ca: bool) -> String {
    let client_auth = match config.puppetserver.as_ref().map(|server| server.client_auth).unwrap_or_default() {
        ClientAuth::Want => "want",
        ClientAuth::Need => "need",
        ClientAuth::None => "none",
    };
    let crl = if ca { layout::CA_SERVER_CRL_FILE } else { layout::CRL_FILE };
    let mut settings = vec![
        ("client-auth", client_auth.into()),
        ("ssl-host", "0.0.0.0".into()),
        ("ssl-port", layout::PORT.into()),
        ("ssl-cert", layout::CERT_FILE.into()),
        ("ssl-key", layout::KEY_FILE.into()),
        ("ssl-ca-cert", layout::CA_CERT_FILE.into()),
        ("ssl-crl-path", crl.into()),
    ];
    if ca {
        // A folder with one link to the file on the CA's volume, which is followed at each request.
        settings.push((
            "static-content",
            Value::List(vec![Value::Object(vec![
                ("resource", layout::CRL_DIR.into()),
                ("path", layout::FULL_CRL_PATH.into()),
                ("follow-links", true.into()),
            ])]),
        ));
    }
    hocon::render(&vec![("webserver", Value::Object(settings))])
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

    #[test]
    fn the_ca_server_shows_its_full_crl_to_everybody_and_nothing_else() {
        let text = render(&ConfigSpec::default(), true);
        let shown = &text[text.find("static-content").unwrap()..];
        insta::assert_snapshot!(shown, @r#"
        static-content: [
            {
              resource: "/etc/puppetlabs/puppet/crl"
              path: "/openvox/crl"
              follow-links: true
            },
          ]
        }
        "#);
    }
}
