//! Which runs of digits and letters could be a code by their looks alone.

use super::{
    LONGEST_CODE,
    text::{Text, is_spaced},
};

/// How long a code is, characters without dashes.
const LENGTHS: std::ops::RangeInclusive<usize> = 4..=8;
/// Digits of a telephone number, at least.
const PHONE: usize = 9;

/// What a candidate looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// So many digits.
    Digits(usize),
    /// Four digits that could be a year.
    Year,
    /// Digits behind a sender's one or two letters: `G-123456`.
    Prefixed,
    /// Digits and capital letters.
    Mixed,
}

/// A run that could be a code.
#[derive(Debug)]
pub(super) struct Candidate {
    /// Where it starts.
    pub(super) start: usize,
    /// Before where it ends.
    pub(super) end: usize,
    /// As it is to be pasted.
    pub(super) code: String,
    pub(super) shape: Shape,
    /// It has a line to itself.
    pub(super) alone: bool,
    /// Something leads up to it: a colon, a bracket.
    pub(super) introduced: bool,
}

/// A run of letters and digits, with dashes inside.
#[derive(Debug, Clone, Copy)]
struct Run {
    start: usize,
    end: usize,
}

/// The code of a last line such as `@shop.example #123456`, which names the only site it is for (the WICG's
/// "origin-bound one-time codes").
pub(super) fn bound_to_origin(text: &Text) -> Option<String> {
    let all = text.slice(0, text.len());
    let line: String = all.rsplit(|c| *c == '\n').find(|line| !line.is_empty())?.iter().collect();
    let (origin, rest) = line.trim_end().strip_prefix('@')?.split_once(" #")?;
    let is_host =
        origin.contains('.') && origin.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-'));
    let code = rest.split(' ').next()?;
    let is_code = (1..=LONGEST_CODE).contains(&code.len())
        && code.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        && code.chars().any(|c| c.is_ascii_digit());
    (is_host && is_code).then(|| code.to_owned())
}

/// All runs that could be codes, in order.
pub(super) fn all(text: &Text) -> Vec<Candidate> {
    let runs = runs(text);
    let mut found = Vec::new();
    let mut rest = runs.as_slice();
    while let Some(first) = rest.first() {
        let length = chain(text, rest);
        let (chained, after) = rest.split_at(length);
        rest = after;
        match chained {
            [only] => found.extend(single(text, *only)),
            _ => found.extend(several(text, chained, *first)),
        }
    }
    found
}

/// Maximal runs of ASCII letters and digits with single dashes inside.
fn runs(text: &Text) -> Vec<Run> {
    let mut runs = Vec::new();
    let mut place = 0;
    while place < text.len() {
        if !text.at(place).is_ascii_alphanumeric() {
            place += 1;
            continue;
        }
        let start = place;
        while text.at(place).is_ascii_alphanumeric()
            || text.at(place) == '-' && text.at(place + 1).is_ascii_alphanumeric()
        {
            place += 1;
        }
        runs.push(Run { start, end: place });
    }
    runs
}

/// How many runs, from the first on, are groups of digits with single spaces or brackets between.
fn chain(text: &Text, runs: &[Run]) -> usize {
    let is_group = |run: &Run| text.slice(run.start, run.end).iter().all(|c| c.is_ascii_digit() || *c == '-');
    let Some(first) = runs.first().filter(|run| is_group(run)) else { return 1 };
    let mut end = first.end;
    let mut length = 1;
    for run in runs.iter().skip(1) {
        let between = text.slice(end, run.start);
        if !is_group(run) || !matches!(between, [' '] | [')'] | [')', ' '] | [' ', '(']) {
            break;
        }
        (end, length) = (run.end, length + 1);
    }
    length
}

/// Groups of digits: two of three or four are read as one; enough for a telephone number is none at all.
fn several(text: &Text, groups: &[Run], first: Run) -> Vec<Candidate> {
    let digits = |run: &Run| text.slice(run.start, run.end).iter().filter(|c| c.is_ascii_digit()).count();
    let lengths: Vec<usize> = groups.iter().map(digits).collect();
    let end = groups.last().map_or(first.end, |run| run.end);
    match lengths.as_slice() {
        [3, 3] | [4, 4] if stands_free(text, first.start, end) => {
            let code: String = text.slice(first.start, end).iter().filter(|c| c.is_ascii_digit()).collect();
            let shape = Shape::Digits(code.len());
            vec![candidate(text, Run { start: first.start, end }, code, shape)]
        }
        [3, 3] | [4, 4] | [3, 4] => Vec::new(),
        all if all.iter().sum::<usize>() >= PHONE => Vec::new(),
        _ => groups.iter().filter_map(|group| single(text, *group)).collect(),
    }
}

fn single(text: &Text, run: Run) -> Option<Candidate> {
    if !stands_free(text, run.start, run.end) {
        return None;
    }
    let written = text.slice(run.start, run.end);
    let digits = |part: &[char]| !part.is_empty() && part.iter().all(char::is_ascii_digit);
    let capitals = |part: &[char]| part.iter().all(|c| c.is_ascii_digit() || c.is_ascii_uppercase());
    let parts: Vec<&[char]> = written.split(|c| *c == '-').collect();
    let (code, shape): (Vec<char>, Shape) = match parts.as_slice() {
        [one] if digits(one) && LENGTHS.contains(&one.len()) => (one.to_vec(), shape_of(one)),
        [a, b] if digits(a) && digits(b) && a.len() == b.len() && matches!(a.len(), 3 | 4) => {
            (parts.concat(), Shape::Digits(a.len() * 2))
        }
        [a, b]
            if (1..=2).contains(&a.len())
                && a.iter().all(char::is_ascii_uppercase)
                && digits(b)
                && LENGTHS.contains(&b.len()) =>
        {
            (b.to_vec(), Shape::Prefixed)
        }
        [one] if capitals(one) && LENGTHS.contains(&one.len()) && is_mixed(one) => {
            (one.to_vec(), Shape::Mixed)
        }
        [a, b]
            if capitals(a)
                && capitals(b)
                && a.len() == b.len()
                && matches!(a.len(), 3 | 4)
                && is_mixed(written) =>
        {
            (written.to_vec(), Shape::Mixed)
        }
        _ => return None,
    };
    Some(candidate(text, run, code.into_iter().collect(), shape))
}

/// Whether there are letters and digits, and it is neither a masked number such as `XX4417` nor a word with a number
/// behind it, as shops make them up.
fn is_mixed(part: &[char]) -> bool {
    let letters = part.iter().take_while(|c| c.is_ascii_uppercase()).count();
    part.iter().any(char::is_ascii_digit)
        && part.iter().any(char::is_ascii_uppercase)
        && !part.starts_with(&['X', 'X'])
        && (letters < 3 || part.iter().skip(letters).any(|c| !c.is_ascii_digit()))
}

fn shape_of(digits: &[char]) -> Shape {
    match digits {
        ['1', '9', ..] | ['2', '0', '0'..='3', _] if digits.len() == 4 => Shape::Year,
        _ => Shape::Digits(digits.len()),
    }
}

/// Whether it is no part of an amount, a date, a time, an address or a masked number.
fn stands_free(text: &Text, start: usize, end: usize) -> bool {
    let (before, second_before) = (text.before(start), text.second_before(start));
    let (after, second_after) = (text.at(end), text.at(end + 1));
    let joined_before = match before {
        '.' | ',' | ':' | '\'' => second_before.is_ascii_digit(),
        // Hebrew puts "for" and "in" before a number with a dash.
        '-' => second_before.is_alphanumeric(),
        '+' | '*' | '•' | '…' | '/' | '\\' | '=' | '&' | '#' | '@' | '_' | '%' | '№' | '$' | '€' | '£'
        | '¥' | '₽' | '₹' | '₺' | '₴' | '₩' => true,
        ' ' => matches!(second_before, '$' | '€' | '£' | '¥' | '₽' | '₹' | '₺' | '₴' | '₩' | '№' | '+'),
        c => is_spaced(c),
    };
    let joined_after = match after {
        '.' | ':' | '\'' => second_after.is_ascii_digit(),
        ',' => second_after.is_ascii_digit() && !counts_minutes(text, end + 1),
        '/' | '\\' | '=' | '&' | '@' | '_' | '*' | '#' | '…' | '°' => true,
        '-' => second_after.is_alphanumeric(),
        _ => false,
    };
    !joined_before && !joined_after
}

/// Whether a digit or two and the Chinese for a minute stand there: `,5分钟`.
fn counts_minutes(text: &Text, start: usize) -> bool {
    let digits = (start..start + 2).take_while(|place| text.at(*place).is_ascii_digit()).count();
    text.at(start + digits) == '分'
}

fn candidate(text: &Text, run: Run, code: String, shape: Shape) -> Candidate {
    let line_start = matches!(text.before(run.start), '\0' | '\n');
    let line_end = matches!(text.at(run.end), '\0' | '\n');
    let mut lead = run.start;
    while lead > 0 && text.before(lead) == ' ' {
        lead -= 1;
    }
    let introduced = matches!(text.before(lead), '\0' | ':' | '[' | '(' | '「' | '】' | ']' | '-');
    Candidate { start: run.start, end: run.end, code, shape, alone: line_start && line_end, introduced }
}
