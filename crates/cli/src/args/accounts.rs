//! What can be typed after `tern accounts`.

use std::path::PathBuf;

use clap::Subcommand;

use super::{History, Way};

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
