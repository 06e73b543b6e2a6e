//! What is printed: tables and lines for people, JSON for scripts. Standard output has the answer, standard
//! error everything else.

use crate::failure::Failure;
use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width, presets};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use std::io::{IsTerminal, Write};
use std::time::Duration;
use zeroize::Zeroizing;

/// Where answers go.
pub(crate) struct Out {
    json: bool,
}

impl Out {
    pub(crate) const fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether a script reads.
    pub(crate) const fn is_json(&self) -> bool {
        self.json
    }

    /// The whole answer: `document` for scripts, what `people` prints for people.
    pub(crate) fn answer<T: Serialize>(
        &self,
        document: &T,
        people: impl FnOnce() -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        if self.json { self.document(document) } else { people() }
    }

    /// One JSON document.
    pub(crate) fn document<T: Serialize>(&self, document: &T) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(document)
            .map_err(|_| Failure::defect("a document that cannot be printed"))?;
        let text = Zeroizing::new(text);
        self.bytes(text.as_bytes())?;
        self.bytes(b"\n")
    }

    /// One line; control characters are shown, not obeyed.
    pub(crate) fn line(&self, text: &str) -> Result<(), Failure> {
        self.bytes(format!("{}\n", clean(text)).as_bytes())
    }

    /// A value that nothing may break in two, such as a secret.
    pub(crate) fn value(&self, label: &str, value: &str) -> Result<(), Failure> {
        self.bytes(Zeroizing::new(format!("{label:<15} {value}\n")).as_bytes())
    }

    /// Names and what they are.
    pub(crate) fn fields(&self, rows: &[(&str, String)]) -> Result<(), Failure> {
        let mut table = self.empty_table();
        for (name, value) in rows.iter().filter(|(_, value)| !value.is_empty()) {
            table.add_row(vec![format!("{name:<14}"), clean(value)]);
        }
        self.print(&table)
    }

    /// Rows under a heading.
    pub(crate) fn table(&self, heads: &[&str], rows: Vec<Vec<String>>) -> Result<(), Failure> {
        if rows.is_empty() {
            return self.line("(none)");
        }
        let mut table = self.empty_table();
        table.set_header(heads.iter().map(|head| head.to_uppercase()).collect::<Vec<_>>());
        for row in &rows {
            table.add_row(row.iter().map(|cell| clean(cell)).collect::<Vec<_>>());
        }
        for (index, _) in heads.iter().enumerate() {
            let cells = rows.iter().filter_map(|row| row.get(index));
            if let (Some(column), Some(width)) = (table.column_mut(index), unbroken(cells)) {
                column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(width)));
            }
        }
        self.print(&table)
    }

    /// Bytes as they are.
    pub(crate) fn bytes(&self, bytes: &[u8]) -> Result<(), Failure> {
        let mut stdout = std::io::stdout().lock();
        stdout
            .write_all(bytes)
            .and_then(|()| stdout.flush())
            .map_err(|error| Failure::io("writing to standard output", &error))
    }

    /// A remark for people, beside the answer.
    pub(crate) fn note(&self, text: &str) {
        if !self.json {
            self.complain(text);
        }
    }

    /// A line on standard error. If nobody hears it, nothing can be done.
    pub(crate) fn complain(&self, text: &str) {
        let _ = writeln!(std::io::stderr().lock(), "{}", clean(text));
    }

    /// Shows that work goes on, at a terminal.
    pub(crate) fn progress(&self, what: &str) -> ProgressBar {
        if self.json || !std::io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {human_pos}") {
            bar.set_style(style);
        }
        bar.set_message(what.to_owned());
        bar.enable_steady_tick(Duration::from_millis(100));
        bar
    }

    /// The same of work whose end is known, once its length is set.
    pub(crate) fn bar(&self, what: &str) -> ProgressBar {
        let bar = self.progress(what);
        if let Ok(style) =
            ProgressStyle::with_template("{spinner} {msg} [{bar:30}] {percent:>3} % {eta}")
        {
            bar.set_style(style);
        }
        bar
    }

    fn empty_table(&self) -> Table {
        let mut table = Table::new();
        table
            .load_style(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(width());
        table
    }

    fn print(&self, table: &Table) -> Result<(), Failure> {
        let lines = table.lines().map(|line| {
            line.trim_end()
                .strip_prefix(' ')
                .map_or_else(|| line.trim_end().to_owned(), str::to_owned)
        });
        let mut text = lines.collect::<Vec<_>>().join("\n");
        text.push('\n');
        self.bytes(text.as_bytes())
    }
}

/// So many things.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// How wide a column must be so that no id in it is broken in two: people copy them.
fn unbroken<'a>(cells: impl Iterator<Item = &'a String>) -> Option<u16> {
    let longest = cells.flat_map(|cell| cell.split_whitespace()).map(|word| word.chars().count());
    let longest = longest.max().filter(|longest| *longest <= LONGEST_ID)?;
    u16::try_from(longest + PADDING).ok()
}

/// The terminal's width, or what fits everywhere.
fn width() -> u16 {
    let terminal = console::Term::stdout();
    let known = terminal.size_checked().map(|(_, columns)| columns);
    known.filter(|columns| *columns >= 40).unwrap_or(80)
}

/// Text without control characters: what a name brings along must not move the cursor.
fn clean(text: &str) -> String {
    let shown = |character: char| -> String {
        if character.is_control() && character != '\n' {
            character.escape_default().to_string()
        } else {
            character.to_string()
        }
    };
    text.chars().map(shown).collect()
}

/// A signing key's id has 55 characters, no id of ours has more.
const LONGEST_ID: usize = 55;

/// What a table puts on both sides of a cell.
const PADDING: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_does_not_move_the_cursor() {
        assert_eq!(clean("a\u{1b}[2Jb\r"), "a\\u{1b}[2Jb\\r");
        assert_eq!(clean("Łódź"), "Łódź");
    }
}
