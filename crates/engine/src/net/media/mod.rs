//! A call's sound: two UDP sockets, and the thread that owns them together with the media session.
//!
//! Invariant: nothing here waits for the engine. Figures that it has no time for are dropped; only the last ones of
//! a call are sure to arrive.

mod peer;
mod sockets;
mod thread;

use std::{
    io,
    net::{IpAddr, SocketAddr, UdpSocket},
    sync::{Arc, mpsc as commands},
};

use tern_media::StreamStats;
use tokio::sync::mpsc;

use self::{
    sockets::{Sockets, pair},
    thread::Sounding,
};
use crate::{
    api::{CallId, CallStatsView},
    core::{Input, MediaPlan},
    ports::Audio,
};

/// Commands that may wait for the thread.
const COMMANDS: usize = 64;

/// A call's sockets, and its thread once there is something to hear.
pub(crate) struct CallSound {
    /// Until the thread takes them.
    sockets: Option<(UdpSocket, UdpSocket)>,
    commands: Option<commands::SyncSender<Say>>,
}

enum Say {
    Plan(Box<MediaPlan>),
    Sockets(Box<Sockets>),
    Mute(bool),
    Digit(char),
}

impl CallSound {
    /// Opens RTP and RTCP on neighbouring ports of `ip`.
    pub(crate) fn open(ip: IpAddr) -> io::Result<(Self, SocketAddr)> {
        let (rtp, rtcp) = pair(ip)?;
        let address = rtp.local_addr()?;
        Ok((Self { sockets: Some((rtp, rtcp)), commands: None }, address))
    }

    /// Moves to sockets on another local address, at once: what is heard and said goes on there.
    pub(crate) fn reopen(&mut self, ip: IpAddr) -> io::Result<SocketAddr> {
        let (rtp, rtcp) = pair(ip)?;
        let address = rtp.local_addr()?;
        match &self.commands {
            Some(_) => self.say(Say::Sockets(Box::new(Sockets::new(rtp, rtcp)?))),
            None => self.sockets = Some((rtp, rtcp)),
        }
        Ok(address)
    }

    /// Starts the sound, or changes it.
    pub(crate) fn run(
        &mut self,
        call: &CallId,
        plan: Box<MediaPlan>,
        audio: &Arc<dyn Audio>,
        inputs: &mpsc::Sender<Input>,
    ) {
        let Some((rtp, rtcp)) = self.sockets.take() else {
            return self.say(Say::Plan(plan));
        };
        let sockets = match Sockets::new(rtp, rtcp) {
            Ok(sockets) => sockets,
            Err(error) => return tracing::error!(%error, "no sockets for a call"),
        };
        let (say, said) = commands::sync_channel(COMMANDS);
        let thread = Sounding { call: call.clone(), sockets, said, inputs: inputs.clone() };
        let audio = audio.clone();
        let spawned = std::thread::Builder::new()
            .name("tern-call".into())
            .spawn(move || thread.run(plan, audio.as_ref()));
        match spawned {
            Ok(_) => self.commands = Some(say),
            Err(error) => tracing::error!(%error, "no thread for a call"),
        }
    }

    /// Mutes or unmutes.
    pub(crate) fn mute(&self, muted: bool) {
        self.say(Say::Mute(muted));
    }

    /// Sends a digit.
    pub(crate) fn digit(&self, digit: char) {
        self.say(Say::Digit(digit));
    }

    /// Whether a thread runs that will tell its last figures once this is dropped.
    pub(crate) fn is_running(&self) -> bool {
        self.commands.is_some()
    }

    fn say(&self, say: Say) {
        if let Some(commands) = &self.commands {
            // A thread that has ended hears nothing; one with a full queue is beyond help.
            let _ = commands.try_send(say);
        }
    }
}

/// The figures as a window shows them.
pub(crate) fn figures(stats: &StreamStats) -> CallStatsView {
    let count = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    let codec = stats.send_codec.or(stats.receive_codec);
    let rate = u64::from(stats.receive_codec.map_or(48_000, |c| c.sample_rate()));
    CallStatsView {
        codec: codec.map_or(String::new(), |c| c.name().to_owned()),
        packets_sent: count(stats.packets_sent),
        packets_received: count(stats.packets_received),
        packets_lost: count(stats.packets_lost),
        concealed_ms: count(stats.samples_concealed.saturating_mul(1000) / rate),
        jitter_ms: stats.jitter_ms,
        round_trip_ms: stats.round_trip_ms,
        level_in: loudness(stats.capture_level_db),
        level_out: loudness(stats.playout_level_db),
        quality: None,
    }
}

/// -60 dB below full scale and less is nothing, full scale is 1.
fn loudness(db: f32) -> f32 {
    ((db + 60.0) / 60.0).clamp(0.0, 1.0)
}
