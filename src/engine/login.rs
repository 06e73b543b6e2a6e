//! Logging a user in: the throttle before, the hash or the host's check outside the write lock, the counting inside
//! it.

use crate::base::RequestId;
use crate::domain::{Attempt, LoggedIn, Password, Peer, Trial, Verdict, settle};
use crate::engine::Engine;
use crate::engine::gather::Refusal;
use crate::engine::room::Purpose;
use crate::error::{Denied, Error, Result};
use crate::store::AuditEntry;

/// Who wants to log in, as far as it has been read.
pub(super) struct Login<'a> {
    pub(super) username: &'a str,
    pub(super) password: &'a str,
    /// The client that the user wants to use.
    pub(super) client_id: Option<&'a str>,
    pub(super) id: RequestId,
    pub(super) peer: Peer,
    pub(super) correlation: Option<String>,
}

impl Engine {
    /// Checks a user's password. The login, or why there was none, is on disk when this returns.
    ///
    /// # Errors
    /// [`Error::Denied`] with the true reason. The caller's page says one thing for
    /// [`Denied::UserUnknown`], [`Denied::PasswordWrong`], [`Denied::UserDisabled`], [`Denied::UserRefused`]
    /// and [`Denied::CredentialMalformed`], and may say when to try again for [`Denied::RateLimited`].
    /// [`Error::Overloaded`] when too many passwords are being checked, [`Error::UserCheck`] when the host could
    /// not check one: nothing was counted or audited.
    pub(super) fn log_in(&self, login: &Login<'_>) -> Result<LoggedIn> {
        self.try_password(login)?.map_err(|why| {
            // What was looked at has its row. The rest costs the caller nothing, so it is gathered.
            if matches!(why, Denied::RateLimited { .. } | Denied::CredentialMalformed) {
                self.gather.note_refusal(&Refusal {
                    why: &why,
                    client_id: login.client_id,
                    credential_id: None,
                    peer: login.peer,
                    request: &login.id,
                });
            }
            Error::Denied { why, request_id: login.id.as_str().to_owned() }
        })
    }

    fn try_password(&self, login: &Login<'_>) -> Result<std::result::Result<LoggedIn, Denied>> {
        let (_, now) = self.current()?;
        let digest_key = &self.store.identity().keys.digest;
        let attempt = match Attempt::new(login.username, login.peer, digest_key) {
            Ok(attempt) => attempt,
            Err(why) => return Ok(Err(why)),
        };
        let Ok(password) = Password::parse(login.password) else {
            return Ok(Err(Denied::CredentialMalformed));
        };
        let trial = match self.store.read(|view| attempt.admit(view, now))? {
            Ok(trial) => trial,
            Err(why) => return Ok(Err(why)),
        };
        let verdict = self.look_at(trial, &password, login)?;
        let entry = AuditEntry {
            client: login.client_id.map(str::to_owned),
            peer: login.peer.text(),
            request: Some(login.id.as_str().to_owned()),
            correlation: login.correlation.clone(),
            ..AuditEntry::default()
        };
        // The time after the hash: a wait that it caused begins when it is known.
        self.write_for(Purpose::Login, self.time.now(), move |tx| settle(tx, &verdict, entry))
    }

    /// A name that one of our own users has, in whatever case, is looked up here and nowhere else; the host is asked
    /// about any other, if it has users.
    fn look_at(&self, trial: Trial, password: &Password, login: &Login<'_>) -> Result<Verdict> {
        if self.host_users.are_there()
            && !self.store.read(|view| trial.is_like_our_own(view))?
            && let Some(answer) = self.host_users.ask(trial.username(), login)?
        {
            return Ok(trial.answered(answer));
        }
        // Whoever guesses from everywhere must not keep those waiting who are known from where they are.
        let permit = if trial.is_at_a_desk() {
            self.hashes.permit()?
        } else {
            self.hashes.permit_but_the_last()?
        };
        trial.check(password, &permit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::{
        AuditRead, UserCreate, UserDisable, UserEnable, UserRead, UserSetPassword, UserUpdate,
    };
    use crate::base::{ManualClock, UnixTime};
    use crate::domain::{self, Actor, Context, Settings, User};
    use crate::engine::Options;
    use std::sync::Arc;

    const RIGHT: &str = "nobodys guess";
    const DESK: &str = "192.0.2.7";
    const QUARTER: i64 = 15 * 60;

    /// The same numbers in every run, so that the shares are the same.
    struct Repeating(std::sync::atomic::AtomicU64);

    impl crate::base::Entropy for Repeating {
        fn fill(&self, out: &mut [u8]) -> Result<()> {
            for chunk in out.chunks_mut(32) {
                let count = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                let bytes = crate::crypto::sha256(&count.to_be_bytes());
                chunk.copy_from_slice(&bytes[..chunk.len()]);
            }
            Ok(())
        }
    }

    /// An open database with one user, `anna`, at a clock that stands still.
    struct Bench {
        engine: Engine,
        clock: Arc<ManualClock>,
        options: Options,
        user_id: String,
        _folder: tempfile::TempDir,
    }

    impl Bench {
        fn open() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let clock = Arc::new(ManualClock::at(UnixTime::from_seconds(1_772_353_800)));
            let options = Options::new(folder.path().join("db"))
                .clock(Arc::<ManualClock>::clone(&clock))
                .entropy(Arc::new(Repeating(0.into())));
            Engine::create(&options, &Settings::default(), &Context::by("admin")).unwrap();
            let engine = Engine::open(&options).unwrap();
            let request = UserCreate {
                username: "anna".into(),
                password: RIGHT.into(),
                ..UserCreate::default()
            };
            let user = engine.run(&Context::by("admin"), request).unwrap();
            Self { engine, clock, options, user_id: user.user_id, _folder: folder }
        }

        fn pass(&self, seconds: i64) {
            self.clock.advance_millis(seconds * 1000);
        }

        /// Tries to log in from an address; why not, if not.
        fn try_as(
            &self,
            username: &str,
            password: &str,
            place: &str,
        ) -> std::result::Result<LoggedIn, Denied> {
            try_at(&self.engine, username, password, peer(place))
        }

        fn why(&self, password: &str, place: &str) -> Denied {
            self.try_as("anna", password, place).unwrap_err()
        }

        /// Tries a wrong password; the seconds to wait if it was not looked at.
        fn wrong_from(&self, place: &str) -> Option<u32> {
            wait(&self.why("wrong guess", place), &Denied::PasswordWrong)
        }

        /// Guesses wrongly, without computing the hash: whether it would have been computed, and the answer.
        fn guess(&self, username: &str, from: Peer) -> (bool, Denied) {
            let engine = &self.engine;
            let key = &engine.store.identity().keys.digest;
            let attempt = Attempt::new(username, from, key).unwrap();
            let now = engine.now();
            match engine.store.read(|view| attempt.admit(view, now)).unwrap() {
                Ok(trial) => {
                    let verdict = trial.check_wrong();
                    let entry = AuditEntry::default();
                    let settled = engine.write(now, move |tx| settle(tx, &verdict, entry));
                    (true, settled.unwrap().unwrap_err())
                }
                Err(why) => (false, why),
            }
        }

        /// How many of these guesses were looked at.
        fn looked_at(&self, guesses: impl Iterator<Item = (String, Peer)>) -> usize {
            guesses.filter(|(name, from)| self.guess(name, *from).0).count()
        }

        /// Wrong passwords for `anna` from one new /24 after the other; how many were looked at.
        fn wrong_from_everywhere(&self, tries: usize) -> usize {
            self.looked_at((0..tries).map(|n| ("anna".into(), somewhere(n))))
        }

        /// How many rows the throttle has.
        fn failure_rows(&self) -> i64 {
            self.engine.store.read(|view| view.count_login_failures()).unwrap()
        }

        fn set_password(&self, password: &str) {
            let request =
                UserSetPassword { user_id: self.user_id.clone(), password: password.into() };
            self.engine.run(&Context::by("admin"), request).unwrap();
        }

        fn rows(&self, event: &str) -> Vec<serde_json::Value> {
            self.engine.maintain().unwrap();
            let request =
                AuditRead { event: Some(event.into()), limit: Some(1000), ..AuditRead::default() };
            let page = self.engine.run(&Context::by("admin"), request).unwrap();
            page.rows.into_iter().map(|row| row.entry).collect()
        }
    }

    /// The seconds to wait; none if it was looked at and found `wrong`.
    fn wait(why: &Denied, wrong: &Denied) -> Option<u32> {
        if let Denied::RateLimited { retry_after } = why {
            return Some(*retry_after);
        }
        assert_eq!(why, wrong);
        None
    }

    fn peer(address: &str) -> Peer {
        Peer::Known(address.parse().unwrap())
    }

    /// The n-th of many networks that have nothing to do with each other.
    fn somewhere(n: usize) -> Peer {
        peer(&format!("{}.{}.{}.1", 20 + n / 65_536, n / 256 % 256, n % 256))
    }

    fn try_at(
        engine: &Engine,
        username: &str,
        password: &str,
        peer: Peer,
    ) -> std::result::Result<LoggedIn, Denied> {
        let id = engine.mint_request_id(engine.now()).unwrap();
        let login =
            Login { username, password, client_id: Some("emr"), id, peer, correlation: None };
        match engine.log_in(&login) {
            Ok(user) => Ok(user),
            Err(Error::Denied { why, .. }) => Err(why),
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn a_right_password_is_a_login_with_its_row() {
        let bench = Bench::open();
        let user = bench.try_as("anna", RIGHT, DESK).unwrap();
        assert_eq!(user.user().user.user_id.as_str(), bench.user_id);
        let read = UserRead { user_id: Some(bench.user_id.clone()), username: None };
        let document = bench.engine.run(&Context::by("admin"), read).unwrap();
        assert_eq!(document.last_login_at, Some(bench.engine.now().seconds()));
        let rows = bench.rows("user.login");
        assert_eq!(rows.len(), 1);
        assert_eq!((&rows[0]["outcome"], &rows[0]["client"]), (&"allowed".into(), &"emr".into()));
        assert_eq!(rows[0]["peer"], DESK);
        assert_eq!(rows[0]["user"], bench.user_id);
        assert_eq!(rows[0]["request"].as_str().map(str::len), Some(32));
    }

    #[test]
    fn however_name_and_password_were_typed_they_are_the_same() {
        let bench = Bench::open();
        let request = UserCreate {
            username: "Jos\u{e9}".into(),
            password: "cr\u{e8}me br\u{fb}l\u{e9}e".into(),
            ..UserCreate::default()
        };
        bench.engine.run(&Context::by("admin"), request).unwrap();
        let typed = "cre\u{300}me bru\u{302}le\u{301}e";
        bench.try_as("Jose\u{301}", typed, DESK).unwrap();
    }

    #[test]
    fn the_true_reason_of_a_refusal_is_in_the_audit() {
        let bench = Bench::open();
        assert_eq!(bench.why("wrong guess", DESK), Denied::PasswordWrong);
        assert_eq!(bench.try_as("nobody", RIGHT, DESK).unwrap_err(), Denied::UserUnknown);
        assert_eq!(bench.try_as(" anna", RIGHT, DESK).unwrap_err(), Denied::CredentialMalformed);
        assert_eq!(bench.why(&"x".repeat(1025), DESK), Denied::CredentialMalformed);
        let off = UserDisable::of(&bench.user_id);
        bench.engine.run(&Context::by("admin"), off).unwrap();
        assert_eq!(bench.why(RIGHT, DESK), Denied::UserDisabled);
        assert_eq!(bench.why("wrong guess", DESK), Denied::PasswordWrong);
        let rows = bench.rows("user.login");
        let reasons: Vec<_> = rows.iter().map(|row| row["reason"].clone()).collect();
        assert_eq!(reasons, ["password_wrong", "user_unknown", "user_disabled", "password_wrong"]);
        assert_eq!(rows[0]["user"], bench.user_id);
        // What was typed as a name may have been a password.
        assert!(rows[1].get("user").is_none() && !rows[1].to_string().contains("nobody"));
        let page = bench.engine.run(&Context::by("admin"), AuditRead::default()).unwrap();
        let malformed = page.rows.iter().find(|row| row.entry["reason"] == "credential_malformed");
        assert_eq!(malformed.unwrap().entry["count"], 2);
    }

    #[test]
    fn five_are_free_and_then_each_wait_is_twice_as_long_and_a_right_one_waits_too() {
        let bench = Bench::open();
        for _ in 0..5 {
            assert_eq!(bench.wrong_from(DESK), None);
        }
        let mut waits = Vec::new();
        for _ in 0..8 {
            assert_eq!(bench.wrong_from(DESK), None);
            let Denied::RateLimited { retry_after } = bench.why(RIGHT, DESK) else { panic!() };
            waits.push(retry_after);
            bench.pass(i64::from(retry_after));
        }
        assert_eq!(waits[..6], [1, 2, 4, 8, 16, 32]);
        // Elsewhere nobody waits, and who has waited goes in.
        assert_eq!(bench.wrong_from("198.51.100.1"), None);
        bench.try_as("anna", RIGHT, DESK).unwrap();
    }

    #[test]
    fn all_processes_count_together_and_a_restart_forgets_nothing() {
        let bench = Bench::open();
        let other = Engine::open(&bench.options).unwrap();
        for _ in 0..3 {
            assert_eq!(bench.wrong_from(DESK), None);
            let why = try_at(&other, "anna", "wrong guess", peer(DESK)).unwrap_err();
            assert_eq!(why, Denied::PasswordWrong);
        }
        drop(other);
        let again = Engine::open(&bench.options).unwrap();
        let why = try_at(&again, "anna", RIGHT, peer(DESK)).unwrap_err();
        assert_eq!(why, Denied::RateLimited { retry_after: 1 });
    }

    #[test]
    fn a_name_that_nobody_has_is_throttled_as_if_somebody_had_it() {
        let bench = Bench::open();
        for second in 0..40 {
            let known = bench.wrong_from(DESK);
            let why = bench.try_as("nobody", "wrong guess", DESK).unwrap_err();
            assert_eq!(known, wait(&why, &Denied::UserUnknown), "after {second} s");
            bench.pass(second % 2);
        }
    }

    #[test]
    fn outsiders_have_a_hundred_and_the_user_goes_on_at_a_known_place() {
        let bench = Bench::open();
        bench.try_as("anna", RIGHT, DESK).unwrap();
        assert_eq!(bench.wrong_from_everywhere(120), 100);
        // Until a quarter of an hour has forgiven one: no matter from where, right or wrong.
        let quarter = u32::try_from(QUARTER).unwrap();
        assert_eq!(bench.why(RIGHT, "198.51.100.1"), Denied::RateLimited { retry_after: quarter });
        bench.pass(QUARTER);
        assert_eq!(bench.wrong_from_everywhere(5), 1);
        // A login at the desk is no reason to let outsiders guess anew.
        bench.try_as("anna", RIGHT, DESK).unwrap();
        assert_eq!(bench.wrong_from_everywhere(5), 0);
        bench.pass(QUARTER);
        bench.try_as("anna", RIGHT, "198.51.100.2").unwrap();
    }

    #[test]
    fn one_place_does_not_try_a_thousand_names_and_those_known_there_go_on() {
        let bench = Bench::open();
        bench.try_as("anna", RIGHT, DESK).unwrap();
        let tries = (0..110).map(|n| bench.guess(&format!("nobody {n}"), peer(DESK)).1);
        assert_eq!(tries.filter(|why| *why == Denied::UserUnknown).count(), 100);
        bench.try_as("anna", RIGHT, DESK).unwrap();
        bench.try_as("anna", RIGHT, "198.51.100.1").unwrap();
        // A login of one does not wash off what the place has done.
        let why = bench.try_as("nobody else", "wrong guess", DESK).unwrap_err();
        assert_eq!(why, Denied::RateLimited { retry_after: 60 });
    }

    #[test]
    fn neighbours_get_no_new_guess_by_the_logins_of_the_right_user() {
        for at in [peer(DESK), Peer::Unknown] {
            let mut looked_at = Vec::new();
            for logs_in in [false, true] {
                let bench = Bench::open();
                try_at(&bench.engine, "anna", RIGHT, at).unwrap();
                let (mut guesses, mut logins) = (0, 0);
                for _ in 0..120 {
                    guesses += bench.looked_at(std::iter::repeat_n(("anna".into(), at), 8));
                    bench.pass(30);
                    // Anna is first whenever nobody has to wait.
                    logins +=
                        usize::from(logs_in && try_at(&bench.engine, "anna", RIGHT, at).is_ok());
                }
                assert!(!logs_in || logins > 50, "{logins}");
                looked_at.push(guesses);
            }
            // An hour: a few at first, then one a minute.
            assert_eq!(looked_at[0], looked_at[1]);
            assert!(looked_at[0] <= 10 + 60, "{looked_at:?}");
        }
    }

    #[test]
    fn at_a_desk_a_name_takes_a_hundred_too_however_the_guesses_are_paced() {
        let bench = Bench::open();
        bench.try_as("anna", RIGHT, DESK).unwrap();
        let mut looked_at = 0;
        for _ in 0..24 * 60 {
            looked_at += bench.looked_at(std::iter::repeat_n(("anna".into(), peer(DESK)), 2));
            bench.pass(60);
        }
        assert!((150..=100 + 24 * 4).contains(&looked_at), "{looked_at}");
        // When it has ended, a quarter of an hour is the longest that anybody waits.
        bench.pass(QUARTER);
        bench.try_as("anna", RIGHT, DESK).unwrap();
    }

    #[test]
    fn what_a_wrong_password_is_answered_does_not_tell_who_is_known_at_the_place() {
        // The same attack from Anna's own place on her name, on that of somebody known elsewhere, and on one
        // that nobody has: answers, and whether a hash was computed, are the same at every step.
        let mut seen = Vec::new();
        for name in ["anna", "otto", "nobody"] {
            let bench = Bench::open();
            let request = UserCreate {
                username: "otto".into(),
                password: RIGHT.into(),
                ..UserCreate::default()
            };
            bench.engine.run(&Context::by("admin"), request).unwrap();
            bench.try_as("anna", RIGHT, DESK).unwrap();
            bench.try_as("otto", RIGHT, "203.0.113.9").unwrap();
            let mut answers = Vec::new();
            let mut guess = |name: &str, from| {
                let (hashed, why) = bench.guess(name, from);
                let unknown = why == Denied::UserUnknown;
                let wrong = if unknown { Denied::UserUnknown } else { Denied::PasswordWrong };
                answers.push((hashed, wait(&why, &wrong)));
            };
            for n in 0..90 {
                guess(&format!("junk {n}"), peer(DESK));
            }
            // Through the end of the place's allowance, and in the waits after it.
            for step in 0..40 {
                guess(name, peer(DESK));
                guess(&format!("junk {}", step % 3), peer(DESK));
                bench.pass(step % 3 * 7);
            }
            bench.pass(3600);
            // Through the end of the name's allowance over all places.
            for n in 0..60 {
                guess(name, somewhere(n));
                guess(name, peer(DESK));
                bench.pass(30);
            }
            // Through the end of what is looked at there while outsiders wait.
            for n in 0..250 {
                guess(&format!("more junk {n}"), peer(DESK));
                if n % 50 == 0 {
                    guess(name, peer(DESK));
                }
            }
            assert!(answers.contains(&(true, None)) && answers.contains(&(false, Some(1))));
            assert!(answers.iter().any(|(hashed, wait)| *hashed && wait.is_some()));
            seen.push(answers);
        }
        assert_eq!(seen[0], seen[1]);
        assert_eq!(seen[0], seen[2]);
    }

    #[test]
    fn who_has_the_right_password_but_is_not_known_there_waits_like_a_wrong_one() {
        let bench = Bench::open();
        let otto =
            UserCreate { username: "otto".into(), password: RIGHT.into(), ..UserCreate::default() };
        bench.engine.run(&Context::by("admin"), otto).unwrap();
        bench.try_as("anna", RIGHT, DESK).unwrap();
        for n in 0..100 {
            bench.guess(&format!("junk {n}"), peer(DESK));
        }
        let waits = Denied::RateLimited { retry_after: 60 };
        for (name, password) in [("otto", RIGHT), ("otto", "wrong guess"), ("anna", "wrong guess")]
        {
            assert_eq!(bench.try_as(name, password, DESK).unwrap_err(), waits);
        }
        bench.pass(60);
        bench.try_as("otto", RIGHT, DESK).unwrap();
        // The audit knows what was false.
        let rows = bench.rows("user.login");
        let last: Vec<_> = rows.iter().rev().take(4).map(|row| row["reason"].clone()).collect();
        assert_eq!(last[1..], ["password_wrong", "password_wrong", "rate_limited"]);
    }

    #[test]
    fn a_new_password_forgets_what_was_guessed_at_the_old_one() {
        let bench = Bench::open();
        for _ in 0..7 {
            bench.wrong_from(DESK);
        }
        assert_eq!(bench.wrong_from_everywhere(101), 94);
        bench.set_password("another guess");
        assert_eq!(bench.why(RIGHT, DESK), Denied::PasswordWrong);
        bench.try_as("anna", "another guess", DESK).unwrap();
    }

    #[test]
    fn guesses_at_once_count_as_if_one_came_after_the_other() {
        let bench = Bench::open();
        let (engine, now) = (&bench.engine, bench.engine.now());
        let digest_key = &engine.store.identity().keys.digest;
        let peer = Peer::Known(DESK.parse().unwrap());
        let verdict = |password: &str| {
            let attempt = Attempt::new("anna", peer, digest_key).unwrap();
            let trial = engine.store.read(|view| attempt.admit(view, now)).unwrap().unwrap();
            let password = Password::parse(password).unwrap();
            trial.check(&password, &engine.hashes.permit().unwrap()).unwrap()
        };
        let settle = |verdict| {
            let entry = AuditEntry::default();
            engine.write(now, move |tx| settle(tx, &verdict, entry)).unwrap().map(|_| ())
        };
        let mut verdicts: Vec<_> = (0..9).map(|_| verdict("wrong guess")).collect();
        verdicts.push(verdict(RIGHT));
        let mut decided: Vec<_> = verdicts.into_iter().map(settle).collect();
        let late = decided.split_off(6);
        assert!(decided.iter().all(|why| *why == Err(Denied::PasswordWrong)));
        assert!(late.iter().all(|why| *why == Err(Denied::RateLimited { retry_after: 1 })));
        // Nor is a password right that was changed while it was looked at.
        bench.set_password("another guess");
        let old = verdict("another guess");
        bench.set_password("yet another guess");
        assert_eq!(settle(old), Err(Denied::PasswordWrong));
    }

    #[test]
    fn a_disabled_user_who_has_the_password_is_counted_as_if_it_were_wrong() {
        let bench = Bench::open();
        let off = UserDisable::of(&bench.user_id);
        bench.engine.run(&Context::by("admin"), off).unwrap();
        for _ in 0..6 {
            assert_eq!(bench.why(RIGHT, DESK), Denied::UserDisabled);
        }
        assert_eq!(bench.why(RIGHT, DESK), Denied::RateLimited { retry_after: 1 });
        let on = UserEnable::of(&bench.user_id);
        bench.engine.run(&Context::by("admin"), on).unwrap();
        bench.pass(1);
        bench.try_as("anna", RIGHT, DESK).unwrap();
    }

    #[test]
    fn whoever_has_many_networks_makes_new_places_wait_and_no_known_one() {
        let bench = Bench::open();
        bench.try_as("anna", RIGHT, DESK).unwrap();
        let name = |n: usize| format!("nobody {n}");
        // Twenty /64s, and as many /48s of one /32 as somebody likes.
        let of_a_48 = |n: usize| peer(&format!("2001:db8:7:{:x}::1", n / 100));
        let of_a_32 = |n: usize| peer(&format!("2001:db8:{:x}::1", n / 100));
        assert_eq!(bench.looked_at((0..2000).map(|n| (name(n), of_a_48(n)))), 100);
        assert_eq!(bench.looked_at((0..1500).map(|n| (name(n), of_a_32(n)))), 900);
        assert!(bench.failure_rows() <= 1000 + 1000 + 12, "{}", bench.failure_rows());
        // Another /32, and IPv4, feel nothing of it.
        bench.try_as("anna", RIGHT, "2001:db9::1").unwrap();
        bench.try_as("anna", RIGHT, "198.51.100.1").unwrap();
        assert!(matches!(bench.why(RIGHT, "2001:db8:ffff::1"), Denied::RateLimited { .. }));
        bench.pass(6);
        bench.try_as("anna", RIGHT, "2001:db8:ffff::1").unwrap();
    }

    #[test]
    fn after_a_night_of_attacks_from_everywhere_whoever_is_known_goes_to_work_at_once() {
        let bench = Bench::open();
        bench.try_as("anna", RIGHT, DESK).unwrap();
        let ends_at = bench.engine.now().plus_millis(100 * QUARTER * 1000).millis();
        let since = bench.engine.now().millis();
        let fill = move |tx: &mut crate::store::Tx<'_>| {
            for what in ["account", "network", "wider"] {
                for number in 0..2048 {
                    let key = crate::store::FailureKey { what, place: String::new(), number };
                    let row = crate::store::FailureRow { failures: 1000, since, until: 0, ends_at };
                    tx.keep_login_failures(&key, &row)?;
                }
            }
            tx.audit(&AuditEntry { event: "test", outcome: "done", ..AuditEntry::default() })?;
            Ok(Ok(()))
        };
        bench.engine.write(bench.engine.now(), fill).unwrap().unwrap();
        let rows = bench.failure_rows();
        assert_eq!(bench.wrong_from_everywhere(50), 0);
        assert_eq!(bench.looked_at((0..50).map(|n| (format!("{n}"), somewhere(n)))), 0);
        assert_eq!(bench.failure_rows(), rows, "nothing is written for who waits");
        bench.try_as("anna", RIGHT, DESK).unwrap();
        // Mistypes, and goes on.
        for _ in 0..3 {
            assert!(matches!(bench.why("wrong guess", DESK), Denied::RateLimited { .. }));
        }
        bench.try_as("anna", RIGHT, DESK).unwrap();
    }

    #[test]
    fn a_neighbour_with_a_list_of_names_holds_up_nobody_longer_than_it_lasts() {
        let bench = Bench::open();
        bench.try_as("anna", RIGHT, DESK).unwrap();
        let mut looked_at = 0;
        for second in 0..1200 {
            let names = (0..3).map(|n| (format!("name {}", second * 3 + n), peer(DESK)));
            looked_at += bench.looked_at(names);
            bench.pass(1);
        }
        // Two hundred, then one a second; rows of twenty minutes at most.
        assert!((1300..=200 + 1200).contains(&looked_at), "{looked_at}");
        assert!(bench.failure_rows() <= 2048 + 1200, "{}", bench.failure_rows());
        bench.pass(1);
        bench.try_as("anna", RIGHT, DESK).unwrap();
    }

    #[test]
    fn a_forwarding_header_does_not_choose_where_guesses_are_counted() {
        let bench = Bench::open();
        let from = |forwarded| {
            let peer = Some("198.51.100.1".parse().unwrap());
            Context { peer, forwarded, ..Context::default() }.resolve(&[])
        };
        let headers = [None, Some("203.0.113.9"), Some("unknown"), Some("for=_x, 10.0.0.1")];
        let guesses = (0..30).map(|n| ("anna".into(), from(headers[n % 4])));
        assert_eq!(bench.looked_at(guesses), 6);
        // Whose address is really not known is somebody else.
        assert!(bench.guess("anna", Peer::Unknown).0);
        // Nor is a place known by what a header says.
        let otto =
            UserCreate { username: "otto".into(), password: RIGHT.into(), ..UserCreate::default() };
        bench.engine.run(&Context::by("admin"), otto).unwrap();
        try_at(&bench.engine, "otto", RIGHT, from(Some("203.0.113.9"))).unwrap();
        let at_a_desk = |place| {
            let known = bench.engine.store.read(|view| view.has_anybody_logged_in(place));
            known.unwrap()
        };
        assert!(at_a_desk("198.51.100.1/32") && !at_a_desk("203.0.113.9/32") && !at_a_desk(""));
    }

    #[test]
    fn a_new_name_keeps_what_was_guessed_at_the_old_one() {
        let bench = Bench::open();
        bench.try_as("anna", RIGHT, DESK).unwrap();
        assert_eq!(bench.wrong_from_everywhere(101), 100);
        for _ in 0..6 {
            bench.guess("anna", peer(DESK));
        }
        bench.pass(1);
        bench.guess("anna", peer(DESK));
        let rename = |name: &str| {
            let request = UserUpdate {
                user_id: bench.user_id.clone(),
                username: Some(name.into()),
                ..UserUpdate::default()
            };
            bench.engine.run(&Context::by("admin"), request)
        };
        rename("annabel").unwrap();
        let retry_after = u32::try_from(QUARTER - 1).unwrap();
        let why = bench.try_as("annabel", RIGHT, "198.51.100.1").unwrap_err();
        assert_eq!(why, Denied::RateLimited { retry_after });
        let why = bench.try_as("annabel", RIGHT, DESK).unwrap_err();
        assert_eq!(why, Denied::RateLimited { retry_after: 2 });
        // The old name is one that nobody has, and as used up as it was.
        let why = bench.try_as("anna", RIGHT, "198.51.100.1").unwrap_err();
        assert_eq!(why, Denied::RateLimited { retry_after });
        bench.pass(2);
        bench.try_as("annabel", RIGHT, DESK).unwrap();
        assert!(matches!(bench.try_as("anna", RIGHT, DESK), Err(Denied::RateLimited { .. })));
    }

    #[test]
    fn a_new_name_is_not_the_users_password() {
        let bench = Bench::open();
        let rename = |name: &str| {
            let request = UserUpdate {
                user_id: bench.user_id.clone(),
                username: Some(name.into()),
                ..UserUpdate::default()
            };
            bench.engine.run(&Context::by("admin"), request)
        };
        for name in [RIGHT, "Nobodys GUESS"] {
            let Err(Error::InvalidDocument { path, why }) = rename(name) else { panic!("{name}") };
            assert_eq!(path, "username");
            assert!(why.contains("is the user's password") && !why.contains(name));
        }
        rename("nobodys guess at all").unwrap();
        bench.try_as("nobodys guess at all", RIGHT, DESK).unwrap();
        // The same name again is no new one.
        rename("nobodys guess at all").unwrap();
    }

    #[test]
    fn a_name_and_a_password_that_change_at_once_are_compared_all_the_same() {
        let bench = Bench::open();
        let (engine, now) = (&bench.engine, bench.engine.now());
        let actor = Actor::library(&engine.mint_request_id(now).unwrap());
        let (by, user_id) = (actor.clone(), bench.user_id.clone());
        let renamed = engine.write(now, move |tx| {
            let change = |user| Ok(User { username: "annabel".into(), ..user });
            domain::update_user(tx, &user_id, Some("an older hash"), change, &by).map(Ok)
        });
        assert!(matches!(renamed, Err(Error::Busy)));
        let user_id = bench.user_id.clone();
        let given = engine.write(now, move |tx| {
            domain::set_password(tx, &user_id, "an older name", String::new(), &actor).map(Ok)
        });
        assert!(matches!(given, Err(Error::Busy)));
        bench.try_as("anna", RIGHT, DESK).unwrap();
    }
}
