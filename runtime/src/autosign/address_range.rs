//! IP addresses and ranges of them, as policies write them.

use ipnet::IpNet;
use std::net::IpAddr;
use thiserror::Error;

/// Why a range cannot be used. Such a range holds no address.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("failed to read the address range {range:?}: {fault}")]
pub struct AddressRangeError {
    /// The range as it was written.
    pub range: String,
    /// What is wrong with it.
    pub fault: AddressRangeFault,
}

/// What can be wrong with a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AddressRangeFault {
    /// Neither an address nor a network.
    #[error("write an address such as 10.0.0.1 or 2001:db8::1, or a network such as 10.0.0.0/8")]
    Unreadable,
    /// Bits beyond the prefix are set, so it is not clear whether the address or the network is meant.
    #[error("bits behind the prefix are set; the network is {0}, the address alone has no prefix")]
    HostBits(IpNet),
}

/// One address, or all that begin with a prefix. Addresses of the two families are never the same: `::ffff:10.0.0.1` is
/// not in `10.0.0.0/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressRange(IpNet);

impl AddressRange {
    /// Reads an address, or a network in CIDR notation (RFC 4632, RFC 4291).
    ///
    /// # Errors
    ///
    /// An [`AddressRangeError`] with the fault.
    pub fn parse(range: &str) -> Result<Self, AddressRangeError> {
        let faulty = |fault| AddressRangeError { range: range.to_owned(), fault };
        let network = match range.parse::<IpAddr>() {
            Ok(address) => IpNet::from(address),
            Err(_) => range.parse::<IpNet>().map_err(|_| faulty(AddressRangeFault::Unreadable))?,
        };
        if network.addr() == network.network() { Ok(Self(network)) } else { Err(faulty(AddressRangeFault::HostBits(network.trunc()))) }
    }

    /// Whether the address is one of these.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn holds(range: &str, address: &str) -> bool {
        AddressRange::parse(range).unwrap().contains(address.parse().unwrap())
    }

    #[test]
    fn a_range_holds_what_begins_with_its_prefix() {
        for (range, address, expected) in [
            ("10.0.0.1", "10.0.0.1", true),
            ("10.0.0.1", "10.0.0.2", false),
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.0", false),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "::1", false),
            ("::/0", "10.0.0.1", false),
            ("2001:db8::/32", "2001:DB8:1::5", true),
            ("2001:db8::/32", "2001:db9::", false),
            ("2001:db8::1", "2001:db8:0:0::1", true),
            ("10.0.0.0/8", "::ffff:10.0.0.1", false),
        ] {
            assert_eq!(holds(range, address), expected, "{range} {address}");
        }
    }

    #[test]
    fn what_is_no_range_says_why() {
        for range in ["", "*", "10.0.0.*", "10.0.0", "010.0.0.1", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "fe80::1%eth0", " 10.0.0.1"] {
            assert_eq!(AddressRange::parse(range).unwrap_err().fault, AddressRangeFault::Unreadable, "{range}");
        }
        assert_eq!(
            AddressRange::parse("10.1.2.3/8").unwrap_err().to_string(),
            "failed to read the address range \"10.1.2.3/8\": bits behind the prefix are set; the network is 10.0.0.0/8, the \
             address alone has no prefix"
        );
    }

    proptest! {
        #[test]
        fn an_address_is_in_the_range_that_is_written_like_it_and_in_no_other_of_its_length(address: IpAddr, other: IpAddr) {
            let range = AddressRange::parse(&address.to_string()).unwrap();
            prop_assert!(range.contains(address));
            prop_assert_eq!(range.contains(other), address == other);
        }

        #[test]
        fn any_text_is_a_range_or_not(text in r"[0-9a-f:./ ]{0,24}") {
            let _ = AddressRange::parse(&text);
        }
    }
}
