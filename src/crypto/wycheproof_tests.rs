//! The Wycheproof vectors: signatures, codes and ciphertexts that broke other libraries.

use crate::base::{Secret, encode};
use crate::crypto::seal::SealingKey;
use crate::crypto::{Jwk, PublicKey};
use wycheproof::{TestResult, aead, ecdsa, eddsa, mac, rsa_pkcs1_verify};

/// Some vectors are acceptable either way; the others decide.
fn decides(result: TestResult, verdict: bool, what: &dyn std::fmt::Display) {
    match result {
        TestResult::Valid => assert!(verdict, "{what} must pass"),
        TestResult::Invalid => assert!(!verdict, "{what} must fail"),
        TestResult::Acceptable => {}
    }
}

fn number(bytes: &[u8]) -> Option<String> {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    Some(encode::base64url(&bytes[zeros..]))
}

#[test]
fn es256_decides_every_vector_of_p1363_signatures() {
    let set = ecdsa::TestSet::load(ecdsa::TestName::EcdsaSecp256r1Sha256P1363).unwrap();
    let mut decided = 0;
    for group in set.test_groups {
        let point: &[u8] = &group.key.key;
        assert_eq!((point[0], point.len()), (4, 65));
        let key = PublicKey::from_jwk(&Jwk {
            kty: "EC".to_owned(),
            crv: Some("P-256".to_owned()),
            x: Some(encode::base64url(&point[1..33])),
            y: Some(encode::base64url(&point[33..])),
            ..Jwk::default()
        });
        let key = key.unwrap();
        for test in group.tests {
            decides(test.result, key.verify(&test.msg, &test.sig), &test.tc_id);
            decided += 1;
        }
    }
    assert!(decided > 200, "{decided}");
}

#[test]
fn eddsa_decides_every_vector() {
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
    let mut decided = 0;
    for group in set.test_groups {
        let key = PublicKey::from_jwk(&Jwk {
            kty: "OKP".to_owned(),
            crv: Some("Ed25519".to_owned()),
            x: Some(encode::base64url(&group.key.pk)),
            ..Jwk::default()
        });
        let key = key.unwrap();
        for test in group.tests {
            decides(test.result, key.verify(&test.msg, &test.sig), &test.tc_id);
            decided += 1;
        }
    }
    assert!(decided > 100, "{decided}");
}

#[test]
fn rs256_decides_every_vector() {
    for name in [
        rsa_pkcs1_verify::TestName::Rsa2048Sha256,
        rsa_pkcs1_verify::TestName::Rsa3072Sha256,
        rsa_pkcs1_verify::TestName::Rsa4096Sha256,
    ] {
        let set = rsa_pkcs1_verify::TestSet::load(name).unwrap();
        let mut decided = 0;
        for group in set.test_groups {
            let key = PublicKey::from_jwk(&Jwk {
                kty: "RSA".to_owned(),
                n: number(&group.key.n),
                e: number(&group.key.e),
                ..Jwk::default()
            });
            let key = key.unwrap();
            for test in group.tests {
                decides(test.result, key.verify(&test.msg, &test.sig), &test.tc_id);
                decided += 1;
            }
        }
        assert!(decided > 100, "{decided}");
    }
}

#[test]
fn sealing_opens_the_valid_vectors_of_aes_256_gcm_alone() {
    let set = aead::TestSet::load(aead::TestName::AesGcm).unwrap();
    let mut decided = 0;
    let ours = |group: &aead::TestGroup| (group.key_size, group.nonce_size) == (256, 96);
    for group in set.test_groups.into_iter().filter(ours) {
        for test in group.tests {
            let key = SealingKey::new(&Secret::copy_of(&test.key)).unwrap();
            let sealed = [&[1], &test.nonce[..], &test.ct, &test.tag].concat();
            let opened = key.open(&test.aad, &sealed);
            let right = opened.as_ref().is_some_and(|plain| plain.matches(&test.pt));
            assert_eq!(right, opened.is_some(), "{}", test.tc_id);
            decides(test.result, right, &test.tc_id);
            decided += 1;
        }
    }
    assert!(decided > 50, "{decided}");
}

#[test]
fn codes_are_those_of_hmac_sha256() {
    let set = mac::TestSet::load(mac::TestName::HmacSha256).unwrap();
    let mut decided = 0;
    let ours = |group: &mac::TestGroup| (group.key_size, group.tag_size) == (256, 256);
    for group in set.test_groups.into_iter().filter(ours) {
        for test in group.tests {
            let key = super::digest::hmac_key(&Secret::copy_of(&test.key)).unwrap();
            let mut context = ring::hmac::Context::with_key(&key);
            test.msg.chunks(7).for_each(|chunk| context.update(chunk));
            let code = super::digest::bytes(&context.sign());
            decides(test.result, super::digest::equal(&code, &test.tag), &test.tc_id);
            decided += 1;
        }
    }
    assert!(decided > 50, "{decided}");
}
