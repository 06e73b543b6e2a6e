//! The settings that live in the file and hold for every program that opens it.

use crate::base::{Lifetime, Network};
use crate::crypto::Algorithm;
use crate::domain::client::{TokenFormat, check_text};
use crate::domain::dialect::Dialect;
use crate::domain::password::is_host_word;
use crate::domain::rate::RateLimit;
use crate::domain::texts::Texts;
use crate::error::{Error, Result};

/// What holds for the whole database. A client's registration may override algorithm, format, lifetime
/// and `token_type` case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The issuer (RFC 8414 2): an `https` URL without query or fragment. Default `https://localhost`,
    /// which nobody but this machine can claim to be.
    pub issuer: String,
    /// The `aud` of access tokens; the issuer when absent.
    pub audience: Option<String>,
    /// The algorithm of JWTs. Default ES256.
    pub algorithm: Algorithm,
    /// The form of access tokens. Default JWT.
    pub token_format: TokenFormat,
    /// How long access tokens live. Default 3600 s; 60 s to 30 days.
    pub access_token_lifetime: Lifetime,
    /// The dialects whose routes answer. Default none.
    pub dialects: Vec<Dialect>,
    /// The proxies whose forwarding header is believed. Default none.
    pub trusted_proxies: Vec<Network>,
    /// Whether plain HTTP from other machines is answered: secrets then cross the network readable.
    pub danger_allow_plain_http: bool,
    /// The longest request body in bytes. Default 65536; 1024 to 1048576.
    pub max_request_body: u32,
    /// How long a user's grant may go unused before it can no longer be refreshed. Default 14 days; 60 s to
    /// 366 days.
    pub refresh_token_idle_lifetime: Lifetime,
    /// How long a user's grant can be refreshed at all; then the user logs in again. Default 90 days; 60 s
    /// to 366 days.
    pub refresh_token_lifetime: Lifetime,
    /// How many token requests a client may make, unless it is registered for another rate. Default 600 a
    /// minute, 1000 at once; `None`: as many as it likes.
    pub token_rate: Option<RateLimit>,
    /// How many tokens a client may revoke by itself. Default 600 a minute, 1000 at once; `None`: as many as it
    /// likes.
    pub revocation_rate: Option<RateLimit>,
    /// How often the tokens of a client may be used, and a client may introspect, unless it is registered for
    /// another rate. Default none: as often as they like.
    pub verify_rate: Option<RateLimit>,
    /// How often a client may fail to authenticate from one address before it is told 429 instead of 401.
    /// Default 10 a minute, 60 at once; `None`: as often as it likes.
    pub failure_rate: Option<RateLimit>,
    /// How often all clients together may from one address, those left out that have succeeded from it. Default
    /// 60 a minute, 600 at once; `None`: as often as they like.
    pub peer_failure_rate: Option<RateLimit>,
    /// How long a signing key signs before another one follows it by itself. Default 90 days; 1 day to 10
    /// years; `None`: until somebody rotates it.
    pub key_lifetime: Option<Lifetime>,
    /// How long a signing key is published before it signs. Default 14 days; at least 300 s, and less than
    /// `key_lifetime`.
    pub key_publish_ahead: Lifetime,
    /// The name on the login page. Default none: the issuer's host is shown.
    pub clinic_name: String,
    /// Words that no password may consist of, in any case and with whatever digits and punctuation: the
    /// clinic's town, its software. Its name is one of them already. Default none; at most 64, of 1 to 100
    /// characters, each with a
    /// letter.
    pub password_blocklist: Vec<String>,
    /// The words of the login page, the consent page and the error page, and their language. Default English.
    pub texts: Texts,
    /// How long the audit is kept. Default six years, which is the least; 100 years at most.
    pub audit_retention: Lifetime,
    /// How many bytes the database may take of the disk: pages in use, and the WAL. From nine tenths of it on,
    /// the audit warns once a day; once it is reached, nothing is issued, and what was goes on being verified and
    /// revoked. Default none; at least 16 MiB.
    pub max_file_size: Option<u64>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            issuer: "https://localhost".to_owned(),
            audience: None,
            algorithm: Algorithm::Es256,
            token_format: TokenFormat::Jwt,
            access_token_lifetime: Lifetime::seconds(3600),
            dialects: Vec::new(),
            trusted_proxies: Vec::new(),
            danger_allow_plain_http: false,
            max_request_body: 64 * 1024,
            refresh_token_idle_lifetime: Lifetime::days(14),
            refresh_token_lifetime: Lifetime::days(90),
            token_rate: Some(RateLimit { per_minute: 600, burst: 1000 }),
            revocation_rate: Some(RateLimit { per_minute: 600, burst: 1000 }),
            verify_rate: None,
            failure_rate: Some(RateLimit { per_minute: 10, burst: 60 }),
            peer_failure_rate: Some(RateLimit { per_minute: 60, burst: 600 }),
            key_lifetime: Some(Lifetime::days(90)),
            key_publish_ahead: Lifetime::days(14),
            clinic_name: String::new(),
            password_blocklist: Vec::new(),
            texts: Texts::default(),
            audit_retention: MIN_RETENTION,
            max_file_size: None,
        }
    }
}

impl Settings {
    /// The `aud` of access tokens.
    #[must_use]
    pub fn audience(&self) -> &str {
        self.audience.as_deref().unwrap_or(&self.issuer)
    }

    /// The issuer's path, without a slash at its end: empty for an issuer that is a host alone.
    #[must_use]
    pub fn issuer_path(&self) -> &str {
        let rest = self.issuer.strip_prefix("https://").unwrap_or(&self.issuer);
        rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("").trim_end_matches('/')
    }

    /// The algorithms of the JWTs that clients get who are registered for none.
    pub(crate) fn default_algorithms(&self) -> Vec<Algorithm> {
        let of_dialect = |dialect: &Dialect| dialect.habits().algorithm;
        let mut algorithms: Vec<_> = self.dialects.iter().filter_map(of_dialect).collect();
        if self.token_format == TokenFormat::Jwt {
            algorithms.push(self.algorithm);
        }
        algorithms
    }

    /// The algorithms that some client may get a token of which is registered for none.
    pub(crate) fn algorithms_in_use(&self) -> Vec<Algorithm> {
        let mut algorithms = self.default_algorithms();
        // A client may be registered for JWTs where the settings say opaque.
        algorithms.push(self.algorithm);
        algorithms
    }

    /// The name that pages show: the clinic's, or the issuer's host.
    pub(crate) fn shown_name(&self) -> &str {
        if self.clinic_name.is_empty() {
            let rest = self.issuer.strip_prefix("https://").unwrap_or(&self.issuer);
            return rest.split('/').next().unwrap_or(rest);
        }
        &self.clinic_name
    }

    /// Demands that every member is within its range.
    ///
    /// # Errors
    /// [`Error::InvalidDocument`] with the member's name.
    pub fn check(&self) -> Result<()> {
        check_issuer(&self.issuer).map_err(|why| Error::document("issuer", why))?;
        if let Some(audience) = &self.audience
            && (audience.is_empty() || audience.len() > 255 || audience.contains(char::is_control))
        {
            return Err(Error::document(
                "audience",
                "must have 1 to 255 bytes, none a control character",
            ));
        }
        check_lifetime(self.access_token_lifetime)
            .map_err(|why| Error::document("access_token_lifetime", why))?;
        if !(1024..=1024 * 1024).contains(&self.max_request_body) {
            return Err(Error::document("max_request_body", "must be 1024 to 1048576 bytes"));
        }
        for (member, lifetime) in [
            ("refresh_token_idle_lifetime", self.refresh_token_idle_lifetime),
            ("refresh_token_lifetime", self.refresh_token_lifetime),
        ] {
            if !(MIN_LIFETIME..=MAX_REFRESH_LIFETIME).contains(&lifetime) {
                return Err(Error::document(member, "must be 60 to 31622400 seconds"));
            }
        }
        for (member, rate) in [
            ("token_rate", self.token_rate),
            ("revocation_rate", self.revocation_rate),
            ("verify_rate", self.verify_rate),
            ("failure_rate", self.failure_rate),
            ("peer_failure_rate", self.peer_failure_rate),
        ] {
            rate.map_or(Ok(()), |rate| rate.check(member))?;
        }
        if !(MIN_RETENTION..=MAX_RETENTION).contains(&self.audit_retention) {
            let why = "must be 189345600 (six years) to 3155760000 seconds";
            return Err(Error::document("audit_retention", why));
        }
        check_keys(self.key_lifetime, self.key_publish_ahead)?;
        if self.max_file_size.is_some_and(|size| !FILE_SIZES.contains(&size)) {
            let why = "must be 16777216 (16 MiB) to 281474976710656 bytes";
            return Err(Error::document("max_file_size", why));
        }
        check_text("clinic_name", &self.clinic_name, 0, 100)?;
        check_blocklist(&self.password_blocklist)?;
        self.texts.check()
    }
}

fn check_keys(lifetime: Option<Lifetime>, ahead: Lifetime) -> Result<()> {
    if lifetime.is_some_and(|lifetime| !(MIN_KEY_LIFETIME..=MAX_KEY_LIFETIME).contains(&lifetime)) {
        let why = "must be 86400 to 315576000 seconds, or null";
        return Err(Error::document("key_lifetime", why));
    }
    let longest = lifetime.unwrap_or(MAX_KEY_LIFETIME);
    if ahead < MIN_PUBLISH_AHEAD || ahead >= longest {
        let why = "must be at least 300 seconds, and less than key_lifetime";
        return Err(Error::document("key_publish_ahead", why));
    }
    Ok(())
}

fn check_blocklist(words: &[String]) -> Result<()> {
    if words.len() > BLOCKLIST_LIMIT {
        return Err(Error::document("password_blocklist", "must have at most 64 members"));
    }
    match words.iter().position(|word| !is_host_word(word)) {
        None => Ok(()),
        Some(index) => {
            let why = "must have 1 to 100 characters, one of them a letter, no control characters";
            Err(Error::document(format!("password_blocklist[{index}]"), why))
        }
    }
}

/// The limits of an access token's lifetime.
pub(crate) fn check_lifetime(lifetime: Lifetime) -> std::result::Result<(), String> {
    if (MIN_LIFETIME..=MAX_LIFETIME).contains(&lifetime) {
        Ok(())
    } else {
        Err(format!(
            "must be {} to {} seconds",
            MIN_LIFETIME.as_seconds(),
            MAX_LIFETIME.as_seconds()
        ))
    }
}

/// RFC 8414 2: "The authorization server's issuer identifier, which is a URL that uses the "https"
/// scheme and has no query or fragment components."
pub(crate) fn check_issuer(issuer: &str) -> std::result::Result<(), &'static str> {
    let Some(rest) = issuer.strip_prefix("https://") else {
        return Err("must begin with `https://` (RFC 8414 2)");
    };
    let host = rest.split('/').next().unwrap_or("");
    if issuer.len() > 255 {
        Err("must have at most 255 bytes")
    } else if rest.contains(['?', '#']) {
        Err("must have neither query nor fragment (RFC 8414 2)")
    } else if host.is_empty() || host.contains('@') {
        Err("must name a host and nobody's name")
    } else if !rest.bytes().all(|b| b.is_ascii_graphic() && !b"\"\\<>".contains(&b)) {
        Err("must be printable ASCII without spaces, quotes or backslashes")
    } else if rest.contains("//") || rest.ends_with('/') {
        Err("must not have an empty path segment or end with a slash")
    } else {
        Ok(())
    }
}

/// Enough for every name a clinic goes by.
const BLOCKLIST_LIMIT: usize = 64;

/// Six years of 365.25 days: 45 CFR 164.316(b)(2)(i), "Retain the documentation required by paragraph (b)(1) of
/// this section for 6 years from the date of its creation or the date when it last was in effect, whichever
/// is later."
const MIN_RETENTION: Lifetime = Lifetime::seconds(189_345_600);

const MAX_RETENTION: Lifetime = Lifetime::seconds(3_155_760_000);

/// The WAL takes half of the least by itself; SQLite's files end at the most.
const FILE_SIZES: std::ops::RangeInclusive<u64> = 16 * 1024 * 1024..=1 << 48;

const MIN_LIFETIME: Lifetime = Lifetime::seconds(60);

const MIN_KEY_LIFETIME: Lifetime = Lifetime::days(1);

const MAX_KEY_LIFETIME: Lifetime = Lifetime::seconds(315_576_000);

/// As long as a verifier may keep the key set (`oauth/metadata.rs`).
const MIN_PUBLISH_AHEAD: Lifetime = Lifetime::seconds(300);

const MAX_REFRESH_LIFETIME: Lifetime = Lifetime::days(366);

/// The longest access token: a revocation by `jti` alone is kept this long.
pub(crate) const MAX_LIFETIME: Lifetime = Lifetime::days(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_an_https_url_without_query() {
        let check =
            |issuer: &str| Settings { issuer: issuer.to_owned(), ..Settings::default() }.check();
        for good in ["https://localhost", "https://emr.clinic.example:8443/auth"] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "http://a",
            "https://",
            "https://a?b",
            "https://a#b",
            "https://a/",
            "https://u@a",
            "https://a b",
            "https://a//b",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_issuers_path_is_what_follows_the_host() {
        let path = |issuer: &str| {
            Settings { issuer: issuer.to_owned(), ..Settings::default() }.issuer_path().to_owned()
        };
        assert_eq!(path("https://a.example"), "");
        assert_eq!(path("https://a.example/auth/v1"), "/auth/v1");
    }
}
