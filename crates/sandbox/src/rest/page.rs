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
    limit: Option<u32>,
    /// `next_page` of the page before.
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
            Some(page) => page.parse().map_err(|_| {
                Problem::of(StatusCode::BAD_REQUEST, "bad_page", "This is not a page of this list.")
            })?,
        };
        Ok(Window { before, limit: self.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT) })
    }
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
