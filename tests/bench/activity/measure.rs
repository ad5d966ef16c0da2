//! The run: a provider and an engine for each number of messages.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};

use anyhow::{Context, Result, bail};
use tern_sandbox::{Sandbox, SandboxConfig, Settings};

use crate::{
    clocks::now,
    figures::Life,
    life,
    report::{Measured, Report},
    wire::Wire,
};

const USAGE: &str = "\
cargo xtask bench activity [OPTION..]

  --quick             up to 100,000 messages; without it 1,000,000 too
  --messages N,N..    so many messages instead
  --report FILE       where the report goes, as FILE.md and FILE.json
";

/// The word by which this program knows that it is to be the engine.
const ENGINE: &str = "--engine";

struct Options {
    messages: Vec<u32>,
    report: PathBuf,
}

/// Measures what was asked for; fails when a demand is missed.
pub(crate) fn everything() -> Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [word, url, folder] = arguments.as_slice()
        && word == ENGINE
    {
        life::tell(url, Path::new(folder))?;
        return Ok(ExitCode::SUCCESS);
    }
    let Some(options) = options(&arguments)? else {
        print!("{USAGE}");
        return Ok(ExitCode::SUCCESS);
    };
    let mut report = Report::new(&options.report);
    for messages in options.messages {
        eprintln!("{messages} messages");
        report.add(one(messages)?);
        report.write()?;
    }
    println!("{}", report.text());
    Ok(if report.met() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn options(arguments: &[String]) -> Result<Option<Options>> {
    let mut options = Options {
        messages: vec![1_000, 10_000, 100_000, 1_000_000],
        report: Path::new("target").join("bench-activity"),
    };
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().with_context(|| format!("{argument} needs a value"));
        match argument.as_str() {
            "--quick" => options.messages.retain(|messages| *messages <= 100_000),
            "--messages" => {
                let numbers = value()?.split(',').map(str::parse).collect::<Result<_, _>>();
                options.messages = numbers.context("--messages takes numbers with commas between")?;
            }
            "--report" => options.report = value()?.into(),
            "--help" => return Ok(None),
            _ => bail!("there is no option {argument}\n{USAGE}"),
        }
    }
    Ok(Some(options))
}

fn one(messages: u32) -> Result<Measured> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let began = now();
    // Nobody writes by themselves while it is measured.
    let settings = Settings { welcome_after: std::time::Duration::from_secs(86_400), ..Settings::default() };
    let config = SandboxConfig { backlog: messages, settings, ..SandboxConfig::default() };
    let sandbox = runtime.block_on(Sandbox::start(config)).context("the provider did not start")?;
    eprintln!("  the provider has them after {:.1} s", now().saturating_sub(began) as f64 / 1e6);
    let far: SocketAddr = sandbox.http_url().trim_start_matches("http://").parse()?;
    let wire = Wire::default();
    let near = wire.lay(far)?;
    let folder = Folder::new()?;
    let output = Command::new(std::env::current_exe()?)
        .args([ENGINE, &format!("http://{near}")])
        .arg(&folder.0)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("the engine's process")?;
    if !output.status.success() {
        bail!("the engine's process ended with {}", output.status);
    }
    let life: Life =
        serde_json::from_slice(&output.stdout).context("the engine's process says something else")?;
    let exchanges = wire.until(life.synced);
    runtime.block_on(sandbox.shutdown());
    Ok(Measured { asked_for: messages, life, exchanges })
}

/// Where the engine keeps its database; gone afterwards.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("tern-bench-activity-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
