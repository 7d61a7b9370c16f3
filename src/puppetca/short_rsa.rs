//! Signatures of CAs with short RSA keys in TLS, for users who allow them (`allowShortKeys`).

use aws_lc_rs::signature::{
    RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY, RsaParameters, UnparsedPublicKey,
};
use rustls::pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id};

/// RSA of 1024 bits or more with SHA-256 and SHA-512: the algorithms by which an old CA signs new certificates.
pub(super) const ALGORITHMS: [&dyn SignatureVerificationAlgorithm; 2] = [
    &ShortRsa { parameters: &RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, identifier: alg_id::RSA_PKCS1_SHA256 },
    &ShortRsa { parameters: &RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY, identifier: alg_id::RSA_PKCS1_SHA512 },
];

#[derive(Debug)]
struct ShortRsa {
    parameters: &'static RsaParameters,
    identifier: AlgorithmIdentifier,
}

impl SignatureVerificationAlgorithm for ShortRsa {
    fn verify_signature(&self, public_key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        UnparsedPublicKey::new(self.parameters, public_key).verify(message, signature).map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::RSA_ENCRYPTION
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.identifier
    }
}
