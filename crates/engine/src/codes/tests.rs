use super::find;

/// One message of the corpus.
struct Sample {
    language: &'static str,
    code: Option<&'static str>,
    text: String,
}

const DEVELOPMENT: &str = include_str!("corpus/development.tsv");
const HELD_OUT: &str = include_str!("corpus/held_out.tsv");

fn samples(file: &'static str) -> Vec<Sample> {
    let sample = |line: &'static str| {
        let mut columns = line.splitn(3, '\t');
        let language = columns.next().unwrap();
        let code = Some(columns.next().unwrap()).filter(|code| *code != "-");
        // Marks that steer the direction of writing are spelled out, so that the file reads as it is.
        let text = columns.next().unwrap().replace("\\n", "\n");
        let text = text.replace("\\u{200e}", "\u{200e}").replace("\\u{200f}", "\u{200f}");
        Sample { language, code, text }
    };
    file.lines().map(sample).collect()
}

/// Precision and recall over a part of the corpus; its misses are printed where `aloud`.
fn figures(file: &'static str, aloud: bool) -> (f64, f64) {
    let (mut right, mut wrong, mut missed) = (0.0, 0.0, 0.0);
    for sample in samples(file) {
        let found = find(&sample.text);
        let found = found.as_ref().map(super::OneTimeCode::reveal);
        if found == sample.code {
            right += if found.is_some() { 1.0 } else { 0.0 };
            continue;
        }
        wrong += if found.is_some() { 1.0 } else { 0.0 };
        missed += if sample.code.is_some() { 1.0 } else { 0.0 };
        if aloud {
            println!("{} {:?} instead of {:?}: {}", sample.language, found, sample.code, sample.text);
        }
    }
    (right / (right + wrong), right / (right + missed))
}

fn check(file: &'static str, aloud: bool) {
    let (precision, recall) = figures(file, aloud);
    println!("precision {precision:.4}, recall {recall:.4}");
    assert!(precision >= 0.99 && recall >= 0.95);
}

#[test]
fn codes_of_the_corpus_are_found_and_nothing_else_is() {
    check(DEVELOPMENT, true);
}

#[test]
fn codes_of_the_part_held_out_are_found_and_nothing_else_is() {
    check(HELD_OUT, false);
}

#[track_caller]
fn check_one(text: &str, expect: Option<&str>) {
    assert_eq!(find(text).as_ref().map(super::OneTimeCode::reveal), expect, "{text:?}");
}

#[test]
fn a_code_bound_to_a_site_is_the_one_in_the_last_line() {
    check_one("555555 is not it.\n\n@login.example.com #K7-90A", Some("K7-90A"));
    check_one("Pay here\n@bank.example #123456 %shop.example", Some("123456"));
    check_one("Find me @home #123456", None);
    check_one("@example.com #123456\nbut there is more to say", None);
}

#[test]
fn digits_of_other_scripts_and_marks_of_direction_do_not_hide_a_code() {
    check_one("Your code is ４８２９１３", Some("482913"));
    check_one("\u{2067}رمز التحقق: \u{200f}٤٨٢٩١٣\u{2069}", Some("482913"));
    check_one("کد تایید: ۴۸۲۹۱۳", Some("482913"));
    check_one("Your code is 482\u{a0}913", Some("482913"));
    check_one("Your code is 482\u{2011}913", Some("482913"));
}

#[test]
fn a_code_is_copied_as_a_form_takes_it() {
    check_one("Your code: 123 456", Some("123456"));
    check_one("Your code: 1234-5678", Some("12345678"));
    check_one("Your code: G-123456", Some("123456"));
    check_one("Your login code: ABC-123", Some("ABC-123"));
}

#[test]
fn of_several_numbers_the_one_that_is_called_a_code_wins() {
    check_one("Order 482913: your verification code is 771204, call 555014 for help", Some("771204"));
    check_one("Card 4417, amount 482913, code 9043", Some("9043"));
}

#[test]
fn what_is_too_short_or_too_long_is_none() {
    check_one("Your code is 482", None);
    check_one("Your code is 482913771", None);
    check_one("", None);
}

#[test]
fn a_hostile_text_costs_no_more_than_a_long_one() {
    let started = std::time::Instant::now();
    for unit in
        ["code 4821, ", "1-", "12 ", "код код ", "@a.b #1 ", "验证码1234", "a", "\u{200f}", ". 4821 code?"]
    {
        let hostile = unit.repeat(100_000 / unit.len());
        let _ = find(&hostile);
    }
    // Two orders of magnitude above what it takes.
    assert!(started.elapsed() < std::time::Duration::from_secs(10), "{:?}", started.elapsed());
}

#[test]
fn a_code_is_never_printed() {
    let code = find("Your code is 482913").unwrap();
    assert!(!format!("{code:?}").contains("482913"));
}

#[test]
fn the_corpus_is_large_enough_and_has_no_message_twice() {
    let all: Vec<Sample> = [DEVELOPMENT, HELD_OUT].into_iter().flat_map(samples).collect();
    let coded = all.iter().filter(|sample| sample.code.is_some());
    let mut languages: Vec<&str> = coded.clone().map(|sample| sample.language).collect();
    languages.sort_unstable();
    languages.dedup();
    assert!(coded.count() >= 250 && all.len() >= 450 && languages.len() >= 12);
    let mut texts: Vec<&str> = all.iter().map(|sample| sample.text.as_str()).collect();
    texts.sort_unstable();
    texts.dedup();
    assert_eq!(texts.len(), all.len());
}
