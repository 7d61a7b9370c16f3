//! The digest of a policy's rules, which stands in the status and in the history.

use super::rule::text_of;
use crate::build::hash::data_hash;
use openvox_crds::{Document, HistoryEntry};
use openvox_runtime::autosign::policy::{ExpectedValue, Policy, Rule};
use serde_json::{Value, json};

/// Length in characters: 64 bits are enough to notice a change.
const LENGTH: usize = 16;
/// Length of the digests that older operators made.
const OLD_LENGTH: usize = 64;

/// Digest of the rules without the values of `csrAttributes`. Whoever may read the status, but no Secrets, could try
/// values until a digest over them fits.
pub(super) fn without_values(mut policy: Policy) -> String {
    if let Rule::Conditions(conditions) = &mut policy.rule {
        for attribute in &mut conditions.csr_attributes {
            attribute.value = ExpectedValue::default();
        }
    }
    let mut digest = data_hash([("policy", text_of(policy))]);
    digest.truncate(LENGTH);
    digest
}

/// Empties the digests that older operators made, with the values of Secrets in them.
pub(super) fn remove_old(history: &mut [HistoryEntry]) {
    for entry in history {
        let value = entry.data.as_ref().map(Document::value).unwrap_or_default();
        if value.get("digest").and_then(Value::as_str).is_some_and(|digest| digest.len() == OLD_LENGTH) {
            entry.data = Some(json!({ "digest": "" }).into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use openvox_runtime::autosign::policy::{Conditions, CsrAttribute};

    fn policy(attribute: &str, value: &str) -> Policy {
        let csr_attributes = vec![CsrAttribute { name: attribute.to_owned(), value: value.to_owned().into() }];
        let conditions = Conditions { csr_attributes, ..Conditions::default() };
        Policy { name: "enrolled".to_owned(), extensions: Vec::new(), rule: Rule::Conditions(conditions) }
    }

    #[test]
    fn no_value_is_part_of_the_digest_and_every_other_rule_is() {
        let digest = without_values(policy("pp_preshared_key", "autumn"));
        assert_eq!(digest, without_values(policy("pp_preshared_key", "winter")));
        assert_ne!(digest, without_values(policy("challengePassword", "autumn")));
        assert_eq!(digest.len(), LENGTH);
    }

    #[test]
    fn digests_of_older_operators_leave_the_history_and_nothing_else_does() {
        let entry = |data: Option<Value>| {
            let mut entry =
                json!({"seq": 1, "at": "2026-11-30T12:00:00Z", "event": "Changed", "version": 1, "from": "a", "to": "b", "phase": "b"});
            entry["data"] = data.unwrap_or_default();
            serde_json::from_value::<HistoryEntry>(entry).unwrap()
        };
        let (old, message) = ("5eb63bbbe01eeed093cb22bb8f5acdc3".repeat(2), json!({"reason": "InvalidPolicy", "message": "m"}));
        let mut history =
            [entry(Some(json!({ "digest": old }))), entry(Some(json!({"digest": "0123456789abcdef"}))), entry(Some(message)), entry(None)];
        let others = history[1..].to_vec();
        remove_old(&mut history);
        assert_eq!(history[0].data.as_ref().unwrap().value(), json!({"digest": ""}));
        assert_eq!(history[1..], others);
    }
}
