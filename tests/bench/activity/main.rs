//! Recent Activity with 1,000 to 1,000,000 messages: how soon the newest are seen, how fast the past is read, what a
//! search costs, and where the time goes.
//!
//! `cargo xtask bench activity` builds what it needs and runs it. This process is the provider: the sandbox with its API
//! on loopback, and a wire before it that keeps the times of questions and answers. The engine runs in a process of
//! its own (this program once more) with its encrypted database on disk, so that memory and processor time are its
//! alone. Both share the machine's processors.

#![cfg_attr(not(target_os = "linux"), allow(unused))]

#[cfg(target_os = "linux")]
mod clocks;
#[cfg(target_os = "linux")]
mod figures;
#[cfg(target_os = "linux")]
mod life;
#[cfg(target_os = "linux")]
mod measure;
#[cfg(target_os = "linux")]
mod report;
#[cfg(target_os = "linux")]
mod search;
#[cfg(target_os = "linux")]
mod wire;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    match measure::everything() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("bench activity: {error:#}");
            std::process::ExitCode::from(2)
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("NOT RUN: memory and processor time are read as Linux tells them");
    std::process::exit(2);
}
