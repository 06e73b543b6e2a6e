//! Redirect URIs: where an authorization response may go, and nowhere else.

use std::net::{IpAddr, Ipv6Addr};

/// A redirect URI that the client has registered: the proof that a response may be sent there.
///
/// Only [`RedirectUri::among`] makes one, so a redirect to any other place does not compile. Keep the
/// text, not the proof: a registration may change between a request and its response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RedirectUri(String);

impl RedirectUri {
    /// The URI that was asked for, if it is one of the registered ones.
    ///
    /// The whole text is compared, byte by byte: nothing is decoded, resolved or lower-cased first, so no
    /// spelling of another place can look like a registered one.
    pub(crate) fn among(registered: &[String], asked: &str) -> Option<Self> {
        // RFC 9700 2.1: "When comparing client redirection URIs against pre-registered URIs, authorization
        // servers MUST utilize exact string matching except for port numbers in localhost redirection URIs
        // of native apps".
        let is_asked = |known: &String| known == asked || differ_in_port_alone(known, asked);
        registered.iter().any(is_asked).then(|| Self(asked.to_owned()))
    }

    /// The URI, as the client sent it.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// What is before the first colon.
    pub(crate) fn scheme(&self) -> &str {
        scheme_and_authority(&self.0).map_or("", |(scheme, _)| scheme)
    }

    /// Host and port; `None` for an app's own scheme without a host.
    pub(crate) fn authority(&self) -> Option<&str> {
        scheme_and_authority(&self.0).and_then(|(_, authority)| authority)
    }
}

/// What is before a URI's first colon, and its host and port where it has them.
pub(crate) fn scheme_and_authority(uri: &str) -> Option<(&str, Option<&str>)> {
    let (scheme, authority, _) = parts(uri)?;
    Some((scheme, authority.filter(|text| !text.is_empty())))
}

/// Demands that a URI may be registered: `https`, `http` on this machine, or an app's own scheme.
///
/// `http` is for loopback addresses and the name `localhost`. The latter is a name, not an address: it may
/// resolve to another machine, so it matches with its port only (RFC 8252 8.3: "the use of localhost is NOT
/// RECOMMENDED"). It stays allowed for pages under development, whose address it is.
///
/// # Errors
/// What is wrong with it, in words that may follow the member's name.
pub(crate) fn check_redirect_uri(uri: &str) -> Result<(), &'static str> {
    if uri.len() > LONGEST || !uri.bytes().all(is_uri_character) {
        return Err(
            "must be at most 2000 characters of a URI (RFC 3986 2): no space, quote, backslash or brace",
        );
    }
    if !has_whole_escapes(uri) {
        return Err("must have two hexadecimal digits behind each `%` (RFC 3986 2.1)");
    }
    // RFC 6749 3.1.2: "The endpoint URI MUST NOT include a fragment component."
    if uri.contains('#') {
        return Err("must not have a fragment (RFC 6749 3.1.2)");
    }
    let Some((scheme, authority, rest)) = parts(uri) else {
        return Err("must be an absolute URI (RFC 6749 3.1.2)");
    };
    if authority.is_some_and(|authority| authority.contains('@')) {
        return Err("must not have a user's name");
    }
    check_query(rest)?;
    match scheme {
        "https" | "http" => check_web(scheme, authority.unwrap_or("")),
        _ => check_own_scheme(scheme, authority, rest),
    }
}

fn check_web(scheme: &str, authority: &str) -> Result<(), &'static str> {
    let Some(host) = host_of(authority) else {
        return Err("must name a host, as letters, digits, dots and hyphens, and at most a port");
    };
    if scheme == "https" || host == LOCALHOST || is_loopback(host) {
        Ok(())
    } else {
        Err("must use https, except on a loopback address (RFC 8252 7.3)")
    }
}

/// RFC 8252 7.1: "apps MUST use a URI scheme based on a domain name under their control, expressed in
/// reverse order", and 8.4: "At a minimum, any private-use URI scheme that doesn't contain a period
/// character (".") SHOULD be rejected." That keeps out `javascript:`, `data:` and `file:` too.
fn check_own_scheme(scheme: &str, authority: Option<&str>, rest: &str) -> Result<(), &'static str> {
    let letter_first = scheme.starts_with(|first: char| first.is_ascii_alphabetic());
    if !letter_first || !scheme.contains('.') || !scheme.bytes().all(is_scheme_character) {
        return Err(
            "must use https, http on a loopback address, or a scheme with a dot (RFC 8252 7.1)",
        );
    }
    if authority.unwrap_or("").is_empty() && rest.is_empty() {
        return Err("must have something behind the scheme");
    }
    Ok(())
}

/// RFC 6749 3.1: "Request and response parameters MUST NOT be included more than once." What a response
/// carries cannot stand in the registered query already.
fn check_query(rest: &str) -> Result<(), &'static str> {
    let query = rest.split_once('?').map_or("", |(_, query)| query);
    let mut names = query.split('&').filter_map(|pair| pair.split('=').next());
    if names.any(|name| RESPONSE_PARAMETERS.contains(&name)) {
        return Err("must not have a parameter of the response in its query (RFC 6749 3.1)");
    }
    Ok(())
}

/// RFC 8252 7.3: "The authorization server MUST allow any port to be specified at the time of the request
/// for loopback IP redirect URIs, to accommodate clients that obtain an available ephemeral port from the
/// operating system at the time of the request."
fn differ_in_port_alone(known: &str, asked: &str) -> bool {
    match (loopback_parts(known), loopback_parts(asked)) {
        (Some(known), Some(asked)) => known == asked,
        _ => false,
    }
}

/// The host and what follows the port, where the host is a loopback address in digits.
fn loopback_parts(uri: &str) -> Option<(&str, &str)> {
    let (scheme, authority, rest) = parts(uri)?;
    let host = host_of(authority?)?;
    (scheme == "http" && is_loopback(host)).then_some((host, rest))
}

/// Scheme, authority where there is one, and the rest from the path on (RFC 3986 3).
fn parts(uri: &str) -> Option<(&str, Option<&str>, &str)> {
    let (scheme, rest) = uri.split_once(':')?;
    let Some(rest) = rest.strip_prefix("//") else {
        return Some((scheme, None, rest));
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at_checked(end)?;
    Some((scheme, Some(authority), rest))
}

/// The host of an authority that is a host, or a host and a port; an IPv6 address with its brackets.
fn host_of(authority: &str) -> Option<&str> {
    let behind_address = authority.find(']').map_or(0, |at| at + 1);
    let colon = authority.get(behind_address..)?.find(':').map(|at| at + behind_address);
    let (host, port) = authority.split_at_checked(colon.unwrap_or(authority.len()))?;
    let sound = match host.strip_prefix('[') {
        Some(address) => address.strip_suffix(']')?.parse::<Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(is_host_character),
    };
    (sound && (port.is_empty() || is_port(port))).then_some(host)
}

/// `:1` to `:65535`, in one spelling.
fn is_port(text: &str) -> bool {
    let digits = text.strip_prefix(':').unwrap_or("");
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    plain && digits.parse::<u16>().is_ok()
}

/// Whether a host is a loopback address: not a name that resolves to one.
fn is_loopback(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// RFC 3986 2: `unreserved`, `reserved` and the percent sign.
fn is_uri_character(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte)
}

fn has_whole_escapes(uri: &str) -> bool {
    uri.split('%').skip(1).all(|tail| {
        let digits = tail.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    })
}

/// Of RFC 3986's `reg-name`, what a name in DNS or on Windows has. An escape is not among them: browsers
/// decode it, and see another host than whoever reads the registration.
const fn is_host_character(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_')
}

/// RFC 3986 3.1.
const fn is_scheme_character(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')
}

const LOCALHOST: &str = "localhost";

/// RFC 6749 4.1.2, 4.1.2.1 and RFC 9207 2.
const RESPONSE_PARAMETERS: [&str; 6] =
    ["code", "state", "iss", "error", "error_description", "error_uri"];

/// With a code, `state` and `iss` behind it, the whole still fits the 8 KiB that servers take as a line.
const LONGEST: usize = 2000;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn among(registered: &[&str], asked: &str) -> bool {
        let registered: Vec<String> = registered.iter().map(|uri| (*uri).to_owned()).collect();
        let found = RedirectUri::among(&registered, asked);
        assert!(found.as_ref().is_none_or(|uri| uri.as_str() == asked));
        found.is_some()
    }

    #[test]
    fn https_loopback_and_reversed_names_can_be_registered() {
        for good in [
            "https://a.example",
            "https://a.example/",
            "https://a.example:8443/back?x=1&y=%2F",
            "https://A.example/Back",
            "https://192.0.2.7/back",
            "https://[2001:db8::1]:8443/back",
            "https://emr_test.local/back",
            "https://xn--klnik-kva.example/back",
            "https://localhost/back",
            "http://127.0.0.1/back",
            "http://127.0.0.1:8080",
            "http://127.8.8.8:1/back",
            "http://[::1]:1/",
            "http://localhost:8080/back",
            "com.example.app:/back",
            "com.example.app:back",
            "com.example.app://back",
            "com.example.app:///back",
            "msauth.com.Example.App://auth?x",
        ] {
            assert_eq!(check_redirect_uri(good), Ok(()), "{good}");
        }
        let longest = format!("https://a.example/{}", "x".repeat(LONGEST - 18));
        assert_eq!(check_redirect_uri(&longest), Ok(()));
        assert!(check_redirect_uri(&format!("{longest}x")).is_err());
    }

    fn assert_refused(uris: &[&str]) {
        for uri in uris {
            assert!(check_redirect_uri(uri).is_err(), "{uri}");
        }
    }

    #[test]
    fn what_is_no_absolute_uri_of_a_host_cannot_be_registered() {
        assert_refused(&[
            "",
            "/back",
            "//a.example/back",
            "a.example/back",
            "https",
            "https:",
            "https:/a.example/back",
            "https:a.example",
            "https://",
            "https:///back",
            "https://?x",
            "https://:443/back",
            // Another case is another scheme to whoever compares bytes.
            "HTTPS://a.example/back",
            "HTTP://127.0.0.1/back",
            // Fragments, names, broken ports.
            "https://a.example/#x",
            "https://a.example#",
            "https://me@a.example/",
            "https://me:pw@a.example/",
            "https://@a.example/",
            "https://a.example:@evil.example/",
            "https://a.example:/back",
            "https://a.example:0/back",
            "https://a.example:0443/back",
            "https://a.example:65536/back",
            "https://a.example:+443/back",
            "https://a.example:80:80/back",
        ]);
    }

    #[test]
    fn what_a_browser_reads_as_another_place_cannot_be_registered() {
        assert_refused(&[
            "https://a.example\\@evil.example/",
            "https:\\\\evil.example",
            "https://a.example%2f.evil.example/",
            "https://a.example%5c@evil.example/",
            "https://%61.example/",
            "https://a.example/%",
            "https://a.example/%zz",
            "https://a.example/%2",
            "https://a.example/ x",
            " https://a.example/",
            "https://a.example/\t",
            "https://a.example/\r\nSet-Cookie:x=1",
            "https://a.example/\u{0}",
            "https://a.example/\u{e9}",
            "https://\u{430}.example/",
            "https://a\u{3002}example/",
            "https://*.example/",
            "https://{tenant}.example/",
            "https://a.example/{x}",
            "https://a.example/|^`",
            "https://a.example/\"<>",
            "https://[::1/",
            "https://::1/",
            "https://[a.example]/",
            "https://[::1]a/",
            "https://[fe80::1%25eth0]/",
        ]);
    }

    #[test]
    fn plain_http_to_another_machine_cannot_be_registered_in_any_disguise() {
        assert_refused(&[
            "http://a.example/back",
            "http:///back",
            "http://localhost.example/back",
            "http://localhost@evil.example/",
            "http://LOCALHOST/back",
            "http://localhost./back",
            "http://127.0.0.1.evil.example/",
            "http://127.0.0.1@evil.example/",
            "http://127.1/back",
            "http://2130706433/back",
            "http://0x7f.0.0.1/back",
            "http://0177.0.0.1/back",
            "http://0.0.0.0/back",
            "http://[::]/back",
            "http://[::ffff:127.0.0.1]/back",
            "http://[::1].evil.example/",
        ]);
    }

    #[test]
    fn schemes_that_are_nobodys_cannot_be_registered() {
        assert_refused(&[
            "javascript:alert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "about:blank",
            "myapp:/back",
            "myapp://back",
            "intent://x",
            "1.app:/back",
            ".app:/back",
            "com.example.app:",
            "com.example.app://",
            "com.example.app://me@back",
            "urn:ietf:wg:oauth:2.0:oob",
        ]);
    }

    #[test]
    fn what_the_response_carries_cannot_stand_in_the_registered_query() {
        // RFC 6749 3.1
        assert_refused(&[
            "https://a.example/?code=x",
            "https://a.example/?a=1&state",
            "com.example.app:/back?iss=x",
        ]);
    }

    #[test]
    fn a_redirect_uri_matches_byte_by_byte() {
        // conformance 22
        let registered = ["https://a.example/back?x=1", "com.example.app:/back"];
        for exact in registered {
            assert!(among(&registered, exact), "{exact}");
        }
        for other in [
            "",
            "https://a.example/back",
            "https://a.example/back?x=1&y=2",
            "https://a.example/back?x=1#",
            "https://a.example/back?x=1 ",
            "https://a.example/back?X=1",
            "https://a.example/back?x=%31",
            "https://a.example/Back?x=1",
            "https://a.example/back/?x=1",
            "https://a.example//back?x=1",
            "https://a.example/./back?x=1",
            "https://a.example/x/../back?x=1",
            "https://a.example/%62ack?x=1",
            "https://a.example%2fback?x=1",
            "https://A.example/back?x=1",
            "https://a.example./back?x=1",
            "https://a.example:443/back?x=1",
            "https://a.example:8443/back?x=1",
            "https://b.a.example/back?x=1",
            "https://a.example.evil.example/back?x=1",
            "https://evil.example/https://a.example/back?x=1",
            "https://evil.example?https://a.example/back?x=1",
            "https://evil.example\\a.example/back?x=1",
            "https://a.example\\@evil.example/back?x=1",
            "https://a.example@evil.example/back?x=1",
            "https://me@a.example/back?x=1",
            "https:\\\\a.example/back?x=1",
            "https:a.example/back?x=1",
            "https:///a.example/back?x=1",
            "//a.example/back?x=1",
            "HTTPS://a.example/back?x=1",
            "http://a.example/back?x=1",
            "https://\u{430}.example/back?x=1",
            "https://a\u{3002}example/back?x=1",
            "https://a.example/back?x=1\r\nLocation: https://evil.example",
            "https://a.example/back?x=1\u{0}",
            "COM.example.app:/back",
            "com.example.app://back",
            "com.example.app:/back/x",
            "com.example.app.evil:/back",
            "javascript:alert(1)//https://a.example/back?x=1",
        ] {
            assert!(!among(&registered, other), "{other}");
        }
        assert!(!among(&[], "https://a.example/"));
    }

    #[test]
    fn only_the_port_of_a_loopback_address_may_differ() {
        // conformance 22, RFC 8252 7.3
        let registered = ["http://127.0.0.1/back?x", "http://[::1]:9/back"];
        for good in [
            "http://127.0.0.1/back?x",
            "http://127.0.0.1:1/back?x",
            "http://127.0.0.1:51004/back?x",
            "http://127.0.0.1:65535/back?x",
            "http://[::1]/back",
            "http://[::1]:51004/back",
        ] {
            assert!(among(&registered, good), "{good}");
        }
        for bad in [
            "http://127.0.0.1:51004/back",
            "http://127.0.0.1:51004/back?x=1",
            "http://127.0.0.1:51004/back?x#",
            "http://127.0.0.1:51004/Back?x",
            "http://127.0.0.1:51004//back?x",
            "http://127.0.0.1:/back?x",
            "http://127.0.0.1:0/back?x",
            "http://127.0.0.1:00080/back?x",
            "http://127.0.0.1:65536/back?x",
            "http://127.0.0.1:-1/back?x",
            "http://127.0.0.1:8080@evil.example/back?x",
            "http://127.0.0.1@evil.example/back?x",
            "http://me@127.0.0.1:8080/back?x",
            "http://127.0.0.1:8080\\evil.example/back?x",
            "http://127.0.0.1:8080.evil.example/back?x",
            "http://127.0.0.1.evil.example/back?x",
            "http://127.0.0.2:8080/back?x",
            "http://127.1:8080/back?x",
            "http://127.0.0.01:8080/back?x",
            "http://localhost:8080/back?x",
            "https://127.0.0.1:8080/back?x",
            "HTTP://127.0.0.1:8080/back?x",
            "http:127.0.0.1:8080/back?x",
            "http://[::1]:51004/back?x",
            "http://[0:0:0:0:0:0:0:1]:51004/back",
            "http://[::ffff:127.0.0.1]:51004/back",
            "http://[::1]evil.example:80/back",
            "http://::1:51004/back",
        ] {
            assert!(!among(&registered, bad), "{bad}");
        }
    }

    #[test]
    fn localhost_is_a_name_and_keeps_its_port() {
        // RFC 8252 8.3
        let registered = ["http://localhost:3000/back"];
        assert!(among(&registered, "http://localhost:3000/back"));
        for other in ["http://localhost:3001/back", "http://127.0.0.1:3000/back"] {
            assert!(!among(&registered, other), "{other}");
        }
        // `https` is no loopback redirect of a native app: there, the port stays too.
        assert!(!among(&["https://127.0.0.1:1/back"], "https://127.0.0.1:2/back"));
    }

    #[test]
    fn scheme_and_authority_are_told_apart() {
        for (uri, scheme, authority) in [
            ("https://a.example:8443/back", "https", Some("a.example:8443")),
            ("https://a.example?x", "https", Some("a.example")),
            ("http://[::1]:9/back", "http", Some("[::1]:9")),
            ("com.example.app:/back", "com.example.app", None),
            ("com.example.app:///back", "com.example.app", None),
            ("com.example.app://back", "com.example.app", Some("back")),
        ] {
            let found = RedirectUri::among(&[uri.to_owned()], uri).unwrap();
            assert_eq!((found.scheme(), found.authority()), (scheme, authority));
        }
    }

    proptest! {
        #[test]
        fn what_matches_is_registered_or_has_another_port(
            asked in "(http|https|com\\.a)?:?//?(127\\.0\\.0\\.1|\\[::1\\]|a\\.b|[@:\\\\%0-9.]{1,6})?(:[0-9]{0,6})?/?[a-c?#]{0,2}",
        ) {
            let registered = ["http://127.0.0.1:7/a", "https://a.b/a", "com.a:/a"];
            if among(&registered, &asked) && !registered.contains(&asked.as_str()) {
                prop_assert_eq!(check_redirect_uri(&asked), Ok(()));
                let port = asked.strip_prefix("http://127.0.0.1").unwrap().strip_suffix("/a").unwrap();
                prop_assert!(port.is_empty() || is_port(port));
            }
        }

        #[test]
        fn no_uri_panics(uri in "\\PC*", other in "https?://[\\[\\]:@.a1]{0,12}/?") {
            for uri in [uri, other] {
                if check_redirect_uri(&uri).is_ok() {
                    let found = RedirectUri::among(std::slice::from_ref(&uri), &uri).unwrap();
                    prop_assert!(!found.scheme().is_empty());
                }
            }
        }
    }
}
