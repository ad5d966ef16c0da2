//! The command line of `cargo xtask`: reads the arguments, hands over to the library, reports failure.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use xtask::repository::Repository;
use xtask::setup::Group;
use xtask::{bench, codegen, fuzz, run, say, setup, suite, tidy};

const USAGE: &str = "\
Usage: cargo xtask COMMAND

  setup [--tests]                    install what building (and testing) needs
  run [--release] [--seconds N]      build the app and open it on the built-in sandbox provider
  test [STAGE..] [--keep-going]      check and test everything, or the stages named
  bench NAME [OPTION..]              measure, as root: network (moving between networks; --runs N), audio (calls
                                     beside other phones on bad networks; --quick, --help), sandbox (how much the
                                     provider carries; --quick), or activity (Recent Activity with up to
                                     1,000,000 messages, not as root; --quick, --help)
  fuzz [TARGET] [--seconds N]        look for bytes that break what reads them (needs nightly and cargo-fuzz)
  codegen [--check]                  write the window's TypeScript from the engine's types
  tidy                               check the rules of the house

Stages of test: ";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(code) => code,
        Err(error) => {
            say::error(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: &[String]) -> Result<ExitCode> {
    let Some((command, rest)) = arguments.split_first() else {
        usage();
        return Ok(ExitCode::from(2));
    };
    let repository = Repository::here()?;
    match command.as_str() {
        "setup" => {
            let tests = flags(rest, &["--tests"])?.contains(&"--tests");
            setup::everything(&repository, if tests { &Group::ALL } else { &[Group::Build] })?;
            say::done("This machine has what it takes.");
        }
        "run" => {
            let mut options = run::Options::default();
            let mut rest = rest.iter();
            while let Some(argument) = rest.next() {
                match argument.as_str() {
                    "--release" => options.release = true,
                    "--seconds" => {
                        let value = rest.next().context("--seconds needs a number")?;
                        let seconds = value.parse().with_context(|| format!("--seconds {value}"))?;
                        options.run_for = Some(Duration::from_secs(seconds));
                    }
                    other => bail!("run does not know `{other}`"),
                }
            }
            return run::run(&repository, &options);
        }
        "test" => {
            let (flags, names): (Vec<&String>, Vec<&String>) = rest.iter().partition(|a| a.starts_with("--"));
            if let Some(unknown) = flags.iter().find(|flag| **flag != "--keep-going") {
                bail!("test does not know `{unknown}`");
            }
            let names: Vec<&str> = names.into_iter().map(String::as_str).collect();
            return suite::run(&repository, &names, !flags.is_empty());
        }
        "bench" => {
            let Some((name, rest)) = rest.split_first() else {
                bail!("bench needs a name: {}", bench::NAMES.join(" "));
            };
            return bench::measure(&repository, name, rest);
        }
        "fuzz" => {
            let (mut target, mut seconds) = (None, fuzz::SECONDS);
            let mut rest = rest.iter();
            while let Some(argument) = rest.next() {
                match argument.as_str() {
                    "--seconds" => {
                        let value = rest.next().context("--seconds needs a number")?;
                        seconds = value.parse().with_context(|| format!("--seconds {value}"))?;
                    }
                    name if target.is_none() && !name.starts_with("--") => target = Some(name),
                    other => bail!("fuzz does not know `{other}`"),
                }
            }
            return fuzz::run_targets(&repository, target, seconds);
        }
        "codegen" => {
            let check = flags(rest, &["--check"])?.contains(&"--check");
            codegen::run(&repository, check)?;
        }
        "tidy" => {
            flags(rest, &[])?;
            tidy::run(&repository)?;
        }
        "help" | "--help" | "-h" => usage(),
        other => bail!("there is no `cargo xtask {other}`; `cargo xtask help` lists what there is"),
    }
    Ok(ExitCode::SUCCESS)
}

fn usage() {
    println!("{USAGE}{}", suite::names().join(" "));
}

fn flags<'a>(arguments: &'a [String], known: &[&str]) -> Result<Vec<&'a str>> {
    match arguments.iter().find(|argument| !known.contains(&argument.as_str())) {
        Some(unknown) => bail!("`{unknown}` is not known here"),
        None => Ok(arguments.iter().map(String::as_str).collect()),
    }
}
