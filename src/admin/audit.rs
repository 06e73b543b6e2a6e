//! `audit.*`: who did what.

use crate::admin::document::{operation, some};
use crate::base::{UnixTime, encode};
use crate::error::{Error, Result};
use crate::store::{AuditHead, AuditKeyRow, AuditRow};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `audit.read`: rows of the audit, oldest first, page by page. All conditions hold together.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct AuditRead {
    /// Rows about this client.
    #[serde(deserialize_with = "some")]
    pub client_id: Option<String>,
    /// Rows about this user: what was done for or by them.
    #[serde(deserialize_with = "some")]
    pub user_id: Option<String>,
    /// Rows about this secret.
    #[serde(deserialize_with = "some")]
    pub credential_id: Option<String>,
    /// `allowed`, `denied` or `done`.
    #[serde(deserialize_with = "some")]
    pub outcome: Option<String>,
    /// Rows of this event, such as `token.issue`.
    #[serde(deserialize_with = "some")]
    pub event: Option<String>,
    /// Rows at or after this time, in milliseconds.
    #[serde(deserialize_with = "some")]
    pub from: Option<i64>,
    /// Rows before this time, in milliseconds.
    #[serde(deserialize_with = "some")]
    pub until: Option<i64>,
    /// The `next` of the page before; absent for the first one.
    #[serde(deserialize_with = "some")]
    pub after: Option<u64>,
    /// Rows a page, 1 to 1000. Default 100.
    #[serde(deserialize_with = "some")]
    pub limit: Option<u32>,
}
operation!(AuditRead = "audit.read" -> AuditPage);

/// `audit.explain`: what became of one request, in words.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AuditExplain {
    /// The id: of the `Wardkey-Request-Id` header, or of a refusal.
    pub request_id: String,
}
operation!(AuditExplain = "audit.explain" -> AuditExplanation);

/// `audit.verify`: follows the whole chain and checks every hash and signature.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AuditVerify {}
operation!(AuditVerify = "audit.verify" -> AuditVerdict);

/// A page of the audit, with what a verifier needs.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct AuditPage {
    /// The rows.
    pub rows: Vec<AuditEntryDocument>,
    /// What to ask for as `after` to go on; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
    /// The public keys of the heads' signatures.
    pub keys: Vec<AuditKeyDocument>,
    /// What the first row of the chain is linked to.
    pub start: AuditStart,
}

/// What a stretch of the chain begins behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct AuditStart {
    /// The sequence of the row before the first one; 0 at the chain's very beginning.
    pub sequence: u64,
    /// That row's hash, in hexadecimal.
    pub hash: String,
}

/// A key that signs the audit's heads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct AuditKeyDocument {
    /// The number in `signed_by`.
    pub number: i64,
    /// The first row that it may sign. Its last one is before the first of the next key.
    pub first_sequence: u64,
    /// The public key (RFC 8037).
    pub jwk: Value,
}

impl AuditKeyDocument {
    pub(crate) fn of(row: &AuditKeyRow) -> Result<Self> {
        let jwk = serde_json::from_str(&row.public_jwk)
            .map_err(|_| Error::Corrupt { what: format!("the audit key {}", row.id) })?;
        Ok(Self { number: row.id, first_sequence: row.first_sequence, jwk })
    }
}

impl AuditStart {
    pub(crate) fn of(head: &AuditHead) -> Self {
        Self { sequence: head.sequence, hash: encode::hex(&head.hash) }
    }
}

/// A row of the audit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct AuditEntryDocument {
    /// Its place in the chain, from 1 without gap.
    pub sequence: u64,
    /// The row in words.
    pub words: String,
    /// What the row says.
    pub entry: Value,
    /// The exact text that was hashed.
    pub row: String,
    /// `SHA-256("wardkey audit row 1\0" + the previous row's hash + SHA-256(row))`, in hexadecimal.
    pub hash: String,
    /// The key that signed this head; absent within a transaction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signed_by: Option<i64>,
    /// Ed25519 over `"wardkey audit head 1\0" + hash`, in base64url.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct AuditExplanation {
    /// The request's id.
    pub request_id: String,
    /// Whether the audit holds it. A request that was gathered with many others of its kind may not be
    /// named any more.
    pub held: bool,
    /// What happened, or why nothing can be said.
    pub words: String,
    /// The row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<Value>,
}

/// Whether the chain is whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct AuditVerdict {
    /// Whether every row is as it was written.
    pub valid: bool,
    /// The first row: what was before it is older than the retention, and was cut.
    pub first: u64,
    /// Rows that were checked and found good.
    pub rows: u64,
    /// The first bad row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bad_row: Option<u64>,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The last good row's hash, in hexadecimal: kept elsewhere, it reveals a tail that is cut off later.
    pub head: String,
    /// The last good row.
    pub sequence: u64,
}

impl AuditVerdict {
    /// A chain that is whole from its `first` row to `head`.
    pub(crate) fn whole(first: u64, head: &AuditHead) -> Self {
        let rows = (head.sequence + 1).saturating_sub(first);
        let sequence = head.sequence;
        Self {
            valid: true,
            first,
            rows,
            bad_row: None,
            why: None,
            head: encode::hex(&head.hash),
            sequence,
        }
    }

    /// A chain with a bad row.
    pub(crate) fn broken(first: u64, head: &AuditHead, bad_row: u64, why: &str) -> Self {
        let why = Some(why.to_owned());
        let rows = bad_row.min(head.sequence + 1).saturating_sub(first);
        Self { valid: false, rows, bad_row: Some(bad_row), why, ..Self::whole(first, head) }
    }
}

/// Prints a page of a chain that begins behind `start`.
pub(crate) fn page(
    rows: &[AuditRow],
    limit: u32,
    keys: &[AuditKeyDocument],
    start: &AuditHead,
) -> AuditPage {
    let full = u64::try_from(rows.len()).is_ok_and(|length| length == u64::from(limit));
    let next = rows.last().filter(|_| full).map(|row| row.sequence);
    AuditPage {
        rows: rows.iter().map(entry_document).collect(),
        next,
        keys: keys.to_vec(),
        start: AuditStart::of(start),
    }
}

/// Explains a request by its row, if there is one.
pub(crate) fn explanation(request_id: &str, row: Option<&AuditRow>) -> AuditExplanation {
    let request_id = request_id.to_owned();
    match row {
        Some(row) => {
            let entry = entry_of(row);
            let words = describe(&entry);
            AuditExplanation { request_id, held: true, words, entry: Some(entry) }
        }
        None => AuditExplanation {
            request_id,
            held: false,
            words: "The audit does not hold this request. Uses of valid tokens have no id of their own; \
                    of many refusals of one kind only the last eight are named; what was gathered in \
                    memory is lost in a crash."
                .to_owned(),
            entry: None,
        },
    }
}

fn entry_document(row: &AuditRow) -> AuditEntryDocument {
    let entry = entry_of(row);
    AuditEntryDocument {
        sequence: row.sequence,
        words: describe(&entry),
        entry,
        row: row.row.clone(),
        hash: encode::hex(&row.hash),
        signed_by: row.head.as_ref().map(|(key, _)| *key),
        signature: row.head.as_ref().map(|(_, signature)| encode::base64url(signature)),
    }
}

/// A row's text as a value; a text that is damaged is shown as the string it is.
fn entry_of(row: &AuditRow) -> Value {
    serde_json::from_str(&row.row).unwrap_or_else(|_| Value::String(row.row.clone()))
}

/// A row in words.
pub(crate) fn describe(entry: &Value) -> String {
    let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or("");
    let detail = |name: &str| {
        entry
            .get("detail")
            .and_then(|detail| detail.get(name))
            .and_then(Value::as_str)
            .unwrap_or("")
    };
    let time = entry.get("time").and_then(Value::as_i64).unwrap_or_default();
    if text("event") == "host" {
        return describe_host(entry, UnixTime::from_millis(time), &text);
    }
    let mut words =
        format!("{} {}", UnixTime::from_millis(time), sentence(text("event"), &text, &detail));
    if let Some(count) = entry.get("count").and_then(Value::as_u64) {
        words.push_str(&if count == 1 { ", once".to_owned() } else { format!(", {count} times") });
    }
    if !text("reason").is_empty() {
        words.push_str(&format!(": {}", text("reason").replace('_', " ")));
    }
    if !detail("setting").is_empty() {
        words.push_str(&format!(" (unless `{}` is set)", detail("setting")));
    }
    for (name, label) in [("peer", "from"), ("actor", "by"), ("correlation", "correlation")] {
        if !text(name).is_empty() {
            words.push_str(&format!(", {label} {}", text(name)));
        }
    }
    words
}

/// An event of the host's, in its own word.
fn describe_host<'a>(entry: &Value, time: UnixTime, text: &impl Fn(&str) -> &'a str) -> String {
    let host = |name: &str| {
        let host = entry.get("host").and_then(|host| host.get(name));
        host.and_then(Value::as_str).unwrap_or("")
    };
    let mut words = format!("{time} the host says: {}", host("event"));
    let parts = [
        (host("reference"), "of"),
        (text("client"), "for client"),
        (text("user"), "for user"),
        (text("peer"), "from"),
        (text("actor"), "by"),
        (text("correlation"), "correlation"),
    ];
    for (part, label) in parts {
        if !part.is_empty() {
            words.push_str(&format!(", {label} {part}"));
        }
    }
    words
}

/// What happened, without when, whence and by whom.
fn sentence<'a>(
    event: &str,
    text: &impl Fn(&str) -> &'a str,
    detail: &impl Fn(&str) -> &'a str,
) -> String {
    let client = match (text("client"), detail("client_name")) {
        ("", _) => "an unknown client".to_owned(),
        (id, "") => format!("client {id}"),
        (id, name) => format!("client {id} ({name})"),
    };
    let secret = format!("secret {} of {client}", text("credential"));
    match event {
        "token.issue" if text("user").is_empty() => format!(
            "{client} obtained token {} for `{}` with secret {}",
            text("token"),
            text("scope"),
            text("credential")
        ),
        "token.use" => format!("token {} of {client} was used", text("token")),
        "token.revoke" if text("outcome") == "denied" => {
            format!("{client} tried to revoke token {}", text("token"))
        }
        "token.revoke" => format!("token {} was revoked", text("token")),
        "token.deny" => format!("{client} was refused a token"),
        "request.refuse" => format!("requests of {client} were refused"),
        "client.create" => format!("{client} was registered for `{}`", text("scope")),
        "client.update" => {
            format!("the registration of {client} was changed, now for `{}`", text("scope"))
        }
        "client.enable" => format!("{client} was enabled"),
        "client.disable" => format!("{client} was disabled"),
        "client.revoke" => format!("all tokens of {client} were revoked"),
        "client.delete" => format!("{client} was deleted"),
        "secret.create" => format!("{secret} was made"),
        "secret.import" => format!("{secret} was imported"),
        "secret.revoke" => format!("{secret} was revoked, with all that it had obtained"),
        "secret.confirm" => format!("{secret} was confirmed after a restore"),
        "secret.new_peer" => format!("{secret} was used from a new address"),
        "scope.add" => format!("the scope `{}` was added", text("scope")),
        "scope.remove" => format!("the scope `{}` was removed", text("scope")),
        "settings.set" => format!("the settings were changed: {}", detail("members")),
        other => sentence_of_file(other, &client, text, detail),
    }
}

/// What happened to the file, its keys, its audit and its clock.
fn sentence_of_file<'a>(
    event: &str,
    client: &str,
    text: &impl Fn(&str) -> &'a str,
    detail: &impl Fn(&str) -> &'a str,
) -> String {
    match event {
        "clock.accept" => {
            format!(
                "the wall clock was accepted: time went from {} to {}",
                detail("before"),
                detail("after")
            )
        }
        "database.create" => format!("the database was created, issuer {}", detail("issuer")),
        "database.open" => format!("the database was opened with {}", detail("clock")),
        "database.recover" => "the database was recovered, and got a new master key".to_owned(),
        "database.backup" => {
            format!("the database was copied to {}, {} bytes", detail("file"), detail("bytes"))
        }
        "database.prune" => "what was over was cleared away at once".to_owned(),
        "database.restore" if detail("trusted_secrets") == "true" => {
            "the database was restored: all tokens ended, secrets and users were trusted".to_owned()
        }
        "database.restore" => {
            "the database was restored: all tokens ended, all secrets and users await confirmation"
                .to_owned()
        }
        "clock.doubt" => {
            format!(
                "the wall clock says {} at {}: it is not believed",
                detail("wall"),
                detail("time")
            )
        }
        "audit.cut" => {
            "the oldest rows of the audit were cut: they were kept long enough".to_owned()
        }
        "audit.resume" => format!(
            "the audit goes on after row {} should have been its last",
            detail("expected_sequence")
        ),
        "rows.name" => "rows that the next event changed".to_owned(),
        "clock.trust" => "the wall clock is believed again".to_owned(),
        other => match sentence_of_keys(other, detail) {
            Some(sentence) => sentence,
            None => sentence_of_people(other, client, text, detail),
        },
    }
}

/// What happened to signing keys, our own and those of other sites.
fn sentence_of_keys<'a>(event: &str, detail: &impl Fn(&str) -> &'a str) -> Option<String> {
    let (algorithm, site) = (detail("algorithm"), detail("issuer"));
    Some(match event {
        "key.make" => format!("a new {algorithm} signing key was made"),
        "key.import" => format!("a {algorithm} signing key was imported"),
        "key.retire" if detail("refused").is_empty() => {
            "a signing key was retired: its tokens are valid until they end".to_owned()
        }
        "key.retire" => "a signing key was retired, and all its tokens are refused".to_owned(),
        "key.delete" => "a signing key whose tokens ended long ago was deleted".to_owned(),
        "key.rekey" => "another master key opens the database from now on".to_owned(),
        "key.recovery" => {
            "a recovery code was made; a former one opens nothing any more".to_owned()
        }
        "issuer.import" => format!("the keys of the site {site} were imported"),
        "issuer.enable" => format!("the site {site} is believed from now on"),
        "issuer.disable" => format!("the site {site} is no longer believed"),
        "issuer.delete" => format!("the site {site} was deleted"),
        _ => return None,
    })
}

/// What happened to or for a user.
fn sentence_of_people<'a>(
    event: &str,
    client: &str,
    text: &impl Fn(&str) -> &'a str,
    detail: &impl Fn(&str) -> &'a str,
) -> String {
    let user = match (text("user"), detail("username")) {
        ("", _) => "somebody unknown".to_owned(),
        (id, "") => format!("user {id}"),
        (id, name) => format!("user {id} ({name})"),
    };
    let (grant, role) = (text("grant_id"), detail("role"));
    match event {
        "token.issue" => format!(
            "{client} obtained token {} for `{}`, for {user} by grant {grant}",
            text("token"),
            text("scope")
        ),
        "grant.begin" | "grant.approve" => {
            format!("{user} allowed {client} `{}`: grant {grant}", text("scope"))
        }
        "grant.refuse" => format!("{user} did not allow {client} anything"),
        "grant.revoke" if text("reason") == "refresh_token_foreign" => {
            format!("{client} tried to end grant {grant}")
        }
        "grant.revoke" if !detail("limit").is_empty() => format!(
            "grant {grant} of {user} to {client} was ended: a user has at most {} to one client",
            detail("limit")
        ),
        "grant.revoke" => format!("grant {grant} of {user} to {client} was ended"),
        "user.login" if text("outcome") == "denied" => format!("{user} was not let in"),
        "user.login" => format!("{user} logged in"),
        "user.create" => format!("{user} was created"),
        "user.update" => format!("what {user} may do was changed"),
        "user.enable" => format!("{user} was enabled"),
        "user.disable" => format!("{user} was disabled"),
        "user.confirm" => format!("{user} was confirmed after a restore"),
        "user.revoke" => format!("all tokens of {user} were revoked"),
        "user.set_password" => format!("{user} got a new password, and all their tokens ended"),
        "user.delete" => format!("{user} was deleted"),
        "role.create" => format!("the role {role} was made for `{}`", text("scope")),
        "role.update" => format!("the role {role} was changed, now for `{}`", text("scope")),
        "role.delete" => format!("the role {role} was deleted"),
        other => format!("{other} {client}"),
    }
}
