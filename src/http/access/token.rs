//! A bearer token of the cluster.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use std::fmt;
use std::sync::Arc;

/// Longest token that is looked at, in bytes. A service account token has about 1 KiB, one of an identity provider with
/// many groups a few.
const LONGEST: usize = 16 * 1024;

/// The audience of a token that is made for the operator of a namespace and is of no use anywhere else.
#[must_use]
pub fn audience(namespace: &str) -> String {
    format!("openvox-operator.{namespace}")
}

/// A bearer token. Debug output does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(Arc<str>);

/// The claim `aud` of a JSON Web Token (RFC 7519, section 4.1.3).
#[derive(Deserialize)]
struct Claims {
    aud: Audiences,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audiences {
    One(String),
    Many(Vec<String>),
}

impl Token {
    /// A token from its text (RFC 6750, section 2.1). `None` if it cannot be one.
    pub(super) fn of(text: &str) -> Option<Self> {
        let usable = !text.is_empty() && text.len() <= LONGEST && text.chars().all(|c| c.is_ascii_graphic());
        usable.then(|| Self(text.into()))
    }

    /// The token itself, for the API server alone.
    pub(super) fn secret(&self) -> &str {
        &self.0
    }

    /// Whether the token claims this audience. The claim is not verified here: it only selects the question for the API
    /// server.
    pub(super) fn claims(&self, audience: &str) -> bool {
        let payload = self.0.split('.').nth(1).and_then(|payload| URL_SAFE_NO_PAD.decode(payload).ok());
        match payload.and_then(|payload| serde_json::from_slice::<Claims>(&payload).ok()) {
            Some(Claims { aud: Audiences::One(one) }) => one == audience,
            Some(Claims { aud: Audiences::Many(many) }) => many.iter().any(|one| one == audience),
            None => false,
        }
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_a_token_is_none() {
        for text in ["", "a b", &"x".repeat(LONGEST + 1)] {
            assert_eq!(Token::of(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_token_does_not_show_in_debug_output() {
        let token = Token::of("s3cret").unwrap();
        assert!(!format!("{token:?}").contains("s3cret"));
    }

    #[test]
    fn the_audience_that_a_token_claims_is_read() {
        let claims = |claims: &str| Token::of(&format!("head.{}.signature", URL_SAFE_NO_PAD.encode(claims))).unwrap().claims("ours");
        assert!(claims(r#"{"aud":["theirs","ours"]}"#) && claims(r#"{"aud":"ours"}"#));
        for other in [r#"{"aud":["theirs"]}"#, r#"{"aud":7}"#, "{}", "no JSON"] {
            assert!(!claims(other), "{other}");
        }
        assert!(!Token::of("opaque").unwrap().claims("ours"));
    }
}
