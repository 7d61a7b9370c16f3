//! How many connections each host has.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::http::peer::host_of;

/// The hosts with connections. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Hosts(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// Held while a connection lasts; counts one of a host, or none.
pub(super) struct Seat(Option<(Hosts, IpAddr)>);

impl Hosts {
    /// A seat for a connection from this address; `None` when its host has `most`. Who comes through loopback had to have
    /// a right to, and is not counted.
    pub fn seat(&self, address: IpAddr, most: usize) -> Option<Seat> {
        if address.to_canonical().is_loopback() {
            return Some(Seat(None));
        }
        let host = host_of(address);
        let mut hosts = self.hosts();
        let count = hosts.entry(host).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Seat(Some((self.clone(), host))))
    }

    fn hosts(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
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
    fn a_host_has_so_many_seats_and_the_others_have_theirs() {
        let hosts = Hosts::default();
        let seat = |address: &str| hosts.seat(address.parse().unwrap(), 2);
        let taken = [seat("10.0.0.1"), seat("::ffff:10.0.0.1")];
        assert!(taken.iter().all(Option::is_some));
        assert!(seat("10.0.0.1").is_none());
        assert!(seat("10.0.0.2").is_some());
        drop(taken);
        assert!(seat("10.0.0.1").is_some());
        assert!(hosts.hosts().is_empty());
    }

    #[test]
    fn who_comes_through_loopback_is_not_counted() {
        let hosts = Hosts::default();
        let seats: Vec<_> = (0..5).map(|_| hosts.seat("127.0.0.1".parse().unwrap(), 2)).collect();
        assert!(seats.iter().all(Option::is_some));
        assert!(hosts.hosts().is_empty());
    }
}
