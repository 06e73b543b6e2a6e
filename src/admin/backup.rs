//! What a backup and a restore report.

use serde::Serialize;

/// A copy of the database that was made while it was in use ([`crate::Engine::backup`]). It is a whole
/// database: to use it, put it in the database's place and restore it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Backup {
    /// Where it is.
    pub path: String,
    /// Its size, in bytes.
    pub bytes: u64,
    /// Its pages, of SQLite's size.
    pub pages: u64,
    /// The last row of the audit that it holds.
    pub audit_sequence: u64,
    /// That row's hash, in hexadecimal: the head that the copy's chain ends in.
    pub audit_head: String,
    /// Where the master key is that opens it: `file`, `host` or `dpapi`. No key is in the copy.
    pub key_source: &'static str,
    /// The id of that key.
    pub key_id: String,
    /// Whether the key file beside the database opens the copy. Absent where the host has the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_found: Option<bool>,
    /// Whether the recovery code that `key.recovery` gave last opens the copy too. Without one, whoever loses
    /// the key loses every copy.
    pub recovery_code: bool,
    /// What to keep beside the copy, in words.
    pub keep: &'static str,
}

/// What a restore found, and what is refused since ([`crate::Engine::restored`]).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Restored {
    /// Whether a new epoch began: all that was issued until then is refused. Only a recovery of a database
    /// that is not an old copy begins none.
    pub new_epoch: bool,
    /// Whether secrets and passwords were trusted as they stood in the copy.
    pub trusted_secrets: bool,
    /// Writing transactions that the copy holds.
    pub commits: u64,
    /// Writing transactions that were acknowledged before, as the freshness file says; absent if there was
    /// none of this database. What is above `commits` is lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<u64>,
    /// The last row of the audit that the copy holds. Rows behind it are lost; heads that were exported of
    /// them are contradicted.
    pub audit_sequence: u64,
    /// That row's hash, in hexadecimal.
    pub audit_head: String,
    /// When the copy was last written, in seconds since 1970-01-01 UTC.
    pub written_at: i64,
    /// The name of a WAL that belonged to a later database and was set aside, behind the database's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wal_set_aside: Option<String>,
    /// What is refused from now on.
    pub refused: Vec<Refused>,
}

/// Things of one kind that a restore refuses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Refused {
    /// `access_token`, `opaque_token`, `grant`, `code`, `refresh_token`, `signing_key`, `client_secret` or `user`;
    /// `keyed_secret` (generated, or imported and strong) after a recovery without key.
    pub kind: &'static str,
    /// How many the copy holds that were good until now. Absent of `access_token`: JWTs leave no row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Why, and what helps.
    pub why: &'static str,
}

/// What to keep beside a copy whose key is from `source`.
pub(crate) fn keep(source: &str, key_found: Option<bool>, recovery_code: bool) -> &'static str {
    match (source, key_found, recovery_code) {
        ("file" | "dpapi", Some(false), true) => {
            "the key file beside the database does not open this copy: only the recovery code does"
        }
        ("file" | "dpapi", Some(false), false) => {
            "the key file beside the database does not open this copy, and there is no recovery code: \
             nobody will be able to open it unless that key is elsewhere"
        }
        ("dpapi", _, true) => {
            "on another machine only the recovery code opens this copy: Windows sealed the key for this one"
        }
        ("dpapi", _, false) => {
            "no other machine can open this copy: make a recovery code (key.recovery) and copy again"
        }
        ("file", _, true) => {
            "keep the key file (its name ends in .key) or the recovery code, apart from this copy: one of \
             them opens it"
        }
        ("file", _, false) => {
            "keep the key file (its name ends in .key) apart from this copy: nothing else opens it, for \
             there is no recovery code (key.recovery)"
        }
        (_, _, true) => "the host's key of this id, or the recovery code, opens this copy",
        (_, _, false) => {
            "only the host's key of this id opens this copy: there is no recovery code (key.recovery)"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_keep_names_the_recovery_code_exactly_where_it_is_said_to_help() {
        for source in ["file", "host", "dpapi"] {
            for found in [None, Some(true), Some(false)] {
                let (with, without) = (keep(source, found, true), keep(source, found, false));
                assert!(with.contains("recovery code"), "{with}");
                assert!(
                    without.contains("no recovery code") || without.contains("make a recovery")
                );
                assert_ne!(with, without);
            }
        }
    }
}
