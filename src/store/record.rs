//! Rows that carry an authentication code.

use crate::crypto::{Cell, RowMacKey};
use crate::error::{Error, Result};
use crate::store::db::{Db, Row};

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
        let id = match stored.first() {
            Some(Cell::Text(text)) => (*text).to_owned(),
            Some(Cell::Integer(integer)) => integer.to_string(),
            Some(Cell::Blob(_) | Cell::Null) | None => "?".to_owned(),
        };
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
