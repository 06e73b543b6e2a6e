//! Clients of other systems, under the ids and secrets that they have there.

use crate::common::{Registered, admin, issue, register, try_issue, why};
use crate::http::{Clinic, GRANT, ask};
use serde_json::{Value, json};
use std::sync::Barrier;
use wardkey::{Denied, Error};

#[test]
fn an_imported_client_authenticates_with_its_old_id_and_secret() {
    let clinic = Clinic::open();
    for (id, secret) in [
        ("client-1", "plain-old-secret"),
        ("lab one", "with spaces in it"),
        ("urn:lab:one", "with:colons:in:it"),
        ("a+b%20c", "100%+safe%41"),
        ("{f3a1}\"\\", "quote\"and\\slash"),
        ("x", "\u{fc}n\u{ef}c\u{f6}d\u{e9} \u{4e2d}\u{6587}"),
    ] {
        let imported = import(&clinic, id, secret).unwrap();
        assert_eq!(imported["client_id"], id);
        assert!(!imported.to_string().contains(secret));
        issue(&clinic.engine, &registered(id, secret));
        let body = format!("{GRANT}&client_id={}&client_secret={}", encoded(id), encoded(secret));
        assert_eq!(ask(body).send(&clinic.engine).status, 200, "{id}");
        let basic = ask(GRANT).basic(&encoded(id), &encoded(secret));
        assert_eq!(basic.send(&clinic.engine).status, 200, "{id}");
        // As curl sends it, where that can be read at all.
        if !id.contains(':') {
            assert_eq!(ask(GRANT).basic(id, secret).send(&clinic.engine).status, 200, "{id}");
        }
        let wrong = registered(id, &format!("{secret}x"));
        assert_eq!(why(try_issue(&clinic.engine, &wrong)), Denied::SecretWrong);
    }
}

#[test]
fn an_imported_secret_is_stored_as_argon2id_and_its_hash_is_no_secret() {
    let clinic = Clinic::open();
    import(&clinic, "old", "correct horse").unwrap();
    let sql = "SELECT phc FROM credential WHERE client_id = 'old'";
    let phc: String = clinic.place.sqlite().query_row(sql, [], |row| row.get(0)).unwrap();
    assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
    assert_eq!(why(try_issue(&clinic.engine, &registered("old", &phc))), Denied::SecretWrong);
}

#[test]
fn a_long_secret_counts_to_its_last_byte() {
    let clinic = Clinic::open();
    let secret = "x".repeat(1024);
    import(&clinic, "old", &secret).unwrap();
    issue(&clinic.engine, &registered("old", &secret));
    let shorter = registered("old", &secret[..1023]);
    assert_eq!(why(try_issue(&clinic.engine, &shorter)), Denied::SecretWrong);
    let longer = registered("old", &"x".repeat(1025));
    assert_eq!(why(try_issue(&clinic.engine, &longer)), Denied::CredentialMalformed);
}

#[test]
fn an_id_that_is_taken_is_a_conflict_and_nothing_changes() {
    let clinic = Clinic::open();
    import(&clinic, "old", "correct horse").unwrap();
    let again = import(&clinic, "old", "another secret");
    assert!(matches!(again, Err(Error::Conflict { what: "client", .. })));
    issue(&clinic.engine, &registered("old", "correct horse"));
    try_issue(&clinic.engine, &registered("old", "another secret")).unwrap_err();
    let client = register(&clinic.engine);
    assert!(matches!(import(&clinic, &client.id, "long enough"), Err(Error::Conflict { .. })));
}

#[test]
fn an_id_that_no_client_may_have_is_refused_by_its_path() {
    let clinic = Clinic::open();
    let longest = "x".repeat(127);
    import(&clinic, &longest, "long enough").unwrap();
    let too_long = "x".repeat(128);
    for id in ["", " x", "x ", "usr_x", "usr_", "a\nb", "a\0", "\u{e9}", "a\tb", &too_long] {
        assert_eq!(path_of(import(&clinic, id, "long enough")), "client_id", "{id:?}");
    }
}

#[test]
fn a_secret_that_is_too_short_too_long_or_unprintable_is_refused_by_its_path() {
    let clinic = Clinic::open();
    import(&clinic, "shortest", "8 bytes!").unwrap();
    let too_long = "x".repeat(1025);
    for secret in ["", "7 bytes", "with\ncontrol", "with\0nul ", "with\u{7f}del", &too_long] {
        assert_eq!(path_of(import(&clinic, "x", secret)), "client_secret", "{secret:?}");
        let document = json!({"client_id": "shortest", "client_secret": secret}).to_string();
        let more = clinic.engine.call(&admin(), "client.secret.import", document.as_bytes());
        assert_eq!(path_of(more.map(|_| Value::Null)), "client_secret");
    }
}

#[test]
fn a_client_may_have_two_imported_secrets_beside_generated_ones() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    let add = |secret: &str| {
        let document = json!({"client_id": client.id, "client_secret": secret}).to_string();
        clinic.engine.call(&admin(), "client.secret.import", document.as_bytes())
    };
    for secret in ["the first one", "the second one"] {
        let answer: Value = serde_json::from_slice(&add(secret).unwrap()).unwrap();
        assert_eq!(answer["kind"], "imported");
        issue(&clinic.engine, &registered(&client.id, secret));
    }
    assert!(matches!(add("the third one"), Err(Error::Conflict { .. })));
    issue(&clinic.engine, &client);
}

#[test]
fn a_secret_that_another_wardkey_made_is_imported_as_what_it_is() {
    let clinic = Clinic::open();
    let secret = register(&Clinic::open().engine).secret;
    import(&clinic, "moved", &secret).unwrap();
    issue(&clinic.engine, &registered("moved", &secret));
    let sql = "SELECT kind FROM credential WHERE client_id = 'moved'";
    let kind: String = clinic.place.sqlite().query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(kind, "generated");
    assert!(matches!(
        import(&clinic, "twice", &secret),
        Err(Error::Conflict { what: "secret", .. })
    ));
    let read = clinic.engine.call(&admin(), "client.read", br#"{"client_id": "twice"}"#);
    assert!(matches!(read, Err(Error::NotFound { .. })));
}

#[test]
fn too_many_checks_at_once_are_overloaded_and_never_a_refusal() {
    let clinic = Clinic::open();
    import(&clinic, "old", "correct horse").unwrap();
    let (client, start) = (registered("old", "correct horse"), Barrier::new(48));
    let results: Vec<_> = std::thread::scope(|scope| {
        let run = || {
            start.wait();
            try_issue(&clinic.engine, &client)
        };
        let threads: Vec<_> = (0..48).map(|_| scope.spawn(run)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let good = results.iter().filter(|result| result.is_ok()).count();
    let overloaded =
        results.iter().filter(|result| matches!(result, Err(Error::Overloaded))).count();
    assert!(good > 0);
    assert!(overloaded > 0, "48 threads were never five at once");
    assert_eq!(good + overloaded, 48);
    // A generated secret is checked in microseconds and waits for nobody.
    issue(&clinic.engine, &register(&clinic.engine));
    issue(&clinic.engine, &client);
}

fn import(clinic: &Clinic, id: &str, secret: &str) -> Result<Value, Error> {
    let document = json!({
        "client_id": id, "client_secret": secret, "client_name": "Old", "scope": "lab:read",
    });
    let answer = clinic.engine.call(&admin(), "client.import", document.to_string().as_bytes())?;
    Ok(serde_json::from_slice(&answer).unwrap())
}

fn registered(id: &str, secret: &str) -> Registered {
    Registered { id: id.to_owned(), secret: secret.to_owned(), credential: String::new() }
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[track_caller]
fn path_of(result: Result<Value, Error>) -> String {
    match result {
        Err(Error::InvalidDocument { path, .. }) => path,
        other => panic!("{other:?}"),
    }
}
