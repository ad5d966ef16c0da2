//! The servers of one hop in the order to try them (RFC 3263 4.1, 4.2).
//!
//! Invariant: a work list whose front is either a server or a question; the answer replaces the question by what it
//! leads to. Nothing is asked before it is needed: a server that works spares the questions behind it.

use crate::config::NextHop;
use crate::random::Random;
use crate::transport::{Answer, NaptrRecord, Question, SrvRecord, Transport};
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

/// Records of one answer that are looked at; beyond, a hostile zone could keep us busy.
const MAX_RECORDS: usize = 16;
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
    pub(crate) fn new(hop: &NextHop, transports: &[Transport]) -> Locator {
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
                // RFC 2782: the only target "." says that there is no such service.
                let hosts = ordered(records, random)
                    .into_iter()
                    .filter(|r| !r.target.trim_end_matches('.').is_empty());
                let steps: Vec<Step> = hosts
                    .take(MAX_RECORDS)
                    .map(|r| Step::Host {
                        name: r.target.trim_end_matches('.').to_owned(),
                        port: r.port,
                        transport,
                    })
                    .collect();
                self.replace_front(steps);
                self.steps.retain(|step| !matches!(step, Step::Plain(_)));
            }
            (Some(Step::Host { port, transport, .. }), Answer::Addresses(addresses)) => {
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

/// RFC 2782: by priority, and within one by chance, each according to its weight.
fn ordered(mut records: Vec<SrvRecord>, random: &mut Random) -> Vec<SrvRecord> {
    // Those without weight stand first, so that they have a small chance too.
    records.sort_by_key(|r| (r.priority, r.weight != 0));
    records.truncate(MAX_RECORDS);
    let mut order = Vec::with_capacity(records.len());
    while let Some(first) = records.first() {
        let priority = first.priority;
        let rivals = records.iter().filter(|r| r.priority == priority);
        let total: u32 = rivals.map(|r| u32::from(r.weight)).sum();
        let mark = random.below(total.saturating_add(1));
        let mut sum = 0u32;
        let hit = records.iter().position(|r| {
            sum = sum.saturating_add(r.weight.into());
            sum >= mark
        });
        order.push(records.remove(hit.unwrap_or(0)));
    }
    order
}
