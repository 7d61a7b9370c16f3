//! Verifying a certificate as those it is shown to do (RFC 5280 section 6): the whole way from it to the root.

use super::bundle::{BundleError, CaBundle};
use super::certificate::Certificate;
use super::name_constraints;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;

/// Extensions that OpenSSL, Java and rustls know, so that they may be critical (RFC 5280 sections 4.2.1.3 to 4.2.1.14).
const KNOWN: [&str; 10] = [
    "2.5.29.15", // keyUsage
    "2.5.29.17", // subjectAltName
    "2.5.29.19", // basicConstraints
    "2.5.29.30", // nameConstraints
    "2.5.29.31", // cRLDistributionPoints
    "2.5.29.32", // certificatePolicies
    "2.5.29.33", // policyMappings
    "2.5.29.36", // policyConstraints
    "2.5.29.37", // extKeyUsage
    "2.5.29.54", // inhibitAnyPolicy
];

/// Why no TLS peer would accept a certificate, although its signature is good.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// A critical extension that TLS peers do not know.
    #[error("{holder} has the critical extension {extension}, which TLS peers do not know, so they refuse what it is part of")]
    CriticalExtension {
        /// Subject of the certificate that has it.
        holder: String,
        /// Its identifier.
        extension: String,
    },
    /// A name outside the name constraints of a CA.
    #[error("the name constraints of {ca} {verb} the name {name}", verb = if *excluded { "exclude" } else { "do not permit" })]
    Name {
        /// Subject of the CA.
        ca: String,
        /// The name.
        name: String,
        /// Whether it is excluded, or just not permitted.
        excluded: bool,
    },
    /// A CA demands policies of certificates below it.
    #[error("{ca} demands a certificate policy (policyConstraints) of what is issued below it, and this certificate has none")]
    Policy {
        /// Subject of the CA.
        ca: String,
    },
    /// A CA or a certificate is for other uses than TLS.
    #[error("{holder} is not for TLS: its extKeyUsage lacks {lacks}")]
    Usage {
        /// Subject of the certificate.
        holder: String,
        /// The use.
        lacks: &'static str,
    },
}

impl CaBundle {
    /// Checks `certificate` as a TLS peer that trusts this bundle does, apart from validity times and host name: signatures,
    /// path lengths, critical extensions, name constraints, policies and uses, of each certificate on the way to the root.
    ///
    /// # Errors
    /// Names the certificate on the way and the rule that it breaks.
    pub fn verify_as_peer(&self, certificate: &Certificate) -> Result<(), BundleError> {
        let mut path = vec![certificate];
        let mut here = certificate;
        // A ring of certificates ends where every one has been seen.
        while path.len() <= self.certificates().count() && !(here.is_self_issued() && path.len() > 1) {
            match self.issuer_of(here) {
                Ok(issuer) => here = issuer,
                // A bundle may end below the root; what is in it is trusted.
                Err(BundleError::NotSigned { .. }) if path.len() > 1 => break,
                Err(error) => return Err(error),
            }
            path.push(here);
        }
        self.verify_path_lengths()?;
        let parsed = path.iter().map(|certificate| certificate.parsed()).collect::<Result<Vec<_>, _>>()?;
        let subject = &certificate.info().subject;
        check(&parsed).map_err(|cause| BundleError::Path { subject: subject.clone(), cause: Box::new(cause) })
    }
}

/// Checks a path, the certificate in question first and the root last.
fn check(path: &[X509Certificate<'_>]) -> Result<(), PathError> {
    for (above, holder) in path.iter().enumerate() {
        known_extensions(holder)?;
        usable_for_tls(holder, above > 0)?;
        let Ok(Some(constraints)) = holder.name_constraints() else { continue };
        for (index, below) in path.iter().enumerate().take(above) {
            // Section 6.1.3 (b): a CA may give itself a new key whatever its name.
            if index > 0 && below.subject().as_raw() == below.issuer().as_raw() {
                continue;
            }
            name_constraints::check(constraints.value, below, index == 0).map_err(|violation| PathError::Name {
                ca: holder.subject().to_string(),
                name: violation.name,
                excluded: violation.excluded,
            })?;
        }
    }
    policies(path)
}

fn known_extensions(holder: &X509Certificate<'_>) -> Result<(), PathError> {
    let unknown = holder.extensions().iter().find(|extension| {
        let readable = !matches!(extension.parsed_extension(), ParsedExtension::ParseError { .. });
        extension.critical && !(readable && KNOWN.contains(&extension.oid.to_id_string().as_str()))
    });
    match unknown {
        Some(extension) => {
            Err(PathError::CriticalExtension { holder: holder.subject().to_string(), extension: extension.oid.to_id_string() })
        }
        None => Ok(()),
    }
}

/// Servers and clients of Puppet use the same kind of certificates, so a CA has to be for both.
fn usable_for_tls(holder: &X509Certificate<'_>, is_ca: bool) -> Result<(), PathError> {
    let Ok(Some(usage)) = holder.extended_key_usage() else { return Ok(()) };
    let usage = usage.value;
    let lacks = match (usage.any, usage.server_auth, usage.client_auth, is_ca) {
        (true, ..) | (_, true, true, _) | (_, true, _, false) | (_, _, true, false) => return Ok(()),
        (_, false, ..) => "serverAuth",
        (_, true, ..) => "clientAuth",
    };
    Err(PathError::Usage { holder: holder.subject().to_string(), lacks })
}

/// Explicit policies (section 6.1). That certificates which name policies name valid ones is not checked: a Puppet CA issues
/// none with policies.
fn policies(path: &[X509Certificate<'_>]) -> Result<(), PathError> {
    // How many certificates may follow without a policy, and the CA that limits them.
    let mut explicit: Option<(u32, String)> = None;
    let mut named = true;
    // The root is trusted, and not a part of the path.
    for (index, holder) in path.iter().enumerate().take(path.len().saturating_sub(1)).rev() {
        let extension = |wanted: fn(&ParsedExtension<'_>) -> bool| holder.extensions().iter().any(|found| wanted(found.parsed_extension()));
        named &= extension(|found| matches!(found, ParsedExtension::CertificatePolicies(_)));
        let refused = |explicit: &Option<(u32, String)>| match explicit {
            Some((0, ca)) if !named => Err(PathError::Policy { ca: ca.clone() }),
            _ => Ok(()),
        };
        refused(&explicit)?;
        if index == 0 || holder.subject().as_raw() != holder.issuer().as_raw() {
            explicit = explicit.map(|(left, ca)| (left.saturating_sub(1), ca));
        }
        let demanded = holder.policy_constraints().ok().flatten().and_then(|constraints| constraints.value.require_explicit_policy);
        if let Some(demanded) = demanded.filter(|demanded| explicit.as_ref().is_none_or(|(left, _)| demanded < left)) {
            explicit = Some((demanded, holder.subject().to_string()));
        }
        if index == 0 {
            refused(&explicit)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
