//! Limits of rate: how often a client may do something, and how often it may fail to prove who it is.
//!
//! The generic cell rate algorithm (ITU-T I.371, annex A), which is a leaky bucket in one number: the time at which
//! the next request would come if all came evenly. Time is the steady clock's, so that setting the wall clock
//! neither gives nor takes anything. All of it lives in the memory of one engine: each process counts for itself,
//! and a restart begins anew.

use crate::base::Network;
use crate::domain::peer::Peer;
use crate::error::{Denied, Error, Result};
use crate::store::lock;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

/// How often something may happen: so many times a minute, evenly, and so many at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "two numbers, and what they mean is fixed")]
pub struct RateLimit {
    /// How often in the long run. 1 to 60000000.
    pub per_minute: u32,
    /// How often at once, after a rest. 1 to 1000000.
    pub burst: u32,
}

impl RateLimit {
    /// Demands that both numbers are within their range.
    ///
    /// # Errors
    /// [`Error::InvalidDocument`] with the path under `member`.
    pub(crate) fn check(self, member: &str) -> Result<()> {
        if !(1..=PER_MINUTE_LIMIT).contains(&self.per_minute) {
            return Err(Error::document(format!("{member}.per_minute"), "must be 1 to 60000000"));
        }
        if !(1..=BURST_LIMIT).contains(&self.burst) {
            return Err(Error::document(format!("{member}.burst"), "must be 1 to 1000000"));
        }
        Ok(())
    }

    /// Reads what [`RateLimit::to_text`] wrote.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (per_minute, burst) = text.split_once(' ')?;
        let limit = Self { per_minute: per_minute.parse().ok()?, burst: burst.parse().ok()? };
        (limit.check("").is_ok() && limit.to_text() == text).then_some(limit)
    }

    /// The limit in a column: `per_minute burst`.
    pub(crate) fn to_text(self) -> String {
        format!("{} {}", self.per_minute, self.burst)
    }

    /// The arrival time after one more at `now`; if that is one too many, the one that stays, and the nanoseconds
    /// to wait.
    fn next(self, arrival: i64, now: Steady) -> (i64, std::result::Result<(), i64>) {
        // Rounded up: an interval that is too short by a fraction would let one too many through some day.
        let interval = MINUTE.div_ceil(i64::from(self.per_minute.max(1)).unsigned_abs());
        let interval = i64::try_from(interval).unwrap_or(i64::MAX);
        let full = interval.saturating_mul(i64::from(self.burst.max(1)));
        let latest = now.0.saturating_add(full);
        // What was spent under a looser limit is no debt under this one. A minute is more than a thread
        // is late that read the time and then slept: it must not give back what others have spent since.
        let foreign = arrival.saturating_sub(latest) > FOREIGN;
        let arrival = if foreign { latest } else { arrival.max(now.0) };
        let next = arrival.saturating_add(interval);
        let ahead = next.saturating_sub(latest);
        if ahead > 0 { (arrival, Err(ahead)) } else { (next, Ok(())) }
    }
}

/// A moment of the steady clock: nanoseconds since the engine was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Steady(i64);

impl Steady {
    /// So many milliseconds after the engine was opened. A clock that breaks its promise and runs backwards
    /// gives nobody anything.
    pub(crate) fn from_millis(millis: i64) -> Self {
        Self(millis.max(0).saturating_mul(1_000_000))
    }
}

/// What a client has spent of one limit.
#[derive(Debug, Default)]
pub(crate) struct Bucket(AtomicI64);

impl Bucket {
    fn take(&self, limit: RateLimit, now: Steady) -> std::result::Result<(), Denied> {
        let mut taken = Ok(());
        let take = |arrival| {
            let (next, outcome) = limit.next(arrival, now);
            taken = outcome;
            Some(next)
        };
        let _always = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, take);
        taken.map_err(too_fast)
    }
}

/// What one client has spent, and where it has proved who it is. It outlives what is remembered of the client's
/// registration, which every change of it drops.
#[derive(Debug, Default)]
pub(crate) struct Budgets {
    pub(crate) token: Bucket,
    pub(crate) revocation: Bucket,
    pub(crate) verification: Bucket,
    /// From where it authenticated and was let in, latest last.
    places: Mutex<Vec<Network>>,
}

impl Budgets {
    /// Notes that the client authenticated from `peer` and was let in.
    pub(crate) fn note_success(&self, peer: Peer) {
        let Some(place) = place_of(peer) else { return };
        let mut places = lock(&self.places);
        if places.last() == Some(&place) {
            return;
        }
        places.retain(|known| *known != place);
        if places.len() >= PLACES_LIMIT {
            places.remove(0);
        }
        places.push(place);
    }

    fn succeeded_from(&self, place: Network) -> bool {
        lock(&self.places).contains(&place)
    }
}

/// A budget that the gate charges for one more.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Meter<'a> {
    pub(crate) limit: RateLimit,
    pub(crate) bucket: &'a Bucket,
    pub(crate) now: Steady,
}

impl Meter<'_> {
    /// Charges it.
    ///
    /// # Errors
    /// [`Denied::RateLimited`]; nothing is charged then, so whoever waits as long as it says is let through.
    pub(crate) fn charge(&self) -> std::result::Result<(), Denied> {
        self.bucket.take(self.limit, self.now)
    }
}

/// Counts authentications that failed, by client and peer and by peer.
///
/// It is asked after the secret was compared, and decides nothing but whether a wrong one is told that it is
/// wrong or that it comes too often: nobody is kept out by what others do, whoever they are and however they
/// share an address.
///
/// It does not know which clients exist: 429 after so many tries, for the ids that somebody has and for no other,
/// would tell them apart (wire 15). Its memory is a fixed number of slots, and what was refused by the peer's
/// budget takes none, so that inventing ids fills little of it. Nothing that matters is forgotten for a new
/// one: a wrong secret is told that it is wrong some times more.
pub(crate) struct Strikes {
    hasher: RandomState,
    /// Sets of [`WAYS`] slots; empty until the first failure.
    slots: Mutex<Vec<Slot>>,
}

/// The arrival time that a key has.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    key: u64,
    arrival: i64,
}

/// A failed authentication.
pub(crate) struct Strike<'a> {
    /// The id as it was presented.
    pub(crate) client_id: &'a str,
    /// The client that has it.
    pub(crate) budgets: Option<&'a Budgets>,
    pub(crate) peer: Peer,
    pub(crate) now: Steady,
}

impl Strikes {
    /// Nothing has failed yet.
    pub(crate) fn new() -> Self {
        Self { hasher: RandomState::new(), slots: Mutex::default() }
    }

    /// Counts a failure.
    ///
    /// `of_pair` limits those of one client from one peer. `of_peer` limits those of a peer, but for clients that
    /// have succeeded from it, whom it neither refuses nor charges: they have only their own. Where the
    /// peer is unknown there is none: it would be a limit for the whole world.
    ///
    /// # Errors
    /// [`Denied::RateLimited`]: it is one too many. What one limit refuses is not charged to the other.
    pub(crate) fn count(
        &self,
        strike: &Strike<'_>,
        of_pair: Option<RateLimit>,
        of_peer: Option<RateLimit>,
    ) -> std::result::Result<(), Denied> {
        let place = place_of(strike.peer);
        let stranger =
            |place: &Network| !strike.budgets.is_some_and(|budgets| budgets.succeeded_from(*place));
        let of_peer = of_peer.zip(place.filter(stranger));
        let mut slots = lock(&self.slots);
        let pair = self.hasher.hash_one((Some(strike.client_id), place));
        let after_pair = of_pair.map(|limit| next_of(&mut slots, pair, limit, strike.now));
        let after_pair = after_pair.transpose()?;
        if let Some((limit, place)) = of_peer {
            let peer = self.hasher.hash_one((None::<&str>, place));
            let after = next_of(&mut slots, peer, limit, strike.now)?;
            keep(&mut slots, peer, after);
        }
        if let Some(after) = after_pair {
            keep(&mut slots, pair, after);
        }
        Ok(())
    }
}

fn next_of(
    slots: &mut [Slot],
    key: u64,
    limit: RateLimit,
    now: Steady,
) -> std::result::Result<i64, Denied> {
    let known = set_of(slots, key).find(|slot| slot.key == key);
    let (arrival, outcome) = limit.next(known.as_ref().map_or(0, |slot| slot.arrival), now);
    if let (Some(slot), Err(_)) = (known, outcome) {
        slot.arrival = arrival;
    }
    outcome.map(|()| arrival).map_err(too_fast)
}

/// Keeps the arrival time of `key`, in its slot or in that of its set which has rested longest.
fn keep(slots: &mut Vec<Slot>, key: u64, arrival: i64) {
    if slots.is_empty() {
        slots.resize(SETS * WAYS, Slot::default());
    }
    let least = set_of(slots, key).min_by_key(|slot| (slot.key != key, slot.arrival));
    if let Some(slot) = least {
        *slot = Slot { key, arrival };
    }
}

fn set_of(slots: &mut [Slot], key: u64) -> impl Iterator<Item = &mut Slot> {
    let set = usize::try_from(key % SETS_COUNT).unwrap_or_default();
    slots.iter_mut().skip(set * WAYS).take(WAYS)
}

/// Who counts as one caller: an IPv4 address, an IPv6 /64; `None` for all whose address is unknown.
fn place_of(peer: Peer) -> Option<Network> {
    peer.counted().map(Network::of_peer)
}

fn too_fast(wait: i64) -> Denied {
    let seconds = wait.max(1).unsigned_abs().div_ceil(1_000_000_000);
    Denied::RateLimited { retry_after: u32::try_from(seconds).unwrap_or(u32::MAX) }
}

/// Nanoseconds of a minute.
const MINUTE: u64 = 60_000_000_000;

/// A minute in nanoseconds: an arrival time that is later by more than that comes of another limit.
const FOREIGN: i64 = 60_000_000_000;

/// A million a second: no limit at all, for a client that is to have none.
const PER_MINUTE_LIMIT: u32 = 60_000_000;

/// With one a minute it is two years' worth, in nanoseconds a hundredth of what an `i64` holds.
const BURST_LIMIT: u32 = 1_000_000;

/// Places remembered of a client, as many as its secret's list of uses has.
const PLACES_LIMIT: usize = 64;

/// Slots in a set.
const WAYS: usize = 8;

/// Sets: 128 KiB of slots.
const SETS: usize = 1024;

/// The same as [`SETS`].
const SETS_COUNT: u64 = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: RateLimit = RateLimit { per_minute: 60, burst: 5 };

    fn at(millis: i64) -> Steady {
        Steady::from_millis(millis)
    }

    fn peer(address: &str) -> Peer {
        Peer::Known(address.parse().unwrap())
    }

    fn waits(taken: std::result::Result<(), Denied>) -> Option<u32> {
        match taken {
            Ok(()) => None,
            Err(Denied::RateLimited { retry_after }) => Some(retry_after),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn a_burst_passes_at_once_and_then_one_each_interval() {
        let bucket = Bucket::default();
        let taken = |now| (0..20).filter(|_| bucket.take(LIMIT, at(now)).is_ok()).count();
        assert_eq!(taken(0), 5);
        assert_eq!(waits(bucket.take(LIMIT, at(0))), Some(1));
        assert_eq!(taken(999), 0);
        assert_eq!(taken(1000), 1, "who waits as long as it was told is let through");
        assert_eq!(taken(3500), 2);
        assert_eq!(taken(1_000_000), 5, "a rest gives a burst and no more");
    }

    #[test]
    fn a_refusal_costs_nothing_and_the_wait_is_told_in_whole_seconds() {
        let slow = RateLimit { per_minute: 1, burst: 1 };
        let bucket = Bucket::default();
        assert_eq!(waits(bucket.take(slow, at(0))), None);
        for (now, wait) in [(0, 60), (1, 60), (30_000, 30), (59_999, 1)] {
            assert_eq!(waits(bucket.take(slow, at(now))), Some(wait), "{now}");
        }
        assert_eq!(waits(bucket.take(slow, at(60_000))), None);
    }

    #[test]
    fn no_rate_lets_more_through_in_the_long_run_than_it_says() {
        for per_minute in [1, 7, 59, 61, 300, 999_983, PER_MINUTE_LIMIT] {
            let limit = RateLimit { per_minute, burst: 3 };
            let bucket = Bucket::default();
            // As many as can pass in each millisecond of a tenth of a second, and then of a day.
            let step = if per_minute > 1000 { 1 } else { 1000 };
            let moments = if per_minute > 1000 { 100 } else { 3600 };
            let mut passed = 0_u64;
            for moment in 0..moments {
                while passed < 1_000_000 && bucket.take(limit, at(moment * step)).is_ok() {
                    passed += 1;
                }
            }
            let elapsed = u64::try_from((moments - 1) * step).unwrap();
            let most = u64::from(per_minute) * elapsed / 60_000 + 3;
            assert!(passed <= most, "{passed} of {most} with {per_minute} a minute");
        }
    }

    #[test]
    fn eight_threads_on_one_budget_never_exceed_it() {
        let bucket = Bucket::default();
        let limit = RateLimit { per_minute: 60, burst: 1000 };
        let take = || (0..1000).filter(|_| bucket.take(limit, at(0)).is_ok()).count();
        let passed: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(take)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(passed, 1000);
    }

    #[test]
    fn what_was_spent_under_a_looser_limit_is_no_debt_under_a_tighter_one() {
        let bucket = Bucket::default();
        let loose = RateLimit { per_minute: 1, burst: BURST_LIMIT };
        for _ in 0..100_000 {
            bucket.take(loose, at(0)).unwrap();
        }
        assert_eq!(waits(bucket.take(LIMIT, at(0))), Some(1));
        assert_eq!(waits(bucket.take(LIMIT, at(1000))), None);
    }

    #[test]
    fn the_widest_and_the_narrowest_limits_do_not_overflow() {
        for per_minute in [1, PER_MINUTE_LIMIT] {
            for burst in [1, BURST_LIMIT] {
                let limit = RateLimit { per_minute, burst };
                limit.check("token_rate").unwrap();
                for now in [-1, 0, i64::MAX / 2_000_000, i64::MAX] {
                    let bucket = Bucket::default();
                    assert_eq!(bucket.take(limit, at(now)), Ok(()), "{limit:?} at {now}");
                }
                assert_eq!(RateLimit::parse(&limit.to_text()), Some(limit));
            }
        }
        for text in ["", "1", "0 1", "1 0", "1 1 1", "+1 1", "01 1", "60000001 1", "1 1000001"] {
            assert_eq!(RateLimit::parse(text), None, "{text}");
        }
    }

    /// Counts a failure; the seconds to wait if it is one too many.
    fn fail(
        strikes: &Strikes,
        client_id: &str,
        budgets: Option<&Budgets>,
        from: Peer,
        millis: i64,
    ) -> Option<u32> {
        let strike = Strike { client_id, budgets, peer: from, now: at(millis) };
        let of_peer = RateLimit { per_minute: 60, burst: 20 };
        waits(strikes.count(&strike, Some(LIMIT), Some(of_peer)))
    }

    #[test]
    fn a_pair_that_its_own_limit_refuses_does_not_charge_its_peer() {
        let strikes = Strikes::new();
        let from = peer("192.0.2.7");
        let wrong = (0..1000).filter(|_| fail(&strikes, "broken", None, from, 0).is_none());
        assert_eq!(wrong.count(), 5);
        let others = (0..40).filter(|n| fail(&strikes, &n.to_string(), None, from, 0).is_none());
        assert_eq!(others.count(), 15, "what the peer has left");
        // Nor the other way round.
        assert_eq!(fail(&strikes, "later", None, from, 0), Some(1));
        let later = (0..40).filter(|_| fail(&strikes, "later", None, from, 60_000).is_none());
        assert_eq!(later.count(), 5);
        assert_eq!(fail(&strikes, "broken", None, peer("192.0.2.8"), 0), None, "another peer");
    }

    #[test]
    fn who_succeeded_from_a_peer_has_nothing_to_do_with_the_peers_limit() {
        let strikes = Strikes::new();
        let (from, budgets) = (peer("192.0.2.7"), Budgets::default());
        budgets.note_success(from);
        for n in 0..40 {
            fail(&strikes, &n.to_string(), None, from, 0);
        }
        assert_eq!(fail(&strikes, "new", Some(&Budgets::default()), from, 0), Some(1));
        let own = (0..40).filter(|_| fail(&strikes, "lab", Some(&budgets), from, 0).is_none());
        assert_eq!(own.count(), 5);
        assert_eq!(fail(&strikes, "lab", Some(&budgets), from, 0), Some(1));
    }

    #[test]
    fn an_unknown_peer_is_not_one_peer() {
        let strikes = Strikes::new();
        for n in 0..100 {
            assert_eq!(fail(&strikes, &n.to_string(), None, Peer::Unknown, 0), None);
        }
        let pair = (0..40).filter(|_| fail(&strikes, "lab", None, Peer::Unknown, 0).is_none());
        assert_eq!(pair.count(), 5);
    }

    #[test]
    fn a_64_is_one_peer_and_a_doubtful_one_counts_by_its_connection() {
        let strikes = Strikes::new();
        let within = |n: usize| peer(&format!("2001:db8::{n:x}"));
        assert_eq!(
            (0..40).filter(|n| fail(&strikes, "lab", None, within(*n), 0).is_none()).count(),
            5
        );
        let doubtful = Peer::Doubtful("192.0.2.7".parse().unwrap());
        assert_eq!(
            (0..40).filter(|_| fail(&strikes, "lab", None, doubtful, 0).is_none()).count(),
            5
        );
        assert_eq!(fail(&strikes, "lab", None, peer("192.0.2.7"), 0), Some(1));
    }

    #[test]
    fn memory_is_bounded_however_many_ids_and_places_fail() {
        let strikes = Strikes::new();
        for n in 0..20_000 {
            let from = peer(&format!("2001:db8:0:{n:x}::1"));
            fail(&strikes, &n.to_string(), None, from, 0);
        }
        assert_eq!(lock(&strikes.slots).len(), SETS * WAYS);
        assert_eq!(u64::try_from(SETS).unwrap(), SETS_COUNT);
        let budgets = Budgets::default();
        for n in 0..1000 {
            budgets.note_success(peer(&format!("2001:db8:0:{n:x}::1")));
        }
        assert_eq!(lock(&budgets.places).len(), PLACES_LIMIT);
    }
}
