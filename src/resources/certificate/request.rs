//! The request that a spec asks for; every value in it is checked before a key is made.

use crate::puppetca::{AltName, Certname, CsrRequest, ExtensionOid, KeyAlgorithm};
use crate::render::duration::parse_seconds;
use openvox_crds::{CertificateSpec, KeyAlgorithm as Algorithm};
use openvox_machines::core::Blocked;
use openvox_machines::reason;

/// What is asked of the CA.
pub(super) struct CertificateRequest {
    pub certname: Certname,
    pub algorithm: KeyAlgorithm,
    pub csr: CsrRequest,
}

fn invalid(field: &str, error: &impl std::fmt::Display) -> Blocked {
    Blocked::invalid(reason::INVALID_SPEC, format!("{field}: {error}"))
}

impl CertificateRequest {
    /// Reads a spec.
    pub fn of(spec: &CertificateSpec) -> Result<Self, Blocked> {
        let certname: Certname = spec.certname.parse().map_err(|error| invalid("spec.certname", &error))?;
        parse_seconds(&spec.renew_before).map_err(|error| invalid("spec.renewBefore", &error))?;
        let mut alt_names = Vec::new();
        for (index, name) in spec.dns_alt_names.iter().enumerate() {
            alt_names.push(name.parse::<AltName>().map_err(|error| invalid(&format!("spec.dnsAltNames[{index}]"), &error))?);
        }
        let mut extensions = Vec::new();
        if let Some(wanted) = &spec.csr_extensions {
            let named = [
                ("pp_cli_auth", wanted.pp_cli_auth.then(|| "true".to_owned())),
                ("pp_role", wanted.pp_role.clone()),
                ("pp_environment", wanted.pp_environment.clone()),
            ];
            for (name, value) in named {
                if let Some(value) = value.filter(|value| !value.is_empty()) {
                    extensions.push((oid(name)?, value));
                }
            }
            for (name, value) in &wanted.custom_extensions {
                extensions.push((oid(name)?, value.clone()));
            }
        }
        let csr = CsrRequest { certname: certname.clone(), alt_names, extensions };
        Ok(Self { certname, algorithm: algorithm(spec)?, csr })
    }
}

fn oid(name: &str) -> Result<ExtensionOid, Blocked> {
    let field = format!("spec.csrExtensions ({name})");
    let oid: ExtensionOid = name.parse().map_err(|error| invalid(&field, &error))?;
    if oid.allowed_in_request() {
        return Ok(oid);
    }
    Err(invalid(&field, &"the CA never signs this extension from a request")
        .remedy("remove it; the set-up of the authority issues the certificates that need it"))
}

fn algorithm(spec: &CertificateSpec) -> Result<KeyAlgorithm, Blocked> {
    let Some(wanted) = &spec.private_key else { return Ok(KeyAlgorithm::default()) };
    match (wanted.algorithm, wanted.size) {
        (Algorithm::Rsa, None | Some(4096)) => Ok(KeyAlgorithm::Rsa4096),
        (Algorithm::Rsa, Some(3072)) => Ok(KeyAlgorithm::Rsa3072),
        (Algorithm::Rsa, Some(2048)) => Ok(KeyAlgorithm::Rsa2048),
        (Algorithm::Ecdsa, None | Some(256)) => Ok(KeyAlgorithm::EcdsaP256),
        (Algorithm::Ecdsa, Some(384)) => Ok(KeyAlgorithm::EcdsaP384),
        (_, Some(size)) => Err(invalid("spec.privateKey.size", &format!("{size} is no size for this algorithm"))
            .remedy("RSA: 2048, 3072 or 4096; ECDSA: 256 or 384")),
    }
}
