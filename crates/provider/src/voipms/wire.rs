//! `rest.php`'s JSON and how it becomes the domain's types.
//!
//! Dates are wall clocks of the servers' zone (Eastern), moved by what the request's `timezone` says plus five hours,
//! summer or winter. So every request asks for `-5`, which moves them by nothing.

use jiff::{SignedDuration, Timestamp, civil, tz::TimeZone};
use serde::{Deserialize, de::DeserializeOwned};

use crate::{
    ProviderError, Secret,
    http::refused,
    loose::{Loose, many},
    polled::{Row, Span},
    types,
};

type Mapped<T> = Result<T, ProviderError>;

/// Eastern time by the rule in force since 2007; needs no time zone database.
const EASTERN: &str = "EST5EDT,M3.2.0,M11.1.0";
/// Everything is in US dollars.
const CURRENCY: &str = "USD";
/// Canada's provinces and territories, as they stand behind a number's city.
const PROVINCES: [&str; 13] = ["AB", "BC", "MB", "NB", "NL", "NS", "NT", "NU", "ON", "PE", "QC", "SK", "YT"];

/// Takes an answer out of its envelope: what `status` says decides.
pub(super) fn open<T: DeserializeOwned + Default>(answer: serde_json::Value) -> Mapped<T> {
    let status = answer.get("status").and_then(|s| s.as_str()).unwrap_or_default();
    match status {
        "success" => serde_json::from_value(answer).map_err(|_| ProviderError::Malformed),
        "no_sms" | "no_cdr" | "no_did" | "no_account" | "no_mailbox" | "no_messages" | "no_message"
        | "no_rate" => Ok(T::default()),
        "ip_not_enabled" => Err(ProviderError::AddressNotAllowed),
        "invalid_credentials"
        | "missing_credentials"
        | "missing_username"
        | "invalid_username"
        | "invalid_password"
        | "missing_password" => Err(ProviderError::Unauthorized),
        "api_limit_exceeded" => {
            Err(ProviderError::RateLimited { retry_after: Some(std::time::Duration::from_secs(60)) })
        }
        "" => Err(ProviderError::Malformed),
        "api_not_enabled" => Err(refused(
            status,
            "Switch the API on in the VoIP.ms portal: Main Menu, SOAP and REST/JSON API.",
        )),
        "limit_reached" => Err(refused(status, "VoIP.ms' limit of messages a day is used up.")),
        other => Err(refused(other, "")),
    }
}

/// Of what was deleted nothing is told.
#[derive(Deserialize, Default)]
pub(super) struct Deleted {}

/// A span as the days of a request.
pub(super) fn days(span: Span, from: &'static str, to: &'static str) -> Vec<(&'static str, String)> {
    let day = |at: Timestamp| at.to_zoned(eastern()).date().to_string();
    vec![(from, day(span.from)), (to, day(span.until)), ("timezone", "-5".to_owned())]
}

pub(super) fn earlier(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_sub(by).unwrap_or(Timestamp::MIN)
}

/// A number as VoIP.ms writes it: ten digits in North America, with the international prefix elsewhere.
pub(super) fn digits(e164: &str) -> Mapped<String> {
    let digits: String = e164.chars().filter(char::is_ascii_digit).collect();
    match digits.strip_prefix('1') {
        Some(national) if national.len() == 10 => Ok(national.to_owned()),
        _ if digits.len() >= 7 => Ok(format!("011{digits}")),
        // A short code.
        _ if !digits.is_empty() => Ok(digits),
        _ => Err(refused("invalid_recipient", "This is no phone number.")),
    }
}

/// The other way round; what is no number stays as it is.
fn e164(written: &str) -> String {
    let digits: String = written.chars().filter(char::is_ascii_digit).collect();
    match digits.len() {
        10 => format!("+1{digits}"),
        11 if digits.starts_with('1') => format!("+{digits}"),
        _ if digits.starts_with("011") && digits.len() > 10 => {
            format!("+{}", digits.trim_start_matches("011"))
        }
        12.. => format!("+{digits}"),
        _ => written.trim().to_owned(),
    }
}

fn eastern() -> TimeZone {
    TimeZone::posix(EASTERN).unwrap_or(TimeZone::UTC)
}

/// A wall clock of a zone. The hour that comes twice in autumn is taken for its first time.
fn wall_clock(text: &str, zone: TimeZone) -> Mapped<Timestamp> {
    let text = text.trim();
    let at: civil::DateTime = text.parse().map_err(|_| ProviderError::Malformed)?;
    let zoned = at.to_zoned(zone).map_err(|_| ProviderError::Malformed)?;
    Ok(zoned.timestamp())
}

#[derive(Deserialize, Default)]
pub(super) struct Balance {
    balance: CurrentBalance,
}

#[derive(Deserialize, Default)]
struct CurrentBalance {
    current_balance: Loose,
}

impl Balance {
    pub(super) fn map(self, name: &str) -> Mapped<types::AccountInfo> {
        Ok(types::AccountInfo {
            name: name.to_owned(),
            balance: self.balance.current_balance.money(CURRENCY)?,
            topup_limits: None,
            automatic_topup: None,
            cashback: None,
            send_limits: None,
            rules: types::AccountRules::default(),
        })
    }
}

#[derive(Deserialize, Default)]
pub(super) struct Dids {
    #[serde(default, deserialize_with = "many")]
    pub(super) dids: Vec<Did>,
}

#[derive(Deserialize)]
pub(super) struct Did {
    did: Loose,
    #[serde(default)]
    description: Loose,
    #[serde(default)]
    note: Loose,
    #[serde(default)]
    pop: Loose,
    #[serde(default)]
    next_billing: Loose,
    #[serde(default)]
    sms_available: Loose,
    #[serde(default)]
    sms_enabled: Loose,
}

impl Did {
    pub(super) fn pop(&self) -> Option<String> {
        self.pop.text().map(str::to_owned)
    }

    pub(super) fn map(self) -> types::Number {
        let (city, state) = match self.description.text().and_then(|d| d.rsplit_once(',')) {
            Some((city, state)) => (Some(city.trim().to_owned()), state.trim().to_ascii_uppercase()),
            None => (self.description.text().map(str::to_owned), String::new()),
        };
        let e164 = e164(&self.did.0);
        let country = match e164.strip_prefix("+1") {
            Some(_) if PROVINCES.contains(&state.as_str()) => "CA",
            Some(_) => "US",
            // Unknown (ISO 3166 leaves this one to users).
            None => "ZZ",
        };
        types::Number {
            id: types::RemoteId(self.did.0.clone()),
            e164,
            country: country.to_owned(),
            city,
            label: self.note.text().map(str::to_owned),
            calls: true,
            sms: self.sms_available.is_yes() && self.sms_enabled.is_yes(),
            monthly_fee: None,
            renews_on: self.next_billing.text().and_then(|day| day.parse().ok()),
            state: types::NumberState::Active,
            terms: types::NumberTerms::default(),
        }
    }
}

#[derive(Deserialize, Default)]
pub(super) struct Messages {
    #[serde(default, deserialize_with = "many")]
    pub(super) sms: Vec<Message>,
}

#[derive(Deserialize)]
pub(super) struct Message {
    id: Loose,
    date: Loose,
    #[serde(rename = "type")]
    received: Loose,
    did: Loose,
    contact: Loose,
    #[serde(default)]
    message: Loose,
    #[serde(default)]
    carrier_status: Loose,
    #[serde(default)]
    media: serde_json::Value,
    #[serde(default)]
    col_media1: Loose,
    #[serde(default)]
    col_media2: Loose,
    #[serde(default)]
    col_media3: Loose,
}

impl Message {
    pub(super) fn map(self, prefix: &str) -> Mapped<Row> {
        let direction =
            if self.received.is_yes() { types::Direction::Incoming } else { types::Direction::Outgoing };
        let carrier = self.carrier_status.0.to_ascii_lowercase();
        let (state, version) = match direction {
            types::Direction::Incoming => (types::MessageState::Received, 1),
            _ if carrier.contains("undeliver") || carrier.contains("fail") || carrier.contains("reject") => {
                (types::MessageState::Failed { code: "operator_rejected".to_owned() }, 2)
            }
            _ if carrier.contains("deliver") => (types::MessageState::Delivered, 2),
            _ => (types::MessageState::Sent, 1),
        };
        let mut text = self.message.0.clone();
        for address in self.media() {
            // The pictures of an MMS: their addresses, each on a line of its own.
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&address);
        }
        let object = types::ActivityObject::Message(types::Message {
            id: types::RemoteId(format!("{prefix}-{}", self.id.text().ok_or(ProviderError::Malformed)?)),
            version,
            direction,
            number: e164(&self.did.0),
            peer: e164(&self.contact.0),
            text,
            state,
            at: wall_clock(&self.date.0, eastern())?,
            price: None,
            idempotency_key: None,
        });
        Ok(Row { object, settled: true })
    }

    /// In either of the forms they come in, without the quotes some come with.
    fn media(&self) -> Vec<String> {
        let listed = match &self.media {
            serde_json::Value::Array(list) => {
                list.iter().filter_map(|v| v.as_str()).map(str::to_owned).collect::<Vec<_>>()
            }
            _ => vec![self.col_media1.0.clone(), self.col_media2.0.clone(), self.col_media3.0.clone()],
        };
        listed
            .iter()
            .map(|address| address.trim_matches(['"', '\'', ' ']).to_owned())
            .filter(|address| address.starts_with("https://"))
            .collect()
    }
}

#[derive(Deserialize, Default)]
pub(super) struct Calls {
    #[serde(default, deserialize_with = "many")]
    pub(super) cdr: Vec<Call>,
}

#[derive(Deserialize)]
pub(super) struct Call {
    date: Loose,
    callerid: Loose,
    destination: Loose,
    #[serde(default)]
    description: Loose,
    #[serde(default)]
    destination_type: Loose,
    disposition: Loose,
    #[serde(default)]
    seconds: Loose,
    #[serde(default)]
    total: Loose,
    uniqueid: Loose,
}

impl Call {
    pub(super) fn map(self) -> Mapped<Row> {
        let is_incoming =
            self.description.0.starts_with("Inbound") || self.destination_type.0.starts_with("IN:");
        // `"Name" <number>`, or the number alone.
        let caller = self.callerid.0.rsplit_once('<').map_or(self.callerid.0.as_str(), |(_, rest)| rest);
        let caller = e164(caller.trim_end_matches('>'));
        let called = e164(&self.destination.0);
        let (direction, number, peer) = if is_incoming {
            (types::Direction::Incoming, called, caller)
        } else {
            (types::Direction::Outgoing, caller, called)
        };
        let disposition = self.disposition.0.to_ascii_uppercase();
        let outcome = match (disposition.as_str(), is_incoming) {
            ("ANSWERED", _) => types::CallOutcome::Answered,
            (_, true) => types::CallOutcome::Missed,
            ("BUSY", false) => types::CallOutcome::Busy,
            ("NO ANSWER" | "NOANSWER", false) => types::CallOutcome::Unanswered,
            _ => types::CallOutcome::Failed,
        };
        let is_answered = outcome == types::CallOutcome::Answered;
        let object = types::ActivityObject::Call(types::CallRecord {
            id: types::RemoteId(format!("cdr-{}", self.uniqueid.text().ok_or(ProviderError::Malformed)?)),
            version: 1,
            sip_call_id: None,
            direction,
            number,
            peer,
            started_at: wall_clock(&self.date.0, eastern())?,
            duration_seconds: if is_answered { self.seconds.count() } else { 0 },
            outcome,
            price: self.total.price(CURRENCY)?,
        });
        Ok(Row { object, settled: true })
    }
}

#[derive(Deserialize, Default)]
pub(super) struct Sent {
    #[serde(default)]
    pub(super) sms: Loose,
    #[serde(default)]
    pub(super) mms: Loose,
}

#[derive(Deserialize, Default)]
pub(super) struct SubAccounts {
    #[serde(default, deserialize_with = "many")]
    pub(super) accounts: Vec<SubAccount>,
}

#[derive(Deserialize)]
pub(super) struct SubAccount {
    account: Loose,
    #[serde(default)]
    password: Loose,
    #[serde(default)]
    auth_type: Loose,
    #[serde(default)]
    protocol: Loose,
}

impl SubAccount {
    /// SIP (1) with user and password (1).
    pub(super) fn has_password(&self) -> bool {
        matches!(self.protocol.text(), Some("1") | None)
            && matches!(self.auth_type.text(), Some("1") | None)
            && self.password.text().is_some()
    }

    pub(super) fn map(self, domain: String) -> types::SipCredentials {
        types::SipCredentials {
            user: self.account.0,
            domain,
            password: Secret::new(self.password.0),
            proxy: None,
        }
    }
}

#[derive(Deserialize, Default)]
pub(super) struct Servers {
    #[serde(default, deserialize_with = "many")]
    servers: Vec<Server>,
}

#[derive(Deserialize)]
struct Server {
    server_hostname: String,
    #[serde(default)]
    server_pop: Loose,
    #[serde(default)]
    server_recommended: Loose,
}

impl Servers {
    /// The host of that place, else of one that is recommended.
    pub(super) fn nearest(self, pop: Option<&str>) -> Option<String> {
        let of_pop = self.servers.iter().find(|s| s.server_pop.text().is_some_and(|p| Some(p) == pop));
        let found = of_pop
            .or_else(|| self.servers.iter().find(|s| s.server_recommended.is_yes()))
            .or_else(|| self.servers.first());
        found.map(|s| s.server_hostname.clone())
    }
}

#[derive(Deserialize, Default)]
pub(super) struct Rates {
    #[serde(default, deserialize_with = "many")]
    rates: Vec<OneRate>,
}

#[derive(Deserialize)]
struct OneRate {
    #[serde(default)]
    destination: Loose,
    prefix: Loose,
    rate: Loose,
}

impl Rates {
    pub(super) fn map(self, target: &str, digits: &str) -> Mapped<types::Rate> {
        let found = self
            .rates
            .iter()
            .filter(|r| r.prefix.text().is_some_and(|prefix| digits.starts_with(prefix)))
            .max_by_key(|r| r.prefix.0.len());
        let call = match found {
            Some(rate) => types::Permission::Allowed { price: Some(rate.rate.money(CURRENCY)?) },
            None => types::Permission::Unknown,
        };
        Ok(types::Rate {
            target: target.to_owned(),
            country: None,
            name: found.and_then(|r| r.destination.text()).map(str::to_owned),
            call,
            sms: types::Permission::Unknown,
            shown: types::Shown::Unknown,
        })
    }
}

#[derive(Deserialize, Default)]
pub(super) struct Mailboxes {
    #[serde(default, deserialize_with = "many")]
    pub(super) voicemails: Vec<Mailbox>,
}

#[derive(Deserialize)]
pub(super) struct Mailbox {
    pub(super) mailbox: Loose,
    #[serde(default)]
    pub(super) timezone: Loose,
}

#[derive(Deserialize, Default)]
pub(super) struct VoiceMessages {
    #[serde(default, deserialize_with = "many")]
    pub(super) messages: Vec<VoiceMessage>,
}

#[derive(Deserialize)]
pub(super) struct VoiceMessage {
    mailbox: Loose,
    folder: Loose,
    message_num: Loose,
    date: Loose,
    #[serde(default)]
    callerid: Loose,
    #[serde(default)]
    duration: Loose,
    #[serde(default)]
    listened: Loose,
}

impl VoiceMessage {
    /// Its date is a wall clock of the mailbox' own zone.
    pub(super) fn map(self, zone: Option<&str>) -> Mapped<types::VoicemailMessage> {
        let zone = zone.and_then(|name| TimeZone::get(name).ok()).unwrap_or_else(eastern);
        let id = format!("{}/{}/{}", self.mailbox.0, self.folder.0, self.message_num.0);
        Ok(types::VoicemailMessage {
            id: types::RemoteId(id),
            number: self.mailbox.0,
            peer: e164(&self.callerid.0),
            at: wall_clock(&self.date.0, zone)?,
            seconds: seconds(&self.duration.0),
            heard: self.listened.is_yes(),
        })
    }
}

/// Mailbox, folder and number of a message's id.
pub(super) fn voicemail_place(id: &types::RemoteId) -> Option<[String; 3]> {
    let mut parts = id.0.splitn(3, '/').map(str::to_owned);
    Some([parts.next()?, parts.next()?, parts.next()?])
}

/// `hh:mm:ss`.
fn seconds(text: &str) -> u32 {
    text.split(':')
        .fold(0u32, |sum, part| sum.saturating_mul(60).saturating_add(part.trim().parse().unwrap_or(0)))
}

#[derive(Deserialize, Default)]
pub(super) struct VoiceFile {
    #[serde(default, deserialize_with = "many")]
    pub(super) message: Vec<VoiceData>,
}

#[derive(Deserialize)]
pub(super) struct VoiceData {
    pub(super) data: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_eastern_wall_clocks_in_summer_and_winter() {
        for (wall, utc) in [
            ("2026-01-15 12:00:00", "2026-01-15T17:00:00Z"),
            ("2026-09-23 12:28:34", "2026-09-23T16:28:34Z"),
            ("2026-03-08 03:30:00", "2026-03-08T07:30:00Z"),
            // Comes twice; the first.
            ("2026-11-01 01:30:00", "2026-11-01T05:30:00Z"),
            ("2016-01-30", "2016-01-30T05:00:00Z"),
        ] {
            assert_eq!(wall_clock(wall, eastern()), Ok(utc.parse().unwrap()), "{wall}");
        }
        assert_eq!(wall_clock("yesterday", eastern()), Err(ProviderError::Malformed));
    }

    #[test]
    fn numbers_go_out_and_come_back() {
        for (e, written) in
            [("+15551234567", "5551234567"), ("+442079460123", "011442079460123"), ("12345", "12345")]
        {
            assert_eq!(digits(e).unwrap(), written);
            assert_eq!(e164(written), e);
        }
        assert!(digits("nobody").is_err());
    }
}
