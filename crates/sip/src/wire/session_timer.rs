//! `Session-Expires` and `Min-SE` (RFC 4028 4, 5).

use super::token::Scanner;
use super::{HeaderView, Malformed, Params};

/// No session interval may be shorter, in seconds (RFC 4028 4, 5).
pub const SHORTEST_SESSION: u32 = 90;

/// How long the session lasts without a refresh, and who refreshes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionExpires {
    /// The session interval in seconds, as written: it may be below [`SHORTEST_SESSION`].
    pub seconds: u32,
    /// Who sends the refreshes, where it is said.
    pub refresher: Option<Refresher>,
}

/// The side that refreshes: roles of the transaction that carries the header, not of the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refresher {
    /// Whoever sent the request.
    Uac,
    /// Whoever answers it.
    Uas,
}

/// The shortest interval its sender accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MinSe {
    /// In seconds, as written.
    pub seconds: u32,
}

impl HeaderView for SessionExpires {
    const NAME: &'static str = "Session-Expires";

    fn parse(value: &str) -> Result<SessionExpires, Malformed> {
        let mut scanner = Scanner::new(value);
        let seconds = scanner.delta_seconds(Self::NAME)?;
        let params = Params::scan(&mut scanner, Self::NAME)?;
        let refresher = match params.get("refresher") {
            None => None,
            Some(who) if who.eq_ignore_ascii_case("uac") => Some(Refresher::Uac),
            Some(who) if who.eq_ignore_ascii_case("uas") => Some(Refresher::Uas),
            Some(_) => return Err(Malformed(Self::NAME)),
        };
        Ok(SessionExpires { seconds, refresher })
    }
}

impl HeaderView for MinSe {
    const NAME: &'static str = "Min-SE";

    fn parse(value: &str) -> Result<MinSe, Malformed> {
        let mut scanner = Scanner::new(value);
        let seconds = scanner.delta_seconds(Self::NAME)?;
        Params::scan(&mut scanner, Self::NAME)?;
        Ok(MinSe { seconds })
    }
}

impl std::fmt::Display for SessionExpires {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.seconds)?;
        match self.refresher {
            Some(Refresher::Uac) => f.write_str(";refresher=uac"),
            Some(Refresher::Uas) => f.write_str(";refresher=uas"),
            None => Ok(()),
        }
    }
}

impl std::fmt::Display for MinSe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::super::view::tests::{refused, round_trip};
    use super::*;

    #[test]
    fn intervals_and_refreshers() {
        round_trip::<SessionExpires>(&[
            ("1800", None),
            ("1800;refresher=uac", None),
            (" 90 ; Refresher = UAS ;x=y", Some("90;refresher=uas")),
            ("99999999999999", Some("4294967295")),
        ]);
        refused::<SessionExpires>(&[
            "",
            "soon",
            "-1",
            "1800;refresher=me",
            "1800;refresher",
            "1800 90",
            "18s",
        ]);
        round_trip::<MinSe>(&[("90", None), ("120;generic=1", Some("120"))]);
        refused::<MinSe>(&["", ";x", "9.5"]);
    }
}
