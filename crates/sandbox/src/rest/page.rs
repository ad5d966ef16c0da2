//! Lists in pages, newest first.

use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::IntoParams;

use super::problem::Problem;

const DEFAULT_LIMIT: u32 = 50;
const MAX_LIMIT: u32 = 200;

/// Which page of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct PageParams {
    /// Most rows, 1 to 200; 50 if not given.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// `next_page` of the page before.
    #[param(pattern = "^[0-9]{1,18}$")]
    page: Option<String>,
}

/// What to read for a page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    /// Rows before this position.
    pub(super) before: i64,
    limit: u32,
}

impl PageParams {
    pub(super) fn new(limit: Option<u32>, page: Option<String>) -> Self {
        Self { limit, page }
    }

    pub(super) fn window(&self) -> Result<Window, Problem> {
        let before = match &self.page {
            None => i64::MAX,
            Some(page) => place(page).ok_or_else(|| {
                Problem::of(StatusCode::BAD_REQUEST, "bad_page", "This is not a page of this list.")
            })?,
        };
        Ok(Window { before, limit: rows(self.limit, DEFAULT_LIMIT, MAX_LIMIT)? })
    }
}

/// A position as it is written in pages: digits alone, no more than are ever given out.
pub(super) fn place(text: &str) -> Option<i64> {
    let is_one = (1..=18).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_one)
}

/// How many rows a page has: as many as asked for, at most `most`.
pub(super) fn rows(asked: Option<u32>, usual: u32, most: u32) -> Result<u32, Problem> {
    let rows = asked.unwrap_or(usual);
    if (1..=most).contains(&rows) {
        return Ok(rows);
    }
    let why = format!("The limit is 1 to {most}.");
    Err(Problem::of(StatusCode::BAD_REQUEST, "bad_request", &why))
}

impl Window {
    /// How many rows to read: one more than is shown tells whether there are more.
    pub(super) fn rows(self) -> u32 {
        self.limit.saturating_add(1)
    }

    /// The rows to show, and the next page.
    pub(super) fn cut<T>(self, mut rows: Vec<(i64, T)>) -> (Vec<T>, Option<String>) {
        let more = rows.len() > self.limit as usize;
        rows.truncate(self.limit as usize);
        let next = rows.last().filter(|_| more).map(|(position, _)| position.to_string());
        (rows.into_iter().map(|(_, row)| row).collect(), next)
    }
}
