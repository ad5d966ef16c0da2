//! What a card becomes that changed here, there, or both.

use crate::vcard::Card;

/// Joins a card from the server with the contact here. `base` is the card as it last came; without it nobody knows
/// who changed what. What changed on one side only is taken from there; where both changed, the contact's own
/// name stands, and the other one goes into the note: nobody loses a name.
pub(crate) fn merged(base: Option<&Card>, here: &Card, there: &Card) -> Card {
    let pick = |of: fn(&Card) -> &str| {
        let (here, there) = (of(here), of(there));
        match base.map(of) {
            Some(base) if base == here => (there, None),
            Some(base) if base == there => (here, None),
            _ if here == there => (here, None),
            _ => (here, Some(there)),
        }
    };
    let (name, other_name) = pick(|card| &card.name);
    let (note, other_note) = pick(|card| &card.note);
    let mut note = note.to_owned();
    for other in [other_name, other_note].into_iter().flatten().filter(|other| !other.is_empty()) {
        if !note.lines().any(|line| line == other) && !note.contains(other) {
            if !note.is_empty() {
                note.push('\n');
            }
            note.push_str(other);
        }
    }
    Card { uid: here.uid.clone(), name: name.to_owned(), note, numbers: numbers(base, here, there) }
}

/// The numbers there and those that were added here, without those that were taken away on either side.
fn numbers(base: Option<&Card>, here: &Card, there: &Card) -> Vec<(String, Option<String>)> {
    let has = |card: &Card, number: &str| card.numbers.iter().any(|(known, _)| known == number);
    let was = |number: &str| base.is_some_and(|base| has(base, number));
    let mut numbers: Vec<_> =
        there.numbers.iter().filter(|(n, _)| !was(n) || has(here, n)).cloned().collect();
    for (number, label) in here.numbers.iter().filter(|(n, _)| !was(n)) {
        if !numbers.iter().any(|(known, _)| known == number) {
            numbers.push((number.clone(), label.clone()));
        }
    }
    // Taken away there and here both: a contact without a number would be nobody's.
    if numbers.is_empty() { here.numbers.clone() } else { numbers }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card(name: &str, note: &str, numbers: &[&str]) -> Card {
        let numbers = numbers.iter().map(|n| ((*n).to_owned(), None)).collect();
        Card { uid: "u".into(), name: name.into(), note: note.into(), numbers }
    }

    #[test]
    fn each_side_keeps_what_it_changed() {
        let base = card("Ann", "old", &["1", "2"]);
        let check = |here: Card, there: Card, expect: Card| {
            assert_eq!(merged(Some(&base), &here, &there).numbers, expect.numbers);
            let joined = merged(Some(&base), &here, &there);
            assert_eq!((joined.name, joined.note), (expect.name, expect.note));
        };
        check(base.clone(), card("Anne", "new", &["1", "3"]), card("Anne", "new", &["1", "3"]));
        check(card("Annie", "old", &["1"]), base.clone(), card("Annie", "old", &["1"]));
        check(
            card("Annie", "old", &["1", "2"]),
            card("Ann", "new", &["1", "2", "3"]),
            card("Annie", "new", &["1", "2", "3"]),
        );
        check(base.clone(), base.clone(), base.clone());
    }

    #[test]
    fn where_both_changed_no_name_is_lost() {
        let base = card("Ann", "", &["1"]);
        let joined = merged(Some(&base), &card("Annie", "mine", &["1", "4"]), &card("Anne B", "", &["5"]));
        assert_eq!((joined.name.as_str(), joined.note.as_str()), ("Annie", "mine\nAnne B"));
        assert_eq!(joined.numbers.iter().map(|(n, _)| n.as_str()).collect::<Vec<_>>(), ["5", "4"]);
        // The same again adds nothing.
        let again = merged(Some(&card("Anne B", "", &["5"])), &joined, &card("Anne B", "", &["5"]));
        assert_eq!(again, joined);
        let unknown = merged(None, &card("Ann", "a", &["1"]), &card("Anna", "b", &["2"]));
        assert_eq!((unknown.name.as_str(), unknown.note.as_str()), ("Ann", "a\nAnna\nb"));
        assert_eq!(unknown.numbers.len(), 2);
    }
}
