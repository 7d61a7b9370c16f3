//! Settings of puppet.conf on which the operator relies.

use crate::layout;

/// Settings that `extraConfig` cannot change in the sections main and server, with the one value they may have there;
/// `None` where they may not be set there at all. Pods mount their volumes at these paths, read and write certificates and
/// keys under these names, and ask the signing policies by this program.
pub const RELIED_ON: [(&str, Option<&str>); 29] = [
    ("certname", Some(layout::CERTNAME)),
    ("confdir", Some(layout::CONF_DIR)),
    ("vardir", Some(layout::CACHE_DIR)),
    ("codedir", Some(layout::CODE_DIR)),
    ("rundir", Some(layout::RUN_DIR)),
    ("ssldir", Some(layout::SSL_DIR)),
    ("cadir", Some(layout::CA_DIR)),
    ("manage_internal_file_permissions", Some("false")),
    ("autosign", Some(layout::AUTOSIGN_PROGRAM)),
    ("environmentpath", None),
    // Files of the CA, below cadir.
    ("cacert", None),
    ("cacrl", None),
    ("cakey", None),
    ("capub", None),
    ("cert_inventory", None),
    ("csrdir", None),
    ("serial", None),
    ("signeddir", None),
    // Files of the server itself, below ssldir.
    ("certdir", None),
    ("hostcert", None),
    ("hostcrl", None),
    ("hostcsr", None),
    ("hostprivkey", None),
    ("hostpubkey", None),
    ("localcacert", None),
    ("privatedir", None),
    ("privatekeydir", None),
    ("publickeydir", None),
    ("requestdir", None),
];

/// What to do instead of changing a setting.
#[must_use]
pub fn instead(setting: &str) -> &'static str {
    match setting {
        "autosign" => "write a SigningPolicy; one with `any: true` signs every request",
        "environmentpath" => "set spec.puppet.environmentPath",
        "certname" => "name the certificate in spec.certname of the Server's Certificate",
        _ => "remove it",
    }
}
