//! The rules: who may have which token, and what makes one valid. No SQL, no JSON, no HTTP.

mod actor;
mod authenticate;
mod builtin;
mod catalogue;
mod client;
mod clock;
mod code;
mod credential;
mod dialect;
mod failures;
mod gate;
mod grant;
mod issue;
mod issuer;
mod key_rotation;
mod keyring;
mod login;
mod password;
mod peer;
mod people;
mod pkce;
mod rate;
mod redirect;
mod refresh;
mod registration;
mod revocation;
mod rotation;
mod scope;
mod settings;
mod standing;
mod strength;
mod texts;
mod throttle;
mod token;
mod user;
mod username;

#[cfg(test)]
pub(crate) use keyring::tests::made as keys_made;

pub use client::TokenFormat;
pub use dialect::Dialect;
pub use gate::Required;
pub use peer::Context;
pub use rate::RateLimit;
pub use scope::Scope;
pub use settings::Settings;
pub use texts::Texts;

pub(crate) use texts::next_placeholder;

pub(crate) use actor::{Actor, correlation_of};
pub(crate) use authenticate::{
    ClientState, Means, Presented, Proven, Reading, Refused, authenticate,
};
pub(crate) use builtin::{BIOT, enable_dialects};
pub(crate) use catalogue::{add_scope, first_scopes, remove_scope};
pub(crate) use client::{AuthMethod, Client, GrantType, Metadata, TokenTypeCase};
pub(crate) use clock::{STANDSTILL_MILLIS, TimeSet, accept_clock};
pub(crate) use code::{Code, Redemption, give_code, unspent_code};
pub(crate) use credential::{Credential, CredentialKind};
pub(crate) use dialect::Habits;
pub(crate) use gate::{Ask, Permit, Subject, Wanted, examine, may_be_allowed, pass};
pub(crate) use grant::{Grant, NewGrant, begin_grant, revoke_grant};
pub(crate) use issue::{Issued, Making, Ticket, plan, record, stale};
pub(crate) use issuer::{
    FOREIGN_FUTURE_MILLIS, FOREIGN_LIFETIME, Issuer, Issuers, NewIssuer, delete_issuer,
    import_issuer, set_issuer_enabled,
};
pub(crate) use key_rotation::{
    algorithms_in_use, make_key, refuse_key, retire_all, retire_unused, take_over, tend_keys,
};
pub(crate) use keyring::{Key, Keyring, NewKey};
pub(crate) use login::{Attempt, HostAnswer, LoggedIn, Trial, Verdict, settle};
pub(crate) use password::{Password, Unfit, check_new_password, passwords_of_name};
pub(crate) use peer::Peer;
pub(crate) use people::{
    NewUser, check_own, confirm_user, confirm_users, create_role, create_user, delete_role,
    delete_user, disable_all_users, revoke_user_tokens, set_password, set_user_enabled,
    unconfirm_users, update_role, update_user, vouch_for,
};
pub(crate) use pkce::Challenge;
pub(crate) use rate::{Bucket, Budgets, Meter, Steady, Strike, Strikes};
pub(crate) use redirect::{RedirectUri, scheme_and_authority};
pub(crate) use refresh::{Family, first_refresh_token, rotates};
pub(crate) use registration::{
    NewSecret, Origin, add_foreign_client, adopt_client, confirm_secret, create_client,
    create_secret, delete_client, disable_all_clients, import_secret, revoke_client_tokens,
    revoke_secret, set_enabled, unconfirm_all, update_client,
};
pub(crate) use revocation::revoke_token;
pub(crate) use rotation::{
    Rotation, SecretChange, rotate_secret, strengthen_secret, update_secret,
};
pub(crate) use throttle::Throttle;
pub(crate) use token::{
    Behind, Expected, NamedToken, Stands, TokenFacts, check_jwt, check_standing, facts_of_row,
    name_jwt, name_row,
};
pub(crate) use user::UserState;
pub(crate) use user::{Role, User, UserOrigin};
pub(crate) use username::Username;
