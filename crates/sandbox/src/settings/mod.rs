//! Every figure of the sandbox in one place: those the providers' published rules fix, and those they leave open,
//! each with its default and the reason for it.
//!
//! What is not here: prices of single numbers (they are rows, see [`crate::store`]) and destinations' prices
//! ([`crate::destinations`]).

mod file;

use std::time::Duration;

use jiff::tz::TimeZone;
use rust_decimal::{Decimal, dec};
use serde::Deserialize;

pub use file::SettingsError;

/// How the windows of the SMS limits are laid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitWindow {
    /// The last second, hour, day before now.
    Rolling,
    /// The running second, hour, day by the clock (UTC).
    Calendar,
}

/// Whose messages count together towards the SMS limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitScope {
    /// All numbers of an account.
    Account,
    /// Each number by itself.
    Number,
}

/// What an outgoing SMS of several segments costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SmsBilling {
    /// The number's price once, however long it is.
    Message,
    /// The number's price for each segment.
    Segment,
}

/// From which day the periods of a restored number count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RestoreAnchor {
    /// From the original order, as if it had been renewed in time.
    Order,
    /// From the day of the restore.
    Restore,
}

/// A hash of digest authentication.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum DigestAlgorithm {
    /// SHA-256 (RFC 8760).
    #[serde(rename = "SHA-256")]
    Sha256,
    /// MD5, all that many clients know.
    #[serde(rename = "MD5")]
    Md5,
}

/// How talk time becomes billed minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MinuteRounding {
    /// Every started minute counts whole.
    StartedMinute,
    /// Seconds are billed as parts of a minute, rounded to a hundredth of the currency's unit half away from zero.
    Second,
}

/// The sandbox's rules. [`Settings::default`] is what `tern sandbox` runs with, but for the digests, which `--digest`
/// chooses, and for what a file named with `--settings` says ([`Settings::read`]).
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Least top-up. Fixed by the published rules: 5.
    #[serde(deserialize_with = "file::money")]
    pub topup_min: Decimal,
    /// Greatest top-up. Fixed by the published rules: 3600.
    #[serde(deserialize_with = "file::money")]
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
    #[serde(deserialize_with = "file::prefixes")]
    pub sanctioned_prefixes: Vec<String>,
    /// Left open by the rules. Default: every started minute, the trade's custom.
    pub minute_rounding: MinuteRounding,
    /// Whether a call that nobody answered costs a minute. Left open by the rules. Default no.
    pub bill_unanswered: bool,
    /// How long before the money for a running call is gone its owner is told. Left open by the rules. Default one
    /// minute: time to say goodbye or to top up.
    #[serde(deserialize_with = "file::duration")]
    pub funds_warning: Duration,
    /// Whether the phone leg of a forwarded call is billed to the number's owner. The rules say it may be. Default yes:
    /// the price of an outgoing minute to that phone, beside the incoming one.
    pub bill_forwarded_leg: bool,
    /// How long each of two targets rings when they are rung one after the other. Left open by the rules. Default 20
    /// seconds.
    #[serde(deserialize_with = "file::duration")]
    pub target_rings: Duration,
    /// Longest message left on a voicemail. Left open by the rules. Default two minutes.
    #[serde(deserialize_with = "file::duration")]
    pub voicemail_longest: Duration,
    /// Shorter messages are not kept: somebody hung up at the tone. Left open by the rules. Default one second.
    #[serde(deserialize_with = "file::duration")]
    pub voicemail_shortest: Duration,
    /// Most voicemails an account keeps; the oldest heard one goes, else the oldest. Left open by the rules. Default 100.
    pub voicemail_kept: u32,
    /// Most greetings an account keeps. Left open by the rules. Default 20.
    pub greetings_kept: u32,
    /// How long whoever joins a conference before it is started may wait. Fixed by the published rules: 5 minutes.
    #[serde(deserialize_with = "file::duration")]
    pub conference_waits: Duration,
    /// What a participant minute on a toll-free line costs the organiser. Left open by the rules. Default 0.05.
    #[serde(deserialize_with = "file::money")]
    pub conference_minute: Decimal,
    /// Whether minutes of participants the bridge has called count like those on toll-free lines. Left open by the
    /// rules. Default yes: the organiser asked for the call.
    pub conference_bills_call_me: bool,
    /// The toll-free number of the conference bridge, from the range set aside for films.
    pub conference_toll_free: String,
    /// The ordinary number of the conference bridge: whoever calls it pays their own operator.
    pub conference_ordinary: String,
    /// Left open by the rules. Default per message: the published price is "per message, fixed per number".
    pub sms_billing: SmsBilling,
    /// Whether the price of an SMS that the operator rejects comes back. Left open by the rules. Default yes.
    pub refund_failed_sms: bool,
    /// An incoming SMS fails below this balance ("too little balance"). Left open by the rules. Default 0: only
    /// debt keeps SMS away.
    #[serde(deserialize_with = "file::money")]
    pub incoming_sms_min_balance: Decimal,

    /// Where a day begins for renewals, expiries and invoices. Left open by the rules. Default UTC.
    #[serde(deserialize_with = "file::zone")]
    pub billing_zone: TimeZone,
    /// At what hour of its day a warning, renewal or end happens, 0 to 23. Left open by the rules. Default 12: who
    /// is told to pay by a day has its morning for it.
    #[serde(deserialize_with = "file::hour")]
    pub billing_hour: i8,
    /// How many days before its expiry the owner of a number is warned. Fixed by the published rules: 3.
    pub warn_days: i32,
    /// Through which day after its expiry a number can be restored. Fixed by the published rules: 10.
    pub restore_days: i32,
    /// Left open by the rules. Default the original order: the day of the month stays what the customer knows.
    pub restore_anchor: RestoreAnchor,
    /// Whether a balance of exactly zero ends the debt of the profile `prepaid` ("until the balance is positive").
    /// Left open by the rules. Default no, as zero is not positive.
    pub zero_is_positive: bool,
    /// `prepaid`: how long before its next charge a number must be given up. Fixed by the published rules: 24 h.
    #[serde(deserialize_with = "file::duration")]
    pub leave_notice: Duration,
    /// Most numbers in one order. Fixed by the published rules: 20.
    pub order_max_numbers: u32,
    /// Most months in one order. Fixed by the published rules for `numgo`: 12. `prepaid` names no most; the default
    /// is the same.
    pub order_max_months: u32,
    /// `prepaid`: percent off for so many months paid at once or more. That there is a discount for 3, 6 and 12
    /// months is published, the percentages are left open. Default 5, 10, 15.
    #[serde(deserialize_with = "file::steps")]
    pub month_discounts: Vec<(u32, Decimal)>,
    /// `prepaid`: percent off for so many numbers at once or more. That it begins at 5 is published, the percentage
    /// is left open. Default 5. It is added to the discount for months.
    #[serde(deserialize_with = "file::steps")]
    pub bulk_discounts: Vec<(u32, Decimal)>,
    /// Percent of every order and renewal that comes back, by what was spent in the account's life before. Left
    /// open by the rules. Default 5 from the start, 6 from 100, 8 from 500, 10 from 1000.
    #[serde(deserialize_with = "file::steps")]
    pub cashback_tiers: Vec<(Decimal, Decimal)>,
    /// `numgo`: how long a trial lasts, how many SMS and how many incoming calls it has. Fixed by the published
    /// rules: 14 days, 5, 1. SMS of both directions count.
    #[serde(deserialize_with = "file::trial")]
    pub trial_numgo: (Duration, u32, u32),
    /// `prepaid`: how long a trial lasts. Fixed by the published rules: 1 hour.
    #[serde(deserialize_with = "file::duration")]
    pub trial_prepaid: Duration,
    /// How many trials an account may have of one product. Left open by the rules. Default 1.
    pub trials_per_product: u32,
    /// When a disposable number without an SMS is refunded. The published rules say within 15 to 20 minutes; default
    /// 17 minutes.
    #[serde(deserialize_with = "file::duration")]
    pub disposable_refund_after: Duration,
    /// `prepaid`: from the approval of documents (or the order, if none are needed but a paper has to be made out)
    /// to the connection. The published rules say 1 to 2 days; default 36 hours.
    #[serde(deserialize_with = "file::duration")]
    pub connect_with_documents: Duration,
    /// `prepaid`: working days until the slow numbers are connected. The published rules say 5 to 15; default 10.
    pub connect_slow_days: u32,
    /// From the upload of a document until it is approved by itself; `None`: only by hand. Default 24 hours.
    #[serde(deserialize_with = "file::review")]
    pub document_review_after: Option<Duration>,
    /// Largest document in bytes, a limit of this API. Default 5 MiB.
    pub document_max_bytes: usize,

    /// Below which balance an automatic top-up happens unless the customer says otherwise. Left open by the rules.
    /// Default 10.
    #[serde(deserialize_with = "file::money")]
    pub auto_topup_threshold: Decimal,
    /// How long the checkout page can be paid on before the top-up counts as abandoned. A limit of this API.
    /// Default 30 minutes.
    #[serde(deserialize_with = "file::duration")]
    pub checkout_expires_after: Duration,
    /// From "pay, but tell later" on the checkout page to the payment's event. Default 40 minutes: after the page
    /// has expired.
    #[serde(deserialize_with = "file::duration")]
    pub late_payment_after: Duration,
    /// Working days until a refund to the balance is there. The published rules say 1 to 5; default 3.
    pub refund_to_balance_days: u32,
    /// Working days until a refund to the client is reviewed. Fixed by the published rules: 2.
    pub refund_review_days: u32,
    /// Days until a reviewed refund to the client is done. The published rules say within one month; default 14.
    pub refund_to_client_days: u32,
    /// After how long an outage counts, from the client's report. Fixed by the published rules: more than 24 h.
    #[serde(deserialize_with = "file::duration")]
    pub outage_counts_after: Duration,

    /// Most requests of one token within a minute; more get 429. A limit of this API. Default 600,000.
    pub api_per_minute: u32,
    /// How many changes of an account the feed keeps; older cursors get 410 `resync_required`.
    pub change_retention: u64,
    /// From acceptance to the operator taking an SMS over.
    #[serde(deserialize_with = "file::duration")]
    pub sms_sent_after: Duration,
    /// From acceptance to the operator's confirmation.
    #[serde(deserialize_with = "file::duration")]
    pub sms_delivered_after: Duration,
    /// From an SMS to a seeded contact until they answer.
    #[serde(deserialize_with = "file::duration")]
    pub auto_reply_after: Duration,
    /// From the first registration on a fresh data directory to the welcome SMS.
    #[serde(deserialize_with = "file::duration")]
    pub welcome_after: Duration,
    /// How long a called account rings before the caller is told that nobody answers.
    #[serde(deserialize_with = "file::duration")]
    pub ring_for: Duration,
    /// From the end of a call to the call-me service until it rings back.
    #[serde(deserialize_with = "file::duration")]
    pub call_me_after: Duration,
    /// How long the call-me service lets it ring.
    #[serde(deserialize_with = "file::duration")]
    pub call_me_rings: Duration,
    /// Shortest registration accepted; shorter ones get 423 (RFC 3261 section 10.3).
    #[serde(deserialize_with = "file::duration")]
    pub min_expires: Duration,
    /// Longest registration given.
    #[serde(deserialize_with = "file::duration")]
    pub max_expires: Duration,
    /// The hashes offered for authentication, the preferred first. Default SHA-256 and MD5. Clients of old fail at
    /// a challenge they do not know although RFC 3261 has them skip it; with such a one offer MD5 alone.
    pub digest_algorithms: Vec<DigestAlgorithm>,
    /// How long a digest nonce is good for; later ones are answered as stale.
    #[serde(deserialize_with = "file::duration")]
    pub nonce_lifetime: Duration,
    /// A call of which nothing is heard for this long, neither RTP nor RTCP, is ended: its client has died.
    #[serde(deserialize_with = "file::duration")]
    pub media_silence: Duration,
    /// Most calls at a time, each customer's leg counted. One more is answered 486.
    pub max_legs: usize,
}

/// Most SMS per window.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmsLimits {
    /// Within one second.
    pub per_second: u32,
    /// Within one hour.
    pub per_hour: u32,
    /// Within one day.
    pub per_day: u32,
}

const DAY: Duration = Duration::from_secs(86_400);

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
            sms_billing: SmsBilling::Message,
            refund_failed_sms: true,
            incoming_sms_min_balance: Decimal::ZERO,
            billing_zone: TimeZone::UTC,
            billing_hour: 12,
            warn_days: 3,
            restore_days: 10,
            restore_anchor: RestoreAnchor::Order,
            zero_is_positive: false,
            leave_notice: DAY,
            order_max_numbers: 20,
            order_max_months: 12,
            month_discounts: vec![(3, dec!(5)), (6, dec!(10)), (12, dec!(15))],
            bulk_discounts: vec![(5, dec!(5))],
            cashback_tiers: vec![
                (dec!(0), dec!(5)),
                (dec!(100), dec!(6)),
                (dec!(500), dec!(8)),
                (dec!(1000), dec!(10)),
            ],
            trial_numgo: (DAY.saturating_mul(14), 5, 1),
            trial_prepaid: Duration::from_secs(3600),
            trials_per_product: 1,
            disposable_refund_after: Duration::from_secs(17 * 60),
            connect_with_documents: Duration::from_secs(36 * 3600),
            connect_slow_days: 10,
            document_review_after: Some(DAY),
            document_max_bytes: 5 * 1024 * 1024,
            auto_topup_threshold: dec!(10.00),
            checkout_expires_after: Duration::from_secs(30 * 60),
            late_payment_after: Duration::from_secs(40 * 60),
            refund_to_balance_days: 3,
            refund_review_days: 2,
            refund_to_client_days: 14,
            outage_counts_after: DAY,
            api_per_minute: 600_000,
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

#[cfg(test)]
mod tests {
    #[test]
    fn every_setting_stands_in_the_document() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let page = std::fs::read_to_string(root.join("docs/provider-settings.md")).unwrap();
        let code = include_str!("mod.rs");
        let (_, fields) = code.split_once("pub struct Settings {").unwrap();
        let (fields, _) = fields.split_once("\n}").unwrap();
        let names: Vec<&str> = fields
            .lines()
            .filter_map(|line| line.trim_start().strip_prefix("pub ")?.split(':').next())
            .collect();
        assert!(names.len() > 40);
        for name in &names {
            assert!(page.contains(&format!("| `{name}` |")), "{name} is not documented");
        }
        assert_eq!(page.matches("\n| `").count(), names.len(), "a setting is documented that is none");
    }
}
