//! The cookie that ties a pending request to the browser it came from (RFC 6265).

use crate::base::{Entropy, encode};
use crate::crypto;
use crate::error::Result;
use crate::oauth::http::values;
use zeroize::Zeroizing;

/// What one browser has and no other: 128 random bits. Whoever has it can answer that browser's requests.
pub(crate) struct BrowserCookie(Zeroizing<String>);

impl BrowserCookie {
    /// A new one.
    ///
    /// # Errors
    /// [`crate::error::Error::Internal`] when there is no randomness.
    pub(crate) fn mint(entropy: &dyn Entropy) -> Result<Self> {
        let mut bytes = Zeroizing::new([0_u8; 16]);
        entropy.fill(&mut *bytes)?;
        Ok(Self(Zeroizing::new(encode::base64url(&*bytes))))
    }

    /// The browser's cookie. RFC 6265 5.4 has browsers send one `Cookie` header; HTTP/2 may split it.
    ///
    /// A cookie that cannot be ours is none; and two of the name are none, because a browser that keeps to the
    /// prefix has one, and nobody knows who set the other.
    pub(crate) fn read(headers: &[(&str, &[u8])]) -> Option<Self> {
        let mut found = values(headers, "Cookie")
            .flat_map(|value| value.split(|byte| *byte == b';'))
            .filter_map(value_of_ours);
        let first = found.next()?;
        if found.next().is_some() {
            return None;
        }
        let text = std::str::from_utf8(first).ok()?;
        // 22 characters can have stray bits; only one spelling was given out.
        let sound = encode::from_base64url(first).map(Zeroizing::new)?.len() == 16;
        sound.then(|| Self(Zeroizing::new(text.to_owned())))
    }

    /// What a pending request keeps of it.
    pub(crate) fn digest(&self) -> [u8; 32] {
        crypto::sha256(self.0.as_bytes())
    }

    /// Whether a pending request that keeps `digest` came from this browser.
    pub(crate) fn is_of(&self, digest: &[u8]) -> bool {
        crypto::equal(&self.digest(), digest)
    }

    /// The value of the `Set-Cookie` header that gives it to a browser, until that is closed.
    ///
    /// RFC 6265bis 4.1.3.2: with the `__Host-` prefix, browsers take the cookie from this host alone, over TLS
    /// alone, for all paths. `Lax`, because the request that starts it all comes from another site.
    pub(crate) fn print(&self) -> String {
        format!("{NAME}={}; Path=/; Secure; HttpOnly; SameSite=Lax", self.0.as_str())
    }
}

/// RFC 6265 4.2.1: `cookie-pair = cookie-name "=" cookie-value`. Names are case-sensitive.
fn value_of_ours(pair: &[u8]) -> Option<&[u8]> {
    let pair = pair.trim_ascii();
    pair.strip_prefix(NAME.as_bytes())?.strip_prefix(b"=")
}

const NAME: &str = "__Host-wardkey";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::SystemEntropy;
    use proptest::prelude::*;

    const OURS: &str = "__Host-wardkey=AAECAwQFBgcICQoLDA0ODw";

    fn read(cookies: &[&str]) -> Option<String> {
        let headers: Vec<(&str, &[u8])> =
            cookies.iter().map(|value| ("cookie", value.as_bytes())).collect();
        BrowserCookie::read(&headers).map(|cookie| cookie.0.as_str().to_owned())
    }

    fn is_read(cookies: &[&str]) -> bool {
        read(cookies).is_some()
    }

    #[test]
    fn what_is_given_to_a_browser_comes_back() {
        let cookie = BrowserCookie::mint(&SystemEntropy).unwrap();
        let printed = cookie.print();
        let (pair, attributes) = printed.split_once("; ").unwrap();
        // conformance 26
        assert_eq!(attributes, "Path=/; Secure; HttpOnly; SameSite=Lax");
        let back = BrowserCookie::read(&[("Cookie", pair.as_bytes())]).unwrap();
        assert!(back.is_of(&cookie.digest()));
        let other = BrowserCookie::mint(&SystemEntropy).unwrap();
        assert!(!other.is_of(&cookie.digest()) && !other.is_of(&[]));
    }

    #[test]
    fn ours_is_found_among_others() {
        let value = OURS.split_once('=').map(|(_, value)| value.to_owned());
        for cookies in [
            &[OURS][..],
            &[&format!("a=b; {OURS}; c")],
            &[&format!("a=b;{OURS};c=d")],
            &["a=b", &format!(" {OURS} "), "c=d"],
            &[&format!("x{OURS}; {OURS}; __Host-wardkey2=x; __host-wardkey=y; __Host-wardkey")],
        ] {
            assert_eq!(read(cookies), value, "{cookies:?}");
        }
    }

    #[test]
    fn two_of_ours_are_none() {
        assert!(!is_read(&[&format!("{OURS}; {OURS}")]));
        assert!(!is_read(&[OURS, OURS]));
        assert!(!is_read(&[&format!("{OURS}; __Host-wardkey=")]));
    }

    #[test]
    fn what_cannot_be_ours_is_none() {
        for value in [
            "",
            "AAECAwQFBgcICQoLDA0OD",
            "AAECAwQFBgcICQoLDA0ODwA",
            "AAECAwQFBgcICQoLDA0ODx",
            "AAECAwQFBgcICQoLDA0OD=",
            "\"AAECAwQFBgcICQoLDA0ODw\"",
            "AAECAwQFBgcICQoLDA0OD\u{e9}",
            "AAECAwQFBgcICQoLDA0ODw, __Host-wardkey=AAECAwQFBgcICQoLDA0ODw",
        ] {
            assert!(!is_read(&[&format!("__Host-wardkey={value}")]), "{value}");
        }
        assert!(!is_read(&[]));
        assert!(!is_read(&["a=b"]));
        assert!(BrowserCookie::read(&[("Cookie2", OURS.as_bytes())]).is_none());
    }

    proptest! {
        #[test]
        fn no_cookie_panics(value in proptest::collection::vec(any::<u8>(), 0..60), almost in "[_=; A]{0,9}") {
            let _ = BrowserCookie::read(&[("Cookie", &value)]);
            let _ = read(&[&format!("{almost}{OURS}{almost}")]);
        }
    }
}
