//! What the audit has of a client and a month.

use crate::audit::each_page;
use crate::client;
use crate::failure::Failure;
use crate::out::Out;
use crate::session::Session;
use crate::when::{self, DAY, Month};
use serde_json::Value;
use std::collections::BTreeMap;
use wardkey::admin::{AuditEntryDocument, AuditHeadRead, AuditRead, AuditVerify};
use wardkey::{Network, UnixTime};

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Issue,
    Use,
    Refusal,
}

impl Kind {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Issue => "issue",
            Self::Use => "use",
            Self::Refusal => "refusal",
        }
    }
}

/// What is counted together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cell {
    /// Of the month, from 0.
    pub(super) day: usize,
    pub(super) kind: Kind,
    /// Why it was refused; empty if it was not.
    pub(super) reason: String,
    /// From where; empty if it is not known.
    pub(super) peer: String,
}

/// A client's month.
pub(super) struct Record {
    pub(super) client_id: String,
    pub(super) client_name: String,
    pub(super) month: Month,
    pub(super) days: usize,
    pub(super) counts: BTreeMap<Cell, u64>,
    /// What was done to the client: when, and the audit's words.
    pub(super) changes: Vec<(i64, String)>,
    /// What it was made from.
    pub(super) site: String,
    pub(super) head: String,
    pub(super) audit_rows: u64,
    pub(super) audit_broken: Option<String>,
    pub(super) made_at: UnixTime,
}

impl Record {
    pub(super) fn gather(
        session: &Session,
        client: &str,
        month: Month,
        out: &Out,
    ) -> Result<Self, Failure> {
        let (client_id, client_name) = client::in_audit(session, client)?;
        let progress = out.progress("following the chain");
        let verdict = session.run(AuditVerify::default())?;
        let mut record = Self {
            client_id: client_id.clone(),
            client_name,
            month,
            days: usize::try_from(month.days()).unwrap_or_default(),
            counts: BTreeMap::new(),
            changes: Vec::new(),
            site: session.run(AuditHeadRead {})?.site,
            head: verdict.head.clone(),
            audit_rows: verdict.rows,
            audit_broken: (!verdict.valid).then(|| verdict.why.clone().unwrap_or_default()),
            made_at: session.now(),
        };
        let start = month.first_day() * DAY * 1000;
        let request = AuditRead {
            client_id: Some(client_id),
            from: Some(start),
            // Uses are counted by the hour and written later.
            until: Some(start + (month.days() + LATE_DAYS) * DAY * 1000),
            ..AuditRead::default()
        };
        progress.set_message("reading rows");
        let read = each_page(session, request, |page| {
            progress.inc(u64::try_from(page.rows.len()).unwrap_or_default());
            page.rows.iter().for_each(|row| record.count(row));
            Ok(true)
        });
        progress.finish_and_clear();
        read.map(|()| record)
    }

    fn count(&mut self, row: &AuditEntryDocument) {
        let entry = &row.entry;
        let millis = entry.get("time").and_then(Value::as_i64).unwrap_or_default();
        let hour = entry.get("detail").map_or("", |detail| text(detail, "hour"));
        let event = text(entry, "event");
        let day = match (event, hour.get(..10)) {
            ("token.use", Some(date)) => self.day_of_date(date),
            _ => self.day_of(millis.div_euclid(1000 * DAY)),
        };
        let Some(day) = day else {
            return;
        };
        let kind = match (event, text(entry, "outcome")) {
            (_, "denied") => Kind::Refusal,
            ("token.issue", _) => Kind::Issue,
            ("token.use", _) => Kind::Use,
            // The first use from a new place is among the uses already.
            ("secret.new_peer" | "grant.begin", _) => return,
            _ => return self.changes.push((millis.div_euclid(1000), row.words.clone())),
        };
        let reason =
            if kind == Kind::Refusal { text(entry, "reason").to_owned() } else { String::new() };
        let cell = Cell { day, kind, reason, peer: place(text(entry, "peer")) };
        let count = entry.get("count").and_then(Value::as_u64).unwrap_or(1);
        *self.counts.entry(cell).or_default() += count;
    }

    fn day_of(&self, day: i64) -> Option<usize> {
        usize::try_from(day - self.month.first_day()).ok().filter(|day| *day < self.days)
    }

    fn day_of_date(&self, date: &str) -> Option<usize> {
        (0..self.days).find(|day| self.date(*day) == date)
    }

    /// The date of a day of the month, counted from 0.
    pub(super) fn date(&self, day: usize) -> String {
        when::date(self.month.first_day() + i64::try_from(day).unwrap_or_default())
    }

    pub(super) fn issues(&self) -> u64 {
        self.sum(|cell| cell.kind == Kind::Issue)
    }

    pub(super) fn uses(&self) -> u64 {
        self.sum(|cell| cell.kind == Kind::Use)
    }

    pub(super) fn refusals(&self) -> u64 {
        self.sum(|cell| cell.kind == Kind::Refusal)
    }

    /// How often, of the cells that are meant.
    pub(super) fn sum(&self, is_meant: impl Fn(&Cell) -> bool) -> u64 {
        self.counts.iter().filter(|(cell, _)| is_meant(cell)).map(|(_, count)| count).sum()
    }

    /// The reasons of refusals, the commonest first.
    pub(super) fn reasons(&self) -> Vec<(String, u64)> {
        let mut reasons = BTreeMap::<&str, u64>::new();
        for (cell, count) in &self.counts {
            if cell.kind == Kind::Refusal {
                *reasons.entry(&cell.reason).or_default() += count;
            }
        }
        let mut reasons: Vec<_> =
            reasons.into_iter().map(|(reason, count)| (reason.to_owned(), count)).collect();
        reasons.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
        reasons
    }

    /// The places, the busiest first.
    pub(super) fn peers(&self) -> Vec<String> {
        let mut peers: Vec<_> = self.counts.keys().map(|cell| cell.peer.clone()).collect();
        peers.sort();
        peers.dedup();
        peers.sort_by_key(|peer| std::cmp::Reverse(self.sum(|cell| cell.peer == *peer)));
        peers
    }
}

fn text<'a>(entry: &'a Value, name: &str) -> &'a str {
    entry.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// An address as refusals have it, which are counted by prefix: of IPv6 its /64. An IPv4 one is itself.
fn place(peer: &str) -> String {
    let place =
        peer.parse().map_or_else(|_| peer.to_owned(), |ip| Network::of_peer(ip).to_string());
    place.strip_suffix("/32").map_or_else(|| place.clone(), str::to_owned)
}

/// Uses are written within a minute, or when a program that slept wakes up.
const LATE_DAYS: i64 = 7;
