//! The pages of the authorization endpoint: sign in, allow, and what went wrong.
//!
//! Plain HTML: no script, nothing loaded from elsewhere, one form each. A page works in any browser, by
//! keyboard, on a phone, and without the pages' own origin being allowed to run anything.

use crate::base::encode;
use crate::crypto;
use crate::domain::{RedirectUri, Texts, scheme_and_authority};
use crate::error::{Denied, Error};
use crate::oauth::form::ReadFailure;
use crate::oauth::html::Html;
use crate::oauth::http::HttpResponse;
use crate::oauth::login::{ACTION, ALLOW, DENY, PASSWORD, PENDING, SIGN_IN, USERNAME};
use crate::oauth::style::STYLE;

/// What every page shows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clinic<'a> {
    pub(crate) texts: &'a Texts,
    /// The clinic's name, as in the settings.
    pub(crate) name: &'a str,
}

/// What a page with a form is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PageForm<'a> {
    /// The client's name.
    pub(crate) client: &'a str,
    /// Where the browser goes in the end.
    pub(crate) redirect_uri: &'a RedirectUri,
    /// What the client is registered with: its redirect URIs, and the origins of its pages.
    pub(crate) registered: [&'a [String]; 2],
    /// The sealed request, which the form sends back.
    pub(crate) sealed: &'a str,
}

/// Why the login page is shown again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Notice {
    /// Wrong user or wrong password: nobody is told which.
    Wrong,
    /// Too many attempts.
    Throttled {
        /// Seconds until the next may succeed.
        retry_after: u32,
    },
    /// As many passwords are being checked as may be at once.
    Busy,
}

/// Prints the login page; after a failed attempt with a notice, and the user name that was tried.
pub(crate) fn print_login(
    clinic: &Clinic<'_>,
    form: &PageForm<'_>,
    username: &str,
    notice: Option<Notice>,
) -> HttpResponse {
    let texts = clinic.texts;
    let names = [("client", form.client), ("clinic", clinic.name)];
    let mut html = clinic.start(&texts.login_title);
    html.markup("<p>").filled(&texts.login_intro, &names).markup("</p>\n");
    if let Some(notice) = notice {
        print_notice(&mut html, texts, notice);
    }
    start_form(&mut html, form);
    // The first empty field has the focus.
    let focus = |wanted: bool| if wanted { " autofocus" } else { "" };
    html.markup("<label for=\"u\">")
        .text(&texts.username)
        .markup("</label>\n<input id=\"u\" name=\"");
    html.markup(USERNAME).markup("\" value=\"").text(username);
    html.markup(
        "\" autocomplete=\"username\" autocapitalize=\"none\" autocorrect=\"off\" spellcheck=\"false\" required",
    );
    html.markup(focus(username.is_empty())).markup(">\n<label for=\"p\">").text(&texts.password);
    html.markup("</label>\n<input id=\"p\" name=\"").markup(PASSWORD);
    html.markup("\" type=\"password\" autocomplete=\"current-password\" required");
    html.markup(focus(!username.is_empty())).markup(">\n");
    // The first button is the one that Enter presses.
    button(&mut html, SIGN_IN, " class=\"main\"", &texts.sign_in);
    button(&mut html, DENY, " formnovalidate", &texts.cancel);
    html.markup("</form>\n<p class=\"soft\">");
    html.filled(&texts.login_hint, &[("clinic", clinic.name)]).markup("</p>\n");
    let (status, retry_after) = match notice {
        // Not a 4xx: servers and proxies put pages of their own in the place of those, and this one is to be
        // filled in again.
        None | Some(Notice::Wrong) => (200, None),
        Some(Notice::Throttled { retry_after }) => (429, Some(retry_after.max(1))),
        Some(Notice::Busy) => (503, Some(1)),
    };
    let response = finish(html, status, &form_action(form));
    match retry_after {
        Some(seconds) => response.with_header("Retry-After", seconds.to_string()),
        None => response,
    }
}

fn print_notice(html: &mut Html, texts: &Texts, notice: Notice) {
    html.markup("<p class=\"bad\" role=\"alert\">");
    match notice {
        Notice::Wrong => html.text(&texts.login_wrong),
        Notice::Busy => html.text(&texts.login_busy),
        Notice::Throttled { retry_after } if retry_after <= LONGEST_IN_SECONDS => {
            let seconds = retry_after.max(1).to_string();
            html.filled(&texts.throttled_seconds, &[("seconds", &seconds)])
        }
        Notice::Throttled { retry_after } => {
            let minutes = retry_after.div_ceil(60).to_string();
            html.filled(&texts.throttled_minutes, &[("minutes", &minutes)])
        }
    };
    html.markup("</p>\n");
}

/// Prints the consent page. `user` is the name that the person signed in with; `scopes` are words with their
/// descriptions from the catalogue.
pub(crate) fn print_consent(
    clinic: &Clinic<'_>,
    form: &PageForm<'_>,
    user: &str,
    scopes: &[(&str, &str)],
) -> HttpResponse {
    let texts = clinic.texts;
    let names = [("client", form.client), ("clinic", clinic.name)];
    let mut html = clinic.start(&texts.consent_title);
    html.markup("<p>").filled(&texts.consent_intro, &names).markup("</p>\n<p>");
    if scopes.is_empty() {
        html.filled(&texts.consent_no_scopes, &names).markup("</p>\n");
    } else {
        html.filled(&texts.consent_scopes, &names).markup("</p>\n<ul role=\"list\">\n");
        for (word, description) in scopes {
            print_scope(&mut html, word, description);
        }
        html.markup("</ul>\n");
    }
    start_form(&mut html, form);
    // No button has the focus: a second press of Enter on the page before must not allow anything.
    button(&mut html, ALLOW, " class=\"main\"", &texts.allow);
    button(&mut html, DENY, "", &texts.deny);
    html.markup("</form>\n<p class=\"soft\">").filled(&texts.consent_user, &[("user", user)]);
    html.markup("</p>\n<p class=\"soft\">");
    html.filled(&texts.consent_return, &[("place", place(form.redirect_uri, texts))]);
    html.markup("</p>\n");
    finish(html, 200, &form_action(form))
}

fn print_scope(html: &mut Html, word: &str, description: &str) {
    html.markup("<li>");
    if !description.is_empty() {
        html.markup("<bdi>").text(description).markup("</bdi><br>");
    }
    html.markup("<code dir=\"ltr\">").text(word).markup("</code></li>\n");
}

/// Where the browser goes, for a person to recognise.
fn place<'a>(redirect_uri: &'a RedirectUri, texts: &'a Texts) -> &'a str {
    match (redirect_uri.scheme(), redirect_uri.authority()) {
        ("https", Some(authority)) => authority,
        // A loopback address or an app's own scheme.
        _ => &texts.this_device,
    }
}

/// What a person is told when there is nobody to redirect to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Problem {
    /// No such client.
    Client,
    /// The redirect URI is not the client's.
    RedirectUri,
    /// The request cannot be read, and why.
    Request(&'static str),
    /// The request is too long.
    TooLarge,
    /// The page was open for too long.
    Expired,
    /// The request was decided already.
    Decided,
    /// The browser's cookie is missing or another one.
    Cookie,
    /// Plain HTTP.
    Insecure,
    /// The store is busy or full.
    Busy,
    /// The library failed.
    Failed,
}

/// Prints the error page. `reference` is the request's id, which finds it in the audit.
pub(crate) fn print_problem(
    clinic: &Clinic<'_>,
    problem: Problem,
    reference: &str,
) -> HttpResponse {
    let texts = clinic.texts;
    let mut html = clinic.start(&texts.error_title);
    html.markup("<p>").text(problem.text(texts)).markup("</p>\n");
    if problem != Problem::Busy {
        html.markup("<p>").text(&texts.error_advice).markup("</p>\n");
    }
    if let Problem::Request(why) = problem {
        html.markup("<p class=\"soft\">").filled(&texts.error_detail, &[("detail", why)]);
        html.markup("</p>\n");
    }
    html.markup("<p class=\"soft\">").filled(&texts.error_reference, &[("reference", reference)]);
    html.markup("</p>\n");
    let response = finish(html, problem.status(), "'none'");
    if problem == Problem::Busy {
        return response.with_header("Retry-After", "1");
    }
    response
}

impl Problem {
    /// What a request's reader found.
    pub(crate) fn of_reading(failure: &ReadFailure) -> Self {
        if let ReadFailure::Denied(denied) = failure { Self::of(denied) } else { Self::TooLarge }
    }

    /// What may be said of a refusal.
    pub(crate) fn of(denied: &Denied) -> Self {
        if let Denied::InvalidRequest { why } = denied {
            return Self::Request(why);
        }
        if *denied == Denied::InsecureTransport { Self::Insecure } else { Self::Client }
    }

    /// What may be said of a machine's failure: whether it is worth another try.
    pub(crate) fn of_failure(error: &Error) -> Self {
        let passing =
            matches!(error, Error::Busy | Error::Full | Error::Overloaded | Error::OutcomeUnknown);
        if passing { Self::Busy } else { Self::Failed }
    }

    const fn status(self) -> u16 {
        match self {
            Self::Client
            | Self::RedirectUri
            | Self::Request(_)
            | Self::Expired
            | Self::Decided
            | Self::Cookie
            | Self::Insecure => 400,
            Self::TooLarge => 413,
            Self::Busy => 503,
            Self::Failed => 500,
        }
    }

    fn text(self, texts: &Texts) -> &str {
        match self {
            Self::Client => &texts.error_client,
            Self::RedirectUri => &texts.error_redirect,
            Self::Request(_) | Self::TooLarge => &texts.error_request,
            Self::Expired => &texts.error_expired,
            Self::Decided => &texts.error_decided,
            Self::Cookie => &texts.error_cookie,
            Self::Insecure => &texts.error_insecure,
            Self::Busy => &texts.error_busy,
            Self::Failed => &texts.error_failed,
        }
    }
}

impl Clinic<'_> {
    fn start(&self, title: &str) -> Html {
        let mut html = Html::new();
        html.markup("<!DOCTYPE html>\n<html lang=\"").text(&self.texts.lang);
        html.markup("\" dir=\"")
            .text(&self.texts.dir)
            .markup("\">\n<head>\n<meta charset=\"utf-8\">\n");
        html.markup("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
        html.markup("<title>").text(title).markup(" \u{b7} ").text(self.name).markup("</title>\n");
        html.markup("<style>").markup(STYLE).markup("</style>\n</head>\n<body>\n<main>\n<header>");
        html.markup(EMBLEM).markup("<bdi>").text(self.name).markup("</bdi></header>\n<h1>");
        html.text(title).markup("</h1>\n");
        html
    }
}

/// `?` is this page's own address without its query: the same endpoint under whatever path a proxy has put it,
/// and no second copy of the request beside the sealed one.
fn start_form(html: &mut Html, form: &PageForm<'_>) {
    html.markup("<form method=\"post\" action=\"?\">\n<input type=\"hidden\" name=\"")
        .markup(PENDING);
    html.markup("\" value=\"").text(form.sealed).markup("\">\n");
}

fn button(html: &mut Html, value: &'static str, attributes: &'static str, text: &str) {
    html.markup("<button name=\"").markup(ACTION).markup("\" value=\"").markup(value).markup("\"");
    html.markup(attributes).markup(">").text(text).markup("</button>\n");
}

/// The headers of conformance 26, and `nosniff`.
fn finish(mut html: Html, status: u16, form_action: &str) -> HttpResponse {
    html.markup("</main>\n</body>\n</html>\n");
    let headers = vec![("Content-Type", "text/html; charset=utf-8".to_owned())];
    HttpResponse { status, headers, body: html.into_bytes() }
        .with_header("Content-Security-Policy", policy(form_action))
        .with_header("X-Frame-Options", "DENY")
        .with_header("X-Content-Type-Options", "nosniff")
        // `no-referrer` would take the Origin from the form's request.
        .with_header("Referrer-Policy", "same-origin")
        .never_stored()
}

/// CSP 3: nothing but our own style, by its hash.
fn policy(form_action: &str) -> String {
    let hash = encode::base64(&crypto::sha256(STYLE.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; form-action {form_action}; \
         frame-ancestors 'none'; base-uri 'none'"
    )
}

/// Browsers apply `form-action` to where the answer to the form redirects, and Chromium to where that place
/// redirects at once, and so on. So the client's other registered places count too: an administrator can name
/// there where its callback hops.
fn form_action(form: &PageForm<'_>) -> String {
    let pending = form.redirect_uri.as_str();
    let mut sources = vec!["'self'".to_owned()];
    // Where CSP has no words for a host, such as an IPv6 address, all of the scheme: browsers skip a source that
    // they cannot read, and would stop there.
    sources.push(source(pending).unwrap_or_else(|| format!("{}:", form.redirect_uri.scheme())));
    for uri in form.registered.into_iter().flatten() {
        match source(uri) {
            Some(source) if sources.len() < MOST_SOURCES && !sources.contains(&source) => {
                sources.push(source);
            }
            Some(_) | None => {}
        }
    }
    sources.join(" ")
}

/// A URI's origin, or an app's own scheme, in the words of CSP; `None` if it has none for it.
fn source(uri: &str) -> Option<String> {
    let (scheme, authority) = scheme_and_authority(uri)?;
    if !matches!(scheme, "https" | "http") {
        let sound = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
        return scheme.bytes().all(sound).then(|| format!("{scheme}:"));
    }
    let authority = authority.filter(|authority| is_host_source(authority))?;
    Some(format!("{scheme}://{authority}"))
}

/// CSP 3, 2.3.1: `host-part = 1*host-char *( "." 1*host-char )`, `host-char = ALPHA / DIGIT / "-"`, with a port.
fn is_host_source(authority: &str) -> bool {
    let (host, port) = authority.split_once(':').unwrap_or((authority, "0"));
    let sound = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    host.split('.').all(sound) && port.bytes().all(|byte| byte.is_ascii_digit())
}

/// A shield. It says nothing that the words do not say.
const EMBLEM: &str = "<svg viewBox=\"0 0 24 24\" fill=\"none\" stroke=\"currentColor\" stroke-width=\"1.75\" \
stroke-linecap=\"round\" stroke-linejoin=\"round\" aria-hidden=\"true\"><path d=\"M12 2.75l7.5 2.75v5.75c0 4.6-3.1 \
8.2-7.5 10-4.4-1.8-7.5-5.4-7.5-10V5.5z\"/><path d=\"M8.75 11.75l2.4 2.4 4.35-4.65\"/></svg>";

/// More would make a header that proxies do not take.
const MOST_SOURCES: usize = 20;

/// From here on, minutes are easier to read.
const LONGEST_IN_SECONDS: u32 = 120;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth::refusal::tests::every_denial;
    use proptest::prelude::*;

    fn uri(text: &str) -> RedirectUri {
        RedirectUri::among(&[text.to_owned()], text).unwrap()
    }

    /// All three pages, with the given values wherever somebody's values stand.
    fn pages(value: &str) -> [HttpResponse; 3] {
        let texts = Texts::default();
        let clinic = Clinic { texts: &texts, name: value };
        let redirect_uri = uri("https://lab.example:8443/back?x=1");
        let form = PageForm {
            client: value,
            redirect_uri: &redirect_uri,
            registered: [&[], &[]],
            sealed: value,
        };
        [
            print_login(&clinic, &form, value, Some(Notice::Wrong)),
            print_consent(&clinic, &form, value, &[(value, value), ("lab:read", "")]),
            print_problem(&clinic, Problem::Request("client_id is missing"), value),
        ]
    }

    fn body(response: &HttpResponse) -> String {
        String::from_utf8(response.body.clone()).unwrap()
    }

    fn login(username: &str, notice: Option<Notice>) -> HttpResponse {
        let texts = Texts::default();
        let clinic = Clinic { texts: &texts, name: "Ward 7" };
        let redirect_uri = uri("https://lab.example/back");
        let form = PageForm {
            client: "Lab",
            redirect_uri: &redirect_uri,
            registered: [&[], &[]],
            sealed: "s",
        };
        print_login(&clinic, &form, username, notice)
    }

    fn sources(text: &str, registered: [&[String]; 2]) -> String {
        let redirect_uri = uri(text);
        form_action(&PageForm { client: "", redirect_uri: &redirect_uri, registered, sealed: "" })
    }

    #[test]
    fn the_headers_are_those_that_keep_a_page_to_itself() {
        // conformance 26
        for response in pages("x") {
            assert_eq!(response.header("content-type"), Some("text/html; charset=utf-8"));
            assert_eq!(response.header("x-frame-options"), Some("DENY"));
            assert_eq!(response.header("x-content-type-options"), Some("nosniff"));
            assert_eq!(response.header("referrer-policy"), Some("same-origin"));
            assert_eq!(response.header("cache-control"), Some("no-store"));
            // conformance 41
            assert_eq!(response.header("access-control-allow-origin"), None);
            let policy = response.header("content-security-policy").unwrap();
            assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
            assert!(policy.contains("; frame-ancestors 'none'"), "{policy}");
            assert!(!policy.contains("unsafe") && !policy.contains("script"), "{policy}");
        }
        let [login, consent, problem] = pages("x").map(|page| {
            let policy = page.header("content-security-policy").unwrap();
            policy.split("; ").nth(2).unwrap().to_owned()
        });
        assert_eq!(login, "form-action 'self' https://lab.example:8443");
        assert_eq!((consent, problem.as_str()), (login, "form-action 'none'"));
    }

    #[test]
    fn the_form_may_redirect_to_where_the_response_goes_and_nowhere_else() {
        for (uri, expected) in [
            ("https://A.example/back", "'self' https://A.example"),
            ("https://a-b.example:8443?x", "'self' https://a-b.example:8443"),
            ("http://127.0.0.1:51004/", "'self' http://127.0.0.1:51004"),
            ("http://localhost:3000/", "'self' http://localhost:3000"),
            ("com.example.app:/back", "'self' com.example.app:"),
            ("com.example.app://back", "'self' com.example.app:"),
            // What CSP cannot say.
            ("http://[::1]:51004/", "'self' http:"),
            ("https://emr_test.local/", "'self' https:"),
            ("https://a.example./", "'self' https:"),
            ("https://a..example/", "'self' https:"),
            // An old registration of doubtful form adds no directive.
            ("https://a.example;script-src/", "'self' https:"),
        ] {
            assert_eq!(sources(uri, [&[], &[]]), expected, "{uri}");
        }
    }

    #[test]
    fn the_form_may_redirect_on_to_where_the_client_is_registered() {
        let texts =
            |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let uris = texts(&[
            "https://lab.example/back",
            "https://app.example/start",
            "com.example.app:/back",
            // What CSP cannot say opens nothing more.
            "https://[2001:db8::1]/back",
            "https://emr_test.local/",
            "x;script-src *:/",
            "nothing",
        ]);
        let origins = texts(&["https://app.example", "http://localhost:3000"]);
        assert_eq!(
            sources("https://lab.example/back", [&uris, &origins]),
            "'self' https://lab.example https://app.example com.example.app: http://localhost:3000"
        );
        let many: Vec<String> = (0..64).map(|at| format!("https://{at}.example/")).collect();
        let sources = sources("https://lab.example/back", [&many, &[]]);
        assert_eq!(sources.split(' ').count(), MOST_SOURCES);
        assert!(sources.starts_with("'self' https://lab.example https://0.example "));
    }

    #[test]
    fn the_style_is_the_one_whose_hash_is_allowed() {
        for page in pages("x") {
            let html = body(&page);
            let style = html.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
            let hash = encode::base64(&crypto::sha256(style.as_bytes()));
            let policy = page.header("content-security-policy").unwrap();
            assert!(policy.contains(&format!("'sha256-{hash}'")));
            for forbidden in ["<script", "style=", "http:", "https:", "src=", "href=", " on"] {
                let markup: Vec<&str> = html.split('<').skip(1).collect();
                let inside = markup.iter().filter_map(|tag| tag.split('>').next());
                assert_eq!(inside.filter(|tag| tag.contains(forbidden)).count(), 0, "{forbidden}");
            }
        }
    }

    #[test]
    fn the_login_page_is_what_password_managers_and_screen_readers_expect() {
        // conformance 26
        let html = body(&login("", None));
        for wanted in [
            "<!DOCTYPE html>\n<html lang=\"en\" dir=\"ltr\">",
            "<title>Sign in \u{b7} Ward 7</title>",
            "<form method=\"post\" action=\"?\">",
            "<label for=\"u\">",
            "<label for=\"p\">",
            "autocomplete=\"username\"",
            "autocomplete=\"current-password\"",
            "name=\"viewport\"",
            "<strong><bdi>Lab</bdi></strong>",
        ] {
            assert!(html.contains(wanted), "{wanted}\n{html}");
        }
        assert!(html.find("value=\"login\"").unwrap() < html.find("value=\"deny\"").unwrap());
        assert!(!html.contains("role=\"alert\""));
    }

    #[test]
    fn the_first_field_to_fill_in_has_the_focus() {
        let focused = |html: &str| {
            let before = html.split_once(" autofocus").unwrap().0;
            before.rsplit_once("<input id=\"").unwrap().1.chars().next().unwrap()
        };
        assert_eq!(focused(&body(&login("", None))), 'u');
        let again = body(&login("ada", Some(Notice::Wrong)));
        assert_eq!(focused(&again), 'p');
        assert_eq!(again.matches("autofocus").count(), 1);
        assert!(again.contains("name=\"username\" value=\"ada\""), "{again}");
        // A second press of Enter must not allow anything.
        assert!(!body(&pages("x")[1]).contains("autofocus"));
    }

    #[test]
    fn a_notice_says_when_to_try_again() {
        for (notice, status, retry_after, words) in [
            (Notice::Wrong, 200, None, "is wrong"),
            (Notice::Throttled { retry_after: 0 }, 429, Some("1"), ">1</bdi></strong> seconds"),
            (
                Notice::Throttled { retry_after: 120 },
                429,
                Some("120"),
                ">120</bdi></strong> seconds",
            ),
            (Notice::Throttled { retry_after: 121 }, 429, Some("121"), ">3</bdi></strong> minutes"),
            (Notice::Busy, 503, Some("1"), "in a moment"),
        ] {
            let response = login("ada", Some(notice));
            assert_eq!((response.status, response.header("retry-after")), (status, retry_after));
            let html = body(&response);
            assert!(html.contains("role=\"alert\"") && html.contains(words), "{html}");
        }
    }

    #[test]
    fn the_consent_page_says_who_asks_for_what_and_where_it_goes() {
        let texts = Texts::default();
        let clinic = Clinic { texts: &texts, name: "emr.example" };
        let print = |target: &str, scopes: &[(&str, &str)]| {
            let redirect_uri = uri(target);
            let form = PageForm {
                client: "Lab",
                redirect_uri: &redirect_uri,
                registered: [&[], &[]],
                sealed: "s",
            };
            let response = print_consent(&clinic, &form, "ada", scopes);
            assert_eq!(response.status, 200);
            body(&response)
        };
        let html =
            print("https://lab.example/back", &[("lab:read", "Read lab results"), ("x", "")]);
        for wanted in [
            "emr.example",
            "<bdi>Lab</bdi>",
            "<bdi>ada</bdi>",
            "<bdi>lab.example</bdi>",
            "<li><bdi>Read lab results</bdi><br><code dir=\"ltr\">lab:read</code></li>",
            "<li><code dir=\"ltr\">x</code></li>",
            "value=\"approve\" class=\"main\">Allow<",
            "value=\"deny\">Do not allow<",
        ] {
            assert!(html.contains(wanted), "{wanted}\n{html}");
        }
        assert!(!print("https://lab.example/", &[]).contains("<ul"));
        for local in ["com.example.app:/back", "http://127.0.0.1:1/", "com.example.app://a"] {
            assert!(print(local, &[]).contains("an app on this device"), "{local}");
        }
    }

    #[test]
    fn every_problem_has_a_status_and_words_of_its_own() {
        let texts = Texts::default();
        let clinic = Clinic { texts: &texts, name: "Ward 7" };
        let mut seen = std::collections::BTreeSet::new();
        for (problem, status) in [
            (Problem::Client, 400),
            (Problem::RedirectUri, 400),
            (Problem::Request("it is \"bad\""), 400),
            (Problem::Expired, 400),
            (Problem::Decided, 400),
            (Problem::Cookie, 400),
            (Problem::Insecure, 400),
            (Problem::Busy, 503),
            (Problem::Failed, 500),
        ] {
            let response = print_problem(&clinic, problem, "0199f2c1");
            assert_eq!(response.status, status);
            assert_eq!(response.header("location"), None);
            assert!(body(&response).contains("0199f2c1"));
            assert!(seen.insert(problem.text(&texts).to_owned()), "{problem:?}");
        }
        assert_eq!(Problem::TooLarge.status(), 413);
        assert!(body(&print_problem(&clinic, Problem::Request("a\"b"), "")).contains("a&quot;b"));
    }

    #[test]
    fn what_went_wrong_becomes_a_problem() {
        assert_eq!(Problem::of_reading(&ReadFailure::TooLarge), Problem::TooLarge);
        let denied = |denied| Problem::of_reading(&ReadFailure::Denied(denied));
        assert_eq!(denied(Denied::InvalidRequest { why: "x" }), Problem::Request("x"));
        assert_eq!(denied(Denied::InsecureTransport), Problem::Insecure);
        assert_eq!(denied(Denied::ClientUnknown), Problem::Client);
        for why in every_denial() {
            assert_eq!(Problem::of(&why).status(), 400);
        }
        assert_eq!(Problem::of_failure(&Error::Busy), Problem::Busy);
        assert_eq!(Problem::of_failure(&Error::Closed), Problem::Failed);
    }

    #[test]
    fn another_language_replaces_every_word() {
        // conformance 26: every text is a member of `Texts`, so a marker in each shows what is left.
        let words = Texts::MEMBERS.iter().skip(2);
        let json: serde_json::Value =
            words.map(|member| ((*member).to_owned(), serde_json::json!("\u{2713}"))).collect();
        let texts: Texts = serde_json::from_value(json).unwrap();
        let clinic = Clinic { texts: &texts, name: "\u{2713}" };
        let redirect_uri = uri("https://lab.example/back");
        let form = PageForm {
            client: "c",
            redirect_uri: &redirect_uri,
            registered: [&[], &[]],
            sealed: "s",
        };
        for page in [
            print_login(&clinic, &form, "", Some(Notice::Busy)),
            print_consent(&clinic, &form, "u", &[("\u{2713}", "")]),
            print_problem(&clinic, Problem::Request("w"), "r"),
        ] {
            let html = body(&page);
            let content = html.split_once("</style>").unwrap().1;
            let words: String =
                content.split('<').filter_map(|piece| Some(piece.split_once('>')?.1)).collect();
            assert!(!words.contains(|c: char| c.is_ascii_alphabetic()), "{words}");
        }
    }

    proptest! {
        #[test]
        fn a_value_changes_nothing_but_its_own_place(value in "\\PC{1,40}|[<>\"'&=/ a]{1,20}") {
            let mut escaped = Html::new();
            escaped.text(&value);
            let escaped = String::from_utf8(escaped.into_bytes()).unwrap();
            let plain = pages("\u{1f511}").map(|page| body(&page).replace('\u{1f511}', &escaped));
            prop_assert_eq!(pages(&value).map(|page| body(&page)), plain);
        }
    }
}
