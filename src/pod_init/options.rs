//! Flags of `pod-init`.

use clap::Args;
use std::path::PathBuf;

/// Lays out certificate, key, CA and programs for a Puppet Server.
#[derive(Debug, Clone, Args)]
pub struct PodInit {
    /// Directory with cert.pem and key.pem.
    #[arg(long)]
    pub cert_dir: PathBuf,
    /// Directory with `ca_crt.pem`.
    #[arg(long)]
    pub ca_dir: PathBuf,
    /// Directory that becomes Puppet's ssldir.
    #[arg(long)]
    pub ssl_dir: PathBuf,
    /// Directory with `ca_crl.pem`, where the server does not keep a CRL itself.
    #[arg(long, requires = "crl_dir")]
    pub crl_source: Option<PathBuf>,
    /// Directory the CRL is copied to, or linked into.
    #[arg(long)]
    pub crl_dir: Option<PathBuf>,
    /// Directory of the CA on its volume, on a CA server. It must hold the CA of `--ca-dir`; its full CRL is linked into
    /// `--crl-dir`.
    #[arg(long, requires = "crl_dir", conflicts_with = "crl_source")]
    pub authority_dir: Option<PathBuf>,
    /// Program to copy; may be given several times.
    #[arg(long = "program", requires = "program_dir")]
    pub programs: Vec<String>,
    /// Directory the programs are copied to.
    #[arg(long)]
    pub program_dir: Option<PathBuf>,
    /// Directory the programs are copied from.
    #[arg(long, default_value = "/usr/local/lib/openvox")]
    pub program_source: PathBuf,
}
