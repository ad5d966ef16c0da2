//! The command line: what can be typed, and what is refused before anything starts.

mod desk;

use std::{
    ffi::OsString,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::ExitCode,
    str::FromStr,
};

use clap::{ArgAction, Parser, Subcommand, ValueEnum, error::ErrorKind};
use serde_json::json;
use tern_engine::api::{DtmfWay, MediaKeying, MediaOverrides, MediaSecurity, Secret, TurnServer};

pub(crate) use desk::{Numbers, NumbersCommand, Rates, Wallet, WalletCommand};

use crate::{
    audio::End,
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
    /// Check the sound: what the microphone hears is played back a second later
    Check(Check),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Provider {
    #[command(subcommand)]
    pub(crate) command: ProviderCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ProviderCommand {
    /// Hold a server against docs/provider-api.md, rule by rule
    Check(ProviderCheck),
}

#[derive(Debug, clap::Args)]
pub(crate) struct ProviderCheck {
    /// What precedes /v1 in the server's addresses
    pub(crate) url: String,
    /// The file that holds the token, - for standard input; asked for at the terminal unless given
    #[arg(long, value_name = "FILE", conflicts_with = "token_env")]
    pub(crate) token_file: Option<PathBuf>,
    /// The environment variable that holds the token
    #[arg(long, value_name = "VAR")]
    pub(crate) token_env: Option<String>,
    /// Also check the rules that need an SMS sent (three at most) or a top-up begun; nobody pays the latter
    #[arg(long)]
    pub(crate) spend: bool,
    /// Whom those SMS go to; one of the account's own numbers unless given
    #[arg(long, value_name = "NUMBER", requires = "spend")]
    pub(crate) to: Option<String>,
    /// A cursor that the server gave out so long ago that it has expired
    #[arg(long, value_name = "CURSOR")]
    pub(crate) old_cursor: Option<String>,
    /// Leave out the rule that takes a quarter of a minute of listening
    #[arg(long)]
    pub(crate) no_listen: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Play {
    /// A WAV or Ogg Opus file
    pub(crate) file: PathBuf,
    /// Where it is heard: device, device:NAME, FILE.wav or null
    #[arg(long, value_name = "FILE|device[:NAME]|null", default_value = "device")]
    pub(crate) audio_out: End,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Check {
    /// What is heard: device, device:NAME, FILE.wav or null
    #[arg(long, value_name = "FILE|device[:NAME]|null", default_value = "device")]
    pub(crate) audio_in: End,
    /// Where it is played back: device, device:NAME, FILE.wav or null
    #[arg(long, value_name = "FILE|device[:NAME]|null", default_value = "device")]
    pub(crate) audio_out: End,
    /// How long
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) seconds: u32,
}

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Sandbox {
    #[command(subcommand)]
    pub(crate) action: Option<SandboxAction>,
    /// Where SIP listens (UDP); port 0 takes a free one
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:0")]
    pub(crate) sip: SocketAddr,
    /// Where the API listens (loopback addresses only); port 0 takes a free one
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:0")]
    pub(crate) http: SocketAddr,
    /// Keep everything in this directory; without it, everything is gone at the end
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// The rules it decides by, as docs/provider-settings.md writes them (TOML)
    #[arg(long, value_name = "FILE")]
    pub(crate) settings: Option<PathBuf>,
    /// Offer only this digest; several in the order of preference. Without it and without --settings MD5 alone, which
    /// serves every softphone: some older ones give up when SHA-256 stands beside it
    #[arg(long, value_enum, ignore_case = true, value_name = "NAME")]
    pub(crate) digest: Vec<Digest>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SandboxAction {
    /// Tell a running sandbox's billing clock, or set it ahead: what is due by then happens at once, in order
    Clock(SandboxClock),
}

#[derive(Debug, clap::Args)]
pub(crate) struct SandboxClock {
    /// The API address that `tern sandbox` printed
    #[arg(long, value_name = "URL")]
    pub(crate) sandbox: String,
    /// To this moment, such as 2026-06-01T12:00:00Z
    #[arg(long, value_name = "TIME", conflicts_with = "advance")]
    pub(crate) set: Option<String>,
    /// By this much, such as "3 days" or PT36H
    #[arg(long, value_name = "DURATION")]
    pub(crate) advance: Option<String>,
}

/// A hash of digest authentication, named as on the wire (RFC 7616 section 3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Digest {
    #[value(name = "MD5")]
    Md5,
    #[value(name = "SHA-256")]
    Sha256,
}

/// The history that the window uses.
#[derive(Debug, Default, clap::Args)]
#[group(skip)]
pub(crate) struct Stored {
    /// Where it lies; the window's own place unless given
    #[arg(long, value_name = "DIR", env = "TERN_DATA_DIR", global = true)]
    pub(crate) data: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) history: History,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Search {
    /// Words or their beginnings, a name, or a part of a number; nothing for all that the filters let through
    pub(crate) text: Vec<String>,
    /// Only rows of this number of one's own
    #[arg(long, value_name = "NUMBER")]
    pub(crate) number: Option<String>,
    /// Only rows of this kind
    #[arg(long, value_enum)]
    pub(crate) kind: Option<SearchedKind>,
    /// Only rows of this moment or later, such as 2026-06-01T00:00:00Z
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Only rows before this moment
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
    /// Only rows not seen yet
    #[arg(long)]
    pub(crate) unread: bool,
    /// At most so many rows, the newest
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) limit: u32,
    #[command(flatten)]
    pub(crate) stored: Stored,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SearchedKind {
    Message,
    Call,
    Ledger,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Export {
    /// A file that is not there yet
    pub(crate) file: PathBuf,
    /// json: contacts, blocked numbers and Recent Activity; csv: Recent Activity as a table
    #[arg(long, value_enum, default_value_t = ExportedAs::Json)]
    pub(crate) format: ExportedAs,
    #[command(flatten)]
    pub(crate) stored: Stored,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportedAs {
    Json,
    Csv,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Contacts {
    #[command(subcommand)]
    pub(crate) command: Option<ContactsCommand>,
    #[command(flatten)]
    pub(crate) stored: Stored,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ContactsCommand {
    /// List them (also without any word)
    List,
    /// Add one
    Add {
        /// As shown wherever the number would be
        #[arg(long)]
        name: String,
        /// A number; several for several
        #[arg(long, required = true)]
        number: Vec<String>,
        /// Your own words
        #[arg(long, default_value = "")]
        note: String,
    },
    /// Remove one
    Remove {
        /// As the list has it
        id: u32,
    },
    /// Take over a vCard file; known contacts are brought up to date
    Import {
        /// Version 2.1, 3.0 or 4.0
        file: PathBuf,
    },
    /// Write them into a vCard file, version 4.0
    Export {
        /// Replaced if it is there
        file: PathBuf,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct Block {
    #[command(subcommand)]
    pub(crate) command: Option<BlockCommand>,
    #[command(flatten)]
    pub(crate) stored: Stored,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BlockCommand {
    /// List them (also without any word)
    List,
    /// Block a number
    Add {
        /// In any spelling, or a sender's name
        number: String,
        /// Because it sends spam
        #[arg(long)]
        spam: bool,
    },
    /// Let it through again
    Remove {
        /// As the list has it
        number: String,
    },
}

/// Which account acts.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Account (the first stored one unless told otherwise)")]
pub(crate) struct Account {
    /// A stored account, by number, name or address
    #[arg(long, value_name = "ACCOUNT", conflicts_with_all = ["sandbox", "user", "direct"])]
    pub(crate) account: Option<String>,
    /// Where stored accounts lie; the window's own place unless given
    #[arg(long, value_name = "DIR", env = "TERN_DATA_DIR")]
    pub(crate) data: Option<PathBuf>,
    /// The API address that `tern sandbox` printed: takes its first demo account
    #[arg(long, value_name = "URL", conflicts_with_all = ["user", "direct"])]
    pub(crate) sandbox: Option<String>,
    /// Another of the sandbox's accounts, by name or SIP user
    #[arg(long, value_name = "NAME", requires = "sandbox")]
    pub(crate) sandbox_account: Option<String>,
    /// Another of the sandbox's accounts, by its place, from 0
    #[arg(long, value_name = "N", requires = "sandbox", conflicts_with = "sandbox_account")]
    pub(crate) account_index: Option<usize>,
    /// A SIP account given whole: its user
    #[arg(long, requires = "domain", requires = "password_env", conflicts_with = "direct")]
    pub(crate) user: Option<String>,
    /// Its domain
    #[arg(long, requires = "user")]
    pub(crate) domain: Option<String>,
    /// The environment variable that holds the password
    #[arg(long, value_name = "VAR")]
    pub(crate) password_env: Option<String>,
    /// Where to send, when it is not the domain; several in the order to try
    #[arg(long, value_name = "HOST[:PORT]", requires = "user")]
    pub(crate) proxy: Vec<String>,
    #[command(flatten)]
    pub(crate) way: Way,
    /// Without an account: call and be called at plain addresses. Whoever reaches the port can ring
    #[arg(long)]
    pub(crate) direct: bool,
    /// The local SIP address
    #[arg(long, value_name = "IP[:PORT]")]
    pub(crate) bind: Option<Bind>,
    /// Ask this DNS server instead of the system's
    #[arg(long, value_name = "ADDR:PORT", env = "TERN_DNS")]
    pub(crate) dns: Option<SocketAddr>,
    /// Print every SIP message as it comes and goes on standard error, without passwords
    #[arg(long)]
    pub(crate) trace: bool,
    #[command(flatten)]
    pub(crate) history: History,
}

/// How the stored history is opened where no keyring has its key.
#[derive(Debug, Default, clap::Args)]
#[group(skip)]
pub(crate) struct History {
    /// Where no keyring has the history's key: the first line of this file is its passphrase
    #[arg(long, value_name = "FILE", conflicts_with = "no_history", global = true)]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// Where no keyring has the history's key: keep nothing, and see nothing of what was kept
    #[arg(long, global = true)]
    pub(crate) no_history: bool,
}

/// How SIP travels, for an account given whole.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Way {
    /// How SIP travels: auto asks the domain's DNS records
    #[arg(long, value_enum, default_value_t = Transport::Auto)]
    pub(crate) transport: Transport,
    /// Believe the authorities in this file (PEM or DER) in place of the system's
    #[arg(long, value_name = "FILE", requires = "user")]
    pub(crate) ca: Option<PathBuf>,
    /// Register without RFC 5626, for servers it confuses
    #[arg(long, requires = "user")]
    pub(crate) no_outbound: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Transport {
    #[default]
    Auto,
    Udp,
    Tcp,
    Tls,
}

/// The sound of a call.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Sound")]
pub(crate) struct Sound {
    /// What the other side hears: FILE.wav, device, device:NAME or null
    #[arg(long, value_name = "FILE|device[:NAME]|null", default_value = "device")]
    pub(crate) audio_in: End,
    /// Where the other side is heard: FILE.wav, device, device:NAME or null
    #[arg(long, value_name = "FILE|device[:NAME]|null", default_value = "device")]
    pub(crate) audio_out: End,
    /// Offer only this codec; several in the order of preference
    #[arg(long, value_enum, ignore_case = true, value_name = "NAME")]
    pub(crate) codec: Vec<Codec>,
    /// Length of the packets sent in ms, where the other side asks for no other: 10, 20, 30, 40 or 60
    #[arg(long, value_name = "MS", value_parser = packet_time)]
    pub(crate) ptime: Option<u32>,
    /// Look for ways for the sound by ICE: on or off
    #[arg(long, value_name = "on|off", num_args = 0..=1, default_missing_value = "on", value_parser = on_off)]
    pub(crate) ice: Option<bool>,
    /// A STUN server, which tells this computer's address as seen from outside
    #[arg(long, value_name = "HOST[:PORT]")]
    pub(crate) stun: Option<String>,
    /// A TURN server, which relays the sound where nothing else leads; needs --ice
    #[arg(long, value_name = "USER@HOST[:PORT]", value_parser = turn_server, requires = "turn_password_env")]
    pub(crate) turn: Option<(String, String)>,
    /// The environment variable that holds the TURN server's password
    #[arg(long, value_name = "VAR", requires = "turn")]
    pub(crate) turn_password_env: Option<String>,
    /// How digits go out: auto, as events, by INFO, or as tones in the sound
    #[arg(long, value_enum)]
    pub(crate) dtmf: Option<Dtmf>,
    /// Whether the sound is encrypted: off, where the other side can, or not without
    #[arg(long, value_enum)]
    pub(crate) security: Option<Security>,
    /// How its keys are agreed: auto, in the signalling, or by a handshake beside the sound
    #[arg(long, value_enum)]
    pub(crate) keying: Option<Keying>,
    /// Whether echo, noise and loudness of the microphone are worked on; as in the settings unless given
    #[arg(long, value_enum)]
    pub(crate) processing: Option<Switch>,
    /// Hang up after so many seconds of talk; without it when the file has been played, or else when the other
    /// side hangs up, or with Ctrl-C
    #[arg(long, value_name = "N")]
    pub(crate) seconds: Option<u32>,
    /// Record the talk, this side on the left channel and the other on the right: FILE.wav, or FILE.opus for Opus in
    /// Ogg. Both sides hear a beep now and then
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
    /// Take commands from standard input, a line each: hold, resume, mute, unmute, digits 123#, transfer TARGET,
    /// accept-transfer, reject-transfer, redirect N, hangup
    #[arg(long)]
    pub(crate) control: bool,
}

impl Sound {
    /// Where the talk is recorded.
    pub(crate) fn record(&self) -> Option<String> {
        self.record.as_ref().map(|path| path.to_string_lossy().into_owned())
    }

    /// What stands in place of the account's own options.
    pub(crate) fn media(&self) -> MediaOverrides {
        let names = || self.codec.iter().map(|codec| codec.name().to_owned()).collect();
        MediaOverrides {
            codecs: (!self.codec.is_empty()).then(names),
            packet_ms: self.ptime,
            dtmf: self.dtmf.map(|way| match way {
                Dtmf::Auto => DtmfWay::Auto,
                Dtmf::Rfc4733 => DtmfWay::Rfc4733,
                Dtmf::Info => DtmfWay::Info,
                Dtmf::Inband => DtmfWay::InBand,
            }),
            security: self.security.map(|security| match security {
                Security::Off => MediaSecurity::Off,
                Security::Preferred => MediaSecurity::Preferred,
                Security::Required => MediaSecurity::Required,
            }),
            keying: self.keying.map(|keying| match keying {
                Keying::Auto => MediaKeying::Auto,
                Keying::Sdes => MediaKeying::Sdes,
                Keying::Dtls => MediaKeying::Dtls,
            }),
            ice: self.ice,
            stun_server: self.stun.clone(),
            turn_server: self.turn.clone().map(|(user, server)| {
                let variable = self.turn_password_env.as_deref().unwrap_or_default();
                // A server that wants one refuses the empty one.
                let password = std::env::var(variable).unwrap_or_default();
                TurnServer { server, user, password: Secret(password) }
            }),
            processing: self.processing.map(|switch| switch == Switch::On),
        }
    }
}

/// Whether the sound is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Security {
    Off,
    Preferred,
    Required,
}

/// How the keys of encrypted sound are agreed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Keying {
    Auto,
    Sdes,
    Dtls,
}

/// How digits go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Dtmf {
    Auto,
    Rfc4733,
    Info,
    Inband,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    On,
    Off,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Codec {
    #[value(name = "opus")]
    Opus,
    #[value(name = "G722")]
    G722,
    #[value(name = "PCMU")]
    Pcmu,
    #[value(name = "PCMA")]
    Pcma,
}

/// The packet times that are made.
fn packet_time(text: &str) -> Result<u32, String> {
    let ms = text.parse().ok().filter(|ms| [10, 20, 30, 40, 60].contains(ms));
    ms.ok_or_else(|| String::from("packets are 10, 20, 30, 40 or 60 ms long"))
}

fn on_off(text: &str) -> Result<bool, String> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(String::from("it is on or off")),
    }
}

/// The user before the last `@`, as names of users may hold one.
fn turn_server(text: &str) -> Result<(String, String), String> {
    let parts = text.rsplit_once('@').filter(|(user, server)| !user.is_empty() && !server.is_empty());
    let (user, server) = parts.ok_or_else(|| String::from("it is USER@HOST or USER@HOST:PORT"))?;
    Ok((user.to_owned(), server.to_owned()))
}

impl Codec {
    /// As in its rtpmap (RFC 3551 section 6, RFC 7587 section 7).
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Opus => "opus",
            Self::G722 => "G722",
            Self::Pcmu => "PCMU",
            Self::Pcma => "PCMA",
        }
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct Register {
    /// Stay registered for so many seconds
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seconds: u32,
    #[command(flatten)]
    pub(crate) account: Account,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Call {
    /// Whom to call
    pub(crate) target: String,
    #[command(flatten)]
    pub(crate) sound: Sound,
    #[command(flatten)]
    pub(crate) account: Account,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Answer {
    /// Let it ring for so many milliseconds first
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub(crate) after: u32,
    /// Wait at most so many seconds for a call
    #[arg(long, value_name = "N")]
    pub(crate) wait: Option<u32>,
    #[command(flatten)]
    pub(crate) sound: Sound,
    #[command(flatten)]
    pub(crate) account: Account,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Sms {
    #[command(subcommand)]
    pub(crate) command: SmsCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SmsCommand {
    /// Send one, and wait until the provider has it
    Send {
        /// One of the account's numbers; the first that sends SMS unless given
        #[arg(long, value_name = "NUMBER")]
        from: Option<String>,
        /// To whom
        to: String,
        /// What to say
        text: String,
        #[command(flatten)]
        account: Account,
    },
    /// List them, newest last
    List {
        /// Only those with this number or sender
        #[arg(long, value_name = "NUMBER|NAME")]
        peer: Option<String>,
        /// At most so many, the newest
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: u32,
        #[command(flatten)]
        account: Account,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct Activity {
    /// Go on telling what is new or different, until stopped
    #[arg(long)]
    pub(crate) follow: bool,
    /// At most so many rows at first, the newest
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) limit: u32,
    #[command(flatten)]
    pub(crate) account: Account,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Balance {
    #[command(flatten)]
    pub(crate) account: Account,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Accounts {
    /// Where stored accounts lie; the window's own place unless given
    #[arg(long, value_name = "DIR", env = "TERN_DATA_DIR", global = true)]
    pub(crate) data: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) history: History,
    #[command(subcommand)]
    pub(crate) command: Option<AccountsCommand>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AccountsCommand {
    /// List them (also without any word)
    List,
    /// Store one; its password goes to the keyring
    Add(Box<NewAccount>),
    /// Remove one, with its history on this computer
    Remove {
        /// By number, name or address
        account: String,
    },
}

/// An account to store.
#[derive(Debug, clap::Args)]
pub(crate) struct NewAccount {
    /// What to call it; its address unless given
    #[arg(long, default_value = "")]
    pub(crate) name: String,
    /// May be left out, with --domain, where the provider hands out SIP accounts
    #[arg(long, required_unless_present = "provider", requires = "domain")]
    pub(crate) user: Option<String>,
    #[arg(long, required_unless_present = "provider", requires = "user")]
    pub(crate) domain: Option<String>,
    #[command(flatten)]
    pub(crate) provider: AccountProvider,
    /// The environment variable that holds the password; asked for at the terminal unless given
    #[arg(long, value_name = "VAR")]
    pub(crate) password_env: Option<String>,
    /// Where to send, when it is not the domain; several in the order to try
    #[arg(long, value_name = "HOST[:PORT]")]
    pub(crate) proxy: Vec<String>,
    #[command(flatten)]
    pub(crate) way: Way,
}

/// The provider that an account is of.
#[derive(Debug, Default, clap::Args)]
#[group(skip)]
pub(crate) struct AccountProvider {
    /// Whose API also gives activity, balance and SMS; docs/providers.md tells what each has
    #[arg(long)]
    pub(crate) provider: Option<Company>,
    /// Address of the API (tern) or of the space (signalwire)
    #[arg(long, value_name = "URL", default_value = "", requires = "provider")]
    pub(crate) provider_url: String,
    /// Who is known there: e-mail address, account SID, project or key
    #[arg(long, value_name = "USER", default_value = "", requires = "provider")]
    pub(crate) provider_user: String,
    /// The environment variable that holds the API's password, token or secret; asked for unless given
    #[arg(long, value_name = "VAR", requires = "provider")]
    pub(crate) provider_token_env: Option<String>,
}

/// Providers that there is an adapter for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Company {
    /// VoIP.ms
    Voipms,
    /// Twilio
    Twilio,
    /// SignalWire
    Signalwire,
    /// Telnyx
    Telnyx,
    /// Zadarma
    Zadarma,
    /// Another, by Tern's provider API
    Tern,
}

/// A local address whose port may be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bind {
    pub(crate) ip: IpAddr,
    pub(crate) port: Option<u16>,
}

impl Bind {
    pub(crate) const ANY: Self = Self { ip: IpAddr::V4(Ipv4Addr::UNSPECIFIED), port: None };

    /// With `port` where none was given.
    pub(crate) fn or_port(self, port: u16) -> SocketAddr {
        SocketAddr::new(self.ip, self.port.unwrap_or(port))
    }
}

impl FromStr for Bind {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(full) = text.parse::<SocketAddr>() {
            return Ok(Self { ip: full.ip(), port: Some(full.port()) });
        }
        let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
        bare.parse().map(|ip| Self { ip, port: None }).map_err(|_| "not an IP address, or IP:PORT")
    }
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
    use clap::CommandFactory;

    use super::*;

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
        check("tern sandbox --sip 5060", "5060");
        check("tern sandbox clock", "--sandbox");
        check("tern sandbox clock --sandbox http://x --set 1 --advance 2", "cannot be used with");
    }

    #[test]
    fn a_local_address_may_leave_out_its_port() {
        let check = |text: &str, expect: &str| {
            assert_eq!(
                text.parse::<Bind>().map(|bind| bind.or_port(5060).to_string()),
                Ok(expect.to_owned())
            );
        };
        check("127.0.0.1", "127.0.0.1:5060");
        check("127.0.0.1:0", "127.0.0.1:0");
        check("::1", "[::1]:5060");
        check("[::1]", "[::1]:5060");
        check("[::1]:5070", "[::1]:5070");
        assert!("localhost".parse::<Bind>().is_err());
        assert!("127.0.0.1:99999".parse::<Bind>().is_err());
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
