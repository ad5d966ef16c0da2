//! How a call sounds.

use std::path::PathBuf;

use clap::ValueEnum;
use tern_engine::api::{DtmfWay, MediaKeying, MediaOverrides, MediaSecurity, Secret, TurnServer};

use crate::audio::End;

/// The sound of a call.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Sound")]
pub(crate) struct Sound {
    /// What the other side hears: FILE.wav, device, device:NAME or null
    #[arg(long, value_name = "FILE|device[:NAME]|null", default_value = "device")]
    pub(crate) audio_in: End,
    /// Where the other side is heard: FILE.wav, device, device:NAME or null
    #[arg(long, value_name = "FILE|device[:NAME]|null", default_value = "device")]
    pub(crate) audio_out: End,
    /// Offer only this codec; several in the order of preference
    #[arg(long, value_enum, ignore_case = true, value_name = "NAME")]
    pub(crate) codec: Vec<Codec>,
    /// Length of the packets sent in ms, where the other side asks for no other: 10, 20, 30, 40 or 60
    #[arg(long, value_name = "MS", value_parser = packet_time)]
    pub(crate) ptime: Option<u32>,
    /// Look for ways for the sound by ICE: on or off
    #[arg(long, value_name = "on|off", num_args = 0..=1, default_missing_value = "on", value_parser = on_off)]
    pub(crate) ice: Option<bool>,
    /// A STUN server, which tells this computer's address as seen from outside
    #[arg(long, value_name = "HOST[:PORT]")]
    pub(crate) stun: Option<String>,
    /// A TURN server, which relays the sound where nothing else leads, by its host or as turn:HOST?transport=tcp or
    /// turns:HOST; needs --ice
    #[arg(long, value_name = "USER@SERVER[:PORT]", value_parser = turn_server, requires = "turn_password_env")]
    pub(crate) turn: Option<(String, String)>,
    /// The environment variable that holds the TURN server's password
    #[arg(long, value_name = "VAR", requires = "turn")]
    pub(crate) turn_password_env: Option<String>,
    /// How digits go out: auto, as events, by INFO, or as tones in the sound
    #[arg(long, value_enum)]
    pub(crate) dtmf: Option<Dtmf>,
    /// Whether the sound is encrypted: off, where the other side can, or not without
    #[arg(long, value_enum)]
    pub(crate) security: Option<Security>,
    /// How its keys are agreed: auto, in the signalling, or by a handshake beside the sound
    #[arg(long, value_enum)]
    pub(crate) keying: Option<Keying>,
    /// Whether echo, noise and loudness of the microphone are worked on; as in the settings unless given
    #[arg(long, value_enum)]
    pub(crate) processing: Option<Switch>,
    /// Hang up after so many seconds of talk; without it when the file has been played, or else when the other
    /// side hangs up, or with Ctrl-C
    #[arg(long, value_name = "N")]
    pub(crate) seconds: Option<u32>,
    /// Record the talk, this side on the left channel and the other on the right: FILE.wav, or FILE.opus for Opus in
    /// Ogg. Both sides hear a beep now and then
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
    /// Take commands from standard input, a line each: hold, resume, mute, unmute, digits 123#, transfer TARGET,
    /// accept-transfer, reject-transfer, redirect N, hangup
    #[arg(long)]
    pub(crate) control: bool,
}

impl Sound {
    /// Where the talk is recorded.
    pub(crate) fn record(&self) -> Option<String> {
        self.record.as_ref().map(|path| path.to_string_lossy().into_owned())
    }

    /// What stands in place of the account's own options.
    pub(crate) fn media(&self) -> MediaOverrides {
        let names = || self.codec.iter().map(|codec| codec.name().to_owned()).collect();
        MediaOverrides {
            codecs: (!self.codec.is_empty()).then(names),
            packet_ms: self.ptime,
            dtmf: self.dtmf.map(|way| match way {
                Dtmf::Auto => DtmfWay::Auto,
                Dtmf::Rfc4733 => DtmfWay::Rfc4733,
                Dtmf::Info => DtmfWay::Info,
                Dtmf::Inband => DtmfWay::InBand,
            }),
            security: self.security.map(|security| match security {
                Security::Off => MediaSecurity::Off,
                Security::Preferred => MediaSecurity::Preferred,
                Security::Required => MediaSecurity::Required,
            }),
            keying: self.keying.map(|keying| match keying {
                Keying::Auto => MediaKeying::Auto,
                Keying::Sdes => MediaKeying::Sdes,
                Keying::Dtls => MediaKeying::Dtls,
            }),
            ice: self.ice,
            stun_server: self.stun.clone(),
            turn_server: self.turn.clone().map(|(user, server)| {
                let variable = self.turn_password_env.as_deref().unwrap_or_default();
                // A server that wants one refuses the empty one.
                let password = std::env::var(variable).unwrap_or_default();
                TurnServer { server, user, password: Secret(password) }
            }),
            processing: self.processing.map(|switch| switch == Switch::On),
        }
    }
}

/// Whether the sound is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Security {
    Off,
    Preferred,
    Required,
}

/// How the keys of encrypted sound are agreed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Keying {
    Auto,
    Sdes,
    Dtls,
}

/// How digits go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Dtmf {
    Auto,
    Rfc4733,
    Info,
    Inband,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    On,
    Off,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Codec {
    #[value(name = "opus")]
    Opus,
    #[value(name = "G722")]
    G722,
    #[value(name = "PCMU")]
    Pcmu,
    #[value(name = "PCMA")]
    Pcma,
}

impl Codec {
    /// As in its rtpmap (RFC 3551 section 6, RFC 7587 section 7).
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Opus => "opus",
            Self::G722 => "G722",
            Self::Pcmu => "PCMU",
            Self::Pcma => "PCMA",
        }
    }
}

/// The packet times that are made.
fn packet_time(text: &str) -> Result<u32, String> {
    let ms = text.parse().ok().filter(|ms| [10, 20, 30, 40, 60].contains(ms));
    ms.ok_or_else(|| String::from("packets are 10, 20, 30, 40 or 60 ms long"))
}

fn on_off(text: &str) -> Result<bool, String> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(String::from("it is on or off")),
    }
}

/// The user before the last `@`, as names of users may hold one.
fn turn_server(text: &str) -> Result<(String, String), String> {
    let parts = text.rsplit_once('@').filter(|(user, server)| !user.is_empty() && !server.is_empty());
    let (user, server) =
        parts.ok_or_else(|| String::from("it is USER@HOST, USER@HOST:PORT or USER@turns:HOST"))?;
    Ok((user.to_owned(), server.to_owned()))
}
