//! Bytes in, bytes out: keys, JSON Web Tokens, digests, sealing, password hashes. Reads no clock and
//! knows neither clients nor grants.

pub(crate) mod password;

mod algorithm;
mod der;
mod digest;
mod import;
mod jwk;
mod jwt;
mod key;
mod mac;
mod opaque;
mod public_key;
mod recovery;
mod rsa;
mod seal;
mod secret;

#[cfg(test)]
mod wycheproof_tests;

#[cfg(test)]
pub(crate) use digest::tests::computed as digests_computed;

pub use algorithm::Algorithm;
pub(crate) use digest::{DigestKey, equal, key_id, sha256};
pub use jwk::Jwk;
pub(crate) use jwt::{
    MAX_CLAIMS, Object, Parts, encode_header, parse_claims, parse_header, sign, split,
    verify_signature,
};
pub(crate) use key::PrivateKey;
pub(crate) use mac::{Cell, RowMacKey};
pub(crate) use opaque::{mint_opaque_base64url, mint_opaque_hex, opaque_form};
pub(crate) use public_key::PublicKey;
pub(crate) use recovery::RecoveryCode;
pub(crate) use seal::SealingKey;
pub(crate) use secret::{
    RefreshKey, is_refresh_token, looks_generated, looks_secret, mint_client_secret,
    mint_refresh_token,
};
