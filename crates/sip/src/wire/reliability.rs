//! `RSeq` and `RAck` of reliable provisional responses (RFC 3262 7).

use super::token::Scanner;
use super::{CSeq, HeaderView, Malformed, Method};

/// The number of a reliable provisional response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RSeq(pub u32);

/// What a PRACK acknowledges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RAck {
    /// The response's RSeq.
    pub rseq: u32,
    /// The response's CSeq number.
    pub cseq: u32,
    /// The response's CSeq method.
    pub method: Method,
}

impl RAck {
    /// The acknowledgement of a response with these two headers.
    pub fn of(rseq: RSeq, cseq: &CSeq) -> RAck {
        RAck { rseq: rseq.0, cseq: cseq.number, method: cseq.method.clone() }
    }
}

impl HeaderView for RSeq {
    const NAME: &'static str = "RSeq";

    fn parse(value: &str) -> Result<RSeq, Malformed> {
        let mut scanner = Scanner::new(value);
        match (scanner.whole_number(Self::NAME)?, scanner.at_end()) {
            // RFC 3262 3: the first one lies between 1 and 2^31 - 1, and they only grow.
            (0, _) | (_, false) => Err(Malformed(Self::NAME)),
            (number, true) => Ok(RSeq(number)),
        }
    }
}

impl HeaderView for RAck {
    const NAME: &'static str = "RAck";

    fn parse(value: &str) -> Result<RAck, Malformed> {
        let mut scanner = Scanner::new(value);
        let rseq = scanner.whole_number(Self::NAME)?;
        let cseq = scanner.whole_number(Self::NAME)?;
        scanner.skip_ws();
        let method = Method::parse(scanner.token(Self::NAME)?)?;
        if scanner.at_end() { Ok(RAck { rseq, cseq, method }) } else { Err(Malformed(Self::NAME)) }
    }
}

impl std::fmt::Display for RSeq {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl std::fmt::Display for RAck {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {}", self.rseq, self.cseq, self.method)
    }
}

#[cfg(test)]
mod tests {
    use super::super::view::tests::{refused, round_trip};
    use super::*;

    #[test]
    fn numbers_of_reliable_responses() {
        round_trip::<RSeq>(&[("1", None), ("4294967295", None), (" 0988789 ", Some("988789"))]);
        refused::<RSeq>(&["", "0", "4294967296", "-1", "1 2", "one"]);
        round_trip::<RAck>(&[("776656 1 INVITE", None), ("1\t 7   UPDATE ", Some("1 7 UPDATE"))]);
        refused::<RAck>(&[
            "",
            "1 INVITE",
            "1 2",
            "1 2 INVITE x",
            "1 2 IN(VITE",
            "4294967296 1 INVITE",
            "1,2 INVITE",
        ]);
        assert_eq!(
            RAck::of(RSeq(5), &CSeq::parse("9 INVITE").unwrap()),
            RAck { rseq: 5, cseq: 9, method: Method::INVITE }
        );
    }
}
