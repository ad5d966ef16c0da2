//! A server that does exactly what a test says, at an address of its own, and Alice who has an account there.

use crate::net::{CALM, Net, uri};
use std::net::SocketAddr;
use std::time::Duration;
use tern_sip::wire::{HeaderAccess as _, Message, Request, Response, parse_datagram};
use tern_sip::*;

/// Where the server is, and others.
pub(crate) const SERVER: &str = "198.51.100.1:5060";
pub(crate) const OTHER: &str = "198.51.100.2:5060";

pub(crate) struct Scripted {
    pub(crate) net: Net,
    pub(crate) account: RegistrationId,
    /// Where the server says that it sees us.
    pub(crate) public: Option<SocketAddr>,
    seen: usize,
    /// Branches of the requests seen: what has one of them is a repetition.
    branches: Vec<Option<String>>,
    events: usize,
}

impl Scripted {
    /// Alice begins to register; `adjust` changes her account.
    pub(crate) fn new(adjust: impl FnOnce(&mut RegistrationConfig)) -> Scripted {
        Scripted::with(|_| {}, adjust)
    }

    /// With settings of the endpoint, too.
    pub(crate) fn with(
        endpoint: impl FnOnce(&mut EndpointConfig),
        adjust: impl FnOnce(&mut RegistrationConfig),
    ) -> Scripted {
        let mut net = Net::new(9, CALM);
        let alice = net.add("alice", |config| {
            config.strangers = Strangers::Drop;
            endpoint(config);
        });
        let mut config = RegistrationConfig::new(uri("sip:alice@sip.test"), Login::new("alice", "secret"));
        config.proxies = vec![NextHop::udp(SERVER.parse().unwrap())];
        config.expires = Duration::from_secs(600);
        adjust(&mut config);
        let now = net.now;
        let account = net.node(alice).endpoint.register(now, config);
        Scripted { net, account, public: None, seen: 0, branches: Vec::new(), events: 0 }
    }

    /// Registered without a challenge.
    pub(crate) fn registered(adjust: impl FnOnce(&mut RegistrationConfig)) -> Scripted {
        let mut script = Scripted::new(adjust);
        let register = script.request();
        script.bind(&register, &[]);
        script.events();
        script
    }

    pub(crate) fn endpoint(&mut self) -> &mut Endpoint {
        &mut self.net.node(0).endpoint
    }

    pub(crate) fn run(&mut self, time: Duration) {
        self.net.run(time, &mut |_, _, _| {});
    }

    /// What Alice has asked since: each request once.
    pub(crate) fn requests(&mut self) -> Vec<(String, Request)> {
        self.run(Duration::ZERO);
        let mut found: Vec<(String, Request)> = Vec::new();
        for sent in self.net.sent.iter().skip(self.seen).filter(|s| s.from == "alice") {
            let Ok(Message::Request(request)) = parse_datagram(&sent.bytes) else { continue };
            let branch = request.headers.top_via().unwrap().branch();
            if !self.branches.contains(&branch) {
                self.branches.push(branch);
                found.push((sent.to.clone(), request));
            }
        }
        self.seen = self.net.sent.len();
        found
    }

    /// The one request Alice has sent.
    pub(crate) fn request(&mut self) -> Request {
        self.request_to().1
    }

    /// The one request Alice has sent, and where to.
    pub(crate) fn request_to(&mut self) -> (String, Request) {
        let mut found = self.requests();
        assert_eq!(found.len(), 1, "{found:#?}");
        found.remove(0)
    }

    /// The last response Alice has sent.
    pub(crate) fn response(&mut self) -> Response {
        self.run(Duration::ZERO);
        let sent =
            self.net.sent.iter().skip(self.seen).rev().find(|s| s.from == "alice").expect("a response");
        let Ok(Message::Response(response)) = parse_datagram(&sent.bytes) else { panic!("{sent:?}") };
        self.seen = self.net.sent.len();
        response
    }

    /// What the application has been told since.
    pub(crate) fn events(&mut self) -> Vec<Event> {
        self.run(Duration::ZERO);
        let events = self.net.nodes[0].events[self.events..].to_vec();
        self.events = self.net.nodes[0].events.len();
        events
    }

    /// The states of the registration since.
    pub(crate) fn states(&mut self) -> Vec<RegistrationState> {
        let states = self.events().into_iter().filter_map(|e| match e {
            Event::Registration { state, .. } => Some(state),
            _ => None,
        });
        states.collect()
    }

    /// Answers as the server.
    pub(crate) fn answer(&mut self, request: &Request, code: u16, headers: &[(&str, &str)]) {
        self.answer_from(SERVER, request, code, headers);
    }

    pub(crate) fn answer_from(&mut self, from: &str, request: &Request, code: u16, headers: &[(&str, &str)]) {
        let mut response = Response::to(request, code, Some("server"));
        if let Some(public) = self.public {
            let mut via = response.headers.top_via().unwrap();
            via.note_source(public);
            response.headers.set("Via", via.to_string());
        }
        for (name, value) in headers {
            response.headers.add(name, *value);
        }
        self.send_from(from, &response.to_bytes());
    }

    /// Takes a REGISTER, with more headers.
    pub(crate) fn bind(&mut self, register: &Request, headers: &[(&str, &str)]) {
        self.bind_from(SERVER, register, headers);
    }

    pub(crate) fn bind_from(&mut self, from: &str, register: &Request, headers: &[(&str, &str)]) {
        let mut contact = register.headers.addresses("Contact").unwrap().remove(0);
        contact.params.set("expires", register.headers.first("Expires"));
        let contact = contact.to_string();
        let all: Vec<(&str, &str)> =
            [("Contact", contact.as_str())].into_iter().chain(headers.iter().copied()).collect();
        self.answer_from(from, register, 200, &all);
    }

    /// Bytes from the server.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.send_from(SERVER, bytes);
    }

    pub(crate) fn send_from(&mut self, from: &str, bytes: &[u8]) {
        let to = self.net.nodes[0].address;
        self.net.sent.push(crate::net::Sent {
            at: self.net.elapsed(),
            from: from.to_owned(),
            to: "alice".into(),
            bytes: bytes.to_vec(),
        });
        self.net.deliver(from.parse().unwrap(), to, bytes);
        self.run(Duration::ZERO);
    }

    /// The flow of messages, the addresses told by name.
    pub(crate) fn ladder(&self) -> String {
        crate::ladder::ladder(&self.net).replace(SERVER, "server").replace(OTHER, "other")
    }
}
