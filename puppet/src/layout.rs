//! Paths inside a Server pod and in the directory of a CA.
//!
//! The rendered files name these paths and the pod mounts volumes at them, so both take them from here.

/// Puppet's configuration directory.
pub const CONF_DIR: &str = "/etc/puppetlabs/puppet";
/// Certificates and keys of this pod. Puppet Server writes here too.
pub const SSL_DIR: &str = "/etc/puppetlabs/puppet/ssl";
/// The CRL of a Server that is not the CA: a directory, so that a new CRL reaches the running pod.
pub const CRL_DIR: &str = "/etc/puppetlabs/puppet/crl";
/// Puppet code.
pub const CODE_DIR: &str = "/etc/puppetlabs/code";
/// Puppet Server's own configuration.
pub const SERVER_CONF_DIR: &str = "/etc/puppetlabs/puppetserver";
/// The CA: keys, CRL, inventory, queued and signed requests.
pub const CA_DIR: &str = "/etc/puppetlabs/puppetserver/ca";
/// The autosign policy: a directory, so that a new policy reaches the running pod.
pub const AUTOSIGN_DIR: &str = "/etc/puppetlabs/autosign";
/// Settings of the classifier program: a directory, so that new credentials reach the running pod.
pub const ENC_DIR: &str = "/etc/puppetlabs/enc";
/// Puppet's cache.
pub const CACHE_DIR: &str = "/opt/puppetlabs/puppet/cache";
/// Puppet Server's variable data. Not its default, because images keep gems and jars there.
pub const SERVER_VAR_DIR: &str = "/run/puppetserver";
/// Process ids.
pub const RUN_DIR: &str = "/var/run/puppetlabs";
/// Logs of all Puppet programs.
pub const LOG_DIR: &str = "/var/log/puppetlabs";

/// Certname under which the files of this pod are stored, whatever name the certificate carries. Named here and in
/// `puppet.conf`; otherwise Puppet looks for files named after the pod, and a CA issues itself one more certificate at
/// each start.
pub const CERTNAME: &str = "puppet";
/// Certificate of this pod.
pub const CERT_FILE: &str = "/etc/puppetlabs/puppet/ssl/certs/puppet.pem";
/// Private key of this pod.
pub const KEY_FILE: &str = "/etc/puppetlabs/puppet/ssl/private_keys/puppet.pem";
/// Certificates of the CA.
pub const CA_CERT_FILE: &str = "/etc/puppetlabs/puppet/ssl/certs/ca.pem";
/// CRL that the CA server keeps up to date itself.
pub const CA_SERVER_CRL_FILE: &str = "/etc/puppetlabs/puppet/ssl/crl.pem";
/// CRL of every other server.
pub const CRL_FILE: &str = "/etc/puppetlabs/puppet/crl/ca_crl.pem";

/// File with the full CRL on the CA's volume: [`CA_CRL`] in [`CA_DIR`].
pub const CA_CRL_FILE: &str = "/etc/puppetlabs/puppetserver/ca/ca_crl.pem";

/// Port of Puppet Server.
pub const PORT: i32 = 8140;
/// Program that decides whether a certificate request is signed.
pub const AUTOSIGN_PROGRAM: &str = "/usr/local/bin/openvox-autosign";
/// Program that classifies a node.
pub const ENC_PROGRAM: &str = "/usr/local/bin/openvox-enc";
/// Environment variable with the number of `JRuby` instances.
pub const MAX_ACTIVE_INSTANCES: &str = "MAX_ACTIVE_INSTANCES";

/// Certificates of a CA, the signing one first. The names from here on are those of files in [`CA_DIR`].
pub const CA_CERTIFICATES: &str = "ca_crt.pem";
/// Private key of the signing CA.
pub const CA_KEY: &str = "ca_key.pem";
/// Revocation lists of a CA and of those above it.
pub const CA_CRL: &str = "ca_crl.pem";
/// Public key of the signing CA.
pub const CA_PUBLIC_KEY: &str = "ca_pub.pem";
/// Private key of the root that `puppetserver ca setup` makes.
pub const ROOT_KEY: &str = "root_key.pem";
/// Revocation lists of infrastructure nodes only.
pub const INFRA_CRL: &str = "infra_crl.pem";
/// Certnames of infrastructure nodes.
pub const INFRA_INVENTORY: &str = "infra_inventory.txt";
/// Serial numbers of infrastructure nodes.
pub const INFRA_SERIALS: &str = "infra_serials";
/// Every certificate that was issued, one a line.
pub const INVENTORY: &str = "inventory.txt";
/// The next serial number.
pub const SERIAL: &str = "serial";
/// Where Puppet under Ruby kept the passphrase of the CA key.
pub const PASSPHRASE: &str = "private/ca.pass";
/// Folder of issued certificates.
pub const SIGNED: &str = "signed";
/// Folder of requests that wait.
pub const REQUESTS: &str = "requests";

/// URL path at which a CA server that this operator has configured serves its full revocation lists, the file [`CA_CRL`].
pub const FULL_CRL_PATH: &str = "/openvox/crl";
