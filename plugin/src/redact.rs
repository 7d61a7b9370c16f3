//! Taking out of a document what must not leave the cluster.

use openvox_crds::vocabulary::well_known;
use serde_json::Value;

/// Stands for what was taken out.
pub const REDACTED: &str = "<redacted>";

/// Members whose text is, or may be, a secret: values of `csrAttributes` and of headers, and what Puppet's own names say.
/// `request` and `digest` are digests of what an object asks for, such values included: from one, who has the rest of the
/// report could guess them.
const SECRET: [&str; 8] = ["value", "pp_preshared_key", "challengePassword", "password", "token", "bearer", "request", "digest"];

/// Members that say nothing more, or repeat a manifest as it was given.
const NOISE: [&str; 2] = ["managedFields", well_known::LAST_APPLIED];

/// Takes out secrets, wherever they stand.
pub fn redact(document: &mut Value) {
    match document {
        Value::Object(members) => {
            members.retain(|name, _| !NOISE.contains(&name.as_str()));
            for (name, member) in members {
                match member {
                    Value::String(text) if SECRET.contains(&name.as_str()) => REDACTED.clone_into(text),
                    _ => redact(member),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(redact),
        Value::String(text) => *text = redacted(text),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A text without private keys, and without the user and password of a URL.
fn redacted(text: &str) -> String {
    if text.contains("PRIVATE KEY-----") {
        return REDACTED.to_owned();
    }
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        clean += before;
        clean += "://";
        let authority = after.find(['/', '?', '#', ' ', '"', '\'']).unwrap_or(after.len());
        rest = match after.get(..authority).and_then(|authority| authority.rfind('@')) {
            Some(at) => {
                clean += REDACTED;
                after.get(at..).unwrap_or_default()
            }
            None => after,
        };
    }
    clean + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn secrets_go_and_the_rest_stays() {
        let mut document = json!({
            "metadata": {"name": "a", "managedFields": [1], "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "s3cret", "b": "c"}},
            "spec": {
                "csrAttributes": [{"name": "pp_preshared_key", "value": "s3cret", "valueFrom": {"secretKeyRef": {"name": "psk", "key": "token"}}}],
                "csrExtensions": {"customExtensions": {"pp_preshared_key": "s3cret", "pp_role": "web"}},
                "url": "https://user:s3cret@db.example.test/path and http://plain.example.test",
                "text": "x -----BEGIN RSA PRIVATE KEY-----\ns3cret",
            },
            "status": {"machine": {"data": {"leaf": "Valid", "issued": {"request": "d1ge57s3cret"}}}, "history": [{"data": {"digest": "d1ge57s3cret"}}]},
        });
        redact(&mut document);
        assert!(!document.to_string().contains("s3cret"), "{document:#}");
        assert_eq!(document["spec"]["url"], "https://<redacted>@db.example.test/path and http://plain.example.test");
        assert_eq!(document["spec"]["csrAttributes"][0]["valueFrom"]["secretKeyRef"], json!({"name": "psk", "key": "token"}));
        assert_eq!(document["spec"]["csrExtensions"]["customExtensions"]["pp_role"], "web");
        assert_eq!(document["metadata"]["annotations"], json!({"b": "c"}));
    }
}
