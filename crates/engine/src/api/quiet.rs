//! When nothing rings and nothing is shown outside of the window.

use serde::{Deserialize, Serialize};
use specta::Type;

/// Who is not to be disturbed, and when. What comes meanwhile is in Recent Activity and told together afterwards.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase", default)]
pub struct QuietSettings {
    /// Every number is quiet until this is switched off.
    pub do_not_disturb: bool,
    /// These are, E.164.
    pub silent_numbers: Vec<String>,
    /// Those that apply now do.
    pub hours: Vec<QuietHours>,
    /// Calls of favourites don't ring then either.
    pub favourites_too: bool,
}

/// A time of day in which numbers are quiet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct QuietHours {
    /// For this number, E.164; `None` for every one.
    pub number: Option<String>,
    /// The days it begins on.
    pub days: Vec<Weekday>,
    /// From this minute of the day on, 0 to 1439.
    pub from_minute: u16,
    /// Until before this one, on the next day where it is not later than `from_minute`.
    pub to_minute: u16,
    /// By which clock.
    pub zone: QuietZone,
}

/// Which clock quiet hours go by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum QuietZone {
    /// This computer's.
    Here {},
    /// That of the number's country; of its most populous zone where it has several.
    Number {},
    /// That of a zone.
    Named {
        /// As the time zone database names it, such as `Europe/Lisbon`.
        name: String,
    },
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum Weekday {
    /// Monday.
    Monday,
    /// Tuesday.
    Tuesday,
    /// Wednesday.
    Wednesday,
    /// Thursday.
    Thursday,
    /// Friday.
    Friday,
    /// Saturday.
    Saturday,
    /// Sunday.
    Sunday,
}
