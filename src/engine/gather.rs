//! What verification notes without writing: uses of tokens, and refusals before authentication.

use crate::base::{RequestId, UnixTime};
use crate::domain::Peer;
use crate::engine::room::Missed;
use crate::error::{Denied, Result};
use crate::store::{AuditEntry, Tx, Used, lock};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;

/// Bounded memory for what goes out with the next write.
#[derive(Default)]
pub(crate) struct Gather {
    notes: Mutex<Notes>,
}

/// What has been gathered.
#[derive(Default)]
pub(crate) struct Notes {
    uses: HashMap<String, TokenUses>,
    uses_beyond: u64,
    /// By credential: where a secret itself proved its client, but obtained nothing that is written at once.
    proofs: HashMap<String, TokenUses>,
    refusals: HashMap<RefusalKey, Count>,
    refusals_beyond: Count,
    /// What a full disk kept from being written at all.
    missed: Missed,
    /// The hour whose refusal rows are counted, and how many it has had.
    hour: UnixTime,
    rows_this_hour: usize,
}

/// The uses of one token.
struct TokenUses {
    client_id: String,
    credential_id: String,
    /// From where, in which hour, how often. Few: linear search beats a map.
    places: Vec<(Option<IpAddr>, UnixTime, u64)>,
}

/// What makes refusals the same row.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct RefusalKey {
    reason: &'static str,
    client_id: Option<String>,
    credential_id: Option<String>,
    peer: Option<String>,
}

#[derive(Default)]
struct Count {
    count: u64,
    /// The last requests, oldest first.
    requests: Vec<String>,
}

/// A refusal to be noted.
pub(crate) struct Refusal<'a> {
    pub(crate) why: &'a Denied,
    pub(crate) client_id: Option<&'a str>,
    pub(crate) credential_id: Option<&'a str>,
    pub(crate) peer: Peer,
    pub(crate) request: &'a RequestId,
}

impl Gather {
    /// Notes the use of a token.
    pub(crate) fn note_use(
        &self,
        token_id: &str,
        client_id: &str,
        credential_id: &str,
        peer: Peer,
        now: UnixTime,
    ) {
        let address = peer.address();
        let hour = now.hour();
        let mut notes = lock(&self.notes);
        if let Some(uses) = notes.uses.get_mut(token_id) {
            let beyond = uses.add(address, hour, 1);
            notes.uses_beyond += beyond;
        } else if notes.uses.len() < TOKENS_LIMIT {
            let uses = TokenUses {
                client_id: client_id.to_owned(),
                credential_id: credential_id.to_owned(),
                places: vec![(address, hour, 1)],
            };
            notes.uses.insert(token_id.to_owned(), uses);
        } else {
            notes.uses_beyond += 1;
        }
    }

    /// Notes that a secret proved its client. Of one that proves it in very many places, those beyond count as
    /// unknown.
    pub(crate) fn note_proof(
        &self,
        client_id: &str,
        credential_id: &str,
        peer: Peer,
        now: UnixTime,
    ) {
        let mut notes = lock(&self.notes);
        if notes.proofs.len() >= TOKENS_LIMIT && !notes.proofs.contains_key(credential_id) {
            return;
        }
        let uses = notes.proofs.entry(credential_id.to_owned()).or_insert_with(|| TokenUses {
            client_id: client_id.to_owned(),
            credential_id: credential_id.to_owned(),
            places: Vec::new(),
        });
        uses.add_or_merge(peer.address(), now.hour(), 1);
    }

    /// Notes a refusal.
    pub(crate) fn note_refusal(&self, refusal: &Refusal<'_>) {
        // Ids that nobody has are the caller's to invent: they share one row per caller, so that
        // inventing them fills neither memory nor the audit.
        let invented = *refusal.why == Denied::ClientUnknown;
        let key = RefusalKey {
            reason: refusal.why.code(),
            client_id: refusal.client_id.filter(|_| !invented).map(str::to_owned),
            credential_id: refusal.credential_id.map(str::to_owned),
            peer: refusal.peer.prefix(),
        };
        let mut notes = lock(&self.notes);
        let notes = &mut *notes;
        if notes.refusals.len() >= REFUSALS_LIMIT && !notes.refusals.contains_key(&key) {
            notes.refusals_beyond.add(1, [refusal.request.as_str()]);
        } else {
            notes.refusals.entry(key).or_default().add(1, [refusal.request.as_str()]);
        }
    }

    /// Notes that something could not be written because the disk is full.
    pub(crate) fn note_missed(&self, word: &'static str, now: UnixTime) {
        lock(&self.notes).missed.add(word, now);
    }

    /// Whether there is anything to write.
    pub(crate) fn is_empty(&self) -> bool {
        let notes = lock(&self.notes);
        notes.uses.is_empty()
            && notes.proofs.is_empty()
            && notes.uses_beyond == 0
            && notes.refusals.is_empty()
            && notes.refusals_beyond.count == 0
            && notes.missed.is_empty()
    }

    /// Takes everything out, for one transaction to write. At most so many refusal rows an hour: the
    /// rest goes into one.
    pub(crate) fn take(&self, now: UnixTime) -> Notes {
        let mut notes = lock(&self.notes);
        if notes.hour != now.hour() {
            notes.hour = now.hour();
            notes.rows_this_hour = 0;
        }
        let left = REFUSAL_ROWS_PER_HOUR.saturating_sub(notes.rows_this_hour);
        let mut taken = std::mem::take(&mut *notes);
        if taken.refusals.len() > left {
            let mut all: Vec<_> = taken.refusals.drain().collect();
            all.sort_by_key(|(_, count)| std::cmp::Reverse(count.count));
            for (_, count) in all.drain(left..) {
                taken.refusals_beyond.merge(&count);
            }
            taken.refusals = all.into_iter().collect();
        }
        notes.hour = taken.hour;
        notes.rows_this_hour = taken.rows_this_hour + taken.refusals.len();
        taken
    }

    /// Takes back what a transaction that failed could not write.
    pub(crate) fn put_back(&self, taken: Notes) {
        let mut notes = lock(&self.notes);
        let notes = &mut *notes;
        for (token_id, old) in taken.uses {
            let full = notes.uses.len() >= TOKENS_LIMIT;
            match notes.uses.get_mut(&token_id) {
                Some(uses) => {
                    for (address, hour, count) in old.places {
                        notes.uses_beyond += uses.add(address, hour, count);
                    }
                }
                // However often a write fails, no more is kept than between two that succeed.
                None if full => notes.uses_beyond += old.total(),
                None => drop(notes.uses.insert(token_id, old)),
            }
        }
        for (credential_id, old) in taken.proofs {
            match notes.proofs.get_mut(&credential_id) {
                Some(uses) => {
                    old.places.iter().for_each(|(a, h, count)| uses.add_or_merge(*a, *h, *count));
                }
                None => drop(notes.proofs.insert(credential_id, old)),
            }
        }
        notes.uses_beyond += taken.uses_beyond;
        notes.rows_this_hour = notes.rows_this_hour.saturating_sub(taken.refusals.len());
        for (key, count) in taken.refusals {
            let full = notes.refusals.len() >= REFUSALS_LIMIT && !notes.refusals.contains_key(&key);
            let kept = if full {
                &mut notes.refusals_beyond
            } else {
                notes.refusals.entry(key).or_default()
            };
            kept.merge(&count);
        }
        notes.refusals_beyond.merge(&taken.refusals_beyond);
        notes.missed.merge(&taken.missed);
    }
}

impl TokenUses {
    /// Counts uses from one place; returns those there is no more room for.
    fn add(&mut self, address: Option<IpAddr>, hour: UnixTime, uses: u64) -> u64 {
        let full = self.places.len() >= PLACES_LIMIT;
        match self.places.iter_mut().find(|(a, h, _)| *a == address && *h == hour) {
            Some((_, _, count)) => *count += uses,
            None if full => return uses,
            None => self.places.push((address, hour, uses)),
        }
        0
    }

    /// The same; when there is no more room, the uses are counted where nobody knows.
    fn add_or_merge(&mut self, address: Option<IpAddr>, hour: UnixTime, uses: u64) {
        let beyond = self.add(address, hour, uses);
        if beyond == 0 {
            return;
        }
        match self.places.iter_mut().find(|(address, _, _)| address.is_none()) {
            Some((_, _, count)) => *count += beyond,
            None => self.places.push((None, hour, beyond)),
        }
    }

    fn total(&self) -> u64 {
        self.places.iter().map(|(_, _, count)| count).sum()
    }
}

impl Count {
    fn add<'a>(&mut self, count: u64, requests: impl IntoIterator<Item = &'a str>) {
        self.count += count;
        for request in requests {
            if self.requests.len() >= REQUESTS_KEPT {
                self.requests.remove(0);
            }
            self.requests.push(request.to_owned());
        }
    }

    fn merge(&mut self, other: &Self) {
        self.add(other.count, other.requests.iter().map(String::as_str));
    }
}

impl Notes {
    /// Writes the rows.
    pub(crate) fn write(&self, tx: &mut Tx<'_>) -> Result<()> {
        for proofs in self.proofs.values() {
            for (address, hour, count) in &proofs.places {
                let peer = address.map_or(Peer::Unknown, Peer::Known);
                let (client_id, credential_id) = (&proofs.client_id, &proofs.credential_id);
                note_proof(tx, client_id, credential_id, peer, *count)?;
                let used = of_secret("secret.use", client_id, credential_id);
                let mut entry = AuditEntry { peer: peer.text(), count: Some(*count), ..used };
                entry.detail.insert("hour", hour.to_string());
                tx.audit(&entry)?;
            }
        }
        for (token_id, uses) in &self.uses {
            for (address, hour, count) in &uses.places {
                write_use(tx, token_id, uses, *address, *hour, *count)?;
            }
        }
        if self.uses_beyond > 0 {
            tx.audit(&AuditEntry {
                count: Some(self.uses_beyond),
                ..happened("token.use", "allowed")
            })?;
        }
        for (key, count) in &self.refusals {
            let mut entry = AuditEntry {
                reason: Some(key.reason),
                client: key.client_id.clone(),
                credential: key.credential_id.clone(),
                peer: key.peer.clone(),
                ..refused(count)
            };
            // Conformance 40: the audit names the setting that would allow it.
            if key.reason == Denied::InsecureTransport.code() {
                entry.detail.insert("setting", "danger_allow_plain_http".to_owned());
            }
            tx.audit(&entry)?;
        }
        if self.refusals_beyond.count > 0 {
            tx.audit(&refused(&self.refusals_beyond))?;
        }
        self.missed.write(tx)
    }
}

/// A credential's tokens used from an address that it was never used from before get a row of its own.
fn write_use(
    tx: &mut Tx<'_>,
    token_id: &str,
    uses: &TokenUses,
    address: Option<IpAddr>,
    hour: UnixTime,
    count: u64,
) -> Result<()> {
    let peer = address.map_or(Peer::Unknown, Peer::Known);
    note_place(tx, &uses.client_id, &uses.credential_id, peer, Used::Token, count)?;
    let mut entry = AuditEntry {
        client: Some(uses.client_id.clone()),
        credential: Some(uses.credential_id.clone()),
        token: Some(token_id.to_owned()),
        peer: peer.text(),
        count: Some(count),
        ..happened("token.use", "allowed")
    };
    entry.detail.insert("hour", hour.to_string());
    tx.audit(&entry)
}

/// Counts that a secret proved its client from `peer`, and records what is new about that: its first use after the
/// rotation that made it, its first use after another one took its place, and a place that it was never seen at.
pub(crate) fn note_proof(
    tx: &mut Tx<'_>,
    client_id: &str,
    credential_id: &str,
    peer: Peer,
    uses: u64,
) -> Result<()> {
    // A public client has no secret.
    if credential_id.is_empty() {
        return Ok(());
    }
    let before = tx.view().credential_use(credential_id)?;
    tx.count_authentications(credential_id, uses)?;
    let entry =
        |event| AuditEntry { peer: peer.text(), ..of_secret(event, client_id, credential_id) };
    if before.is_none()
        && let Some(row) = tx.view().credential(credential_id)?
        && let Some(old) = row.replaces
    {
        let mut entry = entry("secret.first_use");
        entry.detail.insert("replaces", old);
        tx.audit(&entry)?;
    }
    if let Some(new) = tx.view().successor(client_id, credential_id)?
        && before.and_then(|before| before.seen_beside).as_ref() != Some(&new.credential_id)
    {
        tx.note_seen_beside(credential_id, &new.credential_id)?;
        let mut entry = entry("secret.old_use");
        entry.detail.insert("replaced_by", new.credential_id);
        tx.audit(&entry)?;
    }
    note_place(tx, client_id, credential_id, peer, Used::Secret, uses)
}

/// Counts uses of a credential or its tokens from `peer`, and records the first one from there.
fn note_place(
    tx: &mut Tx<'_>,
    client_id: &str,
    credential_id: &str,
    peer: Peer,
    what: Used,
    uses: u64,
) -> Result<()> {
    if credential_id.is_empty() {
        return Ok(());
    }
    let place = peer.prefix().unwrap_or_else(|| "unknown".to_owned());
    if tx.count_uses(credential_id, &place, what, uses)? {
        let entry = of_secret("secret.new_peer", client_id, credential_id);
        tx.audit(&AuditEntry { peer: peer.text(), ..entry })?;
    }
    Ok(())
}

fn of_secret(event: &'static str, client_id: &str, credential_id: &str) -> AuditEntry {
    AuditEntry {
        client: Some(client_id.to_owned()),
        credential: Some(credential_id.to_owned()),
        ..happened(event, "done")
    }
}

fn happened(event: &'static str, outcome: &'static str) -> AuditEntry {
    AuditEntry { event, outcome, ..AuditEntry::default() }
}

fn refused(count: &Count) -> AuditEntry {
    AuditEntry {
        count: Some(count.count),
        requests: count.requests.clone(),
        ..happened("request.refuse", "denied")
    }
}

/// Tokens whose uses are itemised between two writes.
const TOKENS_LIMIT: usize = 4096;

/// Addresses and hours itemised of one token.
const PLACES_LIMIT: usize = 16;

/// Kinds of refusals itemised between two writes.
const REFUSALS_LIMIT: usize = 1024;

/// Requests that a row of refusals names.
const REQUESTS_KEPT: usize = 8;

/// A flood of refusals must not flood the audit.
const REFUSAL_ROWS_PER_HOUR: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn use_of(gather: &Gather, token: usize, from: u8) {
        let peer = Peer::Known(IpAddr::from([10, 0, 0, from]));
        gather.note_use(&token.to_string(), "lab", "secret", peer, UnixTime::from_seconds(0));
    }

    #[test]
    fn notes_that_cannot_be_written_do_not_grow_without_end() {
        let gather = Gather::default();
        let now = UnixTime::from_seconds(0);
        let mut noted = 0;
        for round in 0..4_u8 {
            for token in 0..TOKENS_LIMIT + 10 {
                use_of(&gather, token, round);
                noted += 1;
            }
            for from in 0..40 {
                use_of(&gather, 0, from);
                noted += 1;
            }
            let taken = gather.take(now);
            gather.put_back(taken);
        }
        let notes = lock(&gather.notes);
        assert_eq!(notes.uses.len(), TOKENS_LIMIT);
        assert!(notes.uses.values().all(|uses| uses.places.len() <= PLACES_LIMIT));
        let kept: u64 = notes.uses.values().map(TokenUses::total).sum();
        assert_eq!(kept + notes.uses_beyond, noted, "every use is counted");
    }
}
