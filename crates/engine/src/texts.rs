//! The user's language outside of the window: notifications, the tray, and sentences for error codes.
//!
//! The catalogues are the window's own files, so that both speak alike. The window reads them by itself; nothing
//! here is sent to it.

use fluent::{FluentArgs, FluentResource, concurrent::FluentBundle};
use unic_langid::LanguageIdentifier;

use crate::api::{ErrorCode, Language};

pub use fluent::FluentValue;

/// The catalogues of each language, English first: it stands in for what another language lacks.
const CATALOGUES: [(Language, &str, &[&str]); 3] = [
    (
        Language::En,
        "en",
        &[
            include_str!("../../../ui/src/i18n/en/desktop.ftl"),
            include_str!("../../../ui/src/i18n/en/errors.ftl"),
        ],
    ),
    (
        Language::Fr,
        "fr",
        &[
            include_str!("../../../ui/src/i18n/fr/desktop.ftl"),
            include_str!("../../../ui/src/i18n/fr/errors.ftl"),
        ],
    ),
    (
        Language::Ru,
        "ru",
        &[
            include_str!("../../../ui/src/i18n/ru/desktop.ftl"),
            include_str!("../../../ui/src/i18n/ru/errors.ftl"),
        ],
    ),
];

/// Sentences in one language.
pub struct Texts {
    language: Language,
    /// The language itself, then English.
    bundles: Vec<FluentBundle<FluentResource>>,
}

impl Texts {
    /// Sentences in `language`; [`Language::System`] asks the desktop and falls back to English.
    pub fn new(language: Language) -> Self {
        let language = resolve(language, sys_locale::get_locale().as_deref());
        let mut bundles = Vec::new();
        for wanted in [language, Language::En] {
            bundles.extend(
                CATALOGUES.iter().filter(|(l, ..)| *l == wanted).map(|(_, tag, files)| bundle(tag, files)),
            );
        }
        Self { language, bundles }
    }

    /// The language these are in; never [`Language::System`].
    pub fn language(&self) -> Language {
        self.language
    }

    /// The sentence, with `args` in their places; the key itself where no catalogue has it.
    pub fn get(&self, key: &str, args: &[(&str, FluentValue<'_>)]) -> String {
        let mut filled = FluentArgs::with_capacity(args.len());
        for (name, value) in args {
            filled.set(*name, value.clone());
        }
        self.bundles
            .iter()
            .find_map(|bundle| {
                let pattern = bundle.get_message(key)?.value()?;
                // A missing argument leaves its name in the sentence, which is better than no sentence.
                Some(bundle.format_pattern(pattern, Some(&filled), &mut Vec::new()).into_owned())
            })
            .unwrap_or_else(|| key.to_owned())
    }

    /// What went wrong and what to do, for people.
    pub fn error(&self, code: ErrorCode) -> String {
        self.get(&error_key(code), &[])
    }
}

/// `error-wrong-password` for [`ErrorCode::WrongPassword`].
pub fn error_key(code: ErrorCode) -> String {
    let mut key = String::from("error");
    for c in format!("{code:?}").chars() {
        if c.is_ascii_uppercase() {
            key.push('-');
        }
        key.push(c.to_ascii_lowercase());
    }
    key
}

fn resolve(wanted: Language, system: Option<&str>) -> Language {
    if wanted != Language::System {
        return wanted;
    }
    let tag =
        system.unwrap_or_default().split(['-', '_', '.']).next().unwrap_or_default().to_ascii_lowercase();
    CATALOGUES.iter().find(|(_, t, _)| *t == tag).map_or(Language::En, |(l, ..)| *l)
}

fn bundle(tag: &str, files: &[&str]) -> FluentBundle<FluentResource> {
    let language: LanguageIdentifier = tag.parse().unwrap_or_default();
    let mut bundle = FluentBundle::new_concurrent(vec![language]);
    // Isolation marks are for mixed directions in a page; notification servers draw them as boxes.
    bundle.set_use_isolating(false);
    for file in files {
        let resource = match FluentResource::try_new((*file).to_owned()) {
            Ok(resource) => resource,
            Err((resource, _)) => resource,
        };
        bundle.add_resource_overriding(resource);
    }
    bundle
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_catalogue_parses_and_has_the_same_keys() {
        let keys = |file: &str| {
            FluentResource::try_new(file.to_owned()).expect("the catalogue parses");
            let mut keys: Vec<String> = file
                .lines()
                .filter(|l| l.starts_with(|c: char| c.is_ascii_lowercase()))
                .filter_map(|l| l.split_once(" =").map(|(k, _)| k.to_owned()))
                .collect();
            keys.sort();
            keys
        };
        let (_, _, english) = CATALOGUES[0];
        for (language, _, files) in CATALOGUES {
            for (file, reference) in files.iter().zip(english) {
                assert_eq!(keys(file), keys(reference), "{language:?}");
            }
        }
    }

    #[test]
    fn plurals_follow_the_language() {
        let check = |language, n: i32, expect: &str| {
            assert_eq!(Texts::new(language).get("notify-away-missed", &[("calls", n.into())]), expect);
        };
        check(Language::En, 1, "1 missed call");
        check(Language::En, 2, "2 missed calls");
        check(Language::Fr, 0, "0 appel manqué");
        check(Language::Ru, 1, "1 пропущенный звонок");
        check(Language::Ru, 3, "3 пропущенных звонка");
        check(Language::Ru, 5, "5 пропущенных звонков");
    }

    #[test]
    fn the_system_language_is_matched_by_its_first_part() {
        assert_eq!(resolve(Language::System, Some("fr_CA.UTF-8")), Language::Fr);
        assert_eq!(resolve(Language::System, Some("ru-RU")), Language::Ru);
        assert_eq!(resolve(Language::System, Some("de_DE")), Language::En);
        assert_eq!(resolve(Language::System, None), Language::En);
        assert_eq!(resolve(Language::Ru, Some("fr")), Language::Ru);
    }

    #[test]
    fn an_unknown_key_shows_itself() {
        assert_eq!(Texts::new(Language::En).get("no-such-key", &[]), "no-such-key");
    }

    #[test]
    fn error_keys_are_kebab_case() {
        assert_eq!(error_key(ErrorCode::WrongPassword), "error-wrong-password");
        assert_eq!(error_key(ErrorCode::Busy), "error-busy");
    }

    #[test]
    fn every_error_has_a_sentence_in_every_language() {
        // Read from the source, so that a new code can't be forgotten here.
        let source = include_str!("api/error.rs");
        let body = source.split_once("pub enum ErrorCode {").unwrap().1.split_once("\n}").unwrap().0;
        let names: Vec<&str> = body
            .lines()
            .map(str::trim)
            .filter(|l| l.starts_with(char::is_uppercase))
            .map(|l| l.trim_end_matches(','))
            .collect();
        assert!(names.len() > 30, "{names:?}");
        for name in names {
            let json = format!("\"{}{}\"", name[..1].to_lowercase(), &name[1..]);
            let code: ErrorCode = serde_json::from_str(&json).unwrap();
            for (language, _, files) in CATALOGUES {
                let only = Texts { language, bundles: vec![bundle("en", files)] };
                let sentence = only.error(code);
                assert!(
                    sentence != error_key(code) && sentence.len() > 10,
                    "{language:?} has no {}",
                    error_key(code)
                );
            }
        }
    }
}
