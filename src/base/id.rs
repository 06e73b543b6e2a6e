//! Names of things, each of its own type.

use crate::base::{Entropy, UnixTime, encode};
use crate::error::{Error, Result};
use std::fmt;

macro_rules! text_id {
    ($(#[$doc:meta])* $vis:vis $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $vis struct $name(String);

        impl $name {
            /// The id as text.
            #[must_use]
            $vis fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        // Maps keyed by the id can be asked with a borrowed text.
        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

text_id! {
    /// A client's `client_id` (RFC 6749 2.2).
    pub ClientId
}
text_id! {
    /// A user's `sub` (RFC 7519 4.1.2): `usr_` and 22 characters; of a host's own user `usr_.` and the
    /// host's name for them. No client id looks like it.
    pub(crate) UserId
}
text_id! {
    /// What one user allowed one client: 22 characters.
    pub(crate) GrantId
}
text_id! {
    /// One credential of a client, such as one of its secrets. Not secret itself, and never reused.
    pub CredentialId
}
text_id! {
    /// A token's `jti` (RFC 7519 4.1.7): the site's id, a dot, 22 random characters.
    pub TokenId
}
text_id! {
    /// A signing key's `kid`: the site's id, a dot, the key's RFC 7638 thumbprint.
    pub KeyId
}
text_id! {
    /// A database's own random name: 11 base64url characters.
    pub SiteId
}
text_id! {
    /// The name of one request, which finds its row in the audit: 32 hexadecimal digits, the first
    /// twelve of them the time in milliseconds.
    pub RequestId
}

impl ClientId {
    /// Longest id in bytes: it must fit `wardkey_principal.client_id` with its NUL.
    pub const MAX_LENGTH: usize = 127;

    /// Reads an id: 1 to 127 printable ASCII characters (RFC 6749 A.1) that neither begin nor end with
    /// a space, nor begin with `usr_`, which is kept for users (`sub` must tell them apart, RFC 9068 5).
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for anything else.
    pub fn parse(text: &str) -> Result<Self> {
        Self::check(text).map(|()| Self(text.to_owned()))
    }

    /// Demands what [`ClientId::parse`] demands, without keeping anything.
    pub(crate) fn check(text: &str) -> Result<()> {
        let printable = text.bytes().all(|b| (0x20..=0x7e).contains(&b));
        let why = if text.is_empty() || text.len() > Self::MAX_LENGTH {
            "must have 1 to 127 characters"
        } else if !printable {
            "must be printable ASCII (RFC 6749 A.1)"
        } else if text.starts_with(' ') || text.ends_with(' ') {
            "must not begin or end with a space"
        } else if text.starts_with("usr_") {
            "must not begin with `usr_`, which is kept for users"
        } else {
            return Ok(());
        };
        Err(Error::argument("client_id", why))
    }

    /// A new random id: `wkc_` and 22 characters.
    pub(crate) fn mint(entropy: &dyn Entropy) -> Result<Self> {
        Ok(Self(format!("wkc_{}", random_text::<16>(entropy)?)))
    }
}

impl CredentialId {
    /// Reads an id that [`CredentialId::mint`] made: 11 base64url characters.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        encode::is_base64url(text, 11).then(|| Self(text.to_owned()))
    }

    /// A new random id.
    pub(crate) fn mint(entropy: &dyn Entropy) -> Result<Self> {
        Ok(Self(random_text::<8>(entropy)?))
    }
}

impl UserId {
    /// Reads an id of either form.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let name = text.strip_prefix("usr_")?;
        let sound = match name.strip_prefix('.') {
            Some(name) => Self::is_host_name(name),
            None => encode::is_base64url(name, 22),
        };
        sound.then(|| Self(text.to_owned()))
    }

    /// A new random id.
    pub(crate) fn mint(entropy: &dyn Entropy) -> Result<Self> {
        Ok(Self(format!("usr_{}", random_text::<16>(entropy)?)))
    }

    /// The id of the host's own user whom it calls `name`.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] unless it is 1 to 200 printable ASCII characters without spaces.
    pub(crate) fn of_host(name: &str) -> Result<Self> {
        if Self::is_host_name(name) {
            Ok(Self(format!("usr_.{name}")))
        } else {
            Err(Error::argument(
                "subject",
                "must be 1 to 200 printable ASCII characters, no spaces",
            ))
        }
    }

    fn is_host_name(name: &str) -> bool {
        (1..=200).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic())
    }
}

impl GrantId {
    /// Reads an id that [`GrantId::mint`] made.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        encode::is_base64url(text, 22).then(|| Self(text.to_owned()))
    }

    /// A new random id.
    pub(crate) fn mint(entropy: &dyn Entropy) -> Result<Self> {
        Ok(Self(random_text::<16>(entropy)?))
    }
}

impl SiteId {
    /// Reads an id that [`SiteId::mint`] made.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        encode::is_base64url(text, 11).then(|| Self(text.to_owned()))
    }

    /// A new random id.
    pub(crate) fn mint(entropy: &dyn Entropy) -> Result<Self> {
        Ok(Self(random_text::<8>(entropy)?))
    }
}

impl TokenId {
    /// Reads an id of the form `<site>.<22 characters>`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (site, unique) = text.split_once('.')?;
        let sound = encode::is_base64url(site, 11) && encode::is_base64url(unique, 22);
        sound.then(|| Self(text.to_owned()))
    }

    /// A new id of `site`: 128 random bits.
    pub(crate) fn mint(site: &SiteId, entropy: &dyn Entropy) -> Result<Self> {
        Ok(Self(format!("{site}.{}", random_text::<16>(entropy)?)))
    }
}

impl KeyId {
    /// Reads an id of the form `<site>.<43 characters>`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (site, thumbprint) = text.split_once('.')?;
        let sound = encode::is_base64url(site, 11) && encode::is_base64url(thumbprint, 43);
        sound.then(|| Self(text.to_owned()))
    }

    /// The site that it says it is of.
    pub(crate) fn site(&self) -> &str {
        self.0.split('.').next().unwrap_or_default()
    }

    /// The id of the key with this RFC 7638 SHA-256 thumbprint at `site`.
    pub(crate) fn of(site: &SiteId, thumbprint: &[u8; 32]) -> Self {
        Self(format!("{site}.{}", encode::base64url(thumbprint)))
    }
}

impl RequestId {
    /// Reads an id that [`RequestId::mint`] made.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        encode::from_hex(text).filter(|bytes| bytes.len() == 16).map(|_| Self(text.to_owned()))
    }

    /// A new id at `now`: 48 bits of time, so that ids sort as requests came, and 80 random bits.
    pub(crate) fn mint(now: UnixTime, entropy: &dyn Entropy) -> Result<Self> {
        let mut bytes = [0_u8; 16];
        entropy.fill(&mut bytes)?;
        let time = now.millis().max(0).to_be_bytes();
        for (byte, from) in bytes.iter_mut().zip(time.iter().skip(2)) {
            *byte = *from;
        }
        Ok(Self(encode::hex(&bytes)))
    }
}

/// The random name of a stretch of the database's life; a restore begins a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Epoch([u8; 8]);

impl Epoch {
    /// A new random epoch.
    pub(crate) fn mint(entropy: &dyn Entropy) -> Result<Self> {
        let mut bytes = [0; 8];
        entropy.fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// The epoch with these bytes.
    pub(crate) const fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub(crate) const fn bytes(self) -> [u8; 8] {
        self.0
    }

    /// As 11 base64url characters.
    pub(crate) fn text(self) -> String {
        encode::base64url(&self.0)
    }

    /// Reads what [`Epoch::text`] prints.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 8];
        (encode::from_base64url_into(text.as_bytes(), &mut bytes)? == 8).then_some(Self(bytes))
    }
}

/// The change sequence at which all of a client's or subject's tokens were last ended, creation included.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub(crate) struct Generation(pub(crate) u64);

/// `N` random bytes in base64url, that do not begin with `-`: on a command line that would be an option.
fn random_text<const N: usize>(entropy: &dyn Entropy) -> Result<String> {
    let mut bytes = [0_u8; N];
    entropy.fill(&mut bytes)?;
    let text = encode::base64url(&bytes);
    Ok(match text.strip_prefix('-') {
        Some(rest) => format!("e{rest}"),
        None => text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::SystemEntropy;

    /// What nobody should be unlucky enough to draw.
    struct Dashes;

    impl Entropy for Dashes {
        fn fill(&self, out: &mut [u8]) -> Result<()> {
            out.fill(0xfb);
            Ok(())
        }
    }

    #[test]
    fn no_minted_id_looks_like_an_option_and_all_are_read_again() {
        let site = SiteId::mint(&Dashes).unwrap();
        let credential = CredentialId::mint(&Dashes).unwrap();
        let grant = GrantId::mint(&Dashes).unwrap();
        let token = TokenId::mint(&site, &Dashes).unwrap();
        for id in [site.as_str(), credential.as_str(), grant.as_str(), token.as_str()] {
            assert!(!id.starts_with('-'), "{id}");
        }
        assert!(SiteId::parse(site.as_str()).is_some());
        assert!(CredentialId::parse(credential.as_str()).is_some());
        assert!(GrantId::parse(grant.as_str()).is_some());
        assert!(TokenId::parse(token.as_str()).is_some());
    }

    #[test]
    fn client_ids_are_printable_and_never_look_like_users() {
        for good in ["a", "legacy id:7", "wkc_abc", &"x".repeat(127)] {
            assert_eq!(ClientId::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", " a", "a ", "usr_1", "a\u{0}", "a\tb", "\u{e9}", &"x".repeat(128)] {
            assert!(ClientId::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn minted_ids_parse_again() {
        let entropy = SystemEntropy;
        let site = SiteId::mint(&entropy).unwrap();
        assert_eq!(SiteId::parse(site.as_str()).as_ref(), Some(&site));
        let token = TokenId::mint(&site, &entropy).unwrap();
        assert_eq!(TokenId::parse(token.as_str()).as_ref(), Some(&token));
        assert_eq!(token.as_str().len(), 34);
        let key = KeyId::of(&site, &[7; 32]);
        assert_eq!(KeyId::parse(key.as_str()).as_ref(), Some(&key));
        let request = RequestId::mint(UnixTime::from_millis(0x0199_f2c1_b5e0), &entropy).unwrap();
        assert!(request.as_str().starts_with("0199f2c1b5e0"));
        assert_eq!(RequestId::parse(request.as_str()).as_ref(), Some(&request));
        let epoch = Epoch::mint(&entropy).unwrap();
        assert_eq!(Epoch::parse(&epoch.text()), Some(epoch));
        assert!(ClientId::parse(ClientId::mint(&entropy).unwrap().as_str()).is_ok());
    }
}
