//! The signature algorithms.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A signature algorithm for access tokens (RFC 7518 3.1, RFC 8037 3.1).
///
/// ```
/// use wardkey::Algorithm;
/// assert_eq!(Algorithm::parse("ES256"), Some(Algorithm::Es256));
/// assert_eq!(Algorithm::parse("none"), None);
/// assert_eq!(Algorithm::default().as_str(), "ES256");
/// ```
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[non_exhaustive]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256: short tokens, known everywhere. The default.
    #[default]
    #[serde(rename = "ES256")]
    Es256,
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
    /// RSASSA-PKCS1-v1_5 with SHA-256, for old verifiers: long tokens, slow to sign.
    #[serde(rename = "RS256")]
    Rs256,
}

impl Algorithm {
    /// Every algorithm.
    pub const ALL: [Self; 3] = [Self::Es256, Self::EdDsa, Self::Rs256];

    /// The name in a token's header (RFC 7518 3.1).
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
            Self::Rs256 => "RS256",
        }
    }

    /// Reads what [`Algorithm::as_str`] prints; the case matters (RFC 7515 4.1.1).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == text)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_and_nothing_else_does() {
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::parse(algorithm.as_str()), Some(algorithm));
            let json = serde_json::to_string(&algorithm).unwrap();
            assert_eq!(json, format!("\"{algorithm}\""));
            assert_eq!(serde_json::from_str::<Algorithm>(&json).unwrap(), algorithm);
        }
        for foreign in ["", "none", "es256", "ES256 ", "HS256", "RS512", "Ed25519"] {
            assert_eq!(Algorithm::parse(foreign), None, "{foreign:?}");
        }
    }
}
