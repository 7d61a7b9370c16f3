//! The kinds whose history can be asked for.

use std::sync::LazyLock;

use kube::Resource;
use openvox_crds::{Certificate, CertificateAuthority, Config, Database, NodeClassifier, Pool, ReportProcessor, Server, SigningPolicy};

struct Names {
    kind: String,
    plural: String,
}

static KINDS: LazyLock<Vec<Names>> = LazyLock::new(|| {
    vec![
        names::<CertificateAuthority>(),
        names::<Certificate>(),
        names::<Config>(),
        names::<Database>(),
        names::<NodeClassifier>(),
        names::<Pool>(),
        names::<ReportProcessor>(),
        names::<Server>(),
        names::<SigningPolicy>(),
    ]
});

fn names<K: Resource<DynamicType = ()>>() -> Names {
    Names { kind: K::kind(&()).into_owned(), plural: K::plural(&()).into_owned() }
}

/// The kind as it stands in manifests, for a kind or plural in any case.
pub(super) fn canonical(text: &str) -> Option<&'static str> {
    KINDS
        .iter()
        .find(|names| names.kind.eq_ignore_ascii_case(text) || names.plural.eq_ignore_ascii_case(text))
        .map(|names| names.kind.as_str())
}

/// Every kind, for a person to choose from.
pub(super) fn known() -> String {
    let kinds: Vec<&str> = KINDS.iter().map(|names| names.kind.as_str()).collect();
    kinds.join(", ")
}
