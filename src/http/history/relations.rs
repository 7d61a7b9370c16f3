//! Which objects name which: what the links between them are made of.

use openvox_crds::{Certificate, CertificateAuthority, Config, Database, NodeClassifier, Pool, ReportProcessor, Server, SigningPolicy};

use super::object::Reference;

/// The objects of the same namespace that the spec of an object names.
pub trait Names {
    /// Kinds and names, in the order of the fields.
    fn names(&self) -> Vec<Reference>;
}

/// References of kinds and names, without those that are not set.
fn references<'n>(pairs: impl IntoIterator<Item = (&'static str, Option<&'n str>)>) -> Vec<Reference> {
    let set = pairs.into_iter().filter_map(|(kind, name)| Some((kind, name.filter(|name| !name.is_empty())?)));
    set.map(|(kind, name)| Reference { kind, name: name.to_owned() }).collect()
}

impl Names for CertificateAuthority {
    fn names(&self) -> Vec<Reference> {
        Vec::new()
    }
}

impl Names for Certificate {
    fn names(&self) -> Vec<Reference> {
        references([("CertificateAuthority", Some(self.spec.authority_ref.as_str()))])
    }
}

impl Names for Config {
    fn names(&self) -> Vec<Reference> {
        references([
            ("CertificateAuthority", self.spec.authority_ref.as_deref()),
            ("Database", self.spec.database_ref.as_deref()),
            ("NodeClassifier", self.spec.node_classifier_ref.as_deref()),
        ])
    }
}

impl Names for Database {
    fn names(&self) -> Vec<Reference> {
        references([("Certificate", Some(self.spec.certificate_ref.as_str()))])
    }
}

impl Names for NodeClassifier {
    fn names(&self) -> Vec<Reference> {
        Vec::new()
    }
}

impl Names for Pool {
    fn names(&self) -> Vec<Reference> {
        Vec::new()
    }
}

impl Names for ReportProcessor {
    fn names(&self) -> Vec<Reference> {
        references([("Config", Some(self.spec.config_ref.as_str()))])
    }
}

impl Names for Server {
    fn names(&self) -> Vec<Reference> {
        let pools = self.spec.pool_refs.iter().map(|pool| ("Pool", Some(pool.as_str())));
        let single = [("Config", Some(self.spec.config_ref.as_str())), ("Certificate", Some(self.spec.certificate_ref.as_str()))];
        references(single.into_iter().chain(pools))
    }
}

impl Names for SigningPolicy {
    fn names(&self) -> Vec<Reference> {
        references([("CertificateAuthority", Some(self.spec.certificate_authority_ref.as_str()))])
    }
}
