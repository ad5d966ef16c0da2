//! How much the sandbox carries on this machine: calls a second, calls at a time with sound, requests a second.
//!
//! `cargo xtask bench sandbox` builds what it needs and runs it. The load comes from SIPp and wrk, on the same processors:
//! what they take the sandbox does not have. Each figure is the greatest step of a row that was carried without a fault,
//! so it is a lower bound; a machine that does something else meanwhile carries less.

mod calls;
mod probe;
mod requests;
mod target;

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context, Result, bail};

use calls::Load;
use target::Target;

/// Calls a second that are tried, in turn.
const RATES: &[u32] = &[25, 50, 100, 150, 200, 300, 400, 600];
/// Calls at a time that are tried, in turn. The sandbox takes 512.
const CALLS: &[u32] = &[25, 50, 100, 150, 200, 300, 400];

/// How to measure.
struct Options {
    /// Seconds each step lasts.
    seconds: u32,
    report: Option<PathBuf>,
}

fn main() -> ExitCode {
    match measure() {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("bench sandbox: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn measure() -> Result<String> {
    let options = options()?;
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let mut lines = vec![
        format!(
            "Sandbox on {processors} processors, with what loads it (SIPp, wrk) on the same ones; steps of {} s.",
            options.seconds
        ),
        String::new(),
        "| what | figure |".into(),
        "|---|---|".into(),
    ];

    let target = Target::start()?;
    let mut best = None;
    for rate in RATES {
        let outcome = calls::run(
            &target,
            &Load { rate: *rate, talk_seconds: 0, seconds: options.seconds, streams: false },
        )?;
        eprintln!("{rate} calls a second: {outcome}");
        if !outcome.is_clean() {
            break;
        }
        best = Some((*rate, outcome));
    }
    lines.push(match best {
        Some((rate, outcome)) => format!("| calls a second to the echo, each with authentication, answered and ended | {rate} ({outcome}) |"),
        None => format!("| calls a second | below {} |", RATES.first().copied().unwrap_or(0)),
    });
    drop(target);

    let target = Target::start()?;
    let mut best = None;
    for calls in CALLS {
        // They come within five seconds, and talk on for the rest.
        let load = Load {
            rate: calls.div_ceil(5),
            talk_seconds: options.seconds.saturating_add(5),
            seconds: 5,
            streams: true,
        };
        let (outcome, heard) = std::thread::scope(|scope| {
            let running = scope.spawn(|| calls::run(&target, &load));
            std::thread::sleep(std::time::Duration::from_secs(6));
            let heard = probe::echo(&target, options.seconds.saturating_sub(3).max(3));
            let outcome = running.join().unwrap_or_else(|_| bail!("SIPp was not driven to its end"));
            (outcome, heard)
        });
        let (outcome, heard) = (outcome?, heard?);
        eprintln!("{calls} calls at a time: {outcome}; the echo: {heard}");
        if !outcome.is_clean() || !heard.is_good() {
            break;
        }
        best = Some((*calls, heard));
    }
    lines.push(match best {
        Some((calls, heard)) => format!("| calls at a time with sound both ways (G.711, 50 packets a second) | {calls} (echo of one more: {heard}) |"),
        None => format!("| calls at a time with sound | below {} |", CALLS.first().copied().unwrap_or(0)),
    });
    drop(target);

    let target = Target::start()?;
    for (path, what) in requests::PATHS {
        let carried = requests::run(&target, path, options.seconds)?;
        eprintln!("GET {path}: {carried}");
        lines.push(format!("| requests a second, {what} (`GET {path}`) | {carried} |"));
    }
    let text = lines.join("\n");
    if let Some(report) = &options.report {
        let place = report.with_extension("md");
        std::fs::write(&place, format!("{text}\n"))
            .with_context(|| format!("{} cannot be written", place.display()))?;
    }
    Ok(text)
}

fn options() -> Result<Options> {
    let mut options = Options { seconds: 15, report: None };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--quick" => options.seconds = 6,
            "--report" => options.report = Some(arguments.next().context("--report needs a file")?.into()),
            _ => bail!("the benchmark of the sandbox takes --quick and --report FILE, not {argument}"),
        }
    }
    Ok(options)
}
