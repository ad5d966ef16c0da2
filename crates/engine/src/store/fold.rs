//! Texts as a search compares them: without case and accents, `ё` as `е`, `й` as `и`.

use icu_normalizer::properties::{CanonicalDecompositionBorrowed, Decomposed};

/// Words looked for at once; more narrow nothing down that a person would see.
const MOST_WORDS: usize = 8;
/// Characters of a word that count.
const LONGEST_WORD: usize = 64;
/// Characters of a text shown around what was found.
const SNIPPET: usize = 140;
/// Of these, before the first word found.
const BEFORE: usize = 40;

const DECOMPOSITION: CanonicalDecompositionBorrowed<'static> = CanonicalDecompositionBorrowed::new();

/// A piece of a text, and where in it what was sought stands.
#[derive(Clone, PartialEq, Eq, Default)]
pub(crate) struct Snippet {
    /// Plain text; an ellipsis stands for what was left out.
    pub(crate) text: String,
    /// From and to, in UTF-16 code units of `text`, in order, not overlapping.
    pub(crate) ranges: Vec<(u32, u32)>,
}

impl std::fmt::Debug for Snippet {
    // It is somebody's text.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snippet").field("ranges", &self.ranges).finish_non_exhaustive()
    }
}

/// The character without accents, in lower case.
fn fold_char(c: char) -> impl Iterator<Item = char> {
    let mut base = c;
    // Each step takes off the last mark; the longest chains have three.
    for _ in 0..4 {
        base = match DECOMPOSITION.decompose(base) {
            Decomposed::Expansion(first, _) | Decomposed::Singleton(first) => first,
            Decomposed::Default => break,
        };
    }
    base.to_lowercase()
}

/// The text's words, folded, each with its place in characters.
fn words_at(text: &str) -> Vec<(usize, usize, String)> {
    let mut words = Vec::new();
    let mut word: Option<(usize, String)> = None;
    let mut end = 0;
    for (at, c) in text.chars().enumerate() {
        // A mark alone belongs to the letter before it and is not compared.
        let mark = matches!(c, '\u{300}'..='\u{36f}');
        if c.is_alphanumeric() {
            word.get_or_insert_with(|| (at, String::new())).1.extend(fold_char(c));
        } else if !(mark && word.is_some()) {
            words.extend(word.take().map(|(from, word)| (from, at, word)));
        }
        end = at.saturating_add(1);
    }
    words.extend(word.map(|(from, word)| (from, end, word)));
    words
}

/// What was typed, as words to look for.
pub(crate) fn words(typed: &str) -> Vec<String> {
    words_at(typed)
        .into_iter()
        .take(MOST_WORDS)
        .map(|(_, _, word)| word.chars().take(LONGEST_WORD).collect())
        .collect()
}

/// The text as a name is compared: a space before each word.
pub(crate) fn folded(text: &str) -> String {
    words_at(text).into_iter().fold(String::new(), |all, (_, _, word)| all + " " + &word)
}

/// What was typed as FTS5 takes it: each word the beginning of one. Quoted, so that nothing is an operator. `None`
/// for no words.
pub(crate) fn query(typed: &str) -> Option<String> {
    // The index folds the accents of Latin letters by itself, and these two as the triggers write them.
    let plain: String = typed.chars().map(plain).collect();
    let words: Vec<String> = plain
        .split(|c: char| !c.is_alphanumeric() && !matches!(c, '\u{300}'..='\u{36f}'))
        .filter(|word| word.chars().any(char::is_alphanumeric))
        .take(MOST_WORDS)
        .map(|word| format!("\"{}\"*", word.chars().take(LONGEST_WORD).collect::<String>()))
        .collect();
    (!words.is_empty()).then(|| words.join(" "))
}

/// The piece of a text around the first of these words, and where they stand in it.
pub(crate) fn snippet(text: &str, sought: &[String]) -> Snippet {
    let found: Vec<(usize, usize)> = words_at(text)
        .into_iter()
        .filter_map(|(from, to, word)| {
            let long =
                sought.iter().filter(|s| word.starts_with(s.as_str())).map(|s| s.chars().count()).max()?;
            // Only the beginning that was typed; the end of the word where folding changed its length.
            Some((from, from.saturating_add(long).min(to)))
        })
        .collect();
    let length = text.chars().count();
    let first = found.first().map_or(0, |(from, _)| *from);
    let start = if length <= SNIPPET || first <= BEFORE { 0 } else { first.saturating_sub(BEFORE) };
    let end = start.saturating_add(SNIPPET).min(length);
    let mut snippet = Snippet::default();
    if start > 0 {
        snippet.text.push('…');
    }
    let mut units: u32 = if start > 0 { 1 } else { 0 };
    let mut places = found.into_iter().filter(|(from, _)| (start..end).contains(from)).peekable();
    let mut open = None;
    for (at, c) in text.chars().enumerate().take(end).skip(start) {
        if let Some((begun, to)) = open
            && at >= to
        {
            snippet.ranges.push((begun, units));
            open = None;
        }
        if let Some((_, to)) = places.next_if(|(from, _)| *from == at) {
            open = Some((units, to));
        }
        snippet.text.push(c);
        units = units.saturating_add(u32::try_from(c.len_utf16()).unwrap_or(1));
    }
    if let Some((begun, _)) = open {
        snippet.ranges.push((begun, units));
    }
    if end < length {
        snippet.text.push('…');
    }
    snippet
}

/// As the triggers write a character.
fn plain(c: char) -> char {
    match c {
        'ё' => 'е',
        'Ё' => 'Е',
        'й' => 'и',
        'Й' => 'И',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_accents_and_cyrillic_are_folded() {
        let check = |text, expect: &[&str]| assert_eq!(words(text), expect, "{text}");
        check("Ça va, Zoë?", &["ca", "va", "zoe"]);
        check("ЁЛКА Йод", &["елка", "иод"]);
        check("Stra\u{df}e 12a", &["straße", "12a"]);
        check("e\u{301}te\u{301}", &["ete"]);
        check("\"AND\" (NOT) *", &["and", "not"]);
        assert_eq!(folded("Zoë  O’Neil"), " zoe o neil");
    }

    #[test]
    fn nothing_typed_is_an_operator() {
        assert_eq!(query("a AND \"b* NEAR(c"), Some("\"a\"* \"AND\"* \"b\"* \"NEAR\"* \"c\"*".into()));
        assert_eq!(query("ёлка"), Some("\"елка\"*".into()));
        for nothing in ["", " ", "\"", "*()^:-+{}"] {
            assert_eq!(query(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn what_was_found_is_told_in_utf16() {
        let sought = words("cafe zo");
        let found = snippet("🎉 Café with Zoë", &sought);
        assert_eq!(found.text, "🎉 Café with Zoë");
        let units: Vec<u16> = found.text.encode_utf16().collect();
        let pieces: Vec<String> = found
            .ranges
            .iter()
            .map(|(from, to)| String::from_utf16(&units[*from as usize..*to as usize]).unwrap())
            .collect();
        assert_eq!(pieces, ["Café", "Zo"]);
    }

    #[test]
    fn a_long_text_is_cut_around_the_first_place() {
        let text = format!("{} needle {}", "hay ".repeat(100), "straw ".repeat(100));
        let found = snippet(&text, &words("need"));
        assert!(found.text.starts_with('…') && found.text.ends_with('…'), "{}", found.text);
        let (from, to) = found.ranges[0];
        let piece: String = found.text.chars().skip(from as usize).take((to - from) as usize).collect();
        assert_eq!(piece, "need");
        assert!(found.text.chars().count() <= SNIPPET + 2);
    }
}
