//! The tables whose rows carry a MAC, by name.

use crate::base::encode;
use crate::crypto::{Cell, RowMacKey};
use crate::error::Result;
use crate::store::db::Db;
use crate::store::record::{self, Named, Record, id_of};
use crate::store::rows::{
    AuditKeyRow, ClientRow, CodeRow, CredentialRow, GrantRow, IssuerRow, OpaqueTokenRow,
    RefreshTokenRow, RevokedTokenRow, RoleRow, SettingsRow, SigningKeyRow, UserRow,
};

/// Finds a table's rows that are not as they were written: their keys, and why.
type Faults = fn(&Db, &RowMacKey) -> Result<Vec<(String, String)>>;

/// A table, and the column that is its key.
pub(super) struct Table {
    pub(super) name: &'static str,
    key: &'static str,
    /// Whether its rows go when their time is over, without being named again.
    expires: bool,
    /// Its rows that do not match their MACs, and why.
    pub(super) faults: Faults,
}

impl Table {
    const fn of<R: Record>(expires: bool) -> Self {
        let key = match R::COLUMNS {
            [key, ..] => key,
            [] => "rowid",
        };
        Self { name: R::TABLE, key, expires, faults: record::faults::<R> }
    }

    /// Whether its rows go when their time is over.
    pub(super) const fn goes(&self) -> bool {
        self.expires
    }
}

/// The MAC that the row stored under this name has, in base64url; `None` if there is no such row.
pub(super) fn stored_mac(db: &Db, named: &Named) -> Result<Option<String>> {
    let Some(table) = TABLES.iter().find(|table| table.name == named.table) else {
        return Ok(None);
    };
    let bytes = encode::from_base64url(named.id.as_bytes()).unwrap_or_default();
    let sql = format!(
        "SELECT mac FROM {} WHERE {key} = ?1 OR {key} = ?2 OR {key} = ?3",
        table.name,
        key = table.key
    );
    let number = named.id.parse().map_or(Cell::Null, Cell::Integer);
    let cells = [Cell::Text(&named.id), Cell::Blob(&bytes), number];
    db.first(&sql, &cells, |row| Ok(encode::base64url(row.blob(0)?)))
}

/// Every row of a table: its key and its MAC, as the audit names them.
pub(super) fn stored_macs(db: &Db, table: &Table) -> Result<Vec<(String, String)>> {
    let sql = format!("SELECT {}, mac FROM {}", table.key, table.name);
    db.all(&sql, &[], |row| Ok((id_of(&row.cell(0)?), encode::base64url(row.blob(1)?))))
}

/// All tables with MACs but `state`, which no row of the audit names.
pub(super) const TABLES: [Table; 13] = [
    Table::of::<AuditKeyRow>(false),
    Table::of::<ClientRow>(false),
    Table::of::<CodeRow>(true),
    Table::of::<CredentialRow>(false),
    Table::of::<GrantRow>(true),
    Table::of::<IssuerRow>(false),
    Table::of::<OpaqueTokenRow>(true),
    Table::of::<RefreshTokenRow>(true),
    Table::of::<RevokedTokenRow>(true),
    Table::of::<RoleRow>(false),
    Table::of::<SettingsRow>(false),
    Table::of::<SigningKeyRow>(false),
    Table::of::<UserRow>(false),
];
