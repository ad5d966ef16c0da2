//! One more call among all others, whose sound is listened to: what is lost, and how late the echo is.

use std::{
    fmt,
    net::UdpSocket,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

use crate::{
    calls::{Scratch, sipp},
    target::Target,
};

const PACKET: Duration = Duration::from_millis(20);
/// Beyond it a listener's buffer would run dry now and then.
const LATEST: Duration = Duration::from_millis(20);
const MAX_LOST_PERCENT: f64 = 0.5;

/// What was heard.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Heard {
    lost_percent: f64,
    median: Duration,
    /// Nineteen of twenty are not later.
    late: Duration,
}

impl Heard {
    /// Whether a person would notice nothing.
    pub(crate) fn is_good(&self) -> bool {
        self.lost_percent <= MAX_LOST_PERCENT && self.late <= LATEST
    }
}

impl fmt::Display for Heard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (median, late) = (self.median.as_secs_f64() * 1e3, self.late.as_secs_f64() * 1e3);
        write!(f, "{:.2} % lost, median {median:.1} ms, 95 % within {late:.1} ms", self.lost_percent)
    }
}

/// Calls the echo and listens for so many seconds.
pub(crate) fn echo(target: &Target, seconds: u32) -> Result<Heard> {
    let scratch = Scratch::new()?;
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    let port = socket.local_addr()?.port().to_string();
    let mut call = sipp(target, &scratch.0, &port, None)?;
    let talk = seconds.saturating_add(2).saturating_mul(1000).to_string();
    let mut call = call.args(["-m", "1", "-d", &talk, "-timeout", "60"]).spawn()?;
    let there = find_port(&scratch);
    let heard = there.and_then(|port| listen(&socket, port, seconds));
    let _ = call.wait();
    heard
}

/// Where the sandbox wants the sound, as SIPp has written it down.
fn find_port(scratch: &Scratch) -> Result<u16> {
    let deadline = Instant::now() + Duration::from_secs(20);
    while Instant::now() < deadline {
        let log = std::fs::read_to_string(scratch.0.join("calls.log")).unwrap_or_default();
        if let Some(port) = log.split_whitespace().last().and_then(|word| word.parse().ok()) {
            return Ok(port);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    anyhow::bail!("the call that listens was not answered")
}

fn listen(socket: &UdpSocket, port: u16, seconds: u32) -> Result<Heard> {
    socket.set_read_timeout(Some(Duration::from_millis(2)))?;
    let packets = seconds.saturating_mul(50);
    let mut sent: Vec<Instant> = Vec::new();
    let mut delays: Vec<Option<Duration>> = Vec::new();
    // Sequence numbers of the echo begin elsewhere: what comes back is told by its payload.
    let mut buffer = [0; 2048];
    let start = Instant::now();
    loop {
        let due = start + PACKET * u32::try_from(sent.len()).unwrap_or(u32::MAX);
        let now = Instant::now();
        if sent.len() < packets as usize && now >= due {
            let number = u32::try_from(sent.len()).unwrap_or(0);
            let mut packet = vec![0x80, 0];
            packet.extend_from_slice(&(number as u16).to_be_bytes());
            packet.extend_from_slice(&number.wrapping_mul(160).to_be_bytes());
            packet.extend_from_slice(&7_u32.to_be_bytes());
            packet.extend_from_slice(&number.to_be_bytes());
            packet.resize(172, 0xFF);
            socket.send_to(&packet, ("127.0.0.1", port))?;
            sent.push(now);
            delays.push(None);
        }
        if let Ok((length, _)) = socket.recv_from(&mut buffer) {
            let number = buffer.get(..length).and_then(|packet| packet.get(12..16)?.try_into().ok());
            let place = number.map_or(usize::MAX, |bytes| u32::from_be_bytes(bytes) as usize);
            if let (Some(at), Some(delay)) = (sent.get(place), delays.get_mut(place)) {
                *delay = Some(at.elapsed());
            }
        }
        if sent.len() >= packets as usize && now > due + Duration::from_secs(1) {
            break;
        }
    }
    let mut came: Vec<Duration> = delays.iter().flatten().copied().collect();
    came.sort();
    let at = |share: usize| came.get(came.len().saturating_sub(1) * share / 100).copied();
    let lost = delays.len().saturating_sub(came.len());
    Ok(Heard {
        lost_percent: lost as f64 * 100.0 / delays.len().max(1) as f64,
        median: at(50).context("nothing was heard")?,
        late: at(95).context("nothing was heard")?,
    })
}
