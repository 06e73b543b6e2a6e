//! A client's month as CSV (RFC 4180): a row for each day, kind, reason and place.

use super::gather::Record;

pub(super) fn print(record: &Record) -> String {
    let mut text = "date,client_id,kind,reason,peer,count\r\n".to_owned();
    for (cell, count) in &record.counts {
        let fields = [
            record.date(cell.day),
            record.client_id.clone(),
            cell.kind.as_str().to_owned(),
            cell.reason.clone(),
            cell.peer.clone(),
            count.to_string(),
        ];
        let fields: Vec<_> = fields.iter().map(|field| quoted(field)).collect();
        text.push_str(&fields.join(","));
        text.push_str("\r\n");
    }
    text
}

/// A field; one that a spreadsheet would take for a formula begins with an apostrophe.
fn quoted(field: &str) -> String {
    let formula = field.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let field = if formula { format!("'{field}") } else { field.to_owned() };
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_field_breaks_its_row_or_becomes_a_formula() {
        assert_eq!(quoted("plain"), "plain");
        assert_eq!(quoted("a,\"b\""), "\"a,\"\"b\"\"\"");
        assert_eq!(quoted("=1+1"), "'=1+1");
    }
}
