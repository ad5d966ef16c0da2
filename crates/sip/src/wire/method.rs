//! Request methods: the standard ones of `rsip` and any extension token.

use super::Malformed;
use super::token::is_token;

/// A request method. Standard names are `rsip`'s; any other token is kept as written, because a request with an
/// unknown method still has to be answered (501, RFC 3261 8.2.1). Methods are case-sensitive (RFC 3261 7.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Method {
    /// A method `rsip` knows.
    Standard(rsip::Method),
    /// Any other token.
    Extension(String),
}

macro_rules! standard {
    ($($(#[$doc:meta])* $constant:ident = $variant:ident = $text:literal;)*) => {
        impl Method {
            $($(#[$doc])* pub const $constant: Method = Method::Standard(rsip::Method::$variant);)*

            /// The method's name as it stands on the wire.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Method::Standard(rsip::Method::$variant) => $text,)*
                    Method::Extension(name) => name,
                }
            }

            /// Reads a method token.
            pub fn parse(text: &str) -> Result<Method, Malformed> {
                match text {
                    $($text => Ok(Method::$constant),)*
                    other if is_token(other) => Ok(Method::Extension(other.to_owned())),
                    _ => Err(Malformed("method")),
                }
            }
        }
    };
}

standard! {
    /// RFC 3261 13.
    INVITE = Invite = "INVITE";
    /// RFC 3261 17.
    ACK = Ack = "ACK";
    /// RFC 3261 15.
    BYE = Bye = "BYE";
    /// RFC 3261 9.
    CANCEL = Cancel = "CANCEL";
    /// RFC 3261 10.
    REGISTER = Register = "REGISTER";
    /// RFC 3261 11.
    OPTIONS = Options = "OPTIONS";
    /// RFC 6086.
    INFO = Info = "INFO";
    /// RFC 3428.
    MESSAGE = Message = "MESSAGE";
    /// RFC 6665.
    NOTIFY = Notify = "NOTIFY";
    /// RFC 6665.
    SUBSCRIBE = Subscribe = "SUBSCRIBE";
    /// RFC 3903.
    PUBLISH = Publish = "PUBLISH";
    /// RFC 3515.
    REFER = Refer = "REFER";
    /// RFC 3262.
    PRACK = PRack = "PRACK";
    /// RFC 3311.
    UPDATE = Update = "UPDATE";
}

impl std::hash::Hash for Method {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl std::fmt::Display for Method {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_case_sensitive_and_extensions_survive() {
        assert_eq!(Method::parse("INVITE").unwrap(), Method::INVITE);
        assert_eq!(Method::parse("invite").unwrap(), Method::Extension("invite".into()));
        assert_eq!(Method::parse("RE%47IST%45R").unwrap().as_str(), "RE%47IST%45R");
        assert!(Method::parse("BAD METHOD").is_err());
        assert!(Method::parse("").is_err());
    }
}
