//! docs/operations.schema.json and the tables of docs/operations.md are what the types of the operations say.
//! `BLESS=1` renews both.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests stop at the first surprise"
)]

use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use wardkey::Engine;

#[test]
fn the_schema_is_what_the_types_say() {
    compare("operations.schema.json", |_| Engine::schema());
}

#[test]
fn the_page_is_what_the_types_say() {
    let schema: Value = serde_json::from_str(&Engine::schema()).unwrap();
    compare("operations.md", |page| Printer::new(&schema).print(page));
}

#[test]
fn every_operation_is_described_and_nothing_else() {
    let schema: Value = serde_json::from_str(&Engine::schema()).unwrap();
    let described: BTreeSet<&str> =
        schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(described, Engine::operations().collect());
}

#[test]
fn every_type_and_every_member_has_a_meaning() {
    let schema: Value = serde_json::from_str(&Engine::schema()).unwrap();
    for (name, document) in schema["$defs"].as_object().unwrap() {
        assert!(document["description"].is_string(), "{name}");
        for (member, schema) in members(document) {
            assert!(schema["description"].is_string(), "{name}.{member}");
        }
    }
}

/// Compares a file of `docs/` with what it must be, which may keep parts of what it was.
fn compare(name: &str, print: impl Fn(&str) -> String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
    let mut committed = std::fs::read_to_string(&path).unwrap_or_default();
    let printed = print(&committed);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &printed).unwrap();
        committed = printed.clone();
    }
    let renew = "BLESS=1 cargo test --features schema --test operations";
    assert!(committed == printed, "docs/{name} is out of date: {renew}");
}

/// Prints the operations of each family, such as `client.*`, between two marks in the page.
struct Printer<'a> {
    operations: &'a Map<String, Value>,
    types: &'a Map<String, Value>,
}

impl<'a> Printer<'a> {
    fn new(schema: &'a Value) -> Self {
        Self {
            operations: schema["properties"].as_object().unwrap(),
            types: schema["$defs"].as_object().unwrap(),
        }
    }

    /// The page with every family renewed; one that it does not have yet comes last.
    fn print(&self, page: &str) -> String {
        let mut page = page.to_owned();
        let mut shown = BTreeSet::new();
        let families: BTreeSet<&str> = self.operations.keys().map(|name| family(name)).collect();
        let place = |page: &str, family: &str| page.find(&begin(family)).unwrap_or(page.len());
        let mut families: Vec<&str> = families.into_iter().collect();
        families.sort_by_key(|family| place(&page, family));
        for family in families {
            if !page.contains(&begin(family)) {
                let _ = write!(page, "\n## `{family}`\n\n{}{}", begin(family), end(family));
            }
            let (before, rest) = page.split_once(&begin(family)).unwrap();
            let (_, after) = rest.split_once(&end(family)).unwrap();
            let tables = self.family(family, &mut shown);
            page = format!("{before}{}\n{tables}{}{after}", begin(family), end(family));
        }
        page
    }

    fn family(&self, family_name: &str, shown: &mut BTreeSet<&'a str>) -> String {
        let of_family = self.operations.iter().filter(|(name, _)| family(name) == family_name);
        let mut text = String::new();
        let mut known: Vec<(&str, &str, &Value)> = Vec::new();
        let mut answers = Vec::new();
        for (name, exchange) in of_family {
            let request = self.at(&exchange["properties"]["request"]);
            let answer = type_of(&exchange["properties"]["response"]);
            let meaning = request["description"].as_str().unwrap();
            let meaning = meaning.strip_prefix(&format!("`{name}`: ")).unwrap_or(meaning);
            let _ = write!(text, "### `{name}`\n\n{}\n\n", sentence(meaning));
            let _ = writeln!(text, "{}", self.request(name, request, &mut known));
            let _ = write!(text, "Response: {}.\n\n", link(answer));
            let inner = members(request).map(|(_, schema)| schema);
            answers.extend(inner.flat_map(types_in));
            answers.push(answer);
        }
        // Each document once, with those in it behind it.
        while !answers.is_empty() {
            let name = answers.remove(0);
            if shown.insert(name) {
                text.push_str(&self.document(name));
                let inner = members(&self.types[name]).flat_map(|(_, schema)| types_in(schema));
                answers.extend(inner);
            }
        }
        text
    }

    /// A request's members; those that an operation above has alike are named alone.
    fn request(
        &self,
        operation: &'a str,
        request: &'a Value,
        known: &mut Vec<(&'a str, &'a str, &'a Value)>,
    ) -> String {
        let alike = |member: &str, schema: &Value| {
            let mut known = known.iter().filter(|(_, name, _)| *name == member);
            known.find(|(_, _, other)| *other == schema).map(|(operation, _, _)| *operation)
        };
        let (mut rows, mut named) = (Vec::new(), Vec::new());
        for (member, schema) in in_order(request) {
            match alike(member, schema) {
                Some(other) if !is_required(request, member) => named.push((other, member)),
                _ => rows.push((member, schema)),
            }
        }
        // A few more rows are easier to read than a reference.
        if named.len() < 4 {
            rows = in_order(request);
            named.clear();
        }
        known.extend(rows.iter().map(|(member, schema)| (operation, *member, *schema)));
        if rows.is_empty() && named.is_empty() {
            return "Request: `{}`.\n".to_owned();
        }
        let mut text = "Request:\n\n".to_owned() + &table(request, &rows);
        let others: BTreeSet<&str> = named.iter().map(|(other, _)| *other).collect();
        for other in others {
            let members = named.iter().filter(|(known, _)| *known == other);
            let members: Vec<_> = members.map(|(_, member)| format!("`{member}`")).collect();
            let _ = write!(text, "\nAs in `{other}`: {}.\n", members.join(", "));
        }
        text
    }

    /// A document's members; those of a smaller one that it holds are not repeated.
    fn document(&self, name: &str) -> String {
        let document = &self.types[name];
        let mut text = format!("#### {name}\n\n{}\n\n", document["description"].as_str().unwrap());
        let mut rows = in_order(document);
        if rows.is_empty() {
            return text;
        }
        let holds = |other: &Value| {
            let mut all = members(other);
            other != document
                && members(other).count() > 4
                && all.all(|(member, schema)| document["properties"].get(member) == Some(schema))
        };
        if let Some((inner, held)) = self.types.iter().find(|(_, other)| holds(other)) {
            let _ = write!(text, "The members of {}, and:\n\n", link(inner));
            rows.retain(|(member, _)| held["properties"].get(member).is_none());
        }
        text.push_str(&table(document, &rows));
        text.push('\n');
        text
    }

    fn at(&self, reference: &Value) -> &'a Value {
        &self.types[type_of(reference)]
    }
}

/// `client.secret.*` of `client.secret.create`.
fn family(operation: &str) -> &str {
    operation.rsplit_once('.').unwrap().0
}

fn begin(family: &str) -> String {
    format!("<!-- {family}.*: printed from the types by tests/operations.rs -->\n")
}

fn end(family: &str) -> String {
    format!("<!-- end of {family}.* -->\n")
}

fn members(document: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let members = document.get("properties").and_then(Value::as_object);
    members.into_iter().flatten().map(|(member, schema)| (member.as_str(), schema))
}

/// Those that must be there first.
fn in_order(document: &Value) -> Vec<(&str, &Value)> {
    let mut all: Vec<_> = members(document).collect();
    let place = |member: &str| {
        let required = document["required"].as_array().into_iter().flatten();
        required.enumerate().find(|(_, name)| *name == member).map_or(usize::MAX, |(at, _)| at)
    };
    all.sort_by_key(|(member, _)| place(member));
    all
}

fn is_required(document: &Value, member: &str) -> bool {
    document["required"].as_array().is_some_and(|required| required.iter().any(|m| m == member))
}

fn table(document: &Value, rows: &[(&str, &Value)]) -> String {
    let request = document["additionalProperties"] == Value::Bool(false);
    let mut text = if request {
        "| member | type | required | meaning | default |\n|---|---|---|---|---|\n".to_owned()
    } else {
        "| member | type | always there | meaning |\n|---|---|---|---|\n".to_owned()
    };
    for (member, schema) in rows {
        let (meaning, default) = meaning_and_default(schema);
        let required = if is_required(document, member) { "yes" } else { "" };
        let _ = write!(
            text,
            "| `{member}` | {} | {required} | {} |",
            kind(schema).replace('|', "\\|"),
            meaning.replace('\n', " ").replace('|', "\\|"),
        );
        let default = default.replace('|', "\\|");
        text.push_str(&if request { format!(" {default} |\n") } else { "\n".to_owned() });
    }
    if let Some(either) = document["oneOf"].as_array() {
        let either: Vec<_> = either.iter().filter_map(|one| one["required"][0].as_str()).collect();
        let _ = write!(text, "\nEither `{}` is given.\n", either.join("` or `"));
    }
    text
}

/// A member's description, without the sentence on its default.
fn meaning_and_default(schema: &Value) -> (String, String) {
    let text = schema["description"].as_str().unwrap();
    if let Some(default) = schema.get("default") {
        let default = default.as_str().map_or_else(|| format!("`{default}`"), str::to_owned);
        let text = text.replace(" Default empty.", "");
        return (text, if default.is_empty() { "empty".to_owned() } else { default });
    }
    for (word, said) in [("Default ", ""), ("At first ", "at first ")] {
        if let Some((meaning, default)) = text.rsplit_once(word) {
            let default = default.strip_suffix('.').unwrap_or(default);
            return (meaning.trim_end().to_owned(), format!("{said}{default}"));
        }
    }
    (text.to_owned(), String::new())
}

/// A type in words.
fn kind(schema: &Value) -> String {
    if schema.get("$ref").is_some() {
        return link(type_of(schema));
    }
    if let Some(either) = schema["anyOf"].as_array() {
        let kinds: Vec<_> = either.iter().filter(|one| one["type"] != "null").map(kind).collect();
        let null = if kinds.len() < either.len() { ", or `null`" } else { "" };
        return kinds.join(", or ") + null;
    }
    let names = match &schema["type"] {
        Value::String(name) => vec![name.as_str()],
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
            return "any".to_owned();
        }
    };
    let null = if names.contains(&"null") { ", or `null`" } else { "" };
    let name = names.first().copied().unwrap_or_default();
    if let Some(only) = schema.get("const") {
        return format!("`{only}`");
    }
    if let Some(words) = schema["enum"].as_array() {
        let words = words.iter().filter_map(Value::as_str);
        let words: Vec<_> = words.map(|word| format!("`{word}`")).collect();
        return words.join(", ") + null;
    }
    let text = match name {
        "array" => {
            let most = schema["maxItems"]
                .as_u64()
                .map_or(String::new(), |most| format!(", at most {most}"));
            format!("list of {}{most}", kind(&schema["items"]))
        }
        "string" => format!("string{}", range(schema, "minLength", "maxLength", " characters")),
        "integer" => format!("integer{}", range(schema, "minimum", "maximum", "")),
        name => name.to_owned(),
    };
    text + null
}

fn range(schema: &Value, least: &str, most: &str, unit: &str) -> String {
    let most = schema[most].as_u64().filter(|most| *most != u64::from(u32::MAX));
    match (schema[least].as_u64(), most) {
        (Some(least), Some(most)) => format!(", {least} to {most}{unit}"),
        (None, Some(most)) => format!(", at most {most}{unit}"),
        (Some(_) | None, None) => String::new(),
    }
}

/// The types that a member's schema names.
fn types_in(schema: &Value) -> Vec<&str> {
    let own = schema.get("$ref").map(|_| type_of(schema));
    let either = schema["anyOf"].as_array().into_iter().flatten();
    let inner = schema.get("items").into_iter().chain(either);
    own.into_iter().chain(inner.flat_map(types_in)).collect()
}

fn type_of(reference: &Value) -> &str {
    reference["$ref"].as_str().unwrap().rsplit('/').next().unwrap()
}

fn link(name: &str) -> String {
    format!("[{name}](#{})", name.to_lowercase())
}

/// With a capital letter.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
