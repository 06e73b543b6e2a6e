//! JSON Web Keys.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// A public JSON Web Key (RFC 7517 4) as the key set and the administration's documents carry it.
///
/// The members are text, whatever it says; what is read strictly is the key made of it. There is no
/// room for a private key's members, and unknown members are refused, so a private key pasted by
/// mistake is refused and not stored.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Jwk {
    /// The type: `EC`, `OKP` or `RSA` (RFC 7518 6.1, RFC 8037 2).
    pub kty: String,
    /// The curve of an EC or OKP key: `P-256` or `Ed25519`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crv: Option<String>,
    /// The first coordinate of an EC key, or an OKP key's bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x: Option<String>,
    /// The second coordinate of an EC key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub y: Option<String>,
    /// The modulus of an RSA key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<String>,
    /// The public exponent of an RSA key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub e: Option<String>,
    /// The key's id (RFC 7517 4.5).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
    /// The algorithm: `ES256`, `EdDSA` or `RS256` (RFC 7517 4.4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alg: Option<String>,
    /// The use: `sig` (RFC 7517 4.2).
    #[serde(default, rename = "use", skip_serializing_if = "Option::is_none")]
    pub use_: Option<String>,
}

impl Jwk {
    /// Reads the JSON text of a stored key.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// Reads the JSON text of several stored keys.
    pub(crate) fn parse_all(text: &str) -> Option<Vec<Self>> {
        serde_json::from_str(text).ok()
    }

    /// The JSON text to store of several keys.
    ///
    /// # Errors
    /// [`Error::Internal`], never seen.
    pub(crate) fn print_all(keys: &[Self]) -> Result<String> {
        serde_json::to_string(keys)
            .map_err(|_| Error::Internal { what: "keys that cannot be printed" })
    }

    /// The JSON text to store.
    ///
    /// # Errors
    /// [`Error::Internal`], never seen.
    pub(crate) fn print(&self) -> Result<String> {
        serde_json::to_string(self)
            .map_err(|_| Error::Internal { what: "a key that cannot be printed" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_members_are_not_printed_and_private_ones_are_refused() {
        let jwk = Jwk { kty: "OKP".to_owned(), use_: Some("sig".to_owned()), ..Jwk::default() };
        let json = serde_json::to_string(&jwk).unwrap();
        assert_eq!(json, r#"{"kty":"OKP","use":"sig"}"#);
        assert_eq!(serde_json::from_str::<Jwk>(&json).unwrap(), jwk);
        for foreign in
            [r#"{"kty":"OKP","d":"AA"}"#, r#"{"kty":"OKP","kty":"EC"}"#, r#"{"x":"AA"}"#, "{}"]
        {
            assert!(serde_json::from_str::<Jwk>(foreign).is_err(), "{foreign}");
        }
    }
}
