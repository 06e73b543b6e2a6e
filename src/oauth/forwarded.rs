//! The forwarding headers of a request.

/// What proxies say about the caller: the `Forwarded` headers (RFC 7239) or the `X-Forwarded-For`
/// headers, joined as RFC 9110 5.3 joins lists. Whether it may be believed is not decided here.
///
/// A request with both says two things at once, and a value that is no text says nothing: both are
/// returned as a hop that is no address.
pub(crate) fn forwarded(headers: &[(&str, &[u8])]) -> Option<String> {
    let collect = |name: &str| {
        let values = headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        let texts: Vec<&str> =
            values.map(|(_, value)| std::str::from_utf8(value).unwrap_or(NO_ADDRESS)).collect();
        (!texts.is_empty()).then(|| texts.join(","))
    };
    match (collect("Forwarded"), collect("X-Forwarded-For")) {
        (Some(_), Some(_)) => Some(NO_ADDRESS.to_owned()),
        (one, None) | (None, one) => one,
    }
}

/// RFC 7239 6.2: the identifier of a hop that cannot be told.
const NO_ADDRESS: &str = "unknown";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_headers_are_one_list_and_two_kinds_are_none() {
        let header = |name, value: &'static str| (name, value.as_bytes());
        assert_eq!(forwarded(&[]), None);
        let list = [header("x-forwarded-for", "1.1.1.1"), header("X-Forwarded-For", "2.2.2.2")];
        assert_eq!(forwarded(&list).as_deref(), Some("1.1.1.1,2.2.2.2"));
        let both = [header("Forwarded", "for=1.1.1.1"), header("X-Forwarded-For", "2.2.2.2")];
        assert_eq!(forwarded(&both).as_deref(), Some("unknown"));
        assert_eq!(forwarded(&[("Forwarded", &[0xff])]).as_deref(), Some("unknown"));
    }
}
