//! One item of the Warning list (RFC 3261 20.43).

use super::token::{Scanner, quote, unquote};
use super::{HeaderView, Malformed};

/// What a server has to say beside the status code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Three digits; 3xx is about the session description.
    pub code: u16,
    /// Who warns: a host or a pseudonym.
    pub agent: String,
    /// Words for people.
    pub text: String,
}

impl HeaderView for Warning {
    const NAME: &'static str = "Warning";

    fn parse(value: &str) -> Result<Warning, Malformed> {
        let bad = Malformed(Self::NAME);
        let mut scanner = Scanner::new(value);
        scanner.skip_ws();
        let digits = scanner.take_while(|c| c.is_ascii_digit());
        let code = match digits.len() {
            3 => digits.parse().map_err(|_| bad)?,
            _ => return Err(bad),
        };
        scanner.skip_ws();
        let agent = scanner.take_while(|c| !c.is_whitespace() && c != '"').to_owned();
        scanner.skip_ws();
        let text = unquote(scanner.quoted_raw(Self::NAME)?);
        if agent.is_empty() || !scanner.at_end() {
            return Err(bad);
        }
        Ok(Warning { code, agent, text })
    }
}

impl std::fmt::Display for Warning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:03} {} {}", self.code, self.agent, quote(&self.text))
    }
}

#[cfg(test)]
mod tests {
    use super::super::view::tests::{refused, round_trip};
    use super::*;
    use crate::wire::{HeaderAccess as _, Headers};

    #[test]
    fn warnings_come_in_lists() {
        let mut headers = Headers::default();
        headers.add(
            "Warning",
            "307 isi.edu \"Session parameter 'foo' not understood\", 301 [2001:db8::1]:5060 \"a, \\\"b\\\"\"",
        );
        let list = headers.views::<Warning>().unwrap();
        assert_eq!(list.iter().map(|w| w.code).collect::<Vec<_>>(), [307, 301]);
        assert_eq!((list[1].agent.as_str(), list[1].text.as_str()), ("[2001:db8::1]:5060", "a, \"b\""));
        round_trip::<Warning>(&[("399 kamailio \"Noisy feedback\"", None)]);
        refused::<Warning>(&[
            "",
            "399",
            "399 x",
            "399 \"text\"",
            "3999 x \"t\"",
            "399 x \"t",
            "399 x \"t\" y",
            "abc x \"t\"",
        ]);
    }
}
