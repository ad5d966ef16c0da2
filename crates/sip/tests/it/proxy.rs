//! A model of a proxy with a registrar (RFC 3261 16, 10.3): stateful, forking side by side or one after another.
//!
//! It stands between endpoints in tests and is judged by the RFC alone, so it shares nothing with the crate but the
//! codec and the digest. Addresses only, UDP only, no recursion on 3xx.

use crate::proxy_context::{Context, Step, forward, respond};
use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tern_sip::wire::auth::Credentials;
use tern_sip::wire::digest;
use tern_sip::wire::{
    Contacts, HeaderAccess as _, Host, Message, Method, Request, Response, Uri, parse_datagram,
};

/// In which order the places of a user are tried (RFC 3261 16.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Forking {
    Parallel,
    /// The next one when this has refused or rung for so long.
    Serial(Duration),
}

pub(crate) struct Proxy {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    pub(crate) forking: Forking,
    /// Whether requests inside dialogs come by here too (RFC 3261 16.6 step 4).
    pub(crate) records_route: bool,
    /// Names and passwords of those who must prove themselves to register and to call.
    pub(crate) users: HashMap<String, String>,
    /// How long a nonce lives.
    pub(crate) nonce_life: Duration,
    /// Where users are reached; registering adds to it.
    pub(crate) places: HashMap<String, Vec<Uri>>,
    contexts: BTreeMap<u64, Context>,
    count: u64,
    nonce: Option<(Instant, u64)>,
    sent: Vec<(SocketAddr, Vec<u8>)>,
}

pub(crate) const DOMAIN: &str = "sip.test";

impl Proxy {
    pub(crate) fn new(name: &'static str, address: SocketAddr, forking: Forking) -> Proxy {
        Proxy {
            name,
            address,
            forking,
            records_route: true,
            users: HashMap::new(),
            nonce_life: Duration::from_secs(3600),
            places: HashMap::new(),
            contexts: BTreeMap::new(),
            count: 0,
            nonce: None,
            sent: Vec::new(),
        }
    }

    pub(crate) fn handle(&mut self, now: Instant, from: SocketAddr, bytes: &[u8]) {
        match parse_datagram(bytes) {
            Ok(Message::Request(request)) => self.on_request(now, from, request),
            Ok(Message::Response(response)) => self.on_response(now, &response),
            Err(_) => {}
        }
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        let due: Vec<u64> =
            self.contexts.iter().filter(|(_, c)| c.next() <= now).map(|(id, _)| *id).collect();
        for id in due {
            self.with(id, |context, out| context.on_time(now, out));
        }
        self.contexts.retain(|_, c| !c.is_over(now));
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.contexts.values().map(Context::next).min()
    }

    /// What is to be sent, and where.
    pub(crate) fn take(&mut self) -> Vec<(SocketAddr, Vec<u8>)> {
        std::mem::take(&mut self.sent)
    }

    fn on_request(&mut self, now: Instant, from: SocketAddr, mut request: Request) {
        // RFC 3261 18.2.1, RFC 3581 4
        let Ok(mut vias) = request.headers.vias() else { return };
        vias[0].note_source(from);
        request.headers.remove("Via");
        vias.iter().for_each(|via| request.headers.add("Via", via.to_string()));
        let found = self.contexts.iter().find(|(_, c)| c.is_of(&request)).map(|(id, _)| *id);
        match (&request.method, found) {
            (&Method::ACK, Some(id)) if self.contexts[&id].has_refused() => {
                self.with(id, |context, _| context.acknowledged(now));
            }
            (&Method::ACK, _) => self.pass_on(request),
            (&Method::CANCEL, Some(id)) => {
                // RFC 3261 16.10: answered here, the branches are cancelled from here.
                self.sent.push((from, respond(&request, 200).to_bytes()));
                self.with(id, |context, out| context.cancel(now, out));
            }
            // Without the INVITE there is nothing to cancel here, and so nothing beyond.
            (&Method::CANCEL, None) => self.sent.push((from, respond(&request, 481).to_bytes())),
            (_, Some(id)) => self.with(id, |context, out| context.repeat_answer(out)),
            (_, None) => self.on_new_request(now, from, request),
        }
    }

    fn on_new_request(&mut self, now: Instant, from: SocketAddr, mut request: Request) {
        self.count += 1;
        let id = self.count;
        self.pop_own_route(&mut request);
        let verdict = if request.headers.number("Max-Forwards") == Some(0) {
            Err(respond(&request, 483))
        } else if request.method == Method::REGISTER {
            Err(self.register(now, &request))
        } else {
            match self.challenge(now, &request, "Proxy-Authorization") {
                Some(challenge) => Err(challenged(&request, 407, "Proxy-Authenticate", &challenge)),
                None => self.targets(&request).ok_or_else(|| respond(&request, 404)),
            }
        };
        let mut context = Context::new(id, self.address, from, request, self.records_route);
        match verdict {
            Err(answer) => context.answer(now, &answer, &mut self.sent),
            Ok(targets) => {
                let step = match self.forking {
                    Forking::Parallel => Step::All,
                    Forking::Serial(patience) => Step::One(patience),
                };
                context.start(now, targets, step, &mut self.sent);
            }
        }
        self.contexts.insert(id, context);
    }

    fn on_response(&mut self, now: Instant, response: &Response) {
        // RFC 6026 8: without a context nothing is passed on.
        let Some((id, branch)) = response.headers.top_via().ok().and_then(|v| v.branch()).and_then(|b| {
            let (id, branch) = b.strip_prefix("z9hG4bK-proxy-")?.split_once('-')?;
            Some((id.parse().ok()?, branch.parse().ok()?))
        }) else {
            return;
        };
        if self.contexts.contains_key(&id) {
            self.with(id, |context, out| context.on_response(now, branch, response, out));
        }
    }

    /// An ACK for a 2xx, which is no transaction (RFC 3261 16.11).
    fn pass_on(&mut self, mut ack: Request) {
        self.pop_own_route(&mut ack);
        self.count += 1;
        let branch = format!("z9hG4bK-proxy-ack-{}", self.count);
        if let Some((to, copy)) = forward(&ack, ack.uri.clone(), self.address, &branch, false) {
            self.sent.push((to, copy.to_bytes()));
        }
    }

    /// RFC 3261 16.4: the topmost Route that names this proxy has done its work.
    fn pop_own_route(&self, request: &mut Request) {
        let mut routes = request.headers.addresses("Route").unwrap_or_default();
        if routes.first().is_some_and(|r| self.is_own(&r.uri)) {
            routes.remove(0);
            request.headers.remove("Route");
            routes.iter().for_each(|r| request.headers.add("Route", r.to_string()));
        }
    }

    fn is_own(&self, uri: &Uri) -> bool {
        let Some(uri) = uri.as_sip() else { return false };
        match &uri.host {
            Host::Ip(ip) => *ip == self.address.ip(),
            Host::Name(name) => name == DOMAIN,
        }
    }

    /// RFC 3261 16.5.
    fn targets(&self, request: &Request) -> Option<Vec<Uri>> {
        if !self.is_own(&request.uri) {
            return Some(vec![request.uri.clone()]);
        }
        self.places.get(&request.uri.user()?).filter(|places| !places.is_empty()).cloned()
    }

    /// RFC 3261 10.3.
    fn register(&mut self, now: Instant, request: &Request) -> Response {
        if let Some(challenge) = self.challenge(now, request, "Authorization") {
            return challenged(request, 401, "WWW-Authenticate", &challenge);
        }
        let user = request.headers.to_address().ok().and_then(|to| to.uri.user()).unwrap_or_default();
        let expires = request.headers.number("Expires").unwrap_or(3600);
        let mut response = respond(request, 200);
        let mut places = Vec::new();
        if let (Ok(Contacts::List(contacts)), true) =
            (Contacts::parse(request.headers.all("Contact")), expires > 0)
        {
            for mut contact in contacts {
                contact.params.set("expires", Some(&expires.to_string()));
                response.headers.add("Contact", contact.to_string());
                places.push(contact.uri);
            }
        }
        self.places.insert(user, places);
        response
    }

    /// The challenge for a request that needs proof and has none; `None`: it may pass.
    fn challenge(&mut self, now: Instant, request: &Request, header: &str) -> Option<String> {
        let from = request.headers.from_address().ok()?;
        let password = self.users.get(&from.uri.user()?)?.clone();
        // RFC 3261 22.3: requests inside a dialog of a known caller are let through, as most proxies do.
        if request.headers.to_address().ok()?.tag().is_some() {
            return None;
        }
        let given = request.headers.first(header).and_then(|v| Credentials::parse(v).ok());
        let proven =
            given.as_ref().is_some_and(|c| digest::verify(c, &request.method, &request.body, &password));
        let current = match self.nonce {
            Some((until, number)) if now < until => number,
            old => {
                let number = old.map_or(1, |(_, n)| n + 1);
                self.nonce = Some((now + self.nonce_life, number));
                number
            }
        };
        let nonce = format!("nonce-{current}");
        if proven && given.is_some_and(|c| c.nonce == nonce) {
            return None;
        }
        let stale = if proven { ", stale=true" } else { "" };
        Some(format!("Digest realm=\"{DOMAIN}\", nonce=\"{nonce}\", algorithm=SHA-256, qop=\"auth\"{stale}"))
    }

    fn with(&mut self, id: u64, act: impl FnOnce(&mut Context, &mut Vec<(SocketAddr, Vec<u8>)>)) {
        if let Some(context) = self.contexts.get_mut(&id) {
            act(context, &mut self.sent);
        }
    }
}

fn challenged(request: &Request, code: u16, header: &str, challenge: &str) -> Response {
    let mut response = respond(request, code);
    response.headers.add(header, challenge);
    response
}
