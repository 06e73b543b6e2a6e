//! Tokens made by whoever has a signing key: as this library makes them, but for one thing.

use crate::common::{Registered, bench, issue, register};
use crate::http::Clinic;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use serde_json::{Value, json};
use wardkey::{Denied, Error, Principal, Required};

/// A database whose signing keys are known, and a client with a token.
pub(crate) struct Forge {
    pub(crate) clinic: Clinic,
    pub(crate) client: Registered,
    /// A real token, and what it says.
    pub(crate) token: String,
    pub(crate) header: Value,
    pub(crate) claims: Value,
    pub(crate) kids: Vec<(&'static str, String)>,
}

impl Forge {
    /// The client's tokens are ES256.
    pub(crate) fn open() -> Self {
        let clinic = Clinic::open();
        let kids = import_keys(&clinic);
        let client = register(&clinic.engine);
        let token = issue(&clinic.engine, &client);
        let (header, claims) = (part(&token, 0), part(&token, 1));
        Self { clinic, client, token, header, claims, kids }
    }

    pub(crate) fn kid(&self, algorithm: &str) -> &str {
        &self.kids.iter().find(|(known, _)| *known == algorithm).unwrap().1
    }

    /// The real token with other claims.
    pub(crate) fn with_claims(&self, change: impl FnOnce(&mut Value)) -> String {
        let mut claims = self.claims.clone();
        change(&mut claims);
        self.with_claims_text(&claims.to_string())
    }

    pub(crate) fn with_claims_text(&self, claims: &str) -> String {
        let header = self.token.split('.').next().unwrap();
        sign("ES256", header, &URL_SAFE_NO_PAD.encode(claims))
    }

    /// The real token with another header, signed all the same.
    pub(crate) fn with_header(&self, change: impl FnOnce(&mut Value)) -> String {
        let mut header = self.header.clone();
        change(&mut header);
        self.with_header_text(&header.to_string())
    }

    pub(crate) fn with_header_text(&self, header: &str) -> String {
        let claims = self.token.split('.').nth(1).unwrap();
        sign("ES256", &URL_SAFE_NO_PAD.encode(header), claims)
    }

    pub(crate) fn verify(&self, token: impl AsRef<[u8]>) -> Result<Principal, Error> {
        let required = Required::all_of("lab:read").unwrap();
        self.clinic.engine.verify(token.as_ref(), required, &bench())
    }

    /// Why a token is refused.
    #[track_caller]
    pub(crate) fn why(&self, token: impl AsRef<[u8]>) -> Denied {
        crate::common::why(self.verify(token))
    }

    /// The word for why a token is refused.
    #[track_caller]
    pub(crate) fn code(&self, token: impl AsRef<[u8]>) -> &'static str {
        self.why(token).code()
    }
}

/// Imports the tests' keys and returns their ids by algorithm.
pub(crate) fn import_keys(clinic: &Clinic) -> Vec<(&'static str, String)> {
    let import = |algorithm: &'static str, key: &str| {
        let key = clinic.call("key.import", json!({"algorithm": algorithm, "key": key}));
        (algorithm, key["kid"].as_str().unwrap().to_owned())
    };
    vec![import("ES256", ES256), import("EdDSA", EDDSA), import("RS256", RS256)]
}

/// A part of a token as JSON.
pub(crate) fn part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// Signs two encoded parts with the tests' key of an algorithm.
pub(crate) fn sign(algorithm: &str, header: &str, claims: &str) -> String {
    let input = format!("{header}.{claims}");
    let signature = signature(algorithm, input.as_bytes());
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
}

#[expect(clippy::disallowed_methods, reason = "forgers have a generator of their own")]
pub(crate) fn signature(algorithm: &str, input: &[u8]) -> Vec<u8> {
    let random = SystemRandom::new();
    match algorithm {
        "ES256" => {
            let pair = &ECDSA_P256_SHA256_FIXED_SIGNING;
            let pair = EcdsaKeyPair::from_pkcs8(pair, &der(ES256), &random).unwrap();
            pair.sign(&random, input).unwrap().as_ref().to_vec()
        }
        "EdDSA" => {
            let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der(EDDSA)).unwrap();
            pair.sign(input).as_ref().to_vec()
        }
        _ => {
            let pair = RsaKeyPair::from_pkcs8(&der(RS256)).unwrap();
            let mut signature = vec![0; pair.public().modulus_len()];
            pair.sign(&RSA_PKCS1_SHA256, &random, input, &mut signature).unwrap();
            signature
        }
    }
}

fn der(pem: &str) -> Vec<u8> {
    let lines: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    STANDARD.decode(lines).unwrap()
}

pub(crate) const ES256: &str = include_str!("../golden/keys/es256.pem");
pub(crate) const EDDSA: &str = include_str!("../golden/keys/eddsa.pem");
pub(crate) const RS256: &str = include_str!("../golden/keys/rs256.pem");
