//! The SIP extensions this side supports: one table for Supported, Require and Unsupported (RFC 3261 8.2.2.3, 19.2).
//!
//! A feature adds its option tag here when it works in both roles; nothing else names option tags in lists.

/// Option tags, in the order they are written.
const SUPPORTED: [&str; 7] = ["100rel", "timer", "replaces", "norefersub", "gruu", "outbound", "trickle-ice"];

/// The value of a Supported header, without those that are switched off.
pub(crate) fn supported(off: &[&str]) -> String {
    let on: Vec<&str> = SUPPORTED.iter().filter(|tag| !off.contains(tag)).copied().collect();
    on.join(", ")
}

/// Those of the required option tags that are not supported or switched off: the value of Unsupported.
pub(crate) fn unsupported<'a>(required: &[&'a str], off: &[&str]) -> Vec<&'a str> {
    let is_in = |list: &[&str], tag: &str| list.iter().any(|item| item.eq_ignore_ascii_case(tag));
    required.iter().filter(|tag| !is_in(&SUPPORTED, tag) || is_in(off, tag)).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_in_the_table_is_unsupported() {
        assert_eq!(unsupported(&["x-own"], &[]), ["x-own"]);
        let ours: Vec<&str> = SUPPORTED.to_vec();
        assert!(unsupported(&ours, &[]).is_empty() && unsupported(&ours, &ours) == ours);
        assert_eq!(supported(&ours), "");
        assert!(!supported(&["timer"]).contains("timer") && supported(&["timer"]).contains("100rel"));
    }
}
