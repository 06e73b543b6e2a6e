//! Administration as documents: a request and a response for every operation of `call`.
//!
//! Members are named as the RFCs name them where one does. Unknown, duplicate and ill-typed members are
//! refused with their path. Times are whole seconds since 1970-01-01 UTC (RFC 7519 NumericDate), but
//! those of the audit, which are milliseconds.

mod audit;
mod backup;
mod check;
mod client;
mod clock;
mod document;
mod export;
mod grant;
mod issuer;
mod key;
mod leak;
mod metadata;
mod report;
mod role;
#[cfg(feature = "schema")]
mod schema;
mod scope;
mod secret;
mod settings;
mod status;
mod token;
mod transfer;
mod user;

pub use audit::{
    AuditEntryDocument, AuditExplain, AuditExplanation, AuditKeyDocument, AuditPage, AuditRead,
    AuditStart, AuditVerdict, AuditVerify,
};
pub use backup::{Backup, Refused, Restored};
pub use check::{DatabaseCheck, DatabaseChecked, FindingDocument};
pub use client::{
    ClientCreate, ClientCreated, ClientDelete, ClientDisable, ClientDocument, ClientEnable,
    ClientImport, ClientList, ClientPage, ClientRead, ClientRevoke, ClientUpdate, IssuerClientAdd,
};
pub use clock::{ClockAccept, ClockAccepted};
pub use document::{Done, Operation, RateDocument, SecretText};
pub use export::{
    AuditAnswer, AuditAppend, AuditAppended, AuditCheck, AuditExport, AuditExportPage,
    AuditHeadDocument, AuditHeadRead,
};
pub use grant::{GrantDocument, GrantList, GrantPage, GrantRevoke};
pub use issuer::{
    IssuerDelete, IssuerDisable, IssuerDocument, IssuerEnable, IssuerImport, IssuerList,
    IssuerPage, IssuerRead,
};
pub use key::{
    KeyDocument, KeyExport, KeyImport, KeyList, KeyPage, KeyRecovery, KeyRekey, KeyRekeyed,
    KeyRetire, KeyRotate, KeySet, RecoveryCodeDocument, SiteDocument,
};
pub use leak::{LeakDocument, LeakFind};
pub use report::{AuditReport, AuditReported, ClientMonth};
pub use role::{RoleCreate, RoleDelete, RoleDocument, RoleList, RolePage, RoleUpdate};
pub use scope::{ScopeAdd, ScopeDocument, ScopeList, ScopePage, ScopeRemove};
pub use secret::{
    PeerDocument, SecretConfirm, SecretCreate, SecretCreated, SecretDocument, SecretExpiring,
    SecretExpiringPage, SecretImport, SecretList, SecretPage, SecretRevoke, SecretRotate,
    SecretRotated, SecretUpdate,
};
pub use settings::{SettingsDocument, SettingsGet, SettingsSet};
pub use status::{DatabasePrune, DatabasePruned, DatabaseStatus, DatabaseStatusDocument};
pub use token::{TokenDocument, TokenIntrospect, TokenRevoke};
pub use transfer::{ClientAdopt, ClientExport, ClientExported, Exported, ExportedClient};
pub use user::{
    UserConfirm, UserConfirmed, UserCreate, UserDelete, UserDisable, UserDocument, UserEnable,
    UserList, UserPage, UserRead, UserRevoke, UserSetPassword, UserUpdate,
};

pub(crate) use audit::{explanation, page};
pub(crate) use backup::keep;
pub(crate) use document::{parse, print};
pub(crate) use export::{export_row, export_start};
pub(crate) use grant::{PendingDocument, PendingScope};
#[cfg(feature = "schema")]
pub(crate) use schema::Schemas;
pub(crate) use secret::SecretLife;
pub(crate) use settings::settings_of_json;
pub(crate) use settings::{document_of_settings, settings_of_document};
pub(crate) use token::ClaimsDocument;
pub(crate) use user::{scope as read_scope, username as read_username};
