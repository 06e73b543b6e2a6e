//! Forgeries: what somebody without a key, or with the wrong one, may try.

use crate::common::{issue, register, revoke};
use crate::forge::{Forge, import_keys, sign, signature};
use crate::http::Clinic;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde_json::{Value, json};
use wardkey::Denied;

#[test]
fn a_token_without_a_signature_is_refused() {
    let forge = Forge::open();
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        let header = json!({"alg": alg, "typ": "at+jwt", "kid": forge.kid("ES256")});
        let body = format!("{}.{}", encode(&header), encode(&forge.claims));
        for token in [format!("{body}."), format!("{body}.AAAA")] {
            assert_eq!(forge.why(token), Denied::AlgorithmMismatch);
        }
        assert_eq!(forge.code(body), "token_malformed");
    }
    let stripped = forge.token.rsplit_once('.').unwrap().0;
    assert_eq!(forge.code(format!("{stripped}.")), "bad_signature");
}

#[test]
fn a_public_key_is_no_hmac_key() {
    let forge = Forge::open();
    let keys = forge.clinic.call("key.list", json!({}));
    for key in keys["keys"].as_array().unwrap() {
        let public = &key["public_key"];
        let texts = [
            public.to_string().into_bytes(),
            public["n"].as_str().or(public["x"].as_str()).unwrap().as_bytes().to_vec(),
            URL_SAFE_NO_PAD.decode(public["n"].as_str().or(public["x"].as_str()).unwrap()).unwrap(),
        ];
        for text in texts {
            let header = json!({"alg": "HS256", "typ": "at+jwt", "kid": key["kid"]});
            let input = format!("{}.{}", encode(&header), encode(&forge.claims));
            let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &text), input.as_bytes());
            let token = format!("{input}.{}", URL_SAFE_NO_PAD.encode(mac));
            assert_eq!(forge.why(token), Denied::AlgorithmMismatch);
        }
    }
}

#[test]
fn a_key_id_of_another_algorithm_is_a_mismatch_or_a_bad_signature() {
    let forge = Forge::open();
    for signer in ["ES256", "EdDSA", "RS256"] {
        for named in ["ES256", "EdDSA", "RS256"] {
            for alg in ["ES256", "EdDSA", "RS256"] {
                let text =
                    format!(r#"{{"alg":"{alg}","typ":"at+jwt","kid":"{}"}}"#, forge.kid(named));
                let header = URL_SAFE_NO_PAD.encode(text);
                let token = sign(signer, &header, &encode(&forge.claims));
                if alg != named {
                    assert_eq!(forge.why(token), Denied::AlgorithmMismatch);
                } else if named != signer {
                    assert_eq!(forge.why(token), Denied::BadSignature);
                } else {
                    forge.verify(token).unwrap();
                }
            }
        }
    }
}

#[test]
fn another_sites_token_is_refused_even_with_the_same_keys() {
    let forge = Forge::open();
    let other = Clinic::open();
    import_keys(&other);
    let foreign = issue(&other.engine, &register(&other.engine));
    assert_eq!(forge.why(foreign.as_bytes()), Denied::KeyUnknown);
    // The same under our own key id.
    let (_, rest) = foreign.split_once('.').unwrap();
    let (claims, _) = rest.split_once('.').unwrap();
    let header = forge.token.split('.').next().unwrap();
    let token = sign("ES256", header, claims);
    assert_eq!(forge.why(token), Denied::BadClaim { claim: "wk" });
    let site_of_another = forge.with_claims(|claims| {
        claims["jti"] = json!(format!("AAAAAAAAAAA.{}", "A".repeat(22)));
    });
    assert_eq!(forge.why(site_of_another), Denied::BadClaim { claim: "jti" });
}

#[test]
fn a_token_of_another_issuer_or_audience_is_refused() {
    let forge = Forge::open();
    let with = |claim: &str, value: Value| forge.with_claims(|claims| claims[claim] = value);
    for issuer in ["https://localhost/", "https://LOCALHOST", "http://localhost", ""] {
        assert_eq!(forge.why(with("iss", json!(issuer))), Denied::WrongIssuer);
        assert_eq!(forge.why(with("aud", json!(issuer))), Denied::WrongAudience);
    }
    // `aud` is one string: a list, though it names us, is not what we print.
    assert_eq!(forge.code(with("aud", json!(["https://localhost"]))), "token_malformed");
}

#[test]
fn a_header_that_chooses_its_own_key_or_reading_is_refused() {
    let forge = Forge::open();
    for member in ["crit", "b64", "zip", "jwk", "jku", "x5u", "x5c", "x5t", "x5t#S256"] {
        for value in [json!(null), json!(false), json!(["exp"]), json!("https://evil/keys")] {
            let token = forge.with_header(|header| header[member] = value);
            assert_eq!(forge.why(token), Denied::TokenHeaderForbidden { member });
        }
    }
    let own_key = forge.with_header(|header| {
        header["jwk"] = json!({"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"});
    });
    assert_eq!(forge.code(own_key), "token_header_forbidden");
}

#[test]
fn another_type_of_token_is_refused() {
    let forge = Forge::open();
    for typ in [json!("JWT"), json!("at+JWT"), json!("application/at+jwt"), json!("id+jwt")] {
        let token = forge.with_header(|header| header["typ"] = typ);
        assert_eq!(forge.why(token), Denied::WrongType);
    }
    let untyped = forge.with_header(|header| drop(header.as_object_mut().unwrap().remove("typ")));
    assert_eq!(forge.why(untyped), Denied::WrongType);
    let listed = forge.with_header(|header| header["typ"] = json!(["at+jwt"]));
    assert_eq!(forge.code(listed), "token_malformed");
}

#[test]
fn a_key_id_that_is_no_name_of_ours_is_unknown_and_never_a_path() {
    let forge = Forge::open();
    let site = forge.claims["wk"]["s"].as_str().unwrap();
    let lower = forge.kid("ES256").to_lowercase();
    for kid in [
        "../../dev/null".to_owned(),
        "' OR 1=1 --".to_owned(),
        String::new(),
        "x".repeat(4000),
        format!("{site}.{}", "A".repeat(43)),
        lower,
    ] {
        let token = forge.with_header(|header| header["kid"] = json!(kid));
        assert_eq!(forge.why(token), Denied::KeyUnknown);
    }
    let none = forge.with_header(|header| drop(header.as_object_mut().unwrap().remove("kid")));
    assert_eq!(forge.code(none), "token_malformed");
}

#[test]
fn a_generation_is_compared_for_equality() {
    // A database that went back in time would otherwise take tokens of the future that it lost.
    let forge = Forge::open();
    let generation = forge.claims["wk"]["n"][0].as_u64().unwrap();
    for other in [0, generation - 1, generation + 1, u64::MAX] {
        let token = forge.with_claims(|claims| claims["wk"]["n"] = json!([other, 0]));
        assert_eq!(forge.why(token), Denied::ClientTokensRevoked);
    }
    let with_subject = forge.with_claims(|claims| claims["wk"]["n"] = json!([generation, 1]));
    assert_eq!(forge.why(with_subject), Denied::BadClaim { claim: "sub" });
}

#[test]
fn a_changed_bit_anywhere_is_refused() {
    let forge = Forge::open();
    let token = forge.token.as_bytes();
    for at in (0..token.len()).filter(|at| token[*at] != b'.') {
        let mut spoilt = token.to_vec();
        spoilt[at] = if spoilt[at] == b'A' { b'B' } else { b'A' };
        assert!(forge.verify(&spoilt).is_err(), "{at}");
    }
}

#[test]
fn the_same_claims_under_the_signature_of_another_token_are_refused() {
    let forge = Forge::open();
    let other = issue(&forge.clinic.engine, &forge.client);
    let (body, _) = forge.token.rsplit_once('.').unwrap();
    let (_, signature) = other.rsplit_once('.').unwrap();
    assert_eq!(forge.why(format!("{body}.{signature}")), Denied::BadSignature);
}

#[test]
fn a_signature_of_another_form_is_refused() {
    let forge = Forge::open();
    let (body, encoded) = forge.token.rsplit_once('.').unwrap();
    let raw = URL_SAFE_NO_PAD.decode(encoded).unwrap();
    let der = {
        let integer = |bytes: &[u8]| {
            let first = bytes.iter().position(|byte| *byte != 0).unwrap();
            let mut value = bytes[first..].to_vec();
            if value[0] >= 0x80 {
                value.insert(0, 0);
            }
            [&[2, u8::try_from(value.len()).unwrap()][..], &value].concat()
        };
        let both = [integer(&raw[..32]), integer(&raw[32..])].concat();
        [&[0x30, u8::try_from(both.len()).unwrap()][..], &both].concat()
    };
    let mut zero_s = raw.clone();
    zero_s[32..].fill(0);
    for signature in [
        der,
        zero_s,
        vec![0; 64],
        vec![0xff; 64],
        raw[..63].to_vec(),
        [&raw[..], &[0]].concat(),
        [&[0], &raw[..]].concat(),
        Vec::new(),
        signature("RS256", body.as_bytes()),
    ] {
        let token = format!("{body}.{}", URL_SAFE_NO_PAD.encode(signature));
        assert_eq!(forge.why(token), Denied::BadSignature);
    }
    let long = format!("{body}.{}", URL_SAFE_NO_PAD.encode([7; 600]));
    assert_eq!(forge.code(long), "token_malformed");
}

#[test]
fn a_token_with_a_claim_of_a_later_release_is_invalid_and_no_less_revocable() {
    let forge = Forge::open();
    let token = forge.with_claims(|claims| {
        claims["later"] = json!(1);
        claims["wk"]["g"] = json!("grant");
    });
    assert_eq!(forge.code(&token), "token_malformed");
    revoke(&forge.clinic.engine, &token).unwrap();
    // It has the id of the real one.
    assert_eq!(forge.why(&forge.token), Denied::TokenRevoked);
}

/// The story: an id was checked by its length and its site. Whoever had an imported key could sign a
/// token that was valid and could not be revoked by its text: that failed, as an internal error.
#[test]
fn a_token_whose_id_this_library_would_not_print_is_invalid() {
    let forge = Forge::open();
    let site = forge.claims["wk"]["s"].as_str().unwrap();
    for unique in ["!".repeat(22), "A".repeat(21), "A".repeat(23)] {
        let token = forge.with_claims(|claims| claims["jti"] = json!(format!("{site}.{unique}")));
        assert_eq!(forge.why(&token), Denied::BadClaim { claim: "jti" }, "{unique}");
        revoke(&forge.clinic.engine, &token).unwrap_err();
    }
}

#[test]
fn wire_36_the_second_spelling_of_an_es256_signature_is_the_same_token_and_ends_with_it() {
    let forge = Forge::open();
    let second = other_spelling(&forge.token);
    assert_ne!(second, forge.token);
    let first = forge.verify(&forge.token).unwrap();
    assert_eq!(forge.verify(&second).unwrap(), first);
    forge.clinic.call("token.revoke", json!({"token": second}));
    assert_eq!(forge.why(&forge.token), Denied::TokenRevoked);
    assert_eq!(forge.why(&second), Denied::TokenRevoked);
    let third = issue(&forge.clinic.engine, &forge.client);
    forge.verify(other_spelling(&third)).unwrap();
    let jti = forge.verify(&third).unwrap().token_id;
    forge.clinic.call("token.revoke", json!({"jti": jti}));
    assert_eq!(forge.why(&third), Denied::TokenRevoked);
    assert_eq!(forge.why(other_spelling(&third)), Denied::TokenRevoked);
}

/// The token with `s` of its signature replaced by `n - s`, which verifies just as well (FIPS 186-5 6.4).
fn other_spelling(token: &str) -> String {
    let (body, encoded) = token.rsplit_once('.').unwrap();
    let mut signature = URL_SAFE_NO_PAD.decode(encoded).unwrap();
    let mut borrow = 0_i16;
    for at in (0..32).rev() {
        let difference = i16::from(P256_ORDER[at]) - i16::from(signature[32 + at]) - borrow;
        borrow = i16::from(difference < 0);
        signature[32 + at] = u8::try_from(difference.rem_euclid(256)).unwrap();
    }
    format!("{body}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn encode(part: &Value) -> String {
    URL_SAFE_NO_PAD.encode(part.to_string())
}

/// The order of the group of P-256 (SEC 2 2.4.2).
const P256_ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];
