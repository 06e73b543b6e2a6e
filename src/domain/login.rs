//! Whether somebody who logs in is who they say, and how often that may be tried.
//!
//! People's passwords are guessed, so the throttle stands in front of the hash. Unlike that of clients'
//! imported secrets it lives in the file: all processes share it, and no restart begins anew.
//!
//! Wrong passwords are counted for each account and place (an IPv4 address, an IPv6 /64, or "unknown"), and
//! for each account over all the places from which its user never logged in. Of a place [`FREE`] are free,
//! then each makes the next attempt wait twice as long, from one second to a minute; each minute forgives one.
//! Of all unknown places together an account takes [`OUTSIDERS_LIMIT`] (NIST SP 800-63B 5.2.2: "no more than
//! 100"), then one each quarter of an hour; and one place, of all accounts that are not known there, a hundred
//! too, then about one a minute. So nobody outside locks a user out at their own desk, and nobody at their desk
//! is worth more than a guess a minute.
//!
//! Names that nobody has are counted, hashed and audited as if somebody had them; if the host checks users of its
//! own, it is asked instead of hashing, and what it says is counted and audited no otherwise. The rows are bounded: when
//! there are too many, no old one gives way, and those for whom there is no room are throttled as one. Only what
//! is looked at counts: neither a refresh nor an attempt that had to wait does.

use crate::base::{Network, UnixTime, UserId};
use crate::crypto::DigestKey;
use crate::crypto::password::{self, Permit};
use crate::domain::catalogue::within_catalogue;
use crate::domain::failures::{Failures, Pace};
use crate::domain::password::Password;
use crate::domain::peer::Peer;
use crate::domain::people::{keep_only, vouch_for};
use crate::domain::scope::Scope;
use crate::domain::user::{User, UserOrigin, UserState};
use crate::domain::username::Username;
use crate::error::{Denied, Result};
use crate::store::{AuditEntry, FailureRow, Outcome, Tx, View};

/// Somebody at a place who says who they are.
pub(crate) struct Attempt {
    username: Username,
    /// What guesses at the name are counted for.
    account: [u8; 32],
    place: String,
}

/// An attempt that did not have to wait.
#[must_use]
pub(crate) struct Trial {
    attempt: Attempt,
    /// What recognises the password; `None` for a name that nobody has.
    phc: Option<String>,
}

/// An attempt whose password was looked at.
#[must_use]
pub(crate) struct Verdict {
    trial: Trial,
    finding: Finding,
}

enum Finding {
    /// It was compared with what is kept here, if anything is.
    Own {
        right: bool,
    },
    Host(HostAnswer),
}

/// What a host says of a name that none of our own users has, and of a password.
pub(crate) enum HostAnswer {
    /// They are those of this user of its own, who may have these words.
    Approved { user_id: UserId, words: Scope },
    /// They are not, or it does not say why.
    Refused,
}

/// A user who proved who they are, just now. There is no other way to one.
#[derive(Debug)]
pub(crate) struct LoggedIn {
    user: UserState,
}

impl LoggedIn {
    /// Who it is.
    pub(crate) const fn user(&self) -> &UserState {
        &self.user
    }
}

impl Attempt {
    /// An attempt to log in as `username` from `peer`.
    ///
    /// # Errors
    /// [`Denied::CredentialMalformed`] for a name that nobody can have.
    pub(crate) fn new(
        username: &str,
        peer: Peer,
        digest_key: &DigestKey,
    ) -> std::result::Result<Self, Denied> {
        let username = Username::parse(username).map_err(|_| Denied::CredentialMalformed)?;
        let account = account_of(digest_key, username.as_str());
        Ok(Self { username, account, place: place_of(peer) })
    }

    /// Lets the attempt have its password looked at, unless it has to wait.
    pub(crate) fn admit(self, view: &View<'_>, now: UnixTime) -> Outcome<Trial> {
        let user = self.user(view)?;
        let standing = self.standing(view, user.as_ref())?;
        if let Err(why) = standing.check_wait(now) {
            return Ok(Err(why));
        }
        Ok(Ok(Trial { attempt: self, phc: user.and_then(|user| user.phc) }))
    }

    fn user(&self, view: &View<'_>) -> Result<Option<User>> {
        let row = view.user_by_name(UserOrigin::Own.as_str(), self.username.as_str())?;
        row.as_ref().map(User::from_row).transpose()
    }

    fn standing(&self, view: &View<'_>, user: Option<&User>) -> Result<Standing> {
        let known = match user {
            Some(user) => view.has_logged_in(user.user_id.as_str(), &self.place)?,
            None => view.has_logged_in_as(&self.account, &self.place)?,
        };
        let failures = |account, place| -> Result<Option<Failures>> {
            Ok(view.login_failures(account, place)?.as_ref().map(failures_of))
        };
        let here = failures(&self.account, self.place.as_str())?;
        if known {
            return Ok(Standing { known, here, ..Standing::default() });
        }
        let everywhere = failures(&self.account, EVERYWHERE)?;
        let spray = failures(&ALL_ACCOUNTS, self.place.as_str())?;
        // Who has rows of their own is judged by these; where there was no room for one, all are one.
        let roomless = here.is_none() || everywhere.is_none() || spray.is_none();
        let overflow = if roomless { failures(&ALL_ACCOUNTS, EVERYWHERE)? } else { None };
        Ok(Standing { known, here, everywhere, spray, overflow })
    }
}

impl Trial {
    /// Whether one of our own users has the name. Nobody else is asked about that one then.
    pub(crate) const fn is_own(&self) -> bool {
        self.phc.is_some()
    }

    /// The name, normalised.
    pub(crate) fn username(&self) -> &str {
        self.attempt.username.as_str()
    }

    /// Takes the host's answer for it.
    pub(crate) const fn answered(self, answer: HostAnswer) -> Verdict {
        Verdict { trial: self, finding: Finding::Host(answer) }
    }

    /// Looks at the password, whoever's it is: a name that nobody has costs the same.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`] for a hash that is none.
    pub(crate) fn check(self, password: &Password, permit: &Permit<'_>) -> Result<Verdict> {
        let right = match &self.phc {
            Some(phc) => password::verify(permit, phc, password.expose())?,
            None => {
                password::verify_nothing(permit, password.expose())?;
                false
            }
        };
        Ok(Verdict { trial: self, finding: Finding::Own { right } })
    }
}

/// Decides, and counts. Wrong name, wrong password, disabled user and a host's refusal are reasons for the audit,
/// cost the same, and must get one answer.
///
/// Whoever has to wait by now learns nothing: guesses made at once count as if one came after the other. What
/// is decided has its row in the audit, in `entry`'s words but for the name, which may be a password in the
/// wrong field.
pub(crate) fn settle(tx: &mut Tx<'_>, verdict: &Verdict, entry: AuditEntry) -> Outcome<LoggedIn> {
    let attempt = &verdict.trial.attempt;
    let user = attempt.user(&tx.view())?;
    let standing = attempt.standing(&tx.view(), user.as_ref())?;
    if let Err(why) = standing.check_wait(tx.now()) {
        return Ok(Err(why));
    }
    let (user_id, decided) = match (user, &verdict.finding) {
        (Some(user), Finding::Own { .. } | Finding::Host(_)) => {
            (Some(user.user_id.clone()), own_user(tx, user, verdict)?)
        }
        (None, Finding::Own { .. }) => (None, Err(Denied::UserUnknown)),
        (None, Finding::Host(HostAnswer::Refused)) => (None, Err(Denied::UserRefused)),
        (None, Finding::Host(HostAnswer::Approved { user_id, words })) => {
            (Some(user_id.clone()), host_user(tx, user_id, words, &entry)?)
        }
    };
    let user_id = user_id.map(|user_id| user_id.as_str().to_owned());
    let entry = AuditEntry { event: "user.login", user: user_id, ..entry };
    match decided {
        Ok(logged_in) => {
            note_success(tx, attempt, &standing, &logged_in)?;
            tx.audit(&AuditEntry { outcome: "allowed", ..entry })?;
            Ok(Ok(logged_in))
        }
        Err(why) => {
            count_failure(tx, attempt, standing)?;
            tx.audit(&AuditEntry { outcome: "denied", reason: Some(why.code()), ..entry })?;
            Ok(Err(why))
        }
    }
}

/// Forgets what was guessed at a user's password: it is another one now.
pub(super) fn forget_failures(tx: &mut Tx<'_>, username: &str) -> Result<()> {
    let account = account_of(&tx.identity().keys.digest, username);
    tx.forget_login_failures(&account, None)
}

/// What guesses at a name are counted for. Names that differ by case alone are one: many a host's directory
/// finds the same user by all of them, and each would be worth as many guesses again.
fn account_of(digest_key: &DigestKey, username: &str) -> [u8; 32] {
    digest_key.account(username.to_lowercase().as_bytes())
}

/// One of our own users, if the password was theirs and still is. A host that was asked knew nothing of it: the
/// name was nobody's then.
fn own_user(
    tx: &Tx<'_>,
    user: User,
    verdict: &Verdict,
) -> Result<std::result::Result<LoggedIn, Denied>> {
    let right = matches!(verdict.finding, Finding::Own { right: true });
    if !right || user.phc != verdict.trial.phc {
        return Ok(Err(Denied::PasswordWrong));
    }
    if !user.enabled {
        return Ok(Err(Denied::UserDisabled));
    }
    Ok(Ok(LoggedIn { user: UserState::from_row(&tx.view(), &user.to_row())? }))
}

/// A user of the host's own, whose row says from now on what the host does. Words that do not exist here give
/// nothing.
fn host_user(
    tx: &mut Tx<'_>,
    user_id: &UserId,
    words: &Scope,
    entry: &AuditEntry,
) -> Outcome<LoggedIn> {
    let words = within_catalogue(tx, words.clone())?;
    let entry = AuditEntry { actor: Some(user_id.as_str().to_owned()), ..entry.clone() };
    // First what is gone: then there is never more than the host said.
    keep_only(tx, user_id, &words, &entry)?;
    let user = vouch_for(tx, user_id, &words, &entry)?;
    if !user.user.enabled {
        return Ok(Err(Denied::UserDisabled));
    }
    Ok(Ok(LoggedIn { user }))
}

fn note_success(
    tx: &mut Tx<'_>,
    attempt: &Attempt,
    standing: &Standing,
    logged_in: &LoggedIn,
) -> Result<()> {
    let user_id = logged_in.user.user.user_id.as_str();
    // SP 800-63B 5.2.2: "When the subscriber successfully authenticates, the verifier SHOULD disregard any
    // previous failed attempts for that user from the same IP address."
    tx.forget_login_failures(&attempt.account, Some(&attempt.place))?;
    if standing.known {
        tx.forget_login_failures(&attempt.account, Some(EVERYWHERE))?;
    }
    tx.note_login(user_id, &attempt.place)?;
    match logged_in.user.user.origin {
        UserOrigin::Own => Ok(()),
        UserOrigin::Host => tx.name_login(user_id, &attempt.place, &attempt.account),
    }
}

fn count_failure(tx: &mut Tx<'_>, attempt: &Attempt, standing: Standing) -> Result<()> {
    let Attempt { account, place, .. } = attempt;
    let known = standing.known;
    let here = one_more(standing.here, FREE, Pace::MINUTE, tx.now());
    let mut kept = tx.keep_login_failures(account, place, known, &here)?;
    if !known {
        // How long an account waits follows from how many are left, not from the last one.
        let everywhere = one_more(standing.everywhere, i64::MAX, Pace::QUARTER, tx.now());
        kept &= tx.keep_login_failures(account, EVERYWHERE, false, &everywhere)?;
        let spray = one_more(standing.spray, FREE_OF_ALL_ACCOUNTS, Pace::MINUTE, tx.now());
        kept &= tx.keep_login_failures(&ALL_ACCOUNTS, place, false, &spray)?;
    }
    if !kept {
        let overflow = one_more(standing.overflow, FREE, Pace::MINUTE, tx.now());
        // There is one such row, and always room for it.
        tx.keep_login_failures(&ALL_ACCOUNTS, EVERYWHERE, true, &overflow)?;
    }
    Ok(())
}

fn one_more(failures: Option<Failures>, free: i64, pace: Pace, now: UnixTime) -> FailureRow {
    let mut failures = failures.unwrap_or_default();
    failures.fail(free, pace, now);
    FailureRow {
        failures: failures.count,
        since: failures.since.millis(),
        until: failures.until.millis(),
        ends_at: failures.fewer_than(1, pace).max(failures.until).millis(),
    }
}

/// What was counted before an attempt.
#[derive(Default)]
struct Standing {
    /// Whether the user has logged in from this place; then nothing counts but what was wrong here.
    known: bool,
    /// For this account from this place.
    here: Option<Failures>,
    /// For this account from all places that it is not known from.
    everywhere: Option<Failures>,
    /// From this place for all accounts that are not known here.
    spray: Option<Failures>,
    /// All that there was no room for.
    overflow: Option<Failures>,
}

impl Standing {
    fn check_wait(&self, now: UnixTime) -> std::result::Result<(), Denied> {
        let until = |failures: Option<Failures>| failures.unwrap_or_default().until;
        let everywhere = self.everywhere.unwrap_or_default();
        let wait = until(self.here)
            .max(until(self.spray))
            .max(until(self.overflow))
            .max(everywhere.fewer_than(OUTSIDERS_LIMIT, Pace::QUARTER))
            .since(now);
        if wait <= 0 {
            return Ok(());
        }
        let retry_after = u32::try_from((wait + 999) / 1000).unwrap_or(u32::MAX);
        Err(Denied::RateLimited { retry_after })
    }
}

fn failures_of(row: &FailureRow) -> Failures {
    Failures {
        count: row.failures,
        since: UnixTime::from_millis(row.since),
        until: UnixTime::from_millis(row.until),
    }
}

/// Who counts as one caller; all whose address is unknown count as one, too.
fn place_of(peer: Peer) -> String {
    match peer {
        Peer::Known(address) => Network::of_peer(address).to_string(),
        Peer::Unknown => String::new(),
    }
}

/// Failures from one place without a wait: a person who mistypes, or tries last year's password.
const FREE: i64 = 5;

/// NIST SP 800-63B 5.2.2: "the verifier SHALL limit consecutive failed authentication attempts on a single
/// account to no more than 100."
const OUTSIDERS_LIMIT: i64 = 100;

/// Failures from one place for all accounts that are not known there: a clinic's first morning.
const FREE_OF_ALL_ACCOUNTS: i64 = 100;

/// Stands for all places from which the user never logged in; no place looks like it.
const EVERYWHERE: &str = "*";

/// Stands for all accounts; no keyed digest is that.
const ALL_ACCOUNTS: [u8; 32] = [0; 32];
