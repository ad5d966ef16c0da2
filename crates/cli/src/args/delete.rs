//! What can be typed after `tern delete`.

use super::Account;

#[derive(Debug, clap::Args)]
pub(crate) struct Delete {
    /// With whom: a number however it is written, or a name
    pub(crate) peer: String,
    /// Its messages at the provider too, for good; calls stay there
    #[arg(long)]
    pub(crate) at_provider: bool,
    #[command(flatten)]
    pub(crate) account: Account,
}
