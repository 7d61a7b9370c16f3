//! What one caller sees, for the length of one answer.

use std::collections::HashMap;

use super::{Caller, Gate, Target};
use crate::http::kinds::Kind;
use crate::http::problem::Problem;

/// Answers from memory what was asked before in the same answer.
pub struct Sight<'g> {
    gate: &'g Gate,
    caller: &'g Caller,
    /// By kind and namespace; without a namespace for the whole cluster.
    seen: HashMap<(&'static str, Option<String>), bool>,
}

impl<'g> Sight<'g> {
    /// The sight of a caller.
    #[must_use]
    pub fn new(gate: &'g Gate, caller: &'g Caller) -> Self {
        Self { gate, caller, seen: HashMap::new() }
    }

    /// Whether the caller sees all objects of a kind in a namespace. Whoever sees the kind in the whole cluster is asked
    /// for once.
    ///
    /// # Errors
    /// 503 when the API server cannot be asked.
    pub(in crate::http) async fn sees(&mut self, kind: &'static Kind, namespace: &str) -> Result<bool, Problem> {
        Ok(self.allows(kind, None).await? || self.allows(kind, Some(namespace)).await?)
    }

    /// The time, in Unix seconds, from which on the caller sees what happened to objects of a kind in a namespace. Whoever
    /// has a right in the namespace alone has it since the namespace was made: one of the same name before it was somebody
    /// else's. `None` for all times.
    ///
    /// # Errors
    /// 503 when the API server cannot be asked.
    pub(in crate::http) async fn since(&mut self, kind: &'static Kind, namespace: &str) -> Result<Option<i64>, Problem> {
        if self.allows(kind, None).await? {
            return Ok(None);
        }
        Ok(Some(self.gate.namespace_since(namespace).await?.unwrap_or(i64::MAX)))
    }

    /// Fails unless the caller may `get` this object.
    ///
    /// # Errors
    /// 403, whether it exists or not; 503 when the API server cannot be asked.
    pub(in crate::http) async fn require(&mut self, kind: &'static Kind, namespace: &str, name: &str) -> Result<(), Problem> {
        if self.sees(kind, namespace).await? || self.gate.may(self.caller, &target(kind, Some(namespace), Some(name))).await? {
            return Ok(());
        }
        Err(Problem::forbidden(self.caller.name(), &target(kind, Some(namespace), None)))
    }

    async fn allows(&mut self, kind: &'static Kind, namespace: Option<&str>) -> Result<bool, Problem> {
        let key = (kind.plural.as_str(), namespace.map(str::to_owned));
        if let Some(allows) = self.seen.get(&key) {
            return Ok(*allows);
        }
        let allows = self.gate.may(self.caller, &target(kind, namespace, None)).await?;
        self.seen.insert(key, allows);
        Ok(allows)
    }
}

/// The right to see it.
pub(in crate::http) fn target(kind: &'static Kind, namespace: Option<&str>, name: Option<&str>) -> Target {
    let (namespace, name) = (namespace.map(str::to_owned), name.map(str::to_owned));
    Target { verb: "get", group: &kind.group, resource: &kind.plural, namespace, name }
}
