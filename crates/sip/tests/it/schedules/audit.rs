//! What the wire must show after any schedule, read from the bytes alone.

use crate::net::Net;
use std::collections::{HashMap, HashSet};
use tern_sip::wire::sdp::SessionDescription;

/// What matters of a message. Our own writer and the proxy's write one header a line, by its long name.
#[derive(Clone, Copy)]
pub(super) struct Seen<'a> {
    /// `Some` for responses.
    pub(super) code: Option<u16>,
    /// Of the CSeq: the request's method, in responses too.
    pub(super) method: &'a str,
    pub(super) number: u32,
    pub(super) call_id: &'a str,
    pub(super) branch: &'a str,
    pub(super) from_tag: &'a str,
    pub(super) to_tag: Option<&'a str>,
    pub(super) credentials: bool,
    /// Whether it carries a session description.
    pub(super) sdp: bool,
}

impl Seen<'_> {
    pub(super) fn of(bytes: &[u8]) -> Option<Seen<'_>> {
        let head = bytes.windows(4).position(|w| w == b"\r\n\r\n")?;
        let text = std::str::from_utf8(&bytes[..head]).ok()?;
        let mut lines = text.split("\r\n");
        let code = lines.next()?.strip_prefix("SIP/2.0 ").and_then(|rest| rest.get(..3)?.parse().ok());
        let mut seen = Seen {
            code,
            method: "",
            number: 0,
            call_id: "",
            branch: "",
            from_tag: "",
            to_tag: None,
            credentials: false,
            sdp: false,
        };
        for line in lines {
            let Some((name, value)) = line.split_once(": ") else { continue };
            match name {
                "Via" if seen.branch.is_empty() => seen.branch = param(value, "branch").unwrap_or_default(),
                "From" => seen.from_tag = param(value, "tag").unwrap_or_default(),
                "To" => seen.to_tag = param(value, "tag"),
                "Call-ID" => seen.call_id = value,
                "CSeq" => {
                    let (number, method) = value.split_once(' ')?;
                    (seen.number, seen.method) = (number.parse().ok()?, method);
                }
                "Authorization" | "Proxy-Authorization" => seen.credentials = true,
                "Content-Type" => seen.sdp = value == "application/sdp",
                _ => {}
            }
        }
        Some(seen)
    }

    pub(super) fn is_request(&self) -> bool {
        self.code.is_none()
    }
}

fn param<'a>(value: &'a str, name: &str) -> Option<&'a str> {
    let rest = value.rsplit('>').next()?;
    rest.split(';').find_map(|p| p.trim().strip_prefix(name)?.strip_prefix('='))
}

/// Everything the wire must show. The error says what it does not. Over a connection that has broken there may be
/// requests without an answer, and offers whose end only one side has seen.
pub(super) fn check(net: &Net, moving: bool, broken: bool) -> Result<(), String> {
    let sent: Vec<Seen<'_>> = net.sent.iter().filter_map(|s| Seen::of(&s.bytes)).collect();
    if sent.len() != net.sent.len() {
        return Err("a message that cannot be read was sent".into());
    }
    numbers_grow(net, &sent)?;
    credentials_stay_with_the_server(net, &sent)?;
    if broken {
        return Ok(());
    }
    // Who is cut off gives an offer up that the other side still considers.
    if !moving {
        one_offer_at_a_time(net, &sent)?;
    }
    nothing_is_left_unanswered(net, &sent)
}

/// RFC 3261 12.2.1.1: the CSeq of every new request in a dialog is higher than the last. The same request on another
/// way (RFC 3263 4.3) has another branch and keeps its number.
fn numbers_grow(net: &Net, sent: &[Seen<'_>]) -> Result<(), String> {
    let mut known = HashSet::new();
    let mut last: HashMap<(&str, &str, &str, Option<&str>), u32> = HashMap::new();
    for (message, seen) in net.sent.iter().zip(sent) {
        let own = net.nodes.iter().any(|n| n.name == message.from);
        if !own || !seen.is_request() || matches!(seen.method, "ACK" | "CANCEL") {
            continue;
        }
        let key = |tag| (message.from.as_str(), seen.call_id, seen.from_tag, tag);
        if !known.insert((key(seen.to_tag), seen.number, seen.method)) {
            continue;
        }
        let floor = last.get(&key(seen.to_tag)).or(last.get(&key(None))).copied().unwrap_or_default();
        if seen.number <= floor {
            return Err(format!("{} sends {} {} after {floor}", message.from, seen.method, seen.number));
        }
        last.insert(key(seen.to_tag), seen.number);
    }
    Ok(())
}

/// RFC 3261 22.1: credentials go to the account's own server and nowhere else.
fn credentials_stay_with_the_server(net: &Net, sent: &[Seen<'_>]) -> Result<(), String> {
    for (message, seen) in net.sent.iter().zip(sent) {
        if seen.credentials && !net.proxies.iter().any(|p| p.name == message.to) {
            return Err(format!("{} shows {} its credentials", message.from, message.to));
        }
    }
    Ok(())
}

/// RFC 3264 4, RFC 6337 2.1: who has made an offer, or has one to answer, makes no other in that dialog.
fn one_offer_at_a_time(net: &Net, sent: &[Seen<'_>]) -> Result<(), String> {
    for (n, node) in net.nodes.iter().enumerate() {
        let mut heard = net.heard.iter().filter(|h| h.node == n).peekable();
        let mut open = Offers::default();
        for (at, (message, seen)) in net.sent.iter().zip(sent).enumerate() {
            while let Some(before) = heard.next_if(|h| h.after <= at) {
                let Some(seen) = Seen::of(&before.bytes) else { continue };
                open.note(&seen, seen.from_tag);
            }
            if message.from != node.name {
                continue;
            }
            let makes_offer = seen.is_request() && seen.sdp && matches!(seen.method, "INVITE" | "UPDATE");
            let other = open.open.iter().find(|(key, peer)| {
                **key != Offers::key(seen) && key.0 == seen.call_id && seen.to_tag == Some(*peer)
            });
            if let (true, Some(((.., method), _))) = (makes_offer, other) {
                return Err(format!(
                    "{} offers in {} while another offer ({method}) is open",
                    node.name, seen.method
                ));
            }
            open.note(seen, seen.to_tag.unwrap_or_default());
        }
    }
    Ok(())
}

/// Call-ID, From tag, CSeq: the same request by another way (RFC 3263 4.3) has another branch.
type OfferKey<'a> = (&'a str, &'a str, u32, &'a str);

/// Offers made inside dialogs.
#[derive(Default)]
struct Offers<'a> {
    /// Those without an answer, and the other side's tag.
    open: HashMap<OfferKey<'a>, &'a str>,
    /// The others. A request may be sent, or arrive, again after its response.
    closed: HashSet<OfferKey<'a>>,
}

impl<'a> Offers<'a> {
    fn key(seen: &Seen<'a>) -> OfferKey<'a> {
        (seen.call_id, seen.from_tag, seen.number, seen.method)
    }

    /// Opens an offer, closes what a message answers or refuses. `peer`: the other side's tag.
    fn note(&mut self, seen: &Seen<'a>, peer: &'a str) {
        let key = Offers::key(seen);
        match seen.code {
            None if self.closed.contains(&key) => {}
            None if seen.sdp && seen.to_tag.is_some() && matches!(seen.method, "INVITE" | "UPDATE") => {
                self.open.insert(key, peer);
            }
            Some(code) if code >= 200 || seen.sdp => {
                self.open.remove(&key);
                self.closed.insert(key);
            }
            _ => {}
        }
    }
}

/// What a node has offered in the request whose response brought the description with that port.
pub(super) fn offer_answered_with(
    net: &Net,
    node: usize,
    call_id: &str,
    port: u16,
) -> Option<SessionDescription> {
    let media = format!("m=audio {port} ");
    let heard = net.heard.iter().rev().filter(|h| h.node == node).find_map(|h| {
        body(&h.bytes).filter(|body| body.contains(&media))?;
        Seen::of(&h.bytes).filter(|seen| !seen.is_request() && seen.call_id == call_id)
    })?;
    let sent = net.sent.iter().rev().filter(|s| s.from == net.nodes[node].name).find(|s| {
        Seen::of(&s.bytes).is_some_and(|seen| {
            seen.is_request() && (seen.branch, seen.method) == (heard.branch, heard.method)
        })
    })?;
    SessionDescription::parse(body(&sent.bytes)?.as_bytes()).ok()
}

fn body(bytes: &[u8]) -> Option<&str> {
    let (_, body) = std::str::from_utf8(bytes).ok()?.split_once("\r\n\r\n")?;
    Some(body)
}

/// RFC 3261 8.2, 17.2: every request but ACK that arrived has a final response.
fn nothing_is_left_unanswered(net: &Net, sent: &[Seen<'_>]) -> Result<(), String> {
    let answered: HashSet<(&str, &str, &str)> = net
        .sent
        .iter()
        .zip(sent)
        .filter(|(_, seen)| seen.code.is_some_and(|code| code >= 200))
        .map(|(message, seen)| (message.from.as_str(), seen.branch, seen.method))
        .collect();
    for heard in &net.heard {
        let name = net.nodes[heard.node].name;
        let Some(seen) = Seen::of(&heard.bytes).filter(|s| s.is_request() && s.method != "ACK") else {
            continue;
        };
        if !answered.contains(&(name, seen.branch, seen.method)) {
            return Err(format!("{name} never answered {} {}", seen.method, seen.number));
        }
    }
    Ok(())
}
