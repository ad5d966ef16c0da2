//! The numbers a call shows while it lasts and leaves behind when it ends.

use crate::codec::CodecKind;
use crate::quality::Quality;

/// What a [`crate::Stream`] counted. All counters are since its start.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct StreamStats {
    /// The codec of the packets sent.
    pub send_codec: Option<CodecKind>,
    /// The codec of the latest packet received.
    pub receive_codec: Option<CodecKind>,
    /// RTP packets handed to the network.
    pub packets_sent: u64,
    /// RTP payload bytes handed to the network.
    pub bytes_sent: u64,
    /// RTP packets that came in from the peer, duplicates included.
    pub packets_received: u64,
    /// RTP payload bytes that came in.
    pub bytes_received: u64,
    /// Packets that never came, as RFC 3550 appendix A.3 counts: expected minus received, not below 0.
    pub packets_lost: u64,
    /// Packets that came after their time to be played.
    pub packets_late: u64,
    /// Packets that came twice.
    pub packets_duplicate: u64,
    /// Packets that came after a later one, in time or not.
    pub packets_reordered: u64,
    /// Datagrams that were no RTP or RTCP of this stream, payloads that were no audio.
    pub packets_malformed: u64,
    /// Packets dropped because a queue was full.
    pub packets_dropped: u64,
    /// Samples made up because the real ones were missing, at the codec's rate.
    pub samples_concealed: u64,
    /// Samples regained from the redundancy of the next packet, at the codec's rate.
    pub samples_recovered: u64,
    /// Samples played, at the codec's rate.
    pub samples_played: u64,
    /// Samples left out by playing faster.
    pub samples_accelerated: u64,
    /// Samples put in by playing slower.
    pub samples_expanded: u64,
    /// Interarrival jitter, RFC 3550 section 6.4.1, milliseconds.
    pub jitter_ms: f32,
    /// What a packet waits in the jitter buffer at present beyond the fastest one's arrival, milliseconds.
    pub buffer_ms: f32,
    /// What the jitter buffer aims at, milliseconds.
    pub target_ms: f32,
    /// Round trip measured by RTCP, milliseconds.
    pub round_trip_ms: Option<f32>,
    /// Share of our packets the peer lost lately, as it reports, 0..=1.
    pub peer_loss: Option<f32>,
    /// Interarrival jitter the peer sees, as it reports, milliseconds.
    pub peer_jitter_ms: Option<f32>,
    /// RTCP compounds sent.
    pub rtcp_sent: u64,
    /// RTCP compounds received.
    pub rtcp_received: u64,
    /// Level of what is sent, dB below full scale (0 is loudest, -100 silence).
    pub capture_level_db: f32,
    /// Level of what is played, likewise.
    pub playout_level_db: f32,
    /// How it sounded over the last second, once there was one.
    pub quality: Option<Quality>,
}
