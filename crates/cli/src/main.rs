//! `tern`: Tern without a window, for scripts, tests and terminals.
//!
//! ```text
//! tern sandbox                                     a provider on this computer; prints its address, runs until stopped
//! tern call echo --sandbox URL --audio-in hello.wav --audio-out heard.wav
//! tern answer --sandbox URL --after 500            waits for one call and takes it
//! tern register --user U --domain D --password-env VAR --proxy HOST:PORT
//! tern sms send +447700900123 "On my way" --sandbox URL
//! tern play talk.opus | tern check               hears a recording; hears whether this computer's sound works
//! tern search cafe --kind message               finds words, names and parts of numbers in what is kept
//! tern contacts import people.vcf | tern block add +447700900123 --spam | tern export --format csv all.csv
//! tern delete +447700900123 --at-provider          a conversation goes, there as well
//! tern numbers list | tern wallet transactions | tern rates +4930231250
//! tern sms list | tern activity --follow | tern balance | tern accounts
//! ```
//!
//! Standard output carries one JSON object a line, each with an `event`; standard error carries sentences for
//! people, and the log with `-v`. The exit status tells the kind of end, see [`exit`]. A command that fails prints
//! `{"event":"error","code":…,"fault":…,"detail":…}`; a call's last line is always its summary.
//!
//! Which account acts is the same question for every command, see [`account`]: a stored one, a sandbox's, one given
//! whole, or none at all (`--direct`). Passwords come from the environment, the keyring or a prompt, never from an
//! argument, which every user of the computer could read.
//!
//! Here belongs what a terminal needs: arguments, lines, signals, exit codes. What a call or a message is belongs to
//! the engine; the provider on this computer is the crate `tern-sandbox`.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod account;
mod args;
mod audio;
mod commands;
mod exit;
mod failure;
mod history;
mod keyring;
mod log;
mod report;
mod stop;
mod watch;

use std::process::ExitCode;
use std::time::Duration;

use args::Command;
use exit::Exit;
use failure::Failure;
use report::Report;
use stop::Stop;

/// How long threads may take to end at the end.
const FAREWELL: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let report = Report::new();
    let args = match args::parse(std::env::args_os()) {
        Ok(args) => args,
        Err(ended) => return ended.finish(&report),
    };
    log::start(args.verbose);
    let ended = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => {
            let ended = runtime.block_on(run(args.command, &report));
            // What opens or reads the history to its end uses a library that the end of the process takes away: it
            // would crash. Nobody waits for a keyring's prompt, though, that may still be open.
            runtime.shutdown_timeout(FAREWELL);
            ended
        }
        Err(error) => Err(Failure::machine("runtime", "Tern could not start.", error.to_string())),
    };
    match ended {
        Ok(exit) => exit.into(),
        Err(failure) => report.failure(&failure).into(),
    }
}

async fn run(command: Command, report: &Report) -> Result<Exit, Failure> {
    let mut stop = Stop::listen()?;
    match command {
        Command::Sandbox(args) => commands::sandbox::run(args, report, &mut stop).await,
        Command::Accounts(args) => commands::accounts::run(args, report, &mut stop).await,
        Command::Register(args) => commands::register::run(args, report, &mut stop).await,
        Command::Call(args) => commands::call::run(args, report, &mut stop).await,
        Command::Answer(args) => commands::answer::run(args, report, &mut stop).await,
        Command::Sms(args) => commands::sms::run(args, report, &mut stop).await,
        Command::Activity(args) => commands::activity::run(args, report, &mut stop).await,
        Command::Balance(args) => commands::balance::run(args, report, &mut stop).await,
        Command::Numbers(args) => commands::numbers::run(args, report, &mut stop).await,
        Command::Wallet(args) => commands::wallet::run(args, report, &mut stop).await,
        Command::Rates(args) => commands::rates::run(args, report, &mut stop).await,
        Command::Play(args) => commands::play::run(args, report, &mut stop).await,
        Command::Provider(args) => commands::provider::run(args, report, &mut stop).await,
        Command::Search(args) => commands::search::run(args, report, &mut stop).await,
        Command::Export(args) => commands::search::export(args, report, &mut stop).await,
        Command::Contacts(args) => commands::contacts::run(args, report, &mut stop).await,
        Command::Block(args) => commands::contacts::block(args, report, &mut stop).await,
        Command::Delete(args) => commands::delete::run(args, report, &mut stop).await,
        Command::Check(args) => commands::check::run(args, report, &mut stop).await,
    }
}
