//! The kinds of the API, by all their names.

use kube::Resource;
use kube::api::ApiResource;
use openvox_crds::{Certificate, CertificateAuthority, Config, Database, NodeClassifier, Pool, ReportProcessor, Server, SigningPolicy};
use openvox_machines::core::{Leaf, Machine, State};
use openvox_machines::{certificate, certificate_authority, config, pool, server, signing_policy};
use std::sync::LazyLock;

/// One kind.
#[derive(Debug)]
pub struct Kind {
    /// How it is asked for.
    pub resource: ApiResource,
    short: Option<&'static str>,
    leaves: &'static [Leaf],
}

static KINDS: LazyLock<[Kind; 9]> = LazyLock::new(|| {
    [
        kind::<CertificateAuthority>(Some("ca"), leaves::<certificate_authority::CertificateAuthority>()),
        kind::<Certificate>(Some("cert"), leaves::<certificate::Certificate>()),
        kind::<Config>(None, leaves::<config::Config>()),
        kind::<Database>(None, &[]),
        kind::<NodeClassifier>(None, &[]),
        kind::<Pool>(None, leaves::<pool::Pool>()),
        kind::<ReportProcessor>(None, &[]),
        kind::<Server>(None, leaves::<server::Server>()),
        kind::<SigningPolicy>(None, leaves::<signing_policy::SigningPolicy>()),
    ]
});

fn kind<K: Resource<DynamicType = ()>>(short: Option<&'static str>, leaves: &'static [Leaf]) -> Kind {
    Kind { resource: ApiResource::erase::<K>(&()), short, leaves }
}

const fn leaves<M: Machine>() -> &'static [Leaf] {
    M::State::LEAVES
}

impl Kind {
    /// All of them.
    pub fn all() -> &'static [Self] {
        &*KINDS
    }

    /// The kind that is meant by kind, plural or short name, in any case.
    pub fn named(text: &str) -> Option<&'static Self> {
        Self::all().iter().find(|kind| {
            let names = [kind.name(), &kind.resource.plural, kind.short.unwrap_or(kind.name())];
            names.iter().any(|name| name.eq_ignore_ascii_case(text))
        })
    }

    /// As in manifests.
    pub fn name(&self) -> &str {
        &self.resource.kind
    }

    /// What is documented of the state with this path.
    pub fn leaf(&self, path: &str) -> Option<&'static Leaf> {
        self.leaves.iter().find(|leaf| leaf.path == path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_known_by_all_its_names() {
        for text in ["certificate", "Certificates", "CERT"] {
            assert_eq!(Kind::named(text).unwrap().name(), "Certificate");
        }
        assert_eq!(Kind::named("ca").unwrap().name(), "CertificateAuthority");
        assert!(Kind::named("pod").is_none());
    }
}
