//! What every typed header view has in common.
//!
//! A view knows its header's name and grammar; whether it may stand in a message, and what follows from it, is
//! decided by whoever asks for it through [`super::HeaderAccess`].

use super::Malformed;

/// A header whose value has a type of its own.
///
/// `Display` writes the value without the name; what it writes, [`HeaderView::parse`] reads back.
pub trait HeaderView: Sized + std::fmt::Display {
    /// The header's long name.
    const NAME: &'static str;

    /// Reads one value: the whole of a header that may stand once, or one item of a list.
    fn parse(value: &str) -> Result<Self, Malformed>;
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Each text is read and written back; where no second text is given, as it stood.
    pub(crate) fn round_trip<V: HeaderView + PartialEq + std::fmt::Debug>(texts: &[(&str, Option<&str>)]) {
        for (text, written) in texts {
            let view = V::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(view.to_string(), written.unwrap_or(text));
            assert_eq!(V::parse(&view.to_string()).unwrap(), view, "{text}");
        }
    }

    /// None of the texts is read.
    pub(crate) fn refused<V: HeaderView>(texts: &[&str]) {
        for text in texts {
            assert!(V::parse(text).is_err(), "{text:?} was taken");
        }
    }
}
