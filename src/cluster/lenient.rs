//! Objects of a list or watch, each read on its own: one that cannot be read spoils neither the list nor the watch.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

/// Most characters of a fault that are shown.
const MAX_FAULT: usize = 300;

/// An object as far as it can be read.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "nearly all are whole, and none is kept in this form")]
pub enum Lenient<K> {
    /// All of it.
    Whole(K),
    /// All but its status, which counts as none.
    WithoutStatus(K, Fault),
    /// Its metadata only.
    Unreadable(ObjectMeta, Fault),
}

/// Why something cannot be read, in the words of the JSON reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault(String);

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Self {
        Self(error.to_string().chars().filter(|character| !character.is_control()).take(MAX_FAULT).collect())
    }
}

impl<K: DeserializeOwned> Lenient<K> {
    /// Reads an object of JSON text.
    fn read(text: &str) -> Self {
        let fault = match serde_json::from_str(text) {
            Ok(object) => return Self::Whole(object),
            Err(error) => Fault::from(error),
        };
        match without_status(text) {
            Some(object) => Self::WithoutStatus(object, fault),
            None => Self::Unreadable(metadata(text), fault),
        }
    }
}

impl<K> Lenient<K> {
    /// The object, if more than its metadata could be read.
    #[must_use]
    pub fn into_object(self) -> Option<K> {
        match self {
            Self::Whole(object) | Self::WithoutStatus(object, _) => Some(object),
            Self::Unreadable(..) => None,
        }
    }

    /// The object, to be changed.
    pub(super) fn object_mut(&mut self) -> Option<&mut K> {
        match self {
            Self::Whole(object) | Self::WithoutStatus(object, _) => Some(object),
            Self::Unreadable(..) => None,
        }
    }
}

type Members<'t> = BTreeMap<String, &'t RawValue>;

fn without_status<K: DeserializeOwned>(text: &str) -> Option<K> {
    let mut members: Members = serde_json::from_str(text).ok()?;
    members.remove("status")?;
    let metadata = members.remove("metadata").and_then(|metadata| without_managed_fields(metadata.get()))?;
    members.insert("metadata".to_owned(), &metadata);
    serde_json::from_str(&serde_json::to_string(&members).ok()?).ok()
}

/// Metadata without the one part whose nesting follows that of the rest, and which nobody here reads.
fn without_managed_fields(metadata: &str) -> Option<Box<RawValue>> {
    let mut members: Members = serde_json::from_str(metadata).ok()?;
    members.remove("managedFields");
    serde_json::value::to_raw_value(&members).ok()
}

fn metadata(text: &str) -> ObjectMeta {
    #[derive(Deserialize)]
    struct Head<'t> {
        #[serde(borrow)]
        metadata: &'t RawValue,
    }
    let head: Option<Head> = serde_json::from_str(text).ok();
    let metadata = head.and_then(|head| without_managed_fields(head.metadata.get()));
    // The API server keeps metadata in form, whatever the rest holds.
    metadata.and_then(|metadata| serde_json::from_str(metadata.get()).ok()).unwrap_or_default()
}

impl<'de, K: DeserializeOwned> Deserialize<'de> for Lenient<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Its text first: finding the end of a value has no limit of nesting, reading one has.
        let text = Box::<RawValue>::deserialize(deserializer)?;
        Ok(Self::read(text.get()))
    }
}

impl<K: Resource> Resource for Lenient<K> {
    type DynamicType = K::DynamicType;
    type Scope = K::Scope;

    fn kind(of: &Self::DynamicType) -> Cow<'_, str> {
        K::kind(of)
    }

    fn group(of: &Self::DynamicType) -> Cow<'_, str> {
        K::group(of)
    }

    fn version(of: &Self::DynamicType) -> Cow<'_, str> {
        K::version(of)
    }

    fn plural(of: &Self::DynamicType) -> Cow<'_, str> {
        K::plural(of)
    }

    fn meta(&self) -> &ObjectMeta {
        match self {
            Self::Whole(object) | Self::WithoutStatus(object, _) => object.meta(),
            Self::Unreadable(metadata, _) => metadata,
        }
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        match self {
            Self::Whole(object) | Self::WithoutStatus(object, _) => object.meta_mut(),
            Self::Unreadable(metadata, _) => metadata,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::ResourceExt as _;
    use kube::api::{ObjectList, WatchEvent};
    use openvox_crds::Pool;
    use serde_json::json;

    fn nested(depth: usize) -> String {
        format!("{}{}", "[".repeat(depth), "]".repeat(depth))
    }

    fn pool(name: &str, spec: &str, status: &str) -> String {
        let metadata = json!({"name": name, "namespace": "n", "resourceVersion": "7"});
        format!(r#"{{"apiVersion":"openvox.voxpupuli.org/v1alpha1","kind":"Pool","metadata":{metadata},"spec":{spec},"status":{status}}}"#)
    }

    fn machine(member: &str) -> String {
        format!(r#"{{"machine":{{"version":1,"seq":1,"since":"2026-01-01T00:00:00Z",{member}}}}}"#)
    }

    #[test]
    fn an_object_that_cannot_be_read_spoils_no_list() {
        let statuses = [
            machine(r#""attempt":4294967296"#),
            r#"{"machine":{"version":1,"seq":1,"since":"2026-01-01T00:00:00+99:99"}}"#.to_owned(),
            machine(&format!(r#""data":{}"#, nested(200))),
            machine(&format!(r#""data":{}"#, nested(5_000))),
        ];
        let mut items: Vec<String> = statuses.iter().map(|status| pool("poisoned", "{}", status)).collect();
        items.push(pool("odd", r#"{"service":{"port":"many"}}"#, "{}"));
        items.push(pool("good", "{}", &machine(r#""attempt":3"#)));
        let list = format!(r#"{{"apiVersion":"v1","kind":"PoolList","metadata":{{"resourceVersion":"9"}},"items":[{}]}}"#, items.join(","));
        let list: ObjectList<Lenient<Pool>> = serde_json::from_str(&list).unwrap();
        assert!(serde_json::from_str::<ObjectList<Pool>>(&format!(r#"{{"metadata":{{}},"items":[{}]}}"#, items[0])).is_err());
        for item in &list.items[..statuses.len()] {
            assert!(matches!(item, Lenient::WithoutStatus(pool, _) if pool.status.is_none() && pool.name_any() == "poisoned"), "{item:?}");
        }
        assert!(matches!(&list.items[statuses.len()], Lenient::Unreadable(metadata, _) if metadata.name.as_deref() == Some("odd")));
        assert!(matches!(list.items.last(), Some(Lenient::Whole(pool)) if pool.status.is_some()));
    }

    #[test]
    fn managed_fields_that_nest_as_deep_as_the_status_cost_neither_the_object_nor_its_name() {
        let deep = |depth| format!("{}{{}}{}", r#"{"f:a":"#.repeat(depth), "}".repeat(depth));
        let object = |spec: &str| {
            pool("poisoned", spec, &machine(&format!(r#""data":{}"#, deep(200)))).replacen(
                "{\"name\"",
                &format!(r#"{{"managedFields":[{{"manager":"m","fieldsV1":{}}}],"name""#, deep(200)),
                1,
            )
        };
        let read = Lenient::<Pool>::read(&object("{}"));
        assert!(matches!(&read, Lenient::WithoutStatus(pool, _) if pool.name_any() == "poisoned"), "{read:?}");
        let read = Lenient::<Pool>::read(&object(r#"{"service":1}"#));
        assert!(matches!(&read, Lenient::Unreadable(metadata, _) if metadata.name.as_deref() == Some("poisoned")), "{read:?}");
    }

    #[test]
    fn an_object_that_cannot_be_read_spoils_no_watch() {
        let event = format!(r#"{{"type":"MODIFIED","object":{}}}"#, pool("poisoned", "{}", &machine(r#""attempt":-1"#)));
        let WatchEvent::Modified(read) = serde_json::from_str::<WatchEvent<Lenient<Pool>>>(&event).unwrap() else { panic!("{event}") };
        assert_eq!(read.resource_version().as_deref(), Some("7"));
        let Lenient::WithoutStatus(_, fault) = read else { panic!("{read:?}") };
        assert!(fault.to_string().contains("-1"), "{fault}");
    }

    #[test]
    fn a_long_fault_is_cut_to_one_line() {
        let fault = Fault::from(serde_json::from_value::<u32>(json!("\n\u{1b}[2J".repeat(1000))).unwrap_err());
        assert!(fault.to_string().len() <= MAX_FAULT && !fault.to_string().contains(char::is_control));
    }
}
