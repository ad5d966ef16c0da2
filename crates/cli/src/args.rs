//! The command line: what can be typed, and what is refused before anything starts. A command's words stand in its
//! own file.

mod account;
mod accounts;
mod activity;
mod call;
mod check;
mod contacts;
mod delete;
mod numbers;
mod provider;
mod rates;
mod sandbox;
mod search;
mod sound;
mod wallet;

use std::{ffi::OsString, process::ExitCode};

use clap::{ArgAction, Parser, Subcommand, error::ErrorKind};
use serde_json::json;

pub(crate) use account::{Account, Bind, History, Kept, Stored, Transport, Way};
pub(crate) use accounts::{AccountProvider, Accounts, AccountsCommand, Company, NewAccount};
pub(crate) use activity::{Activity, Balance, Sms, SmsCommand};
pub(crate) use call::{Answer, Call, Register};
pub(crate) use check::{Check, Play};
pub(crate) use contacts::{Block, BlockCommand, CarddavCommand, Contacts, ContactsCommand};
pub(crate) use delete::Delete;
pub(crate) use numbers::{Numbers, NumbersCommand};
pub(crate) use provider::{Provider, ProviderCheck, ProviderCommand};
pub(crate) use rates::Rates;
pub(crate) use sandbox::{Digest, Sandbox, SandboxAction, SandboxClock};
pub(crate) use search::{Export, ExportedAs, Search, SearchedKind};
pub(crate) use sound::{Sound, Switch};
pub(crate) use wallet::{Wallet, WalletCommand};

use crate::{
    exit::{self, Exit},
    report::Report,
};

/// Tern without a window.
///
/// Prints one JSON object a line on standard output, and sentences for people on standard error.
#[derive(Debug, Parser)]
#[command(name = "tern", version, after_help = exit::table(), after_long_help = exit::table())]
pub(crate) struct Args {
    /// Tell on standard error what happens; twice for more
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a whole provider on this computer until stopped
    Sandbox(Sandbox),
    /// List, add or remove stored accounts
    Accounts(Accounts),
    /// Register, tell how it went, un-register
    Register(Register),
    /// Call a number, a name the provider knows (`echo`) or a SIP address
    Call(Call),
    /// Wait for one call and take it
    Answer(Answer),
    /// Send or list SMS
    Sms(Sms),
    /// List Recent Activity, newest last
    Activity(Activity),
    /// Tell the balance
    Balance(Balance),
    /// List, order, restore, renew and forward numbers; greetings and papers
    Numbers(Numbers),
    /// Top up, list the ledger, ask for money back
    Wallet(Wallet),
    /// Tell what a call or an SMS to a number comes to
    Rates(Rates),
    /// Play a recording or a voice message to its end
    Play(Play),
    /// Ask a server of the provider API whether it keeps what the API promises
    Provider(Provider),
    /// Find messages and calls by words, names, notes or parts of numbers
    Search(Search),
    /// Write everything kept, but for secrets, into a file
    Export(Export),
    /// List, add, remove, import or export contacts
    Contacts(Contacts),
    /// Turn a number's calls down and keep its SMS aside, without a word
    Block(Block),
    /// Delete all that was written and called with somebody
    Delete(Delete),
    /// Check the sound: what the microphone hears is played back a second later
    Check(Check),
}

/// A command line that ends here: help was asked for, or it can't be used.
#[derive(Debug)]
pub(crate) struct Ended(clap::Error);

impl Ended {
    /// Tells it.
    pub(crate) fn finish(&self, report: &Report) -> ExitCode {
        let _ = self.0.print();
        if matches!(self.0.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
            return Exit::Done.into();
        }
        let line = json!({ "event": "error", "code": "usage", "fault": "user", "detail": self.detail() });
        let _ = report.line(&line);
        Exit::Usage.into()
    }

    /// The first paragraph of clap's own text, without its label.
    fn detail(&self) -> String {
        let text = self.0.to_string();
        let first = text.split("\n\n").next().unwrap_or_default();
        first.strip_prefix("error: ").unwrap_or(first).split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// Reads the command line.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Args, Ended> {
    Args::try_parse_from(args).map_err(Ended)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use clap::CommandFactory;

    use super::*;
    use crate::audio::End;

    fn read(line: &str) -> Result<Args, Ended> {
        parse(line.split(' ').map(OsString::from))
    }

    #[test]
    fn the_definition_holds_together() {
        Args::command().debug_assert();
    }

    #[test]
    fn a_call_takes_target_sound_and_account() {
        let line = "tern -v call echo --sandbox http://127.0.0.1:1 --codec pcmu --codec opus --audio-in a.wav \
                    --audio-out null --seconds 4";
        let args = read(line).unwrap();
        assert_eq!(args.verbose, 1);
        let Command::Call(call) = args.command else { panic!("a call") };
        assert_eq!(call.target, "echo");
        assert_eq!(call.account.sandbox.as_deref(), Some("http://127.0.0.1:1"));
        assert_eq!(call.sound.codec.iter().map(|c| c.name()).collect::<Vec<_>>(), ["PCMU", "opus"]);
        assert_eq!(call.sound.audio_in, End::File("a.wav".into()));
        assert_eq!(call.sound.audio_out, End::Null);
        assert_eq!(call.sound.seconds, Some(4));
        assert_eq!(call.sound.media().processing, None);
        let args = read("tern call echo --sandbox http://127.0.0.1:1 --processing off").unwrap();
        let Command::Call(call) = args.command else { panic!("a call") };
        assert_eq!(call.sound.media().processing, Some(false));
    }

    #[test]
    fn what_cannot_be_used_is_refused_with_a_reason() {
        let check = |line, part: &str| {
            let ended = read(line).expect_err(line);
            assert!(ended.detail().contains(part), "{line}: {}", ended.detail());
        };
        check("tern", "");
        check("tern call", "<TARGET>");
        check("tern call echo --sandbox http://x --direct", "cannot be used with");
        check("tern call echo --user u --domain d", "--password-env");
        check("tern call echo --proxy 127.0.0.1:5060", "--user");
        check("tern call echo --account-index 1", "--sandbox");
        check("tern call echo --codec speex", "speex");
        check("tern call echo --bind nowhere", "not an IP address");
        check("tern call echo --passphrase-file f --no-history", "cannot be used with");
        check("tern call echo --seconds -1", "-1");
        check("tern call echo --transport sctp", "sctp");
        check("tern call echo --ca ca.pem", "--user");
        check("tern register --password secret", "--password");
        check("tern provider check http://x --token secret", "--token");
        check("tern provider check http://x --to +447700900123", "--spend");
        check("tern search a --account-index 1", "--sandbox");
        check("tern sandbox --sip 5060", "5060");
        check("tern sandbox clock", "--sandbox");
        check("tern sandbox clock --sandbox http://x --set 1 --advance 2", "cannot be used with");
    }

    #[test]
    fn sms_and_accounts_have_words_of_their_own() {
        let args =
            read("tern sms send --from +4915112345678 +447700900123 hello --sandbox http://x").unwrap();
        let Command::Sms(Sms { command: SmsCommand::Send { from, to, text, .. } }) = args.command else {
            panic!("sms send")
        };
        assert_eq!((from.as_deref(), &*to, &*text), (Some("+4915112345678"), "+447700900123", "hello"));
        assert!(matches!(
            read("tern accounts").unwrap().command,
            Command::Accounts(Accounts { command: None, .. })
        ));
        assert!(read("tern accounts remove 2 --data /tmp/x").is_ok());
        let line =
            "tern accounts add --user u --domain d --proxy a --proxy b:5061 --transport tls --ca /c.pem";
        let Command::Accounts(Accounts { command: Some(AccountsCommand::Add(add)), .. }) =
            read(line).unwrap().command
        else {
            panic!("accounts add")
        };
        assert_eq!(
            (add.proxy, add.way.transport),
            (vec!["a".to_owned(), "b:5061".to_owned()], Transport::Tls)
        );
        assert_eq!(add.way.ca, Some(PathBuf::from("/c.pem")));
        // Only a provider may stand in for the SIP account.
        assert!(read("tern accounts add").is_err());
        assert!(read("tern accounts add --provider telnyx --user u").is_err());
        let telnyx = read("tern accounts add --provider telnyx --provider-token-env KEY");
        let Command::Accounts(Accounts { command: Some(AccountsCommand::Add(add)), .. }) =
            telnyx.unwrap().command
        else {
            panic!("accounts add")
        };
        assert_eq!((add.provider.provider, add.user), (Some(Company::Telnyx), None));
    }
}
