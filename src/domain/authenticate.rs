//! Whether a client is who it says it is.

use crate::base::{ClientId, CredentialId, Secret, UnixTime};
use crate::crypto::password::{self, Limiter};
use crate::crypto::{self, DigestKey};
use crate::domain::client::{AuthMethod, Client};
use crate::domain::credential::{Credential, CredentialKind};
use crate::domain::gate::{Ask, Subject, Wanted, pass};
use crate::domain::peer::Peer;
use crate::domain::rate::Budgets;
use crate::domain::rotation::Strengthening;
use crate::domain::strength::looks_random;
use crate::domain::throttle::{Throttle, Turn};
use crate::error::{Denied, Error, Result};
use std::sync::Arc;

/// A client and its secrets, as one consistent read had them.
#[derive(Debug)]
pub(crate) struct ClientState {
    pub(crate) client: Client,
    pub(crate) credentials: Vec<Credential>,
    /// What it has spent of its limits of rate, which is no part of what was read.
    pub(crate) budgets: Arc<Budgets>,
}

impl ClientState {
    /// The client's credential `credential_id`.
    pub(crate) fn credential(&self, credential_id: &str) -> Option<&Credential> {
        self.credentials.iter().find(|known| known.credential_id.as_str() == credential_id)
    }

    /// Whether it has a secret of another system that may be used now.
    fn has_foreign(&self, means: &Means<'_>) -> bool {
        self.credentials.iter().any(|credential| match credential.kind {
            CredentialKind::Generated(_) => false,
            CredentialKind::Imported(_) | CredentialKind::Strong(_) => {
                credential.check_usable(means.now).is_ok()
            }
        })
    }

    /// Whether what the secret `credential_id` obtained still stands: until the secret is revoked, however long
    /// ago it expired. What was obtained without one (empty) stands as long as the client is public.
    ///
    /// # Errors
    /// [`Denied::CredentialRevoked`].
    pub(crate) fn check_obtained(&self, credential_id: &str) -> std::result::Result<(), Denied> {
        if credential_id.is_empty() && self.client.metadata.is_public() {
            return Ok(());
        }
        match self.credential(credential_id) {
            Some(credential) if credential.revoked_at.is_none() => Ok(()),
            Some(_) | None => Err(Denied::CredentialRevoked),
        }
    }
}

/// A client id and perhaps a secret, as a request presents them.
pub(crate) struct Presented {
    pub(crate) client_id: String,
    pub(crate) secret: Option<Secret>,
    /// How they were presented; `None` when the host passed them itself.
    pub(crate) method: Option<AuthMethod>,
}

impl Presented {
    /// Refuses what no client can have, before anything looks it up (conformance 7).
    pub(crate) fn check(&self) -> std::result::Result<(), Denied> {
        let control = |bytes: &[u8]| bytes.iter().any(|byte| *byte < 0x20 || *byte == 0x7f);
        let secret = self.secret.as_ref().map_or(&[][..], Secret::expose);
        let sound = !self.client_id.is_empty()
            && self.client_id.len() <= ClientId::MAX_LENGTH
            && secret.len() <= SECRET_LIMIT
            && !control(self.client_id.as_bytes())
            && !control(secret);
        if sound { Ok(()) } else { Err(Denied::CredentialMalformed) }
    }
}

/// One reading of a request's credentials, and the client that has its id.
pub(crate) struct Reading<'a> {
    pub(crate) presented: &'a Presented,
    /// `None` for an id that nobody has.
    pub(crate) state: Option<Arc<ClientState>>,
}

/// What authentication needs beside the request.
pub(crate) struct Means<'a> {
    pub(crate) digest_key: &'a DigestKey,
    pub(crate) limiter: &'a Limiter,
    pub(crate) throttle: &'a Throttle,
    pub(crate) peer: Peer,
    pub(crate) now: UnixTime,
}

/// A client that proved who it is.
#[derive(Debug, Clone)]
pub(crate) struct Proven {
    /// The secret it proved it with; `None` for a public client, which proves nothing.
    pub(crate) credential_id: Option<CredentialId>,
    /// If the secret can be stored in a better way now: how.
    pub(crate) strengthening: Option<Strengthening>,
}

impl Proven {
    /// A client that has nothing to prove it by.
    pub(crate) const fn public() -> Self {
        Self { credential_id: None, strengthening: None }
    }

    fn by(credential: &Credential) -> Self {
        Self { credential_id: Some(credential.credential_id.clone()), strengthening: None }
    }
}

/// A client that did not, and what is known of it all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) why: Denied,
    /// The client that was tried, if it exists.
    pub(crate) client_id: Option<ClientId>,
    /// The secret that was recognised, if one was: whose leaked secret somebody tries.
    pub(crate) credential_id: Option<CredentialId>,
}

impl From<Denied> for Refused {
    fn from(why: Denied) -> Self {
        Self { why, client_id: None, credential_id: None }
    }
}

/// Decides whether any of `readings`, likeliest first, proves its client.
///
/// Whatever can be decided without a password hash is decided first, for all readings; a generated secret
/// never needs one. An imported secret costs none either if the client is disabled or the caller is not
/// where it may be, if it was proven before (see [`Throttle`]), or while guesses wait. What is left is
/// hashed: one guess at a time for each client, and at most [`HASHES`] for a request.
///
/// # Errors
/// [`crate::Error::Overloaded`] when too many imported secrets are being checked at once, or the request
/// has more to hash than it may: nothing is decided then, and the next second looks at the rest.
pub(crate) fn authenticate(
    readings: &[Reading<'_>],
    means: &Means<'_>,
) -> Result<std::result::Result<(Arc<ClientState>, Proven), Refused>> {
    let (mut open, mut refused) = (Vec::new(), None);
    for reading in readings {
        match examine(reading, means) {
            Ok(Finding::Proven(state, proven)) => return Ok(Ok((Arc::clone(state), proven))),
            Ok(Finding::Open(guess)) => open.push(guess),
            Err(why) => {
                let client_id = reading.state.as_ref().map(|state| state.client.client_id.clone());
                refused.get_or_insert(Refused { client_id, ..why });
            }
        }
    }
    if open.is_empty() {
        return Ok(Err(refused.unwrap_or_else(|| Denied::SecretMissing.into())));
    }
    hash(&open, means)
}

/// What a reading comes to before anything is hashed.
enum Finding<'a> {
    Proven(&'a Arc<ClientState>, Proven),
    Open(Guess<'a>),
}

/// A secret that only a hash can tell to be right or wrong.
struct Guess<'a> {
    state: &'a Arc<ClientState>,
    secret: &'a Secret,
    digest: [u8; 32],
}

impl Guess<'_> {
    /// What follows from its being the secret of `credential`.
    fn proven_by(&self, credential: &Credential, means: &Means<'_>) -> Proven {
        let strengthening = match &credential.kind {
            CredentialKind::Imported(phc) if looks_random(self.secret.expose()) => {
                Some(Strengthening {
                    credential_id: credential.credential_id.clone(),
                    phc: phc.clone(),
                    digest: self.foreign_digest(means),
                })
            }
            CredentialKind::Imported(_)
            | CredentialKind::Generated(_)
            | CredentialKind::Strong(_) => None,
        };
        Proven { strengthening, ..Proven::by(credential) }
    }

    fn foreign_digest(&self, means: &Means<'_>) -> [u8; 32] {
        let client_id = self.state.client.client_id.as_str();
        means.digest_key.foreign_secret(client_id, self.secret.expose())
    }
}

fn examine<'a>(
    reading: &'a Reading<'_>,
    means: &Means<'_>,
) -> std::result::Result<Finding<'a>, Refused> {
    let presented = reading.presented;
    presented.check()?;
    // Computed also for ids that nobody has: they cost what a generated secret costs.
    let digest =
        presented.secret.as_ref().map(|secret| means.digest_key.client_secret(secret.expose()));
    let state = reading.state.as_ref().ok_or(Denied::ClientUnknown)?;
    let metadata = &state.client.metadata;
    if let (Some(pinned), Some(method)) = (metadata.token_endpoint_auth_method, presented.method)
        && pinned != method
    {
        return Err(Denied::AuthenticationMethod.into());
    }
    // Whoever is registered elsewhere proves itself there.
    if state.client.foreign.is_some() {
        return Err(Denied::SecretWrong.into());
    }
    if metadata.is_public() {
        return Ok(Finding::Proven(state, Proven::public()));
    }
    let (Some(secret), Some(digest)) = (&presented.secret, digest) else {
        return Err(Denied::SecretMissing.into());
    };
    let guess = Guess { state, secret, digest };
    match recognise(&guess, means)? {
        Some(credential) => match credential.check_usable(means.now) {
            Ok(()) => Ok(Finding::Proven(state, guess.proven_by(credential, means))),
            Err(why) => {
                let credential_id = Some(credential.credential_id.clone());
                Err(Refused { credential_id, ..why.into() })
            }
        },
        None => Ok(Finding::Open(guess)),
    }
}

/// The credential that the secret is, usable or not; `None` if that takes a hash to tell.
fn recognise<'a>(
    guess: &Guess<'a>,
    means: &Means<'_>,
) -> std::result::Result<Option<&'a Credential>, Denied> {
    let mut found = None;
    for credential in &guess.state.credentials {
        // All are compared, each in constant time: the time tells nothing about which one it was.
        if let CredentialKind::Generated(stored) = &credential.kind
            && crypto::equal(stored, &guess.digest)
        {
            found = Some(credential);
        }
    }
    if found.is_some() {
        return Ok(found);
    }
    // A generated secret is never stored in another way, so there is nothing to try it against.
    if crypto::looks_generated(guess.secret.expose()) || !guess.state.has_foreign(means) {
        return Err(Denied::SecretWrong);
    }
    // Who may not come at all learns nothing about a weak secret, not even by the milliseconds of a hash,
    // and costs none.
    let client = &guess.state.client;
    pass(
        client,
        &Ask {
            grant: None,
            wanted: Wanted::Endpoint,
            subject: Subject::Client,
            peer: means.peer,
            meter: None,
        },
    )?;
    let client_id = client.client_id.as_str();
    if let Some(credential) = strong(guess, means) {
        // What was judged to be random may not be: the right one waits as long as wrong ones make it wait.
        let name = credential.credential_id.as_str();
        means.throttle.admit(client_id, means.peer, name, guess.digest, means.now)?;
        return Ok(Some(credential));
    }
    let credentials = imported(guess.state, means);
    Ok(means.throttle.recall(client_id, means.peer, &guess.digest, credentials, means.now))
}

/// The strong secret that was presented, if it may be used now.
fn strong<'a>(guess: &Guess<'a>, means: &Means<'_>) -> Option<&'a Credential> {
    let usable = |credential: &&Credential| credential.check_usable(means.now).is_ok();
    let mut digest = None;
    let mut found = None;
    for credential in guess.state.credentials.iter().filter(usable) {
        if let CredentialKind::Strong(stored) = &credential.kind
            && crypto::equal(stored, digest.get_or_insert_with(|| guess.foreign_digest(means)))
        {
            found = Some(credential);
        }
    }
    found
}

/// The imported secrets of a client that may be used now, with their hashes: none is computed for a
/// secret that has ended.
fn imported<'a>(
    state: &'a ClientState,
    means: &Means<'_>,
) -> impl Iterator<Item = (&'a Credential, &'a str)> {
    let now = means.now;
    state.credentials.iter().filter_map(move |credential| match &credential.kind {
        CredentialKind::Imported(phc) if credential.check_usable(now).is_ok() => {
            Some((credential, phc.as_str()))
        }
        CredentialKind::Imported(_) | CredentialKind::Generated(_) | CredentialKind::Strong(_) => {
            None
        }
    })
}

/// Hashes guesses. The readings of a request differ in id or secret, so no hash is computed twice.
fn hash(
    open: &[Guess<'_>],
    means: &Means<'_>,
) -> Result<std::result::Result<(Arc<ClientState>, Proven), Refused>> {
    let trials = trials(open, means);
    let undecided = trials.len() > HASHES;
    let mut turns: Vec<Turn<'_>> = Vec::new();
    // Who has strong secrets alone has nothing to hash: a wrong one is counted all the same.
    let hashed = trials.iter().take(HASHES).map(|(guess, _, _)| *guess);
    let counted = if trials.is_empty() { open.first() } else { None };
    for guess in hashed.chain(counted) {
        let client_id = &guess.state.client.client_id;
        if turns.iter().any(|turn| turn.is_of(client_id.as_str())) {
            continue;
        }
        match means.throttle.turn(client_id.as_str(), means.peer, means.now)? {
            Ok(turn) => turns.push(turn),
            Err(why) => {
                return Ok(Err(Refused { client_id: Some(client_id.clone()), ..why.into() }));
            }
        }
    }
    let permit = if trials.is_empty() { None } else { Some(means.limiter.permit()?) };
    for ((guess, credential, phc), permit) in trials.iter().take(HASHES).zip(permit.iter().cycle())
    {
        if password::verify(permit, phc, guess.secret.expose())? {
            let client_id = guess.state.client.client_id.as_str();
            for turn in turns.into_iter().filter(|turn| turn.is_of(client_id)) {
                turn.proved(phc, guess.digest);
            }
            let proven = guess.proven_by(credential, means);
            return Ok(Ok((Arc::clone(guess.state), proven)));
        }
    }
    for turn in turns {
        turn.failed(means.now);
    }
    if undecided {
        // Some of it was not looked at: to call it wrong could be a lie.
        return Err(Error::Overloaded);
    }
    let client_id = open.first().map(|guess| guess.state.client.client_id.clone());
    Ok(Err(Refused { client_id, ..Denied::SecretWrong.into() }))
}

/// Every guess with every hash it may be the secret of. When there are more than a request may compute,
/// each second begins with others: `Retry-After: 1` brings the caller to the rest.
fn trials<'a>(
    open: &'a [Guess<'_>],
    means: &Means<'_>,
) -> Vec<(&'a Guess<'a>, &'a Credential, &'a str)> {
    let mut trials: Vec<_> = open
        .iter()
        .flat_map(|guess| imported(guess.state, means).map(move |(c, phc)| (guess, c, phc)))
        .collect();
    if trials.len() > HASHES && means.now.seconds() % 2 != 0 {
        trials.rotate_left(HASHES);
    }
    trials
}

/// Hashes for one request. Basic can be read in two ways and a client has at most two imported secrets;
/// more than two of those four are needed only while a client that does not encode its Basic header
/// changes its secret.
const HASHES: usize = 2;

/// Longest secret taken: an imported one may be any passphrase.
const SECRET_LIMIT: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Generation, Network, SystemEntropy};
    use crate::crypto::mint_client_secret;
    use crate::domain::client::Metadata;

    /// What `password` hashes to, cheaply: the reference implementation's test.c.
    const PASSWORD: &str =
        "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
    const HOME: &str = "192.0.2.7";

    /// What an engine keeps.
    struct Desk {
        digest_key: DigestKey,
        limiter: Limiter,
        throttle: Throttle,
    }

    impl Desk {
        fn new() -> Self {
            Self {
                digest_key: DigestKey::new(&Secret::copy_of(&[7; 32])).unwrap(),
                limiter: Limiter::new(),
                throttle: Throttle::default(),
            }
        }

        /// Presents `secret` at `second`; `None` for what is undecided.
        fn ask(
            &self,
            state: &Arc<ClientState>,
            secrets: &[&str],
            peer: &str,
            second: i64,
        ) -> Option<std::result::Result<Proven, Refused>> {
            let presented: Vec<_> = secrets.iter().map(|secret| present(secret)).collect();
            let reading = |presented| Reading { presented, state: Some(Arc::clone(state)) };
            let readings: Vec<_> = presented.iter().map(reading).collect();
            let means = Means {
                digest_key: &self.digest_key,
                limiter: &self.limiter,
                throttle: &self.throttle,
                peer: Peer::Known(peer.parse().unwrap()),
                now: UnixTime::from_seconds(second),
            };
            match authenticate(&readings, &means) {
                Ok(answer) => Some(answer.map(|(_, proven)| proven)),
                Err(Error::Overloaded) => None,
                Err(error) => panic!("{error}"),
            }
        }

        fn why(&self, state: &Arc<ClientState>, secret: &str, peer: &str) -> Denied {
            self.ask(state, &[secret], peer, 0).unwrap().unwrap_err().why
        }
    }

    fn present(secret: &str) -> Presented {
        let secret = Some(Secret::copy_of(secret.as_bytes()));
        Presented { client_id: "lab".to_owned(), secret, method: None }
    }

    fn credential(n: u8, kind: CredentialKind) -> Credential {
        Credential {
            credential_id: CredentialId::parse(&format!("AAAAAAAAAA{n}")).unwrap(),
            client_id: ClientId::parse("lab").unwrap(),
            kind,
            label: String::new(),
            created_at: UnixTime::default(),
            not_before: None,
            expires_at: None,
            revoked_at: None,
            confirmed: true,
            replaces: None,
            version: 1,
            extra: String::new(),
        }
    }

    fn client(kinds: Vec<CredentialKind>, change: impl FnOnce(&mut Client)) -> Arc<ClientState> {
        let mut client = Client {
            client_id: ClientId::parse("lab").unwrap(),
            metadata: Metadata::default(),
            foreign: None,
            enabled: true,
            created_at: UnixTime::default(),
            updated_at: UnixTime::default(),
            version: 1,
            extra: String::new(),
            generation: Generation(1),
        };
        change(&mut client);
        let credentials = (0..).zip(kinds).map(|(n, kind)| credential(n, kind)).collect();
        Arc::new(ClientState { client, credentials, budgets: Arc::default() })
    }

    fn imported_as(phc: &str) -> CredentialKind {
        CredentialKind::Imported(phc.to_owned())
    }

    fn at_home(client: &mut Client) {
        client.metadata.allowed_networks = vec![Network::parse(HOME).unwrap()];
    }

    #[test]
    fn who_may_not_come_costs_no_hash_whatever_the_secret() {
        let desk = Desk::new();
        let away = client(vec![imported_as(PASSWORD)], at_home);
        let disabled = client(vec![imported_as(PASSWORD)], |client| client.enabled = false);
        // No hash can be computed now: whoever tries is told so.
        let full: Vec<_> = std::iter::from_fn(|| desk.limiter.permit().ok()).collect();
        assert!(desk.ask(&away, &["password"], HOME, 0).is_none());
        for secret in ["password", "wrong secret"] {
            for _ in 0..20 {
                assert_eq!(desk.why(&away, secret, "198.51.100.1"), Denied::PeerNotAllowed);
                assert_eq!(desk.why(&disabled, secret, HOME), Denied::ClientDisabled);
            }
        }
        drop(full);
        // Nor were those failures.
        assert!(desk.ask(&away, &["password"], HOME, 0).unwrap().is_ok());
        // Proven or not makes no difference elsewhere.
        assert_eq!(desk.why(&away, "password", "198.51.100.1"), Denied::PeerNotAllowed);
    }

    #[test]
    fn a_client_with_generated_secrets_alone_knows_no_throttle_and_no_hash() {
        let desk = Desk::new();
        let secret = mint_client_secret(&SystemEntropy).unwrap();
        let digest = desk.digest_key.client_secret(secret.expose());
        let secret = String::from_utf8(secret.expose().to_vec()).unwrap();
        let state = client(vec![CredentialKind::Generated(digest)], at_home);
        let _full: Vec<_> = std::iter::from_fn(|| desk.limiter.permit().ok()).collect();
        for _ in 0..200 {
            assert_eq!(desk.why(&state, "wrong secret", HOME), Denied::SecretWrong);
            assert_eq!(desk.why(&state, "wrong secret", "198.51.100.1"), Denied::SecretWrong);
        }
        // Whose leaked secret is tried elsewhere is recognised; the gate refuses it then.
        for peer in [HOME, "198.51.100.1"] {
            let proven = desk.ask(&state, &[&secret], peer, 0).unwrap().unwrap();
            assert!(proven.credential_id.is_some());
        }
        let both = vec![CredentialKind::Generated(digest), imported_as(PASSWORD)];
        assert!(desk.ask(&client(both, at_home), &[&secret], HOME, 0).unwrap().is_ok());
    }

    #[test]
    fn wrong_secrets_make_the_next_wait_and_a_right_one_waits_with_them() {
        let desk = Desk::new();
        let state = client(vec![imported_as(PASSWORD)], |_| ());
        for _ in 0..6 {
            assert_eq!(desk.why(&state, "wrong secret", HOME), Denied::SecretWrong);
        }
        for secret in ["wrong secret", "password"] {
            assert_eq!(desk.why(&state, secret, HOME), Denied::RateLimited { retry_after: 1 });
        }
        assert!(desk.ask(&state, &["password"], HOME, 1).unwrap().is_ok());
    }

    #[test]
    fn a_secret_that_was_proven_passes_while_others_guess_and_costs_no_hash() {
        let desk = Desk::new();
        let state = client(vec![imported_as(PASSWORD)], |_| ());
        assert!(desk.ask(&state, &["password"], HOME, 0).unwrap().is_ok());
        for n in 0..150 {
            let _ = desk.ask(&state, &["wrong secret"], &format!("2001:db8:0:{n:x}::1"), 0);
        }
        let limited = desk.why(&state, "wrong secret", "198.51.100.1");
        assert!(matches!(limited, Denied::RateLimited { .. }));
        let _full: Vec<_> = std::iter::from_fn(|| desk.limiter.permit().ok()).collect();
        for second in 0..100 {
            assert!(desk.ask(&state, &["password"], HOME, second).unwrap().is_ok());
        }
    }

    #[test]
    fn a_credential_that_changed_has_to_be_proven_again() {
        let desk = Desk::new();
        let state = client(vec![imported_as(PASSWORD)], |_| ());
        assert!(desk.ask(&state, &["password"], HOME, 0).unwrap().is_ok());
        let permit = desk.limiter.permit().unwrap();
        let phc = password::hash(&permit, b"another secret", &SystemEntropy).unwrap();
        let changed = client(vec![imported_as(&phc)], |_| ());
        assert_eq!(desk.why(&changed, "password", HOME), Denied::SecretWrong);
        let mut revoked = client(vec![imported_as(PASSWORD)], |_| ());
        let credentials = &mut Arc::get_mut(&mut revoked).unwrap().credentials;
        credentials[0].revoked_at = Some(UnixTime::default());
        assert_eq!(desk.why(&revoked, "password", HOME), Denied::SecretWrong);
    }

    #[test]
    fn two_readings_of_basic_are_one_failure_and_the_second_may_be_right() {
        let desk = Desk::new();
        let state = client(vec![imported_as(PASSWORD)], |_| ());
        for second in 0..100 {
            // As a client sends it that does not encode its secret: always the same two readings.
            assert!(desk.ask(&state, &["decoded", "password"], HOME, second).unwrap().is_ok());
        }
        for _ in 0..6 {
            let refused = desk.ask(&state, &["decoded", "raw"], HOME, 100).unwrap().unwrap_err();
            assert_eq!(refused.why, Denied::SecretWrong);
            assert_eq!(refused.client_id, Some(state.client.client_id.clone()));
        }
        let limited = desk.ask(&state, &["decoded", "raw"], HOME, 100).unwrap().unwrap_err();
        assert_eq!(limited.why, Denied::RateLimited { retry_after: 1 });
    }

    #[test]
    fn a_request_hashes_twice_at_most_and_calls_nothing_wrong_that_it_did_not_look_at() {
        let desk = Desk::new();
        let permit = desk.limiter.permit().unwrap();
        let other = password::hash(&permit, b"another secret", &SystemEntropy).unwrap();
        drop(permit);
        let state = client(vec![imported_as(&other), imported_as(PASSWORD)], |_| ());
        let readings = ["decoded", "password"];
        assert!(desk.ask(&state, &readings, HOME, 0).is_none(), "the second reading waits");
        assert!(desk.ask(&state, &readings, HOME, 1).unwrap().is_ok());
        assert!(desk.ask(&state, &readings, HOME, 2).unwrap().is_ok(), "now it is known");
        assert!(desk.ask(&state, &["x", "y"], HOME, 4).is_none());
        assert!(desk.ask(&state, &["x", "y"], HOME, 5).is_none());
        assert_eq!(desk.why(&state, "neither", HOME), Denied::SecretWrong);
    }

    #[test]
    fn one_clients_guesses_do_not_keep_another_client_waiting() {
        let desk = Desk::new();
        let state = client(vec![imported_as(PASSWORD)], |_| ());
        let other = client(vec![imported_as(PASSWORD)], |client| {
            client.client_id = ClientId::parse("pharmacy").unwrap();
        });
        let peer = Peer::Known(HOME.parse().unwrap());
        let _turn = desk.throttle.turn("lab", peer, UnixTime::default()).unwrap().unwrap();
        assert!(desk.ask(&state, &["password"], HOME, 0).is_none());
        assert!(desk.ask(&other, &["password"], HOME, 0).unwrap().is_ok());
    }
}
