//! What can be typed after `tern provider`.

use std::path::PathBuf;

use clap::Subcommand;

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
