//! The kinds of the API, by all their names.

use kube::api::ApiResource;
use openvox_crds::ApiKind;
use openvox_machines::Documented;
use openvox_machines::core::Leaf;
use std::sync::LazyLock;

/// One kind.
#[derive(Debug)]
pub struct Kind {
    /// How it is asked for.
    pub resource: ApiResource,
    short: Option<&'static str>,
    leaves: &'static [Leaf],
}

static KINDS: LazyLock<Vec<Kind>> = LazyLock::new(|| {
    macro_rules! all {
        ($($kind:ident),+) => { vec![$(kind::<openvox_crds::$kind>()),+] };
    }
    openvox_crds::for_each_kind!(all)
});

fn kind<K: ApiKind>() -> Kind {
    let leaves = Documented::find(&K::kind(&())).map_or(&[][..], |machine| machine.leaves);
    Kind { resource: ApiResource::erase::<K>(&()), short: K::shortnames().first().copied(), leaves }
}

impl Kind {
    /// All of them.
    pub fn all() -> &'static [Self] {
        &KINDS
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
