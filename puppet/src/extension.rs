//! Names of the extensions of certificates and of the attributes of requests.

use crate::oid::Oid;
use std::fmt;
use std::str::FromStr;

/// Puppet's registered arc (IANA private enterprise number 34380), under which all its extensions lie.
const PUPPET_ARC: &str = "1.3.6.1.4.1.34380.1";
/// The arc of the registered extensions, which describe a node (Puppet documentation, "CSR attributes and certificate
/// extensions": `ppRegCertExt`).
const REGISTERED_ARC: &str = "1.3.6.1.4.1.34380.1.1";
/// The arc that every site numbers as it likes (ibid.: `ppPrivCertExt`).
const PRIVATE_ARC: &str = "1.3.6.1.4.1.34380.1.2";
/// The arc whose extensions give rights on the server (Puppet documentation, "CSR attributes and certificate
/// extensions": `ppAuthCertExt`).
pub const AUTHORIZATION_ARC: &str = "1.3.6.1.4.1.34380.1.3";

/// The identifier of `pp_cli_auth`. No CA signs a request for it.
pub const CLI_AUTH: &str = "1.3.6.1.4.1.34380.1.3.39";

/// Puppet's names of extensions, each with its identifier below [`PUPPET_ARC`]; where an identifier has two names, the first
/// is shown (Puppet documentation, "CSR attributes and certificate extensions").
pub const PUPPET_NAMES: [(&str, &str); 31] = [
    ("pp_uuid", "1.1"),
    ("pp_instance_id", "1.2"),
    ("pp_image_name", "1.3"),
    ("pp_preshared_key", "1.4"),
    ("pp_cost_center", "1.5"),
    ("pp_product", "1.6"),
    ("pp_project", "1.7"),
    ("pp_application", "1.8"),
    ("pp_service", "1.9"),
    ("pp_employee", "1.10"),
    ("pp_created_by", "1.11"),
    ("pp_environment", "1.12"),
    ("pp_role", "1.13"),
    ("pp_software_version", "1.14"),
    ("pp_department", "1.15"),
    ("pp_cluster", "1.16"),
    ("pp_provisioner", "1.17"),
    ("pp_region", "1.18"),
    ("pp_datacenter", "1.19"),
    ("pp_zone", "1.20"),
    ("pp_network", "1.21"),
    ("pp_securitypolicy", "1.22"),
    ("pp_cloudplatform", "1.23"),
    ("pp_apptier", "1.24"),
    ("pp_hostname", "1.25"),
    ("pp_owner", "1.26"),
    ("pp_authorization", "3.1"),
    ("pp_auth_auto_renew", "3.2"),
    // Older policies call the same identifier so.
    ("pp_auth_token", "3.2"),
    ("pp_auth_role", "3.13"),
    ("pp_cli_auth", "3.39"),
];

/// `pp_auth_auto_renew`: the attribute of a request by which an agent announces that it can renew its certificate.
const AUTO_RENEW: &str = "1.3.6.1.4.1.34380.1.3.2";
/// Name of the attribute that holds a password.
pub const CHALLENGE_PASSWORD: &str = "challengePassword";
/// RFC 2985 section 5.4.1.
const CHALLENGE_PASSWORD_OID: &str = "1.2.840.113549.1.9.7";

/// The identifier a policy means by `name`: one of Puppet's short names, `challengePassword`, or an object identifier in
/// dotted form (for the private arc `1.3.6.1.4.1.34380.1.2`, whose names are local to a site). `None` if the name is not
/// known, in which case a policy that asks for it never matches.
#[must_use]
pub fn resolve(name: &str) -> Option<Oid> {
    if name == CHALLENGE_PASSWORD {
        return Oid::from_dotted(CHALLENGE_PASSWORD_OID);
    }
    match PUPPET_NAMES.iter().find(|(known, _)| *known == name) {
        Some((_, below)) => Oid::from_dotted(&format!("{PUPPET_ARC}.{below}")),
        None => Oid::from_dotted(name),
    }
}

/// How to speak of `oid`: its short name if it has one, else the dotted form.
#[must_use]
pub fn describe(oid: &Oid) -> &str {
    if oid.as_str() == CHALLENGE_PASSWORD_OID {
        return CHALLENGE_PASSWORD;
    }
    let below = oid.as_str().strip_prefix(PUPPET_ARC).and_then(|rest| rest.strip_prefix('.'));
    PUPPET_NAMES.iter().find(|(_, suffix)| Some(*suffix) == below).map_or(oid.as_str(), |(name, _)| name)
}

/// Whether an extension with this identifier gives rights on the server, known by name or not.
#[must_use]
pub fn is_authorization(oid: &Oid) -> bool {
    oid.is_within(AUTHORIZATION_ARC)
}

/// Whether `oid` is one of Puppet's registered names, each of which describes a node: `pp_uuid` to `pp_owner`.
#[must_use]
pub fn is_registered(oid: &Oid) -> bool {
    oid.is_within(REGISTERED_ARC) && describe(oid) != oid.as_str()
}

/// Whether an extension of this identifier describes a node and gives no rights, under a registered name or not.
#[must_use]
pub fn is_descriptive(oid: &Oid) -> bool {
    oid.is_within(REGISTERED_ARC) || oid.is_within(PRIVATE_ARC)
}

/// Whether `oid` is what agents send as an attribute of a request: a password, that they can renew, or a registered
/// name. An attribute never reaches the certificate, so `pp_auth_auto_renew` gives no rights here.
#[must_use]
pub fn is_ordinary_attribute(oid: &Oid) -> bool {
    oid.as_str() == CHALLENGE_PASSWORD_OID || oid.as_str() == AUTO_RENEW || is_registered(oid)
}

/// Object identifier of an extension below Puppet's arc.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExtensionOid(Oid);

/// A text that names no Puppet extension.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "failed to read the extension {0:?}: it is neither a Puppet extension name such as pp_role nor a dotted object identifier below 1.3.6.1.4.1.34380.1"
)]
pub struct ExtensionError(String);

impl ExtensionOid {
    /// The extension of an identifier, if it lies below Puppet's arc.
    #[must_use]
    pub fn new(oid: Oid) -> Option<Self> {
        (oid.is_within(PUPPET_ARC) && oid.as_str() != PUPPET_ARC).then_some(Self(oid))
    }

    /// `pp_cli_auth`: with the value `true` its holder may administer the CA.
    #[must_use]
    pub fn cli_auth() -> Self {
        Self(Oid::known(CLI_AUTH))
    }

    /// The name that Puppet gives it, else the dotted form.
    #[must_use]
    pub fn name(&self) -> &str {
        describe(&self.0)
    }

    /// Whether a Puppet CA ever signs a request that asks for this extension: it must lie in one of the three branches
    /// the CA knows, and must not be `pp_cli_auth`, which only the holder of the CA key can grant.
    #[must_use]
    pub fn allowed_in_request(&self) -> bool {
        (is_descriptive(&self.0) || self.is_authorization()) && self.0.as_str() != CLI_AUTH
    }

    /// Whether its value may give rights on Puppet Servers: it lies in the branch of authorization extensions.
    #[must_use]
    pub fn is_authorization(&self) -> bool {
        is_authorization(&self.0)
    }

    /// The numbers of the identifier.
    #[cfg(feature = "x509")]
    pub(crate) fn parts(&self) -> Vec<u64> {
        self.0.as_str().split('.').filter_map(|part| part.parse().ok()).collect()
    }
}

impl FromStr for ExtensionOid {
    type Err = ExtensionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        resolve(text).and_then(Self::new).ok_or_else(|| ExtensionError(text.to_owned()))
    }
}

impl fmt::Display for ExtensionOid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for ExtensionOid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ExtensionOid({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_resolves_and_is_spoken_of_by_its_first_name() {
        for (name, _) in PUPPET_NAMES {
            let oid = resolve(name).unwrap();
            let shown = describe(&oid);
            assert_eq!(resolve(shown), Some(oid.clone()), "{name}");
            assert!(shown == name || name == "pp_auth_token", "{name}");
            assert_eq!(is_authorization(&oid), name.starts_with("pp_auth") || name == "pp_cli_auth", "{name}");
        }
        let password = resolve("challengePassword").unwrap();
        assert_eq!(describe(&password), "challengePassword");
    }

    #[test]
    fn a_site_may_name_its_own_extensions_by_number() {
        let oid = resolve("1.3.6.1.4.1.34380.1.2.7").unwrap();
        assert_eq!(describe(&oid), "1.3.6.1.4.1.34380.1.2.7");
        assert!(!is_authorization(&oid));
    }

    #[test]
    fn a_nameless_extension_of_the_authorization_arc_still_gives_rights() {
        assert!(is_authorization(&resolve("1.3.6.1.4.1.34380.1.3.99").unwrap()));
        assert!(is_authorization(&resolve(AUTHORIZATION_ARC).unwrap()));
        assert!(!is_authorization(&resolve("1.3.6.1.4.1.34380.1.31").unwrap()));
    }

    #[test]
    fn what_describes_a_node_gives_no_rights_and_has_a_name_or_a_number_of_the_site() {
        let cases = [
            ("pp_role", true, true, true),
            ("pp_owner", true, true, true),
            ("1.3.6.1.4.1.34380.1.1.99", false, true, false),
            ("1.3.6.1.4.1.34380.1.1", false, true, false),
            ("1.3.6.1.4.1.34380.1.1.13.1", false, true, false),
            ("1.3.6.1.4.1.34380.1.2.7", false, true, false),
            ("1.3.6.1.4.1.34380.1.22.7", false, false, false),
            ("pp_auth_role", false, false, false),
            ("pp_auth_auto_renew", false, false, true),
            ("challengePassword", false, false, true),
            ("2.5.29.19", false, false, false),
        ];
        for (name, registered, descriptive, attribute) in cases {
            let oid = resolve(name).unwrap();
            assert_eq!(
                (is_registered(&oid), is_descriptive(&oid), is_ordinary_attribute(&oid)),
                (registered, descriptive, attribute),
                "{name}"
            );
        }
    }

    #[test]
    fn other_names_are_unknown() {
        for name in ["", "pp_rolle", "PP_ROLE", " pp_role", "extensionRequest"] {
            assert_eq!(resolve(name), None, "{name}");
        }
    }

    #[test]
    fn the_authorization_names_have_the_identifiers_puppet_gives_them() {
        let dotted = |name: &str| name.parse::<ExtensionOid>().unwrap().to_string();
        assert_eq!(dotted("pp_cli_auth"), "1.3.6.1.4.1.34380.1.3.39");
        assert_eq!(dotted("pp_auth_role"), "1.3.6.1.4.1.34380.1.3.13");
        assert_eq!(dotted("pp_auth_auto_renew"), "1.3.6.1.4.1.34380.1.3.2");
        assert_eq!(dotted("pp_auth_token"), dotted("pp_auth_auto_renew"));
        assert_eq!(ExtensionOid::cli_auth().to_string(), dotted("pp_cli_auth"));
    }

    #[test]
    fn custom_identifiers_are_accepted_below_the_puppet_arc_only() {
        for good in ["1.3.6.1.4.1.34380.1.2.1", "1.3.6.1.4.1.34380.1.2.99.7"] {
            let oid: ExtensionOid = good.parse().unwrap();
            assert_eq!((oid.to_string().as_str(), oid.name()), (good, good));
        }
        for bad in [
            "",
            "pp_unknown",
            "challengePassword",
            "2.5.29.19",
            "1.3.6.1.4.1.34380.1",
            "1.3.6.1.4.1.34380.10.1",
            "1.3.6.1.4.1.34380.1.02",
            "1.3.6.1.4.1.34380.1.+2",
            "1.3.6.1.4.1.34380.1.",
        ] {
            assert!(bad.parse::<ExtensionOid>().is_err(), "{bad}");
        }
    }

    #[test]
    fn extensions_the_ca_never_signs_are_known_before_asking() {
        let allowed = |text: &str| text.parse::<ExtensionOid>().unwrap().allowed_in_request();
        assert!(allowed("pp_role") && allowed("pp_auth_role") && allowed("1.3.6.1.4.1.34380.1.2.5"));
        assert!(!allowed("pp_cli_auth") && !allowed("1.3.6.1.4.1.34380.1.4.1"));
    }
}
