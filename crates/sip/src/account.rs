//! What every request of an account needs, as it is now: whose it is, by which way it goes, under which Contact, and
//! who is the account's own server.
//!
//! It stands beside the transactions, so that a call, a subscription or a message finds the way and the Contact of
//! today, not of the day it began. The registration alone writes it; how a challenge is judged stands in
//! [`crate::credentials`].

use crate::authentication::Authentication;
use crate::config::{NextHop, RegistrationConfig};
use crate::random::Random;
use crate::registration;
use crate::target;
use crate::wire::{Address, Gruu, Host, Uri};
use std::net::SocketAddr;

/// Addresses of one server kept at a time; the oldest goes.
const MAX_ADDRESSES: usize = 16;

#[derive(Debug)]
pub(crate) struct Account {
    /// The From address.
    pub(crate) identity: Address,
    /// One set of nonces for all requests, or their counts would collide (RFC 7616 3.4).
    pub(crate) authentication: Authentication,
    pub(crate) server: OwnServer,
    /// The Service-Route (RFC 3608): the Route of every request of this account but REGISTER.
    pub(crate) routes: Vec<Address>,
    /// RFC 5627.
    pub(crate) gruu: Option<Gruu>,
    pub(crate) reach: Reach,
    /// The user part of the bound Contact.
    pub(crate) contact_user: String,
    /// The account's proxies, the one in use first; may be empty.
    pub(crate) hops: Vec<NextHop>,
}

/// How a request finds the way back to this user agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// By the address in the Contact.
    Address,
    /// By the flow the edge proxy keeps (RFC 5626 4.3: `ob`).
    Flow,
}

/// Who the account's own server is: the only one that gets to see its credentials.
#[derive(Debug, Clone, Default)]
pub(crate) struct OwnServer {
    /// Names a Request-URI has when the server itself is meant.
    domains: Vec<Host>,
    /// First hops that were configured, or named by the server in Service-Route.
    hops: Vec<NextHop>,
    /// Where requests by these hops were answered from: with SRV a server has several addresses (RFC 3263 4.2).
    addresses: Vec<SocketAddr>,
}

/// Whose question a challenge can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audience {
    /// The own server is what the request is for.
    Server,
    /// The own server only passes the request on: it may ask as a proxy, what stands behind it may not ask at all.
    Proxy,
    /// The request goes elsewhere.
    Stranger,
}

impl Account {
    pub(crate) fn new(config: &RegistrationConfig, random: &mut Random) -> Account {
        let registrar = registration::registrar_uri(config);
        let mut server = OwnServer::default();
        for uri in [&config.aor, &registrar] {
            server.domains.extend(uri.as_sip().map(|sip| sip.host.clone()));
        }
        server.hops.clone_from(&config.proxies);
        server.hops.extend(target::first_hop(&registrar, &[]));
        Account {
            identity: Address::named(config.display_name.clone(), config.aor.clone()),
            authentication: Authentication::new(config.login.clone()),
            server,
            routes: Vec::new(),
            gruu: None,
            reach: Reach::Address,
            contact_user: random.contact_user(),
            hops: config.proxies.clone(),
        }
    }

    /// The first hop of a request of this account: its proxy, else its Service-Route, else the target itself. `None`
    /// for targets that name no host.
    pub(crate) fn hop_to(&self, target: &Uri) -> Option<NextHop> {
        self.hops.first().cloned().or_else(|| target::first_hop(target, &self.routes))
    }

    /// The Contact of a dialog; `plain` is made of the address of the moment (RFC 5627 4.4, RFC 5626 4.3).
    pub(crate) fn contact(&self, plain: Address) -> Address {
        let gruu = self.gruu.as_ref().and_then(|gruu| gruu.public.clone());
        match (gruu, self.reach, plain.uri) {
            (Some(gruu), ..) => Address::new(gruu),
            (None, Reach::Flow, Uri::Sip(mut sip)) => {
                sip.params.set("ob", None);
                Address::new(Uri::Sip(sip))
            }
            (None, _, uri) => Address::new(uri),
        }
    }
}

impl OwnServer {
    /// The server of a call without an account: whoever its first hop is.
    pub(crate) fn at(hop: NextHop) -> OwnServer {
        OwnServer { hops: vec![hop], ..OwnServer::default() }
    }

    /// Whether a request came from there.
    pub(crate) fn is_at(&self, remote: SocketAddr) -> bool {
        self.addresses.contains(&remote)
            || self.hops.iter().any(|h| matches!(h, NextHop::Address { address, .. } if *address == remote))
    }

    /// Notes the address of a server that a request reached by one of the account's own hops.
    pub(crate) fn met(&mut self, remote: SocketAddr) {
        if self.addresses.contains(&remote) {
            return;
        }
        if self.addresses.len() >= MAX_ADDRESSES {
            self.addresses.remove(0);
        }
        self.addresses.push(remote);
    }

    /// The first hops of the account as they are now: configured, or named by the server itself.
    pub(crate) fn set_hops(&mut self, hops: impl Iterator<Item = NextHop>) {
        self.hops = hops.collect();
    }

    /// Whether that first hop is the own server.
    pub(crate) fn is_hop(&self, hop: &NextHop) -> bool {
        self.hops.contains(hop)
            || match hop {
                NextHop::Address { address, .. } => self.is_at(*address),
                NextHop::Name { host, .. } => self.is_named(host),
            }
    }

    /// Who may ask for a password when this request goes by that hop. It is the one place where that is decided: never
    /// because a peer said where to send (a Contact, a Route of its making, a redirection), always because the account
    /// did, and a server behind the own one is not the own one (RFC 3261 26.3.2.4; RFC 7616 5.8).
    pub(crate) fn audience(&self, target: &Uri, hop: &NextHop) -> Audience {
        if !self.is_hop(hop) {
            return Audience::Stranger;
        }
        if self.is_target(target) { Audience::Server } else { Audience::Proxy }
    }

    fn is_target(&self, target: &Uri) -> bool {
        let Some(sip) = target.as_sip() else { return false };
        match &sip.host {
            // Two servers on one address are two servers; without a port it is the domain that is meant.
            Host::Ip(ip) => match sip.port {
                Some(port) => self.is_at(SocketAddr::new(*ip, port)),
                None => self.domains.contains(&sip.host) || self.is_at(SocketAddr::new(*ip, 5060)),
            },
            Host::Name(name) => self.is_named(name),
        }
    }

    fn is_named(&self, name: &str) -> bool {
        let same = |host: &str| host.trim_end_matches('.').eq_ignore_ascii_case(name.trim_end_matches('.'));
        self.domains.iter().any(|d| matches!(d, Host::Name(host) if same(host)))
            || self.hops.iter().any(|h| matches!(h, NextHop::Name { host, .. } if same(host)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Login;

    fn uri(text: &str) -> Uri {
        Uri::parse(text).unwrap()
    }

    fn hop(text: &str) -> NextHop {
        target::first_hop(&uri(text), &[]).unwrap()
    }

    fn account(proxies: &[&str]) -> Account {
        let mut config = RegistrationConfig::new(uri("sip:alice@sip.test"), Login::new("alice", "x"));
        config.proxies = proxies.iter().map(|p| hop(p)).collect();
        Account::new(&config, &mut Random::new([1; 32]))
    }

    #[test]
    fn the_server_is_who_the_account_names_and_where_its_requests_were_answered() {
        let mut server = account(&["sip:proxy.test", "sip:192.0.2.1"]).server;
        for own in ["sip:proxy.test", "sip:192.0.2.1", "sip:sip.test", "sip:SIP.TEST.:5070;transport=tcp"] {
            assert!(server.is_hop(&hop(own)), "{own}");
        }
        for other in ["sip:evil.test", "sip:192.0.2.1:5070", "sip:192.0.2.2", "sip:sub.sip.test"] {
            assert!(!server.is_hop(&hop(other)), "{other}");
        }
        server.met("192.0.2.2:5060".parse().unwrap());
        assert!(server.is_hop(&hop("sip:192.0.2.2")) && !server.is_hop(&hop("sip:192.0.2.2:5062")));
    }

    #[test]
    fn what_stands_behind_the_server_is_not_the_server() {
        let mut server = account(&["sip:192.0.2.1"]).server;
        server.met("192.0.2.1:5060".parse().unwrap());
        let own = hop("sip:192.0.2.1");
        let asked = |target: &str, hop: &NextHop| server.audience(&uri(target), hop);
        assert_eq!(asked("sip:bob@sip.test", &own), Audience::Server);
        assert_eq!(asked("sip:bob@192.0.2.1", &own), Audience::Server);
        assert_eq!(asked("sip:bob@192.0.2.1:5062", &own), Audience::Proxy);
        assert_eq!(asked("sip:bob@203.0.113.9", &own), Audience::Proxy);
        assert_eq!(asked("tel:+15551234", &own), Audience::Proxy);
        assert_eq!(asked("sip:bob@sip.test", &hop("sip:203.0.113.9")), Audience::Stranger);
    }

    #[test]
    fn addresses_are_bounded() {
        let mut server = OwnServer::default();
        for port in 1..=100 {
            server.met(SocketAddr::new([192, 0, 2, 1].into(), port));
        }
        assert_eq!(server.addresses.len(), MAX_ADDRESSES);
        assert!(server.is_at("192.0.2.1:100".parse().unwrap()));
    }

    #[test]
    fn requests_go_by_proxy_then_route_then_target() {
        let mut account = account(&[]);
        assert_eq!(account.hop_to(&uri("sip:bob@other.test")), Some(hop("sip:other.test")));
        account.routes = vec![Address::new(uri("sip:edge.test;lr"))];
        assert_eq!(account.hop_to(&uri("sip:bob@other.test")), Some(hop("sip:edge.test")));
        account.hops = vec![hop("sip:192.0.2.1")];
        assert_eq!(account.hop_to(&uri("sip:bob@other.test")), Some(hop("sip:192.0.2.1")));
    }

    #[test]
    fn contacts_of_dialogs() {
        let mut account = account(&[]);
        let plain = Address::new(uri("sip:u@192.0.2.7:5060"));
        assert_eq!(account.contact(plain.clone()).to_string(), "<sip:u@192.0.2.7:5060>");
        account.reach = Reach::Flow;
        assert_eq!(account.contact(plain.clone()).to_string(), "<sip:u@192.0.2.7:5060;ob>");
        account.gruu = Some(Gruu { public: Some(uri("sip:alice@sip.test;gr=urn:uuid:1")), temporary: None });
        assert_eq!(account.contact(plain).to_string(), "<sip:alice@sip.test;gr=urn:uuid:1>");
    }
}
