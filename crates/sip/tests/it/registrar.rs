//! A tiny registrar on the endpoint's own server side.

use crate::net::Net;
use tern_sip::wire::auth::{Challenge, Credentials, Freshness, Qop};
use tern_sip::wire::digest::{self, Algorithm};
use tern_sip::wire::{Contacts, HeaderAccess as _, Method};
use tern_sip::{Event, Reply};

pub(crate) struct Registrar {
    pub(crate) node: usize,
    pub(crate) password: &'static str,
    pub(crate) algorithm: Algorithm,
    /// Uses of a nonce before it is stale; nonce counts must grow from 1.
    pub(crate) nonce_uses: u32,
    pub(crate) min_expires: u32,
    pub(crate) bindings: usize,
    /// Whether an outdated nonce is called stale.
    pub(crate) says_stale: bool,
    nonce: u32,
    last_count: u32,
}

impl Registrar {
    pub(crate) fn add(net: &mut Net) -> Registrar {
        let node = net.add("registrar", |config| config.handles = vec![Method::REGISTER]);
        Registrar {
            node,
            password: "secret",
            algorithm: Algorithm::Md5,
            nonce_uses: 100,
            min_expires: 0,
            bindings: 0,
            says_stale: true,
            nonce: 0,
            last_count: 0,
        }
    }

    /// The application's part: answers REGISTER.
    pub(crate) fn on_event(&mut self, net: &mut Net, node: usize, event: &Event) {
        let Event::Request { id, request, .. } = event else { return };
        if node != self.node {
            return;
        }
        let reply = self.judge(request);
        let now = net.now;
        net.node(node).endpoint.respond(now, *id, reply);
    }

    fn judge(&mut self, request: &tern_sip::wire::Request) -> Reply {
        let credentials = request.headers.first("Authorization").and_then(|v| Credentials::parse(v).ok());
        let Some(credentials) = credentials else { return self.challenge(Freshness::Fresh) };
        if !digest::verify(&credentials, &request.method, &request.body, self.password)
            || credentials.username != "alice"
        {
            return self.challenge(Freshness::Fresh);
        }
        let count = credentials.qop.as_ref().map(|q| q.nc).unwrap_or_default();
        if credentials.nonce != format!("nonce-{}", self.nonce)
            || count != self.last_count + 1
            || count > self.nonce_uses
        {
            return self.challenge(if self.says_stale { Freshness::Stale } else { Freshness::Fresh });
        }
        self.last_count = count;
        let expires = request.headers.number("Expires").unwrap_or(3600);
        if expires > 0 && expires < self.min_expires {
            return Reply::new(423).header("Min-Expires", self.min_expires.to_string());
        }
        let Ok(Contacts::List(contacts)) = Contacts::parse(request.headers.all("Contact")) else {
            return Reply::new(400);
        };
        self.bindings = if expires == 0 { 0 } else { contacts.len() };
        contacts.into_iter().filter(|_| expires > 0).fold(Reply::new(200), |reply, mut contact| {
            contact.params.set("expires", Some(&expires.to_string()));
            reply.header("Contact", contact.to_string())
        })
    }

    fn challenge(&mut self, freshness: Freshness) -> Reply {
        self.nonce += 1;
        self.last_count = 0;
        let challenge = Challenge {
            realm: "sip.test".into(),
            nonce: format!("nonce-{}", self.nonce),
            opaque: None,
            algorithm: self.algorithm,
            qop: Qop::Auth,
            freshness,
        };
        Reply::new(401).header("WWW-Authenticate", challenge.to_string())
    }
}
