//! The schema of the operations, as a judge of requests and responses.

use jsonschema::Validator;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::LazyLock;
use wardkey::Engine;

/// What is wrong with a request, as far as the schema knows.
pub(crate) fn refusal(operation: &str, request: &Value) -> Option<String> {
    REQUESTS[operation].iter_errors(request).next().map(|error| error.to_string())
}

/// Demands that a response is what the schema says, without any other member.
#[track_caller]
pub(crate) fn check_response(operation: &str, response: &Value) {
    let wrong: Vec<_> =
        RESPONSES[operation].iter_errors(response).map(|error| error.to_string()).collect();
    assert!(wrong.is_empty(), "{operation}: {wrong:?}");
}

/// The schema of a request, without references to be followed.
pub(crate) fn request(operation: &str) -> &'static Value {
    let reference = &SCHEMA["properties"][operation]["properties"]["request"]["$ref"];
    SCHEMA.pointer(&reference.as_str().unwrap()[1..]).unwrap()
}

static SCHEMA: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(&Engine::schema()).unwrap());

static REQUESTS: LazyLock<HashMap<&str, Validator>> = LazyLock::new(|| each("request", &SCHEMA));

/// A later release may add members to a response; this one must know all of its own.
static RESPONSES: LazyLock<HashMap<&str, Validator>> = LazyLock::new(|| {
    let mut closed = SCHEMA.clone();
    for document in closed["$defs"].as_object_mut().unwrap().values_mut() {
        let document = document.as_object_mut().unwrap();
        document.entry("additionalProperties").or_insert(json!(false));
    }
    each("response", &closed)
});

fn each(part: &str, schema: &Value) -> HashMap<&'static str, Validator> {
    let of = |operation| {
        let mut whole = schema["properties"][operation]["properties"][part].clone();
        whole["$defs"] = schema["$defs"].clone();
        (operation, jsonschema::draft202012::new(&whole).unwrap())
    };
    Engine::operations().map(of).collect()
}
