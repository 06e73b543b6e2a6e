//! The wire: reads requests, prints responses. Decides nothing: it parses, and prints what was decided.

#[cfg_attr(not(test), expect(dead_code, reason = "the authorization endpoint calls it"))]
mod authorize;
mod bearer;
mod biot;
#[cfg_attr(not(test), expect(dead_code, reason = "the authorization endpoint calls it"))]
mod cookie;
#[cfg_attr(not(test), expect(dead_code, reason = "the authorization endpoint calls it"))]
mod cors;
mod credentials;
mod form;
mod forwarded;
mod html;
mod http;
mod introspect;
#[cfg_attr(not(test), expect(dead_code, reason = "the authorization endpoint calls it"))]
mod login;
mod metadata;
#[cfg_attr(not(test), expect(dead_code, reason = "the authorization endpoint calls it"))]
mod page;
mod refusal;
mod route;
mod style;
#[cfg_attr(not(test), expect(dead_code, reason = "the authorization endpoint calls it"))]
mod texts;
mod token;

pub use http::{HttpRequest, HttpResponse};

#[expect(unused_imports, reason = "the authorization endpoint calls it")]
pub(crate) use authorize::{
    Asked, AuthorizationError, AuthorizationErrorCode, AuthorizationRequest, WayBack,
};
pub(crate) use bearer::{challenge, read_bearer};
pub(crate) use biot::{
    BiotTokens, print_biot_refusal, print_biot_tokens, read_biot_login, read_biot_refresh,
};
#[expect(unused_imports, reason = "the authorization endpoint calls it")]
pub(crate) use cookie::BrowserCookie;
#[expect(unused_imports, reason = "the authorization endpoint calls it")]
pub(crate) use cors::{add_cors, print_preflight};
pub(crate) use form::ReadFailure;
pub(crate) use forwarded::forwarded;
pub(crate) use introspect::{print_introspection, print_revoked, read_token_parameter};
pub(crate) use login::LoginAttempt;
#[expect(unused_imports, reason = "the authorization endpoint calls it")]
pub(crate) use login::{Arrival, read_arrival};
pub(crate) use metadata::{print_jwks, print_metadata};
#[expect(unused_imports, reason = "the authorization endpoint calls it")]
pub(crate) use page::{
    Clinic, Notice, PageForm, Problem, print_consent, print_login, print_problem,
};
pub(crate) use refusal::{
    RefusalShape, print_failure, print_not_found, print_refusal, print_too_large,
};
pub(crate) use route::{Endpoint, check_method, route};
#[expect(unused_imports, reason = "the authorization endpoint calls it")]
pub(crate) use texts::Texts;
pub(crate) use token::{print_token, read_token_request};
