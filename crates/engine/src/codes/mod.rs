//! One-time codes in the text of an SMS, found on this device.
//!
//! Invariant: what is no code is worse than a code not found. A number is one only when words about it say so, and
//! nothing else about it says otherwise. The words are in [`words`]; what a number looks like and how much each sign
//! weighs is here. Nothing is learned, kept, logged or sent; the work grows with the text's length alone, up to a
//! limit.
//!
//! What the code is copied as: digits without the spaces or dashes that only make them easy to read (`123 456`,
//! `123-456`), without a sender's one or two letters in front (`G-123456`), and a mix of letters and digits as
//! written (`ABC-123`).

mod candidate;
#[cfg(test)]
mod tests;
mod text;
mod words;

use self::{
    candidate::{Candidate, Shape},
    text::Text,
    words::{Fit, Words},
};

/// A number is a code from here on.
const ENOUGH: i32 = 5;
/// How far from a number the word for it may stand in one sentence, characters.
const REACH: usize = 60;
/// The longest code there is, characters.
const LONGEST_CODE: usize = 12;

/// A one-time code as it is typed or pasted.
#[derive(Clone, PartialEq, Eq)]
pub struct OneTimeCode(String);

impl OneTimeCode {
    /// What a window says is a code; `None` for what can't be one.
    pub(crate) fn from_window(text: &str) -> Option<Self> {
        let fits = (1..=LONGEST_CODE).contains(&text.len());
        let is_code = fits && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        is_code.then(|| Self(text.to_owned()))
    }

    /// The code itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for OneTimeCode {
    // Whoever knows the code can be its owner for a minute.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OneTimeCode(…)")
    }
}

/// The one-time code in an SMS, if there is one.
pub(crate) fn find(text: &str) -> Option<OneTimeCode> {
    let text = Text::new(text);
    if let Some(code) = candidate::bound_to_origin(&text) {
        return Some(OneTimeCode(code));
    }
    let candidates = candidate::all(&text);
    if candidates.is_empty() {
        return None;
    }
    let signs = Signs::of(&text);
    let mut best: Option<(i32, &Candidate)> = None;
    for candidate in &candidates {
        let weight = signs.weigh(&text, candidate);
        // Of equals the first one.
        if weight >= ENOUGH && best.is_none_or(|(most, _)| weight > most) {
            best = Some((weight, candidate));
        }
    }
    best.map(|(_, candidate)| OneTimeCode(candidate.code.clone()))
}

/// A word that was found: from where to before where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    start: usize,
    end: usize,
}

/// The telling words of a text.
struct Signs {
    codes: Vec<Span>,
    purposes: Vec<Span>,
    others: Vec<Span>,
    promotes: bool,
}

impl Signs {
    fn of(text: &Text) -> Self {
        let other_codes = spans(text, words::OTHER_CODE);
        let mut codes = spans(text, words::CODE);
        codes
            .retain(|code| !other_codes.iter().any(|other| code.start < other.end && other.start < code.end));
        let mut others = spans(text, words::OTHER_NUMBER);
        others.extend(other_codes);
        let promotes = !spans(text, words::PROMOTION).is_empty();
        Self { codes, purposes: spans(text, words::PURPOSE), others, promotes }
    }

    /// How much speaks for a candidate.
    fn weigh(&self, text: &Text, candidate: &Candidate) -> i32 {
        let (start, end) = (candidate.start, candidate.end);
        if followed_by_unit(text, end) {
            return 0;
        }
        let before = self
            .codes
            .iter()
            .filter(|code| {
                code.end <= start && start - code.end <= REACH && text.in_one_sentence(code.end, start)
            })
            .max_by_key(|code| code.end);
        let behind = self.codes.iter().find(|code| {
            code.start >= end && code.start - end <= REACH && text.in_one_sentence(end, code.start)
        });
        // "Card 4417, code 618204": what names the number best is what stands closest before it.
        let named_other = self.others.iter().any(|other| {
            other.end <= start
                && start - other.end <= 24
                && text.in_one_sentence(other.end, start)
                && before.is_none_or(|code| code.end <= other.start)
        });
        if named_other {
            return 0;
        }
        let named = match before {
            Some(code) if leads_to(text.slice(code.end, start)) => 6,
            Some(_) => 4,
            None => 0,
        };
        if named < 6 && preceded(text, start, words::RIGHT_BEFORE, 2) {
            return 0;
        }
        let named_behind = match behind {
            Some(code) if code.start - end <= 40 => 5,
            Some(_) => 4,
            None if !self.codes.is_empty() => 2,
            None => 0,
        };
        let purpose = self.purposes.iter().any(|span| {
            let (from, to) = if span.end <= start { (span.end, start) } else { (end, span.start) };
            from <= to && text.in_one_sentence(from, to)
        });
        let mut weight = named.max(named_behind);
        weight += match (purpose, self.purposes.is_empty()) {
            (true, _) => 2,
            (false, false) => 1,
            (false, true) => 0,
        };
        if preceded(text, start, words::VERB, 2) || followed(text, end, words::VERB_BEHIND, 6) {
            weight += 3;
        }
        if preceded(text, start, words::IS, 2) {
            weight += 1;
        }
        if candidate.alone {
            weight += 2;
        }
        if candidate.introduced {
            weight += 1;
        }
        weight += match candidate.shape {
            Shape::Digits(6) => 1,
            Shape::Digits(_) => 0,
            Shape::Year => -2,
            Shape::Prefixed => 3,
            // Booking references, flights and models look the same.
            Shape::Mixed if named.max(named_behind) < 5 || self.purposes.is_empty() => return 0,
            Shape::Mixed => -1,
        };
        if self.promotes && self.purposes.is_empty() {
            return 0;
        }
        weight
    }
}

/// Where words of a list stand, in the order of their ends' beginnings.
fn spans(text: &Text, lists: &[Words]) -> Vec<Span> {
    let mut found = Vec::new();
    for place in 0..text.len() {
        found.extend(longest_at(text, place, lists).map(|end| Span { start: place, end }));
    }
    found
}

/// The end of the longest listed word that starts there.
fn longest_at(text: &Text, place: usize, lists: &[Words]) -> Option<usize> {
    let inside = text.before(place).is_alphanumeric();
    let mut longest = None;
    for (fit, words) in lists {
        if inside && *fit != Fit::Any {
            continue;
        }
        for word in *words {
            let Some(end) = text.has(word, place) else { continue };
            if *fit == Fit::Word && text.at(end).is_alphabetic() {
                continue;
            }
            longest = longest.max(Some(end));
        }
    }
    longest
}

/// Whether a listed word ends at most `gap` characters before `place`, with nothing but signs between.
fn preceded(text: &Text, place: usize, lists: &[Words], gap: usize) -> bool {
    let mut end = place;
    while place - end < gap && end > 0 && !text.before(end).is_alphanumeric() {
        end -= 1;
    }
    // No listed word is longer.
    (end.saturating_sub(20)..end).any(|start| {
        let inside = text.before(start).is_alphanumeric();
        lists.iter().any(|(fit, words)| {
            (!inside || *fit == Fit::Any)
                && words.iter().any(|word| text.has(word, start).is_some_and(|at| at >= end && at <= place))
        })
    })
}

/// Whether a listed word begins at most `gap` characters behind `place`.
fn followed(text: &Text, place: usize, lists: &[Words], gap: usize) -> bool {
    (place..=place + gap).any(|start| longest_at(text, start, lists).is_some())
}

/// Whether a unit stands right behind.
fn followed_by_unit(text: &Text, end: usize) -> bool {
    let start = if text.at(end) == ' ' { end + 1 } else { end };
    let word = longest_at(text, start, words::UNIT);
    // A letter right behind a digit begins a word of its own.
    word.is_some() || text::is_spaced(text.at(end))
}

/// Whether what stands between the word for a code and a number lets the one name the other: a word at most, or a few
/// and a colon.
fn leads_to(between: &[char]) -> bool {
    let words = between.split(|c| !c.is_alphanumeric()).filter(|word| !word.is_empty()).count();
    let few = words <= 1 || between.contains(&':') || words <= 2 && between.len() <= 12;
    few && between.len() <= 16 && !between.contains(&',')
}
