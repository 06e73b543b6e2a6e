//! The random keys that the master key wraps.

use crate::base::{Entropy, Secret};
use crate::crypto::{Cell, DigestKey, RefreshKey, RowMacKey, SealingKey};
use crate::error::{Error, Result};
use crate::store::db::Db;
use crate::store::master::{Candidates, MasterKey};

/// The opened data keys of one database.
pub(crate) struct DataKeys {
    pub(crate) digest: DigestKey,
    pub(crate) row_mac: RowMacKey,
    pub(crate) refresh: RefreshKey,
    /// Seals what browsers carry back and forth for us.
    pub(crate) seal: SealingKey,
    /// Seals the private keys of rows.
    private: SealingKey,
    /// All of them by their purpose, to be wrapped anew: whoever has the database open needs no master key.
    plain: Vec<(&'static str, Secret)>,
    database_id: [u8; 16],
}

/// What seals a set of data keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrapper {
    /// The master key.
    Master,
    /// The recovery code.
    Recovery,
}

impl Wrapper {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Master => "master",
            Self::Recovery => "recovery",
        }
    }
}

/// The data keys as one wrapper seals them.
#[derive(PartialEq, Eq)]
pub(crate) struct Wrapped {
    wrapper: Wrapper,
    rows: Vec<(String, Vec<u8>)>,
}

impl Wrapped {
    /// Reads them, in one statement.
    pub(crate) fn load(db: &Db, wrapper: Wrapper) -> Result<Self> {
        let rows = db.all(
            "SELECT purpose, sealed FROM data_key WHERE number = 1 AND wrapper = ? ORDER BY purpose",
            &[Cell::Text(wrapper.as_str())],
            |row| Ok((row.text(0)?.to_owned(), row.blob(1)?.to_vec())),
        )?;
        Ok(Self { wrapper, rows })
    }

    /// Whether there are any.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Opens them; `None` if `key` is not the one that sealed them all.
    pub(crate) fn open(&self, key: &Secret, database_id: [u8; 16]) -> Result<Option<DataKeys>> {
        let sealing = SealingKey::new(key)?;
        let mut plain = Vec::with_capacity(PURPOSES.len());
        for purpose in PURPOSES {
            let row = self.rows.iter().find(|(known, _)| known == purpose);
            let (_, sealed) = row.ok_or_else(|| Error::Corrupt {
                what: format!("the data key `{purpose}` is missing"),
            })?;
            let Some(opened) =
                sealing.open(&wrapped_as(purpose, self.wrapper, database_id), sealed)
            else {
                return Ok(None);
            };
            plain.push((purpose, opened));
        }
        DataKeys::of(plain, database_id).map(Some)
    }
}

impl DataKeys {
    /// Mints the random keys of a new database. They are stored nowhere yet.
    pub(crate) fn mint(database_id: [u8; 16], entropy: &dyn Entropy) -> Result<Self> {
        let mut plain = Vec::with_capacity(PURPOSES.len());
        for purpose in PURPOSES {
            let mut key = zeroize::Zeroizing::new([0_u8; 32]);
            entropy.fill(key.as_mut())?;
            plain.push((purpose, Secret::copy_of(key.as_ref())));
        }
        Self::of(plain, database_id)
    }

    /// Opens the stored keys with the first of `candidates` that does. To be asked within one transaction:
    /// the master key may be changed at any time.
    ///
    /// # Errors
    /// [`Error::WrongKey`] when none does; [`Error::InvalidArgument`] of a recovery code.
    pub(crate) fn open(
        db: &Db,
        candidates: &Candidates<'_>,
        database_id: [u8; 16],
    ) -> Result<Self> {
        let of_code;
        let (wrapper, keys): (_, &[Secret]) = match candidates {
            Candidates::Masters { keys, .. } => (Wrapper::Master, keys),
            Candidates::Code(code) => {
                of_code = [code.wrapping_key(&database_id)];
                (Wrapper::Recovery, &of_code)
            }
        };
        let wrapped = Wrapped::load(db, wrapper)?;
        if wrapper == Wrapper::Recovery && wrapped.is_empty() {
            return Err(Error::argument("recovery_code", "this database has none"));
        }
        for key in keys {
            if let Some(opened) = wrapped.open(key, database_id)? {
                return Ok(opened);
            }
        }
        match candidates {
            Candidates::Masters { skipped, .. } => {
                let needed = MasterKey::load(db)?;
                let (key_id, key_source) = (needed.id, needed.source);
                Err(Error::WrongKey { key_id, key_source, skipped: skipped.clone().into() })
            }
            Candidates::Code(_) => {
                Err(Error::argument("recovery_code", "is not the last one made for this database"))
            }
        }
    }

    /// Stores all keys sealed with `key`, in the place of those that `wrapper` had sealed before.
    pub(crate) fn wrap(
        &self,
        db: &Db,
        wrapper: Wrapper,
        key: &Secret,
        entropy: &dyn Entropy,
    ) -> Result<()> {
        let sealing = SealingKey::new(key)?;
        for (purpose, plain) in &self.plain {
            let aad = wrapped_as(purpose, wrapper, self.database_id);
            let sealed = sealing.seal(entropy, &aad, plain.expose())?;
            db.execute(
                "INSERT INTO data_key (purpose, number, wrapper, sealed) VALUES (?, 1, ?, ?)
                 ON CONFLICT (purpose, number, wrapper) DO UPDATE SET sealed = excluded.sealed",
                &[Cell::Text(purpose), Cell::Text(wrapper.as_str()), Cell::Blob(&sealed)],
            )?;
        }
        Ok(())
    }

    /// Seals a private key for its row.
    pub(crate) fn seal_private(
        &self,
        entropy: &dyn Entropy,
        table: &str,
        row: &str,
        private: &Secret,
    ) -> Result<Vec<u8>> {
        self.private.seal(
            entropy,
            &associated(table, "sealed", row, self.database_id),
            private.expose(),
        )
    }

    /// Opens a private key of a row.
    pub(crate) fn open_private(&self, table: &str, row: &str, sealed: &[u8]) -> Result<Secret> {
        let aad = associated(table, "sealed", row, self.database_id);
        self.private.open(&aad, sealed).ok_or_else(|| Error::Corrupt {
            what: format!("the private key of row `{row}` of table `{table}`"),
        })
    }

    fn of(plain: Vec<(&'static str, Secret)>, database_id: [u8; 16]) -> Result<Self> {
        let key = |purpose: &str| {
            let found = plain.iter().find(|(known, _)| *known == purpose);
            found.map(|(_, key)| key).ok_or(Error::Internal { what: "a data key without purpose" })
        };
        Ok(Self {
            digest: DigestKey::new(key("digest")?)?,
            row_mac: RowMacKey::new(key("row_mac")?)?,
            refresh: RefreshKey::new(key("refresh")?)?,
            seal: SealingKey::new(key("seal")?)?,
            private: SealingKey::new(key("private")?)?,
            plain,
            database_id,
        })
    }
}

/// What binds a wrapped data key to its row.
fn wrapped_as(purpose: &str, wrapper: Wrapper, database_id: [u8; 16]) -> Vec<u8> {
    let row = format!("{purpose} 1 {}", wrapper.as_str());
    associated("data_key", "sealed", &row, database_id)
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
const PURPOSES: [&str; 5] = ["digest", "private", "refresh", "row_mac", "seal"];
