//! Every figure of the sandbox in one place: those the providers' published rules fix, and those they leave open,
//! each with its default and the reason for it.
//!
//! What is not here: prices of single numbers (they are rows, see [`crate::store`]) and destinations' prices
//! ([`crate::destinations`]).

use std::time::Duration;

use rust_decimal::{Decimal, dec};

/// How the windows of the SMS limits are laid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitWindow {
    /// The last second, hour, day before now.
    Rolling,
    /// The running second, hour, day by the clock (UTC).
    Calendar,
}

/// Whose messages count together towards the SMS limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitScope {
    /// All numbers of an account.
    Account,
    /// Each number by itself.
    Number,
}

/// A hash of digest authentication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DigestAlgorithm {
    /// SHA-256 (RFC 8760).
    Sha256,
    /// MD5, all that many clients know.
    Md5,
}

/// How talk time becomes billed minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MinuteRounding {
    /// Every started minute counts whole.
    StartedMinute,
    /// Seconds are billed as parts of a minute, rounded to a hundredth of the currency's unit half away from zero.
    Second,
}

/// The sandbox's rules. [`Settings::default`] is what `tern sandbox` runs with, but for the
/// digests, which `--digest` chooses.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Least top-up. Fixed by the published rules: 5.
    pub topup_min: Decimal,
    /// Greatest top-up. Fixed by the published rules: 3600.
    pub topup_max: Decimal,
    /// Most SMS sent within a second, an hour and a day. Fixed by the published rules: 1, 100, 500.
    pub sms_limits: SmsLimits,
    /// Left open by the rules. Default rolling: a burst over a full hour's edge is still a burst.
    pub sms_window: LimitWindow,
    /// Left open by the rules. Default per account: more numbers should not make a mass sender.
    pub sms_scope: LimitScope,
    /// Most characters in one SMS, a limit of this API; ten GSM segments are what operators commonly join.
    pub sms_max_chars: usize,
    /// Calling codes to which neither SMS nor calls go. The rules name Iran and North Korea; the default is these
    /// two.
    pub sanctioned_prefixes: Vec<String>,
    /// Left open by the rules. Default: every started minute, the trade's custom.
    pub minute_rounding: MinuteRounding,
    /// Whether a call that nobody answered costs a minute. Left open by the rules. Default no.
    pub bill_unanswered: bool,
    /// How long before the money for a running call is gone its owner is told. Left open by the rules. Default one
    /// minute: time to say goodbye or to top up.
    pub funds_warning: Duration,
    /// Whether the phone leg of a forwarded call is billed to the number's owner. The rules say it may be. Default yes:
    /// the price of an outgoing minute to that phone, beside the incoming one.
    pub bill_forwarded_leg: bool,
    /// How long each of two targets rings when they are rung one after the other. Left open by the rules. Default 20
    /// seconds.
    pub target_rings: Duration,
    /// Longest message left on a voicemail. Left open by the rules. Default two minutes.
    pub voicemail_longest: Duration,
    /// Shorter messages are not kept: somebody hung up at the tone. Left open by the rules. Default one second.
    pub voicemail_shortest: Duration,
    /// Most voicemails an account keeps; the oldest heard one goes, else the oldest. Left open by the rules. Default 100.
    pub voicemail_kept: u32,
    /// Most greetings an account keeps. Left open by the rules. Default 20.
    pub greetings_kept: u32,
    /// How long whoever joins a conference before it is started may wait. Fixed by the published rules: 5 minutes.
    pub conference_waits: Duration,
    /// What a participant minute on a toll-free line costs the organiser. Left open by the rules. Default 0.05.
    pub conference_minute: Decimal,
    /// Whether minutes of participants the bridge has called count like those on toll-free lines. Left open by the
    /// rules. Default yes: the organiser asked for the call.
    pub conference_bills_call_me: bool,
    /// The toll-free number of the conference bridge, from the range set aside for films.
    pub conference_toll_free: String,
    /// The ordinary number of the conference bridge: whoever calls it pays their own operator.
    pub conference_ordinary: String,
    /// How many changes of an account the feed keeps; older cursors get 410 `resync_required`.
    pub change_retention: u64,
    /// From acceptance to the operator taking an SMS over.
    pub sms_sent_after: Duration,
    /// From acceptance to the operator's confirmation.
    pub sms_delivered_after: Duration,
    /// From an SMS to a seeded contact until they answer.
    pub auto_reply_after: Duration,
    /// From the first registration on a fresh data directory to the welcome SMS.
    pub welcome_after: Duration,
    /// How long a called account rings before the caller is told that nobody answers.
    pub ring_for: Duration,
    /// From the end of a call to the call-me service until it rings back.
    pub call_me_after: Duration,
    /// How long the call-me service lets it ring.
    pub call_me_rings: Duration,
    /// Shortest registration accepted; shorter ones get 423 (RFC 3261 section 10.3).
    pub min_expires: Duration,
    /// Longest registration given.
    pub max_expires: Duration,
    /// The hashes offered for authentication, the preferred first. Default SHA-256 and MD5. Clients of old fail at
    /// a challenge they do not know although RFC 3261 has them skip it; with such a one offer MD5 alone.
    pub digest_algorithms: Vec<DigestAlgorithm>,
    /// How long a digest nonce is good for; later ones are answered as stale.
    pub nonce_lifetime: Duration,
    /// A call of which nothing is heard for this long, neither RTP nor RTCP, is ended: its client has died.
    pub media_silence: Duration,
    /// Most calls at a time, each customer's leg counted. One more is answered 486.
    pub max_legs: usize,
}

/// Most SMS per window.
#[derive(Debug, Clone, Copy)]
pub struct SmsLimits {
    /// Within one second.
    pub per_second: u32,
    /// Within one hour.
    pub per_hour: u32,
    /// Within one day.
    pub per_day: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            topup_min: dec!(5.00),
            topup_max: dec!(3600.00),
            sms_limits: SmsLimits { per_second: 1, per_hour: 100, per_day: 500 },
            sms_window: LimitWindow::Rolling,
            sms_scope: LimitScope::Account,
            sms_max_chars: 1530,
            sanctioned_prefixes: vec!["98".into(), "850".into()],
            minute_rounding: MinuteRounding::StartedMinute,
            bill_unanswered: false,
            funds_warning: Duration::from_secs(60),
            bill_forwarded_leg: true,
            target_rings: Duration::from_secs(20),
            voicemail_longest: Duration::from_secs(120),
            voicemail_shortest: Duration::from_secs(1),
            voicemail_kept: 100,
            greetings_kept: 20,
            conference_waits: Duration::from_secs(300),
            conference_minute: dec!(0.05),
            conference_bills_call_me: true,
            conference_toll_free: "+18005550199".into(),
            conference_ordinary: "+442079460900".into(),
            change_retention: 10_000,
            sms_sent_after: Duration::from_millis(700),
            sms_delivered_after: Duration::from_millis(2_000),
            auto_reply_after: Duration::from_millis(2_500),
            welcome_after: Duration::from_secs(15),
            ring_for: Duration::from_secs(45),
            call_me_after: Duration::from_secs(3),
            call_me_rings: Duration::from_secs(30),
            min_expires: Duration::from_secs(30),
            max_expires: Duration::from_secs(3600),
            digest_algorithms: vec![DigestAlgorithm::Sha256, DigestAlgorithm::Md5],
            nonce_lifetime: Duration::from_secs(300),
            media_silence: Duration::from_secs(600),
            max_legs: 512,
        }
    }
}
