//! Which scopes a token must have, and which it still has.

use crate::common::{bench, issue, register, why};
use crate::http::Clinic;
use serde_json::json;
use wardkey::{Denied, Error, Required};

#[test]
fn every_required_scope_must_be_there() {
    let clinic = Clinic::open();
    let token = issue(&clinic.engine, &register(&clinic.engine));
    let verify = |required: &str| {
        let required = Required::all_of(required).unwrap();
        clinic.engine.verify(token.as_bytes(), required, &bench())
    };
    for enough in ["lab:read", "lab:write", "lab:read lab:write", "lab:write lab:read"] {
        verify(enough).unwrap();
    }
    for (required, missing) in [
        ("billing:read", "billing:read"),
        ("lab:read billing:read", "billing:read"),
        ("billing:read lab:read pharmacy:read", "billing:read"),
        ("lab", "lab"),
        ("lab:rea", "lab:rea"),
        ("LAB:READ", "LAB:READ"),
    ] {
        let expected = Denied::InsufficientScope { missing: missing.into() };
        assert_eq!(why(verify(required)), expected);
    }
}

#[test]
fn requiring_nothing_must_be_said() {
    for text in ["", " ", "lab:read ", " lab:read", "a  b", "a\tb", "\"", "\u{e9}"] {
        let refused = Required::all_of(text).unwrap_err();
        assert!(matches!(refused, Error::InvalidArgument { argument: "scopes", .. }), "{text:?}");
    }
}

#[test]
fn a_scope_removed_from_the_registration_is_gone_from_living_tokens() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    for form in ["jwt", "opaque"] {
        clinic.call(
            "client.update",
            json!({"client_id": client.id, "scope": "lab:read lab:write", "token_format": form}),
        );
        let token = issue(&clinic.engine, &client);
        let verify =
            |required: Required<'_>| clinic.engine.verify(token.as_bytes(), required, &bench());
        assert_eq!(verify(Required::ANY).unwrap().scope.as_str(), "lab:read lab:write");
        clinic.call("client.update", json!({"client_id": client.id, "scope": "lab:read"}));
        let write = Required::all_of("lab:write").unwrap();
        let missing = Denied::InsufficientScope { missing: "lab:write".into() };
        assert_eq!(why(verify(write)), missing);
        assert_eq!(verify(Required::ANY).unwrap().scope.as_str(), "lab:read");
        // Given back, it is there again: the token still says it.
        clinic.call("client.update", json!({"client_id": client.id, "scope": "lab:write"}));
        verify(write).unwrap();
        clinic.call("client.update", json!({"client_id": client.id, "scope": ""}));
        assert!(verify(Required::ANY).unwrap().scope.is_empty());
    }
}

#[test]
fn a_scope_given_later_is_not_in_tokens_issued_before() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    let token = issue(&clinic.engine, &client);
    let more = json!({"client_id": client.id, "scope": "lab:read lab:write billing:read"});
    clinic.call("client.update", more);
    let billing = Required::all_of("billing:read").unwrap();
    let refused = clinic.engine.verify(token.as_bytes(), billing, &bench());
    assert_eq!(why(refused), Denied::InsufficientScope { missing: "billing:read".into() });
}
