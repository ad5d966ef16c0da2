//! Which packets came already: the replay list of RFC 3711 3.3.2, and the index a sequence number stands for.

/// Packets looked back on; RFC 3711 3.3.2 asks for 64.
pub(super) const WINDOW: u64 = 128;
/// An index has 48 bits: 32 of the roll-over counter, 16 of the sequence number.
pub(super) const LAST_INDEX: u64 = (1 << 48) - 1;

/// The packets of one source that were taken.
#[derive(Debug, Clone, Default)]
pub(super) struct Window {
    /// The highest index taken; `None` before the first.
    highest: Option<u64>,
    /// Bit `n`: the packet `n` below the highest was taken.
    taken: u128,
}

/// Why a packet isn't taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    Replayed,
    TooOld,
}

impl Window {
    /// The index of a sequence number, guessed as RFC 3711 3.3.1 and appendix A do: the nearest one to the highest.
    pub(super) fn index(&self, sequence: u16) -> u64 {
        let Some(highest) = self.highest else { return u64::from(sequence) };
        let rollover = highest >> 16;
        let guess = rollover << 16 | u64::from(sequence);
        let half = 1 << 15;
        if guess > highest.saturating_add(half) && rollover > 0 {
            guess.saturating_sub(1 << 16)
        } else if guess.saturating_add(half) < highest {
            guess.saturating_add(1 << 16)
        } else {
            guess
        }
    }

    /// Whether nothing was taken yet.
    pub(super) fn is_new(&self) -> bool {
        self.highest.is_none()
    }

    /// Whether a packet may still be taken. Says nothing of who sent it.
    pub(super) fn check(&self, index: u64) -> Result<(), Seen> {
        let Some(highest) = self.highest else { return Ok(()) };
        match highest.checked_sub(index) {
            None => Ok(()),
            Some(behind) if behind >= WINDOW => Err(Seen::TooOld),
            Some(behind) if self.taken >> behind & 1 == 1 => Err(Seen::Replayed),
            Some(_) => Ok(()),
        }
    }

    /// Takes it: only once it is proven to be the other side's.
    pub(super) fn take(&mut self, index: u64) {
        let Some(highest) = self.highest else {
            (self.highest, self.taken) = (Some(index), 1);
            return;
        };
        match index.checked_sub(highest) {
            Some(ahead) => {
                let shift = u32::try_from(ahead).unwrap_or(u32::MAX);
                self.taken = self.taken.checked_shl(shift).unwrap_or(0) | 1;
                self.highest = Some(index);
            }
            None => {
                let behind = u32::try_from(highest.saturating_sub(index)).unwrap_or(u32::MAX);
                self.taken |= 1u128.checked_shl(behind).unwrap_or(0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(highest: u64) -> Window {
        Window { highest: Some(highest), taken: 1 }
    }

    #[test]
    fn the_nearest_index_is_meant() {
        assert_eq!(Window::default().index(65_535), 65_535);
        assert_eq!(at(65_535).index(0), 65_536);
        assert_eq!(at(65_536).index(65_535), 65_535);
        assert_eq!(at(3 << 16).index(40_000), (2 << 16) + 40_000);
        assert_eq!(at((3 << 16) + 65_000).index(10), (4 << 16) + 10);
        assert_eq!(at((3 << 16) + 30_000).index(40_000), (3 << 16) + 40_000);
        // There is nothing before the first round.
        assert_eq!(at(10).index(65_000), 65_000);
    }

    #[test]
    fn nothing_is_taken_twice_and_nothing_too_late() {
        let mut window = Window::default();
        for index in [200, 199, 203, 75 + 1] {
            assert_eq!(window.check(index), Ok(()), "{index}");
            window.take(index);
            assert_eq!(window.check(index), Err(Seen::Replayed), "{index}");
        }
        assert_eq!((window.check(202), window.check(75)), (Ok(()), Err(Seen::TooOld)));
        window.take(203 + WINDOW);
        assert_eq!((window.check(203), window.check(204)), (Err(Seen::TooOld), Ok(())));
        window.take(1 << 40);
        assert_eq!(window.check(1 << 40), Err(Seen::Replayed));
        assert_eq!(window.check((1 << 40) - 1), Ok(()));
    }
}
