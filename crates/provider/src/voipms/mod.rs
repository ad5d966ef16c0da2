//! The adapter for VoIP.ms and its `rest.php`.
//!
//! Every request is a GET whose address carries the account's name and API password, so no address is ever shown or
//! logged. Answers are HTTP 200 with a `status` word; what reports an empty list as an error is an empty list here.
//! Only addresses on the account's own allow-list are answered: that has an error of its own, because travellers meet
//! it in every hotel.

mod wire;

use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde::de::DeserializeOwned;

use crate::{
    Provider, ProviderError, Secret, SetupError,
    http::{Ask, Auth, Http, Payload},
    polled::{self, Listed, Lists, OVERLAP, Row, Span, Terms},
    types::*,
};

/// Where VoIP.ms answers.
pub const BASE: &str = "https://voip.ms/api/v1/";

/// The longest text that goes as an SMS; longer ones go as an MMS.
const LONGEST_SMS: usize = 160;
const LONGEST_MMS: usize = 2048;
/// Windows may have 92 days.
const WINDOW: SignedDuration = SignedDuration::from_hours(90 * 24);
/// Rows asked for in one window; a window that is full is halved.
const MOST_ROWS: usize = 5000;

const CAPABILITIES: Capabilities = Capabilities {
    balance: true,
    sip_credentials: true,
    change_feed: true,
    poll_every: Some(Duration::from_secs(60)),
    inbox: true,
    call_log: true,
    send_message: true,
    // 100 SMS a day over the API unless the account has more.
    send_limits: Some(SendLimits { per_second: None, per_hour: None, per_day: Some(100) }),
    delete_message: true,
    rates: true,
    voicemail: true,
    ..Capabilities::NONE
};

/// Its lists, in the order they are read.
const SMS: usize = 0;
const MMS: usize = 1;
const CALLS: usize = 2;

/// An account at VoIP.ms.
pub struct VoipMs {
    http: Http,
    user: String,
    password: Secret,
}

impl VoipMs {
    /// What the adapter can do.
    pub const CAPABILITIES: Capabilities = CAPABILITIES;

    /// `base` is [`BASE`] but in tests; `user` the account's e-mail address, `password` the API password (not the
    /// one of the portal).
    ///
    /// # Errors
    /// When the address is no URL or not https, or a credential is missing.
    pub fn new(base: &str, user: &str, password: Secret) -> Result<Self, SetupError> {
        if user.trim().is_empty() {
            return Err(SetupError::Missing("user"));
        }
        if password.reveal().is_empty() {
            return Err(SetupError::Missing("password"));
        }
        let http = Http::new(base, Auth::None, |_, _| None)?;
        Ok(Self { http, user: user.trim().to_owned(), password })
    }

    fn query(
        &self,
        method: &'static str,
        mut fields: Vec<(&'static str, String)>,
    ) -> Vec<(&'static str, String)> {
        fields.push(("api_username", self.user.clone()));
        fields.push(("api_password", self.password.reveal().to_owned()));
        fields.push(("method", method.to_owned()));
        fields.push(("content_type", "json".to_owned()));
        fields
    }

    async fn read<T: DeserializeOwned + Default>(
        &self,
        method: &'static str,
        fields: Vec<(&'static str, String)>,
    ) -> Result<T, ProviderError> {
        let ask = Ask { query: self.query(method, fields), ..Ask::default() };
        wire::open(self.http.get("rest.php", ask).await?)
    }

    async fn dids(&self) -> Result<Vec<wire::Did>, ProviderError> {
        Ok(self.read::<wire::Dids>("getDIDsInfo", vec![]).await?.dids)
    }

    /// Messages of one list in Eastern days, newest first.
    async fn messages(&self, list: usize, span: Span) -> Result<Vec<Row>, ProviderError> {
        let mut fields = wire::days(span, "from", "to");
        fields.push(("limit", MOST_ROWS.to_string()));
        let (method, prefix) = if list == MMS { ("getMMS", "mms") } else { ("getSMS", "sms") };
        let answer: wire::Messages = self.read(method, fields).await?;
        answer.sms.into_iter().map(|message| message.map(prefix)).collect()
    }

    async fn calls(&self, span: Span) -> Result<Vec<Row>, ProviderError> {
        let mut fields = wire::days(span, "date_from", "date_to");
        for outcome in ["answered", "noanswer", "busy", "failed"] {
            fields.push((outcome, "1".to_owned()));
        }
        let answer: wire::Calls = self.read("getCDR", fields).await?;
        answer.cdr.into_iter().map(wire::Call::map).collect()
    }
}

impl std::fmt::Debug for VoipMs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VoipMs").finish_non_exhaustive()
    }
}

#[async_trait]
impl Lists for VoipMs {
    fn count(&self) -> usize {
        3
    }

    fn terms(&self) -> Terms {
        Terms { overlap: OVERLAP, kept: None, past: SignedDuration::from_hours(365 * 24) }
    }

    /// The pages are windows of days; a page is named by the end of its window.
    async fn list(&self, list: usize, span: Span, page: Option<&str>) -> Result<Listed, ProviderError> {
        let until = match page {
            Some(page) => page.parse::<Timestamp>().map_err(|_| ProviderError::Malformed)?,
            None => span.until,
        };
        let mut window = Span { from: wire::earlier(until, WINDOW).max(span.from), until };
        let mut rows = loop {
            let rows = match list {
                SMS | MMS => self.messages(list, window).await?,
                CALLS => self.calls(window).await?,
                _ => return Err(ProviderError::Unsupported),
            };
            let length = window.until.duration_since(window.from);
            if rows.len() < MOST_ROWS || length <= SignedDuration::from_hours(24) {
                break rows;
            }
            window.from = wire::earlier(window.until, length / 2);
        };
        rows.sort_by_key(|row| std::cmp::Reverse(row.object.at()));
        let next = (window.from > span.from).then(|| window.from.to_string());
        Ok(Listed { rows, next })
    }

    async fn look_up(&self, _: usize, _: &RemoteId) -> Result<Option<Row>, ProviderError> {
        // Every row is final when it is listed, or changes within the overlap.
        Ok(None)
    }
}

#[async_trait]
impl Provider for VoipMs {
    fn capabilities(&self) -> Capabilities {
        CAPABILITIES
    }

    async fn account(&self) -> Result<AccountInfo, ProviderError> {
        self.read::<wire::Balance>("getBalance", vec![]).await?.map(&self.user)
    }

    async fn numbers(&self) -> Result<Vec<Number>, ProviderError> {
        Ok(self.dids().await?.into_iter().map(wire::Did::map).collect())
    }

    /// The first sub-account with a password, at the server that the numbers are routed to.
    async fn sip_credentials(&self) -> Result<Option<SipCredentials>, ProviderError> {
        let accounts: wire::SubAccounts = self.read("getSubAccounts", vec![]).await?;
        let Some(account) = accounts.accounts.into_iter().find(wire::SubAccount::has_password) else {
            return Ok(None);
        };
        let pop = self.dids().await?.into_iter().find_map(|did| did.pop());
        let servers: wire::Servers = self.read("getServersInfo", vec![]).await?;
        Ok(servers.nearest(pop.as_deref()).map(|domain| account.map(domain)))
    }

    async fn snapshot(&self, page: Option<PageToken>, _: u32) -> Result<SnapshotPage, ProviderError> {
        polled::snapshot(self, Timestamp::now(), page).await
    }

    async fn changes(&self, since: &Cursor, limit: u32) -> Result<ChangesPage, ProviderError> {
        polled::changes(self, Timestamp::now(), since, limit).await
    }

    async fn send_message(
        &self,
        key: &IdempotencyKey,
        message: &OutgoingMessage,
    ) -> Result<Message, ProviderError> {
        let length = message.text.chars().count();
        let fields = vec![
            ("did", wire::digits(&message.from)?),
            ("dst", wire::digits(&message.to)?),
            ("message", message.text.clone()),
        ];
        let id = if length <= LONGEST_SMS {
            let ask = Ask { query: self.query("sendSMS", fields), ..Ask::default() };
            let answer = self.http.act(Method::GET, "rest.php", ask, Payload::Nothing).await?;
            format!("sms-{}", wire::open::<wire::Sent>(answer)?.sms.text().ok_or(ProviderError::Malformed)?)
        } else if length <= LONGEST_MMS {
            // A text of that length does not fit an address.
            let payload = Payload::Multipart(self.query("sendMMS", fields));
            let answer = self.http.act(Method::POST, "rest.php", Ask::default(), payload).await?;
            format!("mms-{}", wire::open::<wire::Sent>(answer)?.mms.text().ok_or(ProviderError::Malformed)?)
        } else {
            return Err(crate::http::refused("text_too_long", "VoIP.ms takes at most 2048 characters."));
        };
        Ok(Message {
            id: RemoteId(id),
            version: 1,
            direction: Direction::Outgoing,
            number: message.from.clone(),
            peer: message.to.clone(),
            text: message.text.clone(),
            state: MessageState::Sent,
            at: Timestamp::now(),
            price: None,
            idempotency_key: Some(key.clone()),
        })
    }

    async fn find_sent(&self, sought: &SoughtMessage) -> Result<Option<Message>, ProviderError> {
        let list = if sought.message.text.chars().count() <= LONGEST_SMS { SMS } else { MMS };
        let span = Span { from: sought.since, until: Timestamp::now() };
        polled::find_sent(self, list, span, sought).await
    }

    /// The ids here name the list as well, as SMS and MMS are counted each for themselves.
    async fn delete_message(&self, message: &RemoteId) -> Result<(), ProviderError> {
        let (method, id) = match message.0.split_once('-') {
            Some(("sms", id)) => ("deleteSMS", id),
            Some(("mms", id)) => ("deleteMMS", id),
            _ => return Err(ProviderError::Malformed),
        };
        let ask = Ask { query: self.query(method, vec![("id", id.to_owned())]), ..Ask::default() };
        let answer = self.http.act(Method::GET, "rest.php", ask, Payload::Nothing).await?;
        match wire::open::<wire::Deleted>(answer) {
            // What is no SMS of the account's is none any more.
            Err(ProviderError::Refused { code, .. }) if code == "invalid_sms" || code == "invalid_id" => {
                Ok(())
            }
            other => other.map(drop),
        }
    }

    /// By the longest prefix among the destinations that the target's first digits find.
    async fn rate(&self, target: &str, _: Option<&str>) -> Result<Rate, ProviderError> {
        let digits: String = target.chars().filter(char::is_ascii_digit).collect();
        let query: String = digits.chars().take(4).collect();
        let fields = vec![("query", query), ("route", "2".to_owned())];
        let answer: wire::Rates = self.read("getTerminationRates", fields).await?;
        answer.map(target, &digits)
    }

    async fn voicemails(&self) -> Result<Vec<VoicemailMessage>, ProviderError> {
        let boxes: wire::Mailboxes = self.read("getVoicemails", vec![]).await?;
        let mut all = Vec::new();
        for mailbox in boxes.voicemails {
            let fields = vec![("mailbox", mailbox.mailbox.0.clone())];
            let answer: wire::VoiceMessages = self.read("getVoicemailMessages", fields).await?;
            for message in answer.messages {
                all.push(message.map(mailbox.timezone.text())?);
            }
        }
        all.sort_by_key(|message| std::cmp::Reverse(message.at));
        Ok(all)
    }

    async fn voicemail_sound(&self, id: &RemoteId) -> Result<File, ProviderError> {
        let [mailbox, folder, number] = wire::voicemail_place(id).ok_or(ProviderError::Malformed)?;
        let fields = vec![
            ("mailbox", mailbox),
            ("folder", folder),
            ("message_num", number),
            ("format", "wav".to_owned()),
        ];
        let answer: wire::VoiceFile = self.read("getVoicemailMessageFile", fields).await?;
        let data = answer.message.into_iter().next().ok_or(ProviderError::Malformed)?.data;
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(data.trim())
            .map_err(|_| ProviderError::Malformed)?;
        Ok(File { name: "message.wav".to_owned(), media_type: "audio/wav".to_owned(), bytes })
    }
}

#[cfg(test)]
mod crash;
#[cfg(test)]
mod tests;
