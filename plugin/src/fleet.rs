//! All objects of ours in a namespace, or in all of them.

use crate::kind::Kind;
use crate::target::Target;
use crate::untrusted;
use anyhow::{Context as _, anyhow};
use futures::FutureExt as _;
use futures::future::try_join_all;
use kube::api::{Api, ListParams};
use kube::{Client, Resource, ResourceExt as _};
use openvox_crds::{ApiKind, Lifecycle, Lifecycled as _, Server};
use openvox_operator::cluster::Lenient;
use openvox_operator::http::history::{Object, Reference};
use std::any::Any;

/// An object, with what the plug-in looks at.
#[derive(Debug, Clone)]
pub struct Member {
    /// The object with its state and references.
    pub object: Object,
    /// Snapshot and newest transitions.
    pub lifecycle: Lifecycle,
    /// A Server with `ca: true`.
    pub runs_ca: bool,
}

/// All objects, by kind, namespace and name.
#[derive(Debug, Default)]
pub struct Fleet(pub Vec<Member>);

impl Fleet {
    /// Lists all kinds, in one namespace or in all.
    ///
    /// # Errors
    /// If a kind cannot be listed: no right to, or no CRDs.
    pub async fn list(client: &Client, namespace: Option<&str>) -> anyhow::Result<Self> {
        macro_rules! lists {
            ($($kind:ident),+) => { [$(members::<openvox_crds::$kind>(client, namespace).boxed()),+] };
        }
        Ok(Self(try_join_all(openvox_crds::for_each_kind!(lists)).await?.concat()))
    }

    /// One object.
    pub fn get(&self, kind: &str, namespace: &str, name: &str) -> Option<&Member> {
        self.0.iter().find(|member| {
            let object = &member.object;
            object.kind == kind && object.namespace == namespace && object.name == name
        })
    }

    /// The object that an object of a namespace refers to.
    pub fn referred(&self, namespace: &str, to: &Reference) -> Option<&Member> {
        self.get(to.kind, namespace, &to.name)
    }

    /// The object that the command line names.
    ///
    /// # Errors
    /// If it does not exist; names those of its kind that do.
    pub fn target(&self, namespace: &str, target: &Target) -> anyhow::Result<&Member> {
        let kind = target.kind.name();
        self.get(kind, namespace, &target.name).ok_or_else(|| {
            let there: Vec<&str> = self.0.iter().filter(|member| member.object.kind == kind).map(|member| &*member.object.name).collect();
            let there = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
            anyhow!("{target} does not exist in namespace {namespace}; of this kind there: {there}; --namespace looks elsewhere")
        })
    }
}

async fn members<K: ApiKind>(client: &Client, namespace: Option<&str>) -> anyhow::Result<Vec<Member>> {
    let api: Api<Lenient<K>> = namespace.map_or_else(|| Api::all(client.clone()), |namespace| Api::namespaced(client.clone(), namespace));
    let list = api.list(&ListParams::default()).await.with_context(|| format!("failed to list {}", K::plural(&())))?;
    Ok(list.items.into_iter().filter_map(readable).map(|object| member(&object)).collect())
}

/// The object as far as it can be read; what cannot is named, and the others are shown.
fn readable<K: Resource<DynamicType = ()>>(object: Lenient<K>) -> Option<K> {
    let name = format!("{} {}", K::kind(&()), untrusted::name(&object.name_any()));
    match &object {
        Lenient::Whole(_) => {}
        Lenient::WithoutStatus(_, fault) => {
            eprintln!("the status of {name} cannot be read and counts as none: {}", untrusted::line(&fault.to_string()));
        }
        Lenient::Unreadable(_, fault) => eprintln!("{name} cannot be read and is left out: {}", untrusted::line(&fault.to_string())),
    }
    object.into_object()
}

/// What the plug-in looks at in an object.
fn member<K: ApiKind>(object: &K) -> Member {
    Member {
        object: Object::of(object),
        lifecycle: object.status().map(|status| status.lifecycle().clone()).unwrap_or_default(),
        runs_ca: (object as &dyn Any).downcast_ref::<Server>().is_some_and(|server| server.spec.ca),
    }
}

/// The kind of an object; all that a [`Fleet`] holds is of a known one.
pub fn kind(object: &Object) -> Option<&'static Kind> {
    Kind::named(&object.kind)
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use serde_json::Value;

    /// A fleet of manifests, in YAML documents.
    pub fn fleet(yaml: &str) -> Fleet {
        Fleet(yaml.split("\n---\n").filter(|text| !text.trim().is_empty()).map(read).collect())
    }

    fn read(text: &str) -> Member {
        let value: Value = serde_saphyr::from_str(text).unwrap();
        macro_rules! typed {
            ($($kind:ident),+) => {
                match value["kind"].as_str().unwrap() {
                    $(stringify!($kind) => typed::<openvox_crds::$kind>(value),)+
                    other => panic!("{other} is no kind of this API"),
                }
            };
        }
        openvox_crds::for_each_kind!(typed)
    }

    fn typed<K: ApiKind>(value: Value) -> Member {
        member(&serde_json::from_value::<K>(value).unwrap())
    }
}
