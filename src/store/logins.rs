//! From where users log in, and how often somebody could not.

use crate::base::UnixTime;
use crate::crypto::Cell;
use crate::error::Result;
use crate::store::transaction::Tx;
use crate::store::view::View;

/// What wrong passwords are counted for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FailureKey {
    /// Which count.
    pub(crate) what: &'static str,
    /// Where, or nothing for a count over all places.
    pub(crate) place: String,
    /// Which name, or which share of all names or networks.
    pub(crate) number: i64,
}

/// Wrong passwords counted for one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FailureRow {
    pub(crate) failures: i64,
    pub(crate) since: i64,
    pub(crate) until: i64,
    /// When all are forgiven, and the row may go.
    pub(crate) ends_at: i64,
}

impl View<'_> {
    /// Whether a user has logged in from `place`, as far as that is remembered.
    pub(crate) fn has_logged_in(&self, user_id: &str, place: &str) -> Result<bool> {
        let row = self.db.first(
            "SELECT 1 FROM user_login WHERE user_id = ? AND place = ?",
            &[Cell::Text(user_id), Cell::Text(place)],
            |row| row.integer(0),
        )?;
        Ok(row.is_some())
    }

    /// Whether any user has logged in from `place`, as far as that is remembered.
    pub(crate) fn has_anybody_logged_in(&self, place: &str) -> Result<bool> {
        let row = self.db.first(
            "SELECT 1 FROM user_login WHERE place = ? LIMIT 1",
            &[Cell::Text(place)],
            |row| row.integer(0),
        )?;
        Ok(row.is_some())
    }

    /// How many rows count wrong passwords.
    #[cfg(test)]
    pub(crate) fn count_login_failures(&self) -> Result<i64> {
        let rows =
            self.db.first("SELECT count(*) FROM login_failure", &[], |row| row.integer(0))?;
        Ok(rows.unwrap_or_default())
    }

    /// The wrong passwords counted for `key`.
    pub(crate) fn login_failures(&self, key: &FailureKey) -> Result<Option<FailureRow>> {
        self.db.first(
            "SELECT failures, since, until, ends_at FROM login_failure
             WHERE what = ? AND place = ? AND number = ?",
            &[Cell::Text(key.what), Cell::Text(&key.place), Cell::Integer(key.number)],
            |row| {
                Ok(FailureRow {
                    failures: row.integer(0)?,
                    since: row.integer(1)?,
                    until: row.integer(2)?,
                    ends_at: row.integer(3)?,
                })
            },
        )
    }
}

impl Tx<'_> {
    /// Counts a login from `place`. At most [`PLACES_KEPT`] are kept of one user, the longest unseen go first.
    pub(crate) fn note_login(&mut self, user_id: &str, place: &str) -> Result<()> {
        let cells = [
            Cell::Text(user_id),
            Cell::Text(place),
            Cell::Integer(self.now().millis()),
            Cell::Integer(PLACES_KEPT),
        ];
        self.execute(
            "INSERT INTO user_login (user_id, place, last_at, logins) VALUES (?1, ?2, ?3, 1)
             ON CONFLICT (user_id, place) DO UPDATE SET
                 last_at = max(last_at, excluded.last_at), logins = logins + 1",
            &cells[..3],
        )?;
        self.execute(
            "DELETE FROM user_login WHERE user_id = ?1 AND place NOT IN
                 (SELECT place FROM user_login WHERE user_id = ?1
                  ORDER BY last_at DESC, place = ?2 DESC LIMIT ?4)",
            &cells,
        )
        .map(|_| ())
    }

    /// Keeps the wrong passwords counted for `key`, and clears a few rows away of which nothing is left.
    pub(crate) fn keep_login_failures(&mut self, key: &FailureKey, row: &FailureRow) -> Result<()> {
        let now: UnixTime = self.now();
        self.execute(
            "DELETE FROM login_failure WHERE (what, place, number) IN
                 (SELECT what, place, number FROM login_failure WHERE ends_at <= ? LIMIT 16)",
            &[Cell::Integer(now.millis())],
        )?;
        let cells = [
            Cell::Text(key.what),
            Cell::Text(&key.place),
            Cell::Integer(key.number),
            Cell::Integer(row.failures),
            Cell::Integer(row.since),
            Cell::Integer(row.until),
            Cell::Integer(row.ends_at),
        ];
        self.execute(
            "INSERT OR REPLACE INTO login_failure
                 (what, place, number, failures, since, until, ends_at)
             VALUES (?, ?, ?, ?, ?, ?, ?)",
            &cells,
        )
        .map(|_| ())
    }

    /// Forgets what is counted as `what` for a name or a share of names, wherever it was.
    pub(crate) fn forget_login_failures(&mut self, what: &str, number: i64) -> Result<()> {
        self.execute(
            "DELETE FROM login_failure WHERE what = ? AND number = ?",
            &[Cell::Text(what), Cell::Integer(number)],
        )
        .map(|_| ())
    }

    /// Counts as `what` for `to`, at each place, at least what is counted for `from`.
    pub(crate) fn copy_login_failures(&mut self, what: &str, from: i64, to: i64) -> Result<()> {
        self.execute(
            "INSERT INTO login_failure (what, place, number, failures, since, until, ends_at)
             SELECT what, place, ?3, failures, since, until, ends_at FROM login_failure
             WHERE what = ?1 AND number = ?2
             ON CONFLICT (what, place, number) DO UPDATE SET
                 failures = max(failures, excluded.failures), since = max(since, excluded.since),
                 until = max(until, excluded.until), ends_at = max(ends_at, excluded.ends_at)",
            &[Cell::Text(what), Cell::Integer(from), Cell::Integer(to)],
        )
        .map(|_| ())
    }
}

/// Places kept of one user.
const PLACES_KEPT: i64 = 64;
