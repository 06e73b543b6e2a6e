//! Who asks: the context of every call, and the one function that resolves the caller's address.

use crate::base::Network;
use std::net::IpAddr;

/// Who asks, from where, and how. Part of every call.
///
/// ```
/// use wardkey::Context;
/// let admin = Context::by("anna@clinic");
/// let request = Context { peer: Some("10.0.0.7".parse().unwrap()), secure: true, ..Context::default() };
/// # let _ = (admin, request);
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Context<'a> {
    /// Who administers: a person or a program, in the host's own words. Administration demands it.
    pub actor: Option<&'a str>,
    /// The address at the other end of the connection, as the host's socket has it.
    pub peer: Option<IpAddr>,
    /// Whether the request came over TLS (to the host, or to a proxy that the host trusts).
    pub secure: bool,
    /// The value of the `Forwarded` (RFC 7239) or `X-Forwarded-For` header, several joined by commas.
    pub forwarded: Option<&'a str>,
    /// The host's own id for the request; kept in the audit.
    pub correlation_id: Option<&'a str>,
}

impl<'a> Context<'a> {
    /// The context of administration by `actor` on this machine.
    #[must_use]
    pub fn by(actor: &'a str) -> Self {
        Self { actor: Some(actor), ..Self::default() }
    }

    /// Resolves the caller's address.
    ///
    /// Behind named proxies it is the rightmost hop that is not one of them. A forwarding header from
    /// anybody else may be a lie, which makes the peer doubtful; a named proxy without one hides the
    /// caller, as does a hop that is no address.
    pub(crate) fn resolve(&self, proxies: &[Network]) -> Peer {
        let is_proxy = |address: IpAddr| proxies.iter().any(|network| network.contains(address));
        let Some(peer) = self.peer.map(|address| address.to_canonical()) else {
            return Peer::Unknown;
        };
        match (self.forwarded, is_proxy(peer)) {
            (None, false) => Peer::Known(peer),
            (Some(_), false) => Peer::Doubtful(peer),
            (None, true) => Peer::Unknown,
            (Some(header), true) => {
                for hop in header.rsplit(',') {
                    match hop_address(hop.trim()) {
                        None => return Peer::Unknown,
                        Some(address) if is_proxy(address) => {}
                        Some(address) => return Peer::Known(address),
                    }
                }
                Peer::Unknown
            }
        }
    }
}

/// The caller's address, if it can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    /// This address.
    Known(IpAddr),
    /// The connection is from this address, and says that the caller's is another: a proxy that nobody
    /// named, or a lie. It lets nobody in; only guesses are counted by it, for else whoever sends the
    /// header could choose where theirs are.
    Doubtful(IpAddr),
    /// No address, or none that can be trusted.
    Unknown,
}

impl Peer {
    /// Whether the caller is on this machine.
    pub(crate) fn is_loopback(self) -> bool {
        match self {
            Self::Known(address) => address.is_loopback(),
            Self::Doubtful(_) | Self::Unknown => false,
        }
    }

    /// The address, if it can be trusted.
    pub(crate) const fn address(self) -> Option<IpAddr> {
        match self {
            Self::Known(address) => Some(address),
            Self::Doubtful(_) | Self::Unknown => None,
        }
    }

    /// The address under which guesses are counted.
    pub(crate) const fn counted(self) -> Option<IpAddr> {
        match self {
            Self::Known(address) | Self::Doubtful(address) => Some(address),
            Self::Unknown => None,
        }
    }

    /// The address for the audit.
    pub(crate) fn text(self) -> Option<String> {
        self.address().map(|address| address.to_string())
    }

    /// The range that counts as one caller, for the audit's gathered rows.
    pub(crate) fn prefix(self) -> Option<String> {
        self.address().map(|address| Network::of_peer(address).to_string())
    }
}

/// The address of one hop: of `X-Forwarded-For` an address, of `Forwarded` its `for` parameter.
fn hop_address(hop: &str) -> Option<IpAddr> {
    let node = if hop.contains('=') {
        let mut found = None;
        for pair in hop.split(';') {
            let (name, value) = pair.trim().split_once('=')?;
            if name.eq_ignore_ascii_case("for") && found.replace(value).is_some() {
                return None;
            }
        }
        found?
    } else {
        hop
    };
    let node = match node.strip_prefix('"') {
        Some(quoted) => quoted.strip_suffix('"')?,
        None => node,
    };
    without_port(node)?.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

/// The address part of `1.2.3.4`, `1.2.3.4:80`, `::1`, `[::1]` or `[::1]:80`.
fn without_port(node: &str) -> Option<&str> {
    if let Some(bracketed) = node.strip_prefix('[') {
        let (address, port) = bracketed.split_once(']')?;
        let sound = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        return (sound && address.contains(':')).then_some(address);
    }
    match node.split_once(':') {
        Some((address, port)) if is_port(port) && address.contains('.') => Some(address),
        Some(_) | None => Some(node),
    }
}

fn is_port(text: &str) -> bool {
    text.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(peer: &str, forwarded: Option<&str>) -> Peer {
        let proxies = [Network::parse("10.0.0.0/24").unwrap(), Network::parse("fd00::/8").unwrap()];
        let context =
            Context { peer: Some(peer.parse().unwrap()), forwarded, ..Context::default() };
        context.resolve(&proxies)
    }

    fn known(address: &str) -> Peer {
        Peer::Known(address.parse().unwrap())
    }

    #[test]
    fn without_proxies_the_socket_decides() {
        assert_eq!(resolve("192.168.1.5", None), known("192.168.1.5"));
        assert_eq!(resolve("::ffff:192.168.1.5", None), known("192.168.1.5"));
        assert_eq!(Context::default().resolve(&[]), Peer::Unknown);
    }

    #[test]
    fn a_forwarding_header_counts_only_from_a_named_proxy() {
        let doubtful = Peer::Doubtful("192.168.1.5".parse().unwrap());
        assert_eq!(resolve("192.168.1.5", Some("10.9.9.9")), doubtful);
        assert_eq!(resolve("::ffff:192.168.1.5", Some("no address")), doubtful);
        assert_eq!(resolve("10.0.0.1", None), Peer::Unknown);
        assert_eq!(resolve("10.0.0.1", Some("203.0.113.9")), known("203.0.113.9"));
        assert_eq!(resolve("::ffff:10.0.0.1", Some("203.0.113.9")), known("203.0.113.9"));
    }

    #[test]
    fn the_rightmost_untrusted_hop_is_the_caller() {
        assert_eq!(
            resolve("10.0.0.1", Some("6.6.6.6, 203.0.113.9, 10.0.0.2")),
            known("203.0.113.9")
        );
        assert_eq!(resolve("10.0.0.1", Some("10.0.0.3, 10.0.0.2")), Peer::Unknown);
        for lie in [
            "",
            "unknown",
            "203.0.113.9, _hidden",
            "203.0.113.9,",
            "for=;by=1",
            "for=1.1.1.1;for=2.2.2.2",
        ] {
            assert_eq!(resolve("10.0.0.1", Some(lie)), Peer::Unknown, "{lie:?}");
        }
    }

    #[test]
    fn rfc_7239_and_ports_are_understood() {
        let header = "for=192.0.2.43;proto=https, For=\"[2001:db8:cafe::17]:4711\"";
        assert_eq!(resolve("fd00::1", Some(header)), known("2001:db8:cafe::17"));
        assert_eq!(resolve("10.0.0.1", Some("192.0.2.1:5000")), known("192.0.2.1"));
        assert_eq!(resolve("10.0.0.1", Some("2001:db8::1")), known("2001:db8::1"));
    }
}
