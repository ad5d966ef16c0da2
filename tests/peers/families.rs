//! Calls whose sound is in the other family of addresses than their signalling (RFC 6157).

use std::io::Write as _;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tern_sip::wire::Uri;
use tern_sip::wire::sdp::{Connection, Direction, SessionDescription};
use tern_sip::{CallConfig, CallState, Identity};
use tern_tests::Result;
use tern_tests::actors::{Agent, DOMAIN, Digest, Kamailio, Tern, TernCall};
use tern_tests::audio::{Sound, correlate_pieces, speech};

use super::{BOB, TERN};

const SOON: Duration = Duration::from_secs(30);
const SECONDS: u32 = 6;

#[test]
fn an_offer_of_the_other_family_is_answered_in_it() -> Result<()> {
    let Some(mirror) = Mirror::new("an_offer_of_the_other_family_is_answered_in_it")? else { return Ok(()) };
    let registrar = Kamailio::start(Digest::Md5, &[TERN, BOB])?;
    let voice = speech(8_000, 12.0, 61);
    let mut tern = Tern::new(&TERN, registrar.address())?.with("-v").answer(SECONDS, "PCMU", &voice)?;
    tern.wait_for("waiting", SOON)?;
    let bob = Agent::start()?;
    let (account, _) = bob.register(&BOB, registrar.address())?;
    let target = Uri::parse(&format!("sip:{}@{DOMAIN}", TERN.user)).map_err(|error| format!("{error:?}"))?;
    let offer = mirror.instead_of(bob.description(Direction::SendRecv, 1));
    let config = CallConfig::new(Identity::Account(account), target, offer);
    let call = bob.act(|endpoint, now| endpoint.call(now, config))?;
    let answer = bob.wait_for_state("an answer", call, |state| match state {
        CallState::Answered { sdp } => sdp.clone(),
        _ => None,
    })?;
    assert!(answer.to_string().contains("c=IN IP6 ::1\r\n"), "{answer}");
    mirror.is_heard(&mut tern, &voice)
}

#[test]
fn an_answer_of_the_other_family_is_followed() -> Result<()> {
    let Some(mirror) = Mirror::new("an_answer_of_the_other_family_is_followed")? else { return Ok(()) };
    let registrar = Kamailio::start(Digest::Md5, &[TERN, BOB])?;
    let bob = Agent::start()?;
    bob.register(&BOB, registrar.address())?;
    let voice = speech(8_000, 12.0, 62);
    let mut tern =
        Tern::new(&TERN, registrar.address())?.with("-v").call(BOB.user, SECONDS, "PCMU", &voice)?;
    let (call, offer) = bob.incoming()?;
    let answer = mirror.instead_of(bob.answer(offer.as_ref())?);
    bob.act(|endpoint, now| endpoint.accept(now, call, answer))?;
    let again = bob.reoffered(call)?;
    let named = again.as_ref().map(ToString::to_string).unwrap_or_default();
    assert!(named.contains("c=IN IP6 ::1\r\n"), "{named}");
    let answer = mirror.instead_of(bob.answer(again.as_ref())?);
    bob.act(|endpoint, now| endpoint.answer_reoffer(now, call, answer))?;
    mirror.is_heard(&mut tern, &voice)
}

/// A socket of the newer family that sends back what comes.
struct Mirror {
    address: SocketAddr,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Mirror {
    /// Sets one up; without IPv6 here, says so past the test's own capture of what it prints.
    fn new(test: &str) -> Result<Option<Self>> {
        let socket = match UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)) {
            Ok(socket) => socket,
            Err(why) => {
                writeln!(std::io::stderr(), "NOT RUN: {test}, it takes IPv6 on loopback: {why}")?;
                return Ok(None);
            }
        };
        socket.set_read_timeout(Some(Duration::from_millis(50)))?;
        let (address, ends) = (socket.local_addr()?, Arc::new(AtomicBool::new(false)));
        let end = ends.clone();
        let thread = std::thread::spawn(move || {
            let mut bytes = [0; 2048];
            while !end.load(Ordering::Acquire) {
                if let Ok((length, from)) = socket.recv_from(&mut bytes) {
                    // From another source than what was sent (RFC 3550 section 8.2).
                    bytes[11] ^= 0xFF;
                    let _ = socket.send_to(&bytes[..length], from);
                }
            }
        });
        Ok(Some(Self { address, ends, thread: Some(thread) }))
    }

    /// The same description with the sound here.
    fn instead_of(&self, mut sdp: SessionDescription) -> SessionDescription {
        let ip: IpAddr = self.address.ip();
        sdp.connection = Some(Connection::Ip(ip));
        for media in &mut sdp.media {
            media.connection = None;
            media.port = self.address.port();
        }
        sdp
    }

    /// Waits for the end of the call, in which one's own voice came back.
    fn is_heard(&self, tern: &mut TernCall, voice: &Sound) -> Result<()> {
        let status = tern.wait(SOON)?;
        assert!(status.success(), "{status}\n{}", tern.log());
        let heard = correlate_pieces(&voice.part(1.0, 4.0), &tern.heard()?, 0.2);
        assert!(heard.correlation > 0.75, "{heard:?}\n{}", tern.log());
        Ok(())
    }
}

impl Drop for Mirror {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
