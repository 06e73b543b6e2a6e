//! The random keys that the master key wraps.

use crate::base::{Entropy, Secret};
use crate::crypto::{Cell, DigestKey, RefreshKey, RowMacKey, SealingKey};
use crate::error::{Error, Result};
use crate::store::db::Db;

/// The opened data keys of one database, and the master key's sealing key for private keys.
pub(crate) struct DataKeys {
    pub(crate) digest: DigestKey,
    pub(crate) row_mac: RowMacKey,
    pub(crate) refresh: RefreshKey,
    /// Seals what browsers carry back and forth for us.
    pub(crate) seal: SealingKey,
    master: SealingKey,
    database_id: [u8; 16],
}

impl DataKeys {
    /// Makes the random keys of a new database and stores them sealed.
    pub(crate) fn make(
        db: &Db,
        master: &Secret,
        database_id: [u8; 16],
        entropy: &dyn Entropy,
    ) -> Result<Self> {
        let sealing = SealingKey::new(master)?;
        for purpose in PURPOSES {
            let mut plain = zeroize::Zeroizing::new([0_u8; 32]);
            entropy.fill(plain.as_mut())?;
            let aad = associated("data_key", "sealed", purpose, database_id);
            let sealed = sealing.seal(entropy, &aad, plain.as_ref())?;
            db.execute(
                "INSERT INTO data_key (purpose, sealed) VALUES (?, ?)",
                &[Cell::Text(purpose), Cell::Blob(&sealed)],
            )?;
        }
        Self::open(db, master, database_id)
    }

    /// Opens the stored keys with the first of `masters` that does.
    ///
    /// # Errors
    /// [`Error::WrongKey`] when none does.
    pub(crate) fn open_with_any(
        db: &Db,
        masters: &[Secret],
        database_id: [u8; 16],
    ) -> Result<Self> {
        let mut result = Err(Error::WrongKey);
        for master in masters {
            result = Self::open(db, master, database_id);
            if !matches!(result, Err(Error::WrongKey)) {
                break;
            }
        }
        result
    }

    /// Opens the stored keys.
    ///
    /// # Errors
    /// [`Error::WrongKey`] when the master key does not open them.
    pub(crate) fn open(db: &Db, master: &Secret, database_id: [u8; 16]) -> Result<Self> {
        let sealing = SealingKey::new(master)?;
        let open = |purpose: &str| -> Result<Secret> {
            let sealed = db.first(
                "SELECT sealed FROM data_key WHERE purpose = ?",
                &[Cell::Text(purpose)],
                |row| row.blob(0).map(<[u8]>::to_vec),
            )?;
            let sealed = sealed.ok_or_else(|| Error::Corrupt {
                what: format!("the data key `{purpose}` is missing"),
            })?;
            let aad = associated("data_key", "sealed", purpose, database_id);
            sealing.open(&aad, &sealed).ok_or(Error::WrongKey)
        };
        Ok(Self {
            digest: DigestKey::new(&open("digest")?)?,
            row_mac: RowMacKey::new(&open("row_mac")?)?,
            refresh: RefreshKey::new(&open("refresh")?)?,
            seal: SealingKey::new(&open("seal")?)?,
            master: sealing,
            database_id,
        })
    }

    /// Seals a private key for its row.
    pub(crate) fn seal_private(
        &self,
        entropy: &dyn Entropy,
        table: &str,
        row: &str,
        private: &Secret,
    ) -> Result<Vec<u8>> {
        self.master.seal(
            entropy,
            &associated(table, "sealed", row, self.database_id),
            private.expose(),
        )
    }

    /// Opens a private key of a row.
    pub(crate) fn open_private(&self, table: &str, row: &str, sealed: &[u8]) -> Result<Secret> {
        let aad = associated(table, "sealed", row, self.database_id);
        self.master.open(&aad, sealed).ok_or_else(|| Error::Corrupt {
            what: format!("the private key of row `{row}` of table `{table}`"),
        })
    }
}

/// Binds a sealed value to its place, so that it cannot be moved to another row, table or database.
fn associated(table: &str, column: &str, row: &str, database_id: [u8; 16]) -> Vec<u8> {
    let mut aad = Vec::new();
    for part in [table.as_bytes(), column.as_bytes(), row.as_bytes()] {
        aad.extend_from_slice(part);
        aad.push(0);
    }
    aad.extend_from_slice(&database_id);
    aad
}

/// What the data keys are for.
const PURPOSES: [&str; 4] = ["digest", "refresh", "row_mac", "seal"];
