//! The wire: reads requests, prints responses. Decides nothing: it parses, and prints what was decided.

mod authorize;
mod bearer;
mod biot;
mod cookie;
mod cors;
mod credentials;
mod form;
mod forwarded;
mod html;
mod http;
mod introspect;
mod login;
mod metadata;
mod page;
mod pending;
mod refusal;
mod route;
mod style;
mod token;

pub use http::{HttpRequest, HttpResponse};

pub(crate) use authorize::{
    AuthorizationError, AuthorizationRequest, WayBack, print_as_get, print_on_to_consent,
};
pub(crate) use bearer::{challenge, read_bearer};
pub(crate) use biot::{
    BiotTokens, print_biot_refusal, print_biot_tokens, read_biot_login, read_biot_refresh,
};
pub(crate) use cookie::BrowserCookie;
pub(crate) use cors::{add_cors, print_preflight};
pub(crate) use form::ReadFailure;
pub(crate) use forwarded::forwarded;
pub(crate) use introspect::{print_introspection, print_revoked, read_token_parameter};
pub(crate) use login::{Arrival, LoginAttempt, read_arrival};
pub(crate) use metadata::{print_jwks, print_metadata};
pub(crate) use page::{
    Clinic, Notice, PageForm, Problem, print_consent, print_login, print_problem,
};
pub(crate) use pending::PendingRequest;
pub(crate) use refusal::{
    RefusalShape, print_failure, print_not_found, print_refusal, print_too_large,
};
pub(crate) use route::{Endpoint, check_method, route};
pub(crate) use token::{print_token, read_token_request};
