//! A long past: any number of SMS from many people in several languages, for whoever measures what a client carries.
//!
//! The same number gives the same texts. Nothing of it was charged for; what a person looks at first is in
//! [`crate::seed`].

use std::time::Duration;

use jiff::Timestamp;
use rand::{Rng, SeedableRng, rngs::StdRng};

use crate::{
    clock::earlier,
    model::{Account, Direction, Message, MessageState, new_id},
    store::{Store, StoreError, accounts, messages, meta, numbers},
};

/// SMS written in one transaction.
const AT_ONCE: u32 = 10_000;
/// SMS of one person, on average.
const OF_A_PERSON: u32 = 60;
/// The past reaches so far back at most.
const FIVE_YEARS: u64 = 5 * 365 * 86_400;
/// Between two SMS at most.
const LONGEST_PAUSE: u64 = 600;
/// Nothing was sent within the time that the limits of sending look back over.
const NOTHING_SENT: u64 = 2 * 86_400;
const SEED: u64 = 20;
/// One of so many texts says something that hardly any other says.
const RARE: u32 = 5_000;

/// What a text is made of: the braces are filled with a name, a place, a thing, a time or a number.
const TEXTS: &[&str] = &[
    "Hi, it's {name}. The train to {place} leaves at {time}, platform {digit}.",
    "Can you bring the {thing} tomorrow? I left it in {place}.",
    "Your parcel {number} is at the shop in {place}, open until {time}.",
    "Thanks for yesterday! {name} sends greetings from {place}.",
    "Meeting moved to {time}, room {digit}. Please tell {name}.",
    "Invoice {number} for the {thing} is due on Friday.",
    "Your code is {number}. Never share it with anybody.",
    "Are you still coming to {place}? We wait at the station until {time}.",
    "Running ten minutes late, start without me. Is {name} there already?",
    "The hotel in {place} has a room for us, {digit} nights, breakfast at {time}.",
    "Salut, c'est {name}. Le café à {place} ferme à {time}, tu viens ?",
    "J'ai retrouvé ton {thing} derrière la fenêtre, je le garde jusqu'à {time}.",
    "Votre colis {number} est arrivé à {place}. À bientôt !",
    "Ça va très bien, merci. On se voit à {time} près de la gare ?",
    "Hallo, hier ist {name}. Der Zug nach {place} fährt erst um {time}, schöne Grüße!",
    "Könntest du bitte den Schlüssel für {place} mitbringen? Danke, {name}.",
    "Ihre Rechnung {number} über {digit} Stück liegt bereit.",
    "Привет, это {name}. Поезд в {place} уходит в {time}, путь {digit}.",
    "Завтра встреча в {time}, ещё раз напишу. Ёлка и чай с нас!",
    "Ваш заказ {number} готов к выдаче до {time}. Спасибо!",
];
const NAMES: &[&str] = &[
    "Sam",
    "Zoë",
    "Camille",
    "Лена",
    "Jürgen",
    "Amélie",
    "Chidi",
    "Owen",
    "Priya",
    "Lukas",
    "Ольга",
    "Noor",
    "Ines",
    "Mateo",
    "Freja",
    "Tom",
];
const PLACES: &[&str] = &[
    "Camden",
    "Lisbon",
    "Montréal",
    "Köln",
    "Малмё",
    "Zürich",
    "Oslo",
    "Tallinn",
    "Besançon",
    "Leeds",
    "Utrecht",
    "Тверь",
    "Porto",
    "Gdańsk",
    "York",
    "Århus",
];
const THINGS: &[&str] = &[
    "umbrella",
    "charger",
    "passport",
    "guitar",
    "blue jacket",
    "camera",
    "tent",
    "ticket",
    "map",
    "ladder",
    "kettle",
    "bicycle pump",
];

/// Where Ofcom keeps a thousand numbers each for films; three digits follow.
const RANGES: &[&str] = &[
    "+447700900",
    "+442079460",
    "+441134960",
    "+441144960",
    "+441154960",
    "+441164960",
    "+441174960",
    "+441184960",
    "+441214960",
    "+441314960",
    "+441414960",
    "+441514960",
    "+441614960",
    "+441914980",
    "+442896496",
    "+442920180",
];

/// Writes that many SMS into the first account's past, the newest a pause before now. A database that has lived
/// before stays as it is.
pub(crate) fn plant(store: &Store, count: u32, now: Timestamp) -> Result<(), StoreError> {
    let found = store.read(|c| -> Result<_, StoreError> {
        let planted = meta::get(c, meta::BACKLOG)?.is_some();
        let first = accounts::list(c)?.into_iter().next();
        let Some(account) = first.filter(|_| !planted && count > 0) else { return Ok(None) };
        let own = numbers::of_account(c, account.id)?.into_iter().filter(|n| n.sms).map(|n| n.e164).collect();
        Ok(Some((account, own)))
    })?;
    let Some((account, own)) = found else { return Ok(()) };
    let mut teller = Teller::new(account, own, count);
    let mut left = count;
    while left > 0 {
        let now_written = left.min(AT_ONCE);
        store.write(|books| {
            for place in (left.saturating_sub(now_written)..left).rev() {
                messages::insert(books, &teller.message(place, now))?;
            }
            meta::set(books, meta::BACKLOG, &count.to_string())
        })?;
        left = left.saturating_sub(now_written);
    }
    Ok(())
}

/// Makes up texts and who sent them.
struct Teller {
    random: StdRng,
    account: Account,
    own: Vec<String>,
    people: u32,
    pause: u64,
}

impl Teller {
    fn new(account: Account, own: Vec<String>, count: u32) -> Self {
        let pause = FIVE_YEARS.checked_div(u64::from(count)).unwrap_or(0).clamp(1, LONGEST_PAUSE);
        let people = (count / OF_A_PERSON).clamp(8, 16_000);
        Self { random: StdRng::seed_from_u64(SEED), account, own, people, pause }
    }

    /// The SMS that so many newer ones follow.
    fn message(&mut self, newer: u32, now: Timestamp) -> Message {
        let ago = self.pause.saturating_mul(u64::from(newer).saturating_add(1));
        let person = self.random.random_range(0..self.people);
        let sent = ago > NOTHING_SENT && self.random.random_ratio(1, 4);
        let (direction, state) = match sent {
            true => (Direction::Outgoing, MessageState::Delivered),
            false => (Direction::Incoming, MessageState::Received),
        };
        let number = usize::try_from(person).ok().and_then(|p| self.own.get(p % self.own.len().max(1)));
        Message {
            id: new_id("msg"),
            account: self.account.id,
            version: 1,
            direction,
            number: number.cloned().unwrap_or_default(),
            peer: peer(person),
            text: self.text(newer),
            state,
            failure: None,
            at: earlier(now, Duration::from_secs(ago)),
            price: None,
            idempotency_key: None,
        }
    }

    fn text(&mut self, newer: u32) -> String {
        let mut text = String::new();
        let mut rest = self.one_of(TEXTS);
        while let Some((before, from)) = rest.split_once('{') {
            let (name, after) = from.split_once('}').unwrap_or((from, ""));
            text.push_str(before);
            match name {
                "name" => text.push_str(self.one_of(NAMES)),
                "place" => text.push_str(self.one_of(PLACES)),
                "thing" => text.push_str(self.one_of(THINGS)),
                "digit" => text.push_str(&self.random.random_range(1..=9).to_string()),
                "number" => text.push_str(&self.random.random_range(100_000..1_000_000).to_string()),
                _ => {
                    let (hour, minute) =
                        (self.random.random_range(6..23), self.random.random_range(0..12) * 5);
                    text.push_str(&format!("{hour}:{minute:02}"));
                }
            }
            rest = after;
        }
        text.push_str(rest);
        if newer % RARE == RARE / 2 {
            text.push_str(" The quetzal has been seen again.");
        }
        text
    }

    fn one_of(&mut self, words: &[&'static str]) -> &'static str {
        let at = self.random.random_range(0..words.len());
        words.get(at).copied().unwrap_or_default()
    }
}

fn peer(person: u32) -> String {
    let person = usize::try_from(person).unwrap_or(0);
    let range = RANGES.get(person % RANGES.len()).copied().unwrap_or_default();
    format!("{range}{:03}", person / RANGES.len() % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        seed,
        store::changes::{self, Place},
    };

    #[test]
    fn a_backlog_is_there_once_and_newest_first_in_pages() {
        let store = Store::open(None).unwrap();
        let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        seed::plant(&store, now).unwrap();
        let account = store.read(accounts::list).unwrap()[0].id;
        let before = store.read(|c| changes::rows(c, account)).unwrap();
        for _ in 0..2 {
            plant(&store, 12_345, now).unwrap();
        }
        assert_eq!(store.read(|c| changes::rows(c, account)).unwrap(), before + 12_345);
        let (mut place, mut seen, mut last) = (Place::TOP, std::collections::BTreeSet::new(), None);
        loop {
            let page = store.read(|c| changes::snapshot(c, account, place, 500)).unwrap();
            for row in &page {
                let order = (row.place.at_ms, row.place.rank, row.place.position);
                assert!(last.is_none_or(|last| order < last), "{row:?} after {last:?}");
                last = Some(order);
                assert!(row.place.at_ms <= now.as_millisecond());
                seen.insert(row.id.clone());
            }
            match page.last() {
                Some(row) => place = row.place,
                None => break,
            }
        }
        assert_eq!(seen.len() as u64, before + 12_345);
    }

    #[test]
    fn texts_are_filled_in_and_none_was_sent_lately() {
        let store = Store::open(None).unwrap();
        let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        seed::plant(&store, now).unwrap();
        let account = store.read(accounts::list).unwrap().remove(0);
        let mut teller = Teller::new(account, vec!["+447700900142".into()], 10_000);
        let mut rare = 0;
        for newer in (0..10_000).rev() {
            let message = teller.message(newer, now);
            assert!(!message.text.contains(['{', '}']), "{}", message.text);
            rare += u32::from(message.text.contains("quetzal"));
            let lately = now.duration_since(message.at).as_secs() < 86_400;
            assert!(message.direction == Direction::Incoming || !lately);
        }
        assert_eq!(rare, 2);
    }
}
