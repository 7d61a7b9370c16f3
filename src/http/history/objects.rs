//! Objects as they are now, from the operator's caches.

use super::Api;
use super::object::Object;
use super::parameters::Asked;
use crate::cluster::{Cache, Caches, Watched as _};
use crate::http::access::CallerView;
use crate::http::kinds::{self, Kind};
use crate::http::problem::Problem;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kube::ResourceExt as _;
use openvox_crds::ApiKind;
use serde::Serialize;

/// Where objects are found.
pub trait Objects: Send + Sync {
    /// All objects, in any order; of one namespace when it is given.
    fn all(&self, namespace: Option<&str>) -> Vec<Object>;

    /// One object.
    fn one(&self, kind: &str, namespace: &str, name: &str) -> Option<Object>;
}

impl Objects for Caches {
    fn all(&self, namespace: Option<&str>) -> Vec<Object> {
        let mut all = Vec::new();
        macro_rules! extend {
            ($($kind:ident),+) => { $(all.extend(of(openvox_crds::$kind::cache(self), namespace));)+ };
        }
        openvox_crds::for_each_kind!(extend);
        all
    }

    fn one(&self, kind: &str, namespace: &str, name: &str) -> Option<Object> {
        macro_rules! get {
            ($($kind:ident),+) => {
                match kind {
                    $(stringify!($kind) => get(openvox_crds::$kind::cache(self), namespace, name),)+
                    _ => None,
                }
            };
        }
        openvox_crds::for_each_kind!(get)
    }
}

/// The objects of one cache, with our own latest writes.
fn of<K: ApiKind>(cache: &Cache<K>, namespace: Option<&str>) -> Vec<Object> {
    let objects = cache.store().state_filter(|object| namespace.is_none() || object.meta().namespace.as_deref() == namespace);
    objects.iter().filter_map(|object| get(cache, &object.namespace().unwrap_or_default(), &object.name_any())).collect()
}

fn get<K: ApiKind>(cache: &Cache<K>, namespace: &str, name: &str) -> Option<Object> {
    cache.get(namespace, name).map(|object| Object::of(&*object))
}

/// The body of a page of objects.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Items {
    items: Vec<Object>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// One page of the objects that the caller sees, by kind, namespace and name.
pub(super) async fn page(api: &Api, view: &mut CallerView<'_>, asked: &Asked) -> Result<Items, Problem> {
    let after = asked.cursor.as_deref().map(Place::read).transpose()?;
    let mut all = api.objects.all(asked.namespace.as_deref());
    all.retain(|object| {
        asked.kind.is_none_or(|kind| kind.name == object.kind)
            && asked.phase.as_ref().is_none_or(|phase| object.phase.as_ref() == Some(phase))
            && after.as_ref().is_none_or(|after| Place::of(object) > *after)
    });
    all.sort_by_cached_key(Place::of);
    let mut items = Vec::new();
    let mut next_cursor = None;
    for object in all {
        if !seen(view, &object).await? {
            continue;
        }
        if items.len() == usize::from(asked.limit()) {
            next_cursor = items.last().map(|last| Place::of(last).write());
            break;
        }
        items.push(object);
    }
    Ok(Items { items, next_cursor })
}

async fn seen(view: &mut CallerView<'_>, object: &Object) -> Result<bool, Problem> {
    match kinds::named(&object.kind) {
        Some(kind) => view.sees(kind, &object.namespace).await,
        None => Ok(false),
    }
}

/// The position of an object in the order of a list. As a cursor it is opaque; it stays valid while objects come and go.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    kind: String,
    namespace: String,
    name: String,
}

impl Place {
    fn of(object: &Object) -> Self {
        Self { kind: object.kind.clone(), namespace: object.namespace.clone(), name: object.name.clone() }
    }

    fn write(&self) -> String {
        URL_SAFE_NO_PAD.encode(format!("{}/{}/{}", self.kind, self.namespace, self.name))
    }

    fn read(text: &str) -> Result<Self, Problem> {
        let decoded = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let mut parts = decoded.iter().flat_map(|decoded| decoded.split('/')).map(str::to_owned);
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(kind), Some(namespace), Some(name), None) => Ok(Self { kind, namespace, name }),
            _ => Err(Problem::parameter("cursor", text, "the nextCursor of an earlier page of objects")),
        }
    }
}

/// One object with those it is connected to.
#[derive(Debug, Serialize)]
pub(super) struct WithRelations {
    #[serde(flatten)]
    object: Object,
    related: Vec<Related>,
}

/// An object that is connected to another.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Related {
    relation: Relation,
    kind: String,
    name: String,
    /// It exists: a name in a spec may lead nowhere. Not said to who may not get it.
    #[serde(skip_serializing_if = "Option::is_none")]
    exists: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phase: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
enum Relation {
    /// Named by the object's spec.
    Uses,
    /// Names the object in its spec.
    UsedBy,
}

/// One object.
///
/// # Errors
/// 404 when it does not exist now; the caller may know, having the right to get it.
pub(super) async fn one(
    api: &Api,
    view: &mut CallerView<'_>,
    kind: &'static Kind,
    namespace: &str,
    name: &str,
) -> Result<WithRelations, Problem> {
    let Some(object) = api.objects.one(&kind.name, namespace, name) else {
        return Err(Problem::not_found(format!("{} {name} does not exist in namespace {namespace}; its history may", kind.name)));
    };
    let mut related = Vec::new();
    for reference in &object.uses {
        // The name is part of the object's own spec. Whether the other object exists is for callers who may get it.
        let visible = match kinds::named(reference.kind) {
            Some(kind) => view.sees(kind, namespace).await?,
            None => false,
        };
        let other = api.objects.one(reference.kind, namespace, &reference.name).filter(|_| visible);
        related.push(Related {
            relation: Relation::Uses,
            kind: reference.kind.to_owned(),
            name: reference.name.clone(),
            exists: visible.then_some(other.is_some()),
            phase: other.and_then(|other| other.phase),
        });
    }
    for other in api.objects.all(Some(namespace)) {
        let names_it = other.uses.iter().any(|used| used.kind == kind.name && used.name == name);
        if names_it && seen(view, &other).await? {
            related.push(Related {
                relation: Relation::UsedBy,
                kind: other.kind,
                name: other.name,
                exists: Some(true),
                phase: other.phase,
            });
        }
    }
    Ok(WithRelations { object, related })
}
