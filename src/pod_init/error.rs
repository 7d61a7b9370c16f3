//! Why a Server pod could not be prepared.

use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why a Server pod could not be prepared. No variant holds key material.
#[derive(Debug, Error)]
pub enum PodInitError {
    /// A file cannot be read.
    #[error("failed to read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// A file or directory cannot be written.
    #[error("failed to write {}", path.display())]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// The certificate is none.
    #[error("failed to read cert.pem: it holds no X.509 certificate in PEM form; issue the certificate again")]
    Certificate,
    /// The key is none, or of a kind that is not known.
    #[error("failed to read key.pem: it holds no RSA or ECDSA private key in PEM form; issue the certificate again")]
    Key,
    /// Certificate and key do not belong together.
    #[error(
        "failed to accept the certificate: the key in key.pem does not belong to the certificate in cert.pem; delete \
         the Secret so that the certificate is issued again"
    )]
    Mismatch,
    /// The volume holds no CA.
    #[error(
        "failed to find the CA: {} has no ca_crt.pem, so Puppet Server would make a new CA that no agent trusts; the set-up \
         Job fills a new volume from the CA's Secrets, see the CertificateAuthority",
        directory.display()
    )]
    NoAuthority {
        /// The directory on the volume.
        directory: PathBuf,
    },
    /// The volume holds another CA.
    #[error(
        "failed to accept the CA in {}: its certificate has another key than the one in the CA's Secret; restore the volume \
         or the Secrets, so that they belong together",
        directory.display()
    )]
    OtherAuthority {
        /// The directory on the volume.
        directory: PathBuf,
    },
}

impl PodInitError {
    /// Turns an I/O error while reading that file into an error.
    pub(super) fn read(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Read { path, source }
    }

    /// Turns an I/O error while writing that file or directory into an error.
    pub(super) fn write(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Write { path, source }
    }
}
