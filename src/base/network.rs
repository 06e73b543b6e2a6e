//! Ranges of IP addresses.

use crate::error::{Error, Result};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A range of IPv4 or IPv6 addresses in CIDR notation (RFC 4632 3.1): `10.1.0.0/16`, `fd00::/8`.
///
/// An address alone is the range that holds it alone. IPv4-mapped addresses (`::ffff:10.0.0.1`) are
/// the IPv4 addresses they map.
///
/// ```
/// use wardkey::Network;
/// let lab = Network::parse("10.1.0.0/16")?;
/// assert!(lab.contains("10.1.2.3".parse().unwrap()));
/// assert!(lab.contains("::ffff:10.1.2.3".parse().unwrap()));
/// assert!(!lab.contains("10.2.0.1".parse().unwrap()));
/// assert!(Network::parse("10.1.2.3/16").is_err()); // has bits beyond the prefix
/// # Ok::<(), wardkey::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// Reads CIDR notation.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for text that is no address, a prefix that is too long, or an address
    /// with bits set beyond the prefix: whoever wrote it may have meant another range.
    pub fn parse(text: &str) -> Result<Self> {
        let fail =
            // Without the text: it may be a secret that was written into the wrong place.
            |why: &str| Error::argument("network", why);
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| fail("is not an IP address or range"))?;
        if address.to_canonical() != address {
            return Err(fail("is an IPv4-mapped address: write the IPv4 address"));
        }
        let width = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => width,
            Some(digits) if digits.len() <= 3 && digits.bytes().all(|b| b.is_ascii_digit()) => {
                digits.parse().map_err(|_| fail("has a prefix that is not a number"))?
            }
            Some(_) => return Err(fail("has a prefix that is not a number")),
        };
        if prefix > width {
            return Err(fail("has a prefix longer than the address"));
        }
        let network = Self { address, prefix };
        if bits(address) & !network.mask() != 0 {
            return Err(fail("has bits set beyond its prefix"));
        }
        Ok(network)
    }

    /// Whether `address` lies in the range.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.address.is_ipv4()
            && bits(address) & self.mask() == bits(self.address)
    }

    /// The range that counts as one caller: the address itself for IPv4, its /64 for IPv6, where one
    /// machine has the whole /64 to choose from.
    #[must_use]
    pub fn of_peer(address: IpAddr) -> Self {
        Self::around(address, 32, 64)
    }

    /// The range around `address` with the first `v4` or `v6` bits fixed; no more than it has.
    pub(crate) fn around(address: IpAddr, v4: u8, v6: u8) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => {
                let prefix = v4.min(32);
                let free = u32::MAX.checked_shr(u32::from(prefix)).unwrap_or(0);
                let kept = u32::from(address) & !free;
                Self { address: IpAddr::V4(Ipv4Addr::from(kept)), prefix }
            }
            IpAddr::V6(address) => {
                let prefix = v6.min(128);
                let free = u128::MAX.checked_shr(u32::from(prefix)).unwrap_or(0);
                let kept = u128::from(address) & !free;
                Self { address: IpAddr::V6(Ipv6Addr::from(kept)), prefix }
            }
        }
    }

    /// Ones where the range fixes an address's bit.
    fn mask(&self) -> u128 {
        let width = if self.address.is_ipv4() { 32_u32 } else { 128 };
        let free = width - u32::from(self.prefix);
        let all = u128::MAX >> (128 - width);
        all & u128::MAX.checked_shl(free).unwrap_or(0)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

/// The address as a number.
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(u32::from(v4)),
        IpAddr::V6(v6) => u128::from(v6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn ranges_hold_what_they_say() {
        let all = Network::parse("0.0.0.0/0").unwrap();
        assert!(all.contains(address("255.255.255.255")));
        assert!(!all.contains(address("::1")));
        let one = Network::parse("192.168.1.7").unwrap();
        assert!(one.contains(address("192.168.1.7")) && !one.contains(address("192.168.1.8")));
        assert_eq!(one.to_string(), "192.168.1.7/32");
        let six = Network::parse("2001:db8::/33").unwrap();
        assert!(six.contains(address("2001:db8:7fff::1")));
        assert!(!six.contains(address("2001:db8:8000::1")));
        assert!(Network::parse("::/0").unwrap().contains(address("fe80::1")));
    }

    #[test]
    fn ranges_that_may_mean_another_are_refused() {
        for bad in [
            "",
            "10.0.0.0/33",
            "10.0.0.0/-1",
            "10.0.0.0/+8",
            "10.0.0.1/8",
            "10.0.0/8",
            "::/129",
            "::ffff:10.0.0.1",
            "10.0.0.0/",
            "a/8",
        ] {
            assert!(Network::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_ipv6_peer_counts_by_its_64() {
        assert_eq!(Network::of_peer(address("2001:db8::1:2")).to_string(), "2001:db8::/64");
        assert_eq!(Network::of_peer(address("::ffff:10.0.0.1")).to_string(), "10.0.0.1/32");
    }

    #[test]
    fn the_range_around_an_address_keeps_its_first_bits() {
        let around = |text, v4, v6| Network::around(address(text), v4, v6).to_string();
        assert_eq!(around("192.0.2.7", 24, 48), "192.0.2.0/24");
        assert_eq!(around("192.0.2.7", 0, 48), "0.0.0.0/0");
        assert_eq!(around("::ffff:192.0.2.7", 99, 48), "192.0.2.7/32");
        assert_eq!(around("2001:db8:1:2::3", 24, 48), "2001:db8:1::/48");
        assert_eq!(around("2001:db8:1:2::3", 24, 255), "2001:db8:1:2::3/128");
    }
}
