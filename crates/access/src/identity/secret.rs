//! Secrets: made from 256 random bits, stored as digests only.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hourkey_store::account::Digest;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// Letters of codes that people type: no vowels, so no words, and nothing that looks alike
/// (RFC 8628, 6.1).
const TYPED: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";

/// A new secret of 256 random bits in base64url (43 characters), and its digest.
#[must_use]
pub fn new_secret() -> (String, Digest) {
    let mut bytes = [0_u8; 32];
    rand::fill(&mut bytes);
    let secret = URL_SAFE_NO_PAD.encode(bytes);
    let digest = digest(&secret);
    (secret, digest)
}

/// SHA-256 of a secret: what is stored and looked up, so that no comparison of the secret itself
/// can be timed.
#[must_use]
pub fn digest(secret: &str) -> Digest {
    Sha256::digest(secret.as_bytes()).into()
}

/// A code of `letters` random letters that people can type, in groups of four. Thirty letters
/// carry 129 bits.
#[must_use]
pub fn new_code(letters: usize) -> String {
    let mut code = String::new();
    for place in 0..letters {
        if place > 0 && place % 4 == 0 {
            code.push('-');
        }
        let letter = rand::random_range(0..TYPED.len());
        code.push(char::from(TYPED[letter]));
    }
    code
}

/// A code as it was typed, without what people add or change: upper case, letters and digits only.
#[must_use]
pub fn plain_code(typed: &str) -> String {
    typed
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|letter| letter.to_ascii_uppercase())
        .collect()
}

/// Compares in a time that tells nothing about where the texts differ.
#[must_use]
pub fn same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_long_and_new_each_time() {
        let (one, its_digest) = new_secret();
        let (other, _) = new_secret();
        assert_eq!(one.len(), 43);
        assert_ne!(one, other);
        assert_eq!(digest(&one), its_digest);
    }

    #[test]
    fn a_typed_code_is_the_same_code() {
        let code = new_code(8);
        assert_eq!(code.len(), 9);
        let typed = format!("  {} ", code.to_lowercase().replace('-', " "));
        assert_eq!(plain_code(&typed), plain_code(&code));
        assert_eq!(plain_code(&code).len(), 8);
    }

    #[test]
    fn comparison() {
        assert!(same("a", "a"));
        assert!(!same("a", "b"));
        assert!(!same("a", "aa"));
    }
}
