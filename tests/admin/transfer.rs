//! Clients that several sites have: `client.export` and `client.adopt`.

use crate::common::{admin, events, register, why};
use crate::http::Clinic;
use serde_json::{Value, json};
use wardkey::{Denied, Error};

#[test]
fn a_client_that_one_site_exports_another_adopts_with_everything_but_its_secrets() {
    let (here, there) = (Clinic::open(), Clinic::open());
    let client = register(&there.engine);
    let change = json!({
        "client_id": client.id, "description": "of the lab", "default_scope": "lab:read",
        "allowed_networks": ["192.0.2.0/24"], "access_token_lifetime": 600, "host_data": "x=1",
        "token_format": "opaque", "redirect_uris": ["https://lab.example/back"],
    });
    there.call("client.update", change);
    let exported = there.call("client.export", json!({"client_id": client.id}));
    assert!(!exported.to_string().contains(&client.secret));
    assert!(!exported.to_string().contains(&client.credential));
    assert_eq!(exported["issuer"], "https://localhost");
    let adopted = here.call("client.adopt", json!({"exported": exported}));
    let mut expected = exported["client"].clone();
    for member in ["client_id_issued_at", "updated_at"] {
        expected[member] = adopted[member].clone();
    }
    assert_eq!(adopted, expected);
    let rows = events(&here.engine, "client.adopt");
    assert_eq!(rows[0]["detail"]["site"], exported["site"]);
    assert_eq!(rows[0]["detail"]["issuer"], exported["issuer"]);
    assert_eq!(rows[0]["detail"]["client_id"], client.id);
    // Its secret there is none here, until it gets one.
    let refused = crate::common::try_issue(&here.engine, &client);
    assert_eq!(why(refused), Denied::SecretWrong);
    let secret = json!({"client_id": client.id, "client_secret": client.secret});
    here.call("client.secret.import", secret);
    crate::common::issue(&here.engine, &client);
}

#[test]
fn an_adopted_client_may_have_another_id_and_waits_if_it_is_told_to() {
    let clinic = Clinic::open();
    let client = register(&clinic.engine);
    let exported = clinic.call("client.export", json!({"client_id": client.id}));
    let same = refused(&clinic, json!({"exported": exported}));
    assert!(matches!(same, Error::Conflict { what: "client", .. }), "{same}");
    let document = json!({"exported": exported, "client_id": "lab-b", "enabled": false});
    let adopted = clinic.call("client.adopt", document);
    assert_eq!((&adopted["client_id"], &adopted["enabled"]), (&json!("lab-b"), &json!(false)));
}

#[test]
fn a_client_that_was_disabled_stays_so() {
    let (here, there) = (Clinic::open(), Clinic::open());
    let client = register(&there.engine);
    there.call("client.disable", json!({"client_id": client.id}));
    let exported = there.call("client.export", json!({"client_id": client.id}));
    assert_eq!(here.call("client.adopt", json!({"exported": exported}))["enabled"], false);
}

#[test]
fn what_is_false_in_an_exported_client_is_named_by_its_path() {
    let (here, there) = (Clinic::open(), Clinic::open());
    let client = register(&there.engine);
    let exported = there.call("client.export", json!({"client_id": client.id}));
    for (pointer, value, path) in [
        ("/format", json!(2), "exported.format"),
        ("/issuer", json!(""), "exported.issuer"),
        ("/issuer", json!("a\nb"), "exported.issuer"),
        ("/site", json!("x"), "exported.site"),
        ("/client", json!([]), "exported.client"),
        ("/client/client_id", json!("usr_x"), "exported.client.client_id"),
        ("/client/client_name", json!(""), "exported.client.client_name"),
        ("/client/scope", json!("lab:unheard"), "exported.client.scope"),
        ("/client/algorithm", json!("HS256"), "exported.client.algorithm"),
        ("/client/grant_types", json!(["biot_login"]), "exported.client.grant_types"),
    ] {
        let mut document = json!({"exported": exported});
        *document["exported"].pointer_mut(pointer).unwrap() = value;
        let error = refused(&here, document);
        assert!(matches!(&error, Error::InvalidDocument { path: p, .. } if p == path), "{error}");
    }
    let mut unknown = json!({"exported": exported});
    unknown["exported"]["client"]["client_secret"] = json!("x");
    assert!(matches!(refused(&here, unknown), Error::InvalidDocument { .. }));
    for document in [json!({}), json!({"exported": {}}), json!({"exported": []})] {
        assert!(matches!(refused(&here, document), Error::InvalidDocument { .. }));
    }
    assert!(
        here.call("client.list", json!({}))["clients"]
            .as_array()
            .unwrap()
            .iter()
            .all(|known| known["client_id"] != client.id.as_str())
    );
}

#[track_caller]
fn refused(clinic: &Clinic, document: Value) -> Error {
    let text = document.to_string();
    clinic.engine.call(&admin(), "client.adopt", text.as_bytes()).unwrap_err()
}
