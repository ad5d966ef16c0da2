//! The Retry-After header (RFC 3261 20.33).

use super::token::Scanner;
use super::{HeaderView, Malformed, Params};

/// When a refused request may be tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryAfter {
    /// Seconds to wait.
    pub seconds: u32,
    /// Words for people, without the brackets.
    pub comment: Option<String>,
    /// For how many seconds the called one will then be there.
    pub duration: Option<u32>,
}

impl HeaderView for RetryAfter {
    const NAME: &'static str = "Retry-After";

    fn parse(value: &str) -> Result<RetryAfter, Malformed> {
        let mut scanner = Scanner::new(value);
        let seconds = scanner.delta_seconds(Self::NAME)?;
        scanner.skip_ws();
        let comment = match scanner.peek() {
            Some('(') => Some(scanner.comment(Self::NAME)?),
            _ => None,
        };
        let params = Params::scan(&mut scanner, Self::NAME)?;
        let duration = match params.get("duration") {
            Some(text) => Some(Scanner::new(&text).delta_seconds(Self::NAME)?),
            None => None,
        };
        Ok(RetryAfter { seconds, comment, duration })
    }
}

impl std::fmt::Display for RetryAfter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.seconds)?;
        if let Some(comment) = &self.comment {
            f.write_str(" (")?;
            for c in comment.chars() {
                // RFC 3261 25.1: brackets inside a comment pair up or are escaped.
                if matches!(c, '(' | ')' | '\\') {
                    f.write_str("\\")?;
                }
                write!(f, "{c}")?;
            }
            f.write_str(")")?;
        }
        match self.duration {
            Some(seconds) => write!(f, ";duration={seconds}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::view::tests::{refused, round_trip};
    use super::*;

    #[test]
    fn waits_comments_and_durations() {
        round_trip::<RetryAfter>(&[
            ("120", None),
            ("120 (I'm in a meeting)", None),
            ("18000;duration=3600", None),
            ("18 (x (y\\) z)) ;duration = 5;q", Some("18 (x \\(y\\) z\\));duration=5")),
            ("99999999999", Some("4294967295")),
        ]);
        refused::<RetryAfter>(&["", "soon", "5 (open", "5 later", "5;duration=x", "5s"]);
    }
}
