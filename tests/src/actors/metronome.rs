//! A called party that says the same short sound fifty times a second and notes when it hears something.
//!
//! What a call loses while a network changes can be read from it to the packet.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tern_sip::offer_answer::{Agreed, agree, answer, offer};
use tern_sip::wire::Uri;
use tern_sip::wire::sdp::{Direction, SessionDescription};
use tern_sip::{CallConfig, CallId, CallState, Endpoint, Event, Identity, RegistrationId};

use super::agent::capabilities;
use super::{Agent, Credentials, DOMAIN};
use crate::Result;

/// One packet's time.
pub const BEAT: Duration = Duration::from_millis(20);

/// A phone that takes every call and every new offer.
#[derive(Debug)]
pub struct Metronome {
    agent: Agent,
    account: RegistrationId,
    sound: Arc<Sound>,
    threads: Vec<JoinHandle<()>>,
}

/// A packet that came in.
#[derive(Debug, Clone, Copy)]
pub struct Heard {
    /// When.
    pub at: Instant,
    /// From where.
    pub from: SocketAddr,
}

#[derive(Debug)]
struct Sound {
    socket: UdpSocket,
    offer: SessionDescription,
    /// Where its sound goes, and since when.
    towards: Mutex<Option<(SocketAddr, Instant)>>,
    heard: Mutex<Vec<Heard>>,
    stopped: AtomicBool,
}

impl Metronome {
    /// Starts one at an address and registers it.
    pub fn start(at: IpAddr, account: &Credentials, registrar: SocketAddr) -> Result<Self> {
        let socket = UdpSocket::bind((at, 0))?;
        socket.set_read_timeout(Some(Duration::from_millis(100)))?;
        let here = socket.local_addr()?;
        let sound = Arc::new(Sound {
            socket,
            offer: offer(&capabilities(here, Direction::SendRecv, 0)),
            towards: Mutex::new(None),
            heard: Mutex::new(Vec::new()),
            stopped: AtomicBool::new(false),
        });
        let (talking, hearing, agreeing) = (Arc::clone(&sound), Arc::clone(&sound), Arc::clone(&sound));
        let threads =
            vec![std::thread::spawn(move || talking.talk()), std::thread::spawn(move || hearing.hear())];
        let mut version = 0;
        let agent = Agent::start_at(
            at,
            |_| {},
            move |endpoint, now, event| {
                version += 1;
                agreeing.on_event(endpoint, now, event, here, version);
            },
        )?;
        let (account, _) = agent.register(account, registrar)?;
        Ok(Self { agent, account, sound, threads })
    }

    /// Calls somebody of its own domain.
    pub fn call(&self, user: &str) -> Result<CallId> {
        let target = Uri::parse(&format!("sip:{user}@{DOMAIN}")).map_err(|error| format!("{error:?}"))?;
        let config = CallConfig::new(Identity::Account(self.account), target, self.sound.offer.clone());
        Ok(self.agent.act(|endpoint, now| endpoint.call(now, config))?)
    }

    /// Everything heard so far.
    pub fn heard(&self) -> Vec<Heard> {
        self.sound.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until its own sound goes to an address, and gives since when.
    pub fn wait_to_aim(&self, at: IpAddr, within: Duration) -> Result<Instant> {
        let deadline = Instant::now() + within;
        loop {
            let towards = *self.sound.lock();
            if let Some((_, since)) = towards.filter(|(towards, _)| towards.ip() == at) {
                return Ok(since);
            }
            if Instant::now() > deadline {
                let text = format!("never told to talk to {at}, but to {towards:?}\n{}", self.agent.log());
                return Err(crate::Failure(text).into());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until a packet comes from an address, and gives the longest silence since `since`, up to then.
    ///
    /// # Errors
    /// When none comes in time; with every SIP message.
    pub fn wait_to_hear(&self, from: IpAddr, since: Instant, within: Duration) -> Result<Duration> {
        let deadline = Instant::now() + within;
        loop {
            let heard = self.heard();
            // One packet may be a straggler; three in a row are a call again.
            let new: Vec<&Heard> = heard.iter().filter(|h| h.at > since && h.from.ip() == from).collect();
            if let Some(third) = new.get(2) {
                return Ok(longest_silence(&heard, since, third.at));
            }
            if Instant::now() > deadline {
                let last = heard.last().map(|h| (h.from, h.at.saturating_duration_since(since)));
                let text = format!("nothing heard from {from}, last {last:?}\n{}", self.agent.log());
                return Err(crate::Failure(text).into());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Metronome {
    fn drop(&mut self) {
        self.sound.stopped.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// The longest time between two packets that ends after `since`, up to `until`.
fn longest_silence(heard: &[Heard], since: Instant, until: Instant) -> Duration {
    heard
        .windows(2)
        .filter(|pair| pair[1].at > since && pair[1].at <= until)
        .map(|pair| pair[1].at - pair[0].at)
        .max()
        .unwrap_or_default()
}

impl Sound {
    fn on_event(&self, endpoint: &mut Endpoint, now: Instant, event: &Event, here: SocketAddr, version: u64) {
        let reply = |offer: &Option<SessionDescription>| {
            answer(offer.as_ref()?, &capabilities(here, Direction::SendRecv, version)).ok()
        };
        // A call that is over before it is answered needs no answer.
        match event {
            Event::IncomingCall { call, offer, .. } => {
                if let Some((sdp, agreed)) = reply(offer) {
                    self.aim(&agreed);
                    let _ = endpoint.accept(now, *call, sdp);
                }
            }
            Event::Reoffer { call, offer } => {
                if let Some((sdp, agreed)) = reply(offer) {
                    self.aim(&agreed);
                    let _ = endpoint.answer_reoffer(now, *call, sdp);
                }
            }
            Event::Call { state: CallState::Answered { sdp: Some(sdp) }, .. } => {
                if let Ok(agreed) = agree(&self.offer, sdp) {
                    self.aim(&agreed);
                }
            }
            _ => {}
        }
    }

    fn aim(&self, agreed: &Agreed) {
        *self.lock() = agreed.remote.map(|remote| (remote, Instant::now()));
    }

    fn lock(&self) -> MutexGuard<'_, Option<(SocketAddr, Instant)>> {
        self.towards.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// RFC 3550 5.1: version 2, payload type 0; the sound is a loud square wave of 400 Hz in u-law.
    fn talk(&self) {
        let mut packet = vec![0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7];
        packet.extend((0..160).map(|n| if n / 10 % 2 == 0 { 0x90 } else { 0x10 }));
        let mut next = Instant::now();
        for beat in 0_u32.. {
            if self.stopped.load(Ordering::Relaxed) {
                return;
            }
            packet[2..4].copy_from_slice(&(beat as u16).to_be_bytes());
            packet[4..8].copy_from_slice(&beat.wrapping_mul(160).to_be_bytes());
            let towards = *self.lock();
            if let Some((towards, _)) = towards {
                // Nobody there, or no way there: that is what these tests are about.
                let _ = self.socket.send_to(&packet, towards);
            }
            next += BEAT;
            std::thread::sleep(next.saturating_duration_since(Instant::now()));
        }
    }

    fn hear(&self) {
        let mut packet = [0; 2048];
        while !self.stopped.load(Ordering::Relaxed) {
            if let Ok((length, from)) = self.socket.recv_from(&mut packet)
                && length > 12
            {
                let heard = Heard { at: Instant::now(), from };
                self.heard.lock().unwrap_or_else(PoisonError::into_inner).push(heard);
            }
        }
    }
}
