//! The token of a request.

use axum::http::{HeaderMap, HeaderName, header};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::sync::Arc;

/// Carries the token where `Authorization` cannot: the API server's service proxy takes `Authorization` for itself and
/// does not pass it on, and `kubectl proxy` puts its own in its place.
pub const TOKEN_HEADER: HeaderName = HeaderName::from_static("openvox-authorization");

/// Longest token that is looked at, in bytes. A service account token has about 1 KiB, one of an identity provider with
/// many groups a few.
const LONGEST: usize = 16 * 1024;

/// A bearer token. It is shown to nobody: neither Debug nor Display tells it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(Arc<str>);

/// What stands for a token in caches, so that they hold nothing that opens a door.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenDigest([u8; 32]);

impl Token {
    /// The token of a request: of [`TOKEN_HEADER`], else of `Authorization` (RFC 6750, section 2.1). `None` without one,
    /// or with one that cannot be a token.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let value = headers.get(TOKEN_HEADER).or_else(|| headers.get(header::AUTHORIZATION))?.to_str().ok()?;
        let (scheme, token) = value.split_once(' ')?;
        let token = token.trim();
        let usable = !token.is_empty() && token.len() <= LONGEST && token.chars().all(|c| c.is_ascii_graphic());
        (scheme.eq_ignore_ascii_case("bearer") && usable).then(|| Self(token.into()))
    }

    /// The token itself, for the API server alone.
    pub(super) fn secret(&self) -> &str {
        &self.0
    }

    pub(super) fn digest(&self) -> TokenDigest {
        TokenDigest(Sha256::digest(self.0.as_bytes()).into())
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

    fn of(pairs: &[(HeaderName, &str)]) -> Option<Token> {
        Token::of(&pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect())
    }

    #[test]
    fn the_header_of_our_own_wins_over_authorization() {
        let both = of(&[(header::AUTHORIZATION, "Bearer proxy"), (TOKEN_HEADER, "bearer mine")]).unwrap();
        assert_eq!(both.secret(), "mine");
        assert_eq!(of(&[(header::AUTHORIZATION, "Bearer  abc ")]).unwrap().secret(), "abc");
    }

    #[test]
    fn what_cannot_be_a_token_is_none() {
        let long = format!("Bearer {}", "x".repeat(LONGEST + 1));
        for value in ["", "Bearer", "Bearer ", "Basic dXNlcg==", "abc", "Bearer a b", &long] {
            assert_eq!(of(&[(header::AUTHORIZATION, value)]), None, "{value:?}");
        }
    }

    #[test]
    fn a_token_does_not_show_in_debug_output() {
        let token = of(&[(header::AUTHORIZATION, "Bearer s3cret")]).unwrap();
        assert!(!format!("{token:?}").contains("s3cret"));
    }
}
