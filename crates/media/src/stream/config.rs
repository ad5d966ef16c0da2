//! What a stream is told once: the formats agreed on, and what makes it itself.

use thiserror::Error;

use crate::codec::{CodecError, PayloadFormat, TelephoneEvent};

/// What was negotiated, and what makes this stream itself.
#[derive(Debug, Clone)]
pub struct StreamConfig {
    /// What to send, under the peer's payload type and with the peer's `a=fmtp`.
    pub send: PayloadFormat,
    /// What may come in, under our payload types; the preferred one first.
    pub receive: Vec<PayloadFormat>,
    /// How to send digits, under the peer's payload type; `None` makes tones of them in the sound.
    pub send_events: Option<TelephoneEvent>,
    /// How digits may come in, under our payload types.
    pub receive_events: Vec<TelephoneEvent>,
    /// Payload type of the comfort noise the peer takes (RFC 3389): pauses are sent as its description.
    pub send_comfort_noise: Option<u8>,
    /// Payload types under which comfort noise may come in.
    pub receive_comfort_noise: Vec<u8>,
    /// Length of a packet sent, milliseconds (`a=ptime`): 10, 20, 30, 40 or 60. Opus, which has no 30, makes 20 of it.
    pub packet_ms: u32,
    /// Whether the peer takes extended reports (RFC 3611).
    pub extended_reports: bool,
    /// Rate of the samples given to [`super::Stream::capture`] and [`super::Stream::playout`], Hz.
    pub sample_rate: u32,
    /// Name of this endpoint in RTCP; random per call tells nobody anything (RFC 7022).
    pub cname: String,
    /// Everything random about the stream follows from it: SSRC, first sequence number and timestamp, RTCP times.
    pub seed: u64,
}

impl StreamConfig {
    /// One codec both ways, with 20 ms packets at [`crate::DEVICE_RATE`].
    pub fn new(format: PayloadFormat, seed: u64) -> Self {
        Self {
            receive: vec![format.clone()],
            send: format,
            send_events: None,
            receive_events: Vec::new(),
            send_comfort_noise: None,
            receive_comfort_noise: Vec::new(),
            packet_ms: 20,
            extended_reports: false,
            sample_rate: crate::DEVICE_RATE,
            cname: format!("{seed:016x}"),
            seed,
        }
    }

    /// The same with telephone events under one payload type both ways.
    pub fn with_events(mut self, events: TelephoneEvent) -> Self {
        self.send_events = Some(events.clone());
        self.receive_events = vec![events];
        self
    }

    /// The same with comfort noise under one payload type both ways.
    pub fn with_comfort_noise(mut self, payload_type: u8) -> Self {
        self.send_comfort_noise = Some(payload_type);
        self.receive_comfort_noise = vec![payload_type];
        self
    }
}

/// A stream that can't be made, or a digit that can't be sent.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StreamError {
    /// The codec can't be set up.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// No payload format to receive, or a packet time or sample rate that doesn't exist.
    #[error("the stream's configuration makes no sense: {0}")]
    Config(&'static str),
    /// Too many digits wait to be sent.
    #[error("too many digits wait to be sent")]
    TooManyDigits,
}
