//! Calls made by SIPp, and what it says became of them.

use std::{
    fmt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use anyhow::{Context, Result, bail};

use crate::target::Target;

const SCENARIO: &str = include_str!("call.xml");
/// From where on the sound of SIPp's calls comes; the sandbox's own ports are given by the system, further up.
const FIRST_RTP_PORT: &str = "20000";
/// Share of requests that may be sent twice before a step counts as too much, percent.
const MAX_RETRANSMITTED: f64 = 1.0;

/// A row of calls.
pub(crate) struct Load {
    /// Calls begun a second.
    pub(crate) rate: u32,
    /// How long each talks.
    pub(crate) talk_seconds: u32,
    /// For how long calls are begun.
    pub(crate) seconds: u32,
    /// Whether they send sound.
    pub(crate) streams: bool,
}

/// What became of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outcome {
    succeeded: u64,
    failed: u64,
    retransmitted: u64,
}

impl Outcome {
    /// Whether every call came through, and without having to be asked for again.
    pub(crate) fn is_clean(&self) -> bool {
        self.failed == 0 && self.succeeded > 0 && self.retransmitted_percent() <= MAX_RETRANSMITTED
    }

    fn retransmitted_percent(&self) -> f64 {
        // Three requests of a call are repeated until they are answered.
        self.retransmitted as f64 * 100.0 / (self.succeeded.max(1) as f64 * 3.0)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (good, bad, twice) = (self.succeeded, self.failed, self.retransmitted_percent());
        write!(f, "{good} calls, {bad} failed, {twice:.1} % sent twice")
    }
}

/// A directory for SIPp's files, gone with its owner.
pub(crate) struct Scratch(pub(crate) PathBuf);

impl Scratch {
    pub(crate) fn new() -> Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name =
            format!("tern-bench-calls-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// SIPp with the scenario of a call, in a directory of its own. `sound` is the port its calls want their sound at.
pub(crate) fn sipp(target: &Target, folder: &Path, sound: &str, stream: Option<&Path>) -> Result<Command> {
    let action = match stream {
        Some(file) => {
            format!("<nop><action><exec rtp_stream=\"{},-1,0,PCMU/8000\"/></action></nop>", file.display())
        }
        None => String::new(),
    };
    let scenario =
        SCENARIO.replace("[SOUND]", sound).replace("[STREAM]", &action).replace("[user]", &target.user);
    let file = folder.join("call.xml");
    std::fs::write(&file, scenario)?;
    let mut sipp = Command::new("sipp");
    sipp.current_dir(folder).arg(&target.sip).arg("-sf").arg(file);
    sipp.args(["-au", &target.user, "-ap", &target.password, "-i", "127.0.0.1", "-mi", "127.0.0.1"]);
    sipp.args(["-nostdin", "-trace_logs", "-log_file", "calls.log"]);
    // Where there is no terminal it would draw its screens into the output.
    sipp.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Ok(sipp)
}

/// Makes the calls and waits for their end.
pub(crate) fn run(target: &Target, load: &Load) -> Result<Outcome> {
    let scratch = Scratch::new()?;
    let folder = &scratch.0;
    let stream = folder.join("silence.pcmu");
    // A second of silence in µ-law; it is streamed over and over.
    std::fs::write(&stream, [0xFF; 8_000])?;
    let (sound, stream) = if load.streams {
        ("[rtpstream_audio_port]", Some(stream.as_path()))
    } else {
        ("[media_port]", None)
    };
    let mut sipp = sipp(target, folder, sound, stream)?;
    let calls = load.rate.saturating_mul(load.seconds);
    sipp.args(["-r", &load.rate.to_string(), "-m", &calls.to_string(), "-l", &calls.to_string()])
        .args(["-d", &load.talk_seconds.saturating_mul(1000).to_string()])
        .args(["-mp", FIRST_RTP_PORT])
        .args(["-trace_stat", "-stf", "stat.csv", "-fd", "1"])
        .args(["-timeout", &load.seconds.saturating_add(load.talk_seconds).saturating_add(40).to_string()]);
    let status = sipp.status().context("sipp cannot be started: package sip-tester")?;
    let outcome = read(&folder.join("stat.csv"))?;
    if outcome.succeeded == 0 && outcome.failed == 0 {
        bail!("SIPp made no call ({status})");
    }
    Ok(outcome)
}

/// The last line of SIPp's statistics, by the names of its columns.
fn read(file: &Path) -> Result<Outcome> {
    let text = std::fs::read_to_string(file).context("SIPp has left no statistics")?;
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap_or_default().split(';').collect();
    let values: Vec<&str> = lines.last().unwrap_or_default().split(';').collect();
    let value = |name: &str| -> Result<u64> {
        let place = names.iter().position(|n| *n == name).with_context(|| format!("no column {name}"))?;
        Ok(values.get(place).and_then(|v| v.parse().ok()).unwrap_or(0))
    };
    Ok(Outcome {
        succeeded: value("SuccessfulCall(C)")?,
        failed: value("FailedCall(C)")?,
        retransmitted: value("Retransmissions(C)")?,
    })
}
