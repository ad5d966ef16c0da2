//! The Reason header (RFC 3326): why a call was cancelled or ended.

use super::token::{Scanner, split_list};
use super::{HeaderView, Malformed, Params};

/// One Reason value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// `SIP`, `Q.850` or another protocol token.
    pub protocol: String,
    /// The cause: a status code or a Q.850 cause value.
    pub cause: Option<u16>,
    /// Words for people.
    pub text: Option<String>,
}

impl Reason {
    /// Reads the first value of a list.
    pub fn parse(value: &str) -> Result<Reason, Malformed> {
        let items = split_list(value, "reason")?;
        let mut scanner = Scanner::new(items.first().copied().unwrap_or_default());
        let protocol = scanner.token("reason")?.to_owned();
        let params = Params::scan(&mut scanner, "reason")?;
        let cause = params.get("cause").and_then(|c| c.parse().ok());
        Ok(Reason { protocol, cause, text: params.get("text") })
    }
}

impl HeaderView for Reason {
    const NAME: &'static str = "Reason";

    fn parse(value: &str) -> Result<Reason, Malformed> {
        Reason::parse(value)
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut params = Params::default();
        if let Some(cause) = self.cause {
            params.set("cause", Some(&cause.to_string()));
        }
        write!(f, "{}{params}", self.protocol)?;
        match &self.text {
            Some(text) => write!(f, ";text={}", super::token::quote(text)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip() {
        let text = "SIP;cause=200;text=\"Call completed elsewhere\"";
        let reason = Reason::parse(text).unwrap();
        assert_eq!((reason.cause, reason.text.as_deref()), (Some(200), Some("Call completed elsewhere")));
        assert_eq!(reason.to_string(), text);
        assert_eq!(Reason::parse("Q.850 ;cause=16").unwrap().cause, Some(16));
    }
}
