//! Places: who is connected to the admin endpoint, and whose place the next one takes.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
};

use tokio::task::AbortHandle;

/// How many clients may be connected. Some probes, a Prometheus and the people who look are a dozen; the
/// rest is for those who connect and say nothing.
pub(crate) const PLACES: usize = 64;

/// Whom clients belong to: an IPv4 address, a /64 of IPv6, or the UNIX socket.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) struct Peer(Option<IpAddr>);

/// Who is connected, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Places(Vec<(Peer, AbortHandle)>);

impl Peer {
    pub(super) const UNIX: Self = Self(None);

    pub(super) fn at(address: IpAddr) -> Self {
        Self(Some(match address.to_canonical() {
            IpAddr::V6(address) => {
                let network = address.to_bits() >> 64 << 64;
                Ipv6Addr::from_bits(network).into()
            }
            address => address,
        }))
    }
}

impl Places {
    /// Takes a place for a client.
    pub(super) fn take(&mut self, peer: Peer, task: AbortHandle) {
        self.0.push((peer, task));
    }

    /// Makes room for one more; returns whether a client was displaced.
    pub(super) fn make_room(&mut self) -> bool {
        self.forget_ended();
        self.0.len() >= PLACES && self.displace()
    }

    fn forget_ended(&mut self) {
        self.0.retain(|(_, task)| !task.is_finished());
    }

    /// The oldest connection of the peer that has the most goes: so a peer that floods takes places from
    /// itself, and a probe from elsewhere keeps its own.
    pub(super) fn displace(&mut self) -> bool {
        self.forget_ended();
        let mut held: HashMap<Peer, usize> = HashMap::new();
        for (peer, _) in &self.0 {
            *held.entry(*peer).or_default() += 1;
        }
        let most = held.values().max().copied();
        let oldest = self.0.iter().position(|(peer, _)| held.get(peer).copied() == most);
        let Some(oldest) = oldest else { return false };
        self.0.remove(oldest).1.abort();
        true
    }
}

#[cfg(test)]
mod tests {
    use std::{future::pending, net::Ipv4Addr};

    use super::*;

    #[tokio::test]
    async fn who_floods_takes_places_from_himself() {
        let attacker = Peer::at(Ipv4Addr::new(192, 0, 2, 1).into());
        let probe = Peer::at("::ffff:192.0.2.2".parse().unwrap());
        let mut places = Places::default();
        let client = || tokio::spawn(pending::<()>());
        let (first, probing, second) = (client(), client(), client());
        places.take(attacker, first.abort_handle());
        places.take(probe, probing.abort_handle());
        places.take(attacker, second.abort_handle());
        let mut others = Vec::new();
        while places.0.len() < PLACES {
            assert!(!places.make_room());
            others.push(client());
            places.take(attacker, others[others.len() - 1].abort_handle());
        }
        assert!(places.make_room() && first.await.unwrap_err().is_cancelled());
        places.take(probe, client().abort_handle());
        assert!(places.make_room() && second.await.unwrap_err().is_cancelled());
        assert!(!probing.is_finished());
    }

    #[tokio::test]
    async fn a_connection_that_has_ended_is_not_displaced() {
        let mut places = Places::default();
        let ended = tokio::spawn(async {});
        places.take(Peer::UNIX, ended.abort_handle());
        ended.await.unwrap();
        assert!(!places.displace());
    }

    #[test]
    fn a_network_of_ipv6_is_one_peer() {
        let at = |address: &str| Peer::at(address.parse().unwrap());
        assert_eq!(at("2001:db8::1"), at("2001:db8::ffff:1"));
        assert_ne!(at("2001:db8::1"), at("2001:db8:0:1::1"));
        assert_eq!(at("::ffff:192.0.2.1"), at("192.0.2.1"));
        assert_ne!(at("192.0.2.1"), at("192.0.2.2"));
    }
}
