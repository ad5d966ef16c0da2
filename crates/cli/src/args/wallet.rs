//! What can be typed after `tern wallet`.

use clap::{Subcommand, ValueEnum};
use tern_engine::api::TransactionKind;

use super::Account;

#[derive(Debug, clap::Args)]
pub(crate) struct Wallet {
    #[command(subcommand)]
    pub(crate) command: WalletCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum WalletCommand {
    /// Start a top-up: tells the provider's page to pay on
    Topup {
        /// Such as 25.00
        amount: String,
        /// Wait until it is paid, or given up
        #[arg(long)]
        wait: bool,
        #[command(flatten)]
        account: Account,
    },
    /// List the provider's ledger, newest first
    Transactions {
        /// The first day, YYYY-MM-DD
        #[arg(long, value_name = "DAY")]
        from: Option<String>,
        /// The last day, YYYY-MM-DD
        #[arg(long, value_name = "DAY")]
        to: Option<String>,
        /// Only these; may be given several times
        #[arg(long, value_enum, value_name = "KIND")]
        kind: Vec<Kind>,
        /// At most so many rows
        #[arg(long, value_name = "N", default_value_t = 100)]
        limit: usize,
        #[command(flatten)]
        account: Account,
    },
    /// List the requests for money back; with SERVICE, AMOUNT and REASON, make one
    Refund {
        /// The number, order or top-up it is about
        #[arg(requires = "amount", requires = "reason")]
        service: Option<String>,
        /// Such as 4.90
        amount: Option<String>,
        /// The provider's code for it, such as out_of_service or changed_mind
        reason: Option<String>,
        /// The environment variable that says where the money should go, for money that leaves the account
        #[arg(long, value_name = "VAR")]
        pay_to_env: Option<String>,
        #[command(flatten)]
        account: Account,
    },
}

impl WalletCommand {
    /// Which account acts.
    pub(crate) fn account(&self) -> &Account {
        match self {
            Self::Topup { account, .. }
            | Self::Transactions { account, .. }
            | Self::Refund { account, .. } => account,
        }
    }
}

/// Why money moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    Order,
    Renewal,
    Restore,
    Call,
    Sms,
    Topup,
    Cashback,
    Refund,
    Adjustment,
}

impl From<Kind> for TransactionKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Order => Self::Order,
            Kind::Renewal => Self::Renewal,
            Kind::Restore => Self::Restore,
            Kind::Call => Self::Call,
            Kind::Sms => Self::Sms,
            Kind::Topup => Self::TopUp,
            Kind::Cashback => Self::Cashback,
            Kind::Refund => Self::Refund,
            Kind::Adjustment => Self::Adjustment,
        }
    }
}
