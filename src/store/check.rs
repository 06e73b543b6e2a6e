//! Holding the rows against their MACs and against what the audit says of them.

use crate::base::UnixTime;
use crate::error::Result;
use crate::store::audit::AuditRow;
use crate::store::record::Named;
use crate::store::tables::{TABLES, Table, stored_macs};
use crate::store::view::View;
use std::collections::BTreeMap;

/// Something that is wrong with the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) table: String,
    /// The row's key, where it is about one.
    pub(crate) id: Option<String>,
    pub(crate) why: String,
}

/// What the audit names, as it is read, and the rows that are there.
pub(crate) struct Names {
    stored: BTreeMap<(String, String), String>,
    /// The newest naming of each: where it was, and what it said.
    named: BTreeMap<(String, String), (u64, Named)>,
    mark: UnixTime,
    /// The time of the row that was read last, in milliseconds.
    time: i64,
}

impl View<'_> {
    /// What SQLite finds, and each row that does not match its MAC.
    pub(crate) fn check_rows(&self, step: &mut dyn FnMut() -> bool) -> Result<Vec<Finding>> {
        let finding = |table: &str, id, why| Finding { table: table.to_owned(), id, why };
        let mut findings: Vec<_> = self
            .db
            .all("PRAGMA integrity_check(100)", &[], |row| row.text(0).map(str::to_owned))?
            .into_iter()
            .filter(|why| why != "ok")
            .map(|why| finding("sqlite", None, why))
            .collect();
        for table in &TABLES {
            if !step() {
                break;
            }
            let faults = (table.faults)(self.db, &self.identity().keys.row_mac)?;
            findings.extend(faults.into_iter().map(|(id, why)| finding(table.name, Some(id), why)));
        }
        Ok(findings)
    }

    /// The rows that are there, to be held against the audit.
    pub(crate) fn names(&self, mark: UnixTime) -> Result<Names> {
        let mut stored = BTreeMap::new();
        for table in &TABLES {
            let macs = stored_macs(self.db, table)?.into_iter();
            stored.extend(macs.map(|(id, mac)| ((table.name.to_owned(), id), mac)));
        }
        Ok(Names { stored, named: BTreeMap::new(), mark, time: i64::MIN })
    }
}

impl Names {
    /// Reads what a row of the audit names. Of rows that go when their time is over, only those are kept that
    /// are there or should be: the audit has millions of the others.
    pub(crate) fn read(&mut self, row: &AuditRow) {
        let (time, rows) = Named::of_row(&row.row);
        if time < self.time {
            self.forget(self.time);
        }
        self.time = time;
        for named in rows {
            let key = (named.table.clone(), named.id.clone());
            let at = named.at.unwrap_or(row.sequence);
            let lasts = self.lasts(&named);
            let known = self.named.contains_key(&key) || self.stored.contains_key(&key);
            if (lasts || known) && self.named.get(&key).is_none_or(|(newest, _)| *newest <= at) {
                self.named.insert(key, (at, named));
            }
        }
    }

    /// Time went back here. What had ended by `then` may have gone meanwhile, and need not be there.
    fn forget(&mut self, then: i64) {
        let stored = &self.stored;
        let over = |named: &Named| named.ends.is_some_and(|ends| ends <= then);
        self.named.retain(|key, (_, named)| !over(named) || stored.contains_key(key));
    }

    /// What the audit and the rows do not agree about.
    pub(crate) fn compare(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut find = |(table, id): &(String, String), why: &str| {
            let (table, id) = (table.clone(), Some(id.clone()));
            findings.push(Finding { table, id, why: why.to_owned() });
        };
        for (key, mac) in &self.stored {
            match self.named.get(key).map(|(_, named)| &named.mac) {
                None => find(key, "no row of the audit names it"),
                Some(None) => find(key, "it was deleted and put back"),
                Some(Some(named)) if named != mac => {
                    find(key, "it is not the row that was written last: an older one was put back");
                }
                Some(Some(_)) => {}
            }
        }
        for (key, (_, named)) in &self.named {
            if self.lasts(named) && named.mac.is_some() && !self.stored.contains_key(key) {
                find(key, "it is missing");
            }
        }
        findings
    }

    /// Whether a row must be there.
    fn lasts(&self, named: &Named) -> bool {
        named.ends.map_or(!expires(&named.table), |ends| ends > self.mark.millis())
    }
}

fn expires(table: &str) -> bool {
    TABLES.iter().find(|known| known.name == table).is_none_or(Table::goes)
}
