//! The SIP extensions this side supports: one table for Supported, Require and Unsupported (RFC 3261 8.2.2.3, 19.2).
//!
//! A feature adds its option tag here when it works in both roles; nothing else names option tags in lists.

/// Option tags, in the order they are written.
const SUPPORTED: [&str; 4] = ["replaces", "norefersub", "gruu", "outbound"];

/// The value of a Supported header.
pub(crate) fn supported() -> String {
    SUPPORTED.join(", ")
}

/// Those of the required option tags that are not supported: the value of Unsupported.
pub(crate) fn unsupported<'a>(required: &[&'a str]) -> Vec<&'a str> {
    required.iter().filter(|tag| !SUPPORTED.iter().any(|s| s.eq_ignore_ascii_case(tag))).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_in_the_table_is_unsupported() {
        assert_eq!(unsupported(&["x-own"]), ["x-own"]);
        let ours: Vec<&str> = SUPPORTED.to_vec();
        assert!(unsupported(&ours).is_empty());
    }
}
