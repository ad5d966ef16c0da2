//! The CSeq header (RFC 3261 20.16).

use super::{Malformed, Method};

/// Sequence number and method of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CSeq {
    /// Below 2^31 (RFC 3261 8.1.1.5).
    pub number: u32,
    /// The request's method.
    pub method: Method,
}

impl CSeq {
    /// Reads the value.
    pub fn parse(value: &str) -> Result<CSeq, Malformed> {
        let bad = Malformed("cseq");
        let value = value.trim();
        let space = value.bytes().position(|b| matches!(b, b' ' | b'\t')).ok_or(bad)?;
        let (number, method) = value.split_at_checked(space).ok_or(bad)?;
        if !number.bytes().all(|b| b.is_ascii_digit()) {
            return Err(bad);
        }
        let number: u32 = number.parse().map_err(|_| bad)?;
        if number > i32::MAX.unsigned_abs() {
            return Err(bad);
        }
        Ok(CSeq { number, method: Method::parse(method.trim())? })
    }
}

impl std::fmt::Display for CSeq {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.number, self.method)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_below_two_to_the_31() {
        assert_eq!(CSeq::parse("0009  INVITE").unwrap(), CSeq { number: 9, method: Method::INVITE });
        for bad in
            ["", "5", "INVITE", "2147483648 INVITE", "36893488147419103232 REGISTER", "-1 BYE", "+1 BYE"]
        {
            assert!(CSeq::parse(bad).is_err(), "{bad}");
        }
    }
}
