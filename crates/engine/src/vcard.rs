//! vCards in and out (RFC 6350, and the older 2.1 and 3.0 on the way in): names, numbers and notes, nothing else.
//!
//! What comes in is a file of anybody's: a card that can't be used is counted and skipped, never the end of the rest.
//! A crate for this would bring calendars along; five properties are less than its configuration.

use std::fmt::Write as _;

/// Bytes of a file that are read.
pub(crate) const LONGEST_FILE: usize = 32 << 20;
/// Cards of one file.
const MOST_CARDS: usize = 50_000;
/// Numbers of one card.
const MOST_NUMBERS: usize = 32;
/// Characters of a name and of a note.
const LONGEST_NAME: usize = 200;
const LONGEST_NOTE: usize = 10_000;
/// What a number may be for (RFC 6350 section 6.4.1).
pub(crate) const KINDS: [&str; 5] = ["cell", "home", "work", "fax", "pager"];
/// Octets of a line that goes out (RFC 6350 section 3.2).
const LINE: usize = 75;

/// A person's card.
#[derive(Clone, PartialEq, Eq, Default)]
pub(crate) struct Card {
    /// Names the card for good; empty where it has none.
    pub(crate) uid: String,
    /// As shown.
    pub(crate) name: String,
    /// Free text.
    pub(crate) note: String,
    /// Numbers as they stand there, each with what it is for (`cell`, `work`).
    pub(crate) numbers: Vec<(String, Option<String>)>,
}

impl std::fmt::Debug for Card {
    // It is about a person.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Card").field("numbers", &self.numbers.len()).finish_non_exhaustive()
    }
}

/// What a file holds. Lines count from 1.
#[derive(Debug, PartialEq, Eq, Default)]
pub(crate) struct Cards {
    /// Those that can be used, with the lines on which they begin.
    pub(crate) cards: Vec<(u32, Card)>,
    /// Where those begin that can't: without a name and number, or cut off.
    pub(crate) refused: Vec<u32>,
}

/// The cards of a file.
pub(crate) fn read(text: &str) -> Cards {
    let mut found = Cards::default();
    let mut card: Option<(u32, Reading)> = None;
    for (at, line) in unfolded(text) {
        let Some(line) = Line::parse(&line) else { continue };
        match (line.name.as_str(), &mut card) {
            ("BEGIN", open) if line.is_vcard() => {
                // One inside another, or one whose end was cut off.
                found.refused.extend(open.as_ref().map(|(began, _)| *began));
                card = Some((at, Reading::default()));
            }
            ("END", Some(_)) if line.is_vcard() => {
                let Some((began, reading)) = card.take() else { continue };
                match reading.done().filter(|_| found.cards.len() < MOST_CARDS) {
                    Some(card) => found.cards.push((began, card)),
                    None => found.refused.push(began),
                }
            }
            (_, Some((_, reading))) => reading.take(&line),
            (_, None) => {}
        }
    }
    found.refused.extend(card.map(|(began, _)| began));
    found
}

/// The cards as a file of version 4.0.
pub(crate) fn write(cards: &[Card]) -> String {
    let mut out = String::new();
    for card in cards {
        let mut line = |text: String| fold_into(&mut out, &text);
        line("BEGIN:VCARD".into());
        line("VERSION:4.0".into());
        if !card.uid.is_empty() {
            line(format!("UID;VALUE=text:{}", escaped(&card.uid)));
        }
        line(format!("FN:{}", escaped(&card.name)));
        for (number, label) in &card.numbers {
            let kind = label.as_deref().filter(|l| l.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'));
            let kind = kind.map(|label| format!(";TYPE={label}")).unwrap_or_default();
            if number.starts_with('+') {
                line(format!("TEL;VALUE=uri{kind}:tel:{number}"));
            } else {
                line(format!("TEL;VALUE=text{kind}:{}", escaped(number)));
            }
        }
        if !card.note.is_empty() {
            line(format!("NOTE:{}", escaped(&card.note)));
        }
        line("END:VCARD".into());
    }
    out
}

/// A card that is being read.
#[derive(Default)]
struct Reading {
    card: Card,
    /// From `N` or `ORG`, where there is no `FN`.
    other_name: String,
}

impl Reading {
    fn take(&mut self, line: &Line) {
        match line.name.as_str() {
            "UID" => self.card.uid = cut(&line.text(), LONGEST_NAME),
            "FN" if self.card.name.is_empty() => self.card.name = one_line(&line.text()),
            "N" => {
                // RFC 6350 section 6.2.2: family names, given names, and more that makes a name long.
                let parts = line.parts();
                let part = |at: usize| parts.get(at).map_or("", |part| part.trim());
                self.other_name = one_line(&format!("{} {}", part(1), part(0)));
            }
            "ORG" if self.other_name.is_empty() => {
                self.other_name = one_line(line.parts().first().map_or("", String::as_str));
            }
            "NOTE" if self.card.note.is_empty() => self.card.note = cut(line.text().trim(), LONGEST_NOTE),
            "TEL" if self.card.numbers.len() < MOST_NUMBERS => {
                let text = line.text();
                let number = text.trim();
                let is_uri = number.get(..4).is_some_and(|s| s.eq_ignore_ascii_case("tel:"));
                let number = if is_uri { number.get(4..).unwrap_or_default() } else { number };
                let number = number.split(';').next().unwrap_or_default().trim();
                if !number.is_empty() && number.chars().count() <= LONGEST_NAME {
                    self.card.numbers.push((number.to_owned(), line.kind()));
                }
            }
            _ => {}
        }
    }

    fn done(self) -> Option<Card> {
        let Self { mut card, other_name } = self;
        if card.name.is_empty() {
            card.name = other_name;
        }
        (!card.name.is_empty() && !card.numbers.is_empty()).then_some(card)
    }
}

/// `group.NAME;PARAM=value:value` (RFC 6350 section 3.3).
struct Line {
    name: String,
    parameters: Vec<(String, String)>,
    value: String,
}

impl Line {
    fn parse(line: &str) -> Option<Self> {
        let (mut quoted, mut colon) = (false, None);
        for (at, c) in line.char_indices() {
            match c {
                '"' => quoted = !quoted,
                ':' if !quoted => {
                    colon = Some(at);
                    break;
                }
                _ => {}
            }
        }
        // A quote that nothing closes belongs to nobody: then the first colon counts.
        let colon = colon.or_else(|| line.find(':'))?;
        let (head, value) = (line.get(..colon)?, line.get(colon.saturating_add(1)..)?);
        let mut parts = head.split(';');
        let name = parts.next()?.rsplit('.').next()?.trim().to_ascii_uppercase();
        let parameters = parts
            .map(|part| {
                let (key, value) = part.split_once('=').unwrap_or(("TYPE", part));
                (key.trim().to_ascii_uppercase(), value.trim().trim_matches('"').to_owned())
            })
            .collect();
        Some(Self { name, parameters, value: value.to_owned() })
    }

    fn is_vcard(&self) -> bool {
        self.value.trim().eq_ignore_ascii_case("VCARD")
    }

    /// What the value says, without its escapes.
    fn text(&self) -> String {
        unescaped(&self.decoded())
    }

    /// The value's components, which semicolons part.
    fn parts(&self) -> Vec<String> {
        let value = self.decoded();
        let (mut parts, mut part, mut chars) = (Vec::new(), String::new(), value.chars());
        while let Some(c) = chars.next() {
            match c {
                '\\' => part.extend(std::iter::once(c).chain(chars.next())),
                ';' => parts.push(unescaped(&std::mem::take(&mut part))),
                c => part.push(c),
            }
        }
        parts.push(unescaped(&part));
        parts
    }

    /// Version 2.1 wrote other letters as `=C3=A9`.
    fn decoded(&self) -> String {
        if !self.is_quoted_printable() {
            return self.value.clone();
        }
        let (mut bytes, mut rest) = (Vec::with_capacity(self.value.len()), self.value.bytes());
        while let Some(byte) = rest.next() {
            if byte != b'=' {
                bytes.push(byte);
                continue;
            }
            let digits = [rest.next(), rest.next()];
            if let [Some(high), Some(low)] = digits
                && let (Some(high), Some(low)) = (char::from(high).to_digit(16), char::from(low).to_digit(16))
            {
                bytes.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn is_quoted_printable(&self) -> bool {
        self.parameters.iter().any(|(_, value)| value.eq_ignore_ascii_case("QUOTED-PRINTABLE"))
    }

    /// What a number is for: the first type that says it.
    fn kind(&self) -> Option<String> {
        let types = self.parameters.iter().filter(|(key, _)| key == "TYPE").flat_map(|(_, v)| v.split(','));
        let mut types = types.map(|t| t.trim().trim_matches('"').to_ascii_lowercase());
        types.find(|t| KINDS.contains(&t.as_str()))
    }
}

/// The file's lines with their continuations (those that begin with a space or tab, or follow a soft end), each with
/// the line it begins on.
fn unfolded(text: &str) -> impl Iterator<Item = (u32, String)> {
    let mut lines = (1_u32..).zip(text.trim_start_matches('\u{feff}').lines()).peekable();
    std::iter::from_fn(move || {
        let (at, first) = lines.next()?;
        let mut whole = first.to_owned();
        loop {
            let soft = whole.ends_with('=')
                && whole
                    .get(..whole.len().min(200))
                    .is_some_and(|head| head.to_ascii_uppercase().contains("QUOTED-PRINTABLE"));
            let next = lines.next_if(|(_, next)| soft || next.starts_with([' ', '\t']));
            let Some((_, next)) = next else { return Some((at, whole)) };
            if soft {
                whole.pop();
                whole.push_str(next);
            } else {
                whole.push_str(next.get(1..).unwrap_or_default());
            }
        }
    })
}

fn unescaped(value: &str) -> String {
    let (mut text, mut chars) = (String::with_capacity(value.len()), value.chars());
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n' | 'N') => text.push('\n'),
                Some(other) => text.push(other),
                None => {}
            },
            c => text.push(c),
        }
    }
    text
}

/// RFC 6350 section 3.4.
fn escaped(text: &str) -> String {
    let mut value = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | ',' | ';' => value.extend(['\\', c]),
            '\n' => value.push_str("\\n"),
            '\r' => {}
            c => value.push(c),
        }
    }
    value
}

/// Adds a line, folded where it is too long, never inside a character.
fn fold_into(out: &mut String, line: &str) {
    let mut room = LINE;
    for c in line.chars() {
        if c.len_utf8() > room {
            out.push_str("\r\n ");
            room = LINE.saturating_sub(1);
        }
        room = room.saturating_sub(c.len_utf8());
        // Writing to a string can't fail.
        let _ = out.write_char(c);
    }
    out.push_str("\r\n");
}

fn one_line(text: &str) -> String {
    let words: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()).collect();
    cut(&words.join(" "), LONGEST_NAME)
}

fn cut(text: &str, most: usize) -> String {
    text.chars().filter(|c| !c.is_control() || *c == '\n').take(most).collect()
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn card(uid: &str, name: &str, note: &str, numbers: &[(&str, Option<&str>)]) -> Card {
        let numbers = numbers.iter().map(|(n, l)| ((*n).to_owned(), l.map(str::to_owned))).collect();
        Card { uid: uid.into(), name: name.into(), note: note.into(), numbers }
    }

    #[test]
    fn cards_of_each_version_are_read() {
        let check = |text: &str, expect: Card| {
            assert_eq!(read(text), Cards { cards: vec![(1, expect)], refused: vec![] }, "{text}");
        };
        check(
            "BEGIN:VCARD\r\nVERSION:4.0\r\nUID:urn:uuid:4fbe8971\r\nFN:Zoë O\\, Neil\r\n\
             TEL;VALUE=uri;PREF=1;TYPE=\"voice,cell\":tel:+44-20-7946-0123;ext=5\r\nNOTE:two\\nlines; and a \r\n half\r\nEND:VCARD\r\n",
            card(
                "urn:uuid:4fbe8971",
                "Zoë O, Neil",
                "two\nlines; and a half",
                &[("+44-20-7946-0123", Some("cell"))],
            ),
        );
        check(
            "\u{feff}begin:vcard\nversion:3.0\nN:Петров;Иван;;;\nitem1.TEL;type=WORK;type=VOICE:8 (495) 123-45-67\nend:vcard\n",
            card("", "Иван Петров", "", &[("8 (495) 123-45-67", Some("work"))]),
        );
        check(
            "BEGIN:VCARD\nVERSION:2.1\nFN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:Ren=C3=A9=\n=65 B\nTEL;HOME:030 901820\nEND:VCARD",
            card("", "Renée B", "", &[("030 901820", Some("home"))]),
        );
    }

    #[test]
    fn what_can_not_be_used_is_told_by_its_line() {
        let refused = |text: &str| {
            let found = read(text);
            assert!(found.cards.is_empty(), "{found:?}");
            found.refused
        };
        let cards = "BEGIN:VCARD\nFN:Nobody\nEND:VCARD\nBEGIN:VCARD\nTEL:+1\nEND:VCARD\nBEGIN:VCARD\nFN:Cut\n off\nTEL:+49";
        assert_eq!(refused(cards), [1, 4, 7]);
        assert_eq!(refused("BEGIN:VCARD\nFN:One\n in\nBEGIN:VCARD\nEND:VCARD"), [1, 4]);
        assert_eq!(refused(""), [0; 0]);
        assert_eq!(refused("FN:outside\nTEL:+4930"), [0; 0]);
    }

    #[test]
    fn what_goes_out_comes_in_again() {
        let cards = vec![
            card(
                "a,b;c",
                "Ünï \\ cödé",
                &"a long note; with, all \\ of it\n".repeat(20),
                &[("+4930901820", Some("work")), ("Acme", None)],
            ),
            card("2", "ユーザー".repeat(30).as_str(), "", &[("+442079460123", None)]),
        ];
        let text = write(&cards);
        assert!(text.split("\r\n").all(|line| line.len() <= LINE), "{text}");
        let Cards { cards: back, refused } = read(&text);
        assert_eq!(refused, [0; 0]);
        let back: Vec<Card> = back.into_iter().map(|(_, card)| card).collect();
        assert_eq!(back[1], cards[1]);
        assert_eq!((&back[0].name, &back[0].numbers), (&cards[0].name, &cards[0].numbers));
        assert_eq!(back[0].note, cards[0].note.trim());
    }

    #[test]
    fn hostile_files_end_and_stay_small() {
        let pieces = [
            "BEGIN:VCARD",
            "END:VCARD",
            "\n",
            "\r\n ",
            "TEL",
            ";",
            ":",
            "=",
            "\\",
            "\"",
            "FN:",
            "é",
            "QUOTED-PRINTABLE",
            "\0",
            "tel:",
        ];
        let mut random = ChaCha8Rng::seed_from_u64(1);
        for _ in 0..3_000 {
            let text: String = (0..random.random_range(0..60))
                .map(|_| pieces[random.random_range(0..pieces.len())])
                .collect();
            let cards: Vec<Card> = read(&text).cards.into_iter().map(|(_, card)| card).collect();
            for card in &cards {
                assert!(!card.name.is_empty() && card.name.chars().count() <= LONGEST_NAME);
            }
            read(&write(&cards));
        }
        let huge =
            format!("BEGIN:VCARD\nFN:{}\n{}END:VCARD", "x".repeat(1 << 20), "TEL:+4930901820\n".repeat(1000));
        let (_, card) = &read(&huge).cards[0];
        assert_eq!((card.name.len(), card.numbers.len()), (LONGEST_NAME, MOST_NUMBERS));
    }
}
