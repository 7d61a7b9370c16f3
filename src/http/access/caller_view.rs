//! What one caller may see, for the duration of one answer.

use super::{AccessControl, Caller, Target};
use crate::http::kinds::Kind;
use crate::http::problem::Problem;
use std::collections::HashMap;

/// Access decisions about one caller. Each decision is made once per answer.
pub struct CallerView<'a> {
    access: &'a AccessControl,
    caller: &'a Caller,
    /// By kind and namespace; without a namespace for the whole cluster.
    seen: HashMap<(&'static str, Option<String>), bool>,
}

impl<'a> CallerView<'a> {
    /// The view of this caller.
    #[must_use]
    pub fn new(access: &'a AccessControl, caller: &'a Caller) -> Self {
        Self { access, caller, seen: HashMap::new() }
    }

    /// Whether the caller may see all objects of a kind in a namespace. A permission for the whole cluster is asked for once.
    ///
    /// # Errors
    /// 503 when the API server cannot be asked.
    pub(in crate::http) async fn sees(&mut self, kind: &'static Kind, namespace: &str) -> Result<bool, Problem> {
        Ok(self.allows(kind, None).await? || self.allows(kind, Some(namespace)).await?)
    }

    /// The time, in Unix seconds, from which on the caller may see the history of objects of a kind in a namespace. A
    /// permission in one namespace starts with the creation of the namespace: an earlier namespace of the same name may have
    /// had another owner. `None` for all times.
    ///
    /// # Errors
    /// 503 when the API server cannot be asked.
    pub(in crate::http) async fn since(&mut self, kind: &'static Kind, namespace: &str) -> Result<Option<i64>, Problem> {
        if self.allows(kind, None).await? {
            return Ok(None);
        }
        Ok(Some(self.access.namespace_since(namespace).await?.unwrap_or(i64::MAX)))
    }

    /// Fails unless the caller may `get` this object.
    ///
    /// # Errors
    /// 403, whether it exists or not; 503 when the API server cannot be asked.
    pub(in crate::http) async fn require(&mut self, kind: &'static Kind, namespace: &str, name: &str) -> Result<(), Problem> {
        if self.sees(kind, namespace).await? || self.access.may(self.caller, &target(kind, Some(namespace), Some(name))).await? {
            return Ok(());
        }
        Err(Problem::forbidden(self.caller.name(), &target(kind, Some(namespace), None)))
    }

    async fn allows(&mut self, kind: &'static Kind, namespace: Option<&str>) -> Result<bool, Problem> {
        let key = (kind.plural.as_str(), namespace.map(str::to_owned));
        if let Some(allows) = self.seen.get(&key) {
            return Ok(*allows);
        }
        let allows = self.access.may(self.caller, &target(kind, namespace, None)).await?;
        self.seen.insert(key, allows);
        Ok(allows)
    }
}

/// The `get` access to objects of a kind.
pub(in crate::http) fn target(kind: &'static Kind, namespace: Option<&str>, name: Option<&str>) -> Target {
    let (namespace, name) = (namespace.map(str::to_owned), name.map(str::to_owned));
    Target { verb: "get", group: &kind.group, resource: &kind.plural, namespace, name }
}
