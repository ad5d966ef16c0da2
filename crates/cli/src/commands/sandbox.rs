//! `tern sandbox`: a whole provider on this computer, until stopped.

use std::path::Path;

use serde_json::{Value, json};
use tern_engine::{ClockChange, sandbox_clock};
use tern_sandbox::{DemoAccount, DigestAlgorithm, Sandbox, SandboxConfig, Settings, StartError};

use crate::{
    args::{self, SandboxAction},
    exit::Exit,
    failure::Failure,
    report::{Report, plain},
    stop::Stop,
};

pub(crate) async fn run(args: args::Sandbox, report: &Report, stop: &mut Stop) -> Result<Exit, Failure> {
    if let Some(SandboxAction::Clock(args)) = args.action {
        return clock(args, report).await;
    }
    let mut settings = match &args.settings {
        Some(path) => read(path)?,
        None => Settings { digest_algorithms: vec![DigestAlgorithm::Md5], ..Settings::default() },
    };
    if !args.digest.is_empty() {
        settings.digest_algorithms = args.digest.into_iter().map(algorithm).collect();
    }
    let config = SandboxConfig {
        sip: args.sip,
        http: args.http,
        data: args.data,
        settings,
        ..SandboxConfig::default()
    };
    let sandbox = Sandbox::start(config).await.map_err(failure)?;
    report.say(format!("the sandbox is running at {}; Ctrl-C stops it", sandbox.http_url()));
    report.say(format!("try: tern call echo --sandbox {}", sandbox.http_url()));
    let told = report.line(&line(&sandbox));
    if told.is_ok() {
        stop.asked().await;
    }
    sandbox.shutdown().await;
    told.map(|()| Exit::Done)
}

/// Another sandbox's clock: told, or set ahead first.
async fn clock(args: args::SandboxClock, report: &Report) -> Result<Exit, Failure> {
    let change = args.set.map(ClockChange::Set).or(args.advance.map(ClockChange::Advance));
    let clock = sandbox_clock(&args.sandbox, change.as_ref()).await?;
    report.say(format!("the sandbox takes {} for now", clock.now));
    report.line(&json!({
        "event": "clock",
        "now": clock.now.to_string(),
        "ahead_seconds": clock.ahead_seconds,
        "next_due": clock.next_due.map(|at| at.to_string()),
    }))?;
    Ok(Exit::Done)
}

fn read(path: &Path) -> Result<Settings, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::machine("fileFailed", "The file with the settings can't be read.", error.to_string())
    })?;
    Settings::read(&text).map_err(|error| {
        Failure::usage("badSettings", format!("{} can't be used: {error}.", plain(&path.to_string_lossy())))
    })
}

fn algorithm(digest: args::Digest) -> DigestAlgorithm {
    match digest {
        args::Digest::Md5 => DigestAlgorithm::Md5,
        args::Digest::Sha256 => DigestAlgorithm::Sha256,
    }
}

/// Whoever starts a sandbox may use its accounts: this one line tells their secrets, which open nothing else.
fn line(sandbox: &Sandbox) -> Value {
    let accounts = sandbox.accounts();
    json!({
        "event": "sandbox",
        "api": sandbox.http_url(),
        "sip": sandbox.sip_addr().to_string(),
        "token": accounts.first().map(|account| account.token.reveal()),
        "accounts": accounts.iter().map(account).collect::<Vec<_>>(),
    })
}

fn account(account: &DemoAccount) -> Value {
    json!({
        "name": account.name,
        "user": account.sip.user,
        "password": account.sip.password.reveal(),
        "domain": account.sip.domain,
        "proxy": account.sip.proxy,
        "token": account.token.reveal(),
        "numbers": account.numbers,
    })
}

fn failure(error: StartError) -> Failure {
    match error {
        StartError::NotLoopback(address) => Failure::usage(
            "notLoopback",
            format!("{address} can be reached from other computers; the sandbox stays on this one."),
        ),
        StartError::Bind { address, error } => Failure::machine(
            "addressInUse",
            format!("The sandbox can't listen on {address}. Give another address, or port 0 for a free one."),
            error.to_string(),
        ),
        StartError::Store(error) => {
            Failure::machine("storageFailed", "The sandbox can't use its data directory.", error.to_string())
        }
    }
}
