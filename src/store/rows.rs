//! The rows that carry a MAC, as the schema has them. What they mean is `domain`'s.

use crate::error::{Error, Result};
use crate::store::record::record;
use crate::store::schema;

record! {
    /// A registered client.
    ClientRow in "client" {
        client_id: String,
        version: u64,
        generation: u64,
        enabled: bool,
        client_name: String,
        description: String,
        scope: String,
        default_scope: Option<String>,
        grant_types: String,
        token_endpoint_auth_method: Option<String>,
        redirect_uris: String,
        resource_server: bool,
        algorithm: Option<String>,
        token_format: Option<String>,
        access_token_lifetime: Option<i64>,
        token_type_case: Option<String>,
        allowed_networks: String,
        allowed_origins: String,
        host_data: String,
        rotate_refresh_tokens: bool,
        danger_allow_no_pkce: bool,
        token_rate: Option<String>,
        verify_rate: Option<String>,
        issuer: Option<String>,
        foreign_client_id: Option<String>,
        foreign_since: Option<i64>,
        created_at: i64,
        updated_at: i64,
        extra: String,
    }
}

record! {
    /// One secret of a client.
    CredentialRow in "credential" {
        credential_id: String,
        client_id: String,
        version: u64,
        kind: String,
        digest: Option<Vec<u8>>,
        phc: Option<String>,
        label: String,
        created_at: i64,
        not_before: Option<i64>,
        expires_at: Option<i64>,
        revoked_at: Option<i64>,
        confirmed: bool,
        replaces: Option<String>,
        extra: String,
    }
}

record! {
    /// A key that signs access tokens.
    SigningKeyRow in "signing_key" {
        kid: String,
        version: u64,
        algorithm: String,
        origin: String,
        created_at: i64,
        active_from: i64,
        retired_at: Option<i64>,
        ends_at: Option<i64>,
        refused: bool,
        public_jwk: String,
        sealed: Vec<u8>,
        extra: String,
    }
}

record! {
    /// Another site whose tokens are believed.
    IssuerRow in "issuer" {
        issuer: String,
        version: u64,
        site: String,
        enabled: bool,
        epoch: [u8; 8],
        since: i64,
        jwks: String,
        created_at: i64,
        updated_at: i64,
        extra: String,
    }
}

record! {
    /// A key that signs the audit's heads.
    AuditKeyRow in "audit_key" {
        id: i64,
        version: u64,
        created_at: i64,
        first_sequence: u64,
        public_jwk: String,
        sealed: Vec<u8>,
    }
}

record! {
    /// A person.
    UserRow in "user" {
        user_id: String,
        version: u64,
        generation: u64,
        origin: String,
        username: String,
        phc: Option<String>,
        enabled: bool,
        confirmed: bool,
        scope: String,
        scope_set: bool,
        roles: String,
        description: String,
        created_at: i64,
        updated_at: i64,
        password_changed_at: Option<i64>,
        extra: String,
    }
}

record! {
    /// A named list of scope words.
    RoleRow in "role" {
        name: String,
        version: u64,
        description: String,
        scope: String,
        extra: String,
    }
}

record! {
    /// What a user allowed a client.
    GrantRow in "user_grant" {
        grant_id: String,
        version: u64,
        client_id: String,
        subject: String,
        kind: String,
        scope: String,
        credential_id: String,
        epoch: [u8; 8],
        client_generation: u64,
        subject_generation: u64,
        created_at: i64,
        used_at: i64,
        expires_at: i64,
        ends_at: i64,
        revoked_at: Option<i64>,
        extra: String,
    }
}

record! {
    /// An authorization code.
    CodeRow in "code" {
        digest: [u8; 32],
        grant_id: String,
        redirect_uri: String,
        code_challenge: Option<String>,
        expires_at: i64,
        spent_at: Option<i64>,
        extra: String,
    }
}

record! {
    /// A refresh token.
    RefreshTokenRow in "refresh_token" {
        digest: [u8; 32],
        grant_id: String,
        number: u64,
        created_at: i64,
        spent_at: Option<i64>,
        extra: String,
    }
}

record! {
    /// An opaque access token.
    OpaqueTokenRow in "opaque_token" {
        digest: [u8; 32],
        token_id: String,
        client_id: String,
        subject: String,
        credential_id: String,
        grant_id: Option<String>,
        scope: String,
        audience: String,
        epoch: [u8; 8],
        client_generation: u64,
        subject_generation: u64,
        issued_at: i64,
        expires_at: i64,
        extra: String,
    }
}

record! {
    /// A token that was revoked by itself.
    RevokedTokenRow in "revoked_token" {
        token_id: String,
        expires_at: i64,
    }
}

record! {
    /// The settings document.
    SettingsRow in "settings" {
        id: i64,
        version: u64,
        document: String,
    }
}

record! {
    /// What every transaction moves on.
    StateRow in "state" {
        id: i64,
        commits: u64,
        checkpointed: u64,
        sequence: u64,
        epoch: [u8; 8],
        epoch_before: [u8; 8],
        epoch_since: u64,
        mark: i64,
        clock_believed: bool,
        clock_offset: i64,
        clock_changes: u64,
        last_expiry: i64,
        audit_sequence: u64,
        audit_hash: [u8; 32],
        cut_sequence: u64,
        cut_hash: [u8; 32],
        cut_horizon: i64,
        size_warned_at: i64,
    }
}

/// Demands that nothing in a row's `extra` is said to be critical: this release knows nothing there, and
/// what it does not know must not be passed over where that is unsafe.
///
/// # Errors
/// [`Error::NewerFile`], [`Error::Corrupt`].
pub(crate) fn check_extra(extra: &str) -> Result<()> {
    if extra == NO_EXTRA {
        return Ok(());
    }
    let members: serde_json::Value = serde_json::from_str(extra)
        .map_err(|_| Error::Corrupt { what: "the extra members of a row".to_owned() })?;
    let critical = members.get("critical").and_then(serde_json::Value::as_array);
    if critical.is_some_and(|critical| !critical.is_empty()) {
        return Err(Error::NewerFile { needs: schema::FORMAT + 1, known: schema::FORMAT });
    }
    Ok(())
}

/// The `extra` of a row to which no later release has added anything.
pub(crate) const NO_EXTRA: &str = "{}";
