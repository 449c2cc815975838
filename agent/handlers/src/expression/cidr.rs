//! A network: an address and the length of its prefix.

use std::{fmt, net::IpAddr, str::FromStr};

/// A network, such as `10.0.0.0/8`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Cidr {
    address: IpAddr,
    length: u8,
}

impl Cidr {
    /// The address as it was written.
    #[must_use]
    pub fn address(self) -> IpAddr {
        self.address
    }

    /// The length of the prefix.
    #[must_use]
    pub fn length(self) -> u8 {
        self.length
    }

    /// The same with zeros behind the prefix.
    #[must_use]
    pub fn masked(self) -> Self {
        let address = match self.address {
            IpAddr::V4(ip) => IpAddr::V4((u32::from(ip) & mask_v4(self.length)).into()),
            IpAddr::V6(ip) => IpAddr::V6((u128::from(ip) & mask_v6(self.length)).into()),
        };
        Self { address, ..self }
    }

    /// Whether an address lies in it.
    #[must_use]
    pub fn contains(self, ip: IpAddr) -> bool {
        match (self.address, ip) {
            (IpAddr::V4(own), IpAddr::V4(ip)) => {
                (u32::from(own) ^ u32::from(ip)) & mask_v4(self.length) == 0
            }
            (IpAddr::V6(own), IpAddr::V6(ip)) => {
                (u128::from(own) ^ u128::from(ip)) & mask_v6(self.length) == 0
            }
            _ => false,
        }
    }

    /// Whether all addresses of another network lie in it.
    #[must_use]
    pub fn contains_all(self, other: Self) -> bool {
        self.length <= other.length && self.contains(other.address)
    }
}

fn mask_v4(length: u8) -> u32 {
    u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0)
}

fn mask_v6(length: u8) -> u128 {
    u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0)
}

/// Reads an address; an IPv4 address within IPv6 is none, as in CEL's extension.
pub(super) fn parse_ip(text: &str) -> Option<IpAddr> {
    let ip = text.parse::<IpAddr>().ok()?;
    Some(ip).filter(|ip| matches!(ip, IpAddr::V4(_)) || ip.to_canonical() == *ip)
}

impl FromStr for Cidr {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (address, length) = text.split_once('/').ok_or(())?;
        let address = parse_ip(address).ok_or(())?;
        let is_canonical = length == "0" || !length.starts_with(['0', '+']);
        let length = length.parse::<u8>().ok().filter(|_| is_canonical).ok_or(())?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        if length > longest { Err(()) } else { Ok(Self { address, length }) }
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}
