//! Requests made by wrk, and what it says became of them.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::target::Target;

/// What is asked for, and what that is.
pub(crate) const PATHS: &[(&str, &str)] = &[
    ("/v1/account", "the balance"),
    ("/v1/numbers", "all numbers"),
    ("/v1/activity/snapshot?limit=100", "a page of the activity"),
    ("/v1/rates?to=%2B4930231250", "what a call costs"),
];

/// Asks for so many seconds; answers how many a second were answered, and how late.
pub(crate) fn run(target: &Target, path: &str, seconds: u32) -> Result<String> {
    let output = Command::new("wrk")
        .args(["-t", "1", "-c", "16", "-d", &format!("{seconds}s"), "--latency", "-H"])
        .arg(format!("Authorization: Bearer {}", target.token))
        .arg(format!("{}{path}", target.api))
        .output()
        .context("wrk cannot be started: package wrk")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let word_after = |name: &str| {
        let line = text.lines().find(|line| line.trim_start().starts_with(name))?;
        Some(line.trim_start().strip_prefix(name)?.split_whitespace().next()?.to_owned())
    };
    if let Some(bad) = text.lines().find(|line| line.contains("Non-2xx") || line.contains("Socket errors")) {
        bail!("{path} was not answered well: {}", bad.trim());
    }
    let rate: f64 =
        word_after("Requests/sec:").and_then(|rate| rate.parse().ok()).context("wrk says no rate")?;
    let late = word_after("99%").context("wrk says no delay")?;
    Ok(format!("{rate:.0} (16 connections, 99 % within {late})"))
}
