//! Which account acts, and where what is kept lies.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    str::FromStr,
};

use clap::ValueEnum;

/// Which account acts.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Account (the first stored one unless told otherwise)")]
pub(crate) struct Account {
    /// A stored account, by number, name or address
    #[arg(long, value_name = "ACCOUNT", conflicts_with_all = ["sandbox", "user", "direct"])]
    pub(crate) account: Option<String>,
    /// Where stored accounts lie; the window's own place unless given
    #[arg(long, value_name = "DIR", env = "TERN_DATA_DIR")]
    pub(crate) data: Option<PathBuf>,
    /// The API address that `tern sandbox` printed: takes its first demo account
    #[arg(long, value_name = "URL", conflicts_with_all = ["user", "direct"])]
    pub(crate) sandbox: Option<String>,
    /// Another of the sandbox's accounts, by name or SIP user
    #[arg(long, value_name = "NAME", requires = "sandbox")]
    pub(crate) sandbox_account: Option<String>,
    /// Another of the sandbox's accounts, by its place, from 0
    #[arg(long, value_name = "N", requires = "sandbox", conflicts_with = "sandbox_account")]
    pub(crate) account_index: Option<usize>,
    /// A SIP account given whole: its user
    #[arg(long, requires = "domain", requires = "password_env", conflicts_with = "direct")]
    pub(crate) user: Option<String>,
    /// Its domain
    #[arg(long, requires = "user")]
    pub(crate) domain: Option<String>,
    /// The environment variable that holds the password
    #[arg(long, value_name = "VAR")]
    pub(crate) password_env: Option<String>,
    /// Where to send, when it is not the domain; several in the order to try
    #[arg(long, value_name = "HOST[:PORT]", requires = "user")]
    pub(crate) proxy: Vec<String>,
    #[command(flatten)]
    pub(crate) way: Way,
    /// Without an account: call and be called at plain addresses. Whoever reaches the port can ring
    #[arg(long)]
    pub(crate) direct: bool,
    /// The local SIP address
    #[arg(long, value_name = "IP[:PORT]")]
    pub(crate) bind: Option<Bind>,
    /// Ask this DNS server instead of the system's
    #[arg(long, value_name = "ADDR:PORT", env = "TERN_DNS")]
    pub(crate) dns: Option<SocketAddr>,
    /// Print every SIP message as it comes and goes on standard error, without passwords
    #[arg(long)]
    pub(crate) trace: bool,
    #[command(flatten)]
    pub(crate) history: History,
}

/// The history that the window uses.
#[derive(Debug, Default, clap::Args)]
#[group(skip)]
pub(crate) struct Stored {
    /// Where it lies; the window's own place unless given
    #[arg(long, value_name = "DIR", env = "TERN_DATA_DIR", global = true)]
    pub(crate) data: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) history: History,
}

/// What is read: the history that the window uses, or that of a sandbox's account, read anew.
#[derive(Debug, Default, clap::Args)]
#[group(skip)]
pub(crate) struct Kept {
    #[command(flatten)]
    pub(crate) stored: Stored,
    /// The API address that `tern sandbox` printed: what its first demo account has, in place of what is stored
    #[arg(long, value_name = "URL")]
    pub(crate) sandbox: Option<String>,
    /// Another of the sandbox's accounts, by name or SIP user
    #[arg(long, value_name = "NAME", requires = "sandbox")]
    pub(crate) sandbox_account: Option<String>,
    /// Another of the sandbox's accounts, by its place, from 0
    #[arg(long, value_name = "N", requires = "sandbox", conflicts_with = "sandbox_account")]
    pub(crate) account_index: Option<usize>,
}

/// How the stored history is opened where no keyring has its key.
#[derive(Debug, Default, clap::Args)]
#[group(skip)]
pub(crate) struct History {
    /// Where no keyring has the history's key: the first line of this file is its passphrase
    #[arg(long, value_name = "FILE", conflicts_with = "no_history", global = true)]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// Where no keyring has the history's key: keep nothing, and see nothing of what was kept
    #[arg(long, global = true)]
    pub(crate) no_history: bool,
}

/// How SIP travels, for an account given whole.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Way {
    /// How SIP travels: auto asks the domain's DNS records
    #[arg(long, value_enum, default_value_t = Transport::Auto)]
    pub(crate) transport: Transport,
    /// Believe the authorities in this file (PEM or DER) in place of the system's
    #[arg(long, value_name = "FILE", requires = "user")]
    pub(crate) ca: Option<PathBuf>,
    /// Register without RFC 5626, for servers it confuses
    #[arg(long, requires = "user")]
    pub(crate) no_outbound: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Transport {
    #[default]
    Auto,
    Udp,
    Tcp,
    Tls,
}

/// A local address whose port may be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bind {
    pub(crate) ip: IpAddr,
    pub(crate) port: Option<u16>,
}

impl Bind {
    pub(crate) const ANY: Self = Self { ip: IpAddr::V4(Ipv4Addr::UNSPECIFIED), port: None };

    /// With `port` where none was given.
    pub(crate) fn or_port(self, port: u16) -> SocketAddr {
        SocketAddr::new(self.ip, self.port.unwrap_or(port))
    }
}

impl FromStr for Bind {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(full) = text.parse::<SocketAddr>() {
            return Ok(Self { ip: full.ip(), port: Some(full.port()) });
        }
        let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
        bare.parse().map(|ip| Self { ip, port: None }).map_err(|_| "not an IP address, or IP:PORT")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_address_may_leave_out_its_port() {
        let check = |text: &str, expect: &str| {
            assert_eq!(
                text.parse::<Bind>().map(|bind| bind.or_port(5060).to_string()),
                Ok(expect.to_owned())
            );
        };
        check("127.0.0.1", "127.0.0.1:5060");
        check("127.0.0.1:0", "127.0.0.1:0");
        check("::1", "[::1]:5060");
        check("[::1]", "[::1]:5060");
        check("[::1]:5070", "[::1]:5070");
        assert!("localhost".parse::<Bind>().is_err());
        assert!("127.0.0.1:99999".parse::<Bind>().is_err());
    }
}
