//! Nobody whom the other side has named gets a proof of our password, whatever we send there and however it is asked.

use crate::forking::{proxy_address, team, team_call};
use crate::ladder::ladder;
use crate::net::{Net, audio, call_states};
use crate::proxy::{DOMAIN, Forking};
use std::net::SocketAddr;
use std::time::Duration;
use tern_sip::wire::{HeaderAccess as _, Message, Method, Request, Response, parse_datagram};
use tern_sip::{
    CallId, CallState, Endpoint, Event, Identity, Login, NextHop, RegistrationConfig, TransferId,
};

const ALICE: usize = 0;
const EVIL: usize = 1;

/// What makes Alice send something inside the call.
type Deed = fn(&mut Endpoint, std::time::Instant, CallId);

/// Where the other side has put itself before it asks.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Place {
    /// At the Contact of its 200, straight from us.
    Contact,
    /// Behind our own server.
    BehindTheServer,
    /// At a Contact it has named in a re-INVITE.
    Moved,
}

/// Alice, registered, in a call over her account with somebody who has turned evil.
fn in_bad_company(place: Place) -> (Net, CallId) {
    let mut net = team(5, 1, Forking::Parallel);
    let proxy = &mut net.proxies[0];
    proxy.users.insert("alice".into(), "secret".into());
    proxy.records_route = place == Place::BehindTheServer;
    let mut account = RegistrationConfig::new(
        crate::net::uri(&format!("sip:alice@{DOMAIN}")),
        Login::new("alice", "secret"),
    );
    account.proxies = vec![NextHop::udp(proxy_address())];
    let now = net.now;
    let id = net.node(ALICE).endpoint.register(now, account);
    net.run(Duration::from_secs(1), &mut |_, _, _| {});
    let mut config = team_call(&net);
    config.identity = Identity::Account(id);
    let now = net.now;
    let call = net.node(ALICE).endpoint.call(now, config).unwrap();
    net.run(Duration::from_secs(1), &mut |net, n, e| {
        if let Event::IncomingCall { call, .. } = e {
            let (now, sdp) = (net.now, audio(net.nodes[n].address));
            net.node(n).endpoint.accept(now, *call, sdp).unwrap();
        }
    });
    assert!(matches!(call_states(&net, ALICE).last(), Some(CallState::Confirmed { .. })));
    if place == Place::Moved {
        let invite = inside(&net, Method::INVITE, 50);
        net.deliver(net.nodes[EVIL].address, net.nodes[ALICE].address, &invite.to_bytes());
        net.run(Duration::from_millis(5), &mut |net, n, e| {
            if let Event::Reoffer { call, .. } = e {
                let (now, sdp) = (net.now, audio(net.nodes[n].address));
                net.node(n).endpoint.answer_reoffer(now, *call, sdp).unwrap();
            }
        });
        let ack = inside(&net, Method::ACK, 50);
        net.deliver(net.nodes[EVIL].address, net.nodes[ALICE].address, &ack.to_bytes());
    }
    // From here on a test speaks in its place.
    net.nodes[EVIL].former.push(evil_address());
    net.nodes[EVIL].address = "203.0.113.1:1".parse().unwrap();
    net.sent.clear();
    (net, call)
}

fn evil_address() -> SocketAddr {
    "192.0.2.2:5060".parse().unwrap()
}

/// A request of the other side inside the call, made from its 200 as Alice heard it.
fn inside(net: &Net, method: Method, number: u32) -> Request {
    let heard = net.heard.iter().rev().filter(|h| h.node == ALICE);
    let ok = heard.filter_map(|h| parse_datagram(&h.bytes).ok()).find_map(|m| match m {
        Message::Response(r) if r.headers.cseq().unwrap().method == Method::INVITE && r.code() == 200 => {
            Some(r)
        }
        _ => None,
    });
    let ok = ok.unwrap();
    let mut request = Request::new(method.clone(), crate::net::uri("sip:alice@192.0.2.1:5060"));
    request.headers.add("Via", format!("SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bKevil{number}{method}"));
    request.headers.add("From", ok.headers.first("To").unwrap());
    request.headers.add("To", ok.headers.first("From").unwrap());
    request.headers.add("Call-ID", ok.headers.call_id().unwrap());
    request.headers.add("CSeq", format!("{number} {method}"));
    request.headers.add("Max-Forwards", "70");
    request.headers.add("Contact", format!("<sip:elsewhere@{}>", evil_address()));
    if method == Method::INVITE {
        request.set_body("application/sdp", audio(evil_address()).to_bytes());
    }
    request
}

/// Lets time pass while every request to the evil one is answered with that challenge.
fn challenge_everything(net: &mut Net, code: u16) -> Vec<Method> {
    let header = if code == 401 { "WWW-Authenticate" } else { "Proxy-Authenticate" };
    let mut seen = 0;
    let mut asked = Vec::new();
    for _ in 0..100 {
        net.run(Duration::from_millis(20), &mut |_, _, _| {});
        let news: Vec<_> =
            net.sent[seen..].iter().map(|s| (s.to.clone(), s.from.clone(), s.bytes.clone())).collect();
        seen = net.sent.len();
        for (to, from, bytes) in news.into_iter().filter(|(to, ..)| to == "p1") {
            let Ok(Message::Request(request)) = parse_datagram(&bytes) else { continue };
            for name in ["Authorization", "Proxy-Authorization"] {
                assert_eq!(request.headers.first(name), None, "{} to {to}\n{}", request.method, ladder(net));
            }
            if request.method == Method::ACK {
                continue;
            }
            asked.push(request.method.clone());
            let mut response = Response::to(&request, code, Some("evil"));
            let nonce = format!("Digest realm=\"{DOMAIN}\", nonce=\"chosen{}\", algorithm=MD5", asked.len());
            response.headers.add(header, nonce);
            let to = if from == "proxy" { proxy_address() } else { net.nodes[ALICE].address };
            net.deliver(evil_address(), to, &response.to_bytes());
        }
    }
    asked
}

#[test]
fn no_request_inside_a_call_proves_anything_to_the_other_side() {
    let deeds: [(Method, Deed); 3] = [
        (Method::BYE, |e, now, call| e.hang_up(now, call).unwrap()),
        (Method::REFER, |e, now, call| {
            e.transfer(now, call, crate::net::uri("sip:carol@192.0.2.9")).unwrap();
        }),
        (Method::INFO, |e, now, call| {
            e.info_dtmf(now, call, '1', Duration::from_millis(160)).unwrap();
        }),
    ];
    for place in [Place::Contact, Place::BehindTheServer, Place::Moved] {
        for code in [401, 407] {
            for (method, deed) in &deeds {
                let (mut net, call) = in_bad_company(place);
                let now = net.now;
                deed(&mut net.node(ALICE).endpoint, now, call);
                let asked = challenge_everything(&mut net, code);
                assert!(asked.contains(method), "{place:?} {code} {method}: {asked:?}\n{}", ladder(&net));
            }
        }
    }
}

#[test]
fn news_of_a_transfer_prove_nothing_either() {
    for place in [Place::Contact, Place::BehindTheServer] {
        let (mut net, _) = in_bad_company(place);
        let mut refer = inside(&net, Method::REFER, 60);
        refer.headers.add("Refer-To", format!("<sip:trap@{}>", evil_address()));
        net.deliver(evil_address(), net.nodes[ALICE].address, &refer.to_bytes());
        net.run(Duration::from_millis(1), &mut |_, _, _| {});
        let asked: Option<TransferId> = net.nodes[ALICE].events.iter().find_map(|e| match e {
            Event::TransferAsked { request, .. } => Some(*request),
            _ => None,
        });
        let (now, offer) = (net.now, audio(net.nodes[ALICE].address));
        net.node(ALICE).endpoint.accept_transfer(now, asked.unwrap(), offer).unwrap();
        let asked = challenge_everything(&mut net, 401);
        assert!(asked.contains(&Method::NOTIFY), "{asked:?}\n{}", ladder(&net));
    }
}
