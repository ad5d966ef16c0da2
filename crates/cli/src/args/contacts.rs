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
    /// Have one's calls ring while everybody else's don't, or not
    Favourite {
        /// As the list has it
        id: u32,
        /// Whether they do
        #[arg(value_enum)]
        switch: super::Switch,
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
    /// List address books at CardDAV servers (also without any word), add one, read them anew, forget one
    Carddav {
        #[command(subcommand)]
        command: Option<CarddavCommand>,
    },
    /// Write them into a vCard file, version 4.0
    Export {
        /// Replaced if it is there
        file: PathBuf,
    },
}

/// Nothing is ever written to a server.
#[derive(Debug, Subcommand)]
pub(crate) enum CarddavCommand {
    /// List them
    List,
    /// Find a user's address books and read them; the password goes to the keyring
    Add {
        /// An address, a host or an e-mail address
        url: String,
        /// Who is known there
        #[arg(long)]
        user: String,
        /// The environment variable that holds the password; asked for at the terminal unless given
        #[arg(long, value_name = "VAR")]
        password_env: Option<String>,
    },
    /// Read them again: what was changed here stays
    Sync {
        /// The environment variable that holds the password, where no keyring has it
        #[arg(long, value_name = "VAR")]
        password_env: Option<String>,
    },
    /// Forget one; its contacts stay
    Remove {
        /// As the list has it
        id: u32,
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
