//! Counts the connections of each host.

use crate::http::peer::host_of;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The hosts with connections. Clones share the counts.
#[derive(Clone, Default)]
pub(super) struct Hosts(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// Held while a connection lasts. It counts as one of its host; connections on loopback are not counted.
pub(super) struct HostPermit(Option<(Hosts, IpAddr)>);

impl Hosts {
    /// A permit for a connection from this address; `None` when its host has `most`. Clients on loopback already needed a
    /// permission to get there, and are not counted.
    pub fn acquire(&self, address: IpAddr, most: usize) -> Option<HostPermit> {
        if address.to_canonical().is_loopback() {
            return Some(HostPermit(None));
        }
        let host = host_of(address);
        let mut hosts = self.hosts();
        let count = hosts.entry(host).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(HostPermit(Some((self.clone(), host))))
    }

    fn hosts(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for HostPermit {
    fn drop(&mut self) {
        let Some((hosts, host)) = &self.0 else { return };
        let mut hosts = hosts.hosts();
        if let Some(count) = hosts.get_mut(host) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                hosts.remove(host);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_connections_of_each_host_are_limited() {
        let hosts = Hosts::default();
        let acquire = |address: &str| hosts.acquire(address.parse().unwrap(), 2);
        let taken = [acquire("10.0.0.1"), acquire("::ffff:10.0.0.1")];
        assert!(taken.iter().all(Option::is_some));
        assert!(acquire("10.0.0.1").is_none());
        assert!(acquire("10.0.0.2").is_some());
        drop(taken);
        assert!(acquire("10.0.0.1").is_some());
        assert!(hosts.hosts().is_empty());
    }

    #[test]
    fn connections_on_loopback_are_not_counted() {
        let hosts = Hosts::default();
        let permits: Vec<_> = (0..5).map(|_| hosts.acquire("127.0.0.1".parse().unwrap(), 2)).collect();
        assert!(permits.iter().all(Option::is_some));
        assert!(hosts.hosts().is_empty());
    }
}
