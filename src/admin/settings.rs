//! `settings.get`, `settings.set`, and the stored document.

use crate::admin::document::{
    RateDocument, each, operation, parse, some, some_object, some_rate, word,
};
use crate::base::{Lifetime, Network};
use crate::crypto::Algorithm;
use crate::domain::{Dialect, RateLimit, Settings, Texts, TokenFormat};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// `settings.get`: the settings in force.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SettingsGet {}
operation!(SettingsGet = "settings.get" -> SettingsDocument);

/// `settings.set`: replaces the members given; the others stay. In force at the next call of every
/// process that has the database open.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct SettingsSet {
    /// The issuer: an `https` URL without query, fragment or slash at its end (RFC 8414 2). At first
    /// `https://localhost`.
    #[serde(deserialize_with = "some")]
    pub issuer: Option<String>,
    /// The `aud` of access tokens; `null`: the issuer. At first `null`.
    #[serde(deserialize_with = "some")]
    pub audience: Option<Option<String>>,
    /// The algorithm of JWTs. At first `ES256`.
    #[serde(deserialize_with = "some")]
    pub algorithm: Option<String>,
    /// The form of access tokens: `opaque` ones are 43 base64url characters, `opaque_hex` ones 64 upper-case
    /// digits. At first `jwt`.
    #[serde(deserialize_with = "some")]
    pub token_format: Option<String>,
    /// Seconds that access tokens live. At first 3600.
    #[serde(deserialize_with = "some")]
    pub access_token_lifetime: Option<u32>,
    /// The dialects whose routes answer. One that is turned on brings its words and clients, as far as they are not
    /// there. At first none.
    #[serde(deserialize_with = "some")]
    pub dialects: Option<Vec<String>>,
    /// Addresses and CIDR ranges of the proxies whose forwarding header is believed. At first none.
    #[serde(deserialize_with = "some")]
    pub trusted_proxies: Option<Vec<String>>,
    /// Whether plain HTTP from other machines is answered: secrets then cross the network readable. At first
    /// `false`.
    #[serde(deserialize_with = "some")]
    pub danger_allow_plain_http: Option<bool>,
    /// The longest request body, in bytes. At first 65536.
    #[serde(deserialize_with = "some")]
    pub max_request_body: Option<u32>,
    /// Seconds: unused for longer, a user's grant ends. At first 1209600 (14 days).
    #[serde(deserialize_with = "some")]
    pub refresh_token_idle_lifetime: Option<u32>,
    /// Seconds: then the user logs in again. At first 7776000 (90 days).
    #[serde(deserialize_with = "some")]
    pub refresh_token_lifetime: Option<u32>,
    /// How many token requests a client may make, at all token routes together; `null`: no limit. At first 600 a
    /// minute, 1000 at once.
    #[serde(deserialize_with = "some_rate")]
    pub token_rate: Option<Option<RateDocument>>,
    /// How many tokens a client may revoke by itself; `null`: no limit. At first 600 a minute, 1000 at once.
    #[serde(deserialize_with = "some_rate")]
    pub revocation_rate: Option<Option<RateDocument>>,
    /// How often the tokens of a client may be used, and how often it may introspect; `null`: no limit. At first
    /// `null`.
    #[serde(deserialize_with = "some_rate")]
    pub verify_rate: Option<Option<RateDocument>>,
    /// How often a client may fail to authenticate from one address; `null`: no limit. At first 10 a minute, 60
    /// at once.
    #[serde(deserialize_with = "some_rate")]
    pub failure_rate: Option<Option<RateDocument>>,
    /// How often all clients together may fail to authenticate from one address, but for those that have
    /// succeeded from it; `null`: no limit. At first 60 a minute, 600 at once.
    #[serde(deserialize_with = "some_rate")]
    pub peer_failure_rate: Option<Option<RateDocument>>,
    /// Seconds that a signing key signs before the next one follows by itself; `null`: until somebody rotates it.
    /// At first 7776000 (90 days).
    #[serde(deserialize_with = "some")]
    pub key_lifetime: Option<Option<u32>>,
    /// Seconds that a key is in the key set before it signs, less than `key_lifetime`. At first 1209600 (14 days).
    #[serde(deserialize_with = "some")]
    pub key_publish_ahead: Option<u32>,
    /// The name on the login page, in any script, at most 100 characters; empty: the issuer's host. At first
    /// empty.
    #[serde(deserialize_with = "some")]
    pub clinic_name: Option<String>,
    /// At most 64 words that no new password may be, in any case, with or without digits, spaces and
    /// punctuation: the clinic's town, its software. Nor may one be `clinic_name`. At first none.
    #[serde(deserialize_with = "some")]
    pub password_blocklist: Option<Vec<String>>,
    /// The words of the login, consent and error pages; all together: those not given are in English again.
    #[serde(deserialize_with = "some_object")]
    pub texts: Option<Texts>,
    /// Seconds that rows of the audit are kept; older ones are cut, a few with each write. At first 189345600 (six
    /// years), which is also the least.
    #[serde(deserialize_with = "some")]
    pub audit_retention: Option<u32>,
    /// Bytes that the database may take; from nine tenths on the audit warns once a day, then issuing stops; `null`:
    /// no limit. At first `null`.
    #[serde(deserialize_with = "some")]
    pub max_file_size: Option<Option<u64>>,
}
operation!(SettingsSet = "settings.set" -> SettingsDocument);

/// The settings as a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct SettingsDocument {
    /// The issuer.
    pub issuer: String,
    /// The `aud` of access tokens; `null`: the issuer.
    pub audience: Option<String>,
    /// `ES256`, `EdDSA` or `RS256`.
    pub algorithm: String,
    /// `jwt`, `opaque` or `opaque_hex`.
    pub token_format: String,
    /// Seconds that access tokens live.
    pub access_token_lifetime: u32,
    /// The dialects whose routes answer.
    pub dialects: Vec<String>,
    /// The proxies whose forwarding header is believed.
    pub trusted_proxies: Vec<String>,
    /// Whether plain HTTP from other machines is answered.
    pub danger_allow_plain_http: bool,
    /// The longest request body, in bytes.
    pub max_request_body: u32,
    /// Seconds: unused for longer, a user's grant ends.
    pub refresh_token_idle_lifetime: u32,
    /// Seconds: then the user logs in again.
    pub refresh_token_lifetime: u32,
    /// How many token requests a client may make, at all token routes together; `null`: no limit.
    pub token_rate: Option<RateDocument>,
    /// How many tokens a client may revoke by itself; `null`: no limit.
    pub revocation_rate: Option<RateDocument>,
    /// How often the tokens of a client may be used, and how often it may introspect; `null`: no limit.
    pub verify_rate: Option<RateDocument>,
    /// How often a client may fail to authenticate from one address; `null`: no limit.
    pub failure_rate: Option<RateDocument>,
    /// How often all clients together may fail to authenticate from one address, but for those that have
    /// succeeded from it; `null`: no limit.
    pub peer_failure_rate: Option<RateDocument>,
    /// Seconds that a signing key signs before the next one follows; `null`: until somebody rotates it.
    pub key_lifetime: Option<u32>,
    /// Seconds that a key is in the key set before it signs.
    pub key_publish_ahead: u32,
    /// The name on the login page.
    pub clinic_name: String,
    /// Words that no password may consist of.
    pub password_blocklist: Vec<String>,
    /// The words of the pages, as far as they differ from our own.
    pub texts: Texts,
    /// Seconds that rows of the audit are kept.
    pub audit_retention: u32,
    /// Bytes that the database may take; `null`: no limit.
    pub max_file_size: Option<u64>,
}

impl SettingsSet {
    /// The members that are given.
    pub(crate) fn named(&self) -> Vec<&'static str> {
        let given = [
            ("issuer", self.issuer.is_some()),
            ("audience", self.audience.is_some()),
            ("algorithm", self.algorithm.is_some()),
            ("token_format", self.token_format.is_some()),
            ("access_token_lifetime", self.access_token_lifetime.is_some()),
            ("dialects", self.dialects.is_some()),
            ("trusted_proxies", self.trusted_proxies.is_some()),
            ("danger_allow_plain_http", self.danger_allow_plain_http.is_some()),
            ("max_request_body", self.max_request_body.is_some()),
            ("refresh_token_idle_lifetime", self.refresh_token_idle_lifetime.is_some()),
            ("refresh_token_lifetime", self.refresh_token_lifetime.is_some()),
            ("token_rate", self.token_rate.is_some()),
            ("revocation_rate", self.revocation_rate.is_some()),
            ("verify_rate", self.verify_rate.is_some()),
            ("failure_rate", self.failure_rate.is_some()),
            ("peer_failure_rate", self.peer_failure_rate.is_some()),
            ("key_lifetime", self.key_lifetime.is_some()),
            ("key_publish_ahead", self.key_publish_ahead.is_some()),
            ("clinic_name", self.clinic_name.is_some()),
            ("password_blocklist", self.password_blocklist.is_some()),
            ("texts", self.texts.is_some()),
            ("audit_retention", self.audit_retention.is_some()),
            ("max_file_size", self.max_file_size.is_some()),
        ];
        given.into_iter().filter(|(_, given)| *given).map(|(name, _)| name).collect()
    }

    /// `settings` with the given members replaced.
    ///
    /// # Errors
    /// [`Error::InvalidDocument`] with the member's name.
    pub(crate) fn apply(self, settings: Settings) -> Result<Settings> {
        let mut document = SettingsDocument::from(&settings);
        replace(&mut document.issuer, self.issuer);
        replace(&mut document.audience, self.audience);
        replace(&mut document.algorithm, self.algorithm);
        replace(&mut document.token_format, self.token_format);
        replace(&mut document.access_token_lifetime, self.access_token_lifetime);
        replace(&mut document.dialects, self.dialects);
        replace(&mut document.trusted_proxies, self.trusted_proxies);
        replace(&mut document.danger_allow_plain_http, self.danger_allow_plain_http);
        replace(&mut document.max_request_body, self.max_request_body);
        replace(&mut document.refresh_token_idle_lifetime, self.refresh_token_idle_lifetime);
        replace(&mut document.refresh_token_lifetime, self.refresh_token_lifetime);
        replace(&mut document.token_rate, self.token_rate);
        replace(&mut document.revocation_rate, self.revocation_rate);
        replace(&mut document.verify_rate, self.verify_rate);
        replace(&mut document.failure_rate, self.failure_rate);
        replace(&mut document.peer_failure_rate, self.peer_failure_rate);
        replace(&mut document.key_lifetime, self.key_lifetime);
        replace(&mut document.key_publish_ahead, self.key_publish_ahead);
        replace(&mut document.clinic_name, self.clinic_name);
        replace(&mut document.password_blocklist, self.password_blocklist);
        replace(&mut document.texts, self.texts);
        replace(&mut document.audit_retention, self.audit_retention);
        replace(&mut document.max_file_size, self.max_file_size);
        document.into_settings()
    }
}

fn replace<T>(member: &mut T, given: Option<T>) {
    if let Some(value) = given {
        *member = value;
    }
}

impl From<&Settings> for SettingsDocument {
    fn from(settings: &Settings) -> Self {
        Self {
            issuer: settings.issuer.clone(),
            audience: settings.audience.clone(),
            algorithm: settings.algorithm.as_str().to_owned(),
            token_format: settings.token_format.as_str().to_owned(),
            access_token_lifetime: settings.access_token_lifetime.as_seconds(),
            dialects: settings.dialects.iter().map(|dialect| dialect.as_str().to_owned()).collect(),
            trusted_proxies: settings.trusted_proxies.iter().map(Network::to_string).collect(),
            danger_allow_plain_http: settings.danger_allow_plain_http,
            max_request_body: settings.max_request_body,
            refresh_token_idle_lifetime: settings.refresh_token_idle_lifetime.as_seconds(),
            refresh_token_lifetime: settings.refresh_token_lifetime.as_seconds(),
            token_rate: settings.token_rate.map(RateDocument::from),
            revocation_rate: settings.revocation_rate.map(RateDocument::from),
            verify_rate: settings.verify_rate.map(RateDocument::from),
            failure_rate: settings.failure_rate.map(RateDocument::from),
            peer_failure_rate: settings.peer_failure_rate.map(RateDocument::from),
            key_lifetime: settings.key_lifetime.map(Lifetime::as_seconds),
            key_publish_ahead: settings.key_publish_ahead.as_seconds(),
            clinic_name: settings.clinic_name.clone(),
            password_blocklist: settings.password_blocklist.clone(),
            texts: settings.texts.clone(),
            audit_retention: settings.audit_retention.as_seconds(),
            max_file_size: settings.max_file_size,
        }
    }
}

impl SettingsDocument {
    fn into_settings(self) -> Result<Settings> {
        let dialect = |name: &str| {
            Dialect::parse(name).ok_or_else(|| {
                let known: Vec<_> = Dialect::ALL.iter().map(|dialect| dialect.as_str()).collect();
                format!("must be one of: {}", known.join(", "))
            })
        };
        let network = |text: &str| Network::parse(text).map_err(|error| error.to_string());
        let mut dialects = each("dialects", &self.dialects, dialect)?;
        dialects.sort_by_key(|dialect| dialect.as_str());
        dialects.dedup();
        let settings = Settings {
            issuer: self.issuer,
            audience: self.audience,
            algorithm: word("algorithm", &self.algorithm, Algorithm::parse, "ES256, EdDSA, RS256")?,
            token_format: word(
                "token_format",
                &self.token_format,
                TokenFormat::parse,
                "jwt, opaque, opaque_hex",
            )?,
            access_token_lifetime: Lifetime::seconds(self.access_token_lifetime),
            dialects,
            trusted_proxies: each("trusted_proxies", &self.trusted_proxies, network)?,
            danger_allow_plain_http: self.danger_allow_plain_http,
            max_request_body: self.max_request_body,
            refresh_token_idle_lifetime: Lifetime::seconds(self.refresh_token_idle_lifetime),
            refresh_token_lifetime: Lifetime::seconds(self.refresh_token_lifetime),
            token_rate: self.token_rate.map(RateLimit::from),
            revocation_rate: self.revocation_rate.map(RateLimit::from),
            verify_rate: self.verify_rate.map(RateLimit::from),
            failure_rate: self.failure_rate.map(RateLimit::from),
            peer_failure_rate: self.peer_failure_rate.map(RateLimit::from),
            key_lifetime: self.key_lifetime.map(Lifetime::seconds),
            key_publish_ahead: Lifetime::seconds(self.key_publish_ahead),
            clinic_name: self.clinic_name,
            password_blocklist: self.password_blocklist,
            texts: self.texts,
            audit_retention: Lifetime::seconds(self.audit_retention),
            max_file_size: self.max_file_size,
        };
        settings.check()?;
        Ok(settings)
    }
}

/// Reads the first settings of a database: a document of `settings.set`, over the defaults.
///
/// # Errors
/// [`Error::InvalidDocument`] with the member's name.
pub(crate) fn settings_of_json(json: &[u8]) -> Result<Settings> {
    parse::<SettingsSet>(json)?.apply(Settings::default())
}

/// Reads the stored settings. Members of later releases are left alone, unless the document says under
/// `critical` that whoever does not know them must not go on.
///
/// # Errors
/// [`Error::Corrupt`], [`Error::NewerFile`].
pub(crate) fn settings_of_document(document: &str) -> Result<Settings> {
    let corrupt = || Error::Corrupt { what: "the settings document".to_owned() };
    let mut members: Map<String, Value> = serde_json::from_str(document).map_err(|_| corrupt())?;
    // A later release may show words that this one does not.
    if let Some(Value::Object(texts)) = members.get_mut("texts") {
        texts.retain(|member, _| Texts::MEMBERS.contains(&member.as_str()));
    }
    if members.get("critical").is_some_and(|critical| critical != &Value::Array(Vec::new())) {
        return Err(Error::NewerFile { needs: 2, known: 1 });
    }
    let known: SettingsDocument =
        serde_json::from_value(Value::Object(members)).map_err(|_| corrupt())?;
    known.into_settings().map_err(|_| corrupt())
}

/// The document to store for `settings`; what a later release put into `old` stays in it.
pub(crate) fn document_of_settings(settings: &Settings, old: Option<&str>) -> Result<String> {
    let impossible = || Error::Internal { what: "settings that cannot be printed" };
    let mut members: Map<String, Value> = match old {
        Some(old) => serde_json::from_str(old)
            .map_err(|_| Error::Corrupt { what: "the settings document".to_owned() })?,
        None => Map::new(),
    };
    let known = serde_json::to_value(SettingsDocument::from(settings)).map_err(|_| impossible())?;
    let Value::Object(known) = known else {
        return Err(impossible());
    };
    members.extend(known);
    serde_json::to_string(&members).map_err(|_| impossible())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_later_release_are_passed_over_and_ours_are_read_strictly() {
        let texts = Texts { lang: "de".to_owned(), ..Texts::default() };
        let settings = Settings { texts, ..Settings::default() };
        let stored = document_of_settings(&settings, None).unwrap();
        assert_eq!(settings_of_document(&stored).unwrap(), settings);
        let later = stored.replace(r#""lang":"de""#, r#""lang":"de","passkey":"Passkey""#);
        assert_ne!(later, stored);
        assert_eq!(settings_of_document(&later).unwrap(), settings);
        let edited = stored.replace(r#""lang":"de""#, r#""lang":"de","allow":"{user}""#);
        assert!(matches!(settings_of_document(&edited), Err(Error::Corrupt { .. })));
    }
}
