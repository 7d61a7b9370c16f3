//! Credentials of callers.

use super::proof::{self, Proof};
use super::token::Token;
use axum::http::{HeaderMap, HeaderName, header};
use sha2::{Digest as _, Sha256};

/// Carries the credential where `Authorization` cannot: the API server's service proxy takes `Authorization` for itself
/// and does not pass it on, and `kubectl proxy` puts its own in its place.
pub const TOKEN_HEADER: HeaderName = HeaderName::from_static("openvox-authorization");

/// A credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// A bearer token of the cluster.
    Token(Token),
    /// A CertificateSigningRequest that the caller has created.
    Proof(Proof),
}

/// Digest of a credential: caches hold this, not the credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CredentialDigest([u8; 32]);

impl Credential {
    /// The credential of a request: of [`TOKEN_HEADER`], else of `Authorization` (RFC 9110, section 11.4). `None` without
    /// one, or with one that cannot be any.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let value = headers.get(TOKEN_HEADER).or_else(|| headers.get(header::AUTHORIZATION))?.to_str().ok()?;
        let (scheme, text) = value.split_once(' ')?;
        let text = text.trim();
        if scheme.eq_ignore_ascii_case("bearer") {
            Token::of(text).map(Self::Token)
        } else if scheme.eq_ignore_ascii_case(proof::SCHEME) {
            Proof::of(text).map(Self::Proof)
        } else {
            None
        }
    }

    pub(super) fn digest(&self) -> CredentialDigest {
        let mut hasher = Sha256::new();
        match self {
            Self::Token(token) => hasher.update(token.secret()),
            // No token has a colon.
            Self::Proof(proof) => hasher.update(format!("{}:{}", proof.name(), proof.secret())),
        }
        CredentialDigest(hasher.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(HeaderName, &str)]) -> Option<Credential> {
        Credential::of(&pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect())
    }

    fn token(text: &str) -> Option<Credential> {
        Token::of(text).map(Credential::Token)
    }

    #[test]
    fn the_header_of_our_own_wins_over_authorization() {
        assert_eq!(of(&[(header::AUTHORIZATION, "Bearer proxy"), (TOKEN_HEADER, "bearer mine")]), token("mine"));
        assert_eq!(of(&[(header::AUTHORIZATION, "Bearer  abc ")]), token("abc"));
    }

    #[test]
    fn what_is_no_credential_is_none() {
        for value in ["", "Bearer", "Bearer ", "Basic dXNlcg==", "abc", "Bearer a b", "Csr openvox-history-a", "Csr other:secret"] {
            assert_eq!(of(&[(header::AUTHORIZATION, value)]), None, "{value:?}");
        }
    }
}
