//! The run: one call after the other, each measured, told as it is done, and all of them reported.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use tern_tests::Result;

use crate::impairment::Impairment;
use crate::load::{Cost, Load};
use crate::options::{Options, USAGE};
use crate::phones::{Codec, Phone, Place};
use crate::priority::Precedence;
use crate::relay::{ENDS, Relay};
use crate::report::Report;
use crate::room::Rooms;
use crate::score::{PIECE, median, score};
use crate::speech;

/// Seconds of speech before the scored ones: buffers and bit rates find their measure in them, for every phone.
const SETTLING: f64 = 4.0;

/// Silence at both ends of a recording, in seconds.
const BEFORE: f64 = 1.0;
const AFTER: f64 = 1.0;

/// What one call gave.
#[derive(Debug, Clone)]
pub(crate) struct Measured {
    /// Which phone.
    pub(crate) phone: Phone,
    /// Which codec.
    pub(crate) codec: Codec,
    /// Which network.
    pub(crate) network: Impairment,
    /// The figures, unless the call failed.
    pub(crate) figures: Result<Figures, String>,
}

/// The figures of a call: means of both directions, medians of several calls.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Figures {
    /// PESQ wide band.
    pub(crate) wide: f64,
    /// PESQ narrow band.
    pub(crate) narrow: f64,
    /// Mouth to ear, in milliseconds.
    pub(crate) delay: f64,
    /// Of one processor, in percent, for one phone.
    pub(crate) processor: f64,
    /// Resident memory of one phone, in megabytes.
    pub(crate) memory: f64,
    /// Share of the packets that the network really lost.
    pub(crate) lost: f64,
}

/// Measures what the command line says.
pub(crate) fn everything() -> Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--help") {
        println!("{USAGE}");
        return Ok(ExitCode::SUCCESS);
    }
    let options = Options::parse(arguments)?;
    let relay = match Relay::new()? {
        Ok(relay) => relay,
        Err(why) => {
            println!("NOT RUN: it takes root's rights, network namespaces and TUN devices: {why}");
            return Ok(ExitCode::from(2));
        }
    };
    let _precedence = Precedence::take();
    let rooms = Rooms::new()?;
    let seconds = SETTLING + PIECE * f64::from(options.pieces);
    let voices = speech::voices(options.speech.as_deref(), seconds)?;
    if let Some(folder) = &options.keep {
        std::fs::create_dir_all(folder)?;
    }
    let calls = options.calls();
    let all = calls.len() * options.runs as usize;
    eprintln!("{all} calls of about {:.0} s: {:.0} min", seconds + 6.0, all as f64 * (seconds + 6.0) / 60.0);
    let begun = Instant::now();
    let mut report = Report::new(&options);
    let mut done = 0;
    for (codec, network, phone) in calls {
        let mut runs = Vec::new();
        for run in 0..options.runs {
            relay.set(network, options.seed + u64::from(run));
            let figures = call(&options, &relay, &rooms, &voices, codec, network, phone, run);
            done += 1;
            let told = match &figures {
                Ok(figures) => figures.to_string(),
                Err(error) => format!("FAILED: {error}"),
            };
            let left = begun.elapsed().mul_f64((all - done) as f64 / done as f64).as_secs().div_ceil(60);
            let (name, codec, network) = (phone.name(), codec.name(), network.name());
            eprintln!("{done:>3}/{all} ({left} min left) {name:<15} {codec:<4} {network:<9} {told}");
            runs.push(figures.map_err(|error| error.to_string()));
        }
        let figures = Figures::median(&runs);
        report.add(Measured { phone, codec, network, figures });
        // Whoever stops it early has what is done so far.
        report.write()?;
    }
    println!("{}", report.text());
    eprintln!("{:.0} min; report: {}", begun.elapsed().as_secs_f64() / 60.0, report.place().display());
    Ok(if report.met() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[expect(clippy::too_many_arguments, reason = "the whole scene of one call")]
fn call(
    options: &Options,
    relay: &Relay,
    rooms: &Rooms,
    voices: &[tern_tests::audio::Sound; 2],
    codec: Codec,
    network: Impairment,
    phone: Phone,
    run: u32,
) -> Result<Figures> {
    let place = |end: usize| Place {
        network: &relay.networks[end],
        address: ENDS[end],
        environment: rooms.environment(end),
        devices: Rooms::devices(end),
    };
    let talk = phone.call(codec, &[place(0), place(1)])?;
    let recording = rooms.record()?;
    std::thread::sleep(Duration::from_secs_f64(BEFORE));
    let loads = talk.pids().map(Load::new);
    let mut costs = Vec::new();
    rooms.speak(voices, || Ok(()))?;
    for load in loads {
        costs.push(load?.cost().map_err(|error| format!("{error}\n{}", talk.log()))?);
    }
    std::thread::sleep(Duration::from_secs_f64(AFTER));
    let heard = rooms.heard(recording)?;
    let carried = relay.carried();
    let log = talk.log();
    let told = talk.hang_up()?;
    let mut scores = Vec::new();
    for (direction, (said, heard)) in heard.said.iter().zip(&heard.heard).enumerate() {
        if let Some(folder) = &options.keep {
            let name = |what: &str| {
                folder.join(format!(
                    "{}-{}-{}-{run}-{direction}-{what}.wav",
                    phone.name(),
                    codec.name(),
                    network.name()
                ))
            };
            said.write(&name("said"))?;
            heard.write(&name("heard"))?;
        }
        // It begins with its first sound, wherever the recorder was by then.
        let first = said.samples.iter().position(|sample| sample.abs() > 0.01).unwrap_or(0);
        let first = first as f64 / f64::from(said.rate);
        let to = first + SETTLING + PIECE * f64::from(options.pieces);
        // The last piece may reach into the silence at the end by what the pause before the first word took.
        scores.extend(score(said, heard, first + SETTLING, to).map_err(|error| format!("{error}\n{log}"))?);
    }
    if let Some(folder) = &options.keep {
        let text: Vec<String> = told.iter().map(ToString::to_string).collect();
        let name = format!("{}-{}-{}-{run}.txt", phone.name(), codec.name(), network.name());
        std::fs::write(folder.join(name), format!("{}\n{carried:?}\n{log}", text.join("\n")))?;
    }
    let mean = |figure: fn(&crate::score::Score) -> f64| {
        scores.iter().map(figure).sum::<f64>() / scores.len().max(1) as f64
    };
    let cost = |figure: fn(&Cost) -> f64| costs.iter().map(figure).sum::<f64>() / costs.len().max(1) as f64;
    let packets: u64 = carried.packets.iter().sum();
    Ok(Figures {
        wide: mean(|score| score.wide),
        narrow: mean(|score| score.narrow),
        delay: mean(|score| score.delay) * 1_000.0,
        processor: cost(|cost| cost.processor),
        memory: cost(|cost| cost.memory),
        lost: carried.lost.iter().sum::<u64>() as f64 / packets.max(1) as f64,
    })
}

impl Figures {
    /// Of each figure the median; an error where no call succeeded.
    fn median(runs: &[Result<Self, String>]) -> Result<Self, String> {
        let good: Vec<&Self> = runs.iter().flatten().collect();
        let middle = |figure: fn(&Self) -> f64| {
            median(&mut good.iter().map(|figures| figure(figures)).collect::<Vec<_>>())
        };
        let all = || {
            Some(Self {
                wide: middle(|f| f.wide)?,
                narrow: middle(|f| f.narrow)?,
                delay: middle(|f| f.delay)?,
                processor: middle(|f| f.processor)?,
                memory: middle(|f| f.memory)?,
                lost: middle(|f| f.lost)?,
            })
        };
        all().ok_or_else(|| {
            let first = runs.iter().find_map(|run| run.as_ref().err());
            first.and_then(|error| error.lines().next()).unwrap_or("not called").to_owned()
        })
    }
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { wide, narrow, delay, processor, memory, lost } = self;
        write!(
            f,
            "PESQ {wide:.2} wide {narrow:.2} narrow, {delay:.0} ms, {processor:.1} % of a processor, {memory:.1} MB, \
             {:.1} % lost",
            lost * 100.0
        )
    }
}
