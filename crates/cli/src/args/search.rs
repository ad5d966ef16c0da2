//! What can be typed after `tern search` and `tern export`.

use std::path::PathBuf;

use clap::ValueEnum;

use super::Kept;

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
    /// Only rows of blocked numbers, which are left out otherwise
    #[arg(long)]
    pub(crate) blocked: bool,
    /// At most so many rows, the newest
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) limit: u32,
    #[command(flatten)]
    pub(crate) kept: Kept,
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
    pub(crate) kept: Kept,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportedAs {
    Json,
    Csv,
}
