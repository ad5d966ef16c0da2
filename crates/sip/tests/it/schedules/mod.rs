//! Thousands of seeded schedules: people who call, ring, answer, change, refuse, cancel and hang up at random moments
//! over a network that loses, delays, reorders and doubles, straight and by a forking proxy.
//!
//! `TERN_SCHEDULES` sets how many are played, `TERN_SCHEDULE` plays a single one again and prints its ladder.

mod audit;
mod cast;
mod story;

use self::story::Setting;
use std::sync::atomic::{AtomicU64, Ordering};

/// Schedules in all, unless `TERN_SCHEDULES` says otherwise.
const ALL: u64 = 10_000;

/// Plays this share of all schedules, in percent, on all processors.
fn play(setting: Setting, share: u64) {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    if let Some(seed) = number("TERN_SCHEDULE") {
        println!("{}", crate::ladder::ladder(&story::play(setting, seed)));
        return;
    }
    let count = number("TERN_SCHEDULES").unwrap_or(ALL) * share / 100;
    let next = AtomicU64::new(0);
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= count {
                        return;
                    }
                    story::play(setting, seed);
                }
            });
        }
    });
}

#[test]
fn straight_in_fair_weather() {
    play(Setting::DirectFair, 25);
}

#[test]
fn straight_in_foul_weather() {
    play(Setting::DirectFoul, 25);
}

#[test]
fn over_connections_that_break() {
    play(Setting::Streams, 10);
}

#[test]
fn on_the_move() {
    play(Setting::Moving, 10);
}

#[test]
fn a_team_behind_a_proxy_in_fair_weather() {
    play(Setting::TeamFair, 15);
}

#[test]
fn a_team_behind_a_proxy_in_foul_weather() {
    play(Setting::TeamFoul, 15);
}
