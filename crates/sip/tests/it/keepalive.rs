//! Keep-alives (RFC 5626 3.5, 4.4, RFC 6223) and the address others see (RFC 3581).

use crate::net::{CALM, Net, Sent};
use crate::registrations::account;
use std::net::SocketAddr;
use std::time::Duration;
use tern_sip::wire::{Address, HeaderAccess as _, Message, Method, Request, Response, parse_datagram};
use tern_sip::*;

const SECOND: Duration = Duration::from_secs(1);
const SERVER: &str = "192.0.2.2:5060";

/// Alice, and a server that takes every REGISTER in with the reply that `reply` makes.
struct House {
    net: Net,
    reply: fn(&Request) -> Reply,
}

impl House {
    fn open(transport: Transport, reply: fn(&Request) -> Reply) -> House {
        let mut net = Net::new(41, CALM);
        let alice = net.add("alice", |_| {});
        let server = net.add("server", |config| {
            config.handles = vec![Method::REGISTER];
            let address = config.listeners[0].address;
            config.listeners.push(Listener { transport: Transport::Tcp, address });
        });
        let (now, mut config) = (net.now, account(&net, server, "secret"));
        config.proxies = vec![NextHop::Address { transport, address: SERVER.parse().unwrap() }];
        net.node(alice).endpoint.register(now, config);
        let mut house = House { net, reply };
        house.run(SECOND);
        house
    }

    fn run(&mut self, time: Duration) {
        let reply = self.reply;
        self.net.run(time, &mut |net, n, e| {
            if let Event::Request { id, request, .. } = e {
                let (now, reply) = (net.now, reply(request));
                net.node(n).endpoint.respond(now, *id, reply);
            }
        });
    }

    fn registers(&self) -> Vec<Request> {
        let sent = self.net.sent.iter().filter(|s| s.bytes.starts_with(b"REGISTER"));
        let read = |s: &Sent| match parse_datagram(&s.bytes) {
            Ok(Message::Request(request)) => request,
            other => panic!("{other:?}"),
        };
        sent.map(read).collect()
    }

    /// When Alice sent keep-alives, in seconds.
    fn kept(&self) -> Vec<f64> {
        self.net.kept.iter().filter(|k| k.from == "alice").map(|k| k.at.as_secs_f64()).collect()
    }
}

fn plain(request: &Request) -> Reply {
    let contacts = request.headers.addresses("Contact").unwrap();
    contacts.into_iter().filter(|c| c.expires() != Some(0)).fold(Reply::new(200), |reply, mut contact| {
        contact.params.set("expires", Some("600"));
        reply.header("Contact", contact.to_string())
    })
}

/// A server that takes part in outbound and wants a sign of life at least every 20 s.
fn outbound(request: &Request) -> Reply {
    plain(request).header("Require", "outbound").header("Flow-Timer", "20")
}

fn rests(times: &[f64]) -> Vec<f64> {
    times.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

#[test]
fn line_ends_keep_a_datagram_path_open() {
    let mut house = House::open(Transport::Udp, plain);
    house.run(200 * SECOND);
    let rests = rests(&house.kept());
    // RFC 5626 4.4.2: 24 to 29 s, each drawn anew.
    assert!(rests.len() > 5 && rests.iter().all(|r| (23.1..29.1).contains(r)), "{rests:?}");
    assert!(rests.iter().any(|r| (r - rests[0]).abs() > 0.1), "{rests:?}");
    assert!(house.net.kept.iter().all(|k| k.bytes == b"\r\n\r\n"));
    assert_eq!(house.registers().len(), 1);
    // Un-registered, the path needs nothing more.
    let id = house.net.nodes[0].events.iter().find_map(|e| match e {
        Event::Registration { id, .. } => Some(*id),
        _ => None,
    });
    let now = house.net.now;
    house.net.node(0).endpoint.unregister(now, id.unwrap());
    house.run(100 * SECOND);
    house.net.assert_empty("after un-registering");
}

/// Answers the STUN requests that Alice has sent since `from`, as if the NAT had mapped her to `mapped`.
fn answer_stun(house: &mut House, from: usize, mapped: SocketAddr) -> usize {
    let asked: Vec<Vec<u8>> = house.net.kept[from..].iter().map(|k| k.bytes.clone()).collect();
    for request in &asked {
        assert_eq!((request.len(), &request[..8]), (20, &[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..]));
        let SocketAddr::V4(mapped) = mapped else { panic!() };
        let mut response = vec![1, 1, 0, 12, 0x21, 0x12, 0xa4, 0x42];
        response.extend_from_slice(&request[8..20]);
        response.extend_from_slice(&[0, 0x20, 0, 8, 0, 1]);
        response.extend_from_slice(&(mapped.port() ^ 0x2112).to_be_bytes());
        response.extend(mapped.ip().octets().iter().zip([0x21, 0x12, 0xa4, 0x42]).map(|(a, b)| a ^ b));
        let to = house.net.nodes[0].address;
        house.net.deliver(SERVER.parse().unwrap(), to, &response);
    }
    house.net.kept.len()
}

#[test]
fn stun_is_asked_where_it_is_agreed_and_another_mapping_binds_anew() {
    let mut house = House::open(Transport::Udp, outbound);
    let (seen, mut from) = ("203.0.113.5:1024".parse().unwrap(), 0);
    for _ in 0..40 {
        house.run(Duration::from_millis(490));
        from = answer_stun(&mut house, from, seen);
    }
    assert_eq!(house.registers().len(), 1);
    // Flow-Timer 20: the first after 16 to 20 s, asked once as it was answered.
    assert_eq!(house.kept().len(), 1, "{:?}", house.kept());
    assert!((16.0..20.1).contains(&(house.kept()[0])), "{:?}", house.kept());
    for _ in 0..50 {
        house.run(Duration::from_millis(490));
        from = answer_stun(&mut house, from, "203.0.113.5:1025".parse().unwrap());
    }
    assert_eq!(house.registers().len(), 2);
}

#[test]
fn stun_without_an_answer_means_a_dead_path() {
    let mut house = House::open(Transport::Udp, outbound);
    // RFC 8489 6.2.1: seven times within 31.5 s, then 8 s more.
    house.run(16 * SECOND + 39 * SECOND);
    assert_eq!((house.registers().len(), house.kept().len()), (1, 7));
    house.run(5 * SECOND);
    assert_eq!(house.registers().len(), 2);
    let rests = rests(&house.kept());
    for (rest, expect) in rests.iter().zip([0.5, 1.0, 2.0, 4.0, 8.0, 16.0]) {
        assert!((rest - expect).abs() < 0.01, "{rests:?}");
    }
}

#[test]
fn the_keep_of_rfc_6223_is_an_agreement_too() {
    let mut net = Net::new(42, CALM);
    let alice = net.add("alice", |_| {});
    let (now, mut config) = (net.now, account(&net, alice, "secret"));
    config.proxies = vec![NextHop::udp(SERVER.parse().unwrap())];
    net.node(alice).endpoint.register(now, config);
    net.run(Duration::from_millis(1), &mut |_, _, _| {});
    let Ok(Message::Request(request)) = parse_datagram(&net.sent[0].bytes) else { panic!() };
    let mut via = request.headers.top_via().unwrap();
    assert!(via.params.has("keep"));
    // Only a server that fills the parameter in has agreed.
    via.params.set("keep", Some("10"));
    let mut response = Response::to(&request, 200, Some("t"));
    response.headers.set("Via", via.to_string());
    response.headers.set("Contact", request.headers.first("Contact").unwrap());
    let to = net.nodes[alice].address;
    net.deliver(SERVER.parse().unwrap(), to, &response.to_bytes());
    net.run(11 * SECOND, &mut |_, _, _| {});
    let first = net.kept.first().unwrap();
    assert!(first.bytes.len() == 20 && (8 * SECOND..=11 * SECOND).contains(&first.at), "{first:?}");
}

#[test]
fn a_connection_is_pinged_and_a_missing_answer_closes_it() {
    let mut house = House::open(Transport::Tcp, plain);
    house.run(300 * SECOND);
    let pings = house.kept();
    assert!(rests(&pings).iter().all(|r| (95.0..121.0).contains(r)), "{pings:?}");
    let pongs = house.net.kept.iter().filter(|k| k.from == "server" && k.bytes == b"\r\n").count();
    assert_eq!((pongs, house.registers().len()), (pings.len(), 1));
    // The server's machine is gone without a word: 10 s after the next ping the connection counts as dead, and the
    // account is bound over a new one.
    house.net.forget(1);
    house.run(121 * SECOND);
    let ping = house.kept().into_iter().rfind(|at| *at > 300.0).unwrap();
    let again = house.net.sent.iter().rfind(|s| s.bytes.starts_with(b"REGISTER")).unwrap().at.as_secs_f64();
    assert_eq!(house.registers().len(), 2);
    assert!((again - ping - 10.0).abs() < 0.1, "{ping} {again}");
}

#[test]
fn a_server_that_knows_no_pong_is_not_left_for_it() {
    let mut house = House::open(Transport::Tcp, plain);
    // It takes the bytes and answers nothing.
    house.net.mute_pongs = true;
    house.run(900 * SECOND);
    assert!(house.kept().len() > 5);
    // The refreshes of the binding, no more.
    assert!(house.registers().len() <= 3, "{}", house.registers().len());
    assert_eq!(house.net.nodes[0].endpoint.stats().flows, 1);
}

/// A REGISTER's Contact as text.
fn contacts(request: &Request) -> Vec<(String, Option<u32>)> {
    let listed: Vec<Address> = request.headers.addresses("Contact").unwrap();
    let port = |a: &Address| a.uri.as_sip().map(|s| format!("{}:{}", s.host, s.port.unwrap_or(5060)));
    listed.iter().map(|a| (port(a).unwrap(), a.expires())).collect()
}

#[test]
fn the_address_a_nat_gives_is_bound_and_followed() {
    let mut net = Net::new(43, CALM);
    let alice = net.add("alice", |_| {});
    let server = net.add("server", |config| config.handles = vec![Method::REGISTER]);
    let (now, config) = (net.now, account(&net, server, "secret"));
    net.node(alice).endpoint.register(now, config);
    net.nat = Some((alice, "203.0.113.5:1024".parse().unwrap()));
    let mut house = House { net, reply: plain };
    house.run(SECOND);
    let seen: Vec<_> = house.registers().iter().map(contacts).collect();
    // First the private address, which nobody can reach, then the one the server saw in place of it.
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0], [("192.0.2.1:5060".to_owned(), None)]);
    assert_eq!(seen[1], [("203.0.113.5:1024".to_owned(), None), ("192.0.2.1:5060".to_owned(), Some(0))]);
    // The NAT was restarted: the next refresh finds out.
    house.net.nat = Some((alice, "203.0.113.5:2048".parse().unwrap()));
    house.run(600 * SECOND);
    let last = contacts(house.registers().last().unwrap());
    assert_eq!(last[0].0, "203.0.113.5:2048");
    let bound = house.net.nodes[alice].events.iter().rev().find_map(|e| match e {
        Event::Registration { state: RegistrationState::Registered { contact, .. }, .. } => {
            Some(contact.clone())
        }
        _ => None,
    });
    assert_eq!(bound.unwrap().uri.as_sip().unwrap().port, Some(2048));
}

#[test]
fn a_new_network_is_registered_from_at_once() {
    let mut house = House::open(Transport::Udp, plain);
    let moved: SocketAddr = "198.51.100.7:5060".parse().unwrap();
    house.net.nodes[0].address = moved;
    let now = house.net.now;
    let listeners = vec![Listener { transport: Transport::Udp, address: moved }];
    house.net.node(0).endpoint.network_changed(now, listeners);
    house.run(Duration::from_millis(100));
    let registers = house.registers();
    assert_eq!(registers.len(), 2);
    assert_eq!(contacts(&registers[1])[0].0, "198.51.100.7:5060");
    assert_eq!(registers[1].headers.top_via().unwrap().host.to_string(), "198.51.100.7");
}

#[test]
fn a_request_under_way_moves_with_the_network() {
    let mut house = House::open(Transport::Udp, plain);
    // A REGISTER leaves as the network goes: nobody can answer it there.
    let id = house.net.nodes[0].events.iter().find_map(|e| match e {
        Event::Registration { id, .. } => Some(*id),
        _ => None,
    });
    let moved: SocketAddr = "198.51.100.7:5060".parse().unwrap();
    let now = house.net.now;
    house.net.node(0).endpoint.refresh(now, id.unwrap());
    house.net.nodes[0].address = moved;
    house.run(Duration::from_millis(5));
    let now = house.net.now;
    let listeners = vec![Listener { transport: Transport::Udp, address: moved }];
    house.net.node(0).endpoint.network_changed(now, listeners);
    house.run(Duration::from_millis(200));
    let state = house.net.nodes[0].events.iter().rev().find_map(|e| match e {
        Event::Registration { state, .. } => Some(state.clone()),
        _ => None,
    });
    let Some(RegistrationState::Registered { contact, .. }) = state else { panic!("{state:?}") };
    assert_eq!(contact.uri.as_sip().unwrap().host.to_string(), "198.51.100.7");
}
