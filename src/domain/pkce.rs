//! Proof keys for codes (RFC 7636): whoever redeems a code is who asked for it.

use crate::base::encode;
use crate::crypto;

/// The `S256` challenge of an authorization request: the base64url of a SHA-256, 43 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Challenge(String);

/// What is wrong with the challenge of an authorization request: RFC 6749 `invalid_request`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChallengeFault {
    /// There is no challenge, and this client needs one.
    Missing,
    /// The challenge is not the base64url of 32 bytes.
    Malformed,
    /// There is a method and nothing to apply it to.
    MethodAlone,
    /// No method is named, which means `plain`.
    MethodAbsent,
    /// The method is `plain`.
    Plain,
    /// The method is one that nobody knows.
    MethodUnknown,
}

/// What is wrong with the verifier of a token request: RFC 6749 `invalid_grant`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum VerifierFault {
    /// The code has a challenge, the request no verifier.
    Missing,
    /// The request has a verifier, the code no challenge.
    Unexpected,
    /// The verifier breaks the grammar.
    Malformed,
    /// The verifier is not that of the challenge.
    Wrong,
}

impl Challenge {
    /// Reads what an authorization request says, absent parameters as `None`. Whether a client may leave
    /// both out is [`Challenge::demand`]'s question.
    ///
    /// # Errors
    /// What is wrong with it. `plain` is refused, said or meant: RFC 9700 2.1.1: "clients SHOULD use PKCE
    /// code challenge methods that do not expose the PKCE verifier in the authorization request".
    pub(crate) fn read(
        challenge: Option<&str>,
        method: Option<&str>,
    ) -> Result<Option<Self>, ChallengeFault> {
        let Some(challenge) = challenge else {
            return if method.is_some() { Err(ChallengeFault::MethodAlone) } else { Ok(None) };
        };
        match method {
            Some("S256") => Self::parse(challenge).map(Some).ok_or(ChallengeFault::Malformed),
            // RFC 7636 4.3: "defaults to "plain" if not present in the request".
            None => Err(ChallengeFault::MethodAbsent),
            Some("plain") => Err(ChallengeFault::Plain),
            Some(_) => Err(ChallengeFault::MethodUnknown),
        }
    }

    /// Reads a challenge of the form that [`Challenge::as_str`] has; `None` for any other.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        // Stray bits would make a challenge that no verifier fulfils; better said now than at the code.
        let digest = encode::from_base64url(text.as_bytes())?;
        (digest.len() == 32).then(|| Self(text.to_owned()))
    }

    /// Demands a challenge of every client but those that are registered to do without.
    ///
    /// # Errors
    /// [`ChallengeFault::Missing`].
    pub(crate) fn demand(
        challenge: Option<Self>,
        may_be_absent: bool,
    ) -> Result<Option<Self>, ChallengeFault> {
        // RFC 7636 4.4.1: "If the server requires Proof Key for Code Exchange (PKCE) by OAuth public clients
        // and the client does not send the "code_challenge" in the request, the authorization endpoint MUST
        // return the authorization error response with the "error" value set to "invalid_request"."
        if challenge.is_none() && !may_be_absent {
            return Err(ChallengeFault::Missing);
        }
        Ok(challenge)
    }

    /// The challenge as text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Demands that the verifier of a token request is the one whose challenge came for the code.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn check_verifier(
    challenge: Option<&Challenge>,
    verifier: Option<&str>,
) -> Result<(), VerifierFault> {
    match (challenge, verifier) {
        (None, None) => Ok(()),
        (Some(_), None) => Err(VerifierFault::Missing),
        // RFC 9700 2.1.1: "Authorization servers MUST mitigate PKCE downgrade attacks by ensuring that a
        // token request containing a code_verifier parameter is accepted only if a code_challenge parameter
        // was present in the authorization request".
        (None, Some(_)) => Err(VerifierFault::Unexpected),
        (Some(challenge), Some(verifier)) => compare(challenge, verifier),
    }
}

/// RFC 7636 4.6: `BASE64URL-ENCODE(SHA256(ASCII(code_verifier))) == code_challenge`.
fn compare(challenge: &Challenge, verifier: &str) -> Result<(), VerifierFault> {
    // RFC 7636 4.1: "with a minimum length of 43 characters and a maximum length of 128 characters".
    if !(43..=128).contains(&verifier.len()) || !verifier.bytes().all(is_unreserved) {
        return Err(VerifierFault::Malformed);
    }
    let computed = encode::base64url(&crypto::sha256(verifier.as_bytes()));
    // RFC 7636 4.6: "If the values are not equal, an error response indicating "invalid_grant" as described
    // in Section 5.2 of [RFC6749] MUST be returned."
    if crypto::equal(computed.as_bytes(), challenge.as_str().as_bytes()) {
        Ok(())
    } else {
        Err(VerifierFault::Wrong)
    }
}

/// RFC 3986 2.3.
const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

impl ChallengeFault {
    /// What the client's author may read.
    pub(crate) const fn why(self) -> &'static str {
        match self {
            Self::Missing => "code_challenge is missing: PKCE with S256 is required (RFC 7636)",
            Self::Malformed => "code_challenge is not the base64url of a SHA-256 digest",
            Self::MethodAlone => "code_challenge_method came without a code_challenge",
            Self::MethodAbsent => {
                "code_challenge_method is missing, which means plain: S256 is required"
            }
            Self::Plain => "code_challenge_method plain is not supported: S256 is required",
            Self::MethodUnknown => "code_challenge_method is unknown: S256 is required",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// RFC 7636 B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    fn read(challenge: &str) -> Result<Option<Challenge>, ChallengeFault> {
        Challenge::read(Some(challenge), Some("S256"))
    }

    fn stored() -> Challenge {
        Challenge::parse(CHALLENGE).unwrap()
    }

    #[test]
    fn the_rfcs_own_verifier_fulfils_its_challenge() {
        let challenge = read(CHALLENGE).unwrap();
        assert_eq!(challenge.as_ref().map(Challenge::as_str), Some(CHALLENGE));
        assert_eq!(check_verifier(challenge.as_ref(), Some(VERIFIER)), Ok(()));
    }

    #[test]
    fn only_s256_is_a_method() {
        // conformance 23: an absent method means `plain` and is refused
        let read = |method| Challenge::read(Some(CHALLENGE), method).unwrap_err();
        assert_eq!(read(None), ChallengeFault::MethodAbsent);
        assert_eq!(read(Some("plain")), ChallengeFault::Plain);
        for other in ["s256", "S256 ", "S512", "PLAIN"] {
            assert_eq!(read(Some(other)), ChallengeFault::MethodUnknown, "{other}");
        }
        for method in ["S256", "plain", "x"] {
            assert_eq!(Challenge::read(None, Some(method)), Err(ChallengeFault::MethodAlone));
        }
    }

    #[test]
    fn a_challenge_is_the_base64url_of_a_digest() {
        let with_padding = format!("{CHALLENGE}=");
        for bad in [
            "",
            VERIFIER.get(1..).unwrap(),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cN",
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM",
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-c\n",
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cMA",
            &with_padding,
        ] {
            assert_eq!(read(bad), Err(ChallengeFault::Malformed), "{bad:?}");
        }
    }

    #[test]
    fn only_a_client_that_is_registered_so_may_do_without() {
        // conformance 23: the one exception is registered
        assert_eq!(Challenge::read(None, None), Ok(None));
        assert_eq!(Challenge::demand(None, false), Err(ChallengeFault::Missing));
        assert_eq!(Challenge::demand(None, true), Ok(None));
        for may_be_absent in [false, true] {
            assert_eq!(Challenge::demand(Some(stored()), may_be_absent), Ok(Some(stored())));
        }
    }

    #[test]
    fn a_verifier_is_demanded_exactly_where_a_challenge_was() {
        // conformance 23: a verifier where no challenge was stored is refused
        assert_eq!(check_verifier(Some(&stored()), None), Err(VerifierFault::Missing));
        assert_eq!(check_verifier(None, Some(VERIFIER)), Err(VerifierFault::Unexpected));
        assert_eq!(check_verifier(None, None), Ok(()));
    }

    #[test]
    fn another_verifier_is_wrong() {
        let check = |verifier: &str| check_verifier(Some(&stored()), Some(verifier)).unwrap_err();
        // `plain` would take the challenge itself.
        assert_eq!(check(CHALLENGE), VerifierFault::Wrong);
        assert_eq!(check(&VERIFIER.to_lowercase()), VerifierFault::Wrong);
        assert_eq!(check(&format!("{VERIFIER}x")), VerifierFault::Wrong);
        assert_eq!(check(&"~.-_".repeat(32)), VerifierFault::Wrong);
    }

    #[test]
    fn a_verifier_has_43_to_128_unreserved_characters() {
        // RFC 7636 4.1
        let check = |verifier: &str| check_verifier(Some(&stored()), Some(verifier)).unwrap_err();
        for bad in [
            "",
            VERIFIER.get(1..).unwrap(),
            &"x".repeat(129),
            &format!("{VERIFIER}+"),
            &format!("{VERIFIER}="),
            &format!("{VERIFIER}\u{e9}"),
            &format!("{VERIFIER}\n"),
        ] {
            assert_eq!(check(bad), VerifierFault::Malformed, "{bad:?}");
        }
    }

    #[test]
    fn every_fault_has_words_of_its_own() {
        let challenges = [
            ChallengeFault::Missing,
            ChallengeFault::Malformed,
            ChallengeFault::MethodAlone,
            ChallengeFault::MethodAbsent,
            ChallengeFault::Plain,
            ChallengeFault::MethodUnknown,
        ];
        let words: std::collections::BTreeSet<_> =
            challenges.map(ChallengeFault::why).into_iter().collect();
        assert_eq!(words.len(), 6);
    }

    proptest! {
        #[test]
        fn each_verifier_fulfils_its_own_challenge_alone(
            one in "[A-Za-z0-9._~-]{43,128}", other in "[A-Za-z0-9._~-]{43,128}",
        ) {
            let challenge = read(&encode::base64url(&crypto::sha256(one.as_bytes()))).unwrap();
            prop_assert_eq!(check_verifier(challenge.as_ref(), Some(&one)), Ok(()));
            let crossed = check_verifier(challenge.as_ref(), Some(&other));
            prop_assert_eq!(crossed.is_ok(), one == other);
        }

        #[test]
        fn no_text_panics(challenge in "\\PC*", method in "\\PC*", verifier in "\\PC*") {
            let _ = Challenge::read(Some(&challenge), Some(&method));
            let _ = read(&challenge);
            let _ = check_verifier(Some(&stored()), Some(&verifier));
        }
    }
}
