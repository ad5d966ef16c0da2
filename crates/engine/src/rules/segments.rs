//! How many segments a text takes (3GPP TS 23.038 section 6.2.1, TS 23.040 section 9.2.3.24.1).
//!
//! Invariant: what belongs together, an escape and its character or the two units of a surrogate pair, is never torn
//! between two segments; the unit left over stays empty.

use crate::api::SmsEncoding;

/// What a text takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Segments {
    pub(super) encoding: SmsEncoding,
    /// At least 1.
    pub(super) count: u32,
    /// Septets or code units in all.
    pub(super) units: u32,
    /// How many more fit into the last segment.
    pub(super) left: u32,
}

/// Of one septet: the default alphabet (TS 23.038 section 6.2.1) in the order of its table, without the escape.
const DEFAULT: &str = concat!(
    "@£$¥èéùìòÇ\nØø\rÅå",
    "Δ_ΦΓΛΩΠΨΣΘΞÆæßÉ",
    " !\"#¤%&'()*+,-./",
    "0123456789:;<=>?",
    "¡ABCDEFGHIJKLMNO",
    "PQRSTUVWXYZÄÖÑÜ§",
    "¿abcdefghijklmno",
    "pqrstuvwxyzäöñüà",
);

/// Of two septets: the extension table (section 6.2.1.1).
const EXTENSION: &str = "\u{c}^{}\\[~]|€";

/// Counts.
pub(super) fn segments(text: &str) -> Segments {
    let septets = |c: char| match c {
        c if DEFAULT.contains(c) => Some(1),
        c if EXTENSION.contains(c) => Some(2),
        _ => None,
    };
    if text.chars().all(|c| septets(c).is_some()) {
        return count(text.chars().filter_map(septets), SmsEncoding::Gsm7, 160, 153);
    }
    let units = text.chars().map(|c| if c.len_utf16() == 2 { 2 } else { 1 });
    count(units, SmsEncoding::Ucs2, 70, 67)
}

/// `alone` fit into a single segment, `joined` into each of several: the header that joins them takes the rest.
fn count(
    widths: impl Iterator<Item = u32> + Clone,
    encoding: SmsEncoding,
    alone: u32,
    joined: u32,
) -> Segments {
    let units = widths.clone().fold(0, u32::saturating_add);
    if units <= alone {
        return Segments { encoding, count: 1, units, left: alone.saturating_sub(units) };
    }
    let (mut count, mut filled) = (1_u32, 0_u32);
    for width in widths {
        if filled.saturating_add(width) > joined {
            count = count.saturating_add(1);
            filled = 0;
        }
        filled = filled.saturating_add(width);
    }
    Segments { encoding, count, units, left: joined.saturating_sub(filled) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counter_counts_as_the_operators_do() {
        use SmsEncoding::{Gsm7, Ucs2};
        for (what, text, encoding, count, units, left) in [
            ("nothing yet", String::new(), Gsm7, 1, 0, 160),
            ("one segment, full", "a".repeat(160), Gsm7, 1, 160, 0),
            ("one more makes two of 153", "a".repeat(161), Gsm7, 2, 161, 145),
            ("two, full", "a".repeat(306), Gsm7, 2, 306, 0),
            ("three", "a".repeat(307), Gsm7, 3, 307, 152),
            ("the euro takes two septets", "€".into(), Gsm7, 1, 2, 158),
            (
                "an escape is not torn from its character",
                format!("{}€{}", "a".repeat(152), "b".repeat(8)),
                Gsm7,
                2,
                162,
                143,
            ),
            ("Cyrillic", "Привет".into(), Ucs2, 1, 6, 64),
            ("one letter makes all of it wide", format!("{}я", "a".repeat(70)), Ucs2, 2, 71, 63),
            ("a French accent outside the table", "ê".into(), Ucs2, 1, 1, 69),
            ("accents inside the table", "été à Noël".replace('ë', "e"), Gsm7, 1, 10, 150),
            ("an emoji takes two code units", "🎉".repeat(35), Ucs2, 1, 70, 0),
            ("a pair is not torn", "🎉".repeat(36), Ucs2, 2, 72, 61),
        ] {
            assert_eq!(segments(&text), Segments { encoding, count, units, left }, "{what}");
        }
        // TS 23.038: 128 places, one of them the escape.
        assert_eq!((DEFAULT.chars().count(), EXTENSION.chars().count()), (127, 10));
    }
}
