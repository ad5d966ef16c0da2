//! MESSAGE both ways (RFC 3428): a request of its own, in no dialog. So is the NOTIFY nobody has subscribed to, by which
//! servers tell of waiting messages.
//!
//! Invariant: every message handed in is told its outcome exactly once. A message is sent again for a challenge and for
//! nothing else; whether one without an answer has arrived is for the application to find out, or it would arrive
//! twice.

use crate::authentication::Attempt;
use crate::config::{Identity, NextHop};
use crate::event::Event;
use crate::ids::MessageId;
use crate::layer::{Draft, Fate, Layer, Owner};
use crate::origin::{Origin, SendError, count_up};
use crate::surroundings::retry_after;
use crate::transaction::ClientId;
use crate::wire::{ContentType, Header, HeaderAccess as _, HeaderView as _, Method, Request, Uri, headers};
use std::time::{Duration, Instant};

/// Messages under way at a time.
pub(crate) const MAX_MESSAGES: usize = 64;
/// RFC 3428 8: no MESSAGE outside a session is larger, for nobody knows what the networks on its way can carry.
const LARGEST: usize = 1300;
/// The longest Via we write: IPv6, port, branch.
const VIA: usize = 120;

/// A message to send.
#[derive(Debug, Clone)]
pub struct MessageConfig {
    /// Who sends.
    pub identity: Identity,
    /// Who gets it.
    pub to: Uri,
    /// First hop; `None` takes the account's proxy, else the target's own host.
    pub next_hop: Option<NextHop>,
    /// What is said.
    pub body: Body,
    /// Headers to add.
    pub headers: Vec<Header>,
}

/// A body and its type. Its Debug shows no text.
#[derive(Clone, PartialEq, Eq)]
pub struct Body {
    /// The media type.
    pub content_type: ContentType,
    /// The bytes as they came, or go.
    pub bytes: Vec<u8>,
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MessageOutcome {
    /// The other side has it (2xx but 202).
    Delivered,
    /// A server keeps it and will deliver it (202).
    Accepted,
    /// Refused with this code and phrase.
    Rejected {
        /// The final status.
        code: u16,
        /// The response's phrase.
        phrase: String,
        /// When the server wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// With the credentials the server asked for it would be longer than 1300 bytes. It was not delivered.
    TooLarge,
    /// No answer came; it may have arrived all the same.
    Timeout,
    /// It could not be sent.
    Unreachable,
}

/// A message on its way.
#[derive(Debug)]
pub(crate) struct Outgoing {
    id: MessageId,
    request: Request,
    origin: Origin,
    attempt: Attempt,
    client: ClientId,
}

impl MessageConfig {
    /// A plain text.
    pub fn text(identity: Identity, to: Uri, text: &str) -> MessageConfig {
        MessageConfig { identity, to, next_hop: None, body: Body::text(text), headers: Vec::new() }
    }
}

impl Body {
    /// A plain text in UTF-8.
    pub fn text(text: &str) -> Body {
        let mut params = crate::wire::Params::default();
        params.set("charset", Some("utf-8"));
        let content_type = ContentType { kind: "text".into(), subtype: "plain".into(), params };
        Body { content_type, bytes: text.as_bytes().to_vec() }
    }

    /// The body of a message; without Content-Type it is taken for plain text. `None` when its type cannot be read, or
    /// it is packed.
    pub(crate) fn of(request: &Request) -> Option<Body> {
        let packed = request.headers.tokens("Content-Encoding");
        if packed.iter().any(|coding| !coding.eq_ignore_ascii_case("identity")) {
            return None;
        }
        let content_type = match request.headers.view::<ContentType>().ok()? {
            Some(content_type) => content_type,
            None => ContentType::parse("text/plain").ok()?,
        };
        Some(Body { content_type, bytes: request.body.clone() })
    }

    /// The text of a `text/...` body in UTF-8, ASCII or Latin-1; `None` where it is no text or broken.
    pub fn as_text(&self) -> Option<String> {
        if self.content_type.kind != "text" {
            return None;
        }
        let charset = self.content_type.params.get("charset").unwrap_or_else(|| "utf-8".into());
        match charset.to_ascii_lowercase().as_str() {
            "utf-8" | "us-ascii" => String::from_utf8(self.bytes.clone()).ok(),
            "iso-8859-1" => Some(self.bytes.iter().map(|b| char::from(*b)).collect()),
            _ => None,
        }
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Body({}, {} bytes)", self.content_type, self.bytes.len())
    }
}

impl Outgoing {
    pub(crate) fn send(
        id: MessageId,
        now: Instant,
        method: Method,
        config: MessageConfig,
        layer: &mut Layer,
    ) -> Result<Outgoing, SendError> {
        let mut origin = Origin::of(config.identity, &config.to, config.next_hop, layer)?;
        let mut request = origin.request(method, config.to, &mut layer.around.random);
        for header in &config.headers {
            request.headers.add(headers::name(header), headers::value(header));
        }
        request.set_body(&config.body.content_type.to_string(), config.body.bytes);
        origin.sign(&mut request, layer);
        if is_too_large(&request, layer) {
            return Err(SendError::TooLarge);
        }
        let client = dispatch(now, id, &request, &origin, layer);
        Ok(Outgoing { id, request, origin, attempt: Attempt::default(), client })
    }

    /// True when it is through.
    pub(crate) fn on_fate(&mut self, now: Instant, client: ClientId, fate: Fate, layer: &mut Layer) -> bool {
        if client != self.client {
            return false;
        }
        let outcome = match fate {
            Fate::Response(response) => match response.code() {
                100..=199 => return false,
                401 | 407 if self.answers(&response, client, layer) => {
                    count_up(&mut self.request);
                    self.origin.sign(&mut self.request, layer);
                    if is_too_large(&self.request, layer) {
                        MessageOutcome::TooLarge
                    } else {
                        self.client = dispatch(now, self.id, &self.request, &self.origin, layer);
                        return false;
                    }
                }
                code => {
                    if let Some(credentials) = &mut self.origin.credentials {
                        credentials.settle(&response, client, layer);
                    }
                    match code {
                        202 => MessageOutcome::Accepted,
                        200..=299 => MessageOutcome::Delivered,
                        _ => MessageOutcome::Rejected {
                            code,
                            phrase: response.reason.clone(),
                            retry_after: retry_after(&response),
                        },
                    }
                }
            },
            Fate::Timeout => MessageOutcome::Timeout,
            Fate::Unreachable(_) => MessageOutcome::Unreachable,
        };
        layer.around.event(Event::MessageSent { id: self.id, outcome });
        true
    }

    fn answers(&mut self, response: &crate::wire::Response, client: ClientId, layer: &mut Layer) -> bool {
        let Some(credentials) = &mut self.origin.credentials else { return false };
        credentials.answer(response, client, &mut self.attempt, layer).is_ok()
    }
}

fn dispatch(now: Instant, id: MessageId, request: &Request, origin: &Origin, layer: &mut Layer) -> ClientId {
    // RFC 3428 4: no Contact, for there is no dialog to come; a NOTIFY has one all the same (RFC 6665 8.1.1).
    let contact_user = (request.method == Method::NOTIFY).then(|| origin.contact_user.clone());
    let draft = Draft { request: request.clone(), hop: origin.hop.clone(), contact_user };
    layer.send(now, draft, Owner::Message(id))
}

/// Counted with what is added on the way out.
fn is_too_large(request: &Request, layer: &Layer) -> bool {
    let agent = "User-Agent: \r\n".len().saturating_add(layer.around.config.user_agent.len());
    request.to_bytes().len().saturating_add(VIA).saturating_add(agent) > LARGEST
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(content_type: &str, bytes: &[u8]) -> Body {
        Body { content_type: ContentType::parse(content_type).unwrap(), bytes: bytes.to_vec() }
    }

    #[test]
    fn texts_in_their_charsets() {
        assert_eq!(Body::text("Привет").as_text().as_deref(), Some("Привет"));
        assert_eq!(Body::text("x").content_type.to_string(), "text/plain;charset=utf-8");
        assert_eq!(body("text/plain", "ü".as_bytes()).as_text().as_deref(), Some("ü"));
        assert_eq!(body("text/plain;charset=ISO-8859-1", b"\xfc").as_text().as_deref(), Some("ü"));
        assert_eq!(body("text/plain", b"\xfc").as_text(), None);
        assert_eq!(body("application/im-iscomposing+xml", b"<x/>").as_text(), None);
    }

    #[test]
    fn debug_shows_no_text() {
        assert!(!format!("{:?}", Body::text("secret")).contains("secret"));
    }
}
