//! Precedence over what else the machine does: sound that comes too late because somebody compiles says nothing
//! about a phone.
//!
//! Linux shares processors between sessions first, and a process' own nice value counts only within its session. So
//! the whole session gets precedence, and gives it back at the end.

const SESSION: &str = "/proc/self/autogroup";
const FIRST: &str = "-20";

/// Precedence of this session for as long as it is held.
#[derive(Debug)]
pub(crate) struct Precedence {
    before: Option<String>,
}

impl Precedence {
    /// Takes it, where the kernel shares between sessions and lets us.
    pub(crate) fn take() -> Self {
        let before = std::fs::read_to_string(SESSION).ok();
        let before = before.and_then(|text| Some(text.rsplit_once(' ')?.1.trim().to_owned()));
        let taken = before.is_some() && std::fs::write(SESSION, FIRST).is_ok();
        if !taken {
            eprintln!("this session gets no precedence: let nothing else run on this machine");
        }
        Self { before: before.filter(|_| taken) }
    }
}

impl Drop for Precedence {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            let _ = std::fs::write(SESSION, before);
        }
    }
}
