//! Administration by documents.

use crate::admin::{self, Operation};
use crate::base::{CredentialId, UserId};
use crate::crypto;
use crate::domain::Context;
use crate::engine::Engine;
use crate::engine::administer::Administer;
use crate::error::{Error, Result};

impl Engine {
    /// Runs an administrative operation, typed.
    ///
    /// ```
    /// use wardkey::admin::{ClientCreate, ClientList};
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let options = wardkey::Options::new(folder.path().join("clinic.db"));
    /// # let admin = wardkey::Context::by("anna");
    /// # wardkey::Engine::create(&options, &wardkey::Settings::default(), &admin)?;
    /// # let engine = wardkey::Engine::open(&options)?;
    /// let created = engine.run(&admin, ClientCreate {
    ///     client_name: Some("Lab Interface".into()),
    ///     scope: Some("lab:read lab:write".into()),
    ///     ..ClientCreate::default()
    /// })?;
    /// println!("keep this, it is shown once: {}", created.client_secret.as_deref().unwrap());
    /// assert_eq!(engine.run(&admin, ClientList::default())?.clients.len(), 1);
    /// # Ok::<(), wardkey::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::ActorMissing`] without an actor in the context; those of the operation.
    pub fn run<O: Administer>(&self, context: &Context<'_>, operation: O) -> Result<O::Response> {
        self.check_open()?;
        let (frame, now) = self.current()?;
        let actor = self.actor(context, &frame.settings.trusted_proxies, now)?;
        self.flush_if_due(now);
        let answer = operation.administer(self, actor, now).map_err(discreet);
        self.tend_keys_if_due(now);
        answer
    }

    /// Runs the administrative operation `name` with a JSON request, and returns its JSON response.
    ///
    /// # Errors
    /// [`Error::UnknownOperation`]; [`Error::InvalidDocument`] with the member's path; those of
    /// [`Engine::run`].
    pub fn call(&self, context: &Context<'_>, name: &str, json: &[u8]) -> Result<Vec<u8>> {
        self.check_open()?;
        let operation = OPERATIONS.iter().find(|(known, _)| *known == name);
        let (_, run) =
            operation.ok_or_else(|| Error::UnknownOperation { name: name.to_owned() })?;
        run(self, context, json)
    }

    /// The names of all operations of [`Engine::call`].
    pub fn operations() -> impl Iterator<Item = &'static str> {
        OPERATIONS.iter().map(|(name, _)| *name)
    }

    /// The requests and responses of all operations as a JSON Schema (2020-12).
    #[cfg(feature = "schema")]
    #[must_use]
    pub fn schema() -> String {
        schemas().print()
    }
}

/// An error repeats the id that was asked for, unless it may be a secret or token in the wrong member:
/// errors go to logs. A secret that somebody chose cannot be told from the id of an imported client.
fn discreet(mut error: Error) -> Error {
    if let Error::NotFound { what, id } | Error::Conflict { what, id } = &mut error {
        let bytes = id.as_bytes();
        let may_be_secret = (*what == "secret" && CredentialId::parse(id).is_none())
            || (*what == "user" && UserId::parse(id).is_none())
            || crypto::looks_secret(bytes)
            || bytes.len() > ID_LIMIT;
        if may_be_secret {
            UNTOLD.clone_into(id);
        }
    }
    error
}

/// Longest id that an error repeats, with words beside it; every JWT is longer.
const ID_LIMIT: usize = 300;

/// Instead of an id that is not repeated.
const UNTOLD: &str = "(an id not shown)";

type Run = fn(&Engine, &Context<'_>, &[u8]) -> Result<Vec<u8>>;

fn run<O: Administer>(engine: &Engine, context: &Context<'_>, json: &[u8]) -> Result<Vec<u8>> {
    let request: O = admin::parse(json)?;
    admin::print(&engine.run(context, request)?)
}

macro_rules! operations {
    ($($type:ident,)*) => {
        /// Every operation by its name.
        const OPERATIONS: &[(&str, Run)] =
            &[$((<admin::$type as Operation>::NAME, run::<admin::$type>),)*];

        #[cfg(feature = "schema")]
        fn schemas() -> admin::Schemas {
            let mut schemas = admin::Schemas::new();
            $(schemas.add::<admin::$type>();)*
            schemas
        }
    };
}

operations! {
    AuditAppend,
    AuditCheck,
    AuditExplain,
    AuditExport,
    AuditHeadRead,
    AuditRead,
    AuditReport,
    AuditVerify,
    ClientAdopt,
    ClientCreate,
    ClientDelete,
    ClientDisable,
    ClientEnable,
    ClientExport,
    ClientImport,
    ClientList,
    ClientRead,
    ClientRevoke,
    SecretConfirm,
    SecretCreate,
    SecretExpiring,
    SecretImport,
    SecretList,
    SecretRevoke,
    SecretRotate,
    SecretUpdate,
    ClientUpdate,
    ClockAccept,
    DatabaseCheck,
    DatabasePrune,
    DatabaseStatus,
    GrantList,
    GrantRevoke,
    IssuerClientAdd,
    IssuerDelete,
    IssuerDisable,
    IssuerEnable,
    IssuerImport,
    IssuerList,
    IssuerRead,
    KeyExport,
    KeyImport,
    KeyList,
    KeyRecovery,
    KeyRekey,
    KeyRetire,
    KeyRotate,
    LeakFind,
    RoleCreate,
    RoleDelete,
    RoleList,
    RoleUpdate,
    ScopeAdd,
    ScopeList,
    ScopeRemove,
    SettingsGet,
    SettingsSet,
    TokenIntrospect,
    TokenRevoke,
    UserConfirm,
    UserCreate,
    UserDelete,
    UserDisable,
    UserEnable,
    UserList,
    UserRead,
    UserRevoke,
    UserSetPassword,
    UserUpdate,
}
