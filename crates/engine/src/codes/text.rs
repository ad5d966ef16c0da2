//! The text of an SMS as the search for codes wants it: one kind of digit, dash and space; no invisible marks.

/// Where a search may end at the latest, characters. The longest SMS that phones take in one is shorter; what is
/// longer has no code that anyone waits for at its end.
const LONGEST: usize = 2_000;

/// A text, character by character, in two writings of the same length.
pub(super) struct Text {
    /// As written.
    written: Vec<char>,
    /// In lower case.
    low: Vec<char>,
    /// In which sentence each character is.
    sentences: Vec<u32>,
}

impl Text {
    /// Reads the beginning of `text`.
    pub(super) fn new(text: &str) -> Self {
        let written: Vec<char> = text.chars().take(LONGEST).filter_map(plain).collect();
        let low = written.iter().map(|c| c.to_lowercase().next().unwrap_or(*c)).collect();
        let mut text = Self { written, low, sentences: Vec::new() };
        text.sentences = text.count_sentences();
        text
    }

    /// Whether no sentence ends from one place to before the other.
    pub(super) fn in_one_sentence(&self, from: usize, to: usize) -> bool {
        self.sentences.get(from) == to.checked_sub(1).and_then(|last| self.sentences.get(last.max(from)))
            && !to.checked_sub(1).is_some_and(|last| last >= from && self.ends_sentence(last))
    }

    /// How many characters there are.
    pub(super) fn len(&self) -> usize {
        self.written.len()
    }

    /// The character there, as written; NUL before the start and behind the end.
    pub(super) fn at(&self, place: usize) -> char {
        self.written.get(place).copied().unwrap_or('\0')
    }

    /// The one before `place`.
    pub(super) fn before(&self, place: usize) -> char {
        place.checked_sub(1).map_or('\0', |place| self.at(place))
    }

    /// The one two before `place`.
    pub(super) fn second_before(&self, place: usize) -> char {
        place.checked_sub(2).map_or('\0', |place| self.at(place))
    }

    /// From `start` to before `end`, as written.
    pub(super) fn slice(&self, start: usize, end: usize) -> &[char] {
        self.written.get(start..end).unwrap_or_default()
    }

    /// Whether `word` stands at `place`, in any case.
    pub(super) fn has(&self, word: &str, place: usize) -> Option<usize> {
        let mut end = place;
        for c in word.chars() {
            if self.low.get(end) != Some(&c) {
                return None;
            }
            end += 1;
        }
        Some(end)
    }
}

impl Text {
    fn count_sentences(&self) -> Vec<u32> {
        let mut sentence = 0;
        let count = |place| {
            let here = sentence;
            if self.ends_sentence(place) {
                sentence += 1;
            }
            here
        };
        (0..self.len()).map(count).collect()
    }

    fn ends_sentence(&self, place: usize) -> bool {
        match self.at(place) {
            '!' | '?' | '。' | '؟' | '।' | ';' => true,
            // Dates, amounts and abbreviated words have points as well.
            '.' => self.at(place + 1).is_whitespace() && !self.is_abbreviated(place),
            '\n' => self.at(place + 1) == '\n',
            _ => false,
        }
    }

    /// Whether the point ends a word of at most two letters: `р.`, `nr.`
    fn is_abbreviated(&self, point: usize) -> bool {
        let is_letter =
            |back: &usize| point.checked_sub(*back).is_some_and(|place| self.at(place).is_alphabetic());
        matches!((1..=3).take_while(is_letter).count(), 1 | 2)
    }
}

/// Whether it is of a script that puts spaces between words.
pub(super) fn is_spaced(c: char) -> bool {
    matches!(c, 'a'..='z' | 'A'..='Z' | '\u{c0}'..='\u{24f}' | '\u{370}'..='\u{52f}' | '\u{1e00}'..='\u{1eff}')
}

/// The plain form of a character; `None` for one that only steers how others are drawn.
fn plain(c: char) -> Option<char> {
    Some(match c {
        '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'
        | '\u{2066}'..='\u{2069}'
        | '\u{61c}'
        | '\u{ad}'
        | '\u{feff}'
        | '\r' => return None,
        '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{3000}' | '\t' => ' ',
        '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        // A full-width comma or point never stands within a number.
        '\u{ff0c}' | '\u{ff0e}' => c,
        // The other full-width forms lie in the order of ASCII.
        '\u{ff01}'..='\u{ff5e}' => shifted(c, 0xff01, '!'),
        '\u{660}'..='\u{669}' => shifted(c, 0x660, '0'),
        '\u{6f0}'..='\u{6f9}' => shifted(c, 0x6f0, '0'),
        '\u{966}'..='\u{96f}' => shifted(c, 0x966, '0'),
        '\u{9e6}'..='\u{9ef}' => shifted(c, 0x9e6, '0'),
        '\u{e50}'..='\u{e59}' => shifted(c, 0xe50, '0'),
        c => c,
    })
}

fn shifted(c: char, from: u32, to: char) -> char {
    char::from_u32(u32::from(to) + (u32::from(c) - from)).unwrap_or(c)
}
