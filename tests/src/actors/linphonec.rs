//! Linphone without a window as the other phone.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::Command;
use std::time::Duration;

use super::{Credentials, DOMAIN};
use crate::audio::Sound;
use crate::{Process, Result, Scratch, find_program, ports};

const SOON: Duration = Duration::from_secs(20);

/// The codecs it has that are of interest here: name and clock rate in SDP, channels.
const CODECS: [(&str, u32, u32); 9] = [
    ("opus", 48_000, 2),
    ("PCMU", 8_000, 1),
    ("PCMA", 8_000, 1),
    ("G722", 8_000, 1),
    // Enabled unless told otherwise.
    ("G729", 8_000, 1),
    ("speex", 8_000, 1),
    ("speex", 16_000, 1),
    ("speex", 32_000, 1),
    ("GSM", 8_000, 1),
];

/// How its media are to be encrypted, in its configuration's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// Not at all.
    None,
    /// With keys in SDP (RFC 4568).
    Sdes,
    /// With keys agreed on the media's path (RFC 5764).
    Dtls,
}

/// How one is to be.
#[derive(Debug, Clone)]
pub struct Linphone<'a> {
    /// Its only codec, by its name in SDP.
    pub codec: &'a str,
    /// How media are encrypted.
    pub encryption: Encryption,
    /// The account and its registrar; without, it is called at its address.
    pub account: Option<(&'a Credentials, SocketAddr)>,
    /// Where it is.
    pub address: IpAddr,
    /// What it says, from a file into which it also writes what it hears; without, it uses the sound card.
    pub spoken: Option<&'a Sound>,
    /// Microphone and loudspeaker in its own words, `DRIVER Unknown: DESCRIPTION`; without, it chooses.
    pub devices: Option<[String; 2]>,
    /// Whether it cancels echo.
    pub echo: bool,
    /// Variables for it alone.
    pub environment: &'a [xtask::stage::Variable],
}

impl Default for Linphone<'_> {
    /// PCMU in the clear, called at a loopback address, on the sound card.
    fn default() -> Self {
        Self {
            codec: "PCMU",
            encryption: Encryption::None,
            account: None,
            address: Ipv4Addr::LOCALHOST.into(),
            spoken: None,
            devices: None,
            echo: false,
            environment: &[],
        }
    }
}

/// A running linphonec that takes calls by itself.
#[derive(Debug)]
pub struct Linphonec {
    process: Process,
    port: u16,
    folder: Scratch,
}

impl Linphonec {
    /// Starts one and waits until it obeys. It says nothing of its registration: the registrar knows.
    pub fn start(how: &Linphone<'_>) -> Result<Self> {
        const RTP_PORTS: u16 = 8;
        let folder = Scratch::new("linp")?;
        let (port, first) = (ports::free()?, ports::free_range(RTP_PORTS)?);
        let user = how.account.map_or("linphone", |(account, _)| account.user);
        let encryption = match how.encryption {
            Encryption::None => "none",
            Encryption::Sdes => "srtp",
            Encryption::Dtls => "dtls",
        };
        let [microphone, loudspeaker] = how.devices.clone().unwrap_or_default();
        let mut configuration = include_str!("../../peers/linphonec.rc.in")
            .replace("@SIP_PORT@", &port.to_string())
            // The one inside the contact's at-sign first.
            .replace("@USER@@@ADDRESS@", &format!("{user}@{}", how.address))
            .replace("@ADDRESS@", &how.address.to_string())
            .replace("@RTP_FIRST@", &first.to_string())
            .replace("@RTP_LAST@", &(first + RTP_PORTS - 1).to_string())
            .replace("@ENCRYPTION@", encryption)
            .replace("@MICROPHONE@", &microphone)
            .replace("@LOUDSPEAKER@", &loudspeaker)
            .replace("@ECHO@", if how.echo { "1" } else { "0" })
            .replace("@PROXY@", if how.account.is_some() { "0" } else { "-1" });
        for (index, (name, rate, channels)) in CODECS.iter().enumerate() {
            let enabled = u8::from(*name == how.codec);
            configuration += &format!(
                "[audio_codec_{index}]\nmime={name}\nrate={rate}\nchannels={channels}\nenabled={enabled}\n"
            );
        }
        if let Some((Credentials { user, password }, registrar)) = how.account {
            configuration += &format!(
                "[proxy_0]\nreg_proxy=<sip:{registrar};transport=udp>\nreg_route=<sip:{registrar};transport=udp;lr>\n\
                 reg_identity=sip:{user}@{DOMAIN}\nreg_expires=60\nreg_sendregister=1\npublish=0\n\
                 [auth_info_0]\nusername={user}\npasswd={password}\ndomain={DOMAIN}\nrealm={DOMAIN}\n"
            );
        }
        let file = folder.write("linphonerc", configuration)?;
        // It keeps databases below its home, in a folder it does not make.
        folder.write(".local/share/linphone/.keep", "")?;
        // Printed into a pipe, its lines would wait for each other.
        let mut command = Command::new(find_program("stdbuf")?);
        command.arg("-oL").arg(find_program("linphonec")?).args(["-S", "-a", "-c"]).arg(file);
        command.envs(how.environment.iter().map(|(name, value)| (name, value)));
        for (name, below) in [("HOME", ""), ("XDG_DATA_HOME", ".local/share"), ("XDG_CONFIG_HOME", ".config")]
        {
            command.env(name, folder.join(below));
        }
        // ALSA reads its own file in the home; that of the sound card is elsewhere.
        folder.write(".asoundrc", "pcm.!default { type pulse }\nctl.!default { type pulse }\n")?;
        let mut phone = Self { process: Process::spawn("linphonec", command)?, port, folder };
        if let Some(spoken) = how.spoken {
            let (said, heard) = (phone.folder.join("spoken.wav"), phone.heard_file());
            spoken.write(&said)?;
            phone.say("soundcard use files")?;
            phone.say(&format!("play {}", said.display()))?;
            phone.say(&format!("record {}", heard.display()))?;
        }
        phone.say("ipv6 status")?;
        phone.process.wait_for_line("ipv6", SOON)?;
        Ok(phone)
    }

    /// Where it is called without an account.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Calls an address.
    pub fn dial(&mut self, uri: &str) -> Result<()> {
        self.say(&format!("call {uri}"))
    }

    /// Hangs up.
    pub fn hang_up(&mut self) -> Result<()> {
        self.say("terminate")
    }

    /// Holds its call.
    pub fn hold(&mut self) -> Result<()> {
        self.say("pause")
    }

    /// Ends holding it.
    pub fn resume(&mut self) -> Result<()> {
        self.say("resume")
    }

    /// Sends a digit.
    pub fn press(&mut self, digit: char) -> Result<()> {
        self.say(&digit.to_string())
    }

    /// Waits for a line that it prints, such as `Media streams established`.
    pub fn wait_for_line(&mut self, needle: &str, within: Duration) -> Result<String> {
        Ok(self.process.wait_for_line(needle, within)?)
    }

    /// What it heard in its only call so far. Ends it: before, its file is not complete.
    pub fn heard(&mut self) -> Result<Sound> {
        self.say("quit")?;
        self.process.wait(SOON)?;
        Sound::read(&self.heard_file())
    }

    /// Waits until it has printed so many lines that contain something.
    pub fn wait_for_lines(&mut self, needle: &str, count: usize, within: Duration) -> Result<()> {
        Ok(self.process.wait_for_lines(needle, count, within)?)
    }

    /// Everything it printed so far.
    pub fn log(&self) -> String {
        self.process.output()
    }

    fn heard_file(&self) -> std::path::PathBuf {
        self.folder.join("heard.wav")
    }

    fn say(&mut self, words: &str) -> Result<()> {
        Ok(self.process.write(&format!("{words}\n"))?)
    }
}
