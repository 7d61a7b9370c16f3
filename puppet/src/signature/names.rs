//! Identifiers of keys, curves and signature algorithms, and what they are called.

/// What is accepted, for messages.
pub(super) const ALGORITHMS: &str = "RSA and ECDSA with SHA-256, SHA-384 or SHA-512, and Ed25519";

/// Key type and signature algorithm at once (RFC 8410 section 3).
const ED25519: &str = "1.3.101.112";
/// RFC 4055 section 3.1.
const RSASSA_PSS: &str = "1.2.840.113549.1.1.10";
const RSA: &str = "1.2.840.113549.1.1.1";
/// RFC 5480 section 2.1.1.
const EC: &str = "1.2.840.10045.2.1";

/// A digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Digest {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

/// A signature algorithm that can be verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    RsaPkcs1(Digest),
    RsaPss(Digest),
    Ecdsa(Digest),
    Ed25519,
}

/// A curve that can be computed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CurveName {
    P256,
    P384,
    P521,
}

/// A type of key that can be verified with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyType {
    Rsa,
    Ec(CurveName),
    Ed25519,
}

impl Scheme {
    /// The algorithm of an identifier (RFC 8017 appendix A.2.4, RFC 5758, RFC 8410), and of the digest of RSASSA-PSS.
    pub(super) fn of(identifier: &str, pss_digest: Option<&str>) -> Option<Self> {
        Some(match identifier {
            // The second is how the OIW once numbered it; old Microsoft CAs write it.
            "1.2.840.113549.1.1.5" | "1.3.14.3.2.29" => Self::RsaPkcs1(Digest::Sha1),
            "1.2.840.113549.1.1.11" => Self::RsaPkcs1(Digest::Sha256),
            "1.2.840.113549.1.1.12" => Self::RsaPkcs1(Digest::Sha384),
            "1.2.840.113549.1.1.13" => Self::RsaPkcs1(Digest::Sha512),
            RSASSA_PSS => Self::RsaPss(Digest::of(pss_digest?)?),
            "1.2.840.10045.4.1" => Self::Ecdsa(Digest::Sha1),
            "1.2.840.10045.4.3.2" => Self::Ecdsa(Digest::Sha256),
            "1.2.840.10045.4.3.3" => Self::Ecdsa(Digest::Sha384),
            "1.2.840.10045.4.3.4" => Self::Ecdsa(Digest::Sha512),
            ED25519 => Self::Ed25519,
            _ => return None,
        })
    }

    /// The digest, where the algorithm has a choice.
    pub(super) fn digest(self) -> Option<Digest> {
        match self {
            Self::RsaPkcs1(digest) | Self::RsaPss(digest) | Self::Ecdsa(digest) => Some(digest),
            Self::Ed25519 => None,
        }
    }
}

impl Digest {
    fn of(identifier: &str) -> Option<Self> {
        Some(match identifier {
            "2.16.840.1.101.3.4.2.1" => Self::Sha256,
            "2.16.840.1.101.3.4.2.2" => Self::Sha384,
            "2.16.840.1.101.3.4.2.3" => Self::Sha512,
            _ => return None,
        })
    }
}

impl KeyType {
    /// The type of an identifier; of a curve that is not supported, its name instead.
    pub(super) fn of(identifier: &str, curve: Option<&str>) -> Option<Result<Self, String>> {
        Some(Ok(match (identifier, curve) {
            (RSA, _) => Self::Rsa,
            (ED25519, _) => Self::Ed25519,
            (EC, Some("1.2.840.10045.3.1.7")) => Self::Ec(CurveName::P256),
            (EC, Some("1.3.132.0.34")) => Self::Ec(CurveName::P384),
            (EC, Some("1.3.132.0.35")) => Self::Ec(CurveName::P521),
            (EC, curve) => return Some(Err(of_curve(curve))),
            _ => return None,
        }))
    }
}

/// The name of a curve.
pub(super) fn of_curve(identifier: Option<&str>) -> String {
    let Some(identifier) = identifier else { return "with explicit parameters instead of a name".to_owned() };
    let name = match identifier {
        "1.2.840.10045.3.1.1" => "prime192v1",
        "1.3.132.0.33" => "secp224r1",
        "1.3.132.0.10" => "secp256k1",
        "1.3.36.3.3.2.8.1.1.7" => "brainpoolP256r1",
        "1.3.36.3.3.2.8.1.1.11" => "brainpoolP384r1",
        "1.3.36.3.3.2.8.1.1.13" => "brainpoolP512r1",
        other => other,
    };
    name.to_owned()
}

/// The name of a type of key.
pub(super) fn of_key_type(identifier: &str) -> String {
    let name = match identifier {
        RSA => "RSA",
        EC => "ECDSA",
        ED25519 => "Ed25519",
        "1.3.101.113" => "Ed448",
        "1.2.840.10040.4.1" => "DSA",
        RSASSA_PSS => "RSA for RSASSA-PSS only",
        other => other,
    };
    name.to_owned()
}

/// The name of a signature algorithm.
pub(super) fn of_algorithm(identifier: &str) -> String {
    let name = match identifier {
        "1.2.840.113549.1.1.2" => "RSA with MD2",
        "1.2.840.113549.1.1.3" => "RSA with MD4",
        "1.2.840.113549.1.1.4" | "1.3.14.3.2.3" => "RSA with MD5",
        "1.2.840.113549.1.1.5" | "1.3.14.3.2.29" => "RSA with SHA-1",
        "1.2.840.113549.1.1.11" => "RSA with SHA-256",
        "1.2.840.113549.1.1.12" => "RSA with SHA-384",
        "1.2.840.113549.1.1.13" => "RSA with SHA-512",
        "1.2.840.113549.1.1.14" => "RSA with SHA-224",
        RSASSA_PSS => "RSASSA-PSS",
        "1.2.840.10045.4.1" => "ECDSA with SHA-1",
        "1.2.840.10045.4.3.1" => "ECDSA with SHA-224",
        "1.2.840.10045.4.3.2" => "ECDSA with SHA-256",
        "1.2.840.10045.4.3.3" => "ECDSA with SHA-384",
        "1.2.840.10045.4.3.4" => "ECDSA with SHA-512",
        "1.2.840.10040.4.3" => "DSA with SHA-1",
        "2.16.840.1.101.3.4.3.2" => "DSA with SHA-256",
        ED25519 => "Ed25519",
        "1.3.101.113" => "Ed448",
        other => other,
    };
    name.to_owned()
}
