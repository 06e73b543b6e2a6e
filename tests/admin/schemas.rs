//! docs/operations.schema.json holds: the documents fit it, and what it refuses is refused. Every response of the
//! other tests is compared with it too, in `Clinic::call`.

use crate::common::{admin, issue, register};
use crate::documents::{samples, user_of};
use crate::http::{Clinic, schema};
use serde_json::{Value, json};
use wardkey::Error;

#[test]
fn every_sample_document_fits_the_schema() {
    for (name, document) in samples("c", "d", "u") {
        assert_eq!(schema::refusal(name, &document), None, "{name}");
    }
}

#[test]
fn what_the_schema_refuses_is_refused() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    let user = user_of(&clinic);
    let samples = samples(&client.id, &client.credential, &user);
    // Whose clients are added.
    let (_, site) = samples.iter().find(|(name, _)| *name == "issuer.import").unwrap();
    clinic.call("issuer.import", site.clone());
    for (name, document) in samples {
        let mut refused = 0;
        for wrong in mutations(name, &document) {
            let Some(why) = schema::refusal(name, &wrong) else {
                continue;
            };
            refused += 1;
            let answer = clinic.engine.call(&admin(), name, wrong.to_string().as_bytes());
            let fits = matches!(answer, Err(Error::InvalidDocument { .. }));
            assert!(fits, "{name} is refused by the schema alone: {why:.200}: {answer:?}");
        }
        assert!(refused > 0, "{name}");
    }
}

#[test]
fn a_member_may_be_null_exactly_where_the_schema_says_so() {
    let clinic = Clinic::open();
    for (name, document) in samples("c", "d", "u") {
        for member in document.as_object().unwrap().keys() {
            let mut with = document.clone();
            with[member] = Value::Null;
            let answer = clinic.engine.call(&admin(), name, with.to_string().as_bytes());
            let refused =
                matches!(&answer, Err(Error::InvalidDocument { path, .. }) if path == member);
            assert_eq!(refused, schema::refusal(name, &with).is_some(), "{name} {member}");
        }
    }
}

#[test]
fn a_number_may_be_what_the_schema_says_at_most_and_at_least() {
    let clinic = Clinic::open();
    for (name, document) in samples("c", "d", "u") {
        for (member, kind) in members(name) {
            for bound in ["minimum", "maximum"] {
                let Some(number) = kind[bound].as_i64() else {
                    continue;
                };
                // A time that stands alone; two must be in their order.
                let mut with = document.clone();
                if member == "not_before" {
                    with.as_object_mut().unwrap().remove("expires_at");
                } else if member == "expires_at" {
                    with.as_object_mut().unwrap().remove("not_before");
                } else if member == "key_publish_ahead" {
                    with["key_lifetime"] = Value::Null;
                }
                with[member] = json!(number);
                let answer = clinic.engine.call(&admin(), name, with.to_string().as_bytes());
                let refused =
                    matches!(&answer, Err(Error::InvalidDocument { path, .. }) if path == member);
                assert!(!refused, "{name} {member} {number}: {answer:?}");
            }
        }
    }
}

#[test]
fn the_documents_of_living_things_fit_the_schema() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    let token = issue(&clinic.engine, &client);
    for (name, document) in [
        ("token.introspect", json!({"token": token})),
        ("token.introspect", json!({"token": "x"})),
        ("leak.find", json!({"text": token})),
        ("leak.find", json!({"text": client.secret})),
        ("client.secret.list", json!({"client_id": client.id})),
        ("client.list", json!({"limit": 1})),
        ("audit.read", json!({})),
        ("audit.explain", json!({"request_id": "0".repeat(32)})),
        ("key.list", json!({})),
        ("token.revoke", json!({"token": token})),
    ] {
        clinic.call(name, document);
    }
}

fn members(name: &str) -> impl Iterator<Item = (&'static String, &'static Value)> {
    schema::request(name).get("properties").and_then(Value::as_object).into_iter().flatten()
}

/// The document with one thing changed at a time, into what the schema may refuse.
fn mutations(name: &str, document: &Value) -> Vec<Value> {
    let mut all = Vec::new();
    let mut with = |member: &str, value: Value| {
        let mut changed = document.clone();
        changed[member] = value;
        all.push(changed);
    };
    with("colour", json!(1));
    for (member, kind) in members(name) {
        for value in
            [json!(null), json!("x"), json!(""), json!(-1), json!(1.5), json!(true), json!({})]
        {
            with(member, value);
        }
        for value in [json!([1]), json!(["x"]), json!([null])] {
            with(member, value);
        }
        with(member, kind["minimum"].as_i64().map_or(json!(i64::MIN), |least| json!(least - 1)));
        with(member, kind["maximum"].as_i64().map_or(json!(u64::MAX), |most| json!(most + 1)));
        if let Some(most) = kind["maxLength"].as_u64() {
            with(member, json!("a".repeat(usize::try_from(most).unwrap() + 1)));
        }
        if let Some(most) = kind["maxItems"].as_u64() {
            let item = document[member][0].clone();
            with(member, json!(vec![item; usize::try_from(most).unwrap() + 1]));
        }
    }
    for member in document.as_object().unwrap().keys() {
        let mut without = document.clone();
        without.as_object_mut().unwrap().remove(member);
        all.push(without);
    }
    all
}
