//! Settings of puppet.conf on which the operator relies.

use kube::core::{Message, Rule};

/// Settings that `extraConfig` cannot change in the sections main and server, with the one value they may have there;
/// `None` where they may not stand there at all. Pods mount their volumes at these paths, read and write certificates and
/// keys under these names, and ask the signing policies by this program.
pub const RELIED_ON: [(&str, Option<&str>); 29] = [
    ("certname", Some("puppet")),
    ("confdir", Some("/etc/puppetlabs/puppet")),
    ("vardir", Some("/opt/puppetlabs/puppet/cache")),
    ("codedir", Some("/etc/puppetlabs/code")),
    ("rundir", Some("/var/run/puppetlabs")),
    ("ssldir", Some("/etc/puppetlabs/puppet/ssl")),
    ("cadir", Some("/etc/puppetlabs/puppetserver/ca")),
    ("manage_internal_file_permissions", Some("false")),
    ("autosign", Some("/usr/local/bin/openvox-autosign")),
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

/// Where the value of a setting comes from instead.
#[must_use]
pub fn instead(setting: &str) -> &'static str {
    match setting {
        "autosign" => "write a SigningPolicy; one with `any: true` signs every request",
        "environmentpath" => "set spec.puppet.environmentPath",
        "certname" => "name the certificate in spec.certname of the Server's Certificate",
        _ => "remove it",
    }
}

/// That a section of `extraConfig` changes none of them.
pub(crate) fn rule(section: &str) -> Rule {
    let names = |pinned: bool| {
        let names = RELIED_ON.iter().filter(|(_, value)| value.is_some() == pinned).map(|(name, _)| format!("'{name}'"));
        names.collect::<Vec<_>>().join(", ")
    };
    let values = RELIED_ON.iter().filter_map(|(name, value)| Some(format!("'{name}': '{}'", (*value)?)));
    let values = values.collect::<Vec<_>>().join(", ");
    let (pinned, free) = (names(true), names(false));
    let own = format!("[{pinned}].filter(name, name in self.{section} && self.{section}[name] != {{{values}}}[name])");
    let others = format!("[{free}].filter(name, name in self.{section})");
    Rule::new(format!("!has(self.{section}) || ({own}.size() == 0 && {others}.size() == 0)")).message(Message::Expression(format!(
        "'extraConfig.{section} cannot change %s, on which the operator relies: remove it; for autosign write a SigningPolicy (any: true signs every request), for environmentpath set spec.puppet.environmentPath'.format([{own} + {others}])"
    )))
}
