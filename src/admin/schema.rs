//! The documents as a JSON Schema: what the types say of themselves, and what only the rules know.

use crate::admin::document::{Operation, parse};
use crate::crypto::Algorithm;
use crate::domain::{AuthMethod, Dialect, GrantType, TokenFormat, TokenTypeCase};
use crate::error::Error;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

/// Gathers the schema of one operation after the other.
pub(crate) struct Schemas {
    requests: SchemaGenerator,
    responses: SchemaGenerator,
    operations: Map<String, Value>,
    types: Vec<Request>,
}

/// A request type.
struct Request {
    name: String,
    /// Whether it refuses `null` as this member's value.
    refuses_null: fn(&str) -> bool,
}

impl Schemas {
    /// No operation yet.
    pub(crate) fn new() -> Self {
        let settings = SchemaSettings::draft2020_12;
        Self {
            requests: settings().for_deserialize().into_generator(),
            responses: settings().for_serialize().into_generator(),
            operations: Map::new(),
            types: Vec::new(),
        }
    }

    /// Adds an operation.
    pub(crate) fn add<O>(&mut self)
    where
        O: Operation + JsonSchema,
        O::Response: JsonSchema,
    {
        let name = O::schema_name().into_owned();
        self.types.push(Request { name, refuses_null: refuses_null::<O> });
        let exchange = json!({
            "type": "object",
            "properties": {
                "request": self.requests.subschema_for::<O>(),
                "response": self.responses.subschema_for::<O::Response>(),
            },
        });
        self.operations.insert(O::NAME.to_owned(), exchange);
    }

    /// The schema of all, as text.
    pub(crate) fn print(mut self) -> String {
        let mut types = self.requests.take_definitions(true);
        for Request { name, refuses_null } in &self.types {
            if let Some(request) = types.get_mut(name) {
                each_member(request, |member, schema| {
                    if refuses_null(member) {
                        without_null(schema);
                    }
                    limit(name, member, schema);
                });
                merge(request, &limits_of(name));
            }
        }
        if let Some(texts) = types.get_mut("Texts") {
            each_member(texts, |member, schema| limit("Texts", member, schema));
        }
        for (name, mut response) in self.responses.take_definitions(true) {
            let always = response.get("required").cloned().unwrap_or_default();
            // A member that may be absent is absent rather than `null`.
            each_member(&mut response, |member, schema| {
                if !contains(&always, member) {
                    without_null(schema);
                }
            });
            // What is read and printed alike stands here as it is read.
            types.entry(name).or_insert(response);
        }
        types.values_mut().for_each(tidy);
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "The operations of `call`",
            "description": DESCRIPTION,
            "type": "object",
            "properties": self.operations,
            "$defs": types,
        });
        format!("{schema:#}\n")
    }
}

/// Whether a request refuses `null` as this member's value: the type itself is asked, because the schema of an
/// `Option` cannot tell a member that may be left out from one that may be `null`.
fn refuses_null<O: Operation>(member: &str) -> bool {
    let document = json!({ member: null }).to_string();
    matches!(parse::<O>(document.as_bytes()), Err(Error::InvalidDocument { path, .. }) if path == member)
}

/// Shows each member of a type.
fn each_member(schema: &mut Value, mut show: impl FnMut(&str, &mut Value)) {
    if let Some(Value::Object(members)) = schema.get_mut("properties") {
        members.iter_mut().for_each(|(member, schema)| show(member, schema));
    }
}

fn without_null(schema: &mut Value) {
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            merge(schema, &json!({ "type": only }));
        }
    }
    let Some(Value::Array(either)) = schema.get_mut("anyOf") else {
        return;
    };
    either.retain(|schema| schema != &json!({"type": "null"}));
    if let [only] = either.as_slice() {
        let only = only.clone();
        if let Value::Object(members) = schema {
            members.remove("anyOf");
        }
        merge(schema, &only);
    }
}

/// Adds what is known of a request's member.
fn limit(name: &str, member: &str, schema: &mut Value) {
    let mut limits = limits_of(&format!("{name}.{member}"));
    if limits.is_null() {
        limits = if name == "Texts" { limits_of("Texts.*") } else { limits_of(member) };
    }
    merge(schema, &limits);
    let nullable = schema.get("type").is_some_and(|types| contains(types, "null"));
    if let Some(Value::Array(words)) = schema.get_mut("enum")
        && nullable
    {
        words.push(Value::Null);
    }
}

fn contains(list: &Value, text: &str) -> bool {
    list.as_array().is_some_and(|list| list.iter().any(|item| item == text))
}

fn merge(schema: &mut Value, more: &Value) {
    match (schema, more) {
        (Value::Object(schema), Value::Object(more)) => {
            for (keyword, value) in more {
                merge(schema.entry(keyword.clone()).or_insert(Value::Null), value);
            }
        }
        (_, Value::Null) => {}
        (schema, more) => *schema = more.clone(),
    }
}

/// Takes away what a reader has no use for: defaults that mean absence, line ends within a sentence, and
/// formats, of which JSON Schema knows none for numbers.
fn tidy(schema: &mut Value) {
    if let Value::Object(keywords) = schema {
        if keywords.get("default") == Some(&Value::Null) {
            keywords.remove("default");
        }
        // The keyword; a member of that name has a schema.
        if keywords.get("format").is_some_and(Value::is_string)
            && keywords.remove("format").is_some_and(|format| format == "uint32")
        {
            keywords.entry("maximum").or_insert(json!(u32::MAX));
        }
        if let Some(Value::String(text)) = keywords.get_mut("description") {
            let paragraphs = text.split("\n\n").map(|paragraph| paragraph.replace('\n', " "));
            *text = paragraphs.collect::<Vec<_>>().join("\n\n");
        }
    }
    match schema {
        Value::Object(keywords) => keywords.values_mut().for_each(tidy),
        Value::Array(list) => list.iter_mut().for_each(tidy),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What the rules refuse beyond what the types do: of a type, of one type's member, or of a member of that name in
/// every request. Where a
/// rule counts bytes, characters are counted here, and the rule is the narrower one.
#[expect(clippy::too_many_lines, reason = "one table")]
fn limits_of(name: &str) -> Value {
    let either =
        |one: &str, other: &str| json!({"oneOf": [{"required": [one]}, {"required": [other]}]});
    let text = |least: u32, most: u32| json!({"minLength": least, "maxLength": most});
    let most = |most: u32| json!({ "maxLength": most });
    let number = |least: u32, most: u32| json!({"minimum": least, "maximum": most});
    let list = |items: Value| json!({"maxItems": 64, "items": items});
    let grants = |known: &dyn Fn(GrantType) -> bool| {
        let all = GrantType::ALL.iter().filter(|grant| known(**grant));
        json!({"items": {"enum": all.map(|grant| grant.as_str()).collect::<Vec<_>>()}})
    };
    match name {
        "ClientCreate" => json!({"required": ["client_name"]}),
        "ClientImport" => json!({"required": ["client_id", "client_secret", "client_name"]}),
        "UserRead" => either("user_id", "username"),
        "TokenRevoke" => either("token", "jti"),
        "UserConfirm" => either("user_id", "all"),
        "UserConfirm.all" => json!({"const": true}),

        "limit" => number(1, 1000),
        "access_token_lifetime" => number(60, 2_592_000),
        "refresh_token_idle_lifetime" | "refresh_token_lifetime" => number(60, 31_622_400),
        "max_request_body" => number(1024, 1_048_576),
        "key_lifetime" => number(86_400, 315_576_000),
        "key_publish_ahead" => number(300, 315_575_999),
        "RateDocument.per_minute" => number(1, 60_000_000),
        "RateDocument.burst" => number(1, 1_000_000),
        "SettingsSet.max_file_size" => {
            json!({"minimum": 16_777_216, "maximum": 281_474_976_710_656_i64})
        }
        "audit_retention" => number(189_345_600, 3_155_760_000),
        "overlap" => number(0, 31_622_400),
        // In the future, whenever that is.
        "SecretRotate.expires_at" => json!({"maximum": 253_402_300_799_i64}),
        "not_before" | "expires_at" | "client_secret_expires_at" => {
            json!({"minimum": 0, "maximum": 253_402_300_799_i64})
        }

        "algorithm" => json!({"enum": Algorithm::ALL.map(Algorithm::as_str)}),
        "token_format" => {
            json!({"enum": TokenFormat::ALL.iter().map(|form| form.as_str()).collect::<Vec<_>>()})
        }
        "token_type_case" => {
            json!({"enum": TokenTypeCase::ALL.iter().map(|case| case.as_str()).collect::<Vec<_>>()})
        }
        "token_endpoint_auth_method" => {
            json!({"enum": AuthMethod::ALL.iter().map(|way| way.as_str()).collect::<Vec<_>>()})
        }
        "ClientUpdate.grant_types" => grants(&|_| true),
        "grant_types" => grants(&|grant| grant != GrantType::BiotLogin),
        "dialects" => json!({"items": {"enum": Dialect::ALL.map(Dialect::as_str)}}),
        "source" => json!({"enum": ["file", "host", "dpapi"]}),

        "ClientImport.client_id" => text(1, 127),
        "client_name" => text(1, 200),
        "client_secret" => most(1024),
        "label" | "secret_label" => most(200),
        "ScopeAdd.scope" => text(1, 128),
        // What is named must exist: no rule of its own.
        "ScopeRemove.scope" => json!({}),
        "ScopeAdd.description" => most(500),
        "description" => most(2000),
        "scope" | "default_scope" => most(4096),
        "host_data" => most(4096),
        "audience" => text(1, 255),
        // What is named must exist: no rule of its own.
        "IssuerRead.issuer"
        | "IssuerDisable.issuer"
        | "IssuerEnable.issuer"
        | "IssuerDelete.issuer"
        | "IssuerClientAdd.issuer"
        | "ClientDocument.issuer" => json!({}),
        "issuer" => json!({"maxLength": 255, "pattern": "^https://[^?#]+$"}),
        "clinic_name" => most(100),
        "RoleCreate.name" => json!({"minLength": 1, "maxLength": 64, "pattern": "^\\S*$"}),
        "AuditReport.month" => json!({"pattern": "^[0-9]{4}-(0[1-9]|1[0-2])$"}),
        "AuditAppend.event" => json!({"pattern": "^[a-z0-9._-]{1,64}$"}),
        "AuditAppend.outcome" => json!({"enum": ["allowed", "denied", "done"]}),
        "AuditAppend.reference" => most(255),
        "AuditAppend.detail" => json!({
            "maxProperties": 16,
            "propertyNames": {"pattern": "^[a-z0-9._-]{1,64}$"},
            "additionalProperties": {"maxLength": 255},
        }),
        "request_id" => json!({"pattern": "^[0-9a-f]{32}$"}),
        "redirect_uris" | "allowed_origins" | "allowed_networks" => list(json!({})),
        "roles" => list(json!({})),
        "password_blocklist" => list(text(1, 100)),
        "Texts.*" => text(1, 500),
        "Texts.lang" => text(1, 35),
        "Texts.dir" => json!({"enum": ["ltr", "rtl"]}),
        _ => Value::Null,
    }
}

const DESCRIPTION: &str = "A request and a response of each operation. What a request's schema refuses, the \
    operation refuses; it refuses more, which no schema can say. A later release may add members to responses.";
