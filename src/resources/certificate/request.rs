//! The request that a spec asks for; every value in it is checked before a key is made.

use crate::build::hash::data_hash;
use crate::build::name;
use crate::resources::name_length::{LABEL_VALUE_MAX, too_long};
use kube::ResourceExt as _;
use openvox_crds::{Certificate, CertificateSpec, KeyAlgorithm as Algorithm};
use openvox_machines::core::Blocked;
use openvox_machines::reason;
use openvox_puppet::duration::parse_seconds;
use openvox_puppet::{AltName, CertificateInfo, Certname, CsrInfo, CsrRequest, ExtensionOid, KeyAlgorithm};
use std::collections::BTreeSet;

/// What is asked of the CA.
pub(super) struct CertificateRequest {
    pub certname: Certname,
    pub algorithm: KeyAlgorithm,
    pub csr: CsrRequest,
}

fn invalid(field: &str, error: &impl std::fmt::Display) -> Blocked {
    Blocked::invalid(reason::INVALID_SPEC, format!("{field}: {error}"))
}

/// What the spec asks for; that of a CA server also names its Service. `ca_servers` are the Certificates of all CA servers of
/// the authority.
pub(super) fn wanted(object: &Certificate, ca_servers: &[String]) -> Result<CertificateRequest, Blocked> {
    let request = CertificateRequest::of(&object.spec)?;
    let (name, ca) = (object.name_any(), &object.spec.authority_ref);
    if let Some(blocked) = too_long(&name, LABEL_VALUE_MAX, "the label of its Secret") {
        return Err(blocked);
    }
    if !ca_servers.contains(&name) {
        return Ok(request);
    }
    Ok(request.of_ca_server(&format!("{}.{}.svc", name::ca_service(ca), object.namespace().unwrap_or_default())))
}

impl CertificateRequest {
    /// Reads a spec.
    pub fn of(spec: &CertificateSpec) -> Result<Self, Blocked> {
        let certname: Certname = spec.certname.parse().map_err(|error| invalid("spec.certname", &error))?;
        let before = parse_seconds(&spec.renew_before).map_err(|error| invalid("spec.renewBefore", &error))?;
        if before <= 0 && !spec.renew_before.is_empty() {
            return Err(invalid("spec.renewBefore", &format!("{:?} is no time before the end", spec.renew_before))
                .remedy("write a time above 0, such as 60d"));
        }
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

impl CertificateRequest {
    /// Digest of what is asked for and of whom: two specs ask for the same exactly if these are equal. The order of
    /// names does not matter. 64 bits are enough to notice a change.
    pub fn digest(&self, authority: &str) -> String {
        let Self { certname, algorithm, csr: CsrRequest { alt_names, extensions, .. } } = self;
        let mut parts: BTreeSet<(String, String)> = alt_names.iter().map(|name| ("name".to_owned(), name.to_string())).collect();
        parts.extend(extensions.iter().map(|(oid, value)| (oid.to_string(), value.clone())));
        parts.insert(("authority".to_owned(), authority.to_owned()));
        parts.insert(("certname".to_owned(), certname.to_string()));
        parts.insert(("key".to_owned(), algorithm.to_string()));
        let mut digest = data_hash(parts);
        digest.truncate(16);
        digest
    }

    /// The request also names the Service under which the operator and the other servers reach this CA server.
    pub fn of_ca_server(mut self, service: &str) -> Self {
        if let Ok(name) = service.parse::<AltName>()
            && !self.csr.alt_names.contains(&name)
        {
            self.csr.alt_names.push(name);
        }
        self
    }

    /// Whether a queued request asks for exactly this.
    pub fn is_asked_by(&self, queued: &CsrInfo) -> bool {
        let set = |names: &[AltName]| names.iter().cloned().collect::<BTreeSet<_>>();
        let values = |all: &[(ExtensionOid, String)]| all.iter().cloned().collect::<BTreeSet<_>>();
        queued.common_name.as_deref() == Some(self.certname.as_str())
            && set(&queued.alt_names) == set(&self.csr.alt_names)
            && values(&queued.extensions) == values(&self.csr.extensions)
    }

    /// What a certificate lacks of this, for people; `None` if nothing.
    pub fn lacking(&self, certificate: &CertificateInfo) -> Option<String> {
        let CsrRequest { alt_names, extensions, .. } = &self.csr;
        let names = alt_names.iter().filter(|name| !certificate.alt_names.contains(name)).map(|name| format!("the name {name}"));
        let values = extensions.iter().filter(|wanted| !certificate.extensions.contains(wanted));
        let lacking: Vec<String> = names.chain(values.map(|(oid, _)| format!("the extension {oid}"))).collect();
        (!lacking.is_empty()).then(|| lacking.join(", "))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_of_a_ca_server_names_its_service_once() {
        let service = "corp-internal.puppet.svc";
        let spec = CertificateSpec { certname: "puppet".to_owned(), ..CertificateSpec::default() };
        let already = CertificateSpec { dns_alt_names: vec![service.to_owned()], ..spec.clone() };
        for spec in [spec, already] {
            let names = CertificateRequest::of(&spec).unwrap().of_ca_server(service).csr.alt_names;
            assert_eq!(names, [service.parse::<AltName>().unwrap()]);
        }
    }
}
