//! How an account's calls sound and travel, and how well they do.

use serde::{Deserialize, Serialize};
use specta::Type;

use super::Secret;

/// How an account's calls sound and travel; what isn't given is as in [`MediaOptions::default`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase", default)]
pub struct MediaOptions {
    /// Whether calls are encrypted.
    pub security: MediaSecurity,
    /// How the keys of encrypted calls are agreed.
    pub keying: MediaKeying,
    /// The codecs to use, by their rtpmap names (`opus`, `G722`, `PCMU`, `PCMA`), the best first; none named
    /// is all.
    pub codecs: Vec<String>,
    /// Length of a packet in ms: 10, 20, 30, 40 or 60; `None` is 20.
    pub packet_ms: Option<u32>,
    /// How digits go out.
    pub dtmf: DtmfWay,
    /// Whether ways for the sound are looked for by ICE (RFC 8445).
    pub ice: bool,
    /// `host[:port]` of a STUN server.
    pub stun_server: Option<String>,
    /// A TURN server.
    pub turn_server: Option<TurnServer>,
}

/// Whether calls are encrypted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum MediaSecurity {
    /// Never.
    Off,
    /// Where the other side can.
    #[default]
    Preferred,
    /// Always: a call that can't be is none.
    Required,
}

/// How the keys of encrypted calls are agreed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum MediaKeying {
    /// As the other side can.
    #[default]
    Auto,
    /// In the signalling (RFC 4568).
    Sdes,
    /// Beside the sound (RFC 5763).
    Dtls,
}

/// How digits go out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum DtmfWay {
    /// As events where the other side takes them, else as tones where the codec leaves them whole, else by INFO.
    #[default]
    Auto,
    /// As events in the sound's stream (RFC 4733).
    Rfc4733,
    /// In the signalling (INFO).
    Info,
    /// As tones in the sound.
    InBand,
}

/// A TURN server (RFC 8656) and whom it knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct TurnServer {
    /// `host[:port]`, or a URI: `turn:host[:port][?transport=udp|tcp]`, `turns:host[:port]` (RFC 7065). Without a port
    /// the DNS may name servers for it (RFC 5928). Without a transport it is asked by UDP, and by TCP where that is not
    /// answered.
    pub server: String,
    /// The user.
    pub user: String,
    /// Its password.
    pub password: Secret,
}

/// What stands in place of the accounts' own options for as long as an engine runs; `None` leaves theirs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MediaOverrides {
    /// As [`MediaOptions::security`].
    pub security: Option<MediaSecurity>,
    /// As [`MediaOptions::keying`].
    pub keying: Option<MediaKeying>,
    /// As [`MediaOptions::codecs`].
    pub codecs: Option<Vec<String>>,
    /// As [`MediaOptions::packet_ms`].
    pub packet_ms: Option<u32>,
    /// As [`MediaOptions::dtmf`].
    pub dtmf: Option<DtmfWay>,
    /// As [`MediaOptions::ice`].
    pub ice: Option<bool>,
    /// As [`MediaOptions::stun_server`].
    pub stun_server: Option<String>,
    /// As [`MediaOptions::turn_server`].
    pub turn_server: Option<TurnServer>,
    /// Whether anything is done to what the microphone hears, in place of the three switches of the settings.
    pub processing: Option<bool>,
}

impl MediaOverrides {
    /// An account's options with these in their place.
    pub(crate) fn over(&self, own: MediaOptions) -> MediaOptions {
        let given = self.clone();
        MediaOptions {
            security: given.security.unwrap_or(own.security),
            keying: given.keying.unwrap_or(own.keying),
            codecs: given.codecs.unwrap_or(own.codecs),
            packet_ms: given.packet_ms.or(own.packet_ms),
            dtmf: given.dtmf.unwrap_or(own.dtmf),
            ice: given.ice.unwrap_or(own.ice),
            stun_server: given.stun_server.or(own.stun_server),
            turn_server: given.turn_server.or(own.turn_server),
        }
    }
}

impl MediaOptions {
    /// The same without what may not lie in a database.
    pub(crate) fn without_secrets(&self) -> Self {
        let mut open = self.clone();
        if let Some(turn) = &mut open.turn_server {
            turn.password = Secret(String::new());
        }
        open
    }
}

/// How well a call sounds, over its last second.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct QualityView {
    /// Mean opinion score, estimated by the E-model (ITU-T G.107): 1 bad to 4.5 as good as it gets.
    pub mos: f32,
    /// Share of the other side's packets that did not come, 0 to 1.
    pub loss: f32,
    /// Share of what was played that had to be made up, 0 to 1.
    pub concealed: f32,
    /// From mouth to ear, estimated.
    pub delay_ms: f32,
    /// Interarrival jitter.
    pub jitter_ms: f32,
    /// Which side is bad.
    pub bad_side: BadSide,
    /// Why one side hears nothing.
    pub silence: Option<SilenceCause>,
    /// Times that the microphone's samples had no place.
    pub overruns: u32,
    /// Times that the loudspeaker's samples were not there in time.
    pub underruns: u32,
}

/// Where sound suffers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum BadSide {
    /// Nowhere.
    #[default]
    None,
    /// What comes here.
    Here,
    /// What comes to the other side.
    There,
    /// Either.
    Both,
}

/// Why one side hears nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum SilenceCause {
    /// We are muted.
    MutedHere,
    /// Our microphone gives nothing.
    MicrophoneHere,
    /// The other side is muted.
    MutedThere,
    /// The other side's microphone gives nothing.
    MicrophoneThere,
    /// Nothing comes through the network.
    BlockedPath,
    /// The other side holds the call.
    HoldThere,
}
