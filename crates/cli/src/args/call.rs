//! What can be typed after `tern register`, `tern call` and `tern answer`.

use super::{Account, Sound};

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
