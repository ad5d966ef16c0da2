//! Call audio: everything between a microphone and an RTP packet, and between an RTP packet and a loudspeaker.
//!
//! The pipeline is pure. Samples and packets go in and come out, the time is an argument, randomness comes from
//! a seed; so a call of ten minutes runs in a test in a second. Sound cards stand behind the `device` feature.
//!
//! The usual owner is one thread for all calls, which owns a [`Desk`]:
//!
//! ```text
//! loop {
//!     if let Some(datagram) = socket.recv(until: wake) { desk.leg(id).receive(now, datagram) }
//!     wake = desk.tick(now);
//!     while let Some(packet) = desk.leg(id).poll_packet() { socket.send(packet) }
//!     while let Some(event) = desk.poll_event() { tell the call }
//! }
//! ```
//!
//! What deliberately isn't here: sockets, SDP, and the choice of codecs; their results come in as
//! [`StreamConfig`].

#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod codec;
mod conceal;
mod desk;
pub mod device;
pub mod dtmf;
mod error;
pub mod io;
pub mod jitter;
mod level;
mod oggopus;
pub mod path;
mod patience;
mod pitch;
mod playout;
pub mod process;
pub mod quality;
mod reading;
pub mod recorder;
mod report;
pub mod resample;
pub mod rtcp;
pub mod rtp;
pub mod secure;
mod stats;
mod stream;
mod stretch;
pub mod tone;
mod track;
pub mod wav;
pub mod xr;

pub use codec::{
    COMFORT_NOISE, CodecKind, PayloadFormat, TelephoneEvent, supported_formats, supported_telephone_events,
};
pub use desk::{CheckLevels, Desk, DeskEvent, HoldSound, Leg, LegId, LegMode, Limiter, Player, hold_music};
pub use dtmf::Digit;
pub use error::{AudioError, Direction, Fault};
pub use io::{Sink, SinkSpec, Source, SourceSpec};
pub use process::{ProcessConfig, ProcessStats, Processor};
pub use quality::{Expected, Quality};
pub use recorder::{Finishing, RecordFormat, Recorder};
pub use stats::StreamStats;
pub use stream::{Packet, PacketKind, Stream, StreamConfig, StreamError, StreamEvent};
pub use tone::{NationalTones, Tone};

/// The rate every [`Source`], [`Sink`] and sound card of this crate works at, in Hz: mono, `f32` in -1..=1.
pub const DEVICE_RATE: u32 = 48_000;
