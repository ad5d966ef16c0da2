//! The account itself and the SIP account that goes with it.

use rust_decimal::Decimal;

use super::{AccountRules, AutomaticTopUp, Cashback, Money, SendLimits};
use crate::Secret;

/// The account itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountInfo {
    /// The account's name at the provider.
    pub name: String,
    /// What can be spent now; negative on the prepaid profile's debt.
    pub balance: Money,
    /// The least and the most a top-up may be, in the balance's currency.
    pub topup_limits: Option<(Decimal, Decimal)>,
    /// How this account tops up by itself, where it does.
    pub automatic_topup: Option<AutomaticTopUp>,
    /// What comes back of what is spent.
    pub cashback: Option<Cashback>,
    /// This account's own limits, where they differ from the provider's.
    pub send_limits: Option<SendLimits>,
    /// What else the provider tells of its rules.
    pub rules: AccountRules,
}

/// The SIP account of a provider's customer.
#[derive(Debug, Clone)]
pub struct SipCredentials {
    /// User part and digest username.
    pub user: String,
    /// Domain of the address of record.
    pub domain: String,
    /// Digest password.
    pub password: Secret,
    /// Where to send, as `host:port`; `None` to look the domain up.
    pub proxy: Option<String>,
}
