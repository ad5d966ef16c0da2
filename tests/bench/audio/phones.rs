//! The phones that are compared, each calling one of its own kind.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tern_tests::actors::{Baresip, Linphone, Linphonec, Network};
use tern_tests::{Process, Result};
use xtask::stage::Variable;

/// It knows PulseAudio itself, and doesn't follow the variables that name a device.
const LINPHONES_DRIVER: &str = "PulseAudio";

const SOON: Duration = Duration::from_secs(30);

/// A phone, as it is set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phone {
    /// Tern without processing of the microphone, as the others are without.
    Tern,
    /// Tern with all of it.
    TernProcessing,
    /// baresip.
    Baresip,
    /// Linphone without a window.
    Linphonec,
    /// The same with its echo canceller.
    LinphonecProcessing,
}

/// A codec that is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Codec {
    /// Opus.
    Opus,
    /// G.722.
    G722,
    /// G.711.
    Pcmu,
}

impl Codec {
    /// All.
    pub(crate) const ALL: [Self; 3] = [Self::Opus, Self::G722, Self::Pcmu];

    /// As in SDP.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Opus => "opus",
            Self::G722 => "G722",
            Self::Pcmu => "PCMU",
        }
    }

    /// Whether it carries more than a telephone's band, so that PESQ's wide band says more.
    pub(crate) fn is_wide(self) -> bool {
        self != Self::Pcmu
    }
}

impl Phone {
    /// All.
    pub(crate) const ALL: [Self; 5] =
        [Self::Tern, Self::TernProcessing, Self::Baresip, Self::Linphonec, Self::LinphonecProcessing];

    /// As it is typed and printed.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Tern => "tern",
            Self::TernProcessing => "tern+processing",
            Self::Baresip => "baresip",
            Self::Linphonec => "linphonec",
            Self::LinphonecProcessing => "linphonec+echo",
        }
    }

    /// Whether it is one of those that Tern is held against.
    pub(crate) fn is_peer(self) -> bool {
        !matches!(self, Self::Tern | Self::TernProcessing)
    }

    /// Whether it processes what the microphone hears.
    pub(crate) fn processes(self) -> bool {
        matches!(self, Self::TernProcessing | Self::LinphonecProcessing)
    }

    /// Sets a call up between two of its kind and waits until both have taken it.
    pub(crate) fn call(self, codec: Codec, places: &[Place<'_>; 2]) -> Result<Talk> {
        let [caller, called] = places;
        match self {
            Self::Tern | Self::TernProcessing => {
                let processing = self.processes();
                let mut called_phone = called.network.enter(|| tern(called, codec, processing, None))?;
                called_phone.wait_for_line(r#""event":"waiting""#, SOON)?;
                let mut calling =
                    caller.network.enter(|| tern(caller, codec, processing, Some(called.address)))?;
                for phone in [&mut calling, &mut called_phone] {
                    phone.wait_for_line(r#""state":"connected""#, SOON)?;
                }
                Ok(Talk::Tern([calling, called_phone]))
            }
            Self::Baresip => {
                let codec = match codec {
                    Codec::Opus => "opus/48000/2",
                    Codec::G722 => "G722/16000/1",
                    Codec::Pcmu => "PCMU/8000/1",
                };
                let start = |place: &Place<'_>| {
                    place
                        .network
                        .enter(|| Baresip::on_sound_card(place.address.into(), codec, &place.environment))
                };
                let (mut calling, mut called_phone) = (start(caller)?, start(called)?);
                calling.dial_address(&format!("sip:phone@{}:5060", called.address))?;
                calling.wait_for("CALL_ESTABLISHED", SOON)?;
                called_phone.wait_for("CALL_ESTABLISHED", SOON)?;
                Ok(Talk::Baresip([calling, called_phone]))
            }
            Self::Linphonec | Self::LinphonecProcessing => {
                let start = |place: &Place<'_>| {
                    let how = Linphone {
                        codec: codec.name(),
                        address: place.address.into(),
                        echo: self.processes(),
                        environment: &place.environment,
                        devices: Some(
                            place.devices.clone().map(|name| format!("{LINPHONES_DRIVER} Unknown: {name}")),
                        ),
                        ..Linphone::default()
                    };
                    place.network.enter(|| Linphonec::start(&how))
                };
                let (mut calling, mut called_phone) = (start(caller)?, start(called)?);
                calling.dial(&format!("sip:linphone@{}:{}", called.address, called_phone.port()))?;
                for phone in [&mut calling, &mut called_phone] {
                    phone.wait_for_line("Media streams established", SOON)?;
                }
                Ok(Talk::Linphonec([calling, called_phone]))
            }
        }
    }
}

/// Where one of both phones is.
pub(crate) struct Place<'a> {
    /// Its network.
    pub(crate) network: &'a Network,
    /// Its address there.
    pub(crate) address: Ipv4Addr,
    /// What leads it to its microphone and loudspeaker.
    pub(crate) environment: Vec<Variable>,
    /// The names of both in PulseAudio.
    pub(crate) devices: [String; 2],
}

/// A call between two phones of a kind.
pub(crate) enum Talk {
    /// Between two of ours.
    Tern([Process; 2]),
    /// Between two baresips.
    Baresip([Baresip; 2]),
    /// Between two Linphones.
    Linphonec([Linphonec; 2]),
}

impl Talk {
    /// The process of each.
    pub(crate) fn pids(&self) -> [u32; 2] {
        match self {
            Self::Tern(phones) => phones.each_ref().map(Process::pid),
            Self::Baresip(phones) => phones.each_ref().map(Baresip::pid),
            Self::Linphonec(phones) => phones.each_ref().map(Linphonec::pid),
        }
    }

    /// Hangs up, and gives what the phones say of the call themselves, where they do.
    pub(crate) fn hang_up(self) -> Result<Vec<Value>> {
        match self {
            Self::Tern(mut phones) => {
                let mut told = Vec::new();
                for phone in &mut phones {
                    phone.signal("INT");
                    phone.wait(SOON)?;
                    let last = phone.stdout().lines().last().map(serde_json::from_str);
                    told.extend(last.transpose().ok().flatten());
                }
                Ok(told)
            }
            Self::Baresip([mut calling, _]) => calling.hang_up().map(|()| Vec::new()),
            Self::Linphonec([mut calling, _]) => calling.hang_up().map(|()| Vec::new()),
        }
    }

    /// Everything the phones have printed.
    pub(crate) fn log(&self) -> String {
        match self {
            Self::Tern(phones) => phones.each_ref().map(Process::output).join("\n"),
            Self::Baresip(phones) => phones.each_ref().map(Baresip::log).join("\n"),
            Self::Linphonec(phones) => phones.each_ref().map(Linphonec::log).join("\n"),
        }
    }
}

/// Our own, on real devices; it calls an address, or waits to be called.
fn tern(place: &Place<'_>, codec: Codec, processing: bool, calls: Option<Ipv4Addr>) -> Result<Process> {
    let program =
        std::env::var_os("TERN_BIN").map(PathBuf::from).ok_or("TERN_BIN does not name the program")?;
    let mut command = Command::new(program);
    match calls {
        Some(called) => command.args(["call", &format!("sip:tern@{called}:5060")]),
        None => command.arg("answer"),
    };
    command.args(["--direct", "--bind", &format!("{}:5060", place.address)]);
    command.args([
        "--codec",
        codec.name(),
        "--audio-in",
        "device",
        "--audio-out",
        "device",
        "--seconds",
        "600",
    ]);
    // The others are called without encryption; it would be counted as ours.
    command.args(["--security", "off", "--processing", if processing { "on" } else { "off" }]);
    command.envs(place.environment.iter().map(|(name, value)| (name, value)));
    Ok(Process::spawn("tern", command)?)
}
