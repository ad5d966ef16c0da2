//! What can be typed after `tern activity`, `tern sms` and `tern balance`.

use clap::Subcommand;

use super::Account;

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
