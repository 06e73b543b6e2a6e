//! `user.*`: letting people in, changing what they may, and ending them.

use crate::common::{admin, audit, events};
use crate::http::Clinic;
use serde_json::{Value, json};
use wardkey::Error;

const GUESS: &str = "nobodys guess";

#[test]
fn a_user_gets_an_id_and_the_defaults_and_no_answer_has_the_password() {
    let clinic = Clinic::open();
    let now = clinic.engine.now().seconds();
    let created = create(&clinic, json!({"username": "Jose\u{301}"}));
    let id = created["user_id"].as_str().unwrap();
    assert!(id.starts_with("usr_") && id.len() == 26, "{id}");
    let expected = json!({
        "user_id": id, "username": "Jos\u{e9}", "origin": "own", "enabled": true,
        "confirmed": true, "scope": "",
        "roles": [], "effective_scope": "", "description": "", "created_at": now,
        "updated_at": now, "password_changed_at": now, "last_login_at": null,
    });
    assert_eq!(created, expected);
    assert_eq!(clinic.call("user.read", json!({ "user_id": id })), expected);
    for typed in ["Jos\u{e9}", "Jose\u{301}"] {
        assert_eq!(clinic.call("user.read", json!({ "username": typed })), expected);
    }
    assert!(!format!("{:?}", audit(&clinic.engine)).contains(GUESS));
}

#[test]
fn no_password_is_in_the_file() {
    let clinic = Clinic::open();
    let created = create(&clinic, json!({"username": "anna"}));
    let set = json!({"user_id": created["user_id"], "password": "another guess"});
    clinic.call("user.set_password", set);
    clinic.engine.close().unwrap();
    for suffix in ["", "-wal", ".fresh"] {
        let bytes = std::fs::read(clinic.place.beside(suffix)).unwrap_or_default();
        for password in [GUESS, "another guess"] {
            let found = bytes.windows(password.len()).any(|part| part == password.as_bytes());
            assert!(!found, "{suffix}");
        }
    }
}

#[test]
fn every_member_is_kept_as_it_was_given_and_roles_add_their_words() {
    let clinic = Clinic::open();
    clinic.call("role.create", json!({"name": "nurse", "scope": "lab:read patients:read"}));
    clinic.call("role.create", json!({"name": "lead", "scope": "lab:write"}));
    let members = json!({
        "username": "anna", "scope": "lab:read billing:read", "roles": ["nurse", "lead", "nurse"],
        "enabled": false, "description": "head of the ward",
    });
    let created = create(&clinic, members.clone());
    for member in ["username", "scope", "enabled", "description"] {
        assert_eq!(created[member], members[member], "{member}");
    }
    assert_eq!(created["roles"], json!(["lead", "nurse"]));
    let all = "lab:read billing:read lab:write patients:read";
    assert_eq!(created["effective_scope"], all);
    // A role's words are its users', at once.
    clinic.call("role.update", json!({"name": "nurse", "scope": "emr:read"}));
    let read = clinic.call("user.read", json!({"username": "anna"}));
    assert_eq!(read["effective_scope"], "lab:read billing:read lab:write emr:read");
}

#[test]
fn an_update_replaces_what_is_given_and_nothing_else() {
    let clinic = Clinic::open();
    clinic.call("role.create", json!({"name": "nurse"}));
    let members = json!({"username": "anna", "scope": "lab:read", "roles": ["nurse"]});
    let created = create(&clinic, members);
    clinic.pass(60);
    let id = &created["user_id"];
    for (member, value) in [
        ("username", json!("berta")),
        ("scope", json!("lab:write")),
        ("roles", json!([])),
        ("description", json!("d")),
    ] {
        let before = clinic.call("user.read", json!({ "user_id": id }));
        let after = clinic.call("user.update", json!({"user_id": id, member: value}));
        for (name, old) in before.as_object().unwrap() {
            let follows = ["updated_at", "effective_scope"].contains(&name.as_str());
            if name == member {
                assert_eq!(after[name], value);
            } else if !follows {
                assert_eq!(after[name], *old, "{member} {name}");
            }
        }
    }
    let updated = clinic.call("user.read", json!({"username": "berta"}));
    assert_eq!(updated["updated_at"], clinic.engine.now().seconds());
    let refused = call(&clinic, "user.read", &json!({"username": "anna"}));
    assert_eq!(refused, Err(Error::NotFound { what: "username", id: "anna".into() }));
}

#[test]
fn a_name_belongs_to_one_user() {
    let clinic = Clinic::open();
    create(&clinic, json!({"username": "Jos\u{e9}"}));
    let taken = json!({"username": "Jose\u{301}", "password": GUESS});
    let refused = call(&clinic, "user.create", &taken);
    assert_eq!(refused, Err(Error::Conflict { what: "username", id: "Jos\u{e9}".into() }));
    // Case is told apart.
    let other = create(&clinic, json!({"username": "jos\u{e9}"}));
    let renamed = json!({"user_id": other["user_id"], "username": "Jos\u{e9}"});
    let refused = call(&clinic, "user.update", &renamed);
    assert!(matches!(refused, Err(Error::Conflict { what: "username", .. })));
    // Their own name is no conflict.
    clinic.call("user.update", json!({"user_id": other["user_id"], "username": "jos\u{e9}"}));
    clinic.call("user.delete", json!({"user_id": other["user_id"]}));
    let again = create(&clinic, json!({"username": "jos\u{e9}"}));
    assert_ne!(again["user_id"], other["user_id"]);
}

#[test]
fn there_is_no_user_without_a_good_password() {
    let clinic = Clinic::open();
    clinic.call(
        "settings.set",
        json!({"password_blocklist": ["Saint Mary"], "clinic_name": "Ward 7 North"}),
    );
    let user = create(&clinic, json!({"username": "Annabella"}));
    let id = &user["user_id"];
    let (long, longest) = ("x".repeat(1025), "long ".repeat(204));
    for (password, why) in [
        ("", "has 0 characters"),
        ("7 chars", "has 7 characters"),
        ("e\u{301}e\u{301}e\u{301}e\u{301}", "has 4 characters"),
        (long.as_str(), "has 1025 bytes"),
        ("nobodys\nguess", "control characters"),
        ("PassWord", "commonest"),
        ("annabella", "username"),
        ("Annabella-2026", "username"),
        ("saintmary!1", "password_blocklist"),
        ("ward7north", "clinic_name"),
    ] {
        let new = json!({"username": "Annabella", "password": password});
        let set = json!({"user_id": id, "password": password});
        for (operation, document) in [("user.create", new), ("user.set_password", set)] {
            match call(&clinic, operation, &document) {
                Err(Error::InvalidDocument { path, why: said }) => {
                    assert_eq!(path, "password");
                    assert!(said.contains(why), "{said}");
                }
                other => panic!("{password}: {other:?}"),
            }
        }
    }
    let refused = call(&clinic, "user.create", &json!({"username": "berta"}));
    assert!(matches!(refused, Err(Error::InvalidDocument { path, .. }) if path == "password"));
    for good in ["\u{1f600}".repeat(8).as_str(), "not the saint mary", longest.as_str()] {
        clinic.call("user.set_password", json!({"user_id": id, "password": good}));
    }
}

#[test]
fn false_members_are_refused_by_their_path() {
    let clinic = Clinic::open();
    clinic.call("role.create", json!({"name": "nurse"}));
    let user = create(&clinic, json!({"username": "anna"}));
    let before = clinic.call("user.list", json!({}));
    let rows = audit(&clinic.engine).len();
    for (member, value, path) in [
        ("username", json!(""), "username"),
        ("username", json!(" anna"), "username"),
        ("username", json!("x".repeat(256)), "username"),
        ("username", json!("a\0b"), "username"),
        ("scope", json!("no:such"), "scope"),
        ("scope", json!(" lab:read"), "scope"),
        ("roles", json!(["nurse", "no such"]), "roles[1]"),
        ("roles", json!(vec!["nurse"; 65]), "roles"),
        ("description", json!("x".repeat(2001)), "description"),
    ] {
        let mut new = json!({"username": "berta", "password": GUESS});
        let mut update = json!({"user_id": user["user_id"]});
        for (operation, document) in [("user.create", &mut new), ("user.update", &mut update)] {
            document[member] = value.clone();
            match call(&clinic, operation, document) {
                Err(Error::InvalidDocument { path: p, .. }) => assert_eq!(p, path, "{value}"),
                other => panic!("{operation} {document}: {other:?}"),
            }
        }
    }
    assert_eq!(clinic.call("user.list", json!({})), before);
    assert_eq!(audit(&clinic.engine).len(), rows);
}

#[test]
fn whoever_does_not_exist_is_not_found() {
    let clinic = Clinic::open();
    let id = format!("usr_{}", "A".repeat(22));
    for operation in [
        "user.read",
        "user.update",
        "user.disable",
        "user.enable",
        "user.confirm",
        "user.revoke",
        "user.delete",
    ] {
        let refused = call(&clinic, operation, &json!({ "user_id": id }));
        assert_eq!(refused, Err(Error::NotFound { what: "user", id: id.clone() }), "{operation}");
        // What cannot be an id may be a password in the wrong member.
        let refused = call(&clinic, operation, &json!({"user_id": "hunter2!"}));
        assert!(!format!("{refused:?}").contains("hunter"), "{refused:?}");
    }
    let set = json!({"user_id": id, "password": GUESS});
    let refused = call(&clinic, "user.set_password", &set);
    assert_eq!(refused, Err(Error::NotFound { what: "user", id: id.clone() }));
    for document in [json!({}), json!({"user_id": id, "username": "anna"})] {
        let refused = call(&clinic, "user.read", &document);
        assert!(matches!(refused, Err(Error::InvalidDocument { path, .. }) if path == "."));
    }
}

#[test]
fn users_are_listed_page_by_page() {
    let clinic = Clinic::open();
    for n in 0..5 {
        create(&clinic, json!({"username": format!("user {n}")}));
    }
    let (mut seen, mut after) = (Vec::new(), json!(""));
    loop {
        let page = clinic.call("user.list", json!({"limit": 2, "after": after}));
        seen.extend(page["users"].as_array().unwrap().clone());
        match page.get("next") {
            Some(next) => after = next.clone(),
            None => break,
        }
    }
    assert_eq!(json!(seen), clinic.call("user.list", json!({}))["users"]);
    assert_eq!(seen.len(), 5);
    assert!(seen.is_sorted_by_key(|user| user["user_id"].as_str().unwrap().to_owned()));
    for limit in [0, 1001] {
        let refused = call(&clinic, "user.list", &json!({ "limit": limit }));
        assert!(matches!(refused, Err(Error::InvalidDocument { path, .. }) if path == "limit"));
    }
}

#[test]
fn disabling_a_new_password_and_revoking_move_the_generation_and_nothing_else_does() {
    let clinic = Clinic::open();
    let created = create(&clinic, json!({"username": "anna"}));
    let id = &created["user_id"];
    let sqlite = clinic.place.sqlite();
    let generation = || -> i64 {
        sqlite.query_row("SELECT generation FROM user", [], |row| row.get(0)).unwrap()
    };
    let mut last = generation();
    for (operation, more, moves) in [
        ("user.update", json!({"description": "d"}), false),
        ("user.disable", json!({}), true),
        ("user.enable", json!({}), false),
        ("user.set_password", json!({"password": "another guess"}), true),
        ("user.revoke", json!({}), true),
    ] {
        let mut document = json!({ "user_id": id });
        document.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        clinic.pass(1);
        let answer = clinic.call(operation, document);
        assert_eq!(generation() > last, moves, "{operation}");
        last = generation();
        assert_eq!(answer["enabled"], operation != "user.disable");
        let now = clinic.engine.now().seconds();
        assert_eq!(answer["updated_at"], now);
        assert_eq!(answer["password_changed_at"] == now, operation == "user.set_password");
    }
}

#[test]
fn every_change_of_a_user_has_its_row_with_version_and_code() {
    let clinic = Clinic::open();
    clinic.call("role.create", json!({"name": "nurse"}));
    let created =
        create(&clinic, json!({"username": "anna", "roles": ["nurse"], "scope": "lab:read"}));
    let id = &created["user_id"];
    clinic.call("user.update", json!({"user_id": id, "description": "d"}));
    clinic.call("user.set_password", json!({"user_id": id, "password": "another guess"}));
    for operation in ["user.disable", "user.enable", "user.revoke", "user.delete"] {
        clinic.call(operation, json!({ "user_id": id }));
    }
    let expected = [
        "user.create",
        "user.update",
        "user.set_password",
        "user.disable",
        "user.enable",
        "user.revoke",
        "user.delete",
    ];
    for (version, event) in (1..).zip(expected) {
        let rows = events(&clinic.engine, event);
        assert_eq!(rows.len(), 1, "{event}");
        let (row, detail) = (&rows[0], &rows[0]["detail"]);
        assert_eq!((&row["actor"], &row["outcome"]), (&json!("anna"), &json!("done")));
        assert_eq!((&row["user"], &row["scope"]), (id, &json!("lab:read")));
        assert_eq!((&detail["username"], &detail["roles"]), (&json!("anna"), &json!("nurse")));
        if event == "user.delete" {
            assert_eq!(row["rows"], json!([{"table": "user", "id": id}]));
        } else {
            assert_eq!(row["rows"][0]["version"], version, "{event}");
            assert_eq!(row["rows"][0]["mac"].as_str().map(str::len), Some(43));
        }
    }
}

fn create(clinic: &Clinic, members: Value) -> Value {
    let mut document = json!({ "password": GUESS });
    document.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    clinic.call("user.create", document)
}

fn call(clinic: &Clinic, operation: &str, document: &Value) -> Result<Vec<u8>, Error> {
    clinic.engine.call(&admin(), operation, document.to_string().as_bytes())
}
