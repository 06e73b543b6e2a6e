//! The counts that an attempt to log in is held against.

use crate::base::{Network, UnixTime};
use crate::crypto::DigestKey;
use crate::domain::failures::{Failures, Pace};
use crate::domain::peer::Peer;
use crate::domain::username::Username;
use crate::error::{Denied, Result};
use crate::store::{FailureKey, FailureRow, Tx, View};

/// What an attempt belongs to, in numbers.
pub(super) struct Subjects {
    account: Account,
    place: String,
    /// The share of all networks that the place's own has, and that of the wider one around it.
    network: i64,
    wider: i64,
}

impl Subjects {
    /// Those of `username` at `peer`.
    pub(super) fn new(username: &Username, peer: Peer, key: &DigestKey) -> Self {
        let range = |v4, v6| {
            let around = |address| Network::around(address, v4, v6).to_string();
            peer.counted().map(around).unwrap_or_default()
        };
        let share = |range: String| share_of(key.network(range.as_bytes()));
        Self {
            account: Account::of(username.as_str(), key),
            place: peer.counted().map(Network::of_peer).map_or_else(String::new, |n| n.to_string()),
            network: share(range(32, 48)),
            wider: share(range(24, 32)),
        }
    }

    /// Who counts as one caller; all whose address is unknown count as one, too.
    pub(super) fn place(&self) -> &str {
        &self.place
    }

    fn key(&self, count: Count) -> FailureKey {
        let (place, number) = match count {
            Count::Here | Count::Day => (self.place.as_str(), self.account.name),
            Count::Desk => (self.place.as_str(), 0),
            Count::Account => ("", self.account.share),
            Count::Network => ("", self.network),
            Count::Wider => ("", self.wider),
        };
        FailureKey { what: count.as_str(), place: place.to_owned(), number }
    }
}

/// What was counted before an attempt. Nothing in it depends on whether anybody has the name.
pub(super) struct Standing {
    /// Whether any user is known from the place.
    is_desk: bool,
    /// What keeps everybody waiting.
    own: Vec<Tally>,
    /// What keeps those waiting who are not known from the place.
    outsiders: Vec<Tally>,
}

impl Standing {
    /// Reads what `subjects` are held against.
    pub(super) fn read(view: &View<'_>, subjects: &Subjects) -> Result<Self> {
        let is_desk = view.has_anybody_logged_in(&subjects.place)?;
        let read = |counts: &[Count]| -> Result<Vec<Tally>> {
            counts.iter().map(|count| Tally::read(view, subjects, *count)).collect()
        };
        let own = if is_desk { read(&AT_A_DESK)? } else { read(&ELSEWHERE)? };
        Ok(Self { is_desk, own, outsiders: read(&OF_OUTSIDERS)? })
    }

    /// Whether any user is known from the place.
    pub(super) const fn is_desk(&self) -> bool {
        self.is_desk
    }

    /// Whether a password is looked at now.
    ///
    /// At a desk one is also looked at while outsiders wait, whoever's it is: else the time it takes would
    /// tell who is known there.
    pub(super) fn check_wait(&self, now: UnixTime) -> std::result::Result<(), Denied> {
        let outsiders: &[Tally] = if self.is_desk { &[] } else { &self.outsiders };
        check(self.own.iter().chain(outsiders), now)
    }

    /// Whether somebody may enter now who is not known from the place.
    pub(super) fn check_outsiders(&self, now: UnixTime) -> std::result::Result<(), Denied> {
        check(self.outsiders.iter(), now)
    }

    /// Counts one more. While outsiders wait, it is not held against them: they wait already.
    pub(super) fn count(self, tx: &mut Tx<'_>) -> Result<()> {
        let outsiders_wait = self.check_outsiders(tx.now()).is_err();
        for tally in self.own {
            tally.count(tx)?;
        }
        if !outsiders_wait {
            for tally in self.outsiders {
                tally.count(tx)?;
            }
        }
        Ok(())
    }
}

/// Forgets what was guessed at a user's password: it is another one now.
pub(super) fn forget_failures(tx: &mut Tx<'_>, username: &str) -> Result<()> {
    let account = Account::of(username, &tx.identity().keys.digest);
    for (what, number) in account.counts() {
        tx.forget_login_failures(what, number)?;
    }
    Ok(())
}

/// What was guessed at a user's password stays counted under their new name.
pub(super) fn copy_failures(tx: &mut Tx<'_>, old: &str, new: &str) -> Result<()> {
    let key = &tx.identity().keys.digest;
    let (from, to) = (Account::of(old, key), Account::of(new, key));
    for ((what, from), (_, to)) in from.counts().into_iter().zip(to.counts()) {
        tx.copy_login_failures(what, from, to)?;
    }
    Ok(())
}

/// One count.
struct Tally {
    key: FailureKey,
    rule: Rule,
    failures: Failures,
}

impl Tally {
    fn read(view: &View<'_>, subjects: &Subjects, count: Count) -> Result<Self> {
        let key = subjects.key(count);
        let failures = view.login_failures(&key)?.as_ref().map(failures_of).unwrap_or_default();
        Ok(Self { key, rule: count.rule(), failures })
    }

    fn until(&self) -> UnixTime {
        match self.rule.then {
            Then::Growing => self.failures.until,
            Then::OneByOne => self.failures.fewer_than(self.rule.free, self.rule.pace),
        }
    }

    fn count(self, tx: &mut Tx<'_>) -> Result<()> {
        let (mut failures, pace) = (self.failures, self.rule.pace);
        let free = match self.rule.then {
            Then::Growing => self.rule.free,
            // How long it waits follows from how many are left, not from the last one.
            Then::OneByOne => i64::MAX,
        };
        failures.fail(free, pace, tx.now());
        let row = FailureRow {
            failures: failures.count,
            since: failures.since.millis(),
            until: failures.until.millis(),
            ends_at: failures.fewer_than(1, pace).max(failures.until).millis(),
        };
        tx.keep_login_failures(&self.key, &row)
    }
}

fn check<'t>(
    tallies: impl Iterator<Item = &'t Tally>,
    now: UnixTime,
) -> std::result::Result<(), Denied> {
    let wait = tallies.map(|tally| tally.until().since(now)).max().unwrap_or_default();
    if wait <= 0 {
        return Ok(());
    }
    let retry_after = u32::try_from((wait + 999) / 1000).unwrap_or(u32::MAX);
    Err(Denied::RateLimited { retry_after })
}

fn failures_of(row: &FailureRow) -> Failures {
    Failures {
        count: row.failures,
        since: UnixTime::from_millis(row.since),
        until: UnixTime::from_millis(row.until),
    }
}

/// A name, whether somebody has it or not.
struct Account {
    /// Eight bytes of its digest.
    name: i64,
    /// The share of all names that it has.
    share: i64,
}

impl Account {
    /// Names that differ by case alone are one: many a host's directory finds the same user by all of them, and
    /// each would be worth as many guesses again.
    fn of(username: &str, key: &DigestKey) -> Self {
        let digest = key.account(username.to_lowercase().as_bytes());
        let [_, _, a, b, c, d, e, f, g, h, ..] = digest;
        Self { name: i64::from_be_bytes([a, b, c, d, e, f, g, h]), share: share_of(digest) }
    }

    /// The counts that follow it.
    fn counts(&self) -> [(&'static str, i64); 3] {
        let Self { name, share } = *self;
        [(Count::Here, name), (Count::Day, name), (Count::Account, share)]
            .map(|(count, number)| (count.as_str(), number))
    }
}

/// The share that has this digest. Nobody without the key can tell which names or networks have the same.
fn share_of(digest: [u8; 32]) -> i64 {
    let [high, low, ..] = digest;
    i64::from(u16::from_be_bytes([high, low])) % SHARES
}

/// What is counted.
#[derive(Clone, Copy)]
enum Count {
    /// Of one name at one place: a person who mistypes, or tries last year's password.
    Here,
    /// Of one name at one desk, over a day. NIST SP 800-63B 5.2.2: "the verifier SHALL limit consecutive
    /// failed authentication attempts on a single account to no more than 100."
    Day,
    /// Of all names at one desk: what is looked at there while outsiders wait.
    Desk,
    /// Of one name over all places: the same sentence of NIST's.
    Account,
    /// Of all names from one network (an IPv4 address, an IPv6 /48): a clinic's first morning.
    Network,
    /// Of all names from a wider one (an IPv4 /24, an IPv6 /32): whoever has that has networks without end.
    Wider,
}

impl Count {
    /// The word in the row.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Here => "here",
            Self::Day => "day",
            Self::Desk => "desk",
            Self::Account => "account",
            Self::Network => "network",
            Self::Wider => "wider",
        }
    }

    const fn rule(self) -> Rule {
        match self {
            Self::Here => Rule { free: 5, pace: Pace::MINUTE, then: Then::Growing },
            Self::Day | Self::Account => {
                Rule { free: 100, pace: Pace::QUARTER, then: Then::OneByOne }
            }
            Self::Desk => Rule { free: 200, pace: Pace::SECOND, then: Then::OneByOne },
            Self::Network => Rule { free: 100, pace: Pace::MINUTE, then: Then::OneByOne },
            Self::Wider => Rule { free: 1000, pace: Pace::SIX_SECONDS, then: Then::OneByOne },
        }
    }
}

/// How failures make the next attempt wait.
struct Rule {
    /// So many keep nobody waiting.
    free: i64,
    /// What time forgives.
    pace: Pace,
    then: Then,
}

/// What comes after the free ones.
enum Then {
    /// Each makes the next attempt wait twice as long, from one second to a minute.
    Growing,
    /// One for each that time forgives.
    OneByOne,
}

const AT_A_DESK: [Count; 3] = [Count::Here, Count::Day, Count::Desk];
const ELSEWHERE: [Count; 1] = [Count::Here];
const OF_OUTSIDERS: [Count; 3] = [Count::Account, Count::Network, Count::Wider];

/// Shares of all names and of all networks that are counted as one each. So whoever makes up names and has
/// networks without end fills nothing in which there would then be no room: to make all new places wait takes
/// a hundred failures in each share, 204,800. These, and then one in each share a quarter of an hour, also
/// bound what an attack from everywhere writes to the audit: some 200,000 rows (60 MB) at first and a day. Rows of
/// one name
/// at one place come on top, and live for a minute for each failure, or a quarter of an hour at a desk, where
/// one a second is counted.
const SHARES: i64 = 2048;
