//! Messages out of a stream of bytes (RFC 3261 18.3, 7.5) and the keep-alives between them (RFC 5626 4.4.1).
//!
//! One [`Framer`] per connection. Its invariant: the end of the headers is searched for in each byte once, whatever the
//! chunks it comes in, and no more than one message and one chunk are held.
//!
//! Where a message ends is all that is read here. A message whose end is known is handed on however broken it is, and
//! the connection lives on; once the end of a message cannot be known, everything after it could be anything, so
//! nothing is searched for in it: the framer says [`Frame::Broken`] and stays silent, and the connection is to be
//! closed.

use super::parse::{self, MAX_MESSAGE_BYTES, ParseError};
use super::{Headers, Malformed};

/// Longest start line, and so the most bytes taken from a peer that does not speak SIP.
const MAX_START_LINE: usize = 8 * 1024;

/// Cuts what a connection brings into messages.
///
/// After each [`Framer::push`], [`Framer::next_frame`] is to be called until it gives `None`.
#[derive(Debug, Default)]
pub struct Framer {
    buffer: Vec<u8>,
    /// Where in the buffer the message under way begins; what stands before is done with.
    start: usize,
    state: State,
}

/// What a connection brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// A whole message: for [`super::parse_datagram`].
    Message(Vec<u8>),
    /// Two line ends or more: to be answered with one (RFC 5626 4.4.1). A run of them that came at once is one ping.
    Ping,
    /// One line end: the answer to a ping of ours. It may also be the first half of a ping that came in two pieces,
    /// and then a [`Frame::Ping`] follows.
    Pong,
    /// No further message can be told from its neighbours. [`ParseError::BadRequest`] is to be answered; then, in any
    /// case, the connection is to be closed.
    Broken(ParseError),
}

#[derive(Debug, Clone, Copy, Default)]
enum State {
    /// Before a start line.
    #[default]
    Between,
    /// Before a start line, with one line end given out as a pong.
    AfterPong,
    /// Inside the start line or the headers; so many bytes of the message hold no end of them.
    Head { searched: usize },
    /// The message has so many bytes.
    Body { length: usize },
    /// Nothing more is taken.
    Broken,
}

impl Framer {
    /// A framer for a new connection.
    pub fn new() -> Framer {
        Framer::default()
    }

    /// Takes what was read from the connection.
    pub fn push(&mut self, chunk: &[u8]) {
        if matches!(self.state, State::Broken) {
            return;
        }
        // What is done with is dropped once per chunk, not once per message.
        self.buffer.drain(..self.start.min(self.buffer.len()));
        self.start = 0;
        self.buffer.extend_from_slice(chunk);
    }

    /// What is pushed next comes after a pause: it does not belong to a line end before, which was a whole answer and no
    /// half of a ping.
    pub fn pause(&mut self) {
        if matches!(self.state, State::AfterPong) {
            self.state = State::Between;
        }
    }

    /// The next thing the bytes taken so far hold; `None` when more of them are needed.
    pub fn next_frame(&mut self) -> Option<Frame> {
        loop {
            let (state, frame) = match self.state {
                State::Between => self.between(false)?,
                State::AfterPong => self.between(true)?,
                State::Head { searched } => self.head(searched)?,
                State::Body { length } => self.body(length)?,
                State::Broken => return None,
            };
            self.state = state;
            if matches!(state, State::Broken) {
                (self.buffer, self.start) = (Vec::new(), 0);
            }
            if frame.is_some() {
                return frame;
            }
        }
    }

    /// Whether the connection is in the middle of a message: when it closes now, one was cut off.
    pub fn is_inside_a_message(&self) -> bool {
        matches!(self.state, State::Head { .. } | State::Body { .. })
    }

    fn rest(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }

    /// RFC 3261 7.5: line ends before a start line are skipped; RFC 5626 gives them a meaning.
    fn between(&mut self, after_pong: bool) -> Option<(State, Option<Frame>)> {
        let rest = self.rest();
        let mut at = 0usize;
        let mut ends = usize::from(after_pong);
        loop {
            match (rest.get(at), rest.get(at.saturating_add(1))) {
                (Some(b'\r'), Some(b'\n')) => {
                    at = at.saturating_add(2);
                    ends = ends.saturating_add(1);
                }
                // Half a line end: the other half is still to come.
                (Some(b'\r'), None) => break,
                // Not a keep-alive, but no start line either.
                (Some(b'\r' | b'\n'), _) => at = at.saturating_add(1),
                _ => break,
            }
        }
        let next = rest.get(at).copied();
        if at == 0 {
            return match next? {
                b'\r' => None,
                // A start line begins with a token (RFC 3261 7.1). A TLS hello on a TCP port ends here.
                b if b.is_ascii_graphic() => Some((State::Head { searched: 0 }, None)),
                _ => Some(broken("no start line")),
            };
        }
        self.start = self.start.saturating_add(at);
        match ends {
            0 => Some((State::Between, None)),
            1 if after_pong => Some((State::AfterPong, None)),
            1 => Some((State::AfterPong, Some(Frame::Pong))),
            _ => Some((State::Between, Some(Frame::Ping))),
        }
    }

    fn head(&mut self, searched: usize) -> Option<(State, Option<Frame>)> {
        let rest = self.rest();
        // The end may have begun in what was searched before: `\n\r` there, `\n` here.
        let from = searched.saturating_sub(2);
        let Some(end) = parse::head_end(rest, from) else {
            let length = rest.len();
            let line = searched < MAX_START_LINE && !parse::starts_like_sip(rest, MAX_START_LINE);
            return match (line, length > MAX_MESSAGE_BYTES) {
                (true, _) => Some(broken("start line")),
                (_, true) => Some(broken("headers too long")),
                // Nothing new to look at until more comes.
                _ if searched == length => None,
                _ => Some((State::Head { searched: length }, None)),
            };
        };
        let head = rest.get(..end).unwrap_or_default();
        if !parse::starts_like_sip(head, MAX_START_LINE) {
            return Some(broken("start line"));
        }
        let length = match content_length(head) {
            Ok(length) => length,
            Err(Malformed(what)) => {
                return Some((State::Broken, Some(Frame::Broken(refusal(head, 400, what)))));
            }
        };
        match end.checked_add(length) {
            Some(length) if length <= MAX_MESSAGE_BYTES => Some((State::Body { length }, None)),
            _ => Some((State::Broken, Some(Frame::Broken(refusal(head, 513, "message too large"))))),
        }
    }

    fn body(&mut self, length: usize) -> Option<(State, Option<Frame>)> {
        let message = self.rest().get(..length)?.to_vec();
        self.start = self.start.saturating_add(length);
        Some((State::Between, Some(Frame::Message(message))))
    }
}

fn broken(what: &'static str) -> (State, Option<Frame>) {
    (State::Broken, Some(Frame::Broken(ParseError::Garbage(what))))
}

/// The one Content-Length of a head (RFC 3261 18.3: on a stream it must be there).
fn content_length(head: &[u8]) -> Result<usize, Malformed> {
    let mut length: Option<usize> = None;
    for (name, value) in parse::header_lines(&parse::decode(head)) {
        if !name.eq_ignore_ascii_case("Content-Length") && !name.eq_ignore_ascii_case("l") {
            continue;
        }
        let text = value.trim_ascii();
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(Malformed("content-length"));
        }
        // More digits than fit are more bytes than are taken.
        let value = text.parse().unwrap_or(usize::MAX);
        if length.is_some_and(|other| other != value) {
            return Err(Malformed("content-length said twice"));
        }
        length = Some(value);
    }
    length.ok_or(Malformed("no content-length"))
}

/// What to answer to a message without a known end: nothing to a response.
fn refusal(head: &[u8], code: u16, what: &'static str) -> ParseError {
    match parse::parse_datagram(head) {
        Ok(super::Message::Request(request)) => {
            bad_request(code, what, request.method.to_string(), request.headers)
        }
        Err(ParseError::BadRequest { code: 400, method, headers, .. }) => {
            bad_request(code, what, method, headers)
        }
        Err(error) => error,
        Ok(super::Message::Response(_)) => ParseError::Garbage(what),
    }
}

fn bad_request(code: u16, what: &str, method: String, headers: Headers) -> ParseError {
    let phrase = format!("{}: {what}", super::default_reason(code));
    ParseError::BadRequest { code, phrase, method, headers }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\n\
        Call-ID: c\r\nCSeq: 1 OPTIONS\r\n";

    fn message(length_line: &str, body: &str) -> String {
        format!("{HEAD}{length_line}\r\n\r\n{body}")
    }

    fn frames(chunks: &[&[u8]]) -> Vec<Frame> {
        let mut framer = Framer::new();
        let mut frames = Vec::new();
        for chunk in chunks {
            framer.push(chunk);
            frames.extend(std::iter::from_fn(|| framer.next_frame()));
        }
        frames
    }

    #[test]
    fn messages_are_cut_wherever_the_chunks_end() {
        let one = message("Content-Length: 5", "a\r\n\r\nb".get(..5).unwrap());
        let two = message("L  :\r\n 3", "\r\n\r");
        let three = message("content-length: 0", "").replace("\r\n", "\n");
        let bytes = [one.as_bytes(), two.as_bytes(), b"\r\n\r\n", three.as_bytes()].concat();
        let messages = |frames: Vec<Frame>| -> Vec<Vec<u8>> {
            frames
                .into_iter()
                .filter_map(|f| if let Frame::Message(bytes) = f { Some(bytes) } else { None })
                .collect()
        };
        let expected = [one.into_bytes(), two.into_bytes(), three.into_bytes()];
        for at in 0..bytes.len() {
            let (a, b) = bytes.split_at(at);
            assert_eq!(messages(frames(&[a, b])), expected, "cut at {at}");
        }
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(messages(frames(&single)), expected);
    }

    #[test]
    fn keep_alives_between_messages() {
        use Frame::*;
        let whole = message("Content-Length: 0", "");
        let m = || Message(whole.clone().into_bytes());
        assert_eq!(frames(&[b"\r\n\r\n"]), [Ping]);
        assert_eq!(frames(&[b"\r\n"]), [Pong]);
        assert_eq!(frames(&[b"\r", b"\n"]), [Pong]);
        assert_eq!(frames(&[b"\r\n\r", b"\n"]), [Pong, Ping]);
        assert_eq!(frames(&[b"\r\n", b"\r\n", b"\r\n"]), [Pong, Ping, Pong]);
        assert_eq!(frames(&[&b"\r\n".repeat(9000)]), [Ping]);
        assert_eq!(
            frames(&[&[whole.as_bytes(), b"\r\n\r\n", whole.as_bytes(), b"\r\n"].concat()]),
            [m(), Ping, m(), Pong]
        );
        assert_eq!(frames(&[b"\n\n", whole.as_bytes()]), [m()]);
        let mut framer = Framer::new();
        framer.push(b"\r\n\r\nOPT");
        assert_eq!(framer.next_frame(), Some(Ping));
        assert_eq!(framer.next_frame(), None);
        assert!(framer.is_inside_a_message());
    }

    #[test]
    fn a_broken_message_with_a_known_end_spares_the_connection() {
        let bad = "OPTIONS <sip:a@b> SIP/2.0\r\nnonsense\r\nl: 2\r\n\r\nxy";
        let good = message("Content-Length: 0", "");
        let all = frames(&[bad.as_bytes(), good.as_bytes()]);
        assert_eq!(all, [Frame::Message(bad.into()), Frame::Message(good.into())]);
    }

    #[test]
    fn without_a_known_end_the_request_is_refused_and_nothing_more_is_read() {
        let check = |bytes: &str, code: u16, phrase: &str| {
            let all = frames(&[bytes.as_bytes(), message("l: 0", "").as_bytes()]);
            let [Frame::Broken(ParseError::BadRequest { code: got, phrase: words, method, headers })] =
                all.as_slice()
            else {
                panic!("{bytes}: {all:?}")
            };
            assert_eq!((*got, words.as_str(), method.as_str()), (code, phrase, "OPTIONS"));
            assert!(headers.iter().count() > 3);
        };
        check(&message("X: y", ""), 400, "Bad Request: no content-length");
        check(&message("Content-Length: five", ""), 400, "Bad Request: content-length");
        check(&message("Content-Length: -1", ""), 400, "Bad Request: content-length");
        check(&message("Content-Length: 1\r\nl: 2", ""), 400, "Bad Request: content-length said twice");
        check(&message("Content-Length: 65536", ""), 513, "Message Too Large: message too large");
        check(
            &message("Content-Length: 99999999999999999999999", ""),
            513,
            "Message Too Large: message too large",
        );
        let response = "SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP h;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\n\
            Call-ID: c\r\nCSeq: 1 OPTIONS\r\n\r\n";
        assert_eq!(frames(&[response.as_bytes()]), [Frame::Broken(ParseError::Garbage("no content-length"))]);
    }

    #[test]
    fn other_protocols_end_at_their_first_line() {
        for bytes in [
            &b"\x16\x03\x01\x02"[..],
            b"GET / HTTP/1.1\r\n",
            b"\x00",
            &[b'a'; 9000],
            b" OPTIONS sip:a@b SIP/2.0\r\n",
        ] {
            let all = frames(&[bytes]);
            assert!(matches!(all.as_slice(), [Frame::Broken(ParseError::Garbage(_))]), "{bytes:?} {all:?}");
        }
    }

    #[test]
    fn endless_headers_are_cut_off_and_nothing_is_kept() {
        let mut framer = Framer::new();
        framer.push(b"OPTIONS sip:a@b SIP/2.0\r\n");
        let mut taken = 0usize;
        let end = loop {
            assert_eq!(framer.push(b"X: yyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n"), ());
            taken += 33;
            if let Some(frame) = framer.next_frame() {
                break frame;
            }
        };
        assert_eq!(end, Frame::Broken(ParseError::Garbage("headers too long")));
        assert!(taken <= MAX_MESSAGE_BYTES + 33);
        framer.push(&[b'x'; 100_000]);
        assert_eq!((framer.next_frame(), framer.buffer.capacity()), (None, 0));
    }

    /// Each byte on its own, without an end of line, must not be searched from the start each time: a mebibyte of
    /// messages in single bytes is done at once, and would take hours if the work grew with the square.
    #[test]
    fn work_grows_with_the_bytes_alone() {
        let long = message(&format!("Subject: {}\r\nContent-Length: 0", "x".repeat(60_000)), "");
        let mut framer = Framer::new();
        let mut found = 0;
        for byte in long.repeat(16).as_bytes().chunks(1) {
            framer.push(byte);
            found += std::iter::from_fn(|| framer.next_frame()).count();
        }
        assert_eq!(found, 16);
        let many = message("l: 0", "").repeat(4000);
        assert_eq!(frames(&[many.as_bytes()]).len(), 4000);
    }
}
