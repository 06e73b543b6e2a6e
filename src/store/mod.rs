//! Rows: one SQLite file, its key file and its freshness file. Holds no rule and reads no clock.

mod audit;
mod backup;
mod check;
mod create;
mod cut;
mod db;
mod freshness;
mod key_file;
mod keys;
mod living;
mod logins;
mod master;
mod member;
mod open;
mod pair;
mod prune;
mod reader;
mod record;
mod rekey;
mod reserve;
mod restore;
mod rows;
mod schema;
mod size;
mod state;
mod tables;
#[cfg(test)]
mod tests;
mod transaction;
mod view;
mod writer;

pub(crate) use audit::{
    AuditEntry, AuditFilter, AuditHead, AuditRow, HostEvent, row_digest, verify_head,
};
pub(crate) use backup::Copied;
pub(crate) use check::Finding;
pub(crate) use living::{Awaiting, Living};
pub(crate) use logins::{FailureKey, FailureRow};
pub(crate) use master::{KeySource, MasterKey, Opener};
pub(crate) use open::{Creation, Store};
pub(crate) use prune::Leftovers;
pub(crate) use restore::{Acceptance, Accepted};
pub(crate) use rows::{
    AuditKeyRow, ClientRow, CodeRow, CredentialRow, GrantRow, IssuerRow, NO_EXTRA, OpaqueTokenRow,
    RefreshTokenRow, RevokedTokenRow, RoleRow, SettingsRow, SigningKeyRow, UserRow, check_extra,
};
pub(crate) use size::FileSize;
pub(crate) use state::{Clockwork, State};
pub(crate) use transaction::{Identity, Tx, Used};
pub(crate) use view::{ChangeRow, DecisionRow, PeerRow, ScopeRow, UseRow, View};
pub(crate) use writer::{Moment, Outcome, lock};
