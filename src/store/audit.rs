//! The audit chain: rows that hash their predecessors, heads that are signed.

use crate::base::{SiteId, UnixTime, encode};
use crate::crypto::{self, Cell, PrivateKey, PublicKey};
use crate::error::{Error, Result};
use crate::store::db::{Db, Row};
use crate::store::record::Named;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What one audit row says. Everything optional is left out of the row when absent; nothing here may
/// be secret.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub(crate) struct AuditEntry {
    /// What happened, as `noun.verb`.
    pub(crate) event: &'static str,
    /// `allowed`, `denied` or `done`.
    pub(crate) outcome: &'static str,
    /// Why it was denied: a `Denied::code`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<&'static str>,
    /// Who did it, for administration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) actor: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client: Option<String>,
    /// The user that it was done for or by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) credential: Option<String>,
    /// A token's `jti`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<String>,
    /// The user's grant that a token, a code or a refresh token belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) grant_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) scope: Option<String>,
    /// The grant type, the form and the end (in milliseconds) of a token that was issued.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) grant: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) format: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expires_at: Option<i64>,
    /// The caller's address, or its prefix where many are counted together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) peer: Option<String>,
    /// The request's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) request: Option<String>,
    /// The host's own id for the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) correlation: Option<String>,
    /// How often it happened, for gathered rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) count: Option<u64>,
    /// The ids of the last requests that a gathered row stands for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) requests: Vec<String>,
    /// What else belongs to this event.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) detail: BTreeMap<&'static str, String>,
    /// What the host says, for the event `host`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) host: Option<HostEvent>,
}

/// What only the store says in a row: no entry can.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Facts<'a> {
    /// The rows that the event wrote, with their MACs, so that they can be held against the chain.
    #[serde(skip_serializing_if = "<[Named]>::is_empty")]
    pub(super) rows: &'a [Named],
    /// What was cut from the chain's beginning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cut: Option<Cut>,
}

/// The last row that was cut from the chain's beginning, as its successor must know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cut {
    pub(crate) through: u64,
    /// Its hash, in hexadecimal.
    pub(crate) hash: String,
    /// Its signature, so that whoever kept it as a head can go on.
    pub(crate) signed_by: i64,
    /// In base64url.
    pub(crate) signature: String,
}

/// An event of the host's, in members of its own: it cannot pass for one of ours.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub(crate) struct HostEvent {
    /// The host's word for it.
    pub(crate) event: String,
    /// What it is about, by reference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reference: Option<String>,
    /// What else the host says.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) detail: BTreeMap<String, String>,
}

/// A stored row of the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AuditRow {
    pub(crate) sequence: u64,
    /// The exact text that was hashed.
    pub(crate) row: String,
    pub(crate) hash: [u8; 32],
    /// The audit key and its signature, on the last row of each transaction.
    pub(crate) head: Option<(i64, Vec<u8>)>,
}

impl AuditRow {
    /// The last row that was cut, if this row says so.
    pub(crate) fn cut(&self) -> Option<AuditHead> {
        #[derive(Deserialize)]
        struct Says {
            cut: Cut,
        }
        // Few rows do: only these are read.
        let says = self.row.contains("\"cut\":").then(|| serde_json::from_str::<Says>(&self.row));
        let cut = says?.ok()?.cut;
        let hash = encode::from_hex(&cut.hash)?.try_into().ok()?;
        Some(AuditHead { sequence: cut.through, hash })
    }
}

/// The end of the chain, to which the next row is linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AuditHead {
    pub(crate) sequence: u64,
    pub(crate) hash: [u8; 32],
}

impl AuditHead {
    /// The last row that the table holds; `None` when it is empty.
    pub(crate) fn stored(db: &Db) -> Result<Option<Self>> {
        db.first("SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1", &[], |row| {
            Ok(Self { sequence: row.unsigned(0)?, hash: row.array(1)? })
        })
    }

    /// Demands that the table ends with this row, and begins where it was cut last.
    ///
    /// # Errors
    /// [`Error::Corrupt`]: rows were taken away from its end or its beginning.
    pub(crate) fn check_ends(&self, db: &Db, cut: &Self) -> Result<()> {
        let first =
            db.first("SELECT sequence FROM audit ORDER BY sequence LIMIT 1", &[], |row| {
                row.unsigned(0)
            })?;
        let why = match Self::stored(db)? {
            Some(stored) if stored.sequence < self.sequence => "its last rows are missing",
            Some(stored) if stored != *self => "its last row is not the one that was written last",
            None => "it is empty",
            Some(_) if first != Some(cut.sequence + 1) => "its first rows are missing",
            Some(_) => return Ok(()),
        };
        Err(Error::Corrupt { what: format!("the audit: {why}") })
    }

    /// The end of an empty chain.
    pub(crate) fn start(database_id: [u8; 16]) -> Self {
        Self { sequence: 0, hash: crypto::sha256(&[CHAIN_DOMAIN, &database_id].concat()) }
    }

    /// Whether this very row is in the chain.
    pub(crate) fn is_stored(&self, db: &Db) -> Result<bool> {
        let sql = "SELECT hash FROM audit WHERE sequence = ?";
        let stored = db.first(sql, &[Cell::unsigned(self.sequence)], |row| row.array::<32>(0))?;
        Ok(stored == Some(self.hash))
    }

    /// Appends a row and becomes its end.
    pub(super) fn append(
        &mut self,
        db: &Db,
        site: &SiteId,
        time: UnixTime,
        entry: &AuditEntry,
        facts: Facts<'_>,
    ) -> Result<()> {
        let (sequence, time) = (self.sequence + 1, time.millis());
        let row = Printed { v: 1, site: site.as_str(), seq: sequence, time, entry, facts };
        let row = serde_json::to_string(&row)
            .map_err(|_| Error::Internal { what: "an audit row that cannot be printed" })?;
        let hash = link(&self.hash, &row);
        db.execute(
            "INSERT INTO audit (sequence, row, hash) VALUES (?, ?, ?)",
            &[Cell::unsigned(sequence), Cell::Text(&row), Cell::Blob(&hash)],
        )?;
        *self = Self { sequence, hash };
        Ok(())
    }

    /// Signs the last row.
    pub(crate) fn sign(&self, db: &Db, key_id: i64, key: &PrivateKey) -> Result<()> {
        let mut signature = Vec::with_capacity(64);
        key.sign(&head_message(&self.hash), &mut signature)?;
        db.execute(
            "UPDATE audit SET signed_by = ?, signature = ? WHERE sequence = ?",
            &[Cell::Integer(key_id), Cell::Blob(&signature), Cell::unsigned(self.sequence)],
        )?;
        Ok(())
    }

    /// Follows the chain with its next stored row; the error says what is wrong with that row. `key` finds
    /// the audit key of a number that may sign the row of a sequence.
    pub(crate) fn follow(
        &mut self,
        row: &AuditRow,
        key: impl FnOnce(i64, u64) -> Option<PublicKey>,
    ) -> std::result::Result<(), &'static str> {
        if row.sequence != self.sequence + 1 {
            return Err("rows before it are missing");
        }
        let hash = link(&self.hash, &row.row);
        if hash != row.hash {
            return Err("its text or a row before it does not match its hash");
        }
        if let Some((key_id, signature)) = &row.head {
            let key = key(*key_id, row.sequence)
                .ok_or("it is signed by a key that is unknown or may not sign it")?;
            if !verify_head(&key, &hash, signature) {
                return Err("its signature does not verify");
            }
        }
        *self = Self { sequence: row.sequence, hash };
        Ok(())
    }
}

/// Which rows to read: all conditions hold together.
#[derive(Debug, Clone, Default)]
pub(crate) struct AuditFilter {
    pub(crate) client: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) credential: Option<String>,
    pub(crate) outcome: Option<String>,
    pub(crate) event: Option<String>,
    /// At or after.
    pub(crate) from: Option<UnixTime>,
    /// Before.
    pub(crate) until: Option<UnixTime>,
    /// Rows after this sequence.
    pub(crate) after: u64,
    pub(crate) limit: u32,
}

/// The rows that `filter` selects, oldest first.
pub(crate) fn read(db: &Db, filter: &AuditFilter) -> Result<Vec<AuditRow>> {
    // Each present condition is spelled out, so that SQLite can use the index that fits it.
    let mut sql = format!("{SELECT} WHERE sequence > ?1");
    let mut cells = vec![Cell::unsigned(filter.after)];
    let mut and = |condition: &str, cell| {
        cells.push(cell);
        sql.push_str(&format!(" AND {condition} ?{}", cells.len()));
    };
    let texts = [
        ("client =", &filter.client),
        ("user =", &filter.user),
        ("CASE WHEN json_valid(row) THEN row ->> '$.credential' END =", &filter.credential),
        ("CASE WHEN json_valid(row) THEN row ->> '$.outcome' END =", &filter.outcome),
        ("CASE WHEN json_valid(row) THEN row ->> '$.event' END =", &filter.event),
    ];
    for (condition, text) in texts {
        if let Some(text) = text {
            and(condition, Cell::Text(text));
        }
    }
    if let Some(from) = filter.from {
        and("time >=", Cell::Integer(from.millis()));
    }
    if let Some(until) = filter.until {
        and("time <", Cell::Integer(until.millis()));
    }
    cells.push(Cell::Integer(i64::from(filter.limit)));
    sql.push_str(&format!(" ORDER BY sequence LIMIT ?{}", cells.len()));
    db.all(&sql, &cells, stored)
}

/// The row of a request: its own, or the gathered one that still names it.
pub(crate) fn find_request(db: &Db, request: &str) -> Result<Option<AuditRow>> {
    // Of several rows the last: it says what came of the request, those before it what was made for it.
    let own = db.first(
        &format!("{SELECT} WHERE request = ?1 ORDER BY sequence DESC LIMIT 1"),
        &[Cell::Text(request)],
        stored,
    )?;
    if own.is_some() {
        return Ok(own);
    }
    // Gathered rows are few (64 an hour at most): those that can name the request come after it.
    db.first(
        &format!(
            "{SELECT} WHERE time >= ?2 AND CASE WHEN json_valid(row) THEN
                 EXISTS (SELECT 1 FROM json_each(row, '$.requests') WHERE value = ?1) END
             ORDER BY time LIMIT 1"
        ),
        &[Cell::Text(request), Cell::Integer(request_time(request))],
        stored,
    )
}

/// The time at which a request id was made, a little earlier to be safe against its rounding.
fn request_time(request: &str) -> i64 {
    let millis = request.get(..12).and_then(|digits| i64::from_str_radix(digits, 16).ok());
    millis.map_or(0, |millis| millis.saturating_sub(1))
}

pub(super) fn stored(row: &Row<'_>) -> Result<AuditRow> {
    let head = match (row.optional_integer(3)?, row.optional_blob(4)?) {
        (Some(key), Some(signature)) => Some((key, signature.to_vec())),
        _ => None,
    };
    Ok(AuditRow {
        sequence: row.unsigned(0)?,
        row: row.text(1)?.to_owned(),
        hash: row.array(2)?,
        head,
    })
}

/// The hash of a row that follows `previous`. Of a row that is left out of an export, its digest is enough.
fn link(previous: &[u8; 32], row: &str) -> [u8; 32] {
    link_digest(previous, &row_digest(row))
}

pub(crate) fn link_digest(previous: &[u8; 32], digest: &[u8; 32]) -> [u8; 32] {
    crypto::sha256(&[ROW_DOMAIN, previous.as_slice(), digest].concat())
}

/// What stands for a row that is left out of an export.
pub(crate) fn row_digest(row: &str) -> [u8; 32] {
    crypto::sha256(row.as_bytes())
}

/// Whether a head is signed by this key.
pub(crate) fn verify_head(key: &PublicKey, hash: &[u8; 32], signature: &[u8]) -> bool {
    key.verify(&head_message(hash), signature)
}

/// The last signed row before `sequence`, or the first one from it on.
pub(super) fn signed(db: &Db, before: bool, sequence: u64) -> Result<Option<AuditRow>> {
    let which = if before { "< ? ORDER BY sequence DESC" } else { ">= ? ORDER BY sequence" };
    let sql = format!("{SELECT} WHERE signature IS NOT NULL AND sequence {which} LIMIT 1");
    db.first(&sql, &[Cell::unsigned(sequence)], stored)
}

fn head_message(hash: &[u8; 32]) -> Vec<u8> {
    [HEAD_DOMAIN, hash].concat()
}

/// A row's text: its place first, then what it says.
#[derive(Serialize)]
struct Printed<'a> {
    v: u32,
    site: &'a str,
    seq: u64,
    time: i64,
    #[serde(flatten)]
    entry: &'a AuditEntry,
    #[serde(flatten)]
    facts: Facts<'a>,
}

const SELECT: &str = "SELECT sequence, row, hash, signed_by, signature FROM audit";
const CHAIN_DOMAIN: &[u8] = b"wardkey audit chain 1\0";
const ROW_DOMAIN: &[u8] = b"wardkey audit row 1\0";
const HEAD_DOMAIN: &[u8] = b"wardkey audit head 1\0";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::SystemEntropy;
    use crate::crypto::Algorithm;

    const DATABASE: [u8; 16] = [3; 16];

    /// A chain of four rows, the second and the fourth signed.
    fn chain() -> (Vec<AuditRow>, PublicKey) {
        let (key, _) = PrivateKey::generate(Algorithm::EdDsa, &SystemEntropy).unwrap();
        let mut previous = AuditHead::start(DATABASE).hash;
        let rows = (1..=4).map(|sequence| {
            let row = format!(r#"{{"v":1,"seq":{sequence}}}"#);
            let hash = link(&previous, &row);
            previous = hash;
            let mut signature = Vec::new();
            key.sign(&head_message(&hash), &mut signature).unwrap();
            let head = (sequence % 2 == 0).then_some((1, signature));
            AuditRow { sequence, row, hash, head }
        });
        (rows.collect(), key.public())
    }

    /// How far the chain can be followed, and what is wrong with the next row.
    fn follow(rows: &[AuditRow], key: &PublicKey) -> (u64, Option<&'static str>) {
        let mut head = AuditHead::start(DATABASE);
        for row in rows {
            if let Err(why) = head.follow(row, |id, _| (id == 1).then(|| key.clone())) {
                return (head.sequence, Some(why));
            }
        }
        (head.sequence, None)
    }

    const TEXT: Option<&str> = Some("its text or a row before it does not match its hash");
    const MISSING: Option<&str> = Some("rows before it are missing");
    const SIGNATURE: Option<&str> = Some("its signature does not verify");

    #[test]
    fn a_whole_chain_is_followed_to_its_end() {
        let (rows, key) = chain();
        assert_eq!(follow(&rows, &key), (4, None));
    }

    #[test]
    fn an_edited_row_is_named() {
        let (mut rows, key) = chain();
        rows[2].row.push(' ');
        assert_eq!(follow(&rows, &key), (2, TEXT));
    }

    #[test]
    fn an_edited_row_with_its_hash_made_anew_shows_at_the_next_row_or_head() {
        let (mut rows, key) = chain();
        rows[2].row.push(' ');
        rows[2].hash = link(&rows[1].hash, &rows[2].row);
        assert_eq!(follow(&rows, &key), (3, TEXT));
        rows[3].hash = link(&rows[2].hash, &rows[3].row);
        assert_eq!(follow(&rows, &key), (3, SIGNATURE));
    }

    #[test]
    fn removed_and_swapped_rows_are_named() {
        let (rows, key) = chain();
        let without = [rows[0].clone(), rows[2].clone()];
        assert_eq!(follow(&without, &key), (1, MISSING));
        let mut renumbered = without;
        renumbered[1].sequence = 2;
        assert_eq!(follow(&renumbered, &key), (1, TEXT));
        let swapped = [rows[1].clone(), rows[0].clone()];
        assert_eq!(follow(&swapped, &key), (0, MISSING));
        assert_eq!(follow(&rows[1..], &key), (0, MISSING), "the first row is gone");
    }

    #[test]
    fn another_databases_chain_does_not_fit() {
        let (rows, key) = chain();
        let mut head = AuditHead::start([4; 16]);
        assert_eq!(head.follow(&rows[0], |_, _| Some(key)).err(), TEXT);
    }

    #[test]
    fn a_head_by_another_or_an_unknown_key_is_named() {
        let (mut rows, _) = chain();
        let (_, other) = chain();
        assert_eq!(follow(&rows, &other), (1, SIGNATURE));
        rows[1].head.as_mut().unwrap().0 = 2;
        assert_eq!(
            follow(&rows, &other),
            (1, Some("it is signed by a key that is unknown or may not sign it"))
        );
    }

    #[test]
    fn a_tail_cut_at_a_head_cannot_be_seen_and_one_cut_elsewhere_lacks_its_signature() {
        let (rows, key) = chain();
        assert_eq!(follow(&rows[..2], &key), (2, None));
        assert!(rows[1].head.is_some());
        assert_eq!(follow(&rows[..3], &key), (3, None));
        assert!(rows[2].head.is_none(), "which audit.verify demands of the last row");
    }

    #[test]
    fn the_hashes_are_those_of_the_documented_bytes() {
        let start = crypto::sha256(&[b"wardkey audit chain 1\0".as_slice(), &DATABASE].concat());
        assert_eq!(AuditHead::start(DATABASE).hash, start);
        let row = [b"wardkey audit row 1\0".as_slice(), &start, &crypto::sha256(b"{}")].concat();
        assert_eq!(link(&start, "{}"), crypto::sha256(&row));
    }

    #[test]
    fn a_request_ids_time_is_read_from_it_and_nonsense_is_the_beginning_of_time() {
        assert_eq!(request_time("00000000000a00000000000000000000"), 9);
        assert_eq!(request_time("nonsense"), 0);
        assert_eq!(request_time(""), 0);
    }
}
