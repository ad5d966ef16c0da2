//! What can be typed after `tern contacts` and `tern block`.

use std::path::PathBuf;

use clap::Subcommand;

use super::Stored;

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
