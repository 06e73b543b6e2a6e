//! How often secrets may be guessed that are as weak as the people who chose them.
//!
//! Generated secrets have 256 random bits: nobody guesses them, and nothing here looks at them. Imported
//! ones are guessed one Argon2id at a time, so the throttle stands in front of the hash. It lives in the
//! memory of one engine: each process counts for itself, and a restart begins anew.

use crate::base::{Network, UnixTime};
use crate::crypto;
use crate::domain::credential::Credential;
use crate::domain::failures::{Failures, Pace};
use crate::domain::peer::Peer;
use crate::error::{Denied, Error, Result};
use crate::store::lock;
use std::collections::HashMap;
use std::sync::Mutex;

/// What is remembered of guesses at imported secrets, and of the ones that were proven.
///
/// Failures are counted for each client and place (an IPv4 address, an IPv6 /64, or "unknown"), and with a
/// larger allowance for each client over all places: whoever has many places gains nothing by them. The
/// first [`FREE_OF_PLACE`] or [`FREE_OF_CLIENT`] are free, then each makes the next guess wait twice as
/// long, from one second to a minute. Each minute forgives one failure, and a right secret those of
/// its place if that is known; it forgives none of the client's, for its owner's logins would clear an
/// attacker's slate.
///
/// A right secret that was proven before is recognised by its keyed digest, without a hash and, at the
/// places that proved it, during a wait too: nobody elsewhere locks out a client that is at work. At such a
/// place wrong ones are bounded all the same ([`ALLOWANCE`]), for comparing a digest is a guess too.
#[derive(Default)]
pub(crate) struct Throttle {
    clients: Mutex<HashMap<String, Guesses>>,
}

/// The right to hash one guess for a client. While it lives, no other guess for that client is hashed.
#[must_use]
pub(crate) struct Turn<'a> {
    throttle: &'a Throttle,
    client_id: String,
    place: Place,
}

/// Who counts as one caller; `None` for all whose address is unknown.
type Place = Option<Network>;

impl Throttle {
    /// Which of `credentials` the secret with this keyed digest was proven to be, if that is remembered.
    pub(crate) fn recall<'c>(
        &self,
        client_id: &str,
        peer: Peer,
        digest: &[u8; 32],
        credentials: impl Iterator<Item = (&'c Credential, &'c str)>,
        now: UnixTime,
    ) -> Option<&'c Credential> {
        let place = place_of(peer);
        let mut clients = lock(&self.clients);
        let guesses = clients.get_mut(client_id)?;
        let waits = guesses.wait(place, now) > 0;
        let mut found = None;
        for (credential, phc) in credentials {
            // The hash's string has its own salt: a row with another one forgets what was proven.
            if let Some(known) = guesses.known.iter_mut().find(|known| known.phc == phc)
                && (!waits || known.trusts(place, now))
                && crypto::equal(&known.digest, digest)
            {
                known.note_place(place);
                found = Some(credential);
            }
        }
        found
    }

    /// Lets in who presented a right secret that nothing had to be hashed for, as `name` knows it.
    ///
    /// # Errors
    /// [`Denied::RateLimited`] while guesses wait, but at a place that proved it before.
    pub(crate) fn admit(
        &self,
        client_id: &str,
        peer: Peer,
        name: &str,
        digest: [u8; 32],
        now: UnixTime,
    ) -> std::result::Result<(), Denied> {
        let place = place_of(peer);
        let mut clients = lock(&self.clients);
        if !clients.contains_key(client_id) {
            make_room(&mut clients, CLIENTS_LIMIT, |guesses| guesses.harm(now));
        }
        let guesses = clients.entry(client_id.to_owned()).or_default();
        let wait = guesses.wait(place, now);
        let known = guesses.known.iter_mut().find(|known| known.phc == name);
        if wait > 0 && !known.as_ref().is_some_and(|known| known.trusts(place, now)) {
            guesses.charge(place, now);
            return Err(Denied::RateLimited { retry_after: whole_seconds(wait) });
        }
        match known {
            Some(known) => known.note_place(place),
            None => guesses.know(name, digest, place),
        }
        if wait <= 0 && place.is_some() {
            guesses.places.remove(&place);
        }
        Ok(())
    }

    /// The right to hash a guess now, or why not.
    ///
    /// # Errors
    /// [`Error::Overloaded`] while another guess for this client is hashed: its flood keeps one core busy,
    /// and leaves the others to other clients.
    pub(crate) fn turn(
        &self,
        client_id: &str,
        peer: Peer,
        now: UnixTime,
    ) -> Result<std::result::Result<Turn<'_>, Denied>> {
        let place = place_of(peer);
        let mut clients = lock(&self.clients);
        if !clients.contains_key(client_id) {
            make_room(&mut clients, CLIENTS_LIMIT, |guesses| guesses.harm(now));
        }
        let guesses = clients.entry(client_id.to_owned()).or_default();
        let wait = guesses.wait(place, now);
        if wait > 0 {
            guesses.charge(place, now);
            return Ok(Err(Denied::RateLimited { retry_after: whole_seconds(wait) }));
        }
        if std::mem::replace(&mut guesses.busy, true) {
            return Err(Error::Overloaded);
        }
        Ok(Ok(Turn { throttle: self, client_id: client_id.to_owned(), place }))
    }
}

impl Turn<'_> {
    /// Whether this is a turn of that client.
    pub(crate) fn is_of(&self, client_id: &str) -> bool {
        self.client_id == client_id
    }

    /// The guess was wrong.
    pub(crate) fn failed(self, now: UnixTime) {
        self.note(|guesses, place| {
            guesses.everywhere.fail(FREE_OF_CLIENT, PACE, now);
            if !guesses.places.contains_key(&place) {
                make_room(&mut guesses.places, PLACES_LIMIT, |count| {
                    (count.until, count.left(PACE, now))
                });
            }
            guesses.places.entry(place).or_default().fail(FREE_OF_PLACE, PACE, now);
        });
    }

    /// It was right: the secret with this keyed digest is the one that `phc` was made from.
    pub(crate) fn proved(self, phc: &str, digest: [u8; 32]) {
        self.note(|guesses, place| {
            if place.is_some() {
                guesses.places.remove(&place);
            }
            guesses.know(phc, digest, place);
        });
    }

    fn note(&self, change: impl FnOnce(&mut Guesses, Place)) {
        let mut clients = lock(&self.throttle.clients);
        change(clients.entry(self.client_id.clone()).or_default(), self.place);
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if let Some(guesses) = lock(&self.throttle.clients).get_mut(&self.client_id) {
            guesses.busy = false;
        }
    }
}

/// What is remembered of one client.
#[derive(Default)]
struct Guesses {
    /// Whether a guess is being hashed.
    busy: bool,
    everywhere: Failures,
    places: HashMap<Place, Failures>,
    /// The secrets that were proven, oldest first.
    known: Vec<Known>,
}

impl Guesses {
    /// Milliseconds until a guess from `place` may be hashed; none or less: now.
    fn wait(&self, place: Place, now: UnixTime) -> i64 {
        let here = self.places.get(&place).map_or(UnixTime::default(), |count| count.until);
        here.max(self.everywhere.until).since(now)
    }

    /// Counts a wrong secret that was compared during a wait because its place is trusted.
    fn charge(&mut self, place: Place, now: UnixTime) {
        for known in &mut self.known {
            if known.trusts(place, now) {
                known.charge(place, now);
            }
        }
    }

    fn know(&mut self, phc: &str, digest: [u8; 32], place: Place) {
        self.known.retain(|known| known.phc != phc);
        if self.known.len() >= KNOWN_LIMIT {
            self.known.remove(0);
        }
        let places = vec![Trusted { place, spent_until: UnixTime::default() }];
        self.known.push(Known { phc: phc.to_owned(), digest, places });
    }

    /// How much it would harm to forget this client: guesses under way, then failures, then proofs.
    fn harm(&self, now: UnixTime) -> (bool, i64, usize) {
        (self.busy, self.everywhere.left(PACE, now), self.known.len())
    }
}

/// A secret that was proven.
struct Known {
    /// Its hash, or the id of one that has none.
    phc: String,
    /// Keyed, so that it tells nothing without the key; dropped with the engine.
    digest: [u8; 32],
    /// From where, latest last.
    places: Vec<Trusted>,
}

/// A place that proved a secret.
#[derive(Clone, Copy)]
struct Trusted {
    place: Place,
    /// Each wrong secret moves it on by [`REFILL`]; no further than [`ALLOWANCE`] from now.
    spent_until: UnixTime,
}

impl Known {
    /// Whether a secret from `place` is compared although guesses wait.
    fn trusts(&self, place: Place, now: UnixTime) -> bool {
        let room = |trusted: &Trusted| trusted.spent_until.since(now) < ALLOWANCE;
        self.places.iter().any(|trusted| trusted.place == place && room(trusted))
    }

    fn charge(&mut self, place: Place, now: UnixTime) {
        if let Some(trusted) = self.places.iter_mut().find(|trusted| trusted.place == place) {
            trusted.spent_until = trusted.spent_until.max(now).plus_millis(REFILL);
        }
    }

    /// Notes that the secret was right from `place` once more.
    fn note_place(&mut self, place: Place) {
        let at = self.places.iter().position(|trusted| trusted.place == place);
        let new = Trusted { place, spent_until: UnixTime::default() };
        let trusted = at.map_or(new, |at| self.places.remove(at));
        if self.places.len() >= TRUSTED_LIMIT {
            self.places.remove(0);
        }
        self.places.push(trusted);
    }
}

fn whole_seconds(millis: i64) -> u32 {
    u32::try_from((millis + 999) / 1000).unwrap_or(u32::MAX)
}

fn place_of(peer: Peer) -> Place {
    peer.counted().map(Network::of_peer)
}

/// Makes room for one more, by forgetting what harms least.
fn make_room<K: Clone + Eq + std::hash::Hash, V, H: Ord>(
    map: &mut HashMap<K, V>,
    limit: usize,
    harm: impl Fn(&V) -> H,
) {
    if map.len() < limit {
        return;
    }
    let least = map.iter().min_by_key(|(_, value)| harm(value)).map(|(key, _)| key.clone());
    if let Some(least) = least {
        map.remove(&least);
    }
}

/// Failures from one place without a wait: a person who mistypes, a job that is tried by hand.
const FREE_OF_PLACE: i64 = 5;

/// Failures from all places of a client without a wait: a roll-out that forgot some machines.
const FREE_OF_CLIENT: i64 = 100;

const PACE: Pace = Pace::MINUTE;

/// Milliseconds that one wrong secret at a trusted place costs during a wait ...
const REFILL: i64 = 1000;

/// ... and how many may be spent at once: a hundred wrong ones, then one a second.
const ALLOWANCE: i64 = 100 * REFILL;

/// Clients remembered. Only registered ones with an imported secret are; a clinic has dozens.
const CLIENTS_LIMIT: usize = 1024;

/// Places remembered of a client. More than [`FREE_OF_CLIENT`]: before a place that has to wait can be
/// forgotten for another, all of them wait.
const PLACES_LIMIT: usize = 128;

/// Secrets remembered of a client: two can live, two more may just have been replaced.
const KNOWN_LIMIT: usize = 4;

/// Places remembered of a secret: as many as its list of uses has.
const TRUSTED_LIMIT: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{ClientId, CredentialId};
    use crate::domain::credential::CredentialKind;

    const SECRET: [u8; 32] = [7; 32];
    const WRONG: [u8; 32] = [8; 32];

    fn at(seconds: i64) -> UnixTime {
        UnixTime::from_seconds(1_772_353_800 + seconds)
    }

    fn peer(address: &str) -> Peer {
        Peer::Known(address.parse().unwrap())
    }

    /// The n-th /64 of many.
    fn rotated(n: usize) -> Peer {
        peer(&format!("2001:db8:0:{n:x}::1"))
    }

    /// Guesses wrongly; the seconds to wait if that was not hashed.
    fn guess(throttle: &Throttle, client: &str, peer: Peer, now: UnixTime) -> Option<u32> {
        match throttle.turn(client, peer, now).unwrap() {
            Ok(turn) => {
                turn.failed(now);
                None
            }
            Err(Denied::RateLimited { retry_after }) => Some(retry_after),
            Err(other) => panic!("{other}"),
        }
    }

    fn prove(throttle: &Throttle, peer: Peer, now: UnixTime) {
        throttle.turn("lab", peer, now).unwrap().unwrap().proved("phc", SECRET);
    }

    fn recalls(
        throttle: &Throttle,
        peer: Peer,
        phc: &str,
        digest: [u8; 32],
        now: UnixTime,
    ) -> bool {
        let credential = Credential {
            credential_id: CredentialId::parse("AAAAAAAAAAA").unwrap(),
            client_id: ClientId::parse("lab").unwrap(),
            kind: CredentialKind::Imported(phc.to_owned()),
            label: String::new(),
            created_at: at(0),
            not_before: None,
            expires_at: None,
            revoked_at: None,
            confirmed: true,
            replaces: None,
            version: 1,
            extra: String::new(),
        };
        throttle.recall("lab", peer, &digest, [(&credential, phc)].into_iter(), now).is_some()
    }

    #[test]
    fn five_failures_are_free_and_then_each_wait_is_twice_as_long_up_to_a_minute() {
        let throttle = Throttle::default();
        let from = peer("192.0.2.7");
        for _ in 0..5 {
            assert_eq!(guess(&throttle, "lab", from, at(0)), None);
        }
        let (mut now, mut waits) = (at(0), Vec::new());
        for _ in 0..9 {
            assert_eq!(guess(&throttle, "lab", from, now), None);
            let wait = guess(&throttle, "lab", from, now).unwrap();
            let almost = now.plus_millis(i64::from(wait) * 1000 - 1);
            assert_eq!(guess(&throttle, "lab", from, almost), Some(1));
            now = now.plus_millis(i64::from(wait) * 1000);
            waits.push(wait);
        }
        assert_eq!(waits[..6], [1, 2, 4, 8, 16, 32]);
        assert!(waits[6..].iter().all(|wait| (32..=60).contains(wait)), "{waits:?}");
    }

    #[test]
    fn however_it_is_paced_about_one_guess_a_minute_is_hashed_in_the_long_run() {
        for pace in [1, 7, 30, 59, 61, 300] {
            let throttle = Throttle::default();
            let day = 86_400;
            let tries = (0..day / pace).map(|n| at(n * pace));
            let from = peer("192.0.2.7");
            let hashed = tries.filter(|now| guess(&throttle, "lab", from, *now).is_none()).count();
            assert!(hashed <= 1440 + 20, "{hashed} with a pace of {pace} s");
        }
    }

    #[test]
    fn minutes_forgive_and_a_right_secret_clears_its_place() {
        let throttle = Throttle::default();
        let from = peer("192.0.2.7");
        let exhaust =
            |now| (0..20).filter(|_| guess(&throttle, "lab", from, now).is_none()).count();
        assert_eq!(exhaust(at(0)), 6);
        assert_eq!(exhaust(at(600)), 6);
        assert_eq!(exhaust(at(601)), 1);
        prove(&throttle, from, at(603));
        assert_eq!(exhaust(at(603)), 6);
    }

    #[test]
    fn clients_and_places_wait_for_themselves() {
        let throttle = Throttle::default();
        for _ in 0..6 {
            guess(&throttle, "lab", peer("192.0.2.7"), at(0));
            guess(&throttle, "lab", Peer::Unknown, at(0));
        }
        assert!(guess(&throttle, "lab", peer("192.0.2.7"), at(0)).is_some());
        assert!(guess(&throttle, "lab", peer("::ffff:192.0.2.7"), at(0)).is_some());
        assert!(guess(&throttle, "lab", Peer::Unknown, at(0)).is_some());
        assert!(guess(&throttle, "lab", peer("192.0.2.8"), at(0)).is_none());
        assert!(guess(&throttle, "pharmacy", peer("192.0.2.7"), at(0)).is_none());
    }

    #[test]
    fn a_header_that_is_not_believed_does_not_choose_where_a_guess_is_counted() {
        let throttle = Throttle::default();
        let doubtful = Peer::Doubtful("192.0.2.7".parse().unwrap());
        for _ in 0..3 {
            assert!(guess(&throttle, "lab", peer("192.0.2.7"), at(0)).is_none());
            assert!(guess(&throttle, "lab", doubtful, at(0)).is_none());
        }
        assert!(guess(&throttle, "lab", doubtful, at(0)).is_some());
        assert!(guess(&throttle, "lab", Peer::Unknown, at(0)).is_none());
    }

    #[test]
    fn a_right_secret_clears_nothing_where_anybody_may_be() {
        let throttle = Throttle::default();
        for _ in 0..5 {
            assert!(guess(&throttle, "lab", Peer::Unknown, at(0)).is_none());
        }
        prove(&throttle, Peer::Unknown, at(0));
        assert!(guess(&throttle, "lab", Peer::Unknown, at(0)).is_none());
        assert!(guess(&throttle, "lab", Peer::Unknown, at(0)).is_some());
    }

    #[test]
    fn a_64_is_one_place_and_many_of_them_share_the_clients_allowance() {
        let throttle = Throttle::default();
        let within = |n: usize| peer(&format!("2001:db8::{n:x}"));
        let hashed = (0..1000).filter(|n| guess(&throttle, "lab", within(*n), at(0)).is_none());
        assert_eq!(hashed.count(), 6);
        let hashed = (1..1000).filter(|n| guess(&throttle, "lab", rotated(*n), at(0)).is_none());
        assert_eq!(hashed.count(), 95, "101 in all");
        assert!(guess(&throttle, "pharmacy", rotated(1), at(0)).is_none());
    }

    #[test]
    fn rotating_places_evicts_no_place_that_waits_and_memory_is_bounded() {
        let throttle = Throttle::default();
        for _ in 0..8 {
            guess(&throttle, "lab", peer("192.0.2.7"), at(0));
        }
        // An hour in which the attacker guesses whenever the client's own wait is over.
        for second in 0..3600 {
            let n = usize::try_from(second).unwrap() * 4;
            for n in n..n + 4 {
                let _ = guess(&throttle, "lab", rotated(n), at(second));
            }
            if second < 50 {
                let wait = lock(&throttle.clients)["lab"].places[&place_of(peer("192.0.2.7"))];
                assert!(wait.count >= 6, "forgotten after {second} s");
            }
        }
        assert!(lock(&throttle.clients)["lab"].places.len() <= PLACES_LIMIT);
        assert!(i64::try_from(PLACES_LIMIT).unwrap() > FREE_OF_CLIENT);
        let failed = |n: usize| format!("client-{n}");
        for n in 0..CLIENTS_LIMIT * 2 {
            guess(&throttle, &failed(n), peer("192.0.2.7"), at(3600));
        }
        let clients = lock(&throttle.clients);
        assert_eq!(clients.len(), CLIENTS_LIMIT);
        assert!(clients.contains_key("lab"), "the most guessed at is kept");
    }

    #[test]
    fn one_guess_for_a_client_is_hashed_at_a_time_and_a_panic_ends_it() {
        let throttle = Throttle::default();
        let from = peer("192.0.2.7");
        let turn = throttle.turn("lab", from, at(0)).unwrap();
        assert!(matches!(throttle.turn("lab", peer("192.0.2.8"), at(0)), Err(Error::Overloaded)));
        drop(throttle.turn("pharmacy", from, at(0)).unwrap().unwrap());
        drop(turn);
        let panicked = std::panic::catch_unwind(|| {
            let _turn = throttle.turn("lab", from, at(0));
            panic!("while hashing");
        });
        assert!(panicked.is_err());
        assert_eq!(guess(&throttle, "lab", from, at(0)), None);
    }

    #[test]
    fn a_proven_secret_is_recalled_until_its_hash_changes() {
        let throttle = Throttle::default();
        let (from, elsewhere) = (peer("192.0.2.7"), peer("192.0.2.8"));
        assert!(!recalls(&throttle, from, "phc", SECRET, at(0)));
        prove(&throttle, from, at(0));
        assert!(recalls(&throttle, from, "phc", SECRET, at(0)));
        assert!(recalls(&throttle, elsewhere, "phc", SECRET, at(0)));
        assert!(!recalls(&throttle, from, "phc", WRONG, at(0)));
        assert!(!recalls(&throttle, from, "another", SECRET, at(0)));
        for n in 0..10 {
            let phc = format!("another {n}");
            throttle.turn("lab", from, at(0)).unwrap().unwrap().proved(&phc, SECRET);
        }
        assert!(!recalls(&throttle, from, "phc", SECRET, at(0)), "memory is bounded");
    }

    #[test]
    fn a_proven_secret_passes_during_a_wait_where_it_was_proven_and_nowhere_else() {
        let throttle = Throttle::default();
        let (home, elsewhere) = (peer("192.0.2.7"), peer("198.51.100.1"));
        prove(&throttle, home, at(0));
        for n in 0..200 {
            let _ = guess(&throttle, "lab", rotated(n), at(0));
        }
        assert!(recalls(&throttle, home, "phc", SECRET, at(0)));
        // Else whoever waits could find out the secret at the speed of a digest.
        assert!(!recalls(&throttle, elsewhere, "phc", SECRET, at(0)));
        assert!(recalls(&throttle, elsewhere, "phc", SECRET, at(600)));
    }

    #[test]
    fn wrong_secrets_from_where_it_was_proven_are_bounded_too() {
        let throttle = Throttle::default();
        let home = peer("192.0.2.7");
        prove(&throttle, home, at(0));
        for _ in 0..6 {
            let _ = guess(&throttle, "lab", home, at(0));
        }
        for _ in 0..100 {
            assert!(recalls(&throttle, home, "phc", SECRET, at(0)));
            guess(&throttle, "lab", home, at(0));
        }
        assert!(!recalls(&throttle, home, "phc", SECRET, at(0)));
        assert!(guess(&throttle, "lab", home, at(0)).is_some());
        assert!(recalls(&throttle, home, "phc", SECRET, at(1)), "the wait is over");
    }
}
