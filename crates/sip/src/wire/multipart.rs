//! Bodies made of parts (RFC 2046 5.1, RFC 5621), and finding the one that is understood.
//!
//! A part is a slice of the message's body: nothing is decoded, since SIP bodies travel as they are (RFC 5621 3.1).

use super::content::{ContentDisposition, ContentType, Handling};
use super::{HeaderAccess as _, HeaderView as _, Headers, Malformed, parse};

/// Parts inside parts inside parts: more is refused.
const MAX_DEPTH: usize = 4;
/// Most parts of a whole body.
const MAX_PARTS: usize = 32;

/// A body that is not made of parts, with what its headers say about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part<'a> {
    /// The media type.
    pub content_type: ContentType,
    /// What to do with it; `None` where nothing is said.
    pub disposition: Option<ContentDisposition>,
    /// All headers of the part; those of the message where the whole body is this part.
    pub headers: Headers,
    /// The bytes.
    pub bytes: &'a [u8],
}

/// A body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body<'a> {
    /// No body at all.
    Empty,
    /// One part.
    Single(Part<'a>),
    /// `multipart/*`.
    Multi {
        /// `mixed`, `alternative`, `related` ... in small letters.
        subtype: String,
        /// The parts in order.
        parts: Vec<Body<'a>>,
    },
}

impl<'a> Body<'a> {
    /// Reads the body of a message with these headers.
    ///
    /// # Errors
    /// A Content-Type that cannot be read or is missing beside bytes (RFC 3261 20.15), a boundary that is missing or
    /// never met, more than 32 parts or 4 levels.
    pub fn read(headers: &Headers, bytes: &'a [u8]) -> Result<Body<'a>, Malformed> {
        if bytes.is_empty() {
            return Ok(Body::Empty);
        }
        let content_type = headers.view::<ContentType>()?.ok_or(Malformed(ContentType::NAME))?;
        read(content_type, headers, bytes, 0, &mut 0)
    }

    /// The parts in order, those inside others too.
    pub fn parts(&self) -> Vec<&Part<'a>> {
        match self {
            Body::Empty => Vec::new(),
            Body::Single(part) => vec![part],
            Body::Multi { parts, .. } => parts.iter().flat_map(Body::parts).collect(),
        }
    }

    /// The part of this type to use: in `alternative` the last one, as the sender likes it best (RFC 2046 5.1.4),
    /// elsewhere the first.
    pub fn find(&self, media_type: &str) -> Option<&Part<'a>> {
        match self {
            Body::Empty => None,
            Body::Single(part) => part.content_type.is(media_type).then_some(part),
            Body::Multi { subtype, parts } if subtype == "alternative" => {
                parts.iter().rev().find_map(|body| body.find(media_type))
            }
            Body::Multi { parts, .. } => parts.iter().find_map(|body| body.find(media_type)),
        }
    }

    /// Whether the message can be served by someone who understands only `known`: every part is of such a type or may
    /// be ignored, and of alternatives at least one is (RFC 5621 3.1.1, 8.3). Otherwise it deserves a 415.
    pub fn is_understood(&self, known: &[&str]) -> bool {
        match self {
            Body::Empty => true,
            Body::Single(part) => {
                let optional = part.disposition.as_ref().is_some_and(|d| d.handling == Handling::Optional);
                optional || known.iter().any(|media_type| part.content_type.is(media_type))
            }
            Body::Multi { subtype, parts } if subtype == "alternative" => {
                parts.is_empty() || parts.iter().any(|body| body.is_understood(known))
            }
            Body::Multi { parts, .. } => parts.iter().all(|body| body.is_understood(known)),
        }
    }
}

fn read<'a>(
    content_type: ContentType,
    headers: &Headers,
    bytes: &'a [u8],
    depth: usize,
    count: &mut usize,
) -> Result<Body<'a>, Malformed> {
    let bad = Malformed("multipart body");
    if !content_type.is_multipart() {
        *count = count.saturating_add(1);
        if *count > MAX_PARTS {
            return Err(bad);
        }
        let disposition = headers.view::<ContentDisposition>()?;
        return Ok(Body::Single(Part { content_type, disposition, headers: headers.clone(), bytes }));
    }
    // RFC 2046 5.1.1: 1 to 70 characters.
    let boundary = content_type.params.get("boundary").filter(|b| (1..=70).contains(&b.len())).ok_or(bad)?;
    if depth >= MAX_DEPTH {
        return Err(bad);
    }
    let mut parts = Vec::new();
    for part in split(bytes, boundary.as_bytes()).ok_or(bad)? {
        let (headers, bytes) = parse::part_head(part).ok_or(bad)?;
        // RFC 2046 5.1: without a type it is plain text; 5.1.5: a message in a digest.
        let default = if content_type.subtype == "digest" { "message/rfc822" } else { "text/plain" };
        let part_type = match headers.view::<ContentType>()? {
            Some(part_type) => part_type,
            None => ContentType::parse(default)?,
        };
        parts.push(read(part_type, &headers, bytes, depth.saturating_add(1), count)?);
        if parts.len() > MAX_PARTS {
            return Err(bad);
        }
    }
    Ok(Body::Multi { subtype: content_type.subtype, parts })
}

/// What stands between the delimiter lines. `None` when there is none. A missing last delimiter is tolerated: the
/// body's end is known from Content-Length.
fn split<'a>(bytes: &'a [u8], boundary: &[u8]) -> Option<Vec<&'a [u8]>> {
    let mut parts = Vec::new();
    // Where the part under way began.
    let mut start: Option<usize> = None;
    let mut at = 0usize;
    while at < bytes.len() {
        let rest = bytes.get(at..).unwrap_or_default();
        let length = rest.iter().position(|b| *b == b'\n').map_or(rest.len(), |end| end.saturating_add(1));
        let line = rest.get(..length).unwrap_or_default();
        if let Some(closing) = delimiter(line, boundary) {
            if let Some(start) = start {
                parts.push(before_line_end(bytes.get(start..at).unwrap_or_default()));
            }
            start = Some(at.saturating_add(length));
            if closing {
                return Some(parts);
            }
        }
        at = at.saturating_add(length);
    }
    parts.push(bytes.get(start?..).unwrap_or_default());
    Some(parts)
}

/// Whether a line is `--boundary` (`Some(false)`) or `--boundary--` (`Some(true)`).
fn delimiter(line: &[u8], boundary: &[u8]) -> Option<bool> {
    let rest = line.strip_prefix(b"--")?.strip_prefix(boundary)?;
    let (rest, closing) = match rest.strip_prefix(b"--") {
        Some(rest) => (rest, true),
        None => (rest, false),
    };
    rest.iter().all(u8::is_ascii_whitespace).then_some(closing)
}

/// RFC 2046 5.1.1: the line end before a delimiter belongs to the delimiter.
fn before_line_end(part: &[u8]) -> &[u8] {
    let part = part.strip_suffix(b"\n").unwrap_or(part);
    part.strip_suffix(b"\r").unwrap_or(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIXED: &str = "preamble\r\n--b1\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n\r\n--b1  \r\n\
        content-type : application/isup;version=x\r\nContent-Disposition: signal; handling=optional\r\n\r\n\x01\r\n\x02\r\n--b1--\r\nafter";

    fn headers(content_type: &str) -> Headers {
        let mut headers = Headers::default();
        headers.add("Content-Type", content_type);
        headers
    }

    #[test]
    fn a_gateway_sends_two_bodies() {
        let headers = headers("multipart/mixed; boundary=\"b1\"");
        let body = Body::read(&headers, MIXED.as_bytes()).unwrap();
        assert_eq!(body.find("application/sdp").unwrap().bytes, b"v=0\r\n");
        assert_eq!(body.parts()[1].bytes, b"\x01\r\n\x02");
        assert!(body.is_understood(&["application/sdp"]) && !body.is_understood(&["text/plain"]));
    }

    #[test]
    fn of_alternatives_the_last_known_counts() {
        let text = "--x\r\n\r\nplain\r\n--x\r\nContent-Type: multipart/related;boundary=y\r\n\r\n--y\r\nContent-Type: application/sdp\r\n\r\none\r\n--y--\r\n\
            --x\r\nContent-Type: application/sdp\r\n\r\ntwo\r\n--x\r\nContent-Type: text/html\r\n\r\n<p>";
        let headers = headers("multipart/alternative;boundary=x");
        let body = Body::read(&headers, text.as_bytes()).unwrap();
        assert_eq!(body.find("application/sdp").unwrap().bytes, b"two");
        assert_eq!(body.find("text/plain").unwrap().bytes, b"plain");
        assert_eq!(body.find("TEXT/HTML").unwrap().bytes, b"<p>");
        assert_eq!(body.parts().len(), 4);
        assert!(body.is_understood(&["text/html"]) && !body.is_understood(&["image/png"]));
    }

    #[test]
    fn a_body_without_parts_is_one() {
        let headers = headers("application/sdp");
        assert_eq!(Body::read(&headers, b"v=0").unwrap().find("application/sdp").unwrap().bytes, b"v=0");
        assert_eq!(Body::read(&Headers::default(), b"").unwrap(), Body::Empty);
        assert!(Body::read(&Headers::default(), b"v=0").is_err());
    }

    #[test]
    fn broken_and_bottomless_bodies_are_refused() {
        let long = format!("multipart/mixed;boundary={}", "b".repeat(71));
        for content_type in
            ["multipart/mixed", "multipart/mixed;boundary=other", &long, "multipart/mixed;boundary=\"\""]
        {
            assert!(Body::read(&headers(content_type), MIXED.as_bytes()).is_err(), "{content_type}");
        }
        let nested = |levels: usize| {
            let mut text = String::from("\r\nend");
            for level in (0..levels).rev() {
                text = format!(
                    "--l{level}\r\nContent-Type: multipart/mixed;boundary=l{}\r\n\r\n{text}",
                    level + 1
                );
            }
            format!("{text}\r\n--l{levels}\r\n\r\nend")
        };
        let read = |levels| {
            Body::read(&headers("multipart/mixed;boundary=l0"), nested(levels).as_bytes())
                .map(|b| b.parts().len())
        };
        assert_eq!(read(MAX_DEPTH - 1), Ok(1));
        assert!(read(MAX_DEPTH).is_err());
        let many = "--x\r\n\r\n\r\n".repeat(MAX_PARTS + 1);
        assert!(Body::read(&headers("multipart/mixed;boundary=x"), many.as_bytes()).is_err());
        assert!(Body::read(&headers("multipart/mixed;boundary=x"), b"--x\r\nno colon\r\n\r\n").is_err());
        assert!(
            Body::read(&headers("multipart/mixed;boundary=x"), b"--x\r\nContent-Type: nothing\r\n\r\n")
                .is_err()
        );
    }
}
