//! A provider's own limit on how often it may be asked, kept on this side so that it is never run into.

use std::{collections::VecDeque, time::Duration};

use tokio::{sync::Mutex, time::Instant};

/// At most so many requests in any window of so long.
pub(crate) struct Pace {
    most: usize,
    window: Duration,
    /// When the latest ones left, oldest first; at most `most`.
    left: Mutex<VecDeque<Instant>>,
}

impl Pace {
    pub(crate) fn new(most: usize, window: Duration) -> Self {
        Self { most: most.max(1), window, left: Mutex::default() }
    }

    /// Waits until another request may leave. Who waits keeps their place.
    pub(crate) async fn turn(&self) {
        let mut left = self.left.lock().await;
        if left.len() >= self.most
            && let Some(oldest) = left.pop_front()
        {
            tokio::time::sleep_until(oldest.checked_add(self.window).unwrap_or(oldest)).await;
        }
        left.push_back(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn no_window_holds_more_than_allowed() {
        let pace = Pace::new(3, Duration::from_secs(60));
        let start = Instant::now();
        let mut times = Vec::new();
        for _ in 0..7 {
            pace.turn().await;
            times.push(start.elapsed().as_secs());
        }
        assert_eq!(times, [0, 0, 0, 60, 60, 60, 120]);
    }
}
