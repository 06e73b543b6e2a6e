//! What each client did in a month.

use crate::admin::{AuditReport, AuditReported, ClientMonth};
use crate::base::UnixTime;
use crate::domain::Actor;
use crate::engine::Engine;
use crate::engine::administer::{Administer, administer, private};
use crate::error::{Error, Result};
use crate::store::{AuditFilter, View};
use std::collections::BTreeMap;

administer!(AuditReport, |request, engine, _actor, now| {
    let (from, until) = month(&request.month)
        .ok_or_else(|| Error::document("month", "must be a year and a month, as 2026-03"))?;
    engine.flush_notes(now)?;
    let filter = AuditFilter {
        client: request.client_id.clone(),
        from: Some(from),
        until: Some(until),
        limit: 1000,
        ..AuditFilter::default()
    };
    let clients = engine.store.read(|view| count(view, filter))?;
    Ok(AuditReported::new(request.month, clients))
});

/// Counts the rows that `filter` selects by client, a thousand at a time.
fn count(view: &View<'_>, mut filter: AuditFilter) -> Result<Vec<ClientMonth>> {
    let mut clients = BTreeMap::new();
    loop {
        let rows = view.audit(&filter)?;
        for row in &rows {
            ClientMonth::count(&mut clients, &row.row);
        }
        match rows.last() {
            Some(last) => filter.after = last.sequence,
            None => break,
        }
    }
    let mut months: Vec<ClientMonth> = clients.into_values().collect();
    for month in &mut months {
        let client = view.client(&month.client_id)?;
        month.client_name = client.map(|client| client.client_name).unwrap_or_default();
    }
    Ok(months)
}

/// When a month begins and ends.
fn month(text: &str) -> Option<(UnixTime, UnixTime)> {
    let (year, month) = text.split_once('-')?;
    if year.len() != 4 || month.len() != 2 || !text.bytes().all(|b| b.is_ascii_digit() || b == b'-')
    {
        return None;
    }
    let (year, month): (u16, u8) = (year.parse().ok()?, month.parse().ok()?);
    if year < 1970 {
        return None;
    }
    let (next_year, next_month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    Some((UnixTime::from_date(year, month, 1)?, UnixTime::from_date(next_year, next_month, 1)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_begins_and_ends_with_its_first_days() {
        let begins = |text: &str| month(text).unwrap().0.to_string();
        assert_eq!(begins("1970-01"), "1970-01-01T00:00:00.000Z");
        assert_eq!(begins("2024-03"), "2024-03-01T00:00:00.000Z");
        assert_eq!(begins("2100-03"), "2100-03-01T00:00:00.000Z");
        let (from, until) = month("2024-02").unwrap();
        assert_eq!(until.since(from), 29 * 86_400_000);
        let (from, until) = month("2026-12").unwrap();
        assert_eq!(until.since(from), 31 * 86_400_000);
        assert!(month("9999-12").is_some());
        for bad in [
            "",
            "1969-12",
            "2026",
            "2026-13",
            "2026-00",
            "26-03",
            "2026-3",
            "+026-03",
            "2026-03-01",
        ] {
            assert!(month(bad).is_none(), "{bad}");
        }
    }
}
