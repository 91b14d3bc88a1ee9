//! A key pair, and what it signs to be certified.

use std::fmt::Write as _;

use rcgen::{CertificateParams, KeyPair, PublicKeyData as _};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use sha2::{Digest as _, Sha256};

/// A key pair: ECDSA with P-256 and SHA-256, which every TLS stack takes.
pub struct Key(KeyPair);

/// A stored key cannot be read, or none can be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key cannot be used: {0}")]
pub struct KeyError(String);

impl KeyError {
    pub(crate) fn because(why: String) -> Self {
        Self(why)
    }
}

impl From<rcgen::Error> for KeyError {
    fn from(error: rcgen::Error) -> Self {
        Self(error.to_string())
    }
}

impl Key {
    /// A new one.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn generate() -> Result<Self, KeyError> {
        Ok(Self(KeyPair::generate()?))
    }

    /// A stored one.
    ///
    /// # Errors
    /// When the text is no private key in PEM (PKCS #8, RFC 5958).
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        Ok(Self(KeyPair::from_pem(pem)?))
    }

    /// For storing: a secret.
    #[must_use]
    pub fn to_pem(&self) -> String {
        self.0.serialize_pem()
    }

    /// For TLS: a secret.
    #[must_use]
    pub fn to_tls(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.0.serialize_der()))
    }

    /// A certificate signing request in PEM (PKCS #10, RFC 2986), which proves that its sender
    /// holds the key. Whom the certificate is for is the controller's to say.
    ///
    /// # Errors
    /// When signing fails.
    pub fn request(&self) -> Result<String, KeyError> {
        let empty = CertificateParams::default();
        Ok(empty.serialize_request(&self.0)?.pem()?)
    }

    /// [`fingerprint()`] of the public key.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.0.subject_public_key_info())
    }

    pub(crate) fn pair(&self) -> &KeyPair {
        &self.0
    }

    pub(crate) fn into_pair(self) -> KeyPair {
        self.0
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

/// SHA-256 of a public key (DER of SubjectPublicKeyInfo, RFC 5280, 4.1.2.7), in lower-case
/// hexadecimal.
#[must_use]
pub fn fingerprint(public_key: &[u8]) -> String {
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(public_key) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}
