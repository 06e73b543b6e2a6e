//! One member's view of a writing transaction.

use crate::base::{Entropy, Epoch, Secret, SiteId, UnixTime, encode};
use crate::crypto::{Cell, PrivateKey};
use crate::error::{Error, Result};
use crate::store::audit::{AuditEntry, AuditHead, Cut, Facts};
use crate::store::db::Db;
use crate::store::keys::{DataKeys, Wrapped, Wrapper};
use crate::store::prune::Share;
use crate::store::record::{self, Named, Record};
use crate::store::size::FileSize;
use crate::store::state::{Clockwork, State};
use crate::store::view::{DecisionRow, View};

/// What every transaction of one open database shares.
pub(crate) struct Identity {
    pub(crate) database_id: [u8; 16],
    pub(crate) site: SiteId,
    pub(crate) keys: DataKeys,
    pub(crate) audit_key_id: i64,
    pub(crate) audit_key: PrivateKey,
    pub(crate) entropy: std::sync::Arc<dyn Entropy>,
}

impl Identity {
    /// Whether `key` is the master key.
    pub(super) fn opens_with(&self, db: &Db, key: &Secret) -> Result<bool> {
        let wrapped = Wrapped::load(db, Wrapper::Master)?;
        wrapped.open(key, self.database_id).map(|opened| opened.is_some())
    }
}

/// A writing transaction, as one closure sees it: everything it writes is committed or rolled back
/// together, and nobody else writes meanwhile.
pub(crate) struct Tx<'a> {
    db: &'a Db,
    identity: &'a Identity,
    now: UnixTime,
    /// What the file took when it was first asked for.
    pub(super) size: Option<FileSize>,
    pub(super) ledger: Ledger,
}

/// What the transaction carries from member to member; a member that fails gives its share back.
#[derive(Clone)]
pub(super) struct Ledger {
    pub(super) state: State,
    /// Rows that were written and that no audit row names yet.
    pub(super) unnamed: Vec<Named>,
    /// Whether anything was written.
    pub(super) dirty: bool,
    /// Whether the audit grew.
    pub(super) audited: bool,
    /// Whether security changed.
    pub(super) changed: bool,
    /// The mark before: nothing is pruned by a time that other processes have not heard of.
    pub(super) known: UnixTime,
    /// Whether it was looked what of the audit is too old.
    pub(super) cut: bool,
    /// How much it clears away; without it, as much as its members add.
    pub(super) share: Option<Share>,
}

impl Ledger {
    pub(super) const fn new(state: State) -> Self {
        let unnamed = Vec::new();
        let [dirty, audited, changed, cut] = [false; 4];
        Self { known: state.mark, state, unnamed, dirty, audited, changed, cut, share: None }
    }
}

/// An hour: the margin that expired rows are kept for beyond their end.
pub(super) const MARK_LEAP_MILLIS: i64 = 3_600_000;

impl<'a> Tx<'a> {
    pub(super) fn new(db: &'a Db, identity: &'a Identity, ledger: Ledger) -> Self {
        Self { db, identity, now: ledger.state.mark, size: None, ledger }
    }

    /// Sets the time that the next member's rows carry; it never runs backwards.
    pub(super) fn at(&mut self, now: UnixTime) {
        self.now = now.max(self.ledger.state.mark);
        self.ledger.state.mark = self.now;
    }

    /// A leap of the mark since `before` is a security change: a process whose own clock lags behind
    /// would otherwise go on accepting what has expired here, and whose revocation may be pruned here.
    pub(super) fn note_leap(&mut self, before: UnixTime) -> Result<()> {
        if self.ledger.dirty && self.ledger.state.mark.since(before) > MARK_LEAP_MILLIS {
            self.change("clock", "")?;
        }
        Ok(())
    }

    pub(super) const fn db(&self) -> &'a Db {
        self.db
    }

    /// What a reader would see, this transaction's own writes included.
    pub(crate) fn view(&self) -> View<'_> {
        View::within(self.db, self.identity, self.ledger.state.sequence)
    }

    /// The time of this member's call, never before that of a committed row.
    pub(crate) const fn now(&self) -> UnixTime {
        self.now
    }

    /// Keys, site and entropy of this database.
    pub(crate) const fn identity(&self) -> &'a Identity {
        self.identity
    }

    /// The sequence that the next security change will have.
    pub(crate) const fn next_sequence(&self) -> u64 {
        self.ledger.state.sequence + 1
    }

    /// Begins a new epoch: every token, code and refresh token issued until now ends. A full checkpoint must
    /// follow the commit: a main file of another epoch than its WAL is taken for a stranger (`store/pair.rs`).
    pub(crate) fn begin_epoch(&mut self) -> Result<()> {
        self.ledger.state.epoch = Epoch::mint(self.identity.entropy.as_ref())?;
        self.ledger.state.epoch_before = self.ledger.state.epoch;
        self.change("epoch", "")
    }

    /// Sets the time that all processes follow from now on, also backwards: the wall clock is believed. Writes
    /// whose time was read before begin again. Going back ends all that was issued until now.
    pub(crate) fn set_time(&mut self, time: UnixTime) -> Result<()> {
        let state = &mut self.ledger.state;
        let lowered = time < state.mark;
        (self.now, state.mark) = (time, time);
        state.clock = Clockwork { believed: true, offset: 0 };
        state.clock_changes += 1;
        state.size_warned_at = state.size_warned_at.min(time);
        if !lowered {
            return self.change("clock", "");
        }
        let before = state.epoch;
        // No token of the new epoch ends later.
        state.last_expiry = time;
        state.epoch_since = state.commits + 1;
        self.begin_epoch()?;
        self.ledger.state.epoch_before = before;
        self.change("clock", "")?;
        // Those of other sites stay: their tokens know nothing of our epochs.
        let ours = format!("{}.", self.identity.site.as_str());
        for revoked in self.view().revoked_tokens()? {
            if revoked.token_id.starts_with(&ours) {
                self.delete("revoked_token", "token_id", &revoked.token_id)?;
            }
        }
        for forget in FORGET_FUTURE {
            let parameters =
                if forget.contains('?') { &[Cell::Integer(time.millis())][..] } else { &[] };
            self.execute(forget, parameters)?;
        }
        Ok(())
    }

    /// How often an operator has set the engine's time.
    pub(crate) const fn clock_changes(&self) -> u64 {
        self.ledger.state.clock_changes
    }

    /// The last row of the audit so far.
    pub(crate) const fn audit_sequence(&self) -> u64 {
        self.ledger.state.audit.sequence
    }

    /// The latest time ever told.
    pub(crate) const fn mark(&self) -> UnixTime {
        self.ledger.state.mark
    }

    /// The epoch, as this transaction leaves it.
    pub(crate) const fn epoch(&self) -> Epoch {
        self.ledger.state.epoch
    }

    /// Sets what all processes follow about the clock.
    pub(crate) fn set_clock(&mut self, clock: Clockwork) -> Result<()> {
        self.ledger.state.clock = clock;
        self.change("clock", "")
    }

    /// Whether the file says that the wall clock is believed.
    pub(crate) const fn clock_is_believed(&self) -> bool {
        self.ledger.state.clock.believed
    }

    /// Notes that a token was issued which ends at `expires_at`.
    pub(crate) fn note_expiry(&mut self, expires_at: UnixTime) {
        self.ledger.state.last_expiry = self.ledger.state.last_expiry.max(expires_at);
    }

    /// When the last token ever issued ends: how long a revocation of an unknown token must be kept.
    pub(crate) const fn last_expiry(&self) -> UnixTime {
        self.ledger.state.last_expiry
    }

    /// Records a security change under the next sequence, for every snapshot to follow.
    pub(crate) fn change(&mut self, kind: &str, id: &str) -> Result<()> {
        self.ledger.state.sequence += 1;
        self.ledger.changed = true;
        self.ledger.dirty = true;
        let sequence = Cell::unsigned(self.ledger.state.sequence);
        self.db.execute(
            "INSERT INTO change (sequence, kind, id) VALUES (?, ?, ?)",
            &[sequence, Cell::Text(kind), Cell::Text(id)],
        )?;
        Ok(())
    }

    /// Appends a row to the audit. It names what was written before it; what it cannot hold stands in
    /// rows of their own before it.
    pub(crate) fn audit(&mut self, entry: &AuditEntry) -> Result<()> {
        self.audit_with(entry, None)
    }

    pub(super) fn audit_with(&mut self, entry: &AuditEntry, cut: Option<Cut>) -> Result<()> {
        while self.ledger.unnamed.len() > NAMED_LIMIT {
            let more = AuditEntry { event: "rows.name", outcome: "done", ..AuditEntry::default() };
            let rows: Vec<_> = self.ledger.unnamed.drain(..NAMED_LIMIT).collect();
            self.append(&more, Facts { rows: &rows, cut: None })?;
        }
        let rows = std::mem::take(&mut self.ledger.unnamed);
        self.append(entry, Facts { rows: &rows, cut })
    }

    /// Names a row with the next row of the audit.
    pub(super) fn name(&mut self, named: Named) {
        self.ledger.unnamed.push(named);
    }

    /// For a restore: goes on where the stored audit ends, and says so if that is not where it should.
    pub(super) fn follow_stored(&mut self) -> Result<()> {
        let (expected, cut) = (self.ledger.state.audit, self.ledger.state.cut);
        if expected.check_ends(self.db, &cut).is_ok() {
            return Ok(());
        }
        let sql = "SELECT min(sequence) - 1 FROM audit";
        let before = self.db.one(sql, &[], |row| row.optional_integer(0))?;
        let before = before.and_then(|before| u64::try_from(before).ok());
        self.ledger.state.cut.sequence = before.unwrap_or(cut.sequence);
        let stored = AuditHead::stored(self.db)?;
        self.ledger.state.audit = stored.unwrap_or(self.ledger.state.cut);
        let mut entry =
            AuditEntry { event: "audit.resume", outcome: "done", ..AuditEntry::default() };
        entry.detail.insert("expected_sequence", expected.sequence.to_string());
        entry.detail.insert("expected_hash", encode::hex(&expected.hash));
        entry.detail.insert("expected_first", (cut.sequence + 1).to_string());
        self.audit(&entry)
    }

    /// Demands that the audit names every row that was written.
    pub(super) fn check_named(&self) -> Result<()> {
        if self.ledger.unnamed.is_empty() {
            return Ok(());
        }
        Err(Error::Internal { what: "a row that no row of the audit names" })
    }

    fn append(&mut self, entry: &AuditEntry, facts: Facts<'_>) -> Result<()> {
        let audit = &mut self.ledger.state.audit;
        audit.append(self.db, &self.identity.site, self.now, entry, facts)?;
        self.ledger.audited = true;
        self.ledger.dirty = true;
        Ok(())
    }

    /// Inserts a row, which the next row of the audit names.
    pub(crate) fn insert<R: Record>(&mut self, row: &R) -> Result<()> {
        self.ledger.dirty = true;
        let mac = record::insert(self.db, &self.identity.keys.row_mac, row)?;
        self.name(Named::written(row, &mac));
        Ok(())
    }

    /// Replaces the row with the same key; the next row of the audit names it.
    pub(crate) fn update<R: Record>(&mut self, row: &R) -> Result<()> {
        self.ledger.dirty = true;
        let mac = record::update(self.db, &self.identity.keys.row_mac, row)?;
        self.name(Named::written(row, &mac));
        Ok(())
    }

    /// Deletes a client, and with it its credentials and where they were used from.
    pub(crate) fn delete_client(&mut self, client_id: &str) -> Result<()> {
        for credential in self.view().credentials(client_id)? {
            self.name(Named::deleted("credential", &credential.credential_id));
        }
        self.delete("client", "client_id", client_id)
    }

    /// Stops knowing another site.
    pub(crate) fn delete_issuer(&mut self, issuer: &str) -> Result<()> {
        self.delete("issuer", "issuer", issuer)
    }

    /// Deletes a signing key.
    pub(crate) fn delete_signing_key(&mut self, kid: &str) -> Result<()> {
        self.delete("signing_key", "kid", kid)
    }

    /// Deletes a user, and with it from where they logged in. Their grants stay until they end: without a
    /// user they give nothing.
    pub(crate) fn delete_user(&mut self, user_id: &str) -> Result<()> {
        self.delete("user", "user_id", user_id)
    }

    /// Deletes a role.
    pub(crate) fn delete_role(&mut self, name: &str) -> Result<()> {
        self.delete("role", "name", name)
    }

    fn delete(&mut self, table: &str, key: &str, id: &str) -> Result<()> {
        let sql = format!("DELETE FROM {table} WHERE {key} = ?");
        self.execute(&sql, &[Cell::Text(id)])?;
        self.name(Named::deleted(table, id));
        Ok(())
    }

    /// Notes what was decided on an authorization request; the decision that stands if there was one before.
    pub(crate) fn decide_request(
        &mut self,
        request_id: &str,
        decision: &[u8; 32],
        expires_at: UnixTime,
    ) -> Result<Option<DecisionRow>> {
        let before = self.view().decision(request_id)?;
        // One that was decided before writes nothing.
        if before.is_none() {
            let (now, expires_at) = (self.now().millis(), expires_at.millis());
            self.execute(
                "INSERT INTO decided_request (request_id, decision, decided_at, expires_at)
                 VALUES (?, ?, ?, ?)",
                &[
                    Cell::Text(request_id),
                    Cell::Blob(decision),
                    Cell::Integer(now),
                    Cell::Integer(expires_at),
                ],
            )?;
        }
        Ok(before)
    }

    /// Notes what the client is told of a decision, now noted, that gives no code.
    pub(crate) fn refuse_request(&mut self, request_id: &str, refusal: &str) -> Result<()> {
        let cells = [Cell::Text(refusal), Cell::Text(request_id)];
        self.execute("UPDATE decided_request SET refusal = ? WHERE request_id = ?", &cells)
            .map(|_| ())
    }

    /// Adds a word to the catalogue.
    pub(crate) fn insert_scope(
        &mut self,
        word: &str,
        description: &str,
        origin: &str,
    ) -> Result<()> {
        self.execute(
            "INSERT INTO scope (word, description, origin) VALUES (?, ?, ?)",
            &[Cell::Text(word), Cell::Text(description), Cell::Text(origin)],
        )
        .map(|_| ())
    }

    /// Takes a word out of the catalogue.
    pub(crate) fn delete_scope(&mut self, word: &str) -> Result<()> {
        self.execute("DELETE FROM scope WHERE word = ?", &[Cell::Text(word)]).map(|_| ())
    }

    /// Counts uses of a credential itself, or of tokens that it obtained, from `peer`; whether neither was ever seen
    /// there before.
    ///
    /// [`PEERS_KEPT`] addresses are kept of either, the longest unseen go first: tokens used in many places leave
    /// alone what is known of the secret.
    pub(crate) fn count_uses(
        &mut self,
        credential: &str,
        peer: &str,
        what: Used,
        uses: u64,
    ) -> Result<bool> {
        let known = self.db.first(
            "SELECT 1 FROM credential_peer WHERE credential_id = ? AND peer = ?",
            &[Cell::Text(credential), Cell::Text(peer)],
            |row| row.integer(0),
        )?;
        let (at, count, other) = what.columns();
        // A credential that was deleted meanwhile has no row to count under.
        let sql = format!(
            "INSERT INTO credential_peer
                 (credential_id, peer, first_at, {at}, {count}, {other})
             SELECT credential_id, ?2, ?3, ?3, ?4, 0 FROM credential WHERE credential_id = ?1
             ON CONFLICT (credential_id, peer) DO UPDATE SET
                 {at} = max(ifnull({at}, 0), excluded.{at}), {count} = {count} + excluded.{count}"
        );
        let now = Cell::Integer(self.now.millis());
        self.execute(&sql, &[Cell::Text(credential), Cell::Text(peer), now, Cell::unsigned(uses)])?;
        if known.is_none() {
            self.forget_peers(credential)?;
        }
        Ok(known.is_none())
    }

    fn forget_peers(&mut self, credential: &str) -> Result<()> {
        self.execute(
            "DELETE FROM credential_peer WHERE credential_id = ?1
                 AND peer NOT IN
                     (SELECT peer FROM credential_peer
                      WHERE credential_id = ?1 AND authenticated_at IS NOT NULL
                      ORDER BY authenticated_at DESC LIMIT ?2)
                 AND peer NOT IN
                     (SELECT peer FROM credential_peer
                      WHERE credential_id = ?1 AND used_at IS NOT NULL
                      ORDER BY used_at DESC LIMIT ?2)",
            &[Cell::Text(credential), Cell::Integer(PEERS_KEPT)],
        )
        .map(|_| ())
    }

    /// Counts uses of a credential itself, wherever they came from.
    pub(crate) fn count_authentications(&mut self, credential: &str, uses: u64) -> Result<()> {
        let now = Cell::Integer(self.now.millis());
        self.execute(
            "INSERT INTO credential_use (credential_id, last_at, uses)
             SELECT credential_id, ?2, ?3 FROM credential WHERE credential_id = ?1
             ON CONFLICT (credential_id) DO UPDATE SET
                 last_at = max(last_at, excluded.last_at), uses = uses + excluded.uses",
            &[Cell::Text(credential), now, Cell::unsigned(uses)],
        )
        .map(|_| ())
    }

    /// Notes that a credential was used although `successor` was there.
    pub(crate) fn note_seen_beside(&mut self, credential: &str, successor: &str) -> Result<()> {
        self.execute(
            "UPDATE credential_use SET seen_beside = ?2 WHERE credential_id = ?1",
            &[Cell::Text(credential), Cell::Text(successor)],
        )
        .map(|_| ())
    }

    /// Runs a statement of a table without MACs.
    pub(super) fn execute(&mut self, sql: &str, cells: &[Cell<'_>]) -> Result<usize> {
        self.ledger.dirty = true;
        self.db.execute(sql, cells)
    }
}

/// What was used of a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Used {
    /// The secret itself, which proved its client.
    Secret,
    /// A token that it obtained.
    Token,
}

impl Used {
    /// The columns that say when and how often, and the one that says how often the other.
    const fn columns(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Secret => ("authenticated_at", "authentications", "uses"),
            Self::Token => ("used_at", "uses", "authentications"),
        }
    }
}

/// Addresses kept of one credential, of those that used it and of those that used its tokens.
const PEERS_KEPT: i64 = 64;

/// What stands in the way once time was set back: tokens, grants and pages of an epoch that is over, waits and
/// places of a time that has not come. Rows of clients, secrets, keys and users are `domain`'s.
const FORGET_FUTURE: [&str; 9] = [
    "DELETE FROM opaque_token",
    "DELETE FROM user_grant", // and with them codes and refresh tokens
    "DELETE FROM decided_request",
    "DELETE FROM login_failure WHERE since > ?",
    "UPDATE user_login SET last_at = min(last_at, ?)",
    "UPDATE credential_peer SET first_at = min(first_at, ?)",
    "UPDATE credential_peer SET authenticated_at = min(authenticated_at, ?)",
    "UPDATE credential_peer SET used_at = min(used_at, ?)",
    "UPDATE credential_use SET last_at = min(last_at, ?)",
];

/// Rows that one row of the audit names.
const NAMED_LIMIT: usize = 64;
