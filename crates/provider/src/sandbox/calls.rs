//! What the API says of calls: rates, forwarding, CallerID, voicemail, statistics, and the SIP account on request.

use jiff::{Timestamp, ToSpan, tz::TimeZone};
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::{SandboxProvider, wire};
use crate::{
    ProviderError,
    http::{Ask, Payload},
    types::*,
};

#[derive(Deserialize)]
struct RateAnswer {
    to: String,
    #[serde(default)]
    country: Option<String>,
    allowed: bool,
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    detail: Option<String>,
    #[serde(default)]
    minute: Option<wire::Money>,
    #[serde(default)]
    sms: Option<SmsAnswer>,
    #[serde(default)]
    shows: Option<String>,
}

#[derive(Deserialize)]
struct SmsAnswer {
    allowed: bool,
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    detail: Option<String>,
    #[serde(default)]
    price: Option<wire::Money>,
}

#[derive(Deserialize)]
struct RoutingAnswer {
    forwarding: ForwardingAnswer,
    #[serde(default)]
    caller_id: bool,
    #[serde(default)]
    voicemail: VoicemailAnswer,
}

#[derive(Deserialize)]
struct ForwardingAnswer {
    #[serde(default)]
    order: String,
    targets: Vec<TargetAnswer>,
}

/// A kind of target this version does not know has none of the fields.
#[derive(Deserialize)]
struct TargetAnswer {
    to: String,
    #[serde(default)]
    address: Option<String>,
    #[serde(default)]
    number: Option<String>,
}

#[derive(Deserialize, Default)]
struct VoicemailAnswer {
    #[serde(default)]
    enabled: bool,
    #[serde(default)]
    greeting: Option<String>,
}

#[derive(Deserialize)]
struct GreetingsAnswer {
    greetings: Vec<GreetingAnswer>,
}

#[derive(Deserialize)]
struct GreetingAnswer {
    id: String,
    name: String,
    #[serde(default)]
    seconds: u32,
}

#[derive(Deserialize)]
struct VoicemailsAnswer {
    voicemails: Vec<MessageAnswer>,
}

#[derive(Deserialize)]
struct MessageAnswer {
    id: String,
    number: String,
    peer: String,
    at: Timestamp,
    seconds: u32,
    heard: bool,
}

#[derive(Deserialize)]
struct StatisticsAnswer {
    incoming: CallsAnswer,
    outgoing: CallsAnswer,
    #[serde(default)]
    messages: MessagesAnswer,
    transactions: Vec<MovedAnswer>,
}

#[derive(Deserialize)]
struct CallsAnswer {
    calls: u32,
    unanswered: u32,
    talked_seconds: u64,
}

#[derive(Deserialize, Default)]
struct MessagesAnswer {
    received: u32,
    sent: u32,
}

#[derive(Deserialize)]
struct MovedAnswer {
    #[serde(rename = "type")]
    kind: String,
    count: u32,
    sum: wire::Money,
}

fn permission(
    allowed: bool,
    price: Option<wire::Money>,
    code: Option<String>,
    detail: Option<String>,
) -> Result<Permission, ProviderError> {
    let price = price.map(wire::Money::map).transpose()?;
    if allowed {
        return Ok(Permission::Allowed { price });
    }
    Ok(Permission::Refused { code: code.unwrap_or_default(), detail: detail.unwrap_or_default(), price })
}

impl ForwardingAnswer {
    fn map(self) -> Result<Forwarding, ProviderError> {
        let order = match self.order.as_str() {
            "sequential" => RingOrder::Sequential,
            _ => RingOrder::Simultaneous,
        };
        let targets = self.targets.into_iter().map(TargetAnswer::map).collect::<Result<_, _>>()?;
        Ok(Forwarding { targets, order })
    }
}

impl TargetAnswer {
    fn map(self) -> Result<ForwardTarget, ProviderError> {
        // Leaving a target out would let the user save the rest over it.
        let unknown = ProviderError::Malformed;
        Ok(match self.to.as_str() {
            "sip" => ForwardTarget::OwnSip,
            "sip_address" => {
                let address = self.address.ok_or(unknown)?;
                ForwardTarget::Sip(address.strip_prefix("sip:").unwrap_or(&address).to_owned())
            }
            "server" => ForwardTarget::Ip(self.address.ok_or(unknown)?),
            "phone" => ForwardTarget::Phone(self.number.ok_or(unknown)?),
            _ => return Err(unknown),
        })
    }
}

impl From<VoicemailAnswer> for VoicemailSettings {
    fn from(answer: VoicemailAnswer) -> Self {
        Self { on: answer.enabled, greeting: answer.greeting.map(RemoteId) }
    }
}

impl From<GreetingAnswer> for Greeting {
    fn from(answer: GreetingAnswer) -> Self {
        Self { id: RemoteId(answer.id), name: answer.name, seconds: answer.seconds }
    }
}

impl SandboxProvider {
    pub(super) async fn ask_for_sip(&self) -> Result<SipCredentials, ProviderError> {
        let answer: wire::Sip =
            self.http.act(Method::POST, "/v1/sip", Ask::default(), Payload::Nothing).await?;
        Ok(answer.map())
    }

    pub(super) async fn ask_rate(&self, target: &str, from: Option<&str>) -> Result<Rate, ProviderError> {
        let mut query = vec![("to", target.to_owned())];
        query.extend(from.map(|from| ("from", from.to_owned())));
        let answer: RateAnswer = self.http.get("/v1/rates", Ask { query, ..Ask::default() }).await?;
        Ok(Rate {
            target: answer.to,
            country: answer.country,
            name: None,
            call: permission(answer.allowed, answer.minute, answer.code, answer.detail)?,
            sms: match answer.sms {
                Some(sms) => permission(sms.allowed, sms.price, sms.code, sms.detail)?,
                None => Permission::Unknown,
            },
            shown: answer.shows.map_or(Shown::Another, Shown::Number),
        })
    }

    pub(super) async fn ask_statistics(&self, period: Period) -> Result<Statistics, ProviderError> {
        let begins = |day: jiff::civil::Date| -> Result<String, ProviderError> {
            let day = day.to_zoned(TimeZone::UTC).map_err(|_| ProviderError::Malformed)?;
            Ok(day.timestamp().to_string())
        };
        let query = vec![("from", begins(period.from)?), ("to", begins(period.to.saturating_add(1.day()))?)];
        let answer: StatisticsAnswer =
            self.http.get("/v1/statistics", Ask { query, ..Ask::default() }).await?;
        let money = answer.transactions.into_iter().map(|row| {
            let kind = wire::transaction_type(&row.kind);
            Ok(Moved { kind, count: row.count, amount: row.sum.map()? })
        });
        Ok(Statistics {
            incoming_calls: answer.incoming.calls,
            missed_calls: answer.incoming.unanswered,
            outgoing_calls: answer.outgoing.calls,
            call_seconds: answer.incoming.talked_seconds.saturating_add(answer.outgoing.talked_seconds),
            messages_received: answer.messages.received,
            messages_sent: answer.messages.sent,
            money: money.collect::<Result<_, ProviderError>>()?,
        })
    }

    async fn routing(&self, number: &RemoteId) -> Result<RoutingAnswer, ProviderError> {
        self.http.get(&path(number, "routing")?, Ask::default()).await
    }

    async fn set_routing(
        &self,
        number: &RemoteId,
        what: &str,
        body: serde_json::Value,
    ) -> Result<RoutingAnswer, ProviderError> {
        self.http.act(Method::PUT, &path(number, what)?, Ask::default(), Payload::Json(body)).await
    }

    pub(super) async fn ask_forwarding(&self, number: &RemoteId) -> Result<Forwarding, ProviderError> {
        self.routing(number).await?.forwarding.map()
    }

    pub(super) async fn put_forwarding(
        &self,
        number: &RemoteId,
        forwarding: &Forwarding,
    ) -> Result<Forwarding, ProviderError> {
        let targets: Vec<_> = forwarding
            .targets
            .iter()
            .map(|target| match target {
                ForwardTarget::OwnSip => json!({"to": "sip"}),
                ForwardTarget::Sip(address) => {
                    json!({"to": "sip_address", "address": format!("sip:{address}")})
                }
                ForwardTarget::Ip(address) => json!({"to": "server", "address": address}),
                ForwardTarget::Phone(number) => json!({"to": "phone", "number": number}),
            })
            .collect();
        let order = match forwarding.order {
            RingOrder::Simultaneous => "simultaneous",
            RingOrder::Sequential => "sequential",
        };
        let body = json!({"order": order, "targets": targets});
        self.set_routing(number, "forwarding", body).await?.forwarding.map()
    }

    /// Switches the CallerID service; answers whether it is on.
    pub(super) async fn put_caller_id(&self, number: &RemoteId, on: bool) -> Result<bool, ProviderError> {
        Ok(self.set_routing(number, "caller-id", json!({"enabled": on})).await?.caller_id)
    }

    pub(super) async fn ask_voicemail(&self, number: &RemoteId) -> Result<VoicemailSettings, ProviderError> {
        Ok(self.routing(number).await?.voicemail.into())
    }

    pub(super) async fn put_voicemail(
        &self,
        number: &RemoteId,
        settings: &VoicemailSettings,
    ) -> Result<VoicemailSettings, ProviderError> {
        let greeting = settings.greeting.as_ref().map(|id| &id.0);
        let body = json!({"enabled": settings.on, "greeting": greeting});
        Ok(self.set_routing(number, "voicemail", body).await?.voicemail.into())
    }

    pub(super) async fn ask_greetings(&self) -> Result<Vec<Greeting>, ProviderError> {
        let answer: GreetingsAnswer = self.http.get("/v1/greetings", Ask::default()).await?;
        Ok(answer.greetings.into_iter().map(Into::into).collect())
    }

    pub(super) async fn post_greeting(&self, file: &File) -> Result<Greeting, ProviderError> {
        let ask = Ask { query: vec![("name", file.name.clone())], ..Ask::default() };
        let payload = Payload::Bytes("audio/wav", file.bytes.clone());
        let answer: GreetingAnswer = self.http.act(Method::POST, "/v1/greetings", ask, payload).await?;
        Ok(answer.into())
    }

    pub(super) async fn ask_voicemails(&self) -> Result<Vec<VoicemailMessage>, ProviderError> {
        let answer: VoicemailsAnswer = self.http.get("/v1/voicemails", Ask::default()).await?;
        let message = |m: MessageAnswer| VoicemailMessage {
            id: RemoteId(m.id),
            number: m.number,
            peer: m.peer,
            at: m.at,
            seconds: m.seconds,
            heard: m.heard,
        };
        Ok(answer.voicemails.into_iter().map(message).collect())
    }

    pub(super) async fn ask_sound(&self, id: &RemoteId) -> Result<File, ProviderError> {
        let path = format!("/v1/voicemails/{}/audio", segment(id)?);
        let bytes = self.http.get_bytes(&path).await?;
        Ok(File { name: format!("{}.wav", id.0), media_type: "audio/wav".into(), bytes })
    }
}

fn path(number: &RemoteId, what: &str) -> Result<String, ProviderError> {
    Ok(format!("/v1/numbers/{}/{what}", segment(number)?))
}

/// The id came from outside: as a path it must stay one segment.
fn segment(id: &RemoteId) -> Result<&str, ProviderError> {
    let plain = !id.0.is_empty() && id.0.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    if plain { Ok(&id.0) } else { Err(ProviderError::Malformed) }
}
