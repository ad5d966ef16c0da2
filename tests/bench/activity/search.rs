//! What is typed into the search, letter by letter, and how long each answer takes.

use std::time::Instant;

use anyhow::{Context, Result};
use tern_engine::{
    EngineHandle,
    api::{Answer, Command, Query, SearchFilter},
};

use crate::figures::Search;

/// What people look for, and what kind of thing each is. Each is typed whole, from its first letter on.
const TYPED: &[(&str, &str)] = &[
    ("a frequent word", "station"),
    ("two words", "parcel shop"),
    ("a rare word", "quetzal"),
    ("what nobody said", "xylophone"),
    ("Cyrillic", "поезд в тверь"),
    ("Cyrillic, written otherwise", "елка"),
    ("accents", "zürich"),
    ("accents left out", "montreal"),
    ("a name of the contacts", "agatha brook"),
    ("a telephone number", "020 7946 01"),
    ("a code", "4829"),
    ("an hour", "18:30"),
];
/// Each thing is typed so often, in turn, as nobody types the same thing twice running.
const ROUNDS: usize = 5;
/// Rows of a page, as the window asks for them.
const PAGE: u32 = 50;
/// People with a name.
const CONTACTS: u32 = 300;

/// Gives some of the people names, as an address book does.
pub(crate) async fn fill_contacts(engine: &EngineHandle) -> Result<()> {
    let names = ["Agatha", "Boris", "Chloé", "Дарья", "Emil", "Fatou"];
    let places = ["Brook", "Field", "Østby", "Рощина", "Stone", "Vale"];
    let mut vcards = String::new();
    for person in 0..CONTACTS {
        let of = |words: &[&'static str], at: u32| {
            words.get(at as usize % words.len()).copied().unwrap_or_default()
        };
        vcards += &format!(
            "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:bench-{person}\r\nFN:{} {} {person}\r\nTEL:+44207946{person:04}\r\nEND:VCARD\r\n",
            of(&names, person),
            of(&places, person / 6),
        );
    }
    engine
        .command(Command::ImportContacts { vcards })
        .await
        .ok()
        .context("the contacts were not taken over")?;
    Ok(())
}

/// Types everything and answers with the times, each from the question until the view's answer.
pub(crate) async fn all(engine: &EngineHandle) -> Result<Vec<Search>> {
    let mut searches: Vec<Search> = TYPED
        .iter()
        .map(|(what, typed)| Search {
            what: (*what).into(),
            typed: (*typed).into(),
            hits: 0,
            took: Vec::new(),
        })
        .collect();
    for _ in 0..ROUNDS {
        for search in &mut searches {
            let ends = search.typed.char_indices().map(|(at, letter)| at + letter.len_utf8());
            for end in ends.collect::<Vec<_>>() {
                let text = search.typed.get(..end).unwrap_or_default().to_owned();
                let began = Instant::now();
                let query =
                    Query::Search { text, filter: SearchFilter::default(), before: None, limit: PAGE };
                let answer = engine.query(query).await;
                let took = began.elapsed();
                let Ok(Answer::Search { page }) = answer else {
                    anyhow::bail!("a search failed: {answer:?}")
                };
                search.hits = page.hits.len();
                search.took.push(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
            }
        }
    }
    Ok(searches)
}
