//! What a provider can do. The window offers what is there and says what is not.

use std::time::Duration;

/// What a provider can do. [`Capabilities::NONE`] is where an adapter begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// Reports a balance.
    pub balance: bool,
    /// Offers hosted top-up pages.
    pub topup: bool,
    /// Tops up by itself when the balance runs low.
    pub automatic_topup: bool,
    /// Hands out the SIP account's credentials.
    pub sip_credentials: bool,
    /// Issues the SIP account on request.
    pub sip_on_request: bool,

    /// Lists its activity by `snapshot` and `changes`; without, Recent Activity is what this phone saw.
    pub change_feed: bool,
    /// Tells by `hints` when to ask for changes.
    pub hints: bool,
    /// How long to wait between asking for changes, where the provider has a limit of its own.
    pub poll_every: Option<Duration>,
    /// For how many days the provider keeps rows; `None` for ever.
    pub history_days: Option<u16>,
    /// For how many days it keeps the texts of messages, where that is shorter.
    pub text_days: Option<u16>,
    /// Hands out received SMS with their text.
    pub inbox: bool,
    /// Hands out calls that this phone had no part in.
    pub call_log: bool,
    /// Hands out its ledger, as rows of the activity and as pages of `transactions`.
    pub transactions: bool,
    /// Sums up calls, messages and spending over a time.
    pub statistics: bool,

    /// Sends SMS.
    pub send_message: bool,
    /// Sending twice with the same key sends once.
    pub idempotent_send: bool,
    /// The most that is sent; [`super::AccountInfo::send_limits`] may raise it for one account.
    pub send_limits: Option<SendLimits>,
    /// Deletes single messages, for good.
    pub delete_message: bool,
    /// Tells what a call or an SMS to a target costs, and whether it is allowed.
    pub rates: bool,

    /// Lists the numbers to be had and takes orders.
    pub catalogue: bool,
    /// Lets numbers be tried before they are paid.
    pub trials: bool,
    /// Sells numbers for a single SMS.
    pub disposable: bool,
    /// Brings an expired number back.
    pub restore: bool,
    /// Renews by itself, and lets that be switched off per number.
    pub auto_renew: bool,
    /// Lets the user choose where a number's calls go.
    pub forwarding: bool,
    /// Shows the rented number to the callee as a service per number.
    pub caller_id: bool,
    /// Takes voice messages.
    pub voicemail: bool,
    /// Plays a greeting of the user's own before a voice message.
    pub greetings: bool,
    /// Takes papers that some numbers and destinations need.
    pub documents: bool,
    /// Takes requests for money back.
    pub refunds: bool,
}

impl Capabilities {
    /// Nothing at all.
    pub const NONE: Self = Self {
        balance: false,
        topup: false,
        automatic_topup: false,
        sip_credentials: false,
        sip_on_request: false,
        change_feed: false,
        hints: false,
        poll_every: None,
        history_days: None,
        text_days: None,
        inbox: false,
        call_log: false,
        transactions: false,
        statistics: false,
        send_message: false,
        idempotent_send: false,
        send_limits: None,
        delete_message: false,
        rates: false,
        catalogue: false,
        trials: false,
        disposable: false,
        restore: false,
        auto_renew: false,
        forwarding: false,
        caller_id: false,
        voicemail: false,
        greetings: false,
        documents: false,
        refunds: false,
    };
}

/// How many SMS may be sent; what a provider does not limit is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SendLimits {
    /// In any second.
    pub per_second: Option<u32>,
    /// In any hour.
    pub per_hour: Option<u32>,
    /// In any day.
    pub per_day: Option<u32>,
}
