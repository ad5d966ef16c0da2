//! Which of this computer's addresses a call is to be reached at (RFC 8445 section 5.1.1.1). Their sockets are elsewhere.

use std::net::{IpAddr, Ipv6Addr, SocketAddr, UdpSocket};

/// Addresses a call has sockets on at most: each costs two, and pairs grow with the square (RFC 8445 section 6.1.2.5).
pub(super) const MOST: usize = 4;
/// Leads nowhere; asked only for the address that a packet there would leave from (RFC 3849).
const ANYWHERE: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));
/// Hosts of an IPv6 network share so many bits (RFC 4291 section 2.5.4).
const NETWORK: u32 = 64;

/// An address of an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    interface: String,
    ip: IpAddr,
}

/// The computer's addresses beside `ip` at which another one may reach it, the most useful first. A call within the
/// computer has none.
pub(super) fn beside(ip: IpAddr) -> Vec<IpAddr> {
    if ip.is_loopback() {
        return Vec::new();
    }
    let all = if_addrs::get_if_addrs().unwrap_or_else(|error| {
        tracing::debug!(%error, "the computer's addresses are not known");
        Vec::new()
    });
    let up = all.into_iter().filter(|found| found.oper_status != if_addrs::IfOperStatus::Down);
    let places: Vec<Place> = up.map(|found| Place { ip: found.ip(), interface: found.name }).collect();
    choose(ip, &places, source)
}

/// The address that packets to `to` leave from: the system's own choice (RFC 6724). `None` where no way leads there.
pub(super) fn source(to: IpAddr) -> Option<IpAddr> {
    let any: IpAddr = if to.is_ipv6() { Ipv6Addr::UNSPECIFIED.into() } else { [0, 0, 0, 0].into() };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(SocketAddr::new(to, 9)).ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}

fn choose(ip: IpAddr, all: &[Place], source: impl Fn(IpAddr) -> Option<IpAddr>) -> Vec<IpAddr> {
    let mut chosen = vec![ip];
    let preferred = source(ANYWHERE);
    for place in all.iter().filter(|place| is_outside(place.ip)) {
        if chosen.len() >= MOST {
            break;
        }
        let Some(network) = network(place.ip) else {
            if !chosen.contains(&place.ip) {
                chosen.push(place.ip);
            }
            continue;
        };
        // Of the addresses of a network the one that the system itself would use: neither one that is running out, nor
        // one that tells who we are where another does not.
        let same =
            |other: &&Place| other.interface == place.interface && self::network(other.ip) == Some(network);
        let siblings: Vec<IpAddr> = all.iter().filter(same).map(|other| other.ip).collect();
        if siblings.iter().any(|sibling| chosen.contains(sibling)) {
            continue;
        }
        let used =
            [preferred, source(neighbour(network))].into_iter().flatten().find(|ip| siblings.contains(ip));
        chosen.push(used.unwrap_or(place.ip));
    }
    // Where the system's packets leave from is the likeliest to be reached.
    chosen.sort_by_key(|other| (*other != ip, Some(*other) != preferred));
    chosen.into_iter().skip(1).collect()
}

/// Whether another computer may reach this one there.
fn is_outside(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => !(ip.is_loopback() || ip.is_link_local() || ip.is_unspecified()),
        IpAddr::V6(ip) => {
            let within = ip.is_loopback() || ip.is_unicast_link_local() || ip.is_unspecified();
            // Site-local ones are deprecated, those with an IPv4 address in them are of the other family.
            let deprecated = ip.segments().first().is_some_and(|first| first & 0xFFC0 == 0xFEC0);
            !(within || deprecated || ip.to_ipv4().is_some())
        }
    }
}

/// The network of an IPv6 address.
fn network(ip: IpAddr) -> Option<u128> {
    match ip {
        IpAddr::V4(_) => None,
        IpAddr::V6(ip) => Some(u128::from(ip) >> (128 - NETWORK)),
    }
}

/// Somebody there, who need not exist.
fn neighbour(network: u128) -> IpAddr {
    IpAddr::V6((network << (128 - NETWORK) | 0xFFFE).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn places(all: &[(&str, &str)]) -> Vec<Place> {
        all.iter().map(|(interface, at)| Place { interface: (*interface).to_owned(), ip: ip(at) }).collect()
    }

    fn chosen(own: &str, all: &[(&str, &str)], source: impl Fn(IpAddr) -> Option<IpAddr>) -> Vec<String> {
        choose(ip(own), &places(all), source).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_interface_has_its_say_and_no_more_than_the_most() {
        let all = [
            ("lo", "127.0.0.1"),
            ("lo", "::1"),
            ("eth0", "192.0.2.1"),
            ("eth0", "169.254.7.7"),
            ("eth0", "fe80::1"),
            ("eth0", "fec0::1"),
            ("eth0", "::ffff:192.0.2.9"),
            ("eth0", "2001:db8::7"),
            ("wlan0", "198.51.100.2"),
            ("wlan0", "2001:db8:1::7"),
            ("tun0", "203.0.113.3"),
        ];
        let none = |_| None;
        assert_eq!(chosen("192.0.2.1", &all, none), ["2001:db8::7", "198.51.100.2", "2001:db8:1::7"]);
        assert_eq!(chosen("2001:db8::7", &all, none), ["192.0.2.1", "198.51.100.2", "2001:db8:1::7"]);
        let leaves = |to| (to == ANYWHERE).then(|| ip("2001:db8:1::7"));
        assert_eq!(chosen("192.0.2.1", &all, leaves), ["2001:db8:1::7", "2001:db8::7", "198.51.100.2"]);
        assert_eq!(
            chosen("192.0.2.1", &all[..6], none),
            [""; 0],
            "what no other computer reaches is nothing"
        );
    }

    #[test]
    fn of_a_network_the_address_is_taken_that_the_system_itself_uses() {
        // A stable one, a temporary one that has run out, and the temporary one in use (RFC 8981).
        let all = [
            ("eth0", "192.0.2.1"),
            ("eth0", "2001:db8::211:22ff:fe33:4455"),
            ("eth0", "2001:db8::aaaa"),
            ("eth0", "2001:db8::bbbb"),
            ("eth0", "fd00::211:22ff:fe33:4455"),
            ("eth0", "fd00::cccc"),
        ];
        let uses = |to: IpAddr| match network(to) {
            to if to == network(ip("fd00::1")) => Some(ip("fd00::cccc")),
            Some(_) => Some(ip("2001:db8::bbbb")),
            None => None,
        };
        assert_eq!(chosen("192.0.2.1", &all, uses), ["2001:db8::bbbb", "fd00::cccc"]);
        // The line's own stands for its network.
        assert_eq!(chosen("2001:db8::aaaa", &all, uses), ["192.0.2.1", "fd00::cccc"]);
    }

    #[test]
    fn a_call_within_the_computer_has_no_other_address() {
        assert!(beside(ip("127.0.0.1")).is_empty() && beside(ip("::1")).is_empty());
        let others = beside(ip("192.0.2.1"));
        assert!(others.len() < MOST && others.iter().all(|other| is_outside(*other)), "{others:?}");
    }
}
