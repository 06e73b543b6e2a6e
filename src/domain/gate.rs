//! The one gate: whether a client may have, or use, a token now.
//!
//! Issuing and verifying pass through [`pass`] and nothing else; what comes next demands the [`Permit`]
//! that only it can make, so that a path which forgot the gate does not compile. Introspection, where
//! nobody comes with the token, goes through [`examine`]: the same checks but for the peer, and another
//! proof, with which nothing can be issued or used.

use crate::domain::client::{Client, GrantType};
use crate::domain::peer::Peer;
use crate::domain::rate::Meter;
use crate::domain::scope::{Scope, holds, words};
use crate::domain::user::UserState;
use crate::error::{Denied, Error, Result};

/// The scopes that an operation of the host's API requires.
///
/// ```
/// use wardkey::Required;
/// let required = Required::all_of("lab:read lab:write")?;
/// assert!(Required::all_of("").is_err()); // requiring nothing must be said: Required::ANY
/// # let _ = required;
/// # Ok::<(), wardkey::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Required<'a>(Option<&'a str>);

impl<'a> Required<'a> {
    /// Any valid token will do, whatever its scopes.
    pub const ANY: Required<'static> = Required(None);

    /// The token must have all of these words, parted by single spaces.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for an empty or malformed text: a mistake here must not open a door.
    pub fn all_of(scopes: &'a str) -> Result<Self> {
        Scope::check(scopes).map_err(|_| {
            Error::argument("scopes", "must be words parted by single spaces (RFC 6749 3.3)")
        })?;
        Ok(Self(Some(scopes)))
    }

    /// The words.
    pub(crate) fn words(self) -> impl Iterator<Item = &'a str> {
        words(self.0.unwrap_or(""))
    }

    /// The words as text; empty for any.
    pub(crate) const fn as_str(self) -> &'a str {
        match self.0 {
            Some(text) => text,
            None => "",
        }
    }
}

/// What is asked of the gate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ask<'w, 'c> {
    /// The grant it uses, or that its token came by; `None` at an endpoint that gives no token.
    pub(crate) grant: Option<GrantType>,
    pub(crate) wanted: Wanted<'w>,
    /// For whom the client acts.
    pub(crate) subject: Subject<'c>,
    pub(crate) peer: Peer,
    /// The budget that is charged; `None` where there is no limit, or the request has been charged.
    pub(crate) meter: Option<Meter<'c>>,
}

/// For whom a client acts.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Subject<'a> {
    /// For itself.
    Client,
    /// For a user, who allowed it.
    User(&'a UserState),
}

/// What the client wants.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wanted<'a> {
    /// A token with these words, or with its default ones.
    Token(Option<&'a Scope>),
    /// To use a token with the words `granted` where `required` is demanded.
    Use { granted: &'a str, required: Required<'a> },
    /// To be answered at an endpoint that gives no token, such as introspection.
    Endpoint,
}

/// Proof that the gate was passed.
#[derive(Debug)]
pub(crate) struct Permit<'a> {
    client: &'a Client,
    subject: Subject<'a>,
    grant: Option<GrantType>,
    scope: Option<Scope>,
}

impl<'a> Permit<'a> {
    /// For whom it passed.
    pub(crate) const fn subject(&self) -> Subject<'a> {
        self.subject
    }

    /// The client that passed.
    pub(crate) const fn client(&self) -> &'a Client {
        self.client
    }

    /// The grant it passed with.
    pub(crate) const fn grant(&self) -> Option<GrantType> {
        self.grant
    }

    /// The words of the token it may have.
    pub(crate) fn into_scope(self) -> Scope {
        self.scope.unwrap_or_default()
    }
}

/// Proof that a token may be used by whoever may come with it. It lets nobody in.
#[derive(Debug)]
pub(crate) struct Active<'a> {
    client: &'a Client,
    subject: Subject<'a>,
}

impl<'a> Active<'a> {
    /// The client whose token it is.
    pub(crate) const fn client(&self) -> &'a Client {
        self.client
    }

    /// For whom it was issued.
    pub(crate) const fn subject(&self) -> Subject<'a> {
        self.subject
    }
}

/// Decides. Every check must say yes; what cannot be known counts as no.
pub(crate) fn pass<'c>(
    client: &'c Client,
    ask: &Ask<'_, 'c>,
) -> std::result::Result<Permit<'c>, Denied> {
    let scope = check(client, ask.subject, ask.grant, ask.wanted, Presenter::At(ask.peer))?;
    check_rate(ask.meter)?;
    Ok(Permit { client, subject: ask.subject, grant: ask.grant, scope })
}

/// Decides whether a token with the words `granted`, come by `grant`, is active (RFC 7662 2.2): whether
/// [`pass`] would let it be used, where nothing is required, by its client from a place that it may be at.
///
/// Nobody presents the token here: a resource server asks about one that it was shown. The address that
/// the question comes from is the resource server's, so neither the allowlist of the token's client nor
/// its rate can be held against it. Nor is the peer unknown: that is somebody of whom it is not known
/// where he is, and an allowlist says no to him.
pub(crate) fn examine<'c>(
    client: &'c Client,
    subject: Subject<'c>,
    grant: GrantType,
    granted: &str,
) -> std::result::Result<Active<'c>, Denied> {
    let wanted = Wanted::Use { granted, required: Required::ANY };
    check(client, subject, Some(grant), wanted, Presenter::Nobody)?;
    Ok(Active { client, subject })
}

/// Decides whether a client may have an authorization code for `subject`, and which words the user may allow
/// it; [`Subject::Client`] as long as nobody has logged in.
///
/// The person at the browser makes this request. A public client is a page or an app on that very device, so
/// its allowlist says whether the device may be there. A confidential client is a server, which comes itself
/// to redeem the code, and is looked at then: where its users sit is no part of its registration.
///
/// # Errors
/// [`Denied::InsufficientScope`] if the user has no word of those that are asked for; those of [`pass`].
pub(crate) fn may_be_allowed(
    client: &Client,
    subject: Subject<'_>,
    wanted: Wanted<'_>,
    peer: Peer,
) -> std::result::Result<Scope, Denied> {
    let presenter =
        if client.metadata.is_public() { Presenter::At(peer) } else { Presenter::Nobody };
    let scope = check(client, subject, Some(GrantType::AuthorizationCode), wanted, presenter)?;
    let scope = scope.unwrap_or_default();
    let asked = match wanted {
        Wanted::Token(asked) => asked.unwrap_or_else(|| client.metadata.default_scope()),
        Wanted::Use { .. } | Wanted::Endpoint => return Ok(scope),
    };
    // An authorization to do nothing would be a yes that means no. Who asks for nothing gets that.
    match asked.words().next() {
        Some(word) if scope.words().next().is_none() => {
            Err(Denied::InsufficientScope { missing: word.to_owned() })
        }
        Some(_) | None => Ok(scope),
    }
}

/// Who comes with a token, or for one.
#[derive(Clone, Copy)]
enum Presenter {
    /// Somebody at this address.
    At(Peer),
    /// Nobody: it is only asked about.
    Nobody,
}

/// All checks of the gate but the last, which is the rate.
// Where the caller is comes before what it asks for: to somebody at the wrong address a leaked secret
// must look like a wrong one, whatever else is in the request (conformance 15).
fn check(
    client: &Client,
    subject: Subject<'_>,
    grant: Option<GrantType>,
    wanted: Wanted<'_>,
    presenter: Presenter,
) -> std::result::Result<Option<Scope>, Denied> {
    check_enabled(client)?;
    check_peer(client, presenter)?;
    check_user(subject)?;
    check_grant(client, grant)?;
    check_scope(client, subject, wanted)
}

fn check_enabled(client: &Client) -> std::result::Result<(), Denied> {
    if client.enabled { Ok(()) } else { Err(Denied::ClientDisabled) }
}

fn check_user(subject: Subject<'_>) -> std::result::Result<(), Denied> {
    match subject {
        Subject::User(state) => state.user.check_usable(),
        Subject::Client => Ok(()),
    }
}

fn check_peer(client: &Client, presenter: Presenter) -> std::result::Result<(), Denied> {
    let allowed = &client.metadata.allowed_networks;
    if allowed.is_empty() {
        return Ok(());
    }
    let within = |address| allowed.iter().any(|network| network.contains(address));
    match presenter {
        Presenter::Nobody => Ok(()),
        Presenter::At(Peer::Known(address)) if within(address) => Ok(()),
        Presenter::At(Peer::Known(_)) => Err(Denied::PeerNotAllowed),
        Presenter::At(Peer::Doubtful(_) | Peer::Unknown) => Err(Denied::PeerUnknown),
    }
}

fn check_grant(client: &Client, grant: Option<GrantType>) -> std::result::Result<(), Denied> {
    match grant {
        Some(grant) if !client.metadata.grant_types.contains(&grant) => {
            Err(Denied::GrantNotAllowed)
        }
        Some(_) | None => Ok(()),
    }
}

/// The words of a token to issue; none for a use.
fn check_scope(
    client: &Client,
    subject: Subject<'_>,
    wanted: Wanted<'_>,
) -> std::result::Result<Option<Scope>, Denied> {
    let permitted = &client.metadata.scope;
    let users = |word: &str| match subject {
        Subject::Client => true,
        Subject::User(state) => state.scope.contains(word),
    };
    match wanted {
        Wanted::Endpoint => Ok(None),
        Wanted::Token(None) => {
            Ok(Some(within_subject(client.metadata.default_scope().clone(), subject)))
        }
        // RFC 6749 3.3 lets a server narrow what was asked; we refuse instead (conformance 19): a client that
        // got less than it asked for finds out at the worst moment.
        Wanted::Token(Some(asked)) => match permitted.first_missing(asked) {
            Some(word) => Err(Denied::ScopeNotAllowed { word: word.to_owned() }),
            // What the client may ask for and the user has not is left out: a page asks for what it can
            // do, and its users have their parts of that (RFC 6749 3.3). The response says what was given.
            None => Ok(Some(within_subject(asked.clone(), subject))),
        },
        // A word taken from the client's registration is gone from its living tokens too.
        Wanted::Use { granted, required } => {
            let has = |word: &str| holds(granted, word) && permitted.contains(word) && users(word);
            let missing = required.words().find(|word| !has(word));
            match missing {
                Some(word) => Err(Denied::InsufficientScope { missing: word.to_owned() }),
                None => Ok(None),
            }
        }
    }
}

fn within_subject(scope: Scope, subject: Subject<'_>) -> Scope {
    match subject {
        Subject::Client => scope,
        Subject::User(state) => scope.within(&state.scope),
    }
}

/// Comes last: what is refused anyway spends nothing, and who comes from the wrong address cannot spend what
/// belongs to the client.
fn check_rate(meter: Option<Meter<'_>>) -> std::result::Result<(), Denied> {
    meter.map_or(Ok(()), |meter| meter.charge())
}
