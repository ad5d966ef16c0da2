//! Names to addresses: what RFC 3263 asks the DNS, and what else names hosts on this computer.
//!
//! Which record leads where is decided in `tern_sip`; here one question is one look-up. The resolver keeps answers
//! for as long as they say. A computer on another network asks another DNS, so it is made anew there.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use futures_util::future::join_all;
use hickory_resolver::{
    TokioResolver,
    config::{LookupIpStrategy, NameServerConfig, ResolverConfig},
    net::runtime::TokioRuntimeProvider,
    proto::rr::{RData, RecordType},
};
use tern_sip::{Answer, NaptrRecord, Question, SrvRecord};
use tokio::{net::lookup_host, time::timeout};

/// How long one try at one server may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// Tries at each server.
const TRIES: usize = 2;
/// Records of one answer that are looked at; nobody needs more.
const RECORDS: usize = 64;
/// Hosts of a service that are looked up.
const HOSTS: usize = 3;
/// What is asked of a name and of its services at once is waited for so long where one of the two is known: there are
/// networks that answer no question but for addresses.
const SERVICES: Duration = Duration::from_millis(200);

/// A resolver for the network the computer is in now.
#[derive(Clone)]
pub(crate) struct Dns {
    /// None where the system names no DNS server.
    resolver: Option<TokioResolver>,
    /// The system itself may be asked too: it knows names that no DNS has.
    system: bool,
}

impl Dns {
    /// Asks the system's DNS servers, or the one given.
    pub(crate) fn new(server: Option<SocketAddr>) -> Self {
        let builder = match server {
            Some(address) => {
                let mut server = NameServerConfig::udp_and_tcp(address.ip());
                for connection in &mut server.connections {
                    connection.port = address.port();
                }
                let config = ResolverConfig::from_name_servers(vec![server]);
                Ok(TokioResolver::builder_with_config(config, TokioRuntimeProvider::default()))
            }
            None => TokioResolver::builder_tokio(),
        };
        let resolver = builder.and_then(|mut builder| {
            let options = builder.options_mut();
            options.timeout = PATIENCE;
            options.attempts = TRIES;
            options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
            builder.build()
        });
        let resolver =
            resolver.inspect_err(|error| tracing::warn!(%error, "the system names no DNS server")).ok();
        Self { resolver, system: server.is_none() }
    }

    /// Asks one question.
    pub(crate) async fn ask(&self, question: &Question) -> Answer {
        let answer = match question {
            Question::Addresses(name) => Answer::Addresses(self.addresses(name).await),
            Question::Srv(name) => Answer::Srv(self.records(name, RecordType::SRV, srv).await),
            Question::Naptr(name) => Answer::Naptr(self.records(name, RecordType::NAPTR, naptr).await),
        };
        match &answer {
            Answer::Addresses(found) if found.is_empty() => Answer::Nothing,
            Answer::Srv(found) if found.is_empty() => Answer::Nothing,
            Answer::Naptr(found) if found.is_empty() => Answer::Nothing,
            _ => answer,
        }
    }

    /// The addresses of a server named `host[:port]`.
    pub(crate) async fn addresses_of(&self, name: &str, port: u16) -> Vec<SocketAddr> {
        let Some((host, named)) = crate::line::host_port(name) else { return Vec::new() };
        let host = host.to_string();
        let port = named.unwrap_or(port);
        let ips = match host.trim_matches(['[', ']']).parse() {
            Ok(ip) => vec![ip],
            Err(_) => self.addresses(&host).await,
        };
        ips.into_iter().map(|ip| SocketAddr::new(ip, port)).collect()
    }

    /// Where the services of a server named `host[:port]` are (RFC 5928 section 3, RFC 8489 section 8): `None` for each that
    /// the DNS does not name, `Some` without an address where it says that there is no such one. With a port, or by an
    /// address, a server names no services, but itself. Its own addresses come second, with `port` where it names none;
    /// none where it was not needed to ask for them.
    pub(crate) async fn services_of<const N: usize>(
        &self,
        name: &str,
        services: [&str; N],
        port: u16,
    ) -> ([Option<Vec<SocketAddr>>; N], Vec<SocketAddr>) {
        let nothing = || std::array::from_fn(|_| None);
        let host = match crate::line::host_port(name) {
            Some((host, None)) if host.parse::<IpAddr>().is_err() => host,
            _ => return (nothing(), self.addresses_of(name, port).await),
        };
        let mut named = std::pin::pin!(join_all(services.map(|service| self.service(service, &host))));
        let (early, own) = tokio::join!(timeout(SERVICES, &mut named), self.addresses_of(name, port));
        let found = match early {
            Ok(found) => found,
            Err(_) if own.is_empty() => named.await,
            Err(_) => Vec::new(),
        };
        let mut found = found.into_iter();
        (std::array::from_fn(|_| found.next().flatten()), own)
    }

    /// The servers of a service, in the order to try them.
    async fn service(&self, service: &str, host: &str) -> Option<Vec<SocketAddr>> {
        let records = self.records(&format!("{service}.{host}"), RecordType::SRV, srv).await;
        if records.is_empty() {
            return None;
        }
        let hosts = SrvRecord::ordered(records, |n| rand::random_range(0..n.max(1)));
        let looked_up = hosts.iter().take(HOSTS).map(|record| async move {
            let ips = self.addresses(&record.target).await;
            ips.into_iter().map(|ip| SocketAddr::new(ip, record.port)).collect::<Vec<_>>()
        });
        Some(join_all(looked_up).await.into_iter().flatten().collect())
    }

    /// An address that stands for where `host` leads: one of its own, or of the first SIP server it names.
    pub(crate) async fn leads_to(&self, host: &str) -> Option<IpAddr> {
        if let Ok(ip) = host.trim_matches(['[', ']']).parse() {
            return Some(ip);
        }
        if let Some(ip) = self.addresses(host).await.first() {
            return Some(*ip);
        }
        for service in ["_sip._udp", "_sip._tcp", "_sips._tcp"] {
            let found = self.records(&format!("{service}.{host}"), RecordType::SRV, srv).await;
            if let Some(first) = found.first() {
                return self.addresses(&first.target).await.first().copied();
            }
        }
        None
    }

    /// A and AAAA records, IPv4 first: few SIP providers answer on both.
    async fn addresses(&self, name: &str) -> Vec<IpAddr> {
        let found: Vec<IpAddr> = match &self.resolver {
            Some(resolver) => match resolver.lookup_ip(absolute(name)).await {
                Ok(found) => found.iter().take(RECORDS).collect(),
                Err(error) => {
                    tracing::debug!(%error, "no address");
                    Vec::new()
                }
            },
            None => Vec::new(),
        };
        let mut found = match found.is_empty() && self.system {
            // Such as `.local` names, and whatever else the system was told to look at.
            true => match lookup_host((name, 0)).await {
                Ok(found) => found.map(|address| address.ip()).take(RECORDS).collect(),
                Err(_) => Vec::new(),
            },
            false => found,
        };
        found.sort_by_key(IpAddr::is_ipv6);
        found.dedup();
        found
    }

    async fn records<T>(&self, name: &str, kind: RecordType, read: impl Fn(&RData) -> Option<T>) -> Vec<T> {
        let Some(resolver) = &self.resolver else { return Vec::new() };
        match resolver.lookup(absolute(name), kind).await {
            Ok(found) => found.answers().iter().filter_map(|r| read(&r.data)).take(RECORDS).collect(),
            Err(error) => {
                tracing::debug!(%error, ?kind, "no record");
                Vec::new()
            }
        }
    }
}

/// A SIP domain is a whole name: none of the computer's own endings is to be tried after it.
fn absolute(name: &str) -> String {
    if name.ends_with('.') { name.to_owned() } else { format!("{name}.") }
}

fn srv(data: &RData) -> Option<SrvRecord> {
    let RData::SRV(srv) = data else { return None };
    Some(SrvRecord {
        priority: srv.priority,
        weight: srv.weight,
        port: srv.port,
        target: srv.target.to_utf8(),
    })
}

fn naptr(data: &RData) -> Option<NaptrRecord> {
    let RData::NAPTR(naptr) = data else { return None };
    // RFC 3263 section 4.1: these rules rewrite by name alone.
    if !naptr.regexp.is_empty() {
        return None;
    }
    Some(NaptrRecord {
        order: naptr.order,
        preference: naptr.preference,
        flags: String::from_utf8_lossy(&naptr.flags).into_owned(),
        services: String::from_utf8_lossy(&naptr.services).into_owned(),
        replacement: naptr.replacement.to_utf8(),
    })
}

#[cfg(test)]
pub(in crate::net) mod tests {
    use hickory_resolver::proto::{
        op::{Message, MessageType, OpCode, ResponseCode},
        rr::{
            Name, Record,
            rdata::{A, NAPTR, SRV},
        },
    };
    use tokio::net::UdpSocket;

    use super::*;

    /// A DNS server that knows one domain.
    pub(in crate::net) async fn server() -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        tokio::spawn(async move {
            let mut buffer = [0; 1024];
            loop {
                let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
                let query = Message::from_vec(&buffer[..length]).unwrap();
                let asked = query.queries[0].clone();
                let name = |text: &str| Name::from_ascii(text).unwrap();
                let text = asked.name().to_ascii().to_lowercase();
                let data = match (text.as_str(), asked.query_type()) {
                    ("example.test.", RecordType::NAPTR) => Some(RData::NAPTR(NAPTR::new(
                        10,
                        20,
                        Box::from(&b"s"[..]),
                        Box::from(&b"SIP+D2T"[..]),
                        Box::from(&b""[..]),
                        name("_sip._tcp.example.test."),
                    ))),
                    ("_sip._tcp.example.test.", RecordType::SRV) => {
                        Some(RData::SRV(SRV::new(1, 2, 5070, name("one.example.test."))))
                    }
                    ("one.example.test.", RecordType::A) => Some(RData::A(A::new(192, 0, 2, 1))),
                    ("_turn._udp.example.test.", RecordType::SRV) => {
                        Some(RData::SRV(SRV::new(1, 2, 5349, name("one.example.test."))))
                    }
                    ("_turn._tcp.example.test.", RecordType::SRV) => {
                        Some(RData::SRV(SRV::new(0, 0, 0, name("."))))
                    }
                    ("three.example.test.", RecordType::A) => Some(RData::A(A::new(192, 0, 2, 3))),
                    (service, RecordType::SRV) if service.ends_with(".both.test.") => {
                        let (port, host) = match service.trim_end_matches(".both.test.") {
                            "_turn._udp" => (5349, "one.example.test."),
                            "_turn._tcp" => (443, "three.example.test."),
                            "_turns._tcp" => (5000, "three.example.test."),
                            _ => (3479, "one.example.test."),
                        };
                        Some(RData::SRV(SRV::new(1, 2, port, name(host))))
                    }
                    // Nothing is said, and nothing else either.
                    ("_turn._udp.mute.test." | "_turn._tcp.mute.test.", _) => continue,
                    ("mute.test.", RecordType::A) => Some(RData::A(A::new(192, 0, 2, 2))),
                    _ => None,
                };
                let mut answer = Message::new(query.metadata.id, MessageType::Response, OpCode::Query);
                answer.metadata.recursion_desired = true;
                answer.metadata.recursion_available = true;
                answer.add_query(asked.clone());
                match data {
                    Some(data) => {
                        answer.add_answer(Record::from_rdata(asked.name().clone(), 60, data));
                    }
                    None => answer.metadata.response_code = ResponseCode::NXDomain,
                }
                socket.send_to(&answer.to_vec().unwrap(), from).await.unwrap();
            }
        });
        address
    }

    #[tokio::test]
    async fn each_question_has_its_records() {
        let dns = Dns::new(Some(server().await));
        let naptr = NaptrRecord {
            order: 10,
            preference: 20,
            flags: "s".into(),
            services: "SIP+D2T".into(),
            replacement: "_sip._tcp.example.test.".into(),
        };
        let srv = SrvRecord { priority: 1, weight: 2, port: 5070, target: "one.example.test.".into() };
        let check = async |question: Question, expect: Answer| {
            assert_eq!(dns.ask(&question).await, expect, "{question:?}");
        };
        check(Question::Naptr("example.test".into()), Answer::Naptr(vec![naptr])).await;
        check(Question::Srv("_sip._tcp.example.test".into()), Answer::Srv(vec![srv])).await;
        let one = IpAddr::from([192, 0, 2, 1]);
        check(Question::Addresses("one.example.test".into()), Answer::Addresses(vec![one])).await;
        check(Question::Addresses("two.example.test".into()), Answer::Nothing).await;
        check(Question::Srv("_sip._udp.example.test".into()), Answer::Nothing).await;
        assert_eq!(dns.leads_to("example.test").await, Some(one));
        assert_eq!(dns.leads_to("elsewhere.test").await, None);
    }

    #[tokio::test]
    async fn services_are_found_where_a_name_has_no_port_and_itself_elsewhere() {
        let dns = Dns::new(Some(server().await));
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        let check = async |name: &str, services: [Option<Vec<SocketAddr>>; 2], own: &[SocketAddr]| {
            let found = dns.services_of(name, ["_turn._udp", "_turn._tcp"], 3478).await;
            assert_eq!(found, (services, own.to_vec()), "{name}");
        };
        // RFC 2782: by the only target "." a service is said not to be there.
        check("example.test", [Some(vec![at("192.0.2.1:5349")]), Some(Vec::new())], &[]).await;
        check("one.example.test", [None, None], &[at("192.0.2.1:3478")]).await;
        // RFC 5928 section 3: a port or an address leaves nothing to ask.
        check("example.test:7000", [None, None], &[]).await;
        check("one.example.test:7000", [None, None], &[at("192.0.2.1:7000")]).await;
        check("192.0.2.9", [None, None], &[at("192.0.2.9:3478")]).await;
        // A DNS that does not speak of services holds nobody up.
        let before = std::time::Instant::now();
        check("mute.test", [None, None], &[at("192.0.2.2:3478")]).await;
        assert!(before.elapsed() < PATIENCE);
    }

    #[tokio::test]
    async fn the_computers_own_name_needs_no_dns() {
        for dns in [Dns::new(None), Dns::new(Some(SocketAddr::from(([127, 0, 0, 1], 9))))] {
            let Answer::Addresses(found) = dns.ask(&Question::Addresses("localhost".into())).await else {
                panic!("no localhost")
            };
            assert_eq!(found.first(), Some(&IpAddr::from([127, 0, 0, 1])));
        }
        let ip = IpAddr::from([192, 0, 2, 9]);
        assert_eq!(Dns::new(None).leads_to("192.0.2.9").await, Some(ip));
    }
}
