//! The report: every figure by number of messages, how it grows, what is met; as Markdown and as JSON.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use anyhow::Result;
use serde_json::{Value, json};

use crate::{
    figures::{Life, percentile},
    wire::Exchange,
};

/// What is demanded holds up to so many messages; beyond them it is shown how it grows.
const DEMANDED_UP_TO: u32 = 100_000;
const FIRST_SCREEN_SECONDS: f64 = 2.0;
const MEMORY_MB: f64 = 150.0;
const SEARCH_MILLISECONDS: f64 = 50.0;

/// What a number of messages gave.
pub(crate) struct Measured {
    pub(crate) asked_for: u32,
    pub(crate) life: Life,
    /// What went over the wire until all was read.
    pub(crate) exchanges: Vec<Exchange>,
}

/// A figure by its name.
type Figure = (&'static str, fn(&Measured) -> f64);

/// In the order of the report.
const FIGURES: &[Figure] = &[
    ("first screen, from the engine's start, s", |m| seconds(m.life.started, m.life.first_screen)),
    ("first screen, from the first byte of the answer, s", first_screen),
    ("everything read, s", backlog),
    ("rows a second", |m| m.life.rows as f64 / backlog(m)),
    ("of it: waiting for the provider's pages, s", waiting),
    ("of it: the store's thread at work, s", |m| m.life.cpu.store / 1e3),
    ("provider's answers, MB", |m| m.exchanges.iter().map(|e| e.bytes as f64).sum::<f64>() / 1e6),
    ("memory before, MB", |m| m.life.memory.before as f64 / 1024.0),
    ("memory growth until everything is read, MB", growth),
    ("memory growth with the searches, MB", |m| {
        (m.life.memory.peak_after_searches as f64 - m.life.memory.before as f64) / 1024.0
    }),
    ("database on the disk, MB", |m| m.life.database as f64 / 1e6),
    ("processor time for it, s", |m| all_cpu(m) / 1e3),
    ("share of SQLite, %", |m| share(m, m.life.cpu.store + m.life.cpu.readers)),
    ("share of the network (HTTP, JSON), %", |m| share(m, network_cpu(m))),
    ("share of our own code, %", |m| share(m, own_cpu(m))),
    ("processor time for a row, µs", |m| all_cpu(m) * 1e3 / m.life.rows.max(1) as f64),
    ("search as typed, p50, ms", |m| search(m, 50)),
    ("search as typed, p95, ms", |m| search(m, 95)),
    ("search as typed, slowest, ms", |m| search(m, 100)),
];

/// A demand and whether it is met.
struct Verdict {
    what: String,
    ours: f64,
    limit: f64,
}

impl Verdict {
    fn is_met(&self) -> bool {
        self.ours <= self.limit
    }
}

/// Collects what was measured.
pub(crate) struct Report {
    measured: Vec<Measured>,
    place: PathBuf,
}

impl Report {
    pub(crate) fn new(place: &Path) -> Self {
        Self { measured: Vec::new(), place: place.to_owned() }
    }

    pub(crate) fn add(&mut self, measured: Measured) {
        self.measured.push(measured);
    }

    /// Whether every demand is met.
    pub(crate) fn met(&self) -> bool {
        self.verdicts().iter().all(Verdict::is_met)
    }

    /// Writes both files.
    pub(crate) fn write(&self) -> Result<()> {
        if let Some(folder) = self.place.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(self.place.with_extension("md"), self.text())?;
        std::fs::write(self.place.with_extension("json"), serde_json::to_string_pretty(&self.json())?)?;
        Ok(())
    }

    /// As Markdown.
    pub(crate) fn text(&self) -> String {
        let mut text = format!(
            "# Recent Activity with many messages\n\n{} build, {} processors, which the provider shares.\n\n",
            if cfg!(debug_assertions) { "Debug" } else { "Release" },
            std::thread::available_parallelism().map_or(1, usize::from),
        );
        text += "| what |";
        self.measured.iter().for_each(|m| text += &format!(" {} |", grouped(m.asked_for)));
        text += "\n|---|";
        self.measured.iter().for_each(|_| text += "---|");
        text += "\n";
        for (name, figure) in FIGURES {
            text += &format!("| {name} |");
            self.measured.iter().for_each(|m| text += &format!(" {} |", rounded(figure(m))));
            text += "\n";
        }
        text += "\nOf processor time, SQLite is the store's thread and the threads that read for the view, our binding and \
                 making of rows included; the network is what the provider's client alone takes for the same pages, \
                 read once more on one thread; our own code is the rest of the runtime's threads. Processor time counts \
                 from the opened database to the last row. Between two pages the engine pauses as long as the page took, \
                 so most of the time in which everything is read is neither waiting nor work.\n\n";
        text += "| typed, letter by letter |";
        self.measured
            .iter()
            .for_each(|m| text += &format!(" {}: p50 | p95, ms | rows |", grouped(m.asked_for)));
        text += "\n|---|";
        self.measured.iter().for_each(|_| text += "---|---|---|");
        text += "\n";
        let typed = self.measured.first().map_or(&[][..], |m| &m.life.searches);
        for (at, search) in typed.iter().enumerate() {
            text += &format!("| {}: `{}` |", search.what, search.typed);
            for search in self.measured.iter().filter_map(|m| m.life.searches.get(at)) {
                let of = |percent| percentile(search.took.iter().copied(), percent) as f64 / 1e3;
                text += &format!(" {} | {} | {} |", rounded(of(50)), rounded(of(95)), search.hits);
            }
            text += "\n";
        }
        text += "\n| demand | | limit | |\n|---|---|---|---|\n";
        let verdicts = self.verdicts();
        for verdict in &verdicts {
            let (ours, limit) = (rounded(verdict.ours), rounded(verdict.limit));
            let met = if verdict.is_met() { "met" } else { "MISSED" };
            let _ = writeln!(text, "| {} | {ours} | ≤ {limit} | {met} |", verdict.what);
        }
        let met = verdicts.iter().filter(|verdict| verdict.is_met()).count();
        let _ = writeln!(text, "\n{met} of {} demands met.", verdicts.len());
        text
    }

    fn verdicts(&self) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        for m in &self.measured {
            let mut demand = |what: &str, ours, limit| {
                let what = format!("{}: {what}", grouped(m.asked_for));
                verdicts.push(Verdict { what, ours, limit });
            };
            let lost = m.life.client.messages as f64 - m.life.messages as f64;
            demand("messages lost or come from nowhere", lost.abs(), 0.0);
            demand("rows doubled", m.life.doubled as f64, 0.0);
            if m.asked_for <= DEMANDED_UP_TO {
                demand("first screen after the first byte, s", first_screen(m), FIRST_SCREEN_SECONDS);
                demand("memory growth, MB", growth(m), MEMORY_MB);
                demand("search p95, ms", search(m, 95), SEARCH_MILLISECONDS);
            }
        }
        verdicts
    }

    fn json(&self) -> Value {
        let measured: Vec<Value> = self
            .measured
            .iter()
            .map(|m| {
                let figures: serde_json::Map<String, Value> =
                    FIGURES.iter().map(|(name, figure)| ((*name).to_owned(), json!(figure(m)))).collect();
                json!({ "messages": m.asked_for, "figures": figures, "engine": m.life })
            })
            .collect();
        let demands: Vec<Value> = self
            .verdicts()
            .iter()
            .map(|v| json!({ "what": v.what, "ours": v.ours, "limit": v.limit, "met": v.is_met() }))
            .collect();
        json!({ "debug": cfg!(debug_assertions), "measured": measured, "demands": demands })
    }
}

fn first_screen(m: &Measured) -> f64 {
    let first = m.exchanges.iter().find(|e| e.is_page).and_then(|e| e.first);
    first.map_or(f64::INFINITY, |first| seconds(first, m.life.first_screen))
}

fn backlog(m: &Measured) -> f64 {
    seconds(m.life.opened, m.life.synced)
}

fn waiting(m: &Measured) -> f64 {
    m.exchanges.iter().filter(|e| e.is_page).map(|e| seconds(e.asked, e.last)).sum()
}

fn growth(m: &Measured) -> f64 {
    (m.life.memory.peak as f64 - m.life.memory.before as f64) / 1024.0
}

fn all_cpu(m: &Measured) -> f64 {
    let cpu = &m.life.cpu;
    cpu.store + cpu.readers + cpu.workers + cpu.others
}

/// It can't be more than the threads it is done on had, however the second reading went.
fn network_cpu(m: &Measured) -> f64 {
    m.life.client.cpu.min(m.life.cpu.workers)
}

fn own_cpu(m: &Measured) -> f64 {
    m.life.cpu.workers + m.life.cpu.others - network_cpu(m)
}

fn share(m: &Measured, cpu: f64) -> f64 {
    cpu * 100.0 / all_cpu(m).max(f64::MIN_POSITIVE)
}

fn search(m: &Measured, percent: usize) -> f64 {
    percentile(m.life.searches.iter().flat_map(|search| search.took.iter().copied()), percent) as f64 / 1e3
}

fn seconds(from: u64, to: u64) -> f64 {
    to.saturating_sub(from) as f64 / 1e6
}

/// With as many places as say something.
fn rounded(figure: f64) -> String {
    match figure.abs() {
        size if size >= 100.0 => format!("{figure:.0}"),
        size if size >= 10.0 => format!("{figure:.1}"),
        0.0 => "0".into(),
        _ => format!("{figure:.2}"),
    }
}

/// With a comma between thousands.
fn grouped(number: u32) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::{Client, Cpu, Memory, Search};

    fn measured(growth_kb: u64, late: u64, took: u64, found: u64) -> Measured {
        let search = Search { what: "a word".into(), typed: "w".into(), hits: 1, took: vec![took; 20] };
        let life = Life {
            started: 0,
            opened: 100,
            first_screen: 1_000_000 + late,
            synced: 3_000_100,
            rows: 1_000,
            messages: found,
            doubled: 0,
            memory: Memory { before: 1_024, peak: 1_024 + growth_kb, peak_after_searches: 1_024 + growth_kb },
            cpu: Cpu { store: 500.0, readers: 0.0, workers: 400.0, others: 100.0 },
            database: 1,
            client: Client { cpu: 300.0, pages: 5, messages: 990 },
            searches: vec![search],
        };
        let page =
            Exchange { is_page: true, asked: 900_000, first: Some(1_000_000), last: 1_100_000, bytes: 7 };
        Measured { asked_for: 100_000, life, exchanges: vec![page] }
    }

    #[test]
    fn demands_are_held_against_what_was_measured() {
        let check = |measured: Measured, missed: &[&str]| {
            let mut report = Report::new(Path::new("unused"));
            report.add(measured);
            let found: Vec<String> =
                report.verdicts().into_iter().filter(|v| !v.is_met()).map(|v| v.what).collect();
            assert!(
                found.iter().zip(missed).all(|(f, m)| f.contains(m)) && found.len() == missed.len(),
                "{found:?}"
            );
            assert_eq!(report.met(), missed.is_empty());
            assert_eq!(report.text().contains("MISSED"), !missed.is_empty());
        };
        check(measured(150 * 1_024, 2_000_000, 50_000, 990), &[]);
        check(measured(151 * 1_024, 2_000_000, 50_000, 990), &["memory"]);
        check(measured(0, 2_000_001, 50_000, 990), &["first screen"]);
        check(measured(0, 0, 50_001, 990), &["search"]);
        check(measured(0, 0, 0, 989), &["lost"]);
    }

    #[test]
    fn shares_add_up_and_the_network_is_what_the_client_alone_took() {
        let m = measured(0, 0, 0, 990);
        assert!((share(&m, 500.0) - 50.0).abs() < 1e-9);
        assert!((share(&m, network_cpu(&m)) - 30.0).abs() < 1e-9);
        assert!((share(&m, own_cpu(&m)) - 20.0).abs() < 1e-9);
        assert_eq!(grouped(1_000_000), "1,000,000");
    }
}
