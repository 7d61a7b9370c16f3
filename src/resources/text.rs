//! Text in Secrets.

use k8s_openapi::api::core::v1::Secret;

/// The text under `key`, if there is one that is not empty.
pub fn text<'a>(secret: &'a Secret, key: &str) -> Option<&'a str> {
    let bytes = &secret.data.as_ref()?.get(key)?.0;
    std::str::from_utf8(bytes).ok().filter(|text| !text.trim().is_empty())
}
