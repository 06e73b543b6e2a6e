//! `scope.*`: the catalogue.

use crate::common::{admin, register};
use crate::http::Clinic;
use serde_json::{Value, json};
use wardkey::Error;

#[test]
fn a_word_is_added_listed_given_and_removed() {
    let clinic = Clinic::open();
    let word = "imaging:studies:read";
    let document = json!({"scope": word, "description": "See pictures"});
    assert_eq!(clinic.call("scope.add", document), json!({}));
    let listed = clinic.call("scope.list", json!({}));
    let words = listed["scopes"].as_array().unwrap();
    let expected = json!({"scope": word, "description": "See pictures", "origin": "own"});
    assert!(words.contains(&expected));
    assert!(words.is_sorted_by_key(|scope| scope["scope"].as_str().unwrap().to_owned()));
    let created = clinic.call("client.create", json!({"client_name": "x", "scope": word}));
    // Not while a client has it, which is named.
    let refused = call(&clinic, "scope.remove", &json!({"scope": word}));
    let Err(Error::Conflict { id, .. }) = refused else { panic!("{refused:?}") };
    assert!(id.contains(created["client_id"].as_str().unwrap()));
    clinic.call("client.update", json!({"client_id": created["client_id"], "scope": ""}));
    clinic.call("scope.remove", json!({"scope": word}));
    let gone = json!({"client_name": "x", "scope": word});
    assert_eq!(path_of(call(&clinic, "client.create", &gone)), "scope");
}

#[test]
fn a_word_that_exists_is_a_conflict_and_one_that_does_not_is_not_found() {
    let clinic = Clinic::open();
    let refused = call(&clinic, "scope.add", &json!({"scope": "lab:read"}));
    assert!(matches!(refused, Err(Error::Conflict { what: "scope", .. })));
    for word in ["no:such", "", "lab:rea", "Lab:read"] {
        let refused = call(&clinic, "scope.remove", &json!({"scope": word}));
        assert!(matches!(refused, Err(Error::NotFound { what: "scope", .. })), "{word}");
    }
}

#[test]
fn a_client_can_be_given_only_words_of_the_catalogue() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    for scope in ["no:such", "lab:read no:such", "LAB:READ"] {
        let document = json!({"client_name": "x", "scope": scope});
        assert_eq!(path_of(call(&clinic, "client.create", &document)), "scope");
        let document = json!({"client_id": client.id, "scope": scope});
        assert_eq!(path_of(call(&clinic, "client.update", &document)), "scope");
    }
    for scope in [" lab:read", "lab:read ", "lab:read  lab:write", "a\tb", "\"", "\u{e9}"] {
        let document = json!({"client_id": client.id, "scope": scope});
        assert_eq!(path_of(call(&clinic, "client.update", &document)), "scope", "{scope:?}");
        let document = json!({"client_id": client.id, "default_scope": scope});
        assert_eq!(path_of(call(&clinic, "client.update", &document)), "default_scope");
    }
    let read = clinic.call("client.read", json!({"client_id": client.id}));
    assert_eq!(read["scope"], "lab:read lab:write");
}

#[test]
fn the_default_scope_is_within_the_scope() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    let document = json!({"client_id": client.id, "default_scope": "billing:read"});
    assert_eq!(path_of(call(&clinic, "client.update", &document)), "default_scope");
    clinic.call("client.update", json!({"client_id": client.id, "default_scope": "lab:write"}));
    // Nor may the scope be taken from under it.
    let document = json!({"client_id": client.id, "scope": "lab:read"});
    assert_eq!(path_of(call(&clinic, "client.update", &document)), "default_scope");
}

#[test]
fn a_dialects_words_are_marked_as_its_own() {
    let clinic = Clinic::open();
    let listed = clinic.call("scope.list", json!({}));
    let origin = |word: &str| {
        let scopes = listed["scopes"].as_array().unwrap();
        scopes.iter().find(|scope| scope["scope"] == word).unwrap()["origin"].clone()
    };
    assert_eq!(origin("external"), "nikohealth");
    assert_eq!(origin("emr:read"), "built-in");
}

fn call(clinic: &Clinic, operation: &str, document: &Value) -> Result<Vec<u8>, Error> {
    clinic.engine.call(&admin(), operation, document.to_string().as_bytes())
}

#[track_caller]
fn path_of(result: Result<Vec<u8>, Error>) -> String {
    match result {
        Err(Error::InvalidDocument { path, .. }) => path,
        other => panic!("{other:?}"),
    }
}
