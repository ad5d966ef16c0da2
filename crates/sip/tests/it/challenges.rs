//! Challenges of the own server inside a call: PRACK, UPDATE, re-INVITE and BYE, and the nonce it tells to use next.

use crate::hand::their_sdp;
use crate::net::{audio, uri};
use crate::scripted::{SERVER, Scripted};
use std::time::Duration;
use tern_sip::wire::auth::Credentials;
use tern_sip::wire::{HeaderAccess as _, Method, Request, Response, digest};
use tern_sip::{CallConfig, CallId, Identity};

/// Who asks: the server as a proxy on the way, or as the other end.
#[derive(Clone, Copy, PartialEq)]
enum As {
    Proxy,
    End,
}

impl As {
    fn code(self) -> u16 {
        if self == As::Proxy { 407 } else { 401 }
    }

    fn names(self) -> (&'static str, &'static str, &'static str) {
        match self {
            As::Proxy => ("Proxy-Authenticate", "Proxy-Authorization", "Proxy-Authentication-Info"),
            As::End => ("WWW-Authenticate", "Authorization", "Authentication-Info"),
        }
    }
}

struct Asking {
    script: Scripted,
    call: CallId,
    by: As,
    nonces: u32,
}

impl Asking {
    /// Alice calls; her INVITE is not answered yet.
    fn called(by: As) -> (Asking, Request) {
        let mut script = Scripted::registered(|_| {});
        let call = place(&mut script);
        let mut asking = Asking { script, call, by, nonces: 0 };
        let invite = asking.next(&Method::INVITE);
        (asking, invite)
    }

    /// In a call whose INVITE was challenged.
    fn talking(by: As) -> Asking {
        let (mut asking, invite) = Asking::called(by);
        let invite = asking.challenge(&invite);
        asking.answer(&invite, 200, true, &[]);
        asking.next(&Method::ACK);
        asking
    }

    /// The next request, which is of that method.
    fn next(&mut self, method: &Method) -> Request {
        self.script.run(Duration::from_millis(50));
        let request = self.script.request();
        assert_eq!(request.method, *method);
        request
    }

    fn answer(&mut self, request: &Request, code: u16, described: bool, headers: &[(&str, &str)]) {
        let mut response = Response::to(request, code, Some("server"));
        if self.by == As::Proxy {
            response.headers.add("Record-Route", format!("<sip:{SERVER};lr>"));
            response.headers.add("Contact", "<sip:bob@203.0.113.9>");
        } else {
            response.headers.add("Contact", format!("<sip:bob@{SERVER}>"));
        }
        response.headers.add("Allow", "INVITE, ACK, CANCEL, BYE, PRACK, UPDATE");
        for (name, value) in headers {
            response.headers.add(name, *value);
        }
        if described {
            response.set_body("application/sdp", their_sdp(7000).to_bytes());
        }
        self.script.send(&response.to_bytes());
    }

    /// Challenges a request with a fresh nonce and gives what comes then, which must prove the password.
    fn challenge(&mut self, request: &Request) -> Request {
        self.nonces += 1;
        let nonce = format!("asked-{}", self.nonces);
        let challenge = format!(
            "Digest realm=\"sip.test\", nonce=\"{nonce}\", algorithm=SHA-256, qop=\"auth\", stale=true"
        );
        self.answer(request, self.by.code(), false, &[(self.by.names().0, &challenge)]);
        let again = self.next(&request.method);
        // RFC 3261 22.2: the same request, the CSeq one higher.
        assert_eq!(number(&again), number(request) + 1);
        assert_eq!((&again.uri, &again.body), (&request.uri, &request.body));
        assert_eq!(again.headers.first("RAck"), request.headers.first("RAck"));
        assert_eq!(self.proof(&again), (nonce, 1));
        again
    }

    /// The nonce of a request's credentials, and how often it was used; the proof is right.
    fn proof(&self, request: &Request) -> (String, u32) {
        let shown = request.headers.first(self.by.names().1).expect("credentials");
        let credentials = Credentials::parse(shown).unwrap();
        assert!(digest::verify(&credentials, &request.method, &request.body, "secret"));
        (credentials.nonce.clone(), credentials.qop.as_ref().unwrap().nc)
    }

    fn offer(&mut self) {
        let (now, call) = (self.script.net.now, self.call);
        let sdp = audio(self.script.net.nodes[0].address);
        self.script.endpoint().offer(now, call, sdp).unwrap();
    }

    fn hang_up(&mut self) -> Request {
        let (now, call) = (self.script.net.now, self.call);
        self.script.endpoint().hang_up(now, call).unwrap();
        self.next(&Method::BYE)
    }
}

fn place(script: &mut Scripted) -> CallId {
    let sdp = audio(script.net.nodes[0].address);
    let config = CallConfig::new(Identity::Account(script.account), uri("sip:bob@sip.test"), sdp);
    let now = script.net.now;
    script.endpoint().call(now, config).unwrap()
}

fn number(request: &Request) -> u32 {
    request.headers.cseq().unwrap().number
}

#[test]
fn each_request_inside_a_call_answers_the_own_servers_challenge() {
    for by in [As::Proxy, As::End] {
        let (mut asking, invite) = Asking::called(by);
        let invite = asking.challenge(&invite);
        asking.answer(&invite, 183, true, &[("Require", "100rel"), ("RSeq", "1")]);
        let prack = asking.next(&Method::PRACK);
        let prack = asking.challenge(&prack);
        assert_eq!(prack.headers.first("RAck"), Some("1 2 INVITE"));
        asking.answer(&prack, 200, false, &[]);
        asking.offer();
        let update = asking.next(&Method::UPDATE);
        let update = asking.challenge(&update);
        asking.answer(&update, 200, true, &[]);
        asking.answer(&invite, 200, false, &[]);
        let ack = asking.next(&Method::ACK);
        assert_eq!(asking.proof(&ack_as_invite(&ack)).0, "asked-1", "RFC 3261 13.2.2.4");
        asking.offer();
        let reinvite = asking.next(&Method::INVITE);
        let reinvite = asking.challenge(&reinvite);
        asking.answer(&reinvite, 200, true, &[]);
        let ack = asking.next(&Method::ACK);
        assert_eq!(number(&ack), number(&reinvite));
        let name = by.names().1;
        assert_eq!(ack.headers.first(name), reinvite.headers.first(name), "RFC 3261 13.2.2.4");
        let bye = asking.hang_up();
        let bye = asking.challenge(&bye);
        asking.answer(&bye, 200, false, &[]);
        asking.script.run(Duration::from_secs(100));
        assert!(asking.script.requests().is_empty());
    }
}

/// The credentials of an ACK are those of its INVITE, and proven over that method.
fn ack_as_invite(ack: &Request) -> Request {
    Request { method: Method::INVITE, ..ack.clone() }
}

#[test]
fn the_nonce_told_by_any_final_response_is_used_next() {
    for by in [As::Proxy, As::End] {
        let (mut asking, invite) = Asking::called(by);
        let invite = asking.challenge(&invite);
        let info = by.names().2;
        asking.answer(&invite, 200, true, &[(info, "nextnonce=\"after-invite\"")]);
        asking.next(&Method::ACK);
        asking.offer();
        let reinvite = asking.next(&Method::INVITE);
        assert_eq!(asking.proof(&reinvite), ("after-invite".into(), 1));
        // RFC 7616 3.5: in a refusal, too.
        asking.answer(&reinvite, 488, false, &[(info, "nextnonce=\"after-reinvite\"")]);
        let bye = asking.hang_up();
        assert_eq!(asking.proof(&bye), ("after-reinvite".into(), 1));
        asking.answer(&bye, 200, false, &[(info, "nextnonce=\"after-bye\"")]);
        // What the account sends next.
        place(&mut asking.script);
        let invite = asking.next(&Method::INVITE);
        assert_eq!(asking.proof(&invite), ("after-bye".into(), 1));
    }
}

#[test]
fn a_nonce_told_with_a_wrong_proof_is_not_used() {
    let mut asking = Asking::talking(As::Proxy);
    asking.offer();
    let reinvite = asking.next(&Method::INVITE);
    let shown = Credentials::parse(reinvite.headers.first("Proxy-Authorization").unwrap()).unwrap();
    let qop = shown.qop.as_ref().unwrap();
    let info = format!(
        "rspauth=\"{}\", qop=auth, cnonce=\"{}\", nc={:08x}, nextnonce=\"poisoned\"",
        "0".repeat(64),
        qop.cnonce,
        qop.nc
    );
    asking.answer(&reinvite, 200, true, &[("Proxy-Authentication-Info", &info)]);
    asking.next(&Method::ACK);
    let bye = asking.hang_up();
    assert_eq!(asking.proof(&bye), ("asked-1".into(), 3));
}

#[test]
fn an_ack_that_goes_past_the_own_server_shows_nothing() {
    let (mut asking, invite) = Asking::called(As::Proxy);
    let invite = asking.challenge(&invite);
    let mut ok = Response::to(&invite, 200, Some("server"));
    ok.headers.add("Contact", "<sip:bob@203.0.113.9>");
    ok.set_body("application/sdp", their_sdp(7000).to_bytes());
    asking.script.send(&ok.to_bytes());
    asking.script.run(Duration::from_millis(50));
    let (to, ack) = asking.script.request_to();
    assert_eq!((to.as_str(), ack.method), ("203.0.113.9:5060", Method::ACK));
    assert_eq!(ack.headers.first("Proxy-Authorization"), None);
}
