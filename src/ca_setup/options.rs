//! Flags and environment of `ca-setup`.

use super::error::SetupError;
use super::goal::{DesiredLeaf, SecretNames, SetupGoal};
use clap::Args;
use openvox_puppet::duration::MAX_SECONDS;
use openvox_puppet::{AltName, ExtensionOid, KeyAlgorithm, layout};
use std::path::PathBuf;
use std::time::Duration;

/// Lifetime of a CA where nothing else is asked for: five years of 365 days.
const FIVE_YEARS: u64 = 5 * 365 * 24 * 60 * 60;

/// Makes or imports a Puppet CA directory and publishes it as Secrets. May be run again at any time while no CA server
/// runs: it completes what is missing and changes nothing that is right.
#[derive(Debug, Clone, Args)]
pub struct CaSetup {
    /// Directory of the CA, as Puppet Server's `cadir`.
    #[arg(long, env = "CA_DIRECTORY", default_value = layout::CA_DIR)]
    pub directory: PathBuf,
    /// Name of the CA's resource.
    #[arg(long, env = "CA_NAME")]
    pub ca_name: String,
    /// Namespace of the CA's resource, in which the Secrets are written.
    #[arg(long, env = "NAMESPACE")]
    pub namespace: String,
    /// Lifetime of the CA certificates and of the certificates issued here, in seconds; at most 50 years of 365 days, because
    /// Puppet Server takes no more.
    #[arg(long, env = "CA_TTL", default_value_t = FIVE_YEARS, value_parser = clap::value_parser!(u64).range(1..=MAX_SECONDS.unsigned_abs()))]
    pub ca_ttl: u64,
    /// Directory with ca.pem, key.pem and crl.pem of an intermediate CA, which is taken instead of making a CA.
    #[arg(long, env = "CA_INTERMEDIATE_DIR")]
    pub intermediate_dir: Option<PathBuf>,
    /// Only print what would be done. Nothing is written, neither files nor Secrets.
    #[arg(long)]
    pub dry_run: bool,
    /// Secret for the CA certificates; `<ca-name>-ca` if not given.
    #[arg(long, env = "CA_SECRET_NAME")]
    pub ca_secret: Option<String>,
    /// Secret for the CA key; `<ca-name>-ca-key` if not given.
    #[arg(long, env = "CA_KEY_SECRET_NAME")]
    pub ca_key_secret: Option<String>,
    /// Secret for the revocation lists; `<ca-name>-ca-crl` if not given.
    #[arg(long, env = "CA_CRL_SECRET_NAME")]
    pub ca_crl_secret: Option<String>,
    /// Certname of the CA server; no server certificate is issued if not given.
    #[arg(long, env = "CERTNAME")]
    pub server_certname: Option<String>,
    /// Further host names and addresses of the CA server, joined by commas.
    #[arg(long, env = "DNS_ALT_NAMES", value_delimiter = ',')]
    pub server_dns_alt_names: Vec<String>,
    /// Secret for the CA server's certificate and key, such as `<certificate>-tls`.
    #[arg(long, env = "SSL_SECRET_NAME")]
    pub server_secret: Option<String>,
    /// Certname of the operator's client certificate; `<ca-name>-operator` if not given.
    #[arg(long, env = "OPERATOR_CERTNAME")]
    pub operator_certname: Option<String>,
    /// Secret for the operator's certificate and key; `<ca-name>-operator-signing-tls` if not given.
    #[arg(long, env = "OPERATOR_SECRET_NAME")]
    pub operator_secret: Option<String>,
}

impl CaSetup {
    /// What is to be done.
    ///
    /// # Errors
    /// If a name is invalid, or the CA server's certname and Secret are not given together.
    pub(super) fn goal(&self) -> Result<SetupGoal, SetupError> {
        let ca = &self.ca_name;
        // An environment variable that is set but empty means "not given".
        let given = |value: &Option<String>| value.clone().filter(|value| !value.is_empty());
        let named = |value: &Option<String>, suffix: &str| given(value).unwrap_or_else(|| format!("{ca}{suffix}"));
        let admin = vec![(ExtensionOid::cli_auth(), "true".to_owned())];
        let mut leaves = Vec::new();
        match (given(&self.server_certname), given(&self.server_secret)) {
            (Some(certname), Some(secret)) => {
                leaves.push(DesiredLeaf { certname: certname.parse()?, alt_names: self.alt_names()?, extensions: admin.clone(), secret });
            }
            (None, None) => {}
            (Some(_), None) => return Err(SetupError::Incomplete("--server-secret")),
            (None, Some(_)) => return Err(SetupError::Incomplete("--server-certname")),
        }
        leaves.push(DesiredLeaf {
            certname: named(&self.operator_certname, "-operator").parse()?,
            alt_names: Vec::new(),
            extensions: admin,
            secret: named(&self.operator_secret, "-operator-signing-tls"),
        });
        Ok(SetupGoal {
            directory: self.directory.clone(),
            ca_name: ca.clone(),
            namespace: self.namespace.clone(),
            intermediate: self.intermediate_dir.clone(),
            lifetime: Duration::from_secs(self.ca_ttl),
            key_algorithm: KeyAlgorithm::Rsa4096,
            secrets: SecretNames {
                authority: named(&self.ca_secret, "-ca"),
                key: named(&self.ca_key_secret, "-ca-key"),
                crl: named(&self.ca_crl_secret, "-ca-crl"),
            },
            leaves,
        })
    }

    fn alt_names(&self) -> Result<Vec<AltName>, SetupError> {
        let names = self.server_dns_alt_names.iter().filter(|name| !name.trim().is_empty());
        Ok(names.map(|name| name.parse()).collect::<Result<_, _>>()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        setup: CaSetup,
    }

    fn goal(args: &[&str]) -> Result<SetupGoal, SetupError> {
        let always = ["ca-setup", "--ca-name", "main", "--namespace", "ns"];
        Program::try_parse_from(always.iter().chain(args)).unwrap().setup.goal()
    }

    #[test]
    fn names_that_are_not_given_follow_the_name_of_the_ca() {
        let goal = goal(&[]).unwrap();
        assert_eq!(goal.secrets.authority, "main-ca");
        assert_eq!(goal.secrets.key, "main-ca-key");
        assert_eq!(goal.secrets.crl, "main-ca-crl");
        assert_eq!(goal.leaves.len(), 1);
        assert_eq!(goal.leaves[0].certname.as_str(), "main-operator");
        assert_eq!(goal.leaves[0].secret, "main-operator-signing-tls");
        assert_eq!(goal.lifetime.as_secs(), 157_680_000);
    }

    #[test]
    fn a_server_certificate_comes_with_its_names() {
        let goal = goal(&[
            "--server-certname",
            "puppet",
            "--server-secret",
            "puppet-tls",
            "--server-dns-alt-names",
            "a,main-internal.ns.svc,10.0.0.1,",
        ])
        .unwrap();
        assert_eq!(goal.leaves[0].certname.as_str(), "puppet");
        let names = ["a", "main-internal.ns.svc", "10.0.0.1"].map(|name| name.parse().unwrap());
        assert_eq!(goal.leaves[0].alt_names, names);
    }

    #[test]
    fn empty_values_count_as_not_given_and_halves_are_refused() {
        assert_eq!(goal(&["--server-certname", "", "--server-secret", ""]).unwrap().leaves.len(), 1);
        for half in [["--server-certname", "puppet"], ["--server-secret", "puppet-tls"]] {
            assert!(matches!(goal(&half), Err(SetupError::Incomplete(_))));
        }
        let invalid = ["--server-certname", "Puppet", "--server-secret", "x"];
        assert!(matches!(goal(&invalid), Err(SetupError::Certname(_))));
    }
}
