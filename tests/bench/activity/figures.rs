//! What one engine's life gave, as its process tells it and the report shows it.

use serde::{Deserialize, Serialize};

/// A life from start to the end of the searches. Moments are microseconds since 1970, on the clock both processes share.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Life {
    /// Before the engine was started.
    pub(crate) started: u64,
    /// The database was open.
    pub(crate) opened: u64,
    /// The newest page was in the engine's view.
    pub(crate) first_screen: u64,
    /// All of the past had been read.
    pub(crate) synced: u64,
    /// Rows found by turning all pages afterwards, and how many of them are messages.
    pub(crate) rows: u64,
    pub(crate) messages: u64,
    /// Rows that were there more than once.
    pub(crate) doubled: u64,
    pub(crate) memory: Memory,
    pub(crate) cpu: Cpu,
    /// The database on the disk with its log, in bytes.
    pub(crate) database: u64,
    pub(crate) client: Client,
    pub(crate) searches: Vec<Search>,
}

/// Resident memory of the engine's process, in kilobytes.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Memory {
    /// With the database open and no account yet.
    pub(crate) before: u64,
    /// The most until all was read.
    pub(crate) peak: u64,
    /// The most until the searches were over.
    pub(crate) peak_after_searches: u64,
}

/// Processor time while the past was read, in milliseconds.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Cpu {
    /// The store's thread: SQLite with its cipher, and our binding of values to its statements.
    pub(crate) store: f64,
    /// Threads that read for the view: SQLite again, and our making of rows.
    pub(crate) readers: f64,
    /// The runtime's threads: HTTP, JSON, the core's steps.
    pub(crate) workers: f64,
    /// Whatever else: sound, SIP, this measuring.
    pub(crate) others: f64,
}

/// The same pages read once more by the provider's client alone, on one thread.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Client {
    /// Processor time in milliseconds: HTTP, JSON and the rows made of it.
    pub(crate) cpu: f64,
    pub(crate) pages: u64,
    /// Messages the provider has.
    pub(crate) messages: u64,
}

/// One thing that is typed, letter by letter.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Search {
    /// What kind of thing it is.
    pub(crate) what: String,
    /// The whole of it.
    pub(crate) typed: String,
    /// Rows on the first page once it is typed.
    pub(crate) hits: usize,
    /// What each answer took, in microseconds, in the order they were asked for.
    pub(crate) took: Vec<u64>,
}

/// The time that so many percent are not above.
pub(crate) fn percentile(times: impl IntoIterator<Item = u64>, percent: usize) -> u64 {
    let mut sorted: Vec<u64> = times.into_iter().collect();
    sorted.sort_unstable();
    let last = sorted.len().saturating_sub(1);
    sorted.get((sorted.len().saturating_mul(percent) / 100).min(last)).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_what_was_measured() {
        assert_eq!(percentile(1..=100, 95), 96);
        assert_eq!(percentile([7], 95), 7);
        assert_eq!(percentile([], 50), 0);
    }
}
