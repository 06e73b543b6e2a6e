//! From where users log in, and how often somebody could not.

use crate::base::UnixTime;
use crate::crypto::Cell;
use crate::error::Result;
use crate::store::transaction::Tx;
use crate::store::view::View;

/// Wrong passwords for one account from one place.
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

    /// Whether a host's own user has logged in from `place` by the name of this account.
    pub(crate) fn has_logged_in_as(&self, account: &[u8; 32], place: &str) -> Result<bool> {
        let row = self.db.first(
            "SELECT 1 FROM user_login WHERE account = ? AND place = ?",
            &[Cell::Blob(account), Cell::Text(place)],
            |row| row.integer(0),
        )?;
        Ok(row.is_some())
    }

    /// The wrong passwords for an account from `place`.
    pub(crate) fn login_failures(
        &self,
        account: &[u8; 32],
        place: &str,
    ) -> Result<Option<FailureRow>> {
        self.db.first(
            "SELECT failures, since, until, ends_at FROM login_failure
             WHERE account = ? AND place = ?",
            &[Cell::Blob(account), Cell::Text(place)],
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

    /// Keeps by which name a host's own user logged in, once that is counted.
    pub(crate) fn name_login(
        &mut self,
        user_id: &str,
        place: &str,
        account: &[u8; 32],
    ) -> Result<()> {
        self.execute(
            "UPDATE user_login SET account = ?3 WHERE user_id = ?1 AND place = ?2",
            &[Cell::Text(user_id), Cell::Text(place), Cell::Blob(account)],
        )
        .map(|_| ())
    }

    /// Keeps the wrong passwords for an account from `place`, where its user `known` has logged in from
    /// there or not; `false` if there was no room.
    ///
    /// Places that users are known from are as many as there are users; of what anybody can make up, accounts
    /// and places, at most [`UNKNOWN_KEPT`] rows are there. None that counts gives way to another: whoever
    /// made up enough could otherwise make the table forget what it is there for.
    pub(crate) fn keep_login_failures(
        &mut self,
        account: &[u8; 32],
        place: &str,
        known: bool,
        row: &FailureRow,
    ) -> Result<bool> {
        self.forget_forgiven()?;
        let cells = [
            Cell::Blob(account),
            Cell::Text(place),
            Cell::Integer(i64::from(known)),
            Cell::Integer(row.failures),
            Cell::Integer(row.since),
            Cell::Integer(row.until),
            Cell::Integer(row.ends_at),
            Cell::Integer(UNKNOWN_KEPT),
        ];
        let changed = self.execute(
            "UPDATE login_failure
             SET known = ?3, failures = ?4, since = ?5, until = ?6, ends_at = ?7
             WHERE account = ?1 AND place = ?2",
            &cells[..7],
        )?;
        if changed > 0 {
            return Ok(true);
        }
        let inserted = self.execute(
            "INSERT INTO login_failure (account, place, known, failures, since, until, ends_at)
             SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7
             WHERE ?3 OR (SELECT count(*) FROM login_failure WHERE NOT known) < ?8",
            &cells,
        )?;
        Ok(inserted > 0)
    }

    /// Forgets the wrong passwords for an account, from `place` or, without one, from everywhere.
    pub(crate) fn forget_login_failures(
        &mut self,
        account: &[u8; 32],
        place: Option<&str>,
    ) -> Result<()> {
        self.execute(
            "DELETE FROM login_failure WHERE account = ?1 AND (?2 IS NULL OR place = ?2)",
            &[Cell::Blob(account), Cell::text_or_null(place)],
        )
        .map(|_| ())
    }

    /// Deletes a few rows of which nothing is left.
    fn forget_forgiven(&mut self) -> Result<()> {
        let now: UnixTime = self.now();
        for known in 0..=1 {
            self.execute(
                "DELETE FROM login_failure WHERE (account, place) IN
                     (SELECT account, place FROM login_failure
                      WHERE known = ? AND ends_at <= ? LIMIT 16)",
                &[Cell::Integer(known), Cell::Integer(now.millis())],
            )?;
        }
        Ok(())
    }
}

/// Places kept of one user.
const PLACES_KEPT: i64 = 64;

/// Rows kept of what anybody can make up. Each wrong password that is looked at costs a row of the audit, and
/// makes rows here that live for up to a quarter of an hour: so many bound the audit to some 200,000 rows a day
/// (60 MB) under an attack from everywhere, without end. Fewer where tests fill them.
const UNKNOWN_KEPT: i64 = if cfg!(test) { 400 } else { 4000 };
