//! A client's month as one page: no script, nothing loaded, light and dark, and good on paper.

use super::gather::{Kind, Record};
use super::plot::Plot;
use crate::when;

pub(super) fn print(record: &Record) -> String {
    let name = if record.client_name.is_empty() { &record.client_id } else { &record.client_name };
    let title = format!("{name}, {}", record.month);
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{0}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{0}</h1>\n",
        escape(&title)
    );
    page.push_str(&about(record));
    page.push_str(&totals(record));
    page.push_str(&uses(record));
    page.push_str(&refusals(record));
    page.push_str(&places(record));
    page.push_str(&changes(record));
    page.push_str(&remarks(record));
    page.push_str("</main>\n</body>\n</html>\n");
    page
}

fn about(record: &Record) -> String {
    let last = record.date(record.days.saturating_sub(1));
    let audit = match &record.audit_broken {
        None => format!("{} rows, every one as it was written", record.audit_rows),
        Some(why) => format!("BROKEN after {} rows: {why}", record.audit_rows),
    };
    let rows = [
        ("Client", record.client_name.clone()),
        ("Client id", record.client_id.clone()),
        ("Period", format!("{} 00:00 to {last} 24:00, UTC", record.date(0))),
        ("Database", format!("site {}", record.site)),
        ("Audit", audit),
        ("Audit head", record.head.clone()),
        ("Made", format!("{} UTC", when::shown(record.made_at.seconds()))),
    ];
    let rows = rows.iter().filter(|(_, value)| !value.is_empty());
    let rows: String =
        rows.map(|(name, value)| format!("<dt>{name}</dt><dd>{}</dd>\n", escape(value))).collect();
    format!("<dl>\n{rows}</dl>\n")
}

fn totals(record: &Record) -> String {
    let places = record.peers().iter().filter(|peer| !peer.is_empty()).count();
    let tiles = [
        (record.issues().to_string(), "tokens issued"),
        (record.uses().to_string(), "uses of tokens"),
        (record.refusals().to_string(), "refusals"),
        (places.to_string(), "addresses"),
    ];
    let tiles = tiles.iter().map(|(n, what)| format!("<li><b>{n}</b> {what}</li>\n"));
    format!("<ul class=\"totals\">\n{}</ul>\n", tiles.collect::<String>())
}

fn uses(record: &Record) -> String {
    let kinds = [(Kind::Use, "uses"), (Kind::Issue, "tokens issued")];
    let of = |kind, day| record.sum(|cell| cell.kind == kind && cell.day == day);
    let plots = kinds.map(|(kind, unit)| {
        let title = format!("{unit} per day");
        let plot = Plot {
            unit,
            title: &title,
            parts: vec![unit.to_owned()],
            days: (0..record.days).map(|day| vec![of(kind, day)]).collect(),
            dates: dates(record),
        };
        let heading = if kind == Kind::Use { "Uses per day" } else { "Tokens issued per day" };
        format!("<section>\n<h2>{heading}</h2>\n{}</section>\n", plot.print())
    });
    plots.concat()
}

fn refusals(record: &Record) -> String {
    let reasons = record.reasons();
    let heading = "<section>\n<h2>Refusals per day, by reason</h2>\n";
    if reasons.is_empty() {
        return format!("{heading}<p>None.</p>\n</section>\n");
    }
    let mut parts: Vec<_> =
        reasons.iter().take(COLOURS).map(|(reason, _)| reason.clone()).collect();
    let beyond = reasons.len() > COLOURS;
    let of = |day: usize, reason: &str| {
        record.sum(|cell| cell.kind == Kind::Refusal && cell.day == day && cell.reason == reason)
    };
    let days = (0..record.days).map(|day| {
        let mut counts: Vec<_> = parts.iter().map(|reason| of(day, reason)).collect();
        if beyond {
            let rest = reasons.iter().skip(COLOURS).map(|(reason, _)| of(day, reason));
            counts.push(rest.sum());
        }
        counts
    });
    let days = days.collect();
    if beyond {
        parts.push("other".to_owned());
    }
    let parts = parts.iter().map(|reason| words(reason)).collect();
    let title = "refusals per day by reason";
    let plot = Plot { unit: "refusals", title, parts, days, dates: dates(record) };
    let rows = reasons.iter().map(|(reason, count)| {
        let from = record
            .peers()
            .into_iter()
            .filter(|peer| record.sum(|cell| cell.reason == *reason && cell.peer == *peer) > 0);
        let from: Vec<_> = from.map(|peer| place(&peer)).collect();
        vec![words(reason), count.to_string(), from.join(", ")]
    });
    let table = table(&["Reason", "Refusals", "From"], rows);
    format!("{heading}{}{table}</section>\n", plot.print())
}

fn places(record: &Record) -> String {
    let rows = record.peers().into_iter().map(|peer| {
        let of = |kind| record.sum(|cell| cell.peer == peer && cell.kind == kind);
        let days: Vec<_> =
            record.counts.keys().filter(|cell| cell.peer == peer).map(|cell| cell.day).collect();
        let day = |day: Option<&usize>| day.map_or_else(String::new, |day| record.date(*day));
        vec![
            place(&peer),
            of(Kind::Issue).to_string(),
            of(Kind::Use).to_string(),
            of(Kind::Refusal).to_string(),
            day(days.iter().min()),
            day(days.iter().max()),
        ]
    });
    let heads = ["From", "Issued", "Uses", "Refusals", "First day", "Last day"];
    format!("<section>\n<h2>Addresses</h2>\n{}</section>\n", table(&heads, rows))
}

fn changes(record: &Record) -> String {
    // The words begin with the time.
    let rows = record.changes.iter().map(|(at, words)| {
        let words = words.split_once(' ').map_or(words.as_str(), |(_, words)| words);
        vec![when::shown(*at), words.to_owned()]
    });
    let table = table(&["When (UTC)", "What was done to the client"], rows);
    format!("<section>\n<h2>Changes</h2>\n{table}</section>\n")
}

fn remarks(record: &Record) -> String {
    format!(
        "<footer>\n<p>A use is one verification of a token. Uses, and refusals of callers who did not prove \
         who they are, are counted in the host's memory and written once a minute: a crash loses what came \
         since. Refusals that name no client are not here.</p>\n\
         <p>Whoever has the database can check that this page was made from it: <code>wardkey audit \
         verify</code> follows the chain, in which row {} has the head above as its hash, and <code>wardkey \
         audit export --client {}</code> has the rows.</p>\n</footer>\n",
        record.audit_rows,
        escape(&record.client_id)
    )
}

fn dates(record: &Record) -> Vec<String> {
    (0..record.days).map(|day| record.date(day)).collect()
}

fn words(reason: &str) -> String {
    if reason.is_empty() { "not said".to_owned() } else { reason.replace('_', " ") }
}

fn place(peer: &str) -> String {
    if peer.is_empty() { "not known".to_owned() } else { peer.to_owned() }
}

fn table(heads: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let body: String = rows
        .map(|row| {
            let cells = row.iter().map(|cell| {
                // Addresses and dates stay in one piece, sentences do not.
                let class = if cell.contains(' ') { " class=\"words\"" } else { "" };
                format!("<td{class}>{}</td>", escape(cell))
            });
            format!("<tr>{}</tr>\n", cells.collect::<String>())
        })
        .collect();
    if body.is_empty() {
        return "<p>None.</p>\n".to_owned();
    }
    let heads: String =
        heads.iter().map(|head| format!("<th scope=\"col\">{}</th>", escape(head))).collect();
    format!(
        "<div class=\"wide\"><table>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{body}</tbody>\n</table></div>\n"
    )
}

/// Text as HTML.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Reasons that have a colour of their own; the next one is for all others.
const COLOURS: usize = 6;

/// The colours are Okabe and Ito's, which people who see fewer colours can tell apart.
const STYLE: &str = "\
:root { --ink: #1b1f24; --soft: #59636e; --paper: #fff; --line: #d1d9e0; --tile: #f6f8fa;
  --part0: #0072b2; --part1: #e69f00; --part2: #009e73; --part3: #cc79a7; --part4: #d55e00;
  --part5: #56b4e9; --part6: #8a8a8a; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --soft: #9da7b1; --paper: #0d1117; --line: #30363d; --tile: #161b22;
    --part0: #4aa8e0; --part4: #f07a3a; --part6: #a0a0a0; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, 'Segoe UI', Roboto, sans-serif; }
main { max-width: 52rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 1rem; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin: 0; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
.totals { list-style: none; display: flex; flex-wrap: wrap; gap: .75rem; padding: 0; margin: 1.5rem 0 0; }
.totals li { flex: 1 1 9rem; background: var(--tile); border: 1px solid var(--line); border-radius: 6px;
  padding: .6rem .8rem; color: var(--soft); }
.totals b { display: block; font-size: 1.5rem; line-height: 1.2; color: var(--ink); }
.plot, .wide { overflow-x: auto; }
.plot svg { display: block; width: 100%; min-width: 38rem; height: auto; }
.grid { stroke: var(--line); stroke-width: 1; }
.tick, .axis { fill: var(--soft); font-size: 11px; }
.part0 { fill: var(--part0); } .part1 { fill: var(--part1); } .part2 { fill: var(--part2); }
.part3 { fill: var(--part3); } .part4 { fill: var(--part4); } .part5 { fill: var(--part5); }
.part6 { fill: var(--part6); }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: .25rem 1rem; padding: 0; margin: .5rem 0; }
.legend svg { width: .8em; height: .8em; margin-right: .4em; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem .75rem .35rem 0;
  border-bottom: 1px solid var(--line); white-space: nowrap; }
.words { white-space: normal; overflow-wrap: anywhere; min-width: 9rem; }
th { color: var(--soft); font-weight: 600; white-space: normal; }
footer { margin-top: 2.5rem; color: var(--soft); font-size: .85rem; }
@media (max-width: 30rem) { dl { grid-template-columns: 1fr; } dt { margin-top: .4rem; } }
@media print {
  :root { --ink: #000; --soft: #333; --paper: #fff; --line: #aaa; --tile: #fff; --part0: #0072b2;
    --part4: #d55e00; --part6: #8a8a8a; }
  main { max-width: none; padding: 0; }
  section { break-inside: avoid; }
  .plot svg { min-width: 0; }
  svg { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_is_markup() {
        assert_eq!(escape("<a href='x'>&\""), "&lt;a href=&#39;x&#39;&gt;&amp;&quot;");
    }
}
