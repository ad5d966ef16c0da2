//! What can be typed after `tern rates`.

use super::Account;

#[derive(Debug, clap::Args)]
pub(crate) struct Rates {
    /// A number
    pub(crate) target: String,
    /// The account's number to call from; the provider chooses unless given
    #[arg(long, value_name = "NUMBER")]
    pub(crate) from: Option<String>,
    #[command(flatten)]
    pub(crate) account: Account,
}
