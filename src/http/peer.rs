//! The address that a request comes from.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// Bits of an IPv6 address that one host cannot choose: it has the other half to itself (RFC 4291, section 2.5.4).
const PREFIX: u128 = !0 << 64;

tokio::task_local! {
    static PEER: IpAddr;
}

/// The address of the other side of a connection.
pub trait Address: Send {
    /// Its IP address.
    fn ip(&self) -> IpAddr;
}

impl Address for SocketAddr {
    fn ip(&self) -> IpAddr {
        Self::ip(self)
    }
}

/// `work` on a connection from this address.
pub(super) fn of<F: Future>(address: IpAddr, work: F) -> impl Future<Output = F::Output> {
    PEER.scope(address, work)
}

/// Whom limits count the present request by; `None` outside a connection.
pub(super) fn host() -> Option<IpAddr> {
    PEER.try_with(|address| host_of(*address)).ok()
}

/// The host that an address is one of.
pub(super) fn host_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & PREFIX)),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_one_address_or_one_prefix() {
        let host = |text: &str| host_of(text.parse().unwrap()).to_string();
        assert_eq!([host("10.0.0.1"), host("::ffff:10.0.0.1")], ["10.0.0.1", "10.0.0.1"]);
        assert_eq!([host("2001:db8::1"), host("2001:db8::ffff:1")], ["2001:db8::", "2001:db8::"]);
        assert_ne!(host("2001:db8:0:1::1"), host("2001:db8::1"));
    }
}
