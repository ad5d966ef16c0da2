//! How good Tern's calls sound, how late, and what they cost, beside other phones on the same bad networks.
//!
//! `cargo xtask bench audio` builds what it needs and runs it, as root. Each call is real: two programs, sockets,
//! sound cards (virtual ones), packets that a relay loses and delays. Real time takes its time, and a machine that
//! does something else meanwhile spoils delays: the figures of one run are comparable with each other only.

#![cfg_attr(not(target_os = "linux"), allow(unused))]

#[cfg(target_os = "linux")]
mod impairment;
#[cfg(target_os = "linux")]
mod load;
#[cfg(target_os = "linux")]
mod measure;
#[cfg(target_os = "linux")]
mod options;
#[cfg(target_os = "linux")]
mod phones;
#[cfg(target_os = "linux")]
mod priority;
#[cfg(target_os = "linux")]
mod relay;
#[cfg(target_os = "linux")]
mod report;
#[cfg(target_os = "linux")]
mod room;
#[cfg(target_os = "linux")]
mod score;
#[cfg(target_os = "linux")]
mod speech;
#[cfg(target_os = "linux")]
mod targets;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    match measure::everything() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("bench audio: {error}");
            std::process::ExitCode::from(2)
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("NOT RUN: networks of their own are made by Linux");
    std::process::exit(2);
}
