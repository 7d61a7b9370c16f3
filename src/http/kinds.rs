//! The kinds that the API knows.

use openvox_crds::ApiKind;
use std::sync::LazyLock;

/// What a kind is called.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Kind {
    /// As in manifests.
    pub name: String,
    /// As in URLs and roles.
    pub plural: String,
    /// Its API group.
    pub group: String,
}

static KINDS: LazyLock<Vec<Kind>> = LazyLock::new(|| {
    macro_rules! all {
        ($($kind:ident),+) => { vec![$(names::<openvox_crds::$kind>()),+] };
    }
    openvox_crds::for_each_kind!(all)
});

fn names<K: ApiKind>() -> Kind {
    Kind { name: K::kind(&()).into_owned(), plural: K::plural(&()).into_owned(), group: K::group(&()).into_owned() }
}

/// All of them.
pub(super) fn all() -> &'static [Kind] {
    &KINDS
}

/// The kind that is meant by a kind or plural in any case.
pub(super) fn named(text: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|names| names.name.eq_ignore_ascii_case(text) || names.plural.eq_ignore_ascii_case(text))
}

/// Every kind, for a person to choose from.
pub(super) fn known() -> String {
    let kinds: Vec<&str> = KINDS.iter().map(|names| names.name.as_str()).collect();
    kinds.join(", ")
}
