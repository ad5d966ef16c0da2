//! Our own phone without a window: the program `tern`, driven as a person or a script would.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::DOMAIN;
use crate::audio::Sound;
use crate::{Failure, Home, Process, Result, Scratch};

/// A user of the tests' domain.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The part before the at-sign.
    pub user: &'static str,
    /// A password for these tests only.
    pub password: &'static str,
}

/// How long a call lasts that obeys, in seconds: nobody waits for a test that has forgotten it.
const AT_MOST: u32 = 60;

/// How `tern` gets to its registrar.
#[derive(Debug, Clone)]
pub struct Way {
    /// `udp`, `tcp`, `tls`, or `auto` to follow the domain's DNS records.
    pub transport: &'static str,
    /// The first hop, by address or by name with a port; without, the domain says.
    pub proxy: Option<String>,
    /// The DNS server to ask.
    pub dns: Option<SocketAddr>,
    /// The file with the certificate authority to believe.
    pub authority: Option<PathBuf>,
    /// The local address; without, the one that leads there.
    pub bind: Option<IpAddr>,
}

impl Way {
    /// By UDP on loopback to an address.
    pub fn udp(proxy: SocketAddr) -> Self {
        let (proxy, bind) = (Some(proxy.to_string()), Some(Ipv4Addr::LOCALHOST.into()));
        Self { transport: "udp", proxy, dns: None, authority: None, bind }
    }
}

/// An account that `tern` is given on its command line.
#[derive(Debug)]
pub struct Tern {
    account: Credentials,
    way: Way,
    options: Vec<String>,
    relay: Option<(String, Credentials)>,
    // It stores nothing for an account given so; whatever it did would be gone with this.
    home: Home,
}

impl Tern {
    /// An account at a registrar on loopback, by UDP.
    pub fn new(account: &Credentials, proxy: SocketAddr) -> Result<Self> {
        Self::by(account, &Way::udp(proxy))
    }

    /// An account that is reached in another way.
    pub fn by(account: &Credentials, way: &Way) -> Result<Self> {
        Ok(Self {
            account: account.clone(),
            way: way.clone(),
            options: Vec::new(),
            relay: None,
            home: Home::new()?,
        })
    }

    /// The same with options for its calls, such as `--security required`.
    pub fn with(self, options: &str) -> Self {
        Self { options: options.split(' ').map(str::to_owned).collect(), ..self }
    }

    /// The same with a TURN server that may relay its calls, by its address or a URI; for calls with `--ice` alone.
    pub fn relayed_by(self, server: impl ToString, user: &Credentials) -> Self {
        Self { relay: Some((server.to_string(), user.clone())), ..self }
    }

    /// Registers once and returns what came of it.
    pub fn register(&self) -> Result<TernCall> {
        self.stay_registered(0)
    }

    /// Registers and stays so for some seconds.
    pub fn stay_registered(&self, seconds: u32) -> Result<TernCall> {
        let mut command = self.command("register");
        command.args(["--seconds", &seconds.to_string()]);
        TernCall::start(command, None)
    }

    /// Calls somebody for some seconds, says what `spoken` holds and records what it hears.
    pub fn call(&self, user: &str, seconds: u32, codec: &str, spoken: &Sound) -> Result<TernCall> {
        let mut command = self.command("call");
        command.arg(format!("sip:{user}@{DOMAIN}"));
        self.with_sound(command, seconds, codec, spoken)
    }

    /// The same, obeying words on its standard input, see [`TernCall::say`].
    pub fn call_and_obey(&self, user: &str, codec: &str, spoken: &Sound) -> Result<TernCall> {
        let mut command = self.command("call");
        command.arg(format!("sip:{user}@{DOMAIN}")).arg("--control");
        self.with_sound(command, AT_MOST, codec, spoken)
    }

    /// Registers, waits for a call and takes it.
    pub fn answer(&self, seconds: u32, codec: &str, spoken: &Sound) -> Result<TernCall> {
        self.with_sound(self.command("answer"), seconds, codec, spoken)
    }

    /// The same, obeying words on its standard input, see [`TernCall::say`].
    pub fn answer_and_obey(&self, codec: &str, spoken: &Sound) -> Result<TernCall> {
        let mut command = self.command("answer");
        command.arg("--control");
        self.with_sound(command, AT_MOST, codec, spoken)
    }

    fn with_sound(
        &self,
        mut command: Command,
        seconds: u32,
        codec: &str,
        spoken: &Sound,
    ) -> Result<TernCall> {
        let folder = Scratch::new("tern")?;
        let (file, heard) = (folder.join("spoken.wav"), folder.join("heard.wav"));
        spoken.write(&file)?;
        command.arg("--audio-in").arg(file).arg("--audio-out").arg(&heard);
        command.args(["--seconds", &seconds.to_string(), "--codec", codec]).args(&self.options);
        if let Some((server, Credentials { user, password })) = &self.relay {
            const PASSWORD: &str = "TERN_TEST_TURN_PASSWORD";
            command.args(["--turn", &format!("{user}@{server}"), "--turn-password-env", PASSWORD]);
            command.env(PASSWORD, password);
        }
        TernCall::start(command, Some((folder, heard)))
    }

    fn command(&self, subcommand: &str) -> Command {
        const PASSWORD: &str = "TERN_TEST_PASSWORD";
        let mut command = Command::new(program());
        command.arg(subcommand).envs(self.home.environment()).env(PASSWORD, self.account.password);
        command.args(["--user", self.account.user, "--domain", DOMAIN, "--password-env", PASSWORD]);
        let Way { transport, proxy, dns, authority, bind } = &self.way;
        // The messages are what one wants to see of a test that failed.
        command.args(["--transport", transport, "--trace"]);
        for (option, value) in [
            ("--proxy", proxy.clone()),
            ("--bind", bind.map(|ip| ip.to_string())),
            ("--dns", dns.map(|server| server.to_string())),
        ] {
            command.args(value.iter().flat_map(|value| [option, value.as_str()]));
        }
        command.args(authority.iter().flat_map(|file| ["--ca".as_ref(), file.as_os_str()]));
        command
    }
}

/// One run of `tern`.
#[derive(Debug)]
pub struct TernCall {
    process: Process,
    sound: Option<(Scratch, PathBuf)>,
    /// Lines already looked at by [`Self::wait_for_call`].
    lines: usize,
}

impl TernCall {
    fn start(command: Command, sound: Option<(Scratch, PathBuf)>) -> Result<Self> {
        Ok(Self { process: Process::spawn("tern", command)?, sound, lines: 0 })
    }

    /// Waits for a JSON line whose `event` is the one given.
    pub fn wait_for(&mut self, event: &str, within: Duration) -> Result<Value> {
        let what = format!("the event {event} from tern");
        let line =
            self.process.wait_for(&what, within, |line| parse(line).is_some_and(|v| v["event"] == event))?;
        Ok(parse(&line).unwrap_or_default())
    }

    /// Tells it something, such as `hold`: a line on its standard input.
    pub fn say(&mut self, words: &str) -> Result<()> {
        Ok(self.process.write(&format!("{words}\n"))?)
    }

    /// Waits for a line about its call in which a field has a value, after those waited for before.
    pub fn wait_for_call(&mut self, field: &str, value: &str, within: Duration) -> Result<()> {
        let (seen, before) = (std::cell::Cell::new(0), self.lines);
        let what = format!("a call whose {field} is {value}");
        self.process.wait_for(&what, within, |line| {
            seen.set(seen.get() + 1);
            seen.get() > before && parse(line).is_some_and(|v| v["event"] == "call" && v[field] == value)
        })?;
        self.lines = seen.get();
        Ok(())
    }

    /// Waits until it ends by itself.
    pub fn wait(&mut self, within: Duration) -> Result<ExitStatus> {
        Ok(self.process.wait(within)?)
    }

    /// Asks it to stop, as Ctrl-C does, and waits until it has.
    pub fn stop(&mut self) -> Result<ExitStatus> {
        self.process.signal("INT");
        self.wait(Duration::from_secs(20))
    }

    /// The last line on stdout: of a call, its summary.
    pub fn last_line(&self) -> Result<Value> {
        let stdout = self.process.stdout();
        let line = stdout.lines().last().ok_or_else(|| format!("tern printed nothing:\n{}", self.log()))?;
        Ok(serde_json::from_str(line).map_err(|error| format!("{error}: {line}\n{}", self.log()))?)
    }

    /// Waits until it has written down so many seconds more of what it hears.
    pub fn wait_to_hear(&self, seconds: f64, within: Duration) -> Result<()> {
        /// Of its files: 48 kHz, 16 bits.
        const BYTES_PER_SECOND: f64 = 96_000.0;
        let (_, file) = self.sound.as_ref().ok_or("this run has no sound")?;
        let size = || std::fs::metadata(file).map_or(0, |file| file.len());
        let (deadline, wanted) = (Instant::now() + within, size() + (seconds * BYTES_PER_SECOND) as u64);
        while size() < wanted {
            if Instant::now() >= deadline {
                return Err(Failure(format!("tern hears nothing:\n{}", self.log())).into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// What it heard. Complete once it has ended.
    pub fn heard(&self) -> Result<Sound> {
        let (_, heard) = self.sound.as_ref().ok_or("this run has no sound")?;
        Sound::read(heard)
    }

    /// What it printed for programs, a JSON object a line.
    pub fn stdout(&self) -> String {
        self.process.stdout()
    }

    /// Everything it printed, both streams.
    pub fn log(&self) -> String {
        self.process.output()
    }
}

fn parse(line: &str) -> Option<Value> {
    serde_json::from_str(line).ok()
}

/// `tern` where `TERN_BIN` says, or beside the folder that cargo has put the test in.
fn program() -> PathBuf {
    if let Some(path) = std::env::var_os("TERN_BIN") {
        return path.into();
    }
    let test = std::env::current_exe().unwrap_or_default();
    let folder = test.ancestors().find(|folder| folder.ends_with("debug") || folder.ends_with("release"));
    folder.unwrap_or(Path::new("")).join(format!("tern{}", std::env::consts::EXE_SUFFIX))
}
