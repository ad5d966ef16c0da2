//! A peer played by hand: it lives at 198.51.100.1, reads what an endpoint sends there and says what a test wants.

use crate::net::{CALM, Net, audio, direct_call, uri};
use std::net::SocketAddr;
use std::time::Duration;
use tern_sip::wire::sdp::SessionDescription;
use tern_sip::wire::{HeaderAccess as _, Message, Method, Request, Response, parse_datagram};
use tern_sip::{CallConfig, CallId, Event};

/// Where the peer is.
pub(crate) fn there() -> SocketAddr {
    "198.51.100.1:5060".parse().unwrap()
}

/// The peer's description.
pub(crate) fn their_sdp(port: u16) -> SessionDescription {
    let mut sdp = audio(there());
    sdp.media[0].port = port;
    sdp
}

/// One endpoint, "alice", who calls the peer.
pub(crate) fn calling(adjust: impl FnOnce(&mut CallConfig)) -> (Net, CallId) {
    let mut net = Net::new(5, CALM);
    let alice = net.add("alice", |_| {});
    let mut config = direct_call(&net, alice, alice);
    config.target = uri("sip:peer@198.51.100.1");
    adjust(&mut config);
    let now = net.now;
    let call = net.node(alice).endpoint.call(now, config).unwrap();
    net.wait(1);
    (net, call)
}

impl Net {
    /// Lets so many milliseconds go by.
    pub(crate) fn wait(&mut self, ms: u64) {
        self.run(Duration::from_millis(ms), &mut |_, _, _| {});
    }

    /// The requests of a method sent so far, repetitions included.
    pub(crate) fn requests(&self, method: &Method) -> Vec<Request> {
        let all = self.sent.iter().filter_map(|s| match parse_datagram(&s.bytes) {
            Ok(Message::Request(request)) if request.method == *method => Some(request),
            _ => None,
        });
        all.collect()
    }

    /// The last request of a method.
    pub(crate) fn request(&self, method: &Method) -> Request {
        self.requests(method).pop().unwrap_or_else(|| panic!("no {method} was sent"))
    }

    /// The responses sent so far, repetitions included.
    pub(crate) fn responses(&self) -> Vec<Response> {
        let all = self.sent.iter().filter_map(|s| match parse_datagram(&s.bytes) {
            Ok(Message::Response(response)) => Some(response),
            _ => None,
        });
        all.collect()
    }

    /// The last response and its code.
    pub(crate) fn response(&self) -> Response {
        self.responses().pop().expect("a response")
    }

    /// The peer says something to the first endpoint, which then has a millisecond.
    pub(crate) fn say(&mut self, bytes: &[u8]) {
        let to = self.nodes[0].address;
        self.deliver(there(), to, bytes);
        self.wait(1);
    }

    /// The peer answers a request; the tag names the branch.
    pub(crate) fn reply(
        &mut self,
        request: &Request,
        code: u16,
        tag: &str,
        adjust: impl FnOnce(&mut Response),
    ) {
        let mut response = Response::to(request, code, Some(tag));
        response.headers.add("Contact", format!("<sip:{tag}@198.51.100.1>"));
        response.headers.add("Allow", "INVITE, ACK, CANCEL, BYE, PRACK, UPDATE");
        adjust(&mut response);
        self.say(&response.to_bytes());
    }

    /// The events of the first endpoint.
    pub(crate) fn events(&self) -> &[Event] {
        &self.nodes[0].events
    }
}

/// A response with this description.
pub(crate) fn with_sdp(port: u16) -> impl FnOnce(&mut Response) {
    move |response| response.set_body("application/sdp", their_sdp(port).to_bytes())
}

/// A reliable provisional response with this number, and a description where there is a port.
pub(crate) fn reliable(rseq: u32, port: Option<u16>) -> impl FnOnce(&mut Response) {
    move |response| {
        response.headers.add("Require", "100rel");
        response.headers.add("RSeq", rseq.to_string());
        if let Some(port) = port {
            response.set_body("application/sdp", their_sdp(port).to_bytes());
        }
    }
}

/// An established call from "alice" to the peer, whose 200 is adjusted.
pub(crate) fn answered(adjust: impl FnOnce(&mut Response)) -> (Net, CallId) {
    let (mut net, call) = calling(|_| {});
    let invite = net.request(&Method::INVITE);
    net.reply(&invite, 200, "p", |response| {
        with_sdp(7000)(response);
        adjust(response);
    });
    assert_eq!(net.requests(&Method::ACK).len(), 1);
    (net, call)
}

/// A request of the peer inside the dialog that our first INVITE and the peer's tag make.
pub(crate) fn theirs(net: &Net, method: Method, number: u32, tag: &str) -> Request {
    let invite = &net.requests(&Method::INVITE)[0];
    let contact = invite.headers.addresses("Contact").unwrap()[0].uri.clone();
    let mut request = Request::new(method.clone(), contact);
    request
        .headers
        .add("Via", format!("SIP/2.0/UDP 198.51.100.1:5060;rport;branch=z9hG4bK{tag}{method}{number}"));
    let tagged = format!("{};tag={tag}", invite.headers.first("To").unwrap());
    request.headers.add("From", tagged);
    request.headers.add("To", invite.headers.first("From").unwrap());
    request.headers.add("Call-ID", invite.headers.first("Call-ID").unwrap());
    request.headers.add("CSeq", format!("{number} {method}"));
    request.headers.add("Max-Forwards", "70");
    request.headers.add("Contact", format!("<sip:{tag}@198.51.100.1>"));
    request
}
