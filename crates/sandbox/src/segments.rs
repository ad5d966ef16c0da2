//! How many segments an SMS takes (3GPP TS 23.038 section 6.2.1, TS 23.040 section 9.2.3.24.1).
//!
//! Invariant: a character never straddles two segments, neither one of the extension table (two septets) nor one
//! outside the basic plane (two code units).

/// How a text is written on the air.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// The default alphabet, seven bits a character: 160, or 153 in each of several.
    Gsm7,
    /// Sixteen bits a code unit: 70, or 67 in each of several.
    Ucs2,
}

impl Encoding {
    /// As the API names it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Gsm7 => "gsm7",
            Self::Ucs2 => "ucs2",
        }
    }
}

/// What a text takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Segments {
    pub(crate) encoding: Encoding,
    /// Septets or code units in all.
    pub(crate) units: usize,
    /// At least 1.
    pub(crate) count: usize,
}

/// The default alphabet (TS 23.038 section 6.2.1) without its escape.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";

/// Its extension table (section 6.2.1.1): an escape and a character.
const EXTENDED: &str = "\u{c}^{}\\[~]|€";

/// Counts.
pub(crate) fn segments(text: &str) -> Segments {
    let septets = |c: char| match c {
        c if BASIC.contains(c) => Some(1),
        c if EXTENDED.contains(c) => Some(2),
        _ => None,
    };
    let gsm: Option<Vec<usize>> = text.chars().map(septets).collect();
    match gsm {
        Some(widths) => count(&widths, Encoding::Gsm7, 160, 153),
        None => count(&text.chars().map(char::len_utf16).collect::<Vec<_>>(), Encoding::Ucs2, 70, 67),
    }
}

fn count(widths: &[usize], encoding: Encoding, alone: usize, joined: usize) -> Segments {
    let units: usize = widths.iter().sum();
    let mut segments = 1;
    if units > alone {
        let mut filled = 0;
        for width in widths {
            if filled + width > joined {
                segments += 1;
                filled = 0;
            }
            filled += width;
        }
    }
    Segments { encoding, units, count: segments }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_of_both_alphabets_and_the_extension_table() {
        use Encoding::{Gsm7, Ucs2};
        for (text, encoding, units, count) in [
            (String::new(), Gsm7, 0, 1),
            ("Hi!".into(), Gsm7, 3, 1),
            ("a".repeat(160), Gsm7, 160, 1),
            ("a".repeat(161), Gsm7, 161, 2),
            ("a".repeat(306), Gsm7, 306, 2),
            ("a".repeat(307), Gsm7, 307, 3),
            // Each of these takes two septets.
            ("€".repeat(80), Gsm7, 160, 1),
            ("€".repeat(81), Gsm7, 162, 2),
            // 76 fit into 153 septets, the odd one stays empty: 153 of them take three segments, not two.
            ("{".repeat(152), Gsm7, 304, 2),
            ("{".repeat(153), Gsm7, 306, 3),
            (format!("{}€", "a".repeat(159)), Gsm7, 161, 2),
            ("ÀÁ".into(), Ucs2, 2, 1),
            ("Привет".into(), Ucs2, 6, 1),
            ("я".repeat(70), Ucs2, 70, 1),
            ("я".repeat(71), Ucs2, 71, 2),
            ("я".repeat(134), Ucs2, 134, 2),
            ("я".repeat(135), Ucs2, 135, 3),
            ("🎉".repeat(35), Ucs2, 70, 1),
            // 33 fit into 67 code units.
            ("🎉".repeat(36), Ucs2, 72, 2),
            ("🎉".repeat(67), Ucs2, 134, 3),
            // One letter outside the alphabet makes the whole text wide.
            (format!("{}я", "a".repeat(70)), Ucs2, 71, 2),
            ("`".into(), Ucs2, 1, 1),
            ("ç".into(), Ucs2, 1, 1),
            ("Ç".into(), Gsm7, 1, 1),
        ] {
            let got = segments(&text);
            assert_eq!((got.encoding, got.units, got.count), (encoding, units, count), "{text}");
        }
        assert_eq!((BASIC.chars().count(), EXTENDED.chars().count()), (127, 10));
    }
}
