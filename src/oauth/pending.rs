//! Pending requests: what a page carries through the browser and back, sealed so that only we can read or
//! make one.

use crate::base::{RequestId, UnixTime, UserId, encode};
use crate::domain::{Scope, Settings};
use crate::oauth::authorize::AuthorizationRequest;

/// An authorization request that waits for a person. It has no row: whoever wants can make any number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PendingRequest {
    /// The request that began it; it can be decided once.
    pub(crate) request_id: RequestId,
    /// When that was.
    pub(crate) began_at: UnixTime,
    /// The digest of the cookie of the browser that it came from.
    pub(crate) browser: [u8; 32],
    /// Who logged in since, and the generation they had.
    pub(crate) login: Option<(UserId, u64)>,
    /// What the page says is asked for: nobody can have said yes to more.
    pub(crate) shown: Scope,
    pub(crate) request: AuthorizationRequest,
}

impl PendingRequest {
    /// Prints it for sealing, a line for each member: none of them can hold a line's end.
    pub(crate) fn print(&self) -> String {
        let (user, generation) = match &self.login {
            Some((user_id, generation)) => (user_id.as_str(), *generation),
            None => ("", 0),
        };
        format!(
            "{}\n{}\n{}\n{user}\n{generation}\n{}\n{}",
            self.request_id,
            self.began_at.millis(),
            encode::base64url(&self.browser),
            self.shown.as_str(),
            self.request.to_query(),
        )
    }

    /// Reads what [`PendingRequest::print`] printed; `None` for anything else, such as what a later release
    /// prints.
    pub(crate) fn read(text: &[u8], settings: &Settings) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let mut lines = text.split('\n');
        let pending = Self {
            request_id: RequestId::parse(lines.next()?)?,
            began_at: UnixTime::from_millis(lines.next()?.parse().ok()?),
            browser: encode::from_base64url(lines.next()?.as_bytes())?.try_into().ok()?,
            login: read_login(lines.next()?, lines.next()?)?,
            shown: Scope::stored(lines.next()?).ok()?,
            request: AuthorizationRequest::read(lines.next()?, settings).ok()?,
        };
        lines.next().is_none().then_some(pending)
    }
}

/// The outer `None` is for what we do not print.
#[expect(clippy::option_option, reason = "nobody and nonsense are two answers")]
fn read_login(user: &str, generation: &str) -> Option<Option<(UserId, u64)>> {
    let generation = generation.parse().ok()?;
    if user.is_empty() {
        return (generation == 0).then_some(None);
    }
    Some(Some((UserId::parse(user)?, generation)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pending(query: &str, login: Option<(&str, u64)>) -> PendingRequest {
        PendingRequest {
            request_id: RequestId::parse("0123456789abcdef0123456789abcdef").unwrap(),
            began_at: UnixTime::from_millis(1_772_353_800_123),
            browser: [7; 32],
            login: login.map(|(user, generation)| (UserId::parse(user).unwrap(), generation)),
            shown: Scope::stored(if login.is_some() { "a:b c" } else { "" }).unwrap(),
            request: AuthorizationRequest::read(query, &Settings::default()).unwrap(),
        }
    }

    fn read(text: &str) -> Option<PendingRequest> {
        PendingRequest::read(text.as_bytes(), &Settings::default())
    }

    const QUERY: &str = "client_id=lab&redirect_uri=https://a.example/&response_type=code&state=%0A%0D+%25&scope=a%20b\
                         &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";

    #[test]
    fn what_is_printed_reads_as_the_same() {
        let bare = "client_id=l%20b&redirect_uri=https://a.example/&response_type=code";
        for query in [QUERY, bare] {
            for login in
                [None, Some(("usr_AAAAAAAAAAAAAAAAAAAAAA", 7)), Some(("usr_.dr|x", u64::MAX))]
            {
                let pending = pending(query, login);
                if pending.request.asked.is_ok() {
                    assert_eq!(read(&pending.print()), Some(pending));
                }
            }
        }
    }

    #[test]
    fn anything_else_is_nothing() {
        let text =
            pending("client_id=lab&redirect_uri=https://a.example/&response_type=code", None)
                .print();
        let lines: Vec<&str> = text.split('\n').collect();
        assert_eq!(lines.len(), 7);
        for at in 0..lines.len() {
            let mut fewer = lines.clone();
            fewer.remove(at);
            assert_eq!(read(&fewer.join("\n")), None, "without line {at}");
        }
        assert_eq!(read(&format!("{text}\n")), None);
        assert_eq!(read(&text.replacen("\n\n0\n", "\n\n1\n", 1)), None);
        assert_eq!(read(&text.replacen("\n\n0\n", "\nanna\n0\n", 1)), None);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC*", lines in "([0-9a-f]{32}\n)?[0-9]{0,3}\n[A-Za-z]{0,44}\n\n0\n[a ]{0,3}\n\\PC*") {
            let _ = read(&text);
            let _ = read(&lines);
        }
    }
}
