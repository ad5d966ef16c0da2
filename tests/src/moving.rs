//! A computer that moves from one network to another, in mid-call or between calls, and how long it is not reached.
//!
//! Tern has a network of its own, with a cable to another one where its registrar and a called party are. Moving is
//! losing the address and getting the next one, as with another Wi-Fi or a lease that ran out. Used by the tests,
//! whose limits are generous, and by the benchmark, which counts.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::actors::{Credentials, Digest, Exchange, Kamailio, Metronome, Network, Tern, TernCall, Way};
use crate::audio::speech;
use crate::{Failure, Result, Scratch};

const SOON: Duration = Duration::from_secs(20);
/// Beyond this it is not slow, it does not work.
const NEVER: Duration = Duration::from_secs(70);
const FAR: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 77, 0, 1));
const TERN: Credentials = Credentials { user: "tern", password: "a-password-for-tests" };
const CALLED: Credentials = Credentials { user: "bob", password: "another-for-tests" };

/// Two networks and who is in them.
#[derive(Debug)]
pub struct Moving {
    exchange: Kamailio,
    called: Metronome,
    here: Network,
    // Held, so that the exchange keeps its network.
    _there: Network,
    address: u8,
    folder: Scratch,
}

/// What a call lost when Tern moved.
#[derive(Debug, Clone, Copy)]
pub struct Gap {
    /// The longest time in which the other side heard nothing.
    pub there: Duration,
    /// From the last sound on the old address until the other side's sound went to the new one.
    pub here: Duration,
    /// Until the registrar had the new address.
    pub registered: Duration,
}

impl Moving {
    /// Builds both networks, or says why this machine or user may not.
    pub fn new() -> Result<Result<Self, String>> {
        let (here, there) = match (Network::new()?, Network::new()?) {
            (Ok(here), Ok(there)) => (here, there),
            (Err(why), _) | (_, Err(why)) => return Ok(Err(why)),
        };
        here.connect("uplink", &there, "downlink")?;
        there.ip(&format!("address add {FAR}/24 dev downlink"))?;
        here.ip(&format!("address add {}/24 dev uplink", local(2)))?;
        here.ip(&format!("route add default via {FAR}"))?;
        let exchange = Exchange { digest: Digest::Sha256, address: FAR, ..Exchange::default() };
        let (exchange, called) = there.enter(|| {
            let kamailio = Kamailio::start_as(&exchange, &[TERN, CALLED])?;
            let called = Metronome::start(FAR, &CALLED, kamailio.address())?;
            Ok((kamailio, called))
        })?;
        Ok(Ok(Self { exchange, called, here, _there: there, address: 2, folder: Scratch::new("move")? }))
    }

    /// A `tern` that waits for calls.
    pub fn waiting(&mut self) -> Result<TernCall> {
        let tern = self.tern()?;
        let mut waiting = self.here.enter(|| tern.answer(60, "PCMU", &speech(8_000, 1.0, 3)))?;
        waiting.wait_for("waiting", SOON)?;
        Ok(waiting)
    }

    /// A `tern` in a call, heard by the other side.
    pub fn talking(&mut self, seconds: u32) -> Result<TernCall> {
        let tern = self.tern()?;
        let begun = Instant::now();
        let voice = speech(8_000, f64::from(seconds) + 5.0, 3);
        let call = self.here.enter(|| tern.call(CALLED.user, seconds, "PCMU", &voice))?;
        self.called.wait_to_hear(local(self.address), begun, SOON).map_err(|error| said(&error, &call))?;
        Ok(call)
    }

    /// Moves, and gives the time until the registrar has the new address.
    pub fn move_idle(&mut self, tern: &TernCall) -> Result<Duration> {
        let moved = self.move_on()?;
        self.bound(tern)?;
        Ok(moved.elapsed())
    }

    /// Moves in mid-call, and gives what was lost.
    pub fn move_talking(&mut self, tern: &TernCall) -> Result<Gap> {
        let moved = self.move_on()?;
        let there = self.heard(tern, moved)?;
        let here = self.called.wait_to_aim(local(self.address), NEVER)?.saturating_duration_since(moved);
        self.bound(tern)?;
        Ok(Gap { there, here, registered: moved.elapsed() })
    }

    /// Takes the link down for a while in mid-call, and gives how long the other side heard nothing after it came back.
    pub fn lose_link(&mut self, tern: &TernCall, lost_for: Duration) -> Result<Duration> {
        self.here.ip("link set uplink down")?;
        std::thread::sleep(lost_for);
        self.here.ip("link set uplink up")?;
        // The kernel forgets the way out with the link.
        self.here.ip(&format!("route replace default via {FAR}"))?;
        let back = Instant::now();
        self.heard(tern, back)?;
        Ok(back.elapsed())
    }

    /// Calls Tern where the registrar believes it to be, and waits until it is heard.
    pub fn call_back(&mut self, tern: &TernCall) -> Result<()> {
        let begun = Instant::now();
        self.called.call(TERN.user)?;
        self.heard(tern, begun)?;
        Ok(())
    }

    fn tern(&self) -> Result<Tern> {
        let proxy = Some(self.exchange.address().to_string());
        Tern::by(&TERN, &Way { transport: "udp", proxy, dns: None, authority: None::<PathBuf>, bind: None })
    }

    /// The address goes, and the next one comes.
    fn move_on(&mut self) -> Result<Instant> {
        let old = local(self.address);
        self.address += 1;
        let new = local(self.address);
        // One run of `ip`, so that the time between is the kernel's and not that of starting programs.
        let steps = format!(
            "address del {old}/24 dev uplink\naddress add {new}/24 dev uplink\nroute replace default via {FAR}\n"
        );
        let file = self.folder.write("steps", steps)?;
        let moved = Instant::now();
        self.here.ip(&format!("-batch {}", file.display()))?;
        Ok(moved)
    }

    fn bound(&mut self, tern: &TernCall) -> Result<()> {
        let from = local(self.address);
        self.exchange.wait_to_bind(TERN.user, from, NEVER).map_err(|error| said(&error, tern))
    }

    fn heard(&self, tern: &TernCall, since: Instant) -> Result<Duration> {
        self.called.wait_to_hear(local(self.address), since, NEVER).map_err(|error| said(&error, tern))
    }
}

/// An error with what Tern has said.
fn said(error: &dyn std::fmt::Display, tern: &TernCall) -> Box<dyn std::error::Error + Send + Sync> {
    Failure(format!("{error}\n{}", tern.log())).into()
}

fn local(last: u8) -> IpAddr {
    Ipv4Addr::new(10, 77, 0, last).into()
}
