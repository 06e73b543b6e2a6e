//! One member's view of a writing transaction.

use crate::base::{Entropy, Epoch, Secret, SiteId, UnixTime};
use crate::crypto::{Cell, PrivateKey};
use crate::error::Result;
use crate::store::audit::{AuditEntry, AuditHead};
use crate::store::db::Db;
use crate::store::keys::{DataKeys, Wrapped, Wrapper};
use crate::store::record::{self, Record};
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
    pub(super) ledger: Ledger,
}

/// What the transaction carries from member to member; a member that fails gives its share back.
#[derive(Clone)]
pub(super) struct Ledger {
    pub(super) state: State,
    pub(super) head: AuditHead,
    /// Whether anything was written.
    pub(super) dirty: bool,
    /// Whether the audit grew.
    pub(super) audited: bool,
    /// Whether security changed.
    pub(super) changed: bool,
    /// Whether the mark leapt: nothing is pruned by a time that other processes have not heard of.
    pub(super) leapt: bool,
}

impl Ledger {
    pub(super) const fn new(state: State, head: AuditHead) -> Self {
        Self { state, head, dirty: false, audited: false, changed: false, leapt: false }
    }
}

/// An hour: the margin that expired rows are kept for beyond their end.
pub(super) const MARK_LEAP_MILLIS: i64 = 3_600_000;

impl<'a> Tx<'a> {
    pub(super) fn new(db: &'a Db, identity: &'a Identity, ledger: Ledger) -> Self {
        Self { db, identity, now: ledger.state.mark, ledger }
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
            self.ledger.leapt = true;
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
        self.change("epoch", "")
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

    /// Appends a row to the audit.
    pub(crate) fn audit(&mut self, entry: &AuditEntry) -> Result<()> {
        self.ledger.head.append(self.db, &self.identity.site, self.now, entry)?;
        self.ledger.audited = true;
        self.ledger.dirty = true;
        Ok(())
    }

    /// Inserts a row and returns its MAC.
    pub(crate) fn insert<R: Record>(&mut self, row: &R) -> Result<[u8; 32]> {
        self.ledger.dirty = true;
        record::insert(self.db, &self.identity.keys.row_mac, row)
    }

    /// Replaces the row with the same key and returns the new MAC.
    pub(crate) fn update<R: Record>(&mut self, row: &R) -> Result<[u8; 32]> {
        self.ledger.dirty = true;
        record::update(self.db, &self.identity.keys.row_mac, row)
    }

    /// Deletes a client, and with it its credentials and where they were used from.
    pub(crate) fn delete_client(&mut self, client_id: &str) -> Result<()> {
        self.execute("DELETE FROM client WHERE client_id = ?", &[Cell::Text(client_id)]).map(|_| ())
    }

    /// Stops knowing another site.
    pub(crate) fn delete_issuer(&mut self, issuer: &str) -> Result<()> {
        self.execute("DELETE FROM issuer WHERE issuer = ?", &[Cell::Text(issuer)]).map(|_| ())
    }

    /// Deletes a signing key.
    pub(crate) fn delete_signing_key(&mut self, kid: &str) -> Result<()> {
        self.execute("DELETE FROM signing_key WHERE kid = ?", &[Cell::Text(kid)]).map(|_| ())
    }

    /// Deletes a user, and with it from where they logged in. Their grants stay until they end: without a
    /// user they give nothing.
    pub(crate) fn delete_user(&mut self, user_id: &str) -> Result<()> {
        self.execute("DELETE FROM user WHERE user_id = ?", &[Cell::Text(user_id)]).map(|_| ())
    }

    /// Deletes a role.
    pub(crate) fn delete_role(&mut self, name: &str) -> Result<()> {
        self.execute("DELETE FROM role WHERE name = ?", &[Cell::Text(name)]).map(|_| ())
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

    /// Counts uses of a credential from `peer`; whether it was never seen there before. At most
    /// [`PEERS_KEPT`] addresses are kept of one credential, the longest unseen go first.
    pub(crate) fn count_uses(&mut self, credential: &str, peer: &str, uses: u64) -> Result<bool> {
        let known = self.db.first(
            "SELECT 1 FROM credential_peer WHERE credential_id = ? AND peer = ?",
            &[Cell::Text(credential), Cell::Text(peer)],
            |row| row.integer(0),
        )?;
        let now = Cell::Integer(self.now.millis());
        // A credential that was deleted meanwhile has no row to count under.
        self.execute(
            "INSERT INTO credential_peer (credential_id, peer, first_at, last_at, uses)
             SELECT credential_id, ?2, ?3, ?3, ?4 FROM credential WHERE credential_id = ?1
             ON CONFLICT (credential_id, peer) DO UPDATE SET
                 last_at = max(last_at, excluded.last_at), uses = uses + excluded.uses",
            &[Cell::Text(credential), Cell::Text(peer), now, Cell::unsigned(uses)],
        )?;
        if known.is_none() {
            self.execute(
                "DELETE FROM credential_peer WHERE credential_id = ?1 AND peer NOT IN
                     (SELECT peer FROM credential_peer WHERE credential_id = ?1
                      ORDER BY last_at DESC LIMIT ?2)",
                &[Cell::Text(credential), Cell::Integer(PEERS_KEPT)],
            )?;
        }
        Ok(known.is_none())
    }

    /// Runs a statement of a table without MACs.
    pub(super) fn execute(&mut self, sql: &str, cells: &[Cell<'_>]) -> Result<usize> {
        self.ledger.dirty = true;
        self.db.execute(sql, cells)
    }
}

/// Addresses kept of one credential.
const PEERS_KEPT: i64 = 64;
