//! `role.*`: named lists of scope words, to be given to users.

use crate::common::{admin, events};
use crate::http::Clinic;
use serde_json::{Value, json};
use wardkey::Error;

#[test]
fn a_role_is_made_listed_changed_and_deleted() {
    let clinic = Clinic::open();
    let nurse = json!({"name": "nurse", "scope": "lab:read", "description": "on the ward"});
    assert_eq!(clinic.call("role.create", nurse.clone()), nurse);
    clinic.call("role.create", json!({"name": "\u{c4}rztin"}));
    let bare = json!({"name": "\u{c4}rztin", "scope": "", "description": ""});
    assert_eq!(clinic.call("role.list", json!({})), json!({"roles": [nurse, bare]}));
    let more = json!({"name": "nurse", "scope": "lab:read lab:write"});
    let changed = clinic.call("role.update", more);
    assert_eq!(
        (&changed["scope"], &changed["description"]),
        (&json!("lab:read lab:write"), &nurse["description"])
    );
    assert_eq!(clinic.call("role.delete", json!({"name": "nurse"})), json!({}));
    assert_eq!(clinic.call("role.list", json!({})), json!({"roles": [bare]}));
}

#[test]
fn a_role_that_exists_is_a_conflict_and_one_that_does_not_is_not_found() {
    let clinic = Clinic::open();
    clinic.call("role.create", json!({"name": "nurse"}));
    let refused = call(&clinic, "role.create", &json!({"name": "nurse"}));
    assert_eq!(refused, Err(Error::Conflict { what: "role", id: "nurse".into() }));
    for operation in ["role.update", "role.delete"] {
        for name in ["Nurse", "", "nurse "] {
            let refused = call(&clinic, operation, &json!({ "name": name }));
            assert_eq!(refused, Err(Error::NotFound { what: "role", id: name.into() }));
        }
    }
}

#[test]
fn a_role_has_a_name_without_spaces_and_words_of_the_catalogue() {
    let clinic = Clinic::open();
    for name in ["n", &"\u{4e2d}".repeat(64)] {
        clinic.call("role.create", json!({ "name": name }));
    }
    for name in ["", "a b", "a\tb", "a\u{a0}b", "a\0", &"x".repeat(65)] {
        assert_eq!(path_of(call(&clinic, "role.create", &json!({ "name": name }))), "name");
    }
    for (member, value) in [
        ("scope", json!("no:such")),
        ("scope", json!("lab:read  lab:write")),
        ("description", json!("x".repeat(2001))),
        ("description", json!("a\nb")),
    ] {
        let mut document = json!({"name": "other"});
        document[member] = value.clone();
        assert_eq!(path_of(call(&clinic, "role.create", &document)), member);
        document["name"] = json!("n");
        assert_eq!(path_of(call(&clinic, "role.update", &document)), member);
    }
}

#[test]
fn a_role_that_a_user_has_is_not_deleted_and_the_user_is_named() {
    let clinic = Clinic::open();
    clinic.call("role.create", json!({"name": "nurse", "scope": "lab:read"}));
    clinic.call("role.create", json!({"name": "nurses"}));
    let user = json!({"username": "anna", "password": "nobodys guess", "roles": ["nurse"]});
    let user = clinic.call("user.create", user);
    let refused = call(&clinic, "role.delete", &json!({"name": "nurse"}));
    let said = refused.as_ref().map_err(ToString::to_string).unwrap_err();
    assert!(
        said.starts_with("the role `nurse (of user ") && said.ends_with("` is in use"),
        "{said}"
    );
    let Err(Error::Conflict { what: "role in use", id }) = refused else { panic!("{refused:?}") };
    assert!(id.contains(user["user_id"].as_str().unwrap()), "{id}");
    clinic.call("role.delete", json!({"name": "nurses"}));
    clinic.call("user.update", json!({"user_id": user["user_id"], "roles": []}));
    clinic.call("role.delete", json!({"name": "nurse"}));
}

#[test]
fn a_word_that_a_role_or_a_user_has_is_not_removed_and_the_holder_is_named() {
    let clinic = Clinic::open();
    clinic.call("scope.add", json!({"scope": "own:word"}));
    let remove = || call(&clinic, "scope.remove", &json!({"scope": "own:word"}));
    clinic.call("role.create", json!({"name": "nurse", "scope": "lab:read own:word"}));
    let Err(Error::Conflict { what: "scope in use", id }) = remove() else { panic!() };
    assert!(id.ends_with("(of role nurse)"), "{id}");
    clinic.call("role.update", json!({"name": "nurse", "scope": ""}));
    let user = json!({"username": "anna", "password": "nobodys guess", "scope": "own:word"});
    let user = clinic.call("user.create", user);
    let Err(Error::Conflict { what: "scope in use", id }) = remove() else { panic!() };
    assert!(id.contains(user["user_id"].as_str().unwrap()), "{id}");
    clinic.call("user.delete", json!({"user_id": user["user_id"]}));
    remove().unwrap();
}

#[test]
fn every_change_of_a_role_has_its_row_with_version_and_code() {
    let clinic = Clinic::open();
    clinic.call("role.create", json!({"name": "nurse", "scope": "lab:read"}));
    clinic.call("role.update", json!({"name": "nurse", "scope": ""}));
    clinic.call("role.delete", json!({"name": "nurse"}));
    for (event, scope, version) in [
        ("role.create", "lab:read", json!(1)),
        ("role.update", "", json!(2)),
        ("role.delete", "", Value::Null),
    ] {
        let rows = events(&clinic.engine, event);
        assert_eq!(rows.len(), 1, "{event}");
        let (row, detail) = (&rows[0], &rows[0]["detail"]);
        assert_eq!((&row["actor"], &row["outcome"]), (&json!("anna"), &json!("done")));
        assert_eq!((&row["scope"], &detail["role"]), (&json!(scope), &json!("nurse")));
        assert_eq!(row["rows"][0]["version"], version, "{event}");
        let code = if version.is_null() { None } else { Some(43) };
        assert_eq!(row["rows"][0]["mac"].as_str().map(str::len), code);
    }
}

fn call(clinic: &Clinic, operation: &str, document: &Value) -> Result<Vec<u8>, Error> {
    clinic.engine.call(&admin(), operation, document.to_string().as_bytes())
}

#[track_caller]
fn path_of(refused: Result<Vec<u8>, Error>) -> String {
    match refused {
        Err(Error::InvalidDocument { path, .. }) => path,
        other => panic!("{other:?}"),
    }
}
