//! Time zones of countries, for what is to be quiet where a number is.
//!
//! By the time zone database's own list of countries and zones. Where a country has several, the one most of its
//! people live in stands for it.

/// A country's ISO 3166 code and its zone, a line each.
const ZONES: &str = include_str!("zones.txt");

/// The zone of a country by its ISO 3166 code, as the time zone database names it.
pub(super) fn of_country(country: &str) -> Option<&'static str> {
    ZONES
        .lines()
        .filter_map(|line| line.split_once(' '))
        .find(|(code, _)| *code == country)
        .map(|(_, zone)| zone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_country_has_the_zone_most_of_its_people_live_in() {
        assert_eq!(of_country("DE"), Some("Europe/Berlin"));
        assert_eq!(of_country("US"), Some("America/New_York"));
        assert_eq!(of_country("XX"), None);
    }
}
