//! Rows that carry an authentication code.

use crate::base::encode;
use crate::crypto::{Cell, RowMacKey};
use crate::error::{Error, Result};
use crate::store::db::{Db, Row};
use serde::{Deserialize, Serialize};

/// A row of a table whose `mac` column authenticates every other column.
pub(crate) trait Record: Sized {
    /// The table.
    const TABLE: &'static str;
    /// Its columns in schema order, without `mac_format` and `mac`; the first is the key.
    const COLUMNS: &'static [&'static str];

    /// The columns' values.
    fn cells(&self) -> Vec<Cell<'_>>;

    /// Reads the columns' values.
    fn read(row: &Row<'_>) -> Result<Self>;
}

/// A row as the audit names it: which, and how it was written last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Named {
    pub(crate) table: String,
    /// Its key; bytes are in base64url.
    pub(crate) id: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) version: Option<u64>,
    /// In base64url; absent when the row was deleted.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) mac: Option<String>,
    /// When a revocation, or a secret that ends, may be forgotten, in milliseconds: until then its row must be
    /// there.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) ends: Option<i64>,
    /// Where it was named first, when a cut names it again.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) at: Option<u64>,
}

impl Named {
    /// A row that was written with this MAC.
    pub(super) fn written<R: Record>(row: &R, mac: &[u8; 32]) -> Self {
        let cells = row.cells();
        let number = |name: &str| {
            let found = R::COLUMNS.iter().zip(&cells).find(|(column, _)| **column == name);
            found.and_then(|(_, cell)| match cell {
                Cell::Integer(number) => Some(*number),
                Cell::Null | Cell::Text(_) | Cell::Blob(_) => None,
            })
        };
        let version = number("version").and_then(|version| u64::try_from(version).ok());
        let ends = match R::TABLE {
            "revoked_token" => number("expires_at"),
            "credential" => number("expires_at").into_iter().chain(number("revoked_at")).min(),
            _ => None,
        };
        Self {
            table: R::TABLE.to_owned(),
            id: cells.first().map_or_else(String::new, id_of),
            version,
            mac: Some(encode::base64url(mac)),
            ends,
            at: None,
        }
    }

    /// The time of a row of the audit in milliseconds, and what it names; nothing if its text is damaged, which its
    /// hash shows.
    pub(crate) fn of_row(row: &str) -> (i64, Vec<Self>) {
        #[derive(Deserialize)]
        struct Row {
            time: i64,
            #[serde(default)]
            rows: Vec<Named>,
        }
        serde_json::from_str::<Row>(row).map(|row| (row.time, row.rows)).unwrap_or_default()
    }

    /// A row that was deleted.
    pub(super) fn deleted(table: &str, id: &str) -> Self {
        let (table, id) = (table.to_owned(), id.to_owned());
        Self { table, id, version: None, mac: None, ends: None, at: None }
    }
}

/// A row's key as text.
pub(super) fn id_of(cell: &Cell<'_>) -> String {
    match cell {
        Cell::Text(text) => (*text).to_owned(),
        Cell::Integer(integer) => integer.to_string(),
        Cell::Blob(bytes) => encode::base64url(bytes),
        Cell::Null => String::new(),
    }
}

/// A Rust type that one column holds.
pub(crate) trait Column: Sized {
    fn cell(&self) -> Cell<'_>;
    fn read(row: &Row<'_>, index: usize) -> Result<Self>;
}

/// Declares a row's struct and, from its fields in schema order, its [`Record`].
macro_rules! record {
    ($(#[$doc:meta])* $name:ident in $table:literal { $($field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub(crate) struct $name {
            $(pub(crate) $field: $type,)*
        }

        impl $crate::store::record::Record for $name {
            const TABLE: &'static str = $table;
            const COLUMNS: &'static [&'static str] = &[$(stringify!($field)),*];

            fn cells(&self) -> Vec<$crate::crypto::Cell<'_>> {
                vec![$($crate::store::record::Column::cell(&self.$field)),*]
            }

            fn read(row: &$crate::store::db::Row<'_>) -> $crate::error::Result<Self> {
                let mut columns = 0..;
                Ok(Self {
                    $($field: $crate::store::record::Column::read(row, columns.next().unwrap_or(usize::MAX))?,)*
                })
            }
        }
    };
}
pub(crate) use record;

/// Loads the rows that `condition` (SQL behind FROM) selects, each checked against its MAC.
pub(crate) fn load<R: Record>(
    db: &Db,
    key: &RowMacKey,
    condition: &str,
    cells: &[Cell<'_>],
) -> Result<Vec<R>> {
    let columns = R::COLUMNS.join(", ");
    let table = R::TABLE;
    let sql = format!("SELECT {columns}, mac_format, mac FROM {table} {condition}");
    db.all(&sql, cells, |row| checked(row, key))
}

/// The first row of a table whatever its MAC says: for a database whose keys are lost.
pub(crate) fn first_unchecked<R: Record>(db: &Db) -> Result<R> {
    db.one(&format!("SELECT {} FROM {} LIMIT 1", R::COLUMNS.join(", "), R::TABLE), &[], R::read)
}

/// Changes every row of a table and gives it a MAC, whatever its own says: for a database whose keys are
/// lost.
pub(crate) fn authenticate_anew<R: Record>(
    db: &Db,
    key: &RowMacKey,
    change: impl Fn(&mut R),
) -> Result<Vec<Named>> {
    let sql = format!("SELECT {} FROM {}", R::COLUMNS.join(", "), R::TABLE);
    let anew = |mut row| {
        change(&mut row);
        let mac = update(db, key, &row)?;
        Ok(Named::written(&row, &mac))
    };
    db.all(&sql, &[], R::read)?.into_iter().map(anew).collect()
}

/// The rows of a table that do not match their MACs, and why.
pub(super) fn faults<R: Record>(db: &Db, key: &RowMacKey) -> Result<Vec<(String, String)>> {
    let columns = R::COLUMNS.join(", ");
    let sql = format!("SELECT {columns}, mac_format, mac FROM {}", R::TABLE);
    let found = db.all(&sql, &[], |row| {
        Ok(match checked::<R>(row, key) {
            Ok(_) => None,
            Err(error) => Some((id_of(&row.cell(0)?), error.to_string())),
        })
    })?;
    Ok(found.into_iter().flatten().collect())
}

/// Inserts a row and returns its MAC.
pub(crate) fn insert<R: Record>(db: &Db, key: &RowMacKey, record: &R) -> Result<[u8; 32]> {
    let names = R::COLUMNS.join(", ");
    let marks = vec!["?"; R::COLUMNS.len() + 2].join(", ");
    let sql = format!("INSERT INTO {} ({names}, mac_format, mac) VALUES ({marks})", R::TABLE);
    write(db, key, record, &sql).map(|(_, mac)| mac)
}

/// Replaces the row with the same key, which must exist, and returns its MAC.
pub(crate) fn update<R: Record>(db: &Db, key: &RowMacKey, record: &R) -> Result<[u8; 32]> {
    let numbered = |(index, name): (usize, &&str)| format!("{name} = ?{}", index + 1);
    let names: Vec<&str> = R::COLUMNS.iter().copied().chain(["mac_format", "mac"]).collect();
    let sets = names.iter().enumerate().map(numbered).collect::<Vec<_>>().join(", ");
    let sql = format!(
        "UPDATE {} SET {sets} WHERE {} = ?1",
        R::TABLE,
        R::COLUMNS.join(", ").split(',').next().unwrap_or("rowid")
    );
    let (changed, mac) = write(db, key, record, &sql)?;
    if changed == 1 {
        Ok(mac)
    } else {
        Err(Error::Internal { what: "an update of a row that is not there" })
    }
}

/// Reads a row and demands that its MAC is right.
fn checked<R: Record>(row: &Row<'_>, key: &RowMacKey) -> Result<R> {
    let count = R::COLUMNS.len();
    let mut stored = Vec::with_capacity(count);
    for index in 0..count {
        stored.push(row.cell(index)?);
    }
    let corrupt = |why: &str| {
        let id = stored.first().map_or_else(String::new, id_of);
        Error::Corrupt { what: format!("row `{id}` of table `{}` {why}", R::TABLE) }
    };
    if row.integer(count)? != MAC_FORMAT {
        return Err(corrupt("has a MAC of an unknown format"));
    }
    if !key.matches(R::TABLE, &stored, row.blob(count + 1)?) {
        return Err(corrupt("does not match its MAC"));
    }
    R::read(row)
}

fn write<R: Record>(db: &Db, key: &RowMacKey, record: &R, sql: &str) -> Result<(usize, [u8; 32])> {
    let mut cells = record.cells();
    let mac = key.row(R::TABLE, &cells);
    cells.push(Cell::Integer(MAC_FORMAT));
    cells.push(Cell::Blob(&mac));
    Ok((db.execute(sql, &cells)?, mac))
}

/// The MAC input described in docs/file-format.md.
const MAC_FORMAT: i64 = 1;

impl Column for String {
    fn cell(&self) -> Cell<'_> {
        Cell::Text(self)
    }
    fn read(row: &Row<'_>, index: usize) -> Result<Self> {
        row.text(index).map(str::to_owned)
    }
}

impl Column for Option<String> {
    fn cell(&self) -> Cell<'_> {
        Cell::text_or_null(self.as_deref())
    }
    fn read(row: &Row<'_>, index: usize) -> Result<Self> {
        Ok(row.optional_text(index)?.map(str::to_owned))
    }
}

impl Column for i64 {
    fn cell(&self) -> Cell<'_> {
        Cell::Integer(*self)
    }
    fn read(row: &Row<'_>, index: usize) -> Result<Self> {
        row.integer(index)
    }
}

impl Column for Option<i64> {
    fn cell(&self) -> Cell<'_> {
        Cell::integer_or_null(*self)
    }
    fn read(row: &Row<'_>, index: usize) -> Result<Self> {
        row.optional_integer(index)
    }
}

impl Column for u64 {
    fn cell(&self) -> Cell<'_> {
        Cell::unsigned(*self)
    }
    fn read(row: &Row<'_>, index: usize) -> Result<Self> {
        row.unsigned(index)
    }
}

impl Column for bool {
    fn cell(&self) -> Cell<'_> {
        Cell::Integer(i64::from(*self))
    }
    fn read(row: &Row<'_>, index: usize) -> Result<Self> {
        row.boolean(index)
    }
}

impl Column for Vec<u8> {
    fn cell(&self) -> Cell<'_> {
        Cell::Blob(self)
    }
    fn read(row: &Row<'_>, index: usize) -> Result<Self> {
        row.blob(index).map(<[u8]>::to_vec)
    }
}

impl Column for Option<Vec<u8>> {
    fn cell(&self) -> Cell<'_> {
        Cell::blob_or_null(self.as_deref())
    }
    fn read(row: &Row<'_>, index: usize) -> Result<Self> {
        Ok(row.optional_blob(index)?.map(<[u8]>::to_vec))
    }
}

impl<const N: usize> Column for [u8; N] {
    fn cell(&self) -> Cell<'_> {
        Cell::Blob(self)
    }
    fn read(row: &Row<'_>, index: usize) -> Result<Self> {
        row.array(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Secret;
    use crate::store::rows::{NO_EXTRA, RevokedTokenRow, SettingsRow, SigningKeyRow};
    use crate::store::schema;
    use std::time::Duration;

    fn with_db(test: impl FnOnce(&Db, &RowMacKey)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db");
        std::fs::write(&path, "").unwrap();
        let db = Db::open(&path, Duration::ZERO).unwrap();
        schema::build(&db).unwrap();
        test(&db, &key(1));
    }

    fn key(byte: u8) -> RowMacKey {
        RowMacKey::new(&Secret::new(vec![byte; 32])).unwrap()
    }

    fn settings(version: u64) -> SettingsRow {
        SettingsRow { id: 1, version, document: "{}".to_owned() }
    }

    fn signing_key() -> SigningKeyRow {
        SigningKeyRow {
            kid: "a".to_owned(),
            version: 1,
            algorithm: "ES256".to_owned(),
            origin: "made".to_owned(),
            created_at: 10,
            active_from: 20,
            retired_at: None,
            ends_at: None,
            refused: false,
            public_jwk: "{}".to_owned(),
            sealed: vec![1, 2],
            extra: NO_EXTRA.to_owned(),
        }
    }

    #[track_caller]
    fn corrupt<R: Record>(db: &Db, key: &RowMacKey) -> String {
        match load::<R>(db, key, "", &[]) {
            Err(Error::Corrupt { what }) => what,
            Err(error) => panic!("{error}"),
            Ok(_) => panic!("accepted"),
        }
    }

    #[test]
    fn a_row_comes_back_as_it_was_written() {
        with_db(|db, key| {
            let mac = insert(db, key, &signing_key()).unwrap();
            assert_eq!(mac, key.row("signing_key", &signing_key().cells()));
            assert_eq!(load::<SigningKeyRow>(db, key, "", &[]).unwrap(), [signing_key()]);
            let retired = SigningKeyRow { version: 2, retired_at: Some(30), ..signing_key() };
            assert_ne!(update(db, key, &retired).unwrap(), mac);
            assert_eq!(load::<SigningKeyRow>(db, key, "", &[]).unwrap(), [retired]);
        });
    }

    #[test]
    fn every_column_is_under_the_mac() {
        for column in SigningKeyRow::COLUMNS {
            with_db(|db, key| {
                insert(db, key, &signing_key()).unwrap();
                let edit = match *column {
                    "sealed" => "x'0103'",
                    "origin" => "'imported'",
                    "refused" => "1",
                    "kid" | "algorithm" | "public_jwk" | "extra" => "'b'",
                    _ => "99",
                };
                db.batch(&format!("UPDATE signing_key SET {column} = {edit}")).unwrap();
                let what = corrupt::<SigningKeyRow>(db, key);
                assert!(what.ends_with("does not match its MAC"), "{column}: {what}");
            });
        }
    }

    #[test]
    fn the_columns_are_the_tables_but_the_mac_in_its_order() {
        with_db(|db, _| {
            let columns = |table: &str| -> Vec<String> {
                let sql = format!("SELECT name FROM pragma_table_info('{table}') ORDER BY cid");
                let mut all = db.all(&sql, &[], |row| Ok(row.text(0)?.to_owned())).unwrap();
                assert_eq!(all.split_off(all.len() - 2), ["mac_format", "mac"], "{table}");
                all
            };
            use crate::store::rows::{
                AuditKeyRow, ClientRow, CodeRow, CredentialRow, GrantRow, IssuerRow,
                OpaqueTokenRow, RefreshTokenRow, RoleRow, StateRow, UserRow,
            };
            assert_eq!(columns(AuditKeyRow::TABLE), AuditKeyRow::COLUMNS);
            assert_eq!(columns(ClientRow::TABLE), ClientRow::COLUMNS);
            assert_eq!(columns(CodeRow::TABLE), CodeRow::COLUMNS);
            assert_eq!(columns(CredentialRow::TABLE), CredentialRow::COLUMNS);
            assert_eq!(columns(GrantRow::TABLE), GrantRow::COLUMNS);
            assert_eq!(columns(IssuerRow::TABLE), IssuerRow::COLUMNS);
            assert_eq!(columns(OpaqueTokenRow::TABLE), OpaqueTokenRow::COLUMNS);
            assert_eq!(columns(RefreshTokenRow::TABLE), RefreshTokenRow::COLUMNS);
            assert_eq!(columns(RevokedTokenRow::TABLE), RevokedTokenRow::COLUMNS);
            assert_eq!(columns(RoleRow::TABLE), RoleRow::COLUMNS);
            assert_eq!(columns(SettingsRow::TABLE), SettingsRow::COLUMNS);
            assert_eq!(columns(SigningKeyRow::TABLE), SigningKeyRow::COLUMNS);
            assert_eq!(columns(StateRow::TABLE), StateRow::COLUMNS);
            assert_eq!(columns(UserRow::TABLE), UserRow::COLUMNS);
        });
    }

    #[test]
    fn null_and_empty_are_not_the_same() {
        with_db(|db, key| {
            insert(db, key, &signing_key()).unwrap();
            db.batch("UPDATE signing_key SET ends_at = 0").unwrap();
            corrupt::<SigningKeyRow>(db, key);
        });
    }

    #[test]
    fn a_mac_of_an_unknown_format_is_said_to_be_one() {
        with_db(|db, key| {
            insert(db, key, &settings(1)).unwrap();
            db.batch("UPDATE settings SET mac_format = 2").unwrap();
            assert!(corrupt::<SettingsRow>(db, key).ends_with("has a MAC of an unknown format"));
        });
    }

    #[test]
    fn another_key_a_cut_mac_and_another_rows_mac_do_not_fit() {
        with_db(|db, right| {
            insert(db, right, &settings(1)).unwrap();
            corrupt::<SettingsRow>(db, &key(2));
            db.batch("UPDATE settings SET mac = substr(mac, 1, 31)").unwrap();
            corrupt::<SettingsRow>(db, right);
        });
        with_db(|db, key| {
            for token_id in ["a", "b"] {
                let row = RevokedTokenRow { token_id: token_id.to_owned(), expires_at: 1 };
                insert(db, key, &row).unwrap();
            }
            db.batch(
                "UPDATE revoked_token SET mac =
                     (SELECT mac FROM revoked_token AS other WHERE other.token_id = 'b')",
            )
            .unwrap();
            assert!(corrupt::<RevokedTokenRow>(db, key).starts_with("row `a` of table"));
        });
    }

    // What a MAC cannot show (docs/file-format.md): this test is here so that nobody promises it.
    #[test]
    fn an_old_row_with_its_old_mac_is_accepted() {
        with_db(|db, key| {
            insert(db, key, &settings(1)).unwrap();
            let old = "CREATE TEMP TABLE old AS SELECT version, mac FROM settings";
            db.batch(old).unwrap();
            update(db, key, &settings(2)).unwrap();
            db.batch("UPDATE settings SET (version, mac) = (SELECT version, mac FROM old)")
                .unwrap();
            assert_eq!(load::<SettingsRow>(db, key, "", &[]).unwrap(), [settings(1)]);
        });
    }

    #[test]
    fn an_update_of_a_row_that_is_not_there_is_a_defect() {
        with_db(|db, key| {
            let end = update(db, key, &settings(1));
            assert!(matches!(end, Err(Error::Internal { .. })), "{end:?}");
        });
    }
}
