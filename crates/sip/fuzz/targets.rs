//! What each fuzz target does with its bytes. Run long by `cargo xtask fuzz`, and for a moment by `cargo test`
//! (`tests/it/fuzz.rs`): whatever comes, nothing panics, and what was read can be written and read again.

use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tern_sip::offer_answer::IceFragment;
use tern_sip::wire::auth::{Challenge, Credentials};
use tern_sip::wire::digest::{self, Count, Sent};
use tern_sip::wire::sdp::SessionDescription;
use tern_sip::wire::*;
use tern_sip::{
    CallConfig, CallId, Datagram, Disconnect, Endpoint, EndpointConfig, FlowId, Identity, Listener, Login,
    Output, RegistrationConfig, Reply, Strangers, Transport,
};

/// Whole messages.
pub(crate) fn message(bytes: &[u8]) {
    match parse_datagram(bytes) {
        Ok(message) => {
            validate(&message).expect("what was read is valid");
            let headers = message.headers();
            headers.top_via().expect("a checked via is read");
            headers.from_address().expect("a checked from is read");
            headers.to_address().expect("a checked to is read");
            headers.addresses("Route").expect("a checked route is read");
            Contacts::parse(headers.all("Contact")).expect("a checked contact is read");
            let again = parse_datagram(&message.to_bytes()).expect("what was written is read");
            assert_eq!(again.body(), message.body());
            assert_eq!(again.headers().vias(), headers.vias());
            if let Ok(body) = Body::read(headers, message.body()) {
                let _ = (body.find("application/sdp").map(|part| part.bytes.len()), body.parts().len());
            }
        }
        Err(ParseError::BadRequest { code, headers, .. }) => {
            assert!((400..600).contains(&code) && headers.first("Via").is_some());
        }
        Err(ParseError::KeepAlive | ParseError::Garbage(_)) => {}
    }
}

/// Every typed header, each of which reads the same text.
pub(crate) fn headers(bytes: &[u8]) {
    fn view<V: HeaderView + PartialEq + std::fmt::Debug>(text: &str) {
        if let Ok(view) = V::parse(text) {
            let written = view.to_string();
            assert_eq!(V::parse(&written).as_ref(), Ok(&view), "{text:?} became {written:?}");
        }
    }
    let text = String::from_utf8_lossy(bytes);
    // A value as it stands in a message: on one line, without white space around it.
    let text = text.replace(['\r', '\n'], " ");
    let text = text.trim();
    view::<AlertInfo>(text);
    view::<AuthenticationInfo>(text);
    view::<CallInfo>(text);
    view::<CalledParty>(text);
    view::<ContentDisposition>(text);
    view::<ContentType>(text);
    view::<Date>(text);
    view::<Diversion>(text);
    view::<Event>(text);
    view::<FlowTimer>(text);
    view::<HistoryEntry>(text);
    view::<Join>(text);
    view::<MinSe>(text);
    view::<Privacy>(text);
    view::<RAck>(text);
    view::<RSeq>(text);
    view::<Reason>(text);
    view::<ReferSub>(text);
    view::<ReferTo>(text);
    view::<ReferredBy>(text);
    view::<Replaces>(text);
    view::<RetryAfter>(text);
    view::<SessionExpires>(text);
    view::<SubscriptionState>(text);
    view::<Warning>(text);
    if let Ok(uri) = Uri::parse(text) {
        assert_eq!(Uri::parse(&uri.to_string()).as_ref(), Ok(&uri));
        assert!(uri.equivalent(&uri));
    }
    if let Ok(address) = Address::parse(text) {
        assert_eq!(Address::parse(&address.to_string()).as_ref(), Ok(&address));
        let _ = (address.instance(), address.reg_id(), address.gruu(), address.expires(), address.tag());
    }
    if let Ok(via) = Via::parse(text) {
        assert_eq!(Via::parse(&via.to_string()).as_ref(), Ok(&via));
        let _ = via.public_address();
    }
    let _ = (Address::parse_list(text), Via::parse_list(text), CSeq::parse(text), Host::parse(text));
}

/// Session descriptions.
pub(crate) fn sdp(bytes: &[u8]) {
    if let Some(found) = IceFragment::parse(bytes, "0") {
        let again = IceFragment::parse(found.to_string().as_bytes(), &found.mid);
        assert_eq!(again.as_ref(), Some(&found));
    }
    let Ok(sdp) = SessionDescription::parse(bytes) else { return };
    assert_eq!(SessionDescription::parse(&sdp.to_bytes()).as_ref(), Ok(&sdp));
    for media in &sdp.media {
        let _ = (media.codecs(), media.ptime(), media.bandwidth("AS"));
        let _ = (sdp.connection_of(media), sdp.direction_of(media), sdp.attribute_of(media, "setup"));
    }
}

/// Digest challenges, answered and verified.
pub(crate) fn challenge(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(challenge) = Challenge::parse(&text) {
        let sent = Sent { method: &Method::REGISTER, uri: "sip:example.com", body: b"body" };
        let count = Count { cnonce: "0a4f113b".into(), nc: 1 };
        if let Some(credentials) = digest::answer(&challenge, "user", "password", sent, count) {
            let back = Credentials::parse(&credentials.to_string()).expect("what was written is read");
            assert!(digest::verify(&back, &Method::REGISTER, b"body", "password"));
            assert!(!digest::verify(&back, &Method::REGISTER, b"body", "Password"));
        }
    }
    if let Ok(credentials) = Credentials::parse(&text) {
        let _ = digest::verify(&credentials, &Method::INVITE, b"", "password");
    }
}

/// A stream in chunks; the first byte says how long they are. However it is cut, the same messages come out.
pub(crate) fn framing(bytes: &[u8]) {
    let Some((size, stream)) = bytes.split_first() else { return };
    let messages = |chunk: usize| -> (Vec<Frame>, bool) {
        let mut framer = Framer::new();
        let mut frames = Vec::new();
        for chunk in stream.chunks(chunk) {
            framer.push(chunk);
            frames.extend(std::iter::from_fn(|| framer.next_frame()));
        }
        // How many line ends came at once is told, and differs with the chunks.
        frames.retain(|frame| !matches!(frame, Frame::Ping | Frame::Pong));
        let inside = framer.is_inside_a_message();
        (frames, inside)
    };
    let whole = messages(stream.len().max(1));
    assert_eq!(messages(usize::from(*size).max(1)), whole);
}

/// An endpoint with an account and calls. The bytes are a script: messages of the peer made from what the endpoint
/// sent, with some bytes changed, and commands of the application.
pub(crate) fn endpoint(bytes: &[u8]) {
    Peer::new().play(bytes);
}

const LOCAL: &str = "192.0.2.1:5060";
const REMOTE: &str = "192.0.2.9:5060";
const SDP: &str =
    "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 8\r\n";
/// Steps of a script; longer ones find nothing that shorter ones do not.
const MAX_STEPS: usize = 64;

struct Peer {
    endpoint: Endpoint,
    now: Instant,
    local: SocketAddr,
    remote: SocketAddr,
    /// The latest requests of the endpoint.
    requests: Vec<Request>,
    calls: Vec<CallId>,
    flows: Vec<FlowId>,
    cseq: u32,
}

/// The bytes of a script, read from the front.
struct Script<'a>(&'a [u8]);

impl Script<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn take(&mut self, length: usize) -> Vec<u8> {
        let (taken, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        taken.to_vec()
    }

    /// Changes up to seven bytes.
    fn edit(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..self.byte().unwrap_or_default() % 8 {
            let (Some(high), Some(low), Some(new)) = (self.byte(), self.byte(), self.byte()) else { return };
            let at = usize::from(high) * 256 + usize::from(low);
            if let Some(slot) = bytes.get_mut(at) {
                *slot = new;
            } else {
                bytes.push(new);
            }
        }
    }
}

impl Peer {
    fn new() -> Peer {
        let (local, remote): (SocketAddr, SocketAddr) = (LOCAL.parse().unwrap(), REMOTE.parse().unwrap());
        let listeners = vec![Listener { transport: Transport::Udp, address: local }];
        let config = EndpointConfig {
            listeners,
            strangers: Strangers::Accept,
            flood: None,
            ..EndpointConfig::default()
        };
        let mut endpoint = Endpoint::new(config);
        let now = Instant::now();
        let aor = Uri::parse("sip:alice@192.0.2.9").unwrap();
        let account = endpoint.register(now, RegistrationConfig::new(aor, Login::new("alice", "secret")));
        let mut peer = Peer {
            endpoint,
            now,
            local,
            remote,
            requests: Vec::new(),
            calls: Vec::new(),
            flows: Vec::new(),
            cseq: 1,
        };
        peer.call(Identity::Account(account));
        peer
    }

    fn call(&mut self, identity: Identity) {
        let offer = SessionDescription::parse(SDP.as_bytes()).unwrap();
        let target = Uri::parse("sip:bob@192.0.2.9").unwrap();
        self.calls.extend(self.endpoint.call(self.now, CallConfig::new(identity, target, offer)));
        self.drain();
    }

    fn play(&mut self, bytes: &[u8]) {
        let mut script = Script(bytes);
        for _ in 0..MAX_STEPS {
            let Some(step) = script.byte() else { break };
            match step % 8 {
                0 => {
                    let length = usize::from(script.byte().unwrap_or_default());
                    let bytes = script.take(length);
                    self.deliver(&bytes);
                }
                1 | 2 => self.respond(&mut script),
                3 => self.request(&mut script, true),
                4 => self.request(&mut script, false),
                5 => self.wait(1 << (script.byte().unwrap_or_default() % 17)),
                6 => self.command(&mut script),
                _ => self.stream(&mut script),
            }
            self.drain();
        }
        self.end();
    }

    /// A response to one of the latest requests.
    fn respond(&mut self, script: &mut Script<'_>) {
        let code = 100 + u16::from(script.byte().unwrap_or_default()) * 2;
        let back = usize::from(script.byte().unwrap_or_default() % 4) + 1;
        let Some(request) = self.requests.iter().rev().nth(back - 1) else { return };
        let mut response = Response::to(request, code, Some(["x", "y"][usize::from(code > 180)]));
        response.headers.add("Contact", "<sip:bob@192.0.2.9:5060>;expires=60");
        match code {
            401 | 407 => {
                let name = if code == 401 { "WWW-Authenticate" } else { "Proxy-Authenticate" };
                response.headers.add(name, "Digest realm=\"r\", nonce=\"n\", qop=\"auth\"");
            }
            101..300 if request.method == Method::INVITE => {
                response.headers.add("Require", "100rel");
                response.headers.add("RSeq", code.to_string());
                response.set_body("application/sdp", SDP.as_bytes().to_vec());
            }
            _ => {}
        }
        let mut bytes = response.to_bytes();
        script.edit(&mut bytes);
        self.deliver(&bytes);
    }

    /// A request of the peer: in the dialog of one of the endpoint's requests, or on its own.
    fn request(&mut self, script: &mut Script<'_>, inside: bool) {
        const METHODS: [Method; 12] = [
            Method::INVITE,
            Method::ACK,
            Method::BYE,
            Method::CANCEL,
            Method::UPDATE,
            Method::PRACK,
            Method::INFO,
            Method::REFER,
            Method::NOTIFY,
            Method::MESSAGE,
            Method::OPTIONS,
            Method::SUBSCRIBE,
        ];
        let method = METHODS[usize::from(script.byte().unwrap_or_default()) % METHODS.len()].clone();
        let uri = Uri::parse("sip:alice@192.0.2.1:5060").unwrap();
        let mut request = Request::new(method.clone(), uri);
        let like = self.requests.iter().rev().find(|r| r.method == Method::INVITE);
        let headers = &mut request.headers;
        let known = script.byte().unwrap_or_default() % 4;
        // A CANCEL or ACK goes with the request before it.
        if !matches!(method, Method::CANCEL | Method::ACK) {
            self.cseq += 1;
        }
        headers.add("Via", format!("SIP/2.0/UDP 192.0.2.9:5060;rport;branch=z9hG4bK{}", self.cseq));
        match like.filter(|_| inside) {
            Some(like) => {
                headers.add("Call-ID", like.headers.first("Call-ID").unwrap_or_default());
                headers.add("To", like.headers.first("From").unwrap_or_default());
                headers.add("From", "<sip:bob@192.0.2.9>;tag=x");
            }
            None => {
                headers.add("Call-ID", format!("own-{known}"));
                headers.add("To", "<sip:alice@192.0.2.9>");
                headers.add("From", format!("<sip:bob@192.0.2.9>;tag=own{known}"));
            }
        }
        headers.add("CSeq", format!("{} {method}", self.cseq));
        headers.add("Contact", "<sip:bob@192.0.2.9:5060>");
        headers.add("Supported", "100rel, timer, replaces");
        headers.add("Event", "refer");
        headers.add("Subscription-State", "active;expires=60");
        headers.add("Refer-To", "<sip:carol@192.0.2.9?Replaces=own-1%3Bto-tag%3D1%3Bfrom-tag%3D2>");
        headers.add("RAck", "1 1 INVITE");
        headers.add("Session-Expires", "90;refresher=uac");
        if matches!(method, Method::INVITE | Method::UPDATE | Method::ACK) && known != 3 {
            request.set_body("application/sdp", SDP.as_bytes().to_vec());
        }
        let mut bytes = request.to_bytes();
        script.edit(&mut bytes);
        self.deliver(&bytes);
    }

    fn command(&mut self, script: &mut Script<'_>) {
        let (what, which) = (script.byte().unwrap_or_default(), script.byte().unwrap_or_default());
        let call = self.calls.iter().rev().nth(usize::from(which % 4)).copied();
        let (Some(call), now) = (call, self.now) else { return };
        let sdp = SessionDescription::parse(SDP.as_bytes()).unwrap();
        // What may not be done now is refused; that is no concern here.
        let _ = match what % 8 {
            0 => self.endpoint.ring(now, call),
            1 => self.endpoint.accept(now, call, sdp),
            2 => self.endpoint.reject(now, call, Reply::new(486)),
            3 => self.endpoint.hang_up(now, call),
            4 => self.endpoint.answer_reoffer(now, call, sdp),
            5 => self.endpoint.reject_reoffer(now, call, Reply::new(488)),
            6 => self.endpoint.transfer(now, call, Uri::parse("sip:carol@192.0.2.9").unwrap()),
            _ => {
                let from = Address::new(Uri::parse("sip:alice@192.0.2.1").unwrap());
                self.call(Identity::Plain { from, login: None });
                Ok(())
            }
        };
    }

    fn stream(&mut self, script: &mut Script<'_>) {
        let what = script.byte().unwrap_or_default();
        match (what % 4, self.flows.last().copied()) {
            (0, Some(flow)) => {
                self.flows.pop();
                self.endpoint.disconnected(self.now, flow, Disconnect::Closed);
            }
            (1 | 2, Some(flow)) => {
                let bytes = script.take(usize::from(what));
                self.endpoint.handle_stream(self.now, flow, &bytes);
            }
            _ => self.flows.push(self.endpoint.accepted(self.now, Transport::Tcp, self.local, self.remote)),
        }
    }

    fn deliver(&mut self, bytes: &[u8]) {
        let datagram = Datagram { local: self.local, remote: self.remote, bytes };
        self.endpoint.handle_datagram(self.now, datagram);
    }

    fn wait(&mut self, milliseconds: u64) {
        self.now += Duration::from_millis(milliseconds);
        self.endpoint.handle_timeout(self.now);
    }

    fn drain(&mut self) {
        while let Some(output) = self.endpoint.poll() {
            match output {
                Output::Transmit { bytes, .. } | Output::Write { bytes, .. } => {
                    // Keep-alives are no messages.
                    if let Ok(Message::Request(request)) = parse_datagram(&bytes) {
                        self.requests.push(request);
                    }
                    let old = self.requests.len().saturating_sub(8);
                    self.requests.drain(..old);
                }
                Output::Connect { flow, .. } => {
                    self.endpoint.disconnected(self.now, flow, Disconnect::Refused)
                }
                Output::Close { flow } => self.flows.retain(|known| *known != flow),
                Output::Event(tern_sip::Event::IncomingCall { call, .. }) => self.calls.push(call),
                _ => {}
            }
        }
    }

    /// All calls end, and nothing of them is left.
    fn end(&mut self) {
        for call in std::mem::take(&mut self.calls) {
            let _ = self.endpoint.hang_up(self.now, call);
            self.drain();
        }
        for _ in 0..200 {
            self.wait(2000);
            self.drain();
        }
        assert_eq!(self.endpoint.stats().calls, 0, "calls are left");
    }
}
