//! Client authentication at the token, introspection and revocation endpoints (RFC 6749 2.3).

use crate::base::{Secret, encode};
use crate::domain::{AuthMethod, Presented};
use crate::error::Denied;
use crate::oauth::form::{CLIENT_ASSERTION, CLIENT_ID, CLIENT_SECRET, Form, decode};
use crate::oauth::http::{HttpRequest, credentials_of, only_value};
use crate::oauth::refusal::RefusalShape;
use zeroize::Zeroizing;

/// How a client says who it is.
pub(crate) struct Credentials {
    /// One reading, or two: try them in order. Each already passed [`Presented::check`].
    pub(crate) candidates: Vec<Presented>,
    /// Whether the `Authorization` header was used.
    pub(crate) basic: bool,
}

impl Credentials {
    /// Reads the credentials of a request whose body is `form`.
    ///
    /// # Errors
    /// [`Denied::InvalidRequest`] for two methods, two headers, two different ids, or a secret without an
    /// id. [`Denied::CredentialMalformed`] for bytes that no client can have. [`Denied::SecretMissing`]
    /// without any credentials. [`Denied::AuthenticationMethod`] for an assertion.
    pub(super) fn read(request: &HttpRequest<'_>, form: &Form) -> Result<Self, Denied> {
        let authorization =
            only_value(request.headers, "Authorization", "there are two Authorization headers")?;
        // Another scheme, such as the token of a proxy's own login, is none of our business.
        let basic = authorization.and_then(|value| credentials_of(value, "Basic"));
        check_one_method(basic.is_some(), form)?;
        match basic {
            Some(encoded) => read_basic(encoded, form),
            None => read_form(form),
        }
    }

    /// No client is named.
    pub(super) const fn absent() -> Self {
        Self { candidates: Vec::new(), basic: false }
    }

    /// Whether the request has an id and nothing to prove it with: what a public client sends.
    pub(crate) fn is_id_alone(&self) -> bool {
        !self.basic && self.candidates.iter().all(|presented| presented.secret.is_none())
    }

    /// How a refusal of these credentials looks.
    // It follows from the request's form, not from whether the client is public: else it would tell a
    // disabled public client from an unknown one (conformance 14, 15).
    pub(crate) fn refusal_shape(&self) -> RefusalShape {
        RefusalShape { challenge: !self.is_id_alone() }
    }
}

/// RFC 6749 2.3: "The client MUST NOT use more than one authentication method in each request."
fn check_one_method(basic: bool, form: &Form) -> Result<(), Denied> {
    let sent = |name| form.values(name).next().is_some();
    let methods = [basic, sent(CLIENT_SECRET), sent(CLIENT_ASSERTION)];
    if methods.into_iter().filter(|used| *used).count() > 1 {
        return Err(Denied::InvalidRequest { why: "the request uses two authentication methods" });
    }
    Ok(())
}

/// RFC 7617 2, with RFC 6749 2.3.1: "The client identifier is encoded using the
/// "application/x-www-form-urlencoded" encoding algorithm", and so is the secret. Many clients leave that
/// out, so what was sent is also read as it is; for the ids and secrets that we mint both are the same.
fn read_basic(encoded: &[u8], form: &Form) -> Result<Credentials, Denied> {
    let bytes =
        encode::from_base64(encoded).map(Zeroizing::new).ok_or(Denied::CredentialMalformed)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| Denied::CredentialMalformed)?;
    // RFC 7617 2: "a user-id containing a colon character is invalid, as the first colon in a user-pass
    // string separates user-id and password".
    let (raw_id, raw_secret) = text.split_once(':').ok_or(Denied::CredentialMalformed)?;
    let mut candidates = Vec::with_capacity(2);
    let decoded = decode(raw_id.as_bytes()).zip(decode(raw_secret.as_bytes()));
    let differs =
        decoded.as_ref().is_none_or(|(id, secret)| **id != raw_id || **secret != raw_secret);
    if let Some((id, secret)) = decoded {
        candidates.push(presented(&id, &secret, AuthMethod::ClientSecretBasic));
    }
    if differs {
        candidates.push(presented(raw_id, raw_secret, AuthMethod::ClientSecretBasic));
    }
    candidates.retain(|candidate| candidate.check().is_ok());
    if candidates.is_empty() {
        return Err(Denied::CredentialMalformed);
    }
    // RFC 6749 3.2.1 lets `client_id` come along. It may repeat the header's id, not contradict it.
    for client_id in form.values(CLIENT_ID) {
        candidates.retain(|candidate| candidate.client_id == client_id);
    }
    if candidates.is_empty() {
        return Err(Denied::InvalidRequest {
            why: "the body names another client than the header",
        });
    }
    Ok(Credentials { candidates, basic: true })
}

/// RFC 6749 2.3.1, `client_id` and `client_secret` in the body; a public client sends the former alone.
fn read_form(form: &Form) -> Result<Credentials, Denied> {
    let client_id = form.only(CLIENT_ID)?;
    let secret = form.only(CLIENT_SECRET)?;
    if form.only(CLIENT_ASSERTION)?.is_some() {
        return Err(Denied::AuthenticationMethod);
    }
    let candidate = match (client_id, secret) {
        (Some(id), Some(secret)) => presented(id, secret, AuthMethod::ClientSecretPost),
        (Some(id), None) => presented(id, "", AuthMethod::None),
        (None, Some(_)) => return Err(Denied::InvalidRequest { why: "client_id is missing" }),
        (None, None) => return Err(Denied::SecretMissing),
    };
    candidate.check()?;
    Ok(Credentials { candidates: vec![candidate], basic: false })
}

/// RFC 6749 2.3.1: an empty secret and an absent one are the same; nobody has such a secret.
fn presented(client_id: &str, secret: &str, method: AuthMethod) -> Presented {
    Presented {
        client_id: client_id.to_owned(),
        secret: (!secret.is_empty()).then(|| Secret::copy_of(secret.as_bytes())),
        method: Some(method),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Settings;
    use crate::oauth::form::tests::FORM;
    use base64::Engine as _;
    use proptest::prelude::*;

    const KNOWN: &[&str] = &[CLIENT_ID, CLIENT_SECRET, CLIENT_ASSERTION];

    fn read(authorization: &[&[u8]], body: &str) -> Result<Credentials, Denied> {
        let mut headers = vec![FORM];
        headers.extend(authorization.iter().map(|value| ("authorization", *value)));
        let request =
            HttpRequest { headers: &headers, body: body.as_bytes(), ..HttpRequest::default() };
        let Ok(form) = Form::read(&request, &Settings::default(), KNOWN) else {
            panic!("the form is at fault: {body}");
        };
        Credentials::read(&request, &form)
    }

    fn basic(user_pass: &[u8], body: &str) -> Result<Credentials, Denied> {
        let encoded = base64::engine::general_purpose::STANDARD.encode(user_pass);
        read(&[format!("Basic {encoded}").as_bytes()], body)
    }

    /// Each candidate as `id:secret`.
    fn shown(credentials: Result<Credentials, Denied>) -> Result<Vec<String>, Denied> {
        let show = |candidate: &Presented| {
            let secret = candidate.secret.as_ref().map_or(&b"(none)"[..], Secret::expose);
            format!("{}:{}", candidate.client_id, String::from_utf8_lossy(secret))
        };
        credentials.map(|credentials| credentials.candidates.iter().map(show).collect())
    }

    fn is_invalid(credentials: Result<Credentials, Denied>) -> bool {
        matches!(credentials, Err(Denied::InvalidRequest { .. }))
    }

    #[test]
    fn basic_is_read_decoded_first_and_then_raw_where_that_differs() {
        // conformance 5: compare decoded first, then raw
        assert_eq!(shown(basic(b"wkc_a:wks_b", "")), Ok(vec!["wkc_a:wks_b".into()]));
        assert_eq!(
            shown(basic(b"a%2Db:c%2Dd", "")),
            Ok(vec!["a-b:c-d".into(), "a%2Db:c%2Dd".into()])
        );
        assert_eq!(shown(basic(b"a:b+c", "")), Ok(vec!["a:b c".into(), "a:b+c".into()]));
        assert_eq!(shown(basic(b"a:100%", "")), Ok(vec!["a:100%".into()]));
        assert_eq!(shown(basic(b"a:%ff", "")), Ok(vec!["a:%ff".into()]));
    }

    #[test]
    fn basic_is_split_at_the_first_colon_before_it_is_decoded() {
        // conformance 5: split at the first colon; then form-decode both halves
        assert_eq!(shown(basic(b"a:b:c", "")), Ok(vec!["a:b:c".into()]));
        let read = basic(b"a%3Ab:c", "").unwrap();
        assert_eq!(read.candidates[0].client_id, "a:b");
        assert_eq!(read.candidates[1].client_id, "a%3Ab");
    }

    #[test]
    fn the_scheme_is_case_insensitive_and_the_method_is_noted() {
        // conformance 5: scheme is case-insensitive
        let read = read(&[b"bASIC   YTpi"], "").unwrap();
        assert!(read.basic && !read.is_id_alone());
        assert_eq!(read.candidates[0].method, Some(AuthMethod::ClientSecretBasic));
    }

    #[test]
    fn bad_bytes_in_basic_are_an_invalid_client_and_never_a_failure() {
        // conformance 5: strict base64, and bad bytes are never a 500
        for value in [
            &b"Basic"[..],
            b"Basic YTpi=",
            b"Basic YTp",
            b"Basic YQ",
            b"Basic YTpj\xff",
            b"Basic YT pi",
            b"Basic YWI=",
            b"Basic -_8=",
        ] {
            assert_eq!(read(&[value], "").err(), Some(Denied::CredentialMalformed), "{value:?}");
        }
        for user_pass in [&b""[..], b"nocolon", b"\xff:\xff", b"a:\xe9", b":b", b":"] {
            assert_eq!(
                basic(user_pass, "").err(),
                Some(Denied::CredentialMalformed),
                "{user_pass:?}"
            );
        }
    }

    #[test]
    fn control_characters_are_refused_before_any_lookup() {
        // conformance 7
        for user_pass in [&b"a\0:b"[..], b"a:b\n", b"a:\x7f"] {
            assert_eq!(
                basic(user_pass, "").err(),
                Some(Denied::CredentialMalformed),
                "{user_pass:?}"
            );
        }
        for body in
            ["client_id=a%00&client_secret=b", "client_id=a&client_secret=%0a", "client_id=%01"]
        {
            assert_eq!(read(&[], body).err(), Some(Denied::CredentialMalformed), "{body}");
        }
        // Decoded it holds NUL, so that reading is none; as sent it is printable.
        assert_eq!(shown(basic(b"a:%00", "")), Ok(vec!["a:%00".into()]));
    }

    #[test]
    fn the_form_is_as_good_as_basic() {
        // conformance 6
        let credentials = read(&[], "client_id=a%2Db&client_secret=c%2Bd").unwrap();
        assert!(!credentials.basic && !credentials.is_id_alone());
        assert_eq!(credentials.candidates[0].method, Some(AuthMethod::ClientSecretPost));
        assert_eq!(shown(Ok(credentials)), Ok(vec!["a-b:c+d".into()]));
    }

    #[test]
    fn an_id_alone_is_a_public_clients() {
        for body in ["client_id=a", "client_id=a&client_secret="] {
            let credentials = read(&[], body).unwrap();
            assert!(credentials.is_id_alone());
            assert_eq!(credentials.candidates[0].method, Some(AuthMethod::None));
            assert_eq!(credentials.refusal_shape(), RefusalShape { challenge: false });
            assert_eq!(shown(Ok(credentials)), Ok(vec!["a:(none)".into()]));
        }
        let empty = basic(b"a:", "").unwrap();
        assert!(!empty.is_id_alone() && empty.refusal_shape().challenge);
        assert_eq!(shown(Ok(empty)), Ok(vec!["a:(none)".into()]));
    }

    #[test]
    fn no_credentials_are_an_invalid_client() {
        assert_eq!(read(&[], "").err(), Some(Denied::SecretMissing));
        assert_eq!(read(&[b"Bearer abc"], "client_id=").err(), Some(Denied::SecretMissing));
        assert_eq!(
            shown(read(&[b"Bearer x"], "client_id=a&client_secret=b")),
            Ok(vec!["a:b".into()])
        );
    }

    #[test]
    fn a_secret_without_an_id_is_an_invalid_request() {
        assert!(is_invalid(read(&[], "client_secret=b")));
    }

    #[test]
    fn two_methods_are_an_invalid_request() {
        // conformance 4
        assert!(is_invalid(basic(b"a:b", "client_id=a&client_secret=b")));
        assert!(is_invalid(basic(b"\xff", "client_secret=b")));
        assert!(is_invalid(basic(b"a:b", "client_assertion=x")));
        assert!(is_invalid(read(&[], "client_id=a&client_secret=b&client_assertion=x")));
        assert!(is_invalid(read(&[b"Basic YTpi", b"Basic YTpi"], "")));
        assert!(is_invalid(read(&[b"Basic YTpi", b"Bearer x"], "")));
        assert_eq!(
            read(&[], "client_id=a&client_assertion=x").err(),
            Some(Denied::AuthenticationMethod)
        );
    }

    #[test]
    fn the_same_id_beside_basic_is_fine_and_another_is_not() {
        // conformance 2: a repeated `client_id` beside Basic, and conformance 4
        assert_eq!(shown(basic(b"a:b", "client_id=a")), Ok(vec!["a:b".into()]));
        assert_eq!(shown(basic(b"a:b", "client_id=a&client_id=a")), Ok(vec!["a:b".into()]));
        assert_eq!(shown(basic(b"a%2Db:c", "client_id=a-b")), Ok(vec!["a-b:c".into()]));
        assert_eq!(shown(basic(b"a%2Db:c", "client_id=a%252Db")), Ok(vec!["a%2Db:c".into()]));
        assert!(is_invalid(basic(b"a:b", "client_id=c")));
        assert!(is_invalid(basic(b"a:b", "client_id=a&client_id=c")));
        assert!(is_invalid(read(&[], "client_id=a&client_id=a&client_secret=b")));
    }

    proptest! {
        #[test]
        fn no_header_panics(value in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = read(&[&value], "client_id=a");
        }

        #[test]
        fn no_user_pass_panics(user_pass in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = basic(&user_pass, "");
        }

        #[test]
        fn what_a_strict_client_encodes_is_the_first_reading(
            id in "[ -~]{1,40}", secret in "[ -~]{1,40}",
        ) {
            let encode = |text: &str| text.bytes().map(|b| format!("%{b:02X}")).collect::<String>();
            let read = basic(format!("{}:{}", encode(&id), encode(&secret)).as_bytes(), "").unwrap();
            prop_assert_eq!(&read.candidates[0].client_id, &id);
            prop_assert!(read.candidates[0].secret.as_ref().unwrap().matches(secret.as_bytes()));
        }

        #[test]
        fn what_a_plain_client_sends_is_one_of_the_readings(
            id in "[!-9;-~]{1,40}", secret in "[ -~]{1,40}",
        ) {
            let read = basic(format!("{id}:{secret}").as_bytes(), "").unwrap();
            let last = read.candidates.last().unwrap();
            prop_assert_eq!(&last.client_id, &id);
            prop_assert!(last.secret.as_ref().unwrap().matches(secret.as_bytes()));
        }
    }
}
