//! The servers of one hop in the order to try them (RFC 3263 4.1, 4.2).
//!
//! Invariant: a work list whose front is either a server or a question; the answer replaces the question by what it
//! leads to. Nothing is asked before it is needed: a server that works spares the questions behind it.

use crate::config::{Families, NextHop};
use crate::random::Random;
use crate::transport::{Answer, MAX_RECORDS, NaptrRecord, Question, SrvRecord, Transport};
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

/// Servers tried for one request.
const MAX_TRIED: usize = 16;

/// A server that may be tried.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Candidate {
    pub(crate) transport: Transport,
    pub(crate) address: SocketAddr,
    /// What its certificate has to be for (RFC 5922 7.2: the domain as it was asked for).
    pub(crate) server_name: String,
}

/// What is next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Ask, and give the answer to [`Locator::answered`].
    Ask(Question),
    Try(Candidate),
    /// No server is left.
    Exhausted,
}

#[derive(Debug, Clone)]
pub(crate) struct Locator {
    /// The name as it was before any lookup.
    domain: String,
    /// What may be used, the preferred first.
    transports: Vec<Transport>,
    families: Families,
    steps: VecDeque<Step>,
    /// Servers that failed lately: for when nothing else is left.
    deferred: Vec<Candidate>,
    tried: Vec<Candidate>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Naptr,
    Srv {
        name: String,
        transport: Transport,
    },
    /// The domain's own addresses; only where there was no SRV record (RFC 3263 4.2).
    Plain(Transport),
    Host {
        name: String,
        port: u16,
        transport: Transport,
    },
    Server(Candidate),
}

impl Locator {
    pub(crate) fn new(hop: &NextHop, transports: &[Transport], families: Families) -> Locator {
        let (domain, steps) = match hop {
            NextHop::Address { transport, address } => {
                let server_name = address.ip().to_string();
                let server = Candidate { transport: *transport, address: *address, server_name };
                (address.ip().to_string(), vec![Step::Server(server)])
            }
            NextHop::Name { host, port, transport } => {
                (host.clone(), of_name(host, *port, *transport, transports))
            }
        };
        Locator {
            domain,
            transports: transports.to_vec(),
            families,
            steps: steps.into(),
            deferred: Vec::new(),
            tried: Vec::new(),
        }
    }

    /// What to do next: the question at the front stays there until it is answered.
    pub(crate) fn next(&mut self) -> Next {
        while let Some(step) = self.steps.front().cloned() {
            match step {
                Step::Naptr => return Next::Ask(Question::Naptr(self.domain.clone())),
                Step::Srv { name, .. } => return Next::Ask(Question::Srv(name)),
                Step::Host { name, .. } => return Next::Ask(Question::Addresses(name)),
                Step::Plain(transport) => {
                    let (name, port) = (self.domain.clone(), transport.default_port());
                    self.replace_front([Step::Host { name, port, transport }]);
                }
                Step::Server(candidate) => {
                    self.steps.pop_front();
                    let fits = self.transports.contains(&candidate.transport);
                    if fits && !self.tried.contains(&candidate) && self.tried.len() < MAX_TRIED {
                        self.tried.push(candidate.clone());
                        return Next::Try(candidate);
                    }
                }
            }
        }
        match self.deferred.is_empty() {
            true => Next::Exhausted,
            false => Next::Try(self.deferred.remove(0)),
        }
    }

    /// Begins with a server that is known to work, before anything is asked.
    pub(crate) fn prefer(&mut self, candidate: Candidate) {
        self.steps.push_front(Step::Server(candidate));
    }

    /// Leaves a server for when no other is left. False: none is left now.
    pub(crate) fn defer(&mut self, candidate: &Candidate) -> bool {
        let others = !self.steps.is_empty();
        if others {
            self.deferred.push(candidate.clone());
        }
        others
    }

    /// Tries a server once more, next.
    pub(crate) fn again(&mut self, candidate: Candidate) {
        self.tried.retain(|c| *c != candidate);
        self.steps.push_front(Step::Server(candidate));
    }

    /// No further server is to be tried.
    pub(crate) fn stop(&mut self) {
        self.steps.clear();
        self.deferred.clear();
    }

    /// Whether another server may be found; a question that stands may lead to none.
    pub(crate) fn has_more(&self) -> bool {
        !self.steps.is_empty() || !self.deferred.is_empty()
    }

    /// The answer to the question at the front.
    pub(crate) fn answered(&mut self, answer: Answer, random: &mut Random) {
        match (self.steps.front().cloned(), answer) {
            (Some(Step::Naptr), answer) => {
                let records = if let Answer::Naptr(records) = answer { records } else { Vec::new() };
                let services = self.services(records);
                // RFC 3263 4.1: without a usable record, SRV is asked for each transport this side has.
                let steps = if services.is_empty() {
                    unnamed_services(&self.domain, &self.transports)
                } else {
                    services
                };
                self.replace_front(steps);
            }
            (Some(Step::Srv { transport, .. }), Answer::Srv(records)) if !records.is_empty() => {
                let hosts = SrvRecord::ordered(records, |n| random.below(n));
                let steps: Vec<Step> = hosts
                    .into_iter()
                    .map(|r| Step::Host { name: r.target, port: r.port, transport })
                    .collect();
                self.replace_front(steps);
                self.steps.retain(|step| !matches!(step, Step::Plain(_)));
            }
            (Some(Step::Host { port, transport, .. }), Answer::Addresses(mut addresses)) => {
                match self.families {
                    Families::AsResolved => {}
                    Families::Ipv4First => addresses.sort_by_key(IpAddr::is_ipv6),
                    Families::Ipv6First => addresses.sort_by_key(IpAddr::is_ipv4),
                }
                let server_name = self.domain.clone();
                let server = |ip: IpAddr| Candidate {
                    transport,
                    address: SocketAddr::new(ip, port),
                    server_name: server_name.clone(),
                };
                let steps: Vec<Step> =
                    addresses.into_iter().take(MAX_RECORDS).map(|ip| Step::Server(server(ip))).collect();
                self.replace_front(steps);
            }
            (Some(Step::Srv { .. } | Step::Host { .. }), _) => self.replace_front([]),
            (Some(Step::Plain(_) | Step::Server(_)) | None, _) => {}
        }
    }

    /// The SRV names that NAPTR records lead to.
    fn services(&self, mut records: Vec<NaptrRecord>) -> Vec<Step> {
        records.retain(|r| r.flags.eq_ignore_ascii_case("s") && self.service(r).is_some());
        records.sort_by_key(|r| (r.order, r.preference));
        // RFC 3403 4.1: once a record of an order fits, those of higher order are not looked at.
        let order = records.first().map(|r| r.order);
        let fitting = records.iter().filter(|r| Some(r.order) == order).take(MAX_RECORDS);
        let mut steps: Vec<Step> = fitting
            .filter_map(|r| {
                let name = r.replacement.trim_end_matches('.').to_owned();
                Some(Step::Srv { name, transport: self.service(r)? })
            })
            .collect();
        if let Some(Step::Srv { transport, .. }) = steps.first() {
            let plain = Step::Plain(*transport);
            steps.push(plain);
        }
        steps
    }

    fn service(&self, record: &NaptrRecord) -> Option<Transport> {
        let transport = match record.services.to_ascii_uppercase().as_str() {
            "SIP+D2U" => Transport::Udp,
            "SIP+D2T" => Transport::Tcp,
            "SIPS+D2T" => Transport::Tls,
            _ => return None,
        };
        self.transports.contains(&transport).then_some(transport)
    }

    fn replace_front(&mut self, steps: impl IntoIterator<Item = Step, IntoIter: DoubleEndedIterator>) {
        self.steps.pop_front();
        for step in steps.into_iter().rev() {
            self.steps.push_front(step);
        }
    }
}

/// RFC 3263 4.1 and 4.2: what a name, a port and a transport already say.
fn of_name(
    host: &str,
    port: Option<u16>,
    transport: Option<Transport>,
    transports: &[Transport],
) -> Vec<Step> {
    if let Ok(ip) = host.trim_matches(['[', ']']).parse::<IpAddr>() {
        let transport = transport.unwrap_or(Transport::Udp);
        let address = SocketAddr::new(ip, port.unwrap_or(transport.default_port()));
        return vec![Step::Server(Candidate { transport, address, server_name: ip.to_string() })];
    }
    match (port, transport) {
        _ if host.is_empty() => Vec::new(),
        (Some(port), transport) => {
            let transport = transport.unwrap_or(Transport::Udp);
            vec![Step::Host { name: host.to_owned(), port, transport }]
        }
        (None, Some(transport)) => vec![service_of(host, transport), Step::Plain(transport)],
        (None, None) if transports.is_empty() => Vec::new(),
        (None, None) => vec![Step::Naptr],
    }
}

fn unnamed_services(domain: &str, transports: &[Transport]) -> Vec<Step> {
    let services = transports.iter().map(|t| service_of(domain, *t));
    // RFC 3263 4.1: without any record, UDP for sip; where this side has no UDP, its first choice.
    let plain = if transports.contains(&Transport::Udp) { Some(&Transport::Udp) } else { transports.first() };
    services.chain(plain.map(|t| Step::Plain(*t))).collect()
}

fn service_of(domain: &str, transport: Transport) -> Step {
    let prefix = match transport {
        Transport::Udp => "_sip._udp",
        Transport::Tcp => "_sip._tcp",
        Transport::Tls => "_sips._tcp",
    };
    Step::Srv { name: format!("{prefix}.{domain}"), transport }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Transport; 3] = [Transport::Udp, Transport::Tcp, Transport::Tls];

    fn name(host: &str, port: Option<u16>, transport: Option<Transport>) -> NextHop {
        NextHop::Name { host: host.into(), port, transport }
    }

    fn srv(priority: u16, weight: u16, target: &str) -> SrvRecord {
        SrvRecord { priority, weight, port: 5070, target: target.into() }
    }

    /// Walks a hop to its end with a DNS of these records; gives the questions and the servers.
    fn walk(
        hop: &NextHop,
        families: Families,
        dns: impl Fn(&Question) -> Answer,
    ) -> (Vec<String>, Vec<String>) {
        let mut locator = Locator::new(hop, &ALL, families);
        let mut random = Random::new([7; 32]);
        let (mut asked, mut tried) = (Vec::new(), Vec::new());
        loop {
            match locator.next() {
                Next::Ask(question) => {
                    asked.push(format!("{question:?}"));
                    locator.answered(dns(&question), &mut random);
                }
                Next::Try(c) => tried.push(format!("{} {} {}", c.transport, c.address, c.server_name)),
                Next::Exhausted => return (asked, tried),
            }
        }
    }

    #[test]
    fn without_records_every_transport_is_asked_for_and_then_the_domain_itself() {
        let dns = |question: &Question| match question {
            Question::Addresses(_) => Answer::Addresses(vec!["192.0.2.1".parse().unwrap()]),
            _ => Answer::Nothing,
        };
        let (asked, tried) = walk(&name("h", None, None), Families::AsResolved, dns);
        let srv = ["_sip._udp.h", "_sip._tcp.h", "_sips._tcp.h"].map(|n| format!("Srv(\"{n}\")"));
        assert_eq!(
            asked,
            [&["Naptr(\"h\")".to_owned()][..], &srv, &["Addresses(\"h\")".to_owned()]].concat()
        );
        assert_eq!(tried, ["UDP 192.0.2.1:5060 h"]);
    }

    #[test]
    fn what_the_uri_fixes_is_not_asked() {
        let dns = |_: &Question| Answer::Addresses(vec!["192.0.2.1".parse().unwrap()]);
        let walk = |port, transport| walk(&name("h", port, transport), Families::AsResolved, dns);
        assert_eq!(
            walk(Some(5070), None),
            (vec!["Addresses(\"h\")".into()], vec!["UDP 192.0.2.1:5070 h".into()])
        );
        let (asked, tried) = walk(None, Some(Transport::Tls));
        assert_eq!(asked, ["Srv(\"_sips._tcp.h\")", "Addresses(\"h\")"]);
        assert_eq!(tried, ["TLS 192.0.2.1:5061 h"]);
        assert_eq!(walk(Some(5062), Some(Transport::Tcp)).1, ["TCP 192.0.2.1:5062 h"]);
    }

    #[test]
    fn literal_addresses_are_not_looked_up() {
        let dns = |_: &Question| panic!("asked");
        let walk = |host: &str| walk(&name(host, None, None), Families::AsResolved, dns);
        assert_eq!(walk("192.0.2.1").1, ["UDP 192.0.2.1:5060 192.0.2.1"]);
        assert_eq!(walk("[2001:db8::1]").1, ["UDP [2001:db8::1]:5060 2001:db8::1"]);
        assert_eq!(walk("").1, Vec::<String>::new());
    }

    #[test]
    fn records_of_a_higher_order_and_of_services_we_lack_are_passed_over() {
        let record = |order, preference, services: &str, flags: &str, replacement: &str| NaptrRecord {
            order,
            preference,
            flags: flags.into(),
            services: services.into(),
            replacement: replacement.into(),
        };
        let dns = move |question: &Question| match question {
            Question::Naptr(_) => Answer::Naptr(vec![
                record(20, 1, "SIP+D2U", "s", "higher"),
                record(10, 20, "sip+d2t", "S", "second"),
                record(10, 10, "SIPS+D2T", "s", "first."),
                record(5, 1, "SIP+D2S", "s", "sctp"),
                record(5, 1, "E2U+sip", "u", ""),
            ]),
            Question::Srv(name) => Answer::Srv(vec![srv(1, 1, &format!("{name}.host."))]),
            Question::Addresses(_) => Answer::Addresses(vec!["192.0.2.1".parse().unwrap()]),
        };
        let (_, tried) = walk(&name("h", None, None), Families::AsResolved, dns);
        assert_eq!(tried, ["TLS 192.0.2.1:5070 h", "TCP 192.0.2.1:5070 h"]);
    }

    #[test]
    fn families_come_in_the_order_asked_for() {
        let dns = |_: &Question| {
            Answer::Addresses(["192.0.2.1", "2001:db8::1", "192.0.2.2"].map(|a| a.parse().unwrap()).to_vec())
        };
        let first = |families| walk(&name("h", Some(1), None), families, dns).1.remove(0);
        assert_eq!(first(Families::AsResolved), "UDP 192.0.2.1:1 h");
        assert_eq!(first(Families::Ipv6First), "UDP [2001:db8::1]:1 h");
        assert_eq!(walk(&name("h", Some(1), None), Families::Ipv4First, dns).1[2], "UDP [2001:db8::1]:1 h");
    }

    #[test]
    fn weights_share_the_load_and_priorities_come_first() {
        let mut random = Random::new([3; 32]);
        let records = || vec![srv(10, 30, "a"), srv(10, 10, "b"), srv(10, 0, "c"), srv(5, 0, "first")];
        let mut firsts = std::collections::BTreeMap::new();
        for _ in 0..4000 {
            let order = SrvRecord::ordered(records(), |n| random.below(n));
            let order: Vec<String> = order.into_iter().map(|r| r.target).collect();
            assert_eq!((order.len(), order[0].as_str()), (4, "first"));
            *firsts.entry(order[1].clone()).or_insert(0) += 1;
        }
        assert!((2700..3100).contains(&firsts["a"]) && (850..1150).contains(&firsts["b"]), "{firsts:?}");
        // RFC 2782: without weight, a very small chance.
        assert!((30..200).contains(&firsts["c"]), "{firsts:?}");
    }

    #[test]
    fn a_hostile_zone_is_bounded() {
        let dns = |question: &Question| match question {
            Question::Naptr(_) => Answer::Nothing,
            Question::Srv(_) => Answer::Srv((0..5000).map(|n| srv(n, 1, &format!("h{n}"))).collect()),
            Question::Addresses(name) => {
                let n: u8 = name.len() as u8;
                Answer::Addresses((0..=255).map(|m| [10, 0, n, m].into()).collect())
            }
        };
        let (asked, tried) = walk(&name("h", None, None), Families::AsResolved, dns);
        assert!(asked.len() < 64 && tried.len() <= MAX_TRIED, "{} {}", asked.len(), tried.len());
    }
}
