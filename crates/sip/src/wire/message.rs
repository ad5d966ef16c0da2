//! Requests and responses.
//!
//! `rsip`'s own `Request` and `Response` can hold neither an extension method, an IPv6 or `tel:` target, nor the
//! reason phrase of a known status, so they are ours, with `rsip`'s methods and status codes.

use super::{HeaderAccess as _, Headers, Method, StatusCode, Uri, default_reason, write};

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The Request-URI.
    pub uri: Uri,
    /// The headers in order.
    pub headers: Headers,
    /// The body, exactly Content-Length octets.
    pub body: Vec<u8>,
}

/// A response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: StatusCode,
    /// The reason phrase as received.
    pub reason: String,
    /// The headers in order.
    pub headers: Headers,
    /// The body, exactly Content-Length octets.
    pub body: Vec<u8>,
}

/// Either of the two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// A request.
    Request(Request),
    /// A response.
    Response(Response),
}

impl Request {
    /// A request with no headers yet.
    pub fn new(method: Method, uri: Uri) -> Request {
        Request { method, uri, headers: Headers::default(), body: Vec::new() }
    }

    /// The bytes for the network. Content-Length is always written anew.
    pub fn to_bytes(&self) -> Vec<u8> {
        write::message(format_args!("{} {} SIP/2.0", self.method, self.uri), &self.headers, &self.body)
    }

    /// Attaches a body and its type.
    pub fn set_body(&mut self, content_type: &str, body: Vec<u8>) {
        self.headers.set("Content-Type", content_type);
        self.body = body;
    }
}

impl Response {
    /// A response with the standard phrase and no headers yet.
    pub fn new(code: u16) -> Response {
        Response {
            status: StatusCode::from(code),
            reason: default_reason(code).to_owned(),
            headers: Headers::default(),
            body: Vec::new(),
        }
    }

    /// The response to a request with the headers every response copies (RFC 3261 8.2.6.2). `tag` goes into To
    /// when the request has none there.
    pub fn to(request: &Request, code: u16, tag: Option<&str>) -> Response {
        let mut response = Response::new(code);
        response.copy_identity(&request.headers, tag);
        response
    }

    pub(crate) fn copy_identity(&mut self, headers: &Headers, tag: Option<&str>) {
        for name in ["Via", "From", "To", "Call-ID", "CSeq"] {
            for value in headers.all(name) {
                match (name, tag, super::Address::parse(value)) {
                    ("To", Some(tag), Ok(to)) if to.tag().is_none() => {
                        // Appended to the text as received: what we would write ourselves may differ from it.
                        let bare = value.trim().trim_end_matches(';');
                        self.headers.add(name, format!("{bare};tag={tag}"));
                    }
                    _ => self.headers.add(name, value),
                }
            }
        }
    }

    /// The numeric status.
    pub fn code(&self) -> u16 {
        self.status.code()
    }

    /// The bytes for the network. Content-Length is always written anew.
    pub fn to_bytes(&self) -> Vec<u8> {
        write::message(format_args!("SIP/2.0 {:03} {}", self.code(), self.reason), &self.headers, &self.body)
    }

    /// Attaches a body and its type.
    pub fn set_body(&mut self, content_type: &str, body: Vec<u8>) {
        self.headers.set("Content-Type", content_type);
        self.body = body;
    }
}

impl Message {
    /// The headers of either.
    pub fn headers(&self) -> &Headers {
        match self {
            Message::Request(r) => &r.headers,
            Message::Response(r) => &r.headers,
        }
    }

    /// The body of either.
    pub fn body(&self) -> &[u8] {
        match self {
            Message::Request(r) => &r.body,
            Message::Response(r) => &r.body,
        }
    }

    /// The bytes for the network.
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Message::Request(r) => r.to_bytes(),
            Message::Response(r) => r.to_bytes(),
        }
    }
}
