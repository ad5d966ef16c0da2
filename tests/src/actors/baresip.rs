//! baresip as the other phone.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Credentials, DOMAIN};
use crate::audio::Sound;
use crate::{Failure, Process, Result, Scratch, ports};
use xtask::stage::Variable;

/// Where distributions keep its modules.
const MODULE_FOLDERS: &[&str] =
    &["/usr/lib/baresip/modules", "/usr/lib/x86_64-linux-gnu/baresip/modules", "/usr/lib64/baresip/modules"];

const SOON: Duration = Duration::from_secs(20);

/// A running baresip, registered, that answers by itself.
#[derive(Debug)]
pub struct Baresip {
    process: Process,
    control: TcpStream,
    pending: Vec<u8>,
    events: Vec<Value>,
    folder: Scratch,
}

impl Baresip {
    /// Starts one and waits until the registrar has taken its registration.
    ///
    /// It says what `spoken` holds, from the start of each call; make that longer than the call, since the
    /// end of the file ends the sound. `codec` is its name in SDP with rate and channels, such as
    /// `PCMU/8000/1`.
    pub fn start(account: &Credentials, registrar: SocketAddr, codec: &str, spoken: &Sound) -> Result<Self> {
        Self::start_with(account, registrar, codec, "", spoken)
    }

    /// The same with further parameters of its account, such as `mediaenc=srtp`.
    pub fn start_with(
        account: &Credentials,
        registrar: SocketAddr,
        codec: &str,
        parameters: &str,
        spoken: &Sound,
    ) -> Result<Self> {
        Self::start_at(Ipv4Addr::LOCALHOST.into(), account, registrar, codec, parameters, spoken)
    }

    /// The same at another address than the loopback's.
    pub fn start_at(
        address: IpAddr,
        account: &Credentials,
        registrar: SocketAddr,
        codec: &str,
        parameters: &str,
        spoken: &Sound,
    ) -> Result<Self> {
        const TRIES: u32 = 3;
        let start = || Self::try_to_start(address, account, registrar, codec, parameters, spoken);
        for _ in 1..TRIES {
            match start() {
                // It listens for TLS one port above that for UDP, which somebody may have by chance.
                Err(error) if error.to_string().contains("Address already in use") => {}
                result => return result,
            }
        }
        start()
    }

    fn try_to_start(
        address: IpAddr,
        account: &Credentials,
        registrar: SocketAddr,
        codec: &str,
        parameters: &str,
        spoken: &Sound,
    ) -> Result<Self> {
        const RTP_PORTS: u16 = 16;
        let folder = Scratch::new("bare")?;
        let first = ports::free_range(RTP_PORTS)?;
        let control_port = ports::free()?;
        let configuration = include_str!("../../peers/baresip.config.in")
            .replace("@ADDRESS@", &address.to_string())
            .replace("@SIP_PORT@", &ports::free()?.to_string())
            .replace("@RTP_FIRST@", &first.to_string())
            .replace("@RTP_LAST@", &(first + RTP_PORTS - 1).to_string())
            .replace("@CONTROL_PORT@", &control_port.to_string())
            .replace("@MODULES@", modules()?)
            .replace("@FOLDER@", &folder.path().display().to_string());
        folder.write("config", configuration)?;
        let Credentials { user, password } = account;
        folder.write(
            "accounts",
            format!(
                "<sip:{user}@{DOMAIN};transport=udp>;auth_user={user};auth_pass={password};regint=60;\
                 outbound=\"sip:{registrar}\";answermode=auto;ptime=20;audio_codecs={codec};{parameters}\n"
            ),
        )?;
        folder.write("contacts", "")?;
        // It takes a file with as many channels as its coder wants alone.
        spoken.write_channels(&folder.join("spoken.wav"), if codec.ends_with("/2") { 2 } else { 1 })?;
        let own = folder.path().display().to_string();
        let mut process = Process::start("baresip", ["-f", &own, "-v"], &[("HOME".to_owned(), own.clone())])?;
        process.wait_for_line("baresip is ready", SOON)?;
        let control = connect(control_port)?;
        let mut phone = Self { process, control, pending: Vec::new(), events: Vec::new(), folder };
        // It may have registered before we listened; its log tells too.
        phone.process.wait_for("baresip's registration", SOON, |line| {
            line.contains("200 OK") || line.contains("registered successfully")
        })?;
        phone.read_events(Duration::ZERO)?;
        Ok(phone)
    }

    /// Starts one without an account on the default sound card; it is called at its address and takes calls by itself.
    ///
    /// The ports are fixed: it wants a network of its own.
    pub fn on_sound_card(address: IpAddr, codec: &str, environment: &[Variable]) -> Result<Self> {
        const CONTROL_PORT: u16 = 4444;
        let folder = Scratch::new("bare")?;
        let configuration = include_str!("../../bench/audio/baresip.config.in")
            .replace("@ADDRESS@", &address.to_string())
            .replace("@CONTROL_PORT@", &CONTROL_PORT.to_string())
            .replace("@MODULES@", modules()?);
        folder.write("config", configuration)?;
        folder.write(
            "accounts",
            format!("<sip:phone@{address}>;regint=0;answermode=auto;audio_codecs={codec}\n"),
        )?;
        folder.write("contacts", "")?;
        let own = folder.path().display().to_string();
        let mut process = Process::start("baresip", ["-f", &own, "-v"], environment)?;
        process.wait_for_line("baresip is ready", SOON)?;
        let control = connect(CONTROL_PORT)?;
        Ok(Self { process, control, pending: Vec::new(), events: Vec::new(), folder })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Calls an address.
    pub fn dial_address(&mut self, uri: &str) -> Result<()> {
        self.command("dial", uri)
    }

    /// Calls somebody in the tests' domain.
    pub fn dial(&mut self, user: &str) -> Result<()> {
        self.command("dial", &format!("sip:{user}@{DOMAIN}"))
    }

    /// Hangs up.
    pub fn hang_up(&mut self) -> Result<()> {
        self.command("hangup", "")
    }

    /// Holds its call.
    pub fn hold(&mut self) -> Result<()> {
        self.command("hold", "")
    }

    /// Ends holding it.
    pub fn resume(&mut self) -> Result<()> {
        self.command("resume", "")
    }

    /// Asks the other side to call somebody else of the tests' domain (REFER).
    pub fn transfer(&mut self, user: &str) -> Result<()> {
        self.command("transfer", &format!("sip:{user}@{DOMAIN}"))
    }

    /// Sends digits inside the sound (RFC 4733).
    pub fn press(&mut self, digits: &str) -> Result<()> {
        self.command("sndcode", digits)
    }

    /// Waits for an event of its call, such as `CALL_ESTABLISHED` or `CALL_CLOSED`.
    pub fn wait_for(&mut self, event: &str, within: Duration) -> Result<Value> {
        let deadline = Instant::now() + within;
        loop {
            if let Some(at) = self.events.iter().position(|value| value["type"] == event) {
                // What came before it has been overtaken.
                return Ok(self.events.drain(..=at).next_back().unwrap_or_default());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let text = format!("no {event} from baresip, only {:?}\n{}", self.events, self.log());
                return Err(Failure(text).into());
            }
            self.read_events(left.min(Duration::from_millis(200)))?;
        }
    }

    /// What it heard in its only call so far, up to the first hold. Complete once the call is closed.
    pub fn heard(&self) -> Result<Sound> {
        for entry in std::fs::read_dir(self.folder.path())? {
            let path = entry?.path();
            // The filter names its files after the time and the direction: decoded is what came in.
            if path.file_name().is_some_and(|name| name.to_string_lossy().ends_with("-dec.wav")) {
                return Sound::read(&path);
            }
        }
        Err(format!("baresip has recorded nothing:\n{}", self.log()).into())
    }

    /// Waits for a line that it prints.
    pub fn wait_for_line(&mut self, needle: &str, within: Duration) -> Result<String> {
        Ok(self.process.wait_for_line(needle, within)?)
    }

    /// Waits until it has printed so many lines that contain something.
    pub fn wait_for_lines(&mut self, needle: &str, count: usize, within: Duration) -> Result<()> {
        Ok(self.process.wait_for_lines(needle, count, within)?)
    }

    /// Everything it printed so far.
    pub fn log(&self) -> String {
        self.process.output()
    }

    fn command(&mut self, command: &str, parameters: &str) -> Result<()> {
        let message = json!({ "command": command, "params": parameters, "token": command }).to_string();
        // Its control channel frames messages as netstrings: length, colon, bytes, comma.
        write!(self.control, "{}:{message},", message.len())?;
        let deadline = Instant::now() + SOON;
        while Instant::now() < deadline {
            self.read_events(Duration::from_millis(200))?;
            let answer =
                self.events.iter().position(|value| value["response"] == true && value["token"] == command);
            if let Some(at) = answer {
                let answer = self.events.remove(at);
                return if answer["ok"] == true {
                    Ok(())
                } else {
                    Err(format!("{command}: {answer}").into())
                };
            }
        }
        Err(format!("baresip does not answer {command}:\n{}", self.log()).into())
    }

    fn read_events(&mut self, within: Duration) -> Result<()> {
        self.control.set_read_timeout(Some(within.max(Duration::from_millis(1))))?;
        let mut bytes = [0; 4096];
        match self.control.read(&mut bytes) {
            Ok(0) => return Err(format!("baresip closed its control channel:\n{}", self.log()).into()),
            Ok(length) => self.pending.extend_from_slice(&bytes[..length]),
            Err(error)
                if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {}
            Err(error) => return Err(error.into()),
        }
        while let Some((message, used)) = netstring(&self.pending) {
            self.events.push(serde_json::from_slice(message)?);
            self.pending.drain(..used);
        }
        Ok(())
    }
}

fn modules() -> Result<&'static str> {
    let modules = MODULE_FOLDERS.iter().find(|folder| PathBuf::from(folder).is_dir());
    Ok(modules.ok_or("baresip's modules are in none of the known folders")?)
}

fn connect(port: u16) -> Result<TcpStream> {
    let deadline = Instant::now() + SOON;
    loop {
        match TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
            Ok(stream) => return Ok(stream),
            Err(error) if Instant::now() >= deadline => return Err(error.into()),
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// The first whole netstring in a buffer, and how many bytes it takes with its frame.
fn netstring(buffer: &[u8]) -> Option<(&[u8], usize)> {
    let colon = buffer.iter().position(|byte| *byte == b':')?;
    let length: usize = std::str::from_utf8(&buffer[..colon]).ok()?.parse().ok()?;
    let end = colon + 1 + length;
    (buffer.len() > end).then(|| (&buffer[colon + 1..end], end + 1))
}

#[cfg(test)]
mod tests {
    use super::netstring;

    #[test]
    fn netstrings_are_taken_whole() {
        assert_eq!(netstring(b"5:hello,3:abc,"), Some((&b"hello"[..], 8)));
        assert_eq!(netstring(b"5:hello"), None);
        assert_eq!(netstring(b"5:he"), None);
        assert_eq!(netstring(b""), None);
    }
}
