//! What can be typed after `tern sandbox`.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Subcommand, ValueEnum};

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
