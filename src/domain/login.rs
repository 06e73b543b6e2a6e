//! Whether somebody who logs in is who they say, and how often that may be tried.
//!
//! People's passwords are guessed, so the throttle stands in front of the hash. Unlike that of clients'
//! imported secrets it lives in the file: all processes share it, and no restart begins anew.
//!
//! A *place* is an IPv4 address, an IPv6 /64, or "unknown". It is known of a user who logged in from there, and a
//! desk if that is known of anybody. Wrong passwords are counted, whoever's they are (the numbers are in
//! `standing.rs`):
//!
//! * at each place for each name. Five are free, then each makes the next attempt wait twice as long, from
//!   one second to a minute; each minute forgives one. At a desk no more than a hundred for each name, then
//!   one each quarter of an hour; and of all names two hundred, then one a second.
//! * for each name over all places a hundred (NIST SP 800-63B 5.2.2: "no more than 100"), then one each
//!   quarter of an hour; from each network (an IPv4 address, an IPv6 /48) a hundred, then one a minute; from
//!   each wider one (an IPv4 /24, an IPv6 /32) a thousand, then ten a minute. These three keep outsiders waiting,
//!   and nobody else: who is known from the place goes in with the right password.
//!
//! What is counted, and what a wrong password is answered, depends on name and place alone, never on whether
//! somebody has the name or is known from there. So while outsiders wait at a desk, every password there is
//! looked at, and every one but the right one of somebody known there is answered as if it had not been: else
//! status or time would tell who works there.
//!
//! No login forgives anything: neighbours, who may share the place, would get new guesses by it. Time
//! forgives, and a new password does. Only what is looked at counts: neither a refresh nor an attempt that had
//! to wait does.
//!
//! If the host checks users of its own, it is asked about names that none of ours has, in whatever case, instead
//! of hashing; what it says is counted and audited no otherwise.

use crate::base::{UnixTime, UserId};
use crate::crypto::DigestKey;
use crate::crypto::password::{self, Permit};
use crate::domain::catalogue::within_catalogue;
use crate::domain::password::Password;
use crate::domain::peer::Peer;
use crate::domain::people::{keep_only, vouch_for};
use crate::domain::scope::Scope;
use crate::domain::standing::{Standing, Subjects};
use crate::domain::user::{User, UserOrigin, UserState};
use crate::domain::username::Username;
use crate::error::{Denied, Result};
use crate::store::{AuditEntry, Outcome, Tx, View};

/// Somebody at a place who says who they are.
pub(crate) struct Attempt {
    username: Username,
    subjects: Subjects,
}

/// An attempt that did not have to wait.
#[must_use]
pub(crate) struct Trial {
    attempt: Attempt,
    /// What recognises the password; `None` for a name that nobody has.
    phc: Option<String>,
    is_desk: bool,
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
        let subjects = Subjects::new(&username, peer, digest_key);
        Ok(Self { username, subjects })
    }

    /// Lets the attempt have its password looked at, unless it has to wait.
    pub(crate) fn admit(self, view: &View<'_>, now: UnixTime) -> Outcome<Trial> {
        let standing = Standing::read(view, &self.subjects)?;
        if let Err(why) = standing.check_wait(now) {
            return Ok(Err(why));
        }
        let phc = self.user(view)?.and_then(|user| user.phc);
        Ok(Ok(Trial { attempt: self, phc, is_desk: standing.is_desk() }))
    }

    fn user(&self, view: &View<'_>) -> Result<Option<User>> {
        let row = view.user_by_name(UserOrigin::Own.as_str(), self.username.as_str())?;
        row.as_ref().map(User::from_row).transpose()
    }

    /// Whether the name is that of one of our own users, but for the case of its letters: many a host's directory
    /// finds the same user by all of these, and who is kept out here must not come in by another.
    fn is_like_our_own(&self, view: &View<'_>) -> Result<bool> {
        let name = self.username.as_str().to_lowercase();
        let own = view.usernames(UserOrigin::Own.as_str())?;
        Ok(own.iter().any(|known| known.to_lowercase() == name))
    }

    /// Whether a user with the right password may enter: one in use, and who is known from the place does
    /// not wait with outsiders.
    fn check_user(&self, view: &View<'_>, user_id: &str, outsiders: &Entry) -> Outcome<()> {
        let row = view.user(user_id)?;
        let usable = row.as_ref().map(User::from_row).transpose()?.map(|user| user.check_usable());
        if let Some(Err(why)) = usable {
            return Ok(Err(why));
        }
        if view.has_logged_in(user_id, self.subjects.place())? {
            return Ok(Ok(()));
        }
        Ok(outsiders.clone())
    }
}

impl Trial {
    /// Whether the attempt is made where somebody is known from.
    pub(crate) const fn is_at_a_desk(&self) -> bool {
        self.is_desk
    }

    /// Whether one of our own users has the name, but for the case of its letters. Nobody else is asked about that
    /// one then.
    pub(crate) fn is_like_our_own(&self, view: &View<'_>) -> Result<bool> {
        Ok(self.phc.is_some() || self.attempt.is_like_our_own(view)?)
    }

    /// The name, normalised.
    pub(crate) fn username(&self) -> &str {
        self.attempt.username.as_str()
    }

    /// Takes the host's answer for it.
    pub(crate) const fn answered(self, answer: HostAnswer) -> Verdict {
        Verdict { trial: self, finding: Finding::Host(answer) }
    }

    /// As [`Trial::check`] of a wrong password, without the hash.
    #[cfg(test)]
    pub(crate) fn check_wrong(self) -> Verdict {
        Verdict { trial: self, finding: Finding::Own { right: false } }
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
    let standing = Standing::read(&tx.view(), &attempt.subjects)?;
    if let Err(why) = standing.check_wait(tx.now()) {
        return Ok(Err(why));
    }
    let outsiders = standing.check_outsiders(tx.now());
    let (user_id, decided) = decide(tx, verdict, &outsiders, &entry)?;
    let entry = AuditEntry { event: "user.login", user: user_id, ..entry };
    let why = match decided {
        Ok(user) => {
            tx.note_login(user.user.user_id.as_str(), attempt.subjects.place())?;
            tx.audit(&AuditEntry { outcome: "allowed", ..entry })?;
            return Ok(Ok(LoggedIn { user }));
        }
        Err(why) => why,
    };
    standing.count(tx)?;
    tx.audit(&AuditEntry { outcome: "denied", reason: Some(why.code()), ..entry })?;
    // The audit has the true reason. The answer is that to any other name.
    Ok(Err(outsiders.err().unwrap_or(why)))
}

/// Who it is, as far as that is known, and whether they may enter.
fn decide(
    tx: &mut Tx<'_>,
    verdict: &Verdict,
    outsiders: &Entry,
    entry: &AuditEntry,
) -> Result<(Option<String>, std::result::Result<UserState, Denied>)> {
    let attempt = &verdict.trial.attempt;
    let named = |user_id: &UserId| Some(user_id.as_str().to_owned());
    Ok(match (attempt.user(&tx.view())?, &verdict.finding) {
        // A host that was asked knew nothing of one of our own: the name was nobody's then.
        (Some(user), Finding::Own { .. } | Finding::Host(_)) => {
            (named(&user.user_id), own_user(tx, &user, verdict, outsiders)?)
        }
        (None, Finding::Own { .. }) => (None, Err(Denied::UserUnknown)),
        (None, Finding::Host(_)) if attempt.is_like_our_own(&tx.view())? => {
            (None, Err(Denied::UserUnknown))
        }
        (None, Finding::Host(HostAnswer::Refused)) => (None, Err(Denied::UserRefused)),
        (None, Finding::Host(HostAnswer::Approved { user_id, words })) => {
            let decided = match attempt.check_user(&tx.view(), user_id.as_str(), outsiders)? {
                Ok(()) => Ok(host_user(tx, user_id, words, entry)?),
                Err(why) => Err(why),
            };
            (named(user_id), decided)
        }
    })
}

/// One of our own users, if the password was theirs and still is.
fn own_user(tx: &Tx<'_>, user: &User, verdict: &Verdict, outsiders: &Entry) -> Outcome<UserState> {
    let Verdict { trial, finding } = verdict;
    // A password that was changed meanwhile is right no more.
    if !matches!(finding, Finding::Own { right: true }) || user.phc != trial.phc {
        return Ok(Err(Denied::PasswordWrong));
    }
    let entry = trial.attempt.check_user(&tx.view(), user.user_id.as_str(), outsiders)?;
    match entry {
        Ok(()) => UserState::from_row(&tx.view(), &user.to_row()).map(Ok),
        Err(why) => Ok(Err(why)),
    }
}

/// A user of the host's own, whose row says from now on what the host does. Words that do not exist here give
/// nothing.
fn host_user(
    tx: &mut Tx<'_>,
    user_id: &UserId,
    words: &Scope,
    entry: &AuditEntry,
) -> Result<UserState> {
    let words = within_catalogue(tx, words)?;
    let entry = AuditEntry { actor: Some(user_id.as_str().to_owned()), ..entry.clone() };
    // First what is gone: then there is never more than the host said.
    keep_only(tx, user_id, &words, &entry)?;
    vouch_for(tx, user_id, &words, &entry)
}

/// Whether outsiders may enter.
type Entry = std::result::Result<(), Denied>;
