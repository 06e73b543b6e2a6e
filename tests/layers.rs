//! The layers and absences that ARCHITECTURE.md states, held by reading `src/`: comments, texts and test
//! code aside, every path is looked at. Plain tokens, no syntax tree: what a macro hides from this reading
//! it would hide from a reviewer too.

use std::collections::BTreeSet;
use std::path::Path;

/// Lowest first. Two layers of one rank do not name each other.
const LAYERS: [(&str, u8); 11] = [
    ("error", 0),
    ("sys", 1),
    ("base", 2),
    ("crypto", 3),
    ("store", 4),
    ("domain", 5),
    ("oauth", 6),
    ("admin", 6),
    ("engine", 7),
    ("ffi", 8),
    ("bin", 9),
];

/// What `ffi` reaches only through the engine and the crate's public names.
const BEHIND_ENGINE: [&str; 3] = ["store", "domain", "oauth"];

/// JSON is the faces' and the formats' business, never that of a rule or of the engine.
const WITHOUT_JSON: [&str; 5] = ["error", "sys", "base", "domain", "engine"];

/// Lines of a file, tests aside.
const LONGEST_FILE: usize = 500;

#[test]
fn a_layer_names_itself_and_lower_layers_only() {
    hold(layering);
}

#[test]
fn only_one_file_knows_rusqlite() {
    hold(|file| names_outside(file, &["rusqlite"], |path| path == "store/db.rs"));
}

#[test]
fn only_sys_and_the_boundary_are_unsafe() {
    hold(unsafety);
}

#[test]
fn only_sys_knows_the_operating_systems_bindings() {
    let bindings = ["libc", "windows_sys", "memmap2"];
    hold(|file| names_outside(file, &bindings, is_boundary));
}

#[test]
fn no_rule_and_no_engine_knows_json() {
    hold(json);
}

#[test]
fn only_one_file_reads_the_machines_clock() {
    hold(|file| names_outside(file, &["SystemTime", "Instant"], |path| path == "sys/clock.rs"));
}

#[test]
fn the_library_starts_no_thread_and_reads_no_environment() {
    hold(quietness);
}

#[test]
fn no_file_is_longer_than_500_lines_without_its_tests() {
    hold(length);
}

// The library asks its `sys`; the tool has none, and is built for Windows too.
#[test]
fn the_tool_names_unix_only_where_it_is_compiled_for_unix() {
    let unguarded = |source: &str| {
        let lines: Vec<&str> = source.lines().collect();
        let names = |line: &&str| line.contains("os::unix");
        let guarded =
            |at: usize| lines[at.saturating_sub(3)..at].iter().any(|l| l.contains("#[cfg(unix)]"));
        (0..lines.len()).filter(|at| names(&lines[*at]) && !guarded(*at)).count()
    };
    assert_eq!(unguarded("fn f() {\n    use std::os::unix::fs::MetadataExt;\n}"), 1);
    assert_eq!(unguarded("#[cfg(unix)]\nfn f() {\n    use std::os::unix::fs::MetadataExt;\n}"), 0);
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bin/wardkey")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let source = std::fs::read_to_string(&path).unwrap_or_default();
                assert_eq!(unguarded(&source), 0, "{}", path.display());
            }
        }
    }
}

/// Fails with every violation of a rule in `src/`.
fn hold(rule: impl Fn(&File) -> Vec<String>) {
    let files = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert!(files.len() > 50, "src/ was not found: {} files", files.len());
    let broken: Vec<String> = files.iter().flat_map(rule).collect();
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

fn layering(file: &File) -> Vec<String> {
    let layer = match file.layer() {
        // The crate's root is the table of contents of all layers.
        "lib" => return Vec::new(),
        // A program of its own: its `crate` is itself, and it has the library's public names alone.
        "bin" => return Vec::new(),
        layer => layer,
    };
    let Some(rank) = rank_of(layer) else {
        return vec![format!("src/{}: `{layer}` is no layer", file.path)];
    };
    let mut broken = Vec::new();
    for (line, name) in named_from_root(file) {
        let why = match rank_of(&name) {
            // The public names are for those above the engine.
            None if layer == "ffi" => continue,
            None => format!("names `{name}` of the crate's root instead of a layer's own"),
            Some(_) if name == layer => continue,
            Some(_) if layer == "ffi" && BEHIND_ENGINE.contains(&name.as_str()) => {
                format!("names `{name}`, which is behind the engine")
            }
            Some(other) if other < rank => continue,
            Some(_) => format!("names `{name}`, which is not below `{layer}`"),
        };
        broken.push(file.at(line, &why));
    }
    broken
}

fn rank_of(name: &str) -> Option<u8> {
    LAYERS.iter().find(|(known, _)| *known == name).map(|(_, rank)| *rank)
}

fn names_outside(file: &File, words: &[&str], home: impl Fn(&str) -> bool) -> Vec<String> {
    if home(&file.path) {
        return Vec::new();
    }
    let named = file.tokens.iter().filter(|token| words.contains(&token.text.as_str()));
    named.map(|token| file.at(token.line, &format!("names `{}`", token.text))).collect()
}

fn is_boundary(path: &str) -> bool {
    path.starts_with("sys/") || path == "ffi/boundary.rs"
}

/// The attribute of an exported function says `unsafe` too, and promises no more than its name.
fn unsafety(file: &File) -> Vec<String> {
    if is_boundary(&file.path) {
        return Vec::new();
    }
    let is_export = |at: usize| {
        file.layer() == "ffi" && file.text(at + 1) == "(" && file.text(at + 2) == "no_mangle"
    };
    let found = file.positions("unsafe").filter(|at| !is_export(*at));
    found.map(|at| file.at(file.line(at), "says `unsafe`")).collect()
}

fn json(file: &File) -> Vec<String> {
    let knows = |_: &str| !WITHOUT_JSON.contains(&file.layer());
    names_outside(file, &["serde_json"], knows)
}

fn quietness(file: &File) -> Vec<String> {
    if file.layer() == "bin" {
        return Vec::new();
    }
    let mut broken = names_outside(file, &["thread_local"], |_| false);
    let forbidden = [("thread", "spawn"), ("thread", "Builder"), ("thread", "scope")];
    let environment = ["var", "vars", "var_os", "vars_os", "set_var"].map(|name| ("env", name));
    for (module, name) in forbidden.into_iter().chain(environment) {
        for at in file.positions(module) {
            if file.text(at + 1) == "::" && file.text(at + 2) == name {
                broken.push(file.at(file.line(at), &format!("calls `{module}::{name}`")));
            }
        }
    }
    broken
}

fn length(file: &File) -> Vec<String> {
    let long = file.lines > LONGEST_FILE;
    let why = format!("src/{} has {} lines without its tests", file.path, file.lines);
    long.then_some(why).into_iter().collect()
}

/// The first names of all paths that begin at the crate's root, with their lines.
fn named_from_root(file: &File) -> Vec<(usize, String)> {
    let mut named = Vec::new();
    let mut module = file.module();
    // Modules written inside the file, and the depth of braces that each began at.
    let mut inner: Vec<usize> = Vec::new();
    let mut depth = 0;
    for at in 0..file.tokens.len() {
        match file.text(at) {
            "{" => {
                if at >= 2 && file.text(at - 2) == "mod" {
                    inner.push(depth);
                    module.push(file.text(at - 1).to_owned());
                }
                depth += 1;
            }
            "}" => {
                depth = depth.saturating_sub(1);
                if inner.last() == Some(&depth) {
                    inner.pop();
                    module.pop();
                }
            }
            "crate" if !is_visibility(file, at) => {
                named
                    .extend(file.names_after(at + 1).into_iter().map(|name| (file.line(at), name)));
            }
            "super" if !is_visibility(file, at) => {
                let (end, ups) = file.ups(at);
                // A chain is looked at from its first `super` alone.
                let continues =
                    at >= 2 && file.text(at - 1) == "::" && file.text(at - 2) == "super";
                if !continues && ups >= module.len() {
                    let names = file.names_after(end).into_iter();
                    named.extend(names.map(|name| (file.line(at), name)));
                }
            }
            _ => {}
        }
    }
    named
}

/// `pub(crate)`, `pub(super)`, `pub(in crate)`.
fn is_visibility(file: &File, at: usize) -> bool {
    file.text(at + 1) == ")" && at > 0 && matches!(file.text(at - 1), "(" | "in")
}

/// A source file without comments, texts and tests.
struct File {
    /// Below `src/`, with slashes.
    path: String,
    tokens: Vec<Token>,
    /// Lines that are not tests.
    lines: usize,
    /// Modules in files of their own that are compiled for tests alone.
    test_modules: Vec<String>,
}

struct Token {
    text: String,
    line: usize,
}

impl File {
    fn new(path: &str, source: &str) -> Self {
        let (tokens, test_modules, test_lines) = without_tests(tokens(source));
        let lines = source.lines().count().saturating_sub(test_lines);
        Self { path: path.to_owned(), tokens, lines, test_modules }
    }

    fn layer(&self) -> &str {
        let first = self.path.split('/').next().unwrap_or_default();
        first.strip_suffix(".rs").unwrap_or(first)
    }

    /// The module that the file is, as names from the crate's root.
    fn module(&self) -> Vec<String> {
        let path = self.path.strip_suffix(".rs").unwrap_or(&self.path);
        let path = path.strip_suffix("/mod").unwrap_or(path);
        let names = path.split('/').filter(|name| *name != "lib");
        names.map(str::to_owned).collect()
    }

    fn text(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| &token.text)
    }

    fn line(&self, at: usize) -> usize {
        self.tokens.get(at).map_or(0, |token| token.line)
    }

    fn positions(&self, text: &str) -> impl Iterator<Item = usize> {
        (0..self.tokens.len()).filter(move |at| self.text(*at) == text)
    }

    fn at(&self, line: usize, why: &str) -> String {
        format!("src/{}:{line}: {why}", self.path)
    }

    /// Where a chain of `super::super` that begins at `at` ends, and how many levels it goes up.
    fn ups(&self, at: usize) -> (usize, usize) {
        let (mut end, mut ups) = (at + 1, 1);
        while self.text(end) == "::" && self.text(end + 1) == "super" {
            (end, ups) = (end + 2, ups + 1);
        }
        (end, ups)
    }

    /// The first name of the path that goes on at `at`, or of each path of a group; the whole root if
    /// none does.
    fn names_after(&self, at: usize) -> Vec<String> {
        match (self.text(at), self.text(at + 1)) {
            ("::", "{") => self.group(at + 2),
            ("::", name) => vec![name.to_owned()],
            _ => vec!["crate".to_owned()],
        }
    }

    fn group(&self, start: usize) -> Vec<String> {
        let (mut names, mut depth, mut expected) = (Vec::new(), 1, true);
        for at in start..self.tokens.len() {
            match self.text(at) {
                "{" => depth += 1,
                "}" => depth -= 1,
                "," if depth == 1 => expected = true,
                name if expected => {
                    names.push(name.to_owned());
                    expected = false;
                }
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
        names
    }
}

/// All files below `src/` but those that are tests alone.
fn sources(root: &Path) -> Vec<File> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let source = std::fs::read_to_string(&path).unwrap_or_default();
                let inside = path.strip_prefix(root).unwrap_or(&path).to_string_lossy();
                files.push(File::new(&inside.replace('\\', "/"), &source));
            }
        }
    }
    files.sort_by(|one, other| one.path.cmp(&other.path));
    let tests: BTreeSet<String> = files.iter().flat_map(test_paths).collect();
    files.retain(|file| !tests.contains(&file.module().join("/")));
    files
}

fn test_paths(file: &File) -> Vec<String> {
    let module = file.module();
    let path = |name: &String| [module.as_slice(), std::slice::from_ref(name)].concat().join("/");
    file.test_modules.iter().map(path).collect()
}

/// The tokens that are not of items under `#[cfg(test)]` or `#[test]`, the test modules declared, and how
/// many lines the rest has.
fn without_tests(tokens: Vec<Token>) -> (Vec<Token>, Vec<String>, usize) {
    let texts: Vec<String> = tokens.iter().map(|token| token.text.clone()).collect();
    let text = |at: usize| texts.get(at).map_or("", String::as_str);
    let mut skipped = vec![false; tokens.len()];
    let mut modules = Vec::new();
    let mut lines = BTreeSet::new();
    let mut at = 0;
    while at < texts.len() {
        let Some(attribute) =
            attribute_end(&texts, at).filter(|end| is_test(texts.get(at + 2..*end)))
        else {
            at += 1;
            continue;
        };
        let mut start = attribute + 1;
        while let Some(end) = attribute_end(&texts, start) {
            start = end + 1;
        }
        let end = item_end(&texts, start);
        if let Some(module) = (start..end).find(|at| text(*at) == "mod")
            && text(module + 2) == ";"
        {
            modules.push(text(module + 1).to_owned());
        }
        skipped.iter_mut().take(end).skip(at).for_each(|skip| *skip = true);
        let line = |at: usize| tokens.get(at).map_or(0, |token| token.line);
        lines.extend(line(at)..=line(end.saturating_sub(1)));
        at = end;
    }
    let kept = tokens.into_iter().zip(skipped).filter(|(_, skip)| !skip).map(|(token, _)| token);
    (kept.collect(), modules, lines.len())
}

/// Where the attribute that begins at `at` has its closing bracket.
fn attribute_end(texts: &[String], at: usize) -> Option<usize> {
    let text = |at: usize| texts.get(at).map_or("", String::as_str);
    if text(at) != "#" || text(at + 1) != "[" {
        return None;
    }
    let mut depth = 0;
    (at + 1..texts.len()).find(|at| {
        match text(*at) {
            "[" => depth += 1,
            "]" => depth -= 1,
            _ => {}
        }
        depth == 0
    })
}

/// Whether an attribute's tokens mean "in tests alone": `test`, `cfg(test)`, `cfg(all(.., test, ..))`.
fn is_test(attribute: Option<&[String]>) -> bool {
    let words: Vec<&str> = attribute.unwrap_or_default().iter().map(String::as_str).collect();
    match words.as_slice() {
        ["test"] | ["cfg", "(", "test", ")"] => true,
        ["cfg", "(", "all", "(", rest @ ..] => {
            let mut depth = 0;
            rest.iter().any(|word| {
                match *word {
                    "(" => depth += 1,
                    ")" => depth -= 1,
                    _ => {}
                }
                depth == 0 && *word == "test"
            })
        }
        _ => false,
    }
}

/// Behind the last token of the item, field or variant that begins at `start`.
fn item_end(texts: &[String], start: usize) -> usize {
    let is_item = texts.get(start).is_some_and(|first| ITEMS.contains(&first.as_str()));
    let mut depth = 0;
    for (at, text) in texts.iter().enumerate().skip(start) {
        match text.as_str() {
            "(" | "[" | "{" => depth += 1,
            "}" if depth == 0 => return at,
            ")" | "]" => depth -= 1,
            "}" => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            ";" if depth == 0 => return at + 1,
            "," if depth == 0 && !is_item => return at + 1,
            _ => {}
        }
    }
    texts.len()
}

const ITEMS: [&str; 15] = [
    "pub",
    "fn",
    "mod",
    "use",
    "const",
    "static",
    "impl",
    "struct",
    "enum",
    "trait",
    "type",
    "unsafe",
    "async",
    "extern",
    "macro_rules",
];

/// Names, numbers, `::` and single signs; every text and character as one empty text.
fn tokens(source: &str) -> Vec<Token> {
    let mut reader = Reader { rest: source, line: 1 };
    let mut tokens = Vec::new();
    while let Some(first) = reader.rest.chars().next() {
        let line = reader.line;
        if first.is_whitespace() {
            reader.skip(first.len_utf8());
        } else if reader.rest.starts_with("//") {
            reader.skip(reader.rest.find('\n').unwrap_or(reader.rest.len()));
        } else if reader.rest.starts_with("/*") {
            reader.skip_comment();
        } else if let Some(length) = reader.text_length() {
            reader.skip(length);
            tokens.push(Token { text: "\"\"".to_owned(), line });
        } else {
            let length = reader.word_length();
            let word = reader.rest.get(..length).unwrap_or_default();
            let text = word.strip_prefix("r#").unwrap_or(word).to_owned();
            reader.skip(length);
            tokens.push(Token { text, line });
        }
    }
    tokens
}

struct Reader<'a> {
    rest: &'a str,
    line: usize,
}

impl Reader<'_> {
    fn skip(&mut self, length: usize) {
        let (skipped, rest) = self.rest.split_at(length);
        self.line += skipped.matches('\n').count();
        self.rest = rest;
    }

    /// Block comments nest.
    fn skip_comment(&mut self) {
        let mut depth = 0;
        loop {
            if self.rest.starts_with("/*") {
                depth += 1;
                self.skip(2);
            } else if self.rest.starts_with("*/") {
                depth -= 1;
                self.skip(2);
            } else {
                self.skip(self.rest.chars().next().map_or(0, char::len_utf8));
            }
            if depth == 0 || self.rest.is_empty() {
                return;
            }
        }
    }

    /// The length of the text or character that begins here, if one does.
    fn text_length(&self) -> Option<usize> {
        let prefix = ["br", "cr", "b", "c", "r", ""];
        let prefix = prefix.into_iter().find(|prefix| {
            let rest = self.rest.strip_prefix(prefix).unwrap_or_default();
            let hashed = rest.trim_start_matches('#');
            let raw = prefix.ends_with('r') && hashed.starts_with('"');
            raw || rest.starts_with('"') || (rest.starts_with('\'') && matches!(*prefix, "b" | ""))
        })?;
        let rest = self.rest.get(prefix.len()..)?;
        let inside = if prefix.ends_with('r') {
            let hashes = rest.len() - rest.trim_start_matches('#').len();
            let end = format!("\"{}", "#".repeat(hashes));
            let body = rest.get(hashes + 1..)?;
            hashes + 1 + body.find(&end)? + end.len()
        } else if rest.starts_with('"') {
            quoted(rest, '"')?
        } else {
            // A lifetime is no character: `'a` has no quote behind its first letter.
            let mut characters = rest.chars().skip(1);
            let (first, second) = (characters.next()?, characters.next()?);
            if first != '\\' && second != '\'' {
                return None;
            }
            quoted(rest, '\'')?
        };
        Some(prefix.len() + inside)
    }

    /// The length of the name, number or sign that begins here.
    fn word_length(&self) -> usize {
        let is_name = |character: char| character.is_alphanumeric() || character == '_';
        let raw = if self.rest.starts_with("r#") { 2 } else { 0 };
        let rest = self.rest.get(raw..).unwrap_or_default();
        let name = rest.find(|character| !is_name(character)).unwrap_or(rest.len());
        if name > 0 {
            raw + name
        } else if self.rest.starts_with("::") {
            2
        } else {
            self.rest.chars().next().map_or(0, char::len_utf8)
        }
    }
}

/// The length of a quoted text with its quotes; a backslash takes the next character with it.
fn quoted(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if character == '\\' {
            escaped = true;
        } else if character == quote {
            return Some(at + 1);
        }
    }
    None
}

/// The rules themselves: each finds a violation that was made up, and leaves the allowed alone.
mod rules {
    use super::*;

    fn broken(rule: impl Fn(&File) -> Vec<String>, path: &str, source: &str) -> usize {
        rule(&File::new(path, source)).len()
    }

    #[test]
    fn a_path_to_a_higher_layer_is_found() {
        for source in [
            "use crate::engine::Engine;",
            "use crate::{base::Secret, engine};",
            "use crate::{\n    base::{Secret, UnixTime},\n    oauth,\n};",
            "fn f() -> crate::oauth::HttpRequest { todo!() }",
            "macro_rules! m { () => { $crate::ffi::x() }; }",
            "use super::super::engine::Engine;",
            "use super::super::{store, engine as e};",
            "mod inner { use super::super::super::admin; }",
            "use crate::Engine;",
            "use crate as everything;",
            "use crate::*;",
        ] {
            assert_eq!(broken(layering, "domain/gate.rs", source), 1, "{source}");
        }
        assert_eq!(broken(layering, "domain/mod.rs", "use super::engine::Engine;"), 1);
        assert_eq!(broken(layering, "oauth/token.rs", "use crate::admin::Done;"), 1);
        assert_eq!(broken(layering, "admin/token.rs", "use crate::oauth::route;"), 1);
        assert_eq!(broken(layering, "util/mod.rs", ""), 1);
    }

    #[test]
    fn a_path_to_the_same_or_a_lower_layer_is_allowed() {
        for source in [
            "use crate::{base::Secret, domain::Scope, store, error::{Error, Result}};",
            "pub(in crate::domain) fn f() {}",
            "pub(crate) struct S; pub(super) struct T;",
            "use super::scope::Scope;",
            "mod inner { use super::super::scope; }",
            "// use crate::engine::Engine;\n/* /* crate::engine */ crate::engine */",
            "const TEXT: &str = \"crate::engine\"; const RAW: &str = r#\"crate::\"engine\"#;",
            "fn f<'a>(x: &'a str) -> char { '\\'' } const C: char = '\"';",
            "#[cfg(test)]\nmod tests { use crate::engine::Engine; }",
            "#[cfg(all(test, unix))] use crate::engine::{Engine, Options};",
        ] {
            assert_eq!(broken(layering, "domain/gate.rs", source), 0, "{source}");
        }
        assert_eq!(broken(layering, "lib.rs", "mod engine; pub use crate::engine::Engine;"), 0);
    }

    #[test]
    fn the_boundary_speaks_to_the_engine_and_the_public_names_alone() {
        let allowed = "use crate::{Engine, HttpRequest, engine::Options, admin, error::Error};";
        assert_eq!(broken(layering, "ffi/http.rs", allowed), 0);
        for layer in BEHIND_ENGINE {
            assert_eq!(broken(layering, "ffi/http.rs", &format!("use crate::{layer}::X;")), 1);
        }
    }

    #[test]
    fn unsafe_outside_its_two_homes_is_found() {
        let block = "fn f() { unsafe { g() } }";
        assert_eq!(broken(unsafety, "store/db.rs", block), 1);
        assert_eq!(broken(unsafety, "ffi/engine.rs", block), 1);
        assert_eq!(broken(unsafety, "ffi/boundary.rs", block), 0);
        assert_eq!(broken(unsafety, "sys/mapping.rs", block), 0);
        let export = "#[unsafe(no_mangle)] pub extern \"C\" fn wardkey_version() {}";
        assert_eq!(broken(unsafety, "ffi/engine.rs", export), 0);
        assert_eq!(broken(unsafety, "engine/mod.rs", export), 1);
        assert_eq!(broken(unsafety, "crypto/key.rs", "#![deny(unsafe_code)] // unsafe"), 0);
    }

    #[test]
    fn json_in_a_rule_is_found() {
        let source = "fn f() { serde_json::to_string(&1) }";
        assert_eq!(broken(json, "domain/scope.rs", source), 1);
        assert_eq!(broken(json, "engine/call.rs", source), 1);
        assert_eq!(broken(json, "admin/document.rs", source), 0);
    }

    #[test]
    fn a_name_outside_its_home_is_found() {
        let rule = |file: &File| names_outside(file, &["rusqlite"], |path| path == "store/db.rs");
        assert_eq!(broken(rule, "store/writer.rs", "use rusqlite::Connection;"), 1);
        assert_eq!(broken(rule, "store/db.rs", "use rusqlite::Connection;"), 0);
        assert_eq!(broken(rule, "store/writer.rs", "/// What `rusqlite` says.\nfn f() {}"), 0);
    }

    #[test]
    fn a_thread_and_the_environment_are_found() {
        assert_eq!(broken(quietness, "engine/mod.rs", "fn f() { std::thread::spawn(g); }"), 1);
        assert_eq!(broken(quietness, "sys/clock.rs", "fn f() { std::env::var(\"HOME\"); }"), 1);
        assert_eq!(broken(quietness, "lib.rs", "thread_local! { static X: u8 = 0; }"), 1);
        assert_eq!(broken(quietness, "lib.rs", "const X: &str = env!(\"CARGO_PKG_VERSION\");"), 0);
    }

    #[test]
    fn a_long_file_is_found_and_its_tests_do_not_count() {
        let code = "fn f() {}\n".repeat(LONGEST_FILE);
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "// a line\n".repeat(300));
        assert_eq!(broken(length, "base/id.rs", &format!("{code}{tests}")), 0);
        assert_eq!(broken(length, "base/id.rs", &format!("{code}\n{tests}")), 1);
    }

    #[test]
    fn a_test_module_in_a_file_of_its_own_is_known_as_such() {
        let file = File::new("crypto/mod.rs", "mod key;\n#[cfg(test)]\npub(super) mod vectors;\n");
        assert_eq!(test_paths(&file), ["crypto/vectors"]);
        assert_eq!(file.lines, 1);
    }
}
