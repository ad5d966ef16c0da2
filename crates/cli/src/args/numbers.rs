//! What can be typed after `tern numbers`.

use std::path::PathBuf;

use clap::Subcommand;
use tern_engine::api::ForwardTo;

use super::{Account, Switch};

#[derive(Debug, clap::Args)]
pub(crate) struct Numbers {
    #[command(subcommand)]
    pub(crate) command: NumbersCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum NumbersCommand {
    /// List them: when each renews, whether the balance covers it, and what the next 30 days cost in all
    List {
        #[command(flatten)]
        account: Account,
    },
    /// List what can be ordered; with OFFER, order it
    Order {
        /// The id of an offer, as listed
        offer: Option<String>,
        /// List only numbers of this country, such as GB
        #[arg(long, value_name = "COUNTRY", conflicts_with = "offer")]
        country: Option<String>,
        /// How many
        #[arg(long, value_name = "N", default_value_t = 1, requires = "offer")]
        count: u8,
        /// For how many months
        #[arg(long, value_name = "N", default_value_t = 1, requires = "offer")]
        months: u8,
        /// Try it for nothing, where that is offered
        #[arg(long, requires = "offer")]
        trial: bool,
        /// Agree to the price without being asked
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        account: Account,
    },
    /// Bring an expired number back
    Restore {
        /// Which
        number: String,
        /// Agree to the price without being asked
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        account: Account,
    },
    /// Have a number renew by itself, or not
    Renew {
        /// Which
        number: String,
        /// Whether it does
        #[arg(value_enum)]
        switch: Switch,
        #[command(flatten)]
        account: Account,
    },
    /// Tell where a number's calls go, or decide it
    Forward {
        /// Which
        number: String,
        /// To this phone (own-sip), sip:USER@DOMAIN, server:ADDRESS[:PORT] or phone:NUMBER; two at most
        #[arg(long, value_name = "TARGET", value_parser = forward_to)]
        to: Vec<ForwardTo>,
        /// Let two ring one after the other, and not at once
        #[arg(long, requires = "to")]
        in_turn: bool,
        /// Let calls go nowhere
        #[arg(long, conflicts_with = "to")]
        nowhere: bool,
        #[command(flatten)]
        account: Account,
    },
    /// Tell what callers hear before they leave a message, or change it
    Greeting {
        /// Which number
        number: String,
        /// Upload this file and have it played: WAV, PCM, 8 kHz, 16 bit, mono
        #[arg(long, value_name = "FILE.wav", conflicts_with_all = ["play", "off"])]
        upload: Option<PathBuf>,
        /// Have one played that was uploaded, by its id
        #[arg(long, value_name = "ID", conflicts_with = "off")]
        play: Option<String>,
        /// Take no messages
        #[arg(long)]
        off: bool,
        #[command(flatten)]
        account: Account,
    },
    /// List the papers that were handed in, or hand one in
    Documents {
        /// A photo or scan of the passport: JPEG, PNG or PDF
        #[arg(long, value_name = "FILE")]
        passport: Option<PathBuf>,
        /// A bill or the like: JPEG, PNG or PDF
        #[arg(long, value_name = "FILE")]
        proof_of_address: Option<PathBuf>,
        /// Where you are registered
        #[arg(long, num_args = 3, value_names = ["CITY", "STREET", "BUILDING"])]
        address: Option<Vec<String>>,
        #[command(flatten)]
        account: Account,
    },
}

impl NumbersCommand {
    /// Which account acts.
    pub(crate) fn account(&self) -> &Account {
        match self {
            Self::List { account }
            | Self::Order { account, .. }
            | Self::Restore { account, .. }
            | Self::Renew { account, .. }
            | Self::Forward { account, .. }
            | Self::Greeting { account, .. }
            | Self::Documents { account, .. } => account,
        }
    }
}

fn forward_to(text: &str) -> Result<ForwardTo, String> {
    match text.split_once(':') {
        None if text == "own-sip" => Ok(ForwardTo::OwnSip {}),
        Some(("sip", address)) => Ok(ForwardTo::Sip { address: address.to_owned() }),
        Some(("server", address)) => Ok(ForwardTo::Server { address: address.to_owned() }),
        Some(("phone", number)) => Ok(ForwardTo::Phone { number: number.to_owned() }),
        _ => Err("own-sip, sip:USER@DOMAIN, server:ADDRESS[:PORT] or phone:NUMBER".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_call_may_go() {
        for (text, expect) in [
            ("own-sip", Some(ForwardTo::OwnSip {})),
            ("sip:a@b.example", Some(ForwardTo::Sip { address: "a@b.example".into() })),
            ("server:192.0.2.4:5070", Some(ForwardTo::Server { address: "192.0.2.4:5070".into() })),
            ("phone:+447700900318", Some(ForwardTo::Phone { number: "+447700900318".into() })),
            ("+447700900318", None),
            ("fax:1", None),
        ] {
            assert_eq!(forward_to(text).ok(), expect, "{text}");
        }
    }
}
