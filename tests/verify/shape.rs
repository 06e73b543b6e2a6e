//! The form of a token: its text, its JSON, its times.

use crate::forge::{Forge, sign};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use wardkey::Denied;

#[test]
fn padding_white_space_and_stray_characters_are_malformed() {
    let forge = Forge::open();
    let token = &forge.token;
    let dotted = |with: &str| token.replacen('.', with, 1);
    for text in [
        format!("{token}="),
        format!("{token}=="),
        format!("{token} "),
        format!(" {token}"),
        format!("{token}\n"),
        format!("\u{feff}{token}"),
        format!("{token}\0"),
        format!("{token}."),
        format!(".{token}"),
        dotted("=."),
        dotted(".\n"),
        dotted(" ."),
        dotted(".."),
        dotted(""),
        token.replace('.', ","),
        token.replacen('e', "+", 1),
        token.replacen('e', "/", 1),
        "..".to_owned(),
        ".".to_owned(),
    ] {
        assert_eq!(forge.code(&text), "token_malformed", "{text:?}");
    }
    assert_eq!(forge.code([0xff, 0xfe, b'.', b'.']), "token_malformed");
}

#[test]
fn stray_bits_at_the_end_of_a_part_are_malformed() {
    let forge = Forge::open();
    let parts: Vec<&str> = forge.token.split('.').collect();
    let mut found = 0;
    for (index, part) in parts.iter().enumerate() {
        // How many bits of the last character mean nothing.
        let bits = [0, 6, 4, 2][part.len() % 4];
        let (body, last) = part.split_at(part.len() - 1);
        let value = ALPHABET.find(last).unwrap();
        for stray in 1..1 << bits {
            found += 1;
            let spoilt = format!("{body}{}", &ALPHABET[value + stray..=value + stray]);
            let mut parts = parts.clone();
            parts[index] = &spoilt;
            assert_eq!(forge.code(parts.join(".")), "token_malformed");
        }
    }
    // The signature, at least: 64 bytes leave four bits over.
    assert!(found >= 15);
}

#[test]
fn a_time_that_is_no_integer_in_range_is_a_refusal_and_not_an_absent_one() {
    let forge = Forge::open();
    let whole = forge.claims.to_string();
    for claim in ["exp", "iat"] {
        let good = format!("\"{claim}\":{}", forge.claims[claim]);
        assert!(whole.contains(&good));
        for value in [
            "1772357400.0",
            "1772357400.5",
            "1.7723574e9",
            "1772357400e0",
            "\"1772357400\"",
            "null",
            "true",
            "[]",
            "{}",
            "-1",
            "-1772357400",
            "99999999999999999999999999",
            "9223372036854775807",
            "9223372036854775808",
            "-9223372036854775808",
            "253402300800",
            "01772357400",
            "+1772357400",
            "0x69a3f4c8",
            "NaN",
            "Infinity",
        ] {
            let token =
                forge.with_claims_text(&whole.replace(&good, &format!("\"{claim}\":{value}")));
            let refused = forge.why(token);
            let fits = matches!(refused, Denied::TokenMalformed { .. })
                || refused == Denied::BadClaim { claim };
            assert!(fits, "{claim} {value} {refused:?}");
        }
        let absent =
            forge.with_claims(|claims| drop(claims.as_object_mut().unwrap().remove(claim)));
        assert_eq!(forge.code(absent), "token_malformed");
    }
    let backwards = forge.with_claims(|claims| {
        let exp = claims["exp"].as_i64().unwrap();
        claims["iat"] = json!(exp + 1);
    });
    assert_eq!(forge.why(backwards), Denied::BadClaim { claim: "iat" });
    for nbf in ["0", "1772357400", "\"x\"", "null"] {
        let with_nbf = whole.replacen('{', &format!("{{\"nbf\":{nbf},"), 1);
        assert_eq!(forge.code(forge.with_claims_text(&with_nbf)), "token_malformed");
    }
}

#[test]
fn a_repeated_or_unknown_claim_is_malformed() {
    let forge = Forge::open();
    let whole = forge.claims.to_string();
    let members: Vec<String> = forge.claims.as_object().unwrap().keys().cloned().collect();
    for member in &members {
        let again = format!("{{\"{member}\":{},", forge.claims[member]);
        let token = forge.with_claims_text(&whole.replacen('{', &again, 1));
        assert_eq!(forge.code(token), "token_malformed", "{member}");
        let escaped = format!("{{\"\\u{:04x}{}\":1,", member.as_bytes()[0], &member[1..]);
        let token = forge.with_claims_text(&whole.replacen('{', &escaped, 1));
        assert_eq!(forge.code(token), "token_malformed", "{member}");
        let absent =
            forge.with_claims(|claims| drop(claims.as_object_mut().unwrap().remove(member)));
        assert_eq!(forge.code(absent), "token_malformed", "{member}");
    }
    for member in ["admin", "ISS", "Exp", "", "roles", "g"] {
        let token = forge.with_claims(|claims| claims[member] = json!(1));
        assert_eq!(forge.code(token), "token_malformed", "{member}");
    }
    for member in ["G", "S", "x"] {
        let token = forge.with_claims(|claims| claims["wk"][member] = json!("a"));
        assert_eq!(forge.code(token), "token_malformed", "{member}");
    }
    // A grant of a client's own is none: it would be somebody else's.
    for grant in ["a", "", "AAAAAAAAAAAAAAAAAAAAAA"] {
        let token = forge.with_claims(|claims| claims["wk"]["g"] = json!(grant));
        assert_eq!(forge.why(token), Denied::BadClaim { claim: "sub" }, "{grant}");
    }
}

#[test]
fn claims_that_are_not_one_json_object_are_malformed() {
    let forge = Forge::open();
    let whole = forge.claims.to_string();
    for text in [
        format!("\u{feff}{whole}"),
        format!(" {whole}"),
        format!("{whole}\n"),
        format!("{whole}{whole}"),
        format!("[{whole}]"),
        whole.replace("}}", "}"),
        whole.replacen('{', "{,", 1),
        format!("{}1{}", "[".repeat(2500), "]".repeat(2500)),
        "null".to_owned(),
        "\"\"".to_owned(),
        "{}".to_owned(),
    ] {
        assert_eq!(forge.code(forge.with_claims_text(&text)), "token_malformed", "{text:.40}");
    }
    let header = forge.token.split('.').next().unwrap();
    let latin = sign("ES256", header, &URL_SAFE_NO_PAD.encode(b"{\"iss\":\"\xe9\"}"));
    assert_eq!(forge.code(latin), "token_malformed");
    let empty = sign("ES256", header, "");
    assert_eq!(forge.code(empty), "token_malformed");
    // A tuple for the object of the private claim is what serde would take.
    let wk = forge.claims["wk"].clone();
    let tuple = forge.with_claims(|claims| {
        claims["wk"] = json!([wk["s"], wk["c"], wk["e"], wk["n"]]);
    });
    assert_eq!(forge.code(tuple), "token_malformed");
}

#[test]
fn a_header_with_a_repeated_unknown_or_ill_typed_member_is_malformed() {
    let forge = Forge::open();
    let kid = forge.kid("ES256");
    for text in [
        format!(r#"{{"alg":"ES256","alg":"ES256","typ":"at+jwt","kid":"{kid}"}}"#),
        format!(r#"{{"alg":"none","alg":"ES256","typ":"at+jwt","kid":"{kid}"}}"#),
        format!(r#"{{"alg":"ES256","typ":"at+jwt","kid":"{kid}","kid":"{kid}"}}"#),
        format!(r#"{{"alg":"ES256","typ":"at+jwt","kid":"{kid}","cty":"JWT"}}"#),
        format!(r#"{{"alg":["ES256"],"typ":"at+jwt","kid":"{kid}"}}"#),
        format!(r#"{{"alg":"ES256","typ":"at+jwt","kid":"{kid}"}} "#),
        format!(r#"["ES256","at+jwt","{kid}"]"#),
        "null".to_owned(),
        String::new(),
    ] {
        assert_eq!(forge.code(forge.with_header_text(&text)), "token_malformed", "{text}");
    }
    // The same members in another order, or with white space between them, are the same header.
    for text in [
        format!(r#"{{"kid":"{kid}","typ":"at+jwt","alg":"ES256"}}"#),
        format!(r#"{{ "alg": "ES256", "typ": "at+jwt", "kid": "{kid}" }}"#),
    ] {
        forge.verify(forge.with_header_text(&text)).unwrap();
    }
}

/// RFC 4648 5.
const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
