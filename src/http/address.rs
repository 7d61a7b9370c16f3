//! Addresses to listen on, in the notation of Go's `net.Listen` that operators' flags use.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;
use tokio::net::TcpListener;

/// Where a server listens: `host:port`, `:port` for all addresses, or `0` for nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BindAddress(Where);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Where {
    Off,
    All { port: u16 },
    Host { host: String, port: u16 },
}

/// The text is not an address to listen on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected host:port, :port for all addresses, or 0 to turn the server off")]
pub struct AddressError;

impl FromStr for BindAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "0" {
            return Ok(Self(Where::Off));
        }
        let (host, port) = text.rsplit_once(':').ok_or(AddressError)?;
        let port = port.parse().map_err(|_| AddressError)?;
        if host.is_empty() {
            return Ok(Self(Where::All { port }));
        }
        let host = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(inside) => {
                inside.parse::<Ipv6Addr>().map_err(|_| AddressError)?;
                inside
            }
            // A colon that is left over belongs to an IPv6 address without brackets.
            None if host.contains([':', '[', ']', '/', ' ']) => return Err(AddressError),
            None => host,
        };
        Ok(Self(Where::Host { host: host.to_owned(), port }))
    }
}

impl fmt::Display for BindAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Where::Off => f.write_str("0"),
            Where::All { port } => write!(f, ":{port}"),
            Where::Host { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Where::Host { host, port } => write!(f, "{host}:{port}"),
        }
    }
}

impl BindAddress {
    /// Only programs of the same host or pod can reach it.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        match &self.0 {
            Where::Off => true,
            Where::All { .. } => false,
            Where::Host { host, .. } => host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()),
        }
    }

    /// Opens the listener; none when the server is turned off.
    ///
    /// # Errors
    /// When the address is in use or not local, or its host name does not resolve.
    pub async fn listen(&self) -> io::Result<Option<TcpListener>> {
        match &self.0 {
            Where::Off => Ok(None),
            Where::All { port } => {
                // Accepts IPv4 as well, except on a node whose kernel has no IPv6.
                let both = TcpListener::bind((Ipv6Addr::UNSPECIFIED, *port)).await;
                match both {
                    Err(error) if error.kind() != io::ErrorKind::AddrInUse => TcpListener::bind((Ipv4Addr::UNSPECIFIED, *port)).await,
                    both => both,
                }
                .map(Some)
            }
            Where::Host { host, port } => TcpListener::bind((host.as_str(), *port)).await.map(Some),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_they_were_read() {
        for text in ["0", ":8080", ":0", "127.0.0.1:8082", "[::1]:80", "localhost:1"] {
            assert_eq!(text.parse::<BindAddress>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["", "8080", ":", ":http", "::1:80", "[::1]", "[web]:80", "h:70000", "a/b:1"] {
            assert_eq!(text.parse::<BindAddress>(), Err(AddressError), "{text:?}");
        }
    }

    #[test]
    fn loopback_is_told_from_what_others_reach() {
        let loopback = |text: &str| text.parse::<BindAddress>().unwrap().is_loopback();
        assert!(["0", "127.0.0.1:8082", "127.9.9.9:1", "[::1]:80", "localhost:1"].into_iter().all(loopback));
        assert!(![":8082", "0.0.0.0:8082", "[::]:80", "10.0.0.1:80", "localhost.example.test:1"].into_iter().any(loopback));
    }

    #[tokio::test]
    async fn zero_opens_no_listener() {
        let off: BindAddress = "0".parse().unwrap();
        assert!(off.listen().await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_port_alone_is_reachable_over_ipv4() {
        let all: BindAddress = ":0".parse().unwrap();
        let listener = all.listen().await.unwrap().unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
    }

    #[tokio::test]
    async fn a_port_that_is_taken_is_an_error() {
        let all: BindAddress = ":0".parse().unwrap();
        let listener = all.listen().await.unwrap().unwrap();
        let taken = BindAddress(Where::All { port: listener.local_addr().unwrap().port() });
        assert_eq!(taken.listen().await.unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }
}
