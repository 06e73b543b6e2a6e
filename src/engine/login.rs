//! Logging a user in: the throttle before, the hash or the host's check outside the write lock, the counting inside
//! it.

use crate::base::RequestId;
use crate::domain::{Attempt, LoggedIn, Password, Peer, Trial, Verdict, settle};
use crate::engine::Engine;
use crate::engine::gather::Refusal;
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
        self.write(self.time.now(), move |tx| settle(tx, &verdict, entry))
    }

    /// A name that one of our own users has is looked up here and nowhere else; the host is asked about any
    /// other, if it has users.
    fn look_at(&self, trial: Trial, password: &Password, login: &Login<'_>) -> Result<Verdict> {
        if trial.is_own() {
            return trial.check(password, &self.hashes.permit()?);
        }
        match self.host_users.ask(trial.username(), login)? {
            Some(answer) => Ok(trial.answered(answer)),
            None => trial.check(password, &self.hashes.permit()?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::{AuditRead, UserCreate, UserDisable, UserEnable, UserRead, UserSetPassword};
    use crate::base::{ManualClock, UnixTime};
    use crate::domain::{Context, Settings};
    use crate::engine::Options;
    use crate::store::FailureRow;
    use std::sync::Arc;

    const RIGHT: &str = "nobodys guess";
    const DESK: &str = "192.0.2.7";
    const QUARTER: i64 = 15 * 60;

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
            let options =
                Options::new(folder.path().join("db")).clock(Arc::<ManualClock>::clone(&clock));
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
            try_at(&self.engine, username, password, place)
        }

        fn why(&self, password: &str, place: &str) -> Denied {
            self.try_as("anna", password, place).unwrap_err()
        }

        /// Tries a wrong password; the seconds to wait if it was not looked at.
        fn wrong_from(&self, place: &str) -> Option<u32> {
            wait(&self.why("wrong guess", place), &Denied::PasswordWrong)
        }

        /// Wrong passwords from one new /64 after the other; how many were looked at.
        fn wrong_from_everywhere(&self, tries: usize) -> usize {
            (0..tries)
                .filter(|n| self.wrong_from(&format!("2001:db8:0:{n:x}::1")).is_none())
                .count()
        }

        fn set_password(&self, password: &str) {
            let request =
                UserSetPassword { user_id: self.user_id.clone(), password: password.into() };
            self.engine.run(&Context::by("admin"), request).unwrap();
        }

        fn rows(&self, event: &str) -> Vec<serde_json::Value> {
            self.engine.maintain().unwrap();
            let request = AuditRead { event: Some(event.into()), ..AuditRead::default() };
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

    fn try_at(
        engine: &Engine,
        username: &str,
        password: &str,
        place: &str,
    ) -> std::result::Result<LoggedIn, Denied> {
        let id = engine.mint_request_id(engine.now()).unwrap();
        let peer = Peer::Known(place.parse().unwrap());
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
        // Elsewhere nobody waits, and the right one clears its place.
        assert_eq!(bench.wrong_from("198.51.100.1"), None);
        bench.try_as("anna", RIGHT, DESK).unwrap();
        for _ in 0..6 {
            assert_eq!(bench.wrong_from(DESK), None);
        }
        assert_eq!(bench.wrong_from(DESK), Some(1));
    }

    #[test]
    fn all_processes_count_together_and_a_restart_forgets_nothing() {
        let bench = Bench::open();
        let other = Engine::open(&bench.options).unwrap();
        for _ in 0..3 {
            assert_eq!(bench.wrong_from(DESK), None);
            let why = try_at(&other, "anna", "wrong guess", DESK).unwrap_err();
            assert_eq!(why, Denied::PasswordWrong);
        }
        drop(other);
        let again = Engine::open(&bench.options).unwrap();
        let why = try_at(&again, "anna", RIGHT, DESK).unwrap_err();
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
        // The desk has its own count, and a login there clears the others'.
        assert_eq!(bench.wrong_from(DESK), None);
        bench.try_as("anna", RIGHT, DESK).unwrap();
        assert_eq!(bench.wrong_from("198.51.100.1"), None);
        bench.try_as("anna", RIGHT, "198.51.100.2").unwrap();
    }

    #[test]
    fn one_place_does_not_try_a_thousand_names_and_those_known_there_go_on() {
        let bench = Bench::open();
        bench.try_as("anna", RIGHT, DESK).unwrap();
        let tries = (0..110)
            .map(|n| bench.try_as(&format!("nobody {n}"), "wrong guess", DESK).unwrap_err());
        assert_eq!(tries.filter(|why| *why == Denied::UserUnknown).count(), 101);
        bench.try_as("anna", RIGHT, DESK).unwrap();
        bench.try_as("anna", RIGHT, "198.51.100.1").unwrap();
        // A login of one does not wash off what the place has done.
        let why = bench.try_as("nobody else", "wrong guess", DESK).unwrap_err();
        assert_eq!(why, Denied::RateLimited { retry_after: 1 });
    }

    #[test]
    fn a_new_password_forgets_what_was_guessed_at_the_old_one() {
        let bench = Bench::open();
        assert_eq!(bench.wrong_from_everywhere(101), 100);
        for _ in 0..7 {
            bench.wrong_from(DESK);
        }
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
    fn whoever_fills_the_table_makes_it_forget_nothing_and_shuts_out_outsiders_alone() {
        let bench = Bench::open();
        bench.try_as("anna", RIGHT, DESK).unwrap();
        for _ in 0..3 {
            assert_eq!(bench.wrong_from("198.51.100.1"), None);
        }
        let ends_at = bench.engine.now().plus_millis(3_600_000).millis();
        let row = FailureRow { failures: 60, since: ends_at - 3_600_000, until: 0, ends_at };
        let fill = move |tx: &mut crate::store::Tx<'_>| {
            for n in 0..500_u32 {
                let mut account = [7; 32];
                account[..4].copy_from_slice(&n.to_be_bytes());
                tx.keep_login_failures(&account, "", false, &row)?;
            }
            tx.audit(&AuditEntry { event: "test", outcome: "done", ..AuditEntry::default() })?;
            Ok(Ok(()))
        };
        bench.engine.write(bench.engine.now(), fill).unwrap().unwrap();
        // Who has rows goes on being counted there.
        for _ in 0..3 {
            assert_eq!(bench.wrong_from("198.51.100.1"), None);
        }
        assert_eq!(bench.wrong_from("198.51.100.1"), Some(1));
        // For whom there is no room is one with all the others, whatever the name and the place.
        let tries = (0..20).map(|n| {
            let (name, place) = (format!("nobody {n}"), format!("2001:db8:0:{n:x}::1"));
            bench.try_as(&name, "wrong guess", &place).unwrap_err()
        });
        let looked_at = tries.filter(|why| *why == Denied::UserUnknown).count();
        assert_eq!(looked_at, 6);
        assert_eq!(bench.wrong_from("203.0.113.1"), Some(1));
        // At the desk nothing of it is felt, and wrong ones there are counted.
        bench.try_as("anna", RIGHT, DESK).unwrap();
        for _ in 0..6 {
            assert_eq!(bench.wrong_from(DESK), None);
        }
        assert_eq!(bench.wrong_from(DESK), Some(1));
        bench.pass(3600);
        bench.try_as("anna", RIGHT, "203.0.113.1").unwrap();
    }
}
