//! The words of the pages, which a clinic may put into its own language.

use crate::error::{Error, Result};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Serialize, Serializer};

macro_rules! texts {
    ($($(#[$doc:meta])* $member:ident = $default:literal, [$($placeholder:literal),*];)*) => {
        /// The words of the login page, the consent page and the error page; in English where nothing else is
        /// given.
        ///
        /// Each text has 1 to 500 characters. A word in braces is a placeholder: each member's description lists
        /// those that it may have. A text is text: what looks like markup is shown as it is.
        #[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(deny_unknown_fields, default)]
        pub struct Texts {
            /// The language of these texts (RFC 5646), such as `en` or `pt-BR`.
            pub lang: String,
            /// The direction of writing: `ltr` or `rtl`.
            pub dir: String,
            $($(#[$doc])* pub $member: String,)*
        }

        /// What differs from our own texts: those may be worded better in a later release.
        impl Serialize for Texts {
            fn serialize<S: Serializer>(
                &self,
                serializer: S,
            ) -> std::result::Result<S::Ok, S::Error> {
                let ours = Self::default();
                let mut map = serializer.serialize_map(None)?;
                for (member, text, default) in [
                    ("lang", &self.lang, &ours.lang),
                    ("dir", &self.dir, &ours.dir),
                    $((stringify!($member), &self.$member, &ours.$member),)*
                ] {
                    if text != default {
                        map.serialize_entry(member, text)?;
                    }
                }
                map.end()
            }
        }

        impl Default for Texts {
            fn default() -> Self {
                Self {
                    lang: "en".to_owned(),
                    dir: "ltr".to_owned(),
                    $($member: $default.to_owned(),)*
                }
            }
        }

        impl Texts {
            /// The names of all members.
            pub(crate) const MEMBERS: &[&str] = &["lang", "dir", $(stringify!($member)),*];

            /// Demands that each text is one, and has no placeholder that nothing replaces.
            ///
            /// # Errors
            /// [`Error::InvalidDocument`] with the member's path in the settings.
            pub(crate) fn check(&self) -> Result<()> {
                check_language(&self.lang).map_err(|why| Error::document("texts.lang", why))?;
                if self.dir != "ltr" && self.dir != "rtl" {
                    return Err(Error::document("texts.dir", "must be `ltr` or `rtl`"));
                }
                $(check_text(&self.$member, &[$($placeholder),*])
                    .map_err(|why| Error::document(concat!("texts.", stringify!($member)), why))?;)*
                Ok(())
            }
        }
    };
}

texts! {
    /// The login page's heading.
    login_title = "Sign in", [];
    /// Why there is a login page. `{client}`, `{clinic}`.
    login_intro = "{client} asks you to sign in.", ["client", "clinic"];
    /// The label of the user name.
    username = "User name", [];
    /// The label of the password.
    password = "Password", [];
    /// The button that signs in.
    sign_in = "Sign in", [];
    /// The button that goes back without signing in.
    cancel = "Cancel", [];
    /// A word of care. `{clinic}`.
    login_hint = "Enter your password only on pages of {clinic}. Check the address of this page.", ["clinic"];
    /// Wrong user or wrong password: one text for both.
    login_wrong = "The user name or the password is wrong. Please try again.", [];
    /// Too many attempts, a short while. `{seconds}`.
    throttled_seconds = "Too many attempts. Please wait {seconds} seconds, then try again.", ["seconds"];
    /// Too many attempts, a longer while. `{minutes}`.
    throttled_minutes = "Too many attempts. Please wait {minutes} minutes, then try again.", ["minutes"];
    /// The server checks as many passwords as it can, or the host cannot check its users' now.
    login_busy = "Signing in is not possible right now. Please try again in a moment.", [];
    /// The consent page's heading.
    consent_title = "Allow access?", [];
    /// Who asks. `{client}`, `{clinic}`.
    consent_intro = "{client} asks for access in your name.", ["client", "clinic"];
    /// Who is signed in. `{user}`.
    consent_user = "You are signed in as {user}.", ["user"];
    /// What comes before the list of permissions. `{client}`.
    consent_scopes = "It will be able to:", ["client"];
    /// Instead of the list, if it is empty. `{client}`.
    consent_no_scopes = "It asks for no particular permission.", ["client"];
    /// Where the browser goes next. `{place}`.
    consent_return = "You will then go back to {place}.", ["place"];
    /// The place, where it is on the person's own device.
    this_device = "an app on this device", [];
    /// The button that allows.
    allow = "Allow", [];
    /// The button that does not.
    deny = "Do not allow", [];
    /// The error page's heading.
    error_title = "This did not work", [];
    /// The client is not known.
    error_client = "The app that sent you here is not known.", [];
    /// The redirect URI is not registered.
    error_redirect = "The app that sent you here gave an address to go back to that is not its own.", [];
    /// The request cannot be read.
    error_request = "The app that sent you here made a request that cannot be understood.", [];
    /// The page was open for too long.
    error_expired = "This page was open for too long.", [];
    /// The request was decided already.
    error_decided = "This request was answered already.", [];
    /// The browser's cookie is missing or another one.
    error_cookie =
        "Your browser did not send the cookie of this page. Allow cookies, and use one browser all the way.", [];
    /// Plain HTTP.
    error_insecure = "This page is available over HTTPS only.", [];
    /// The database is busy.
    error_busy = "The server is busy. Please try again in a moment.", [];
    /// The library failed.
    error_failed = "Something went wrong on the server.", [];
    /// What to do after an error.
    error_advice = "Go back to the app and start again.", [];
    /// What the app's developer needs. `{detail}`.
    error_detail = "For the app\u{2019}s developer: {detail}", ["detail"];
    /// What the operator needs to find the request. `{reference}`.
    error_reference = "Reference: {reference}", ["reference"];
}

/// RFC 5646 2.1, as far as an attribute needs it.
fn check_language(tag: &str) -> std::result::Result<(), &'static str> {
    let sound = |part: &str| {
        (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    let letters = tag.starts_with(|first: char| first.is_ascii_alphabetic());
    if tag.len() <= 35 && letters && tag.split('-').all(sound) {
        Ok(())
    } else {
        Err("must be a language tag (RFC 5646)")
    }
}

fn check_text(text: &str, placeholders: &[&str]) -> std::result::Result<(), String> {
    let length = text.chars().count();
    if length == 0 || length > LONGEST || text.contains(char::is_control) {
        return Err(format!("must have 1 to {LONGEST} characters, none a control character"));
    }
    let mut rest = text;
    while let Some((_, name, behind)) = next_placeholder(rest) {
        if !placeholders.contains(&name) {
            return Err(match placeholders {
                [] => "must not have a placeholder in braces".to_owned(),
                known => format!("must not have a placeholder but {{{}}}", known.join("}, {")),
            });
        }
        rest = behind;
    }
    Ok(())
}

/// What is before the first brace, the name in it, and what is behind it; no name if it is never closed.
pub(crate) fn next_placeholder(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('{')?;
    let (name, behind) = rest.split_once('}').unwrap_or(("", rest));
    Some((before, name, behind))
}

/// Twice as long as our longest, in a language that needs three words for one.
const LONGEST: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Option<Texts> {
        serde_json::from_str::<Texts>(json).ok().filter(|texts| texts.check().is_ok())
    }

    #[test]
    fn our_own_texts_are_sound() {
        assert_eq!(Texts::default().check(), Ok(()));
    }

    #[test]
    fn a_document_replaces_what_it_names() {
        let texts =
            read(r#"{"lang":"de-AT","sign_in":"Anmelden","login_intro":"F\u00fcr {client}"}"#);
        let texts = texts.unwrap();
        assert_eq!((texts.lang.as_str(), texts.sign_in.as_str()), ("de-AT", "Anmelden"));
        assert_eq!(texts.allow, "Allow");
        assert_eq!(read("{}"), Some(Texts::default()));
        assert!(read(r#"{"lang":"ar","dir":"rtl"}"#).is_some());
    }

    #[test]
    fn every_member_is_described() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/operations.md");
        let page = std::fs::read_to_string(page).unwrap();
        for member in Texts::MEMBERS {
            assert!(page.contains(&format!("`{member}`")), "{member}");
        }
    }

    #[test]
    fn what_is_printed_is_what_was_replaced() {
        let print = |texts: &Texts| serde_json::to_string(texts).unwrap();
        assert_eq!(print(&Texts::default()), "{}");
        let texts =
            Texts { lang: "de".to_owned(), allow: "Erlauben".to_owned(), ..Texts::default() };
        assert_eq!(print(&texts), r#"{"lang":"de","allow":"Erlauben"}"#);
        assert_eq!(read(&print(&texts)), Some(texts));
        assert!(Texts::MEMBERS.starts_with(&["lang", "dir", "login_title"]));
    }

    #[test]
    fn a_document_is_read_strictly() {
        for bad in [
            r#"{"sign":"x"}"#,
            r#"{"sign_in":1}"#,
            r#"{"sign_in":null}"#,
            r#"{"sign_in":""}"#,
            r#"{"sign_in":"a\nb"}"#,
            r#"{"sign_in":"a","sign_in":"b"}"#,
            r#"{"sign_in":"{client}"}"#,
            r#"{"login_intro":"{password}"}"#,
            r#"{"login_intro":"{client"}"#,
            r#"{"login_intro":"{client} {"}"#,
            r#"{"login_intro":"{}"}"#,
            r#"{"lang":""}"#,
            r#"{"lang":"en\" onclick=\"x"}"#,
            r#"{"lang":"1"}"#,
            r#"{"lang":"en-"}"#,
            r#"{"dir":"auto"}"#,
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
        let long = Texts { allow: "x".repeat(LONGEST + 1), ..Texts::default() };
        assert!(long.check().is_err());
    }

    #[test]
    fn an_error_names_the_member_and_its_placeholders() {
        let texts = Texts { consent_intro: "{user}".to_owned(), ..Texts::default() };
        let error = texts.check().unwrap_err().to_string();
        assert!(
            error.contains("texts.consent_intro") && error.contains("{client}, {clinic}"),
            "{error}"
        );
    }
}
