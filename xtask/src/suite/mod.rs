//! Everything that is checked and tested, in stages, with a table at the end.
//!
//! A stage shows the real output of what it runs. The first failure ends the run, unless it is told to keep
//! going; a failed run never exits with zero.

#[cfg(unix)]
mod made_up;
mod stages;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::repository::Repository;
use crate::say;
use crate::setup::{self, Group};
use stages::{Needs, STAGES, Stage};

/// The stages' names, in the order in which they run.
pub fn names() -> Vec<&'static str> {
    STAGES.iter().map(|stage| stage.name).collect()
}

/// Sets the machine up and runs the stages named, or all.
pub fn run(repository: &Repository, names: &[&str], keep_going: bool) -> Result<ExitCode> {
    let chosen = choose(names)?;
    match chosen.iter().map(|stage| stage.needs).max().unwrap_or(Needs::Rust) {
        Needs::Rust => {}
        Needs::Build => setup::everything(repository, &[Group::Build])?,
        Needs::Programs => setup::everything(repository, &Group::ALL)?,
    }
    setup::lints(repository)?;
    let mut results = Vec::new();
    for (index, stage) in chosen.iter().enumerate() {
        say::step(&format!("[{}/{}] {}: {}", index + 1, chosen.len(), stage.name, stage.purpose));
        let begun = Instant::now();
        let result = (stage.run)(repository);
        let took = begun.elapsed();
        match &result {
            Ok(()) => say::done(&format!("{} passed in {}", stage.name, Took(took))),
            Err(error) => say::error(&format!("{} failed after {}: {error:#}", stage.name, Took(took))),
        }
        let failed = result.is_err();
        results.push((stage.name, took, failed));
        if failed && !keep_going {
            break;
        }
    }
    Ok(summarize(&chosen, &results))
}

fn choose(names: &[&str]) -> Result<Vec<&'static Stage>> {
    if names.is_empty() {
        return Ok(STAGES.iter().collect());
    }
    if let Some(unknown) = names.iter().find(|name| !STAGES.iter().any(|stage| stage.name == **name)) {
        bail!("there is no stage `{unknown}`; there are: {}", self::names().join(" "));
    }
    // In the suite's own order: later stages use what earlier ones build.
    Ok(STAGES.iter().filter(|stage| names.contains(&stage.name)).collect())
}

fn summarize(chosen: &[&Stage], results: &[(&str, Duration, bool)]) -> ExitCode {
    println!();
    println!("{:<10} {:<8} {:>8}", "stage", "result", "time");
    for stage in chosen {
        match results.iter().find(|(name, ..)| *name == stage.name) {
            Some((name, took, failed)) => {
                let result = if *failed { "FAILED" } else { "passed" };
                println!("{name:<10} {result:<8} {:>8}", Took(*took).to_string());
            }
            None => println!("{:<10} {:<8}", stage.name, "not run"),
        }
    }
    let failed = results.iter().filter(|(.., failed)| *failed).count();
    let total: Duration = results.iter().map(|(_, took, _)| *took).sum();
    let passed = results.len() - failed;
    println!(
        "{passed} stages passed, {failed} failed, {} not run, {}",
        chosen.len() - results.len(),
        Took(total)
    );
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A duration as a person reads it: `4.2 s`, `3 min 05 s`.
struct Took(Duration);

impl std::fmt::Display for Took {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let seconds = self.0.as_secs_f32();
        let text = if seconds < 59.95 {
            format!("{seconds:.1} s")
        } else {
            let whole = self.0.as_secs();
            format!("{} min {:02} s", whole / 60, whole % 60)
        };
        f.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_are_chosen_by_name_and_run_in_the_suites_order() {
        let chosen: Vec<&str> = choose(&["unit", "fmt"]).unwrap().iter().map(|stage| stage.name).collect();
        assert_eq!(chosen, ["fmt", "unit"]);
        assert!(choose(&["no-such-stage"]).is_err());
        assert_eq!(choose(&[]).unwrap().len(), STAGES.len());
    }

    #[test]
    fn durations_read_well() {
        assert_eq!(Took(Duration::from_millis(4_240)).to_string(), "4.2 s");
        assert_eq!(Took(Duration::from_secs(185)).to_string(), "3 min 05 s");
    }
}
