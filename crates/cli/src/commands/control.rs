//! Commands about a running call, a line each on standard input (`--control`).
//!
//! Reading stands on a thread of its own: a terminal that nobody types at must not keep the command from ending.

use std::io::BufRead;

use tern_engine::api::{CallId, Command, ErrorView};
use tokio::sync::mpsc;

use crate::account::Session;

/// Lines that may wait.
const LINES: usize = 16;
/// Longest line read, bytes.
const LONGEST: usize = 512;

/// What somebody types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Word {
    Hold(bool),
    Mute(bool),
    Digits(String),
    Transfer(String),
    Redirect(u32),
    AnswerTransfer(bool),
    HangUp,
}

/// Where the lines come from; nowhere without `--control`.
pub(super) struct Control {
    lines: Option<mpsc::Receiver<String>>,
}

impl Control {
    /// Starts to read, if asked for.
    pub(super) fn new(wanted: bool) -> Self {
        if !wanted {
            return Self { lines: None };
        }
        let (tell, lines) = mpsc::channel(LINES);
        // Ends with the process: nothing can take a thread away from a read.
        std::thread::spawn(move || {
            for line in std::io::stdin().lock().lines() {
                let Ok(line) = line else { return };
                if line.len() <= LONGEST && tell.blocking_send(line).is_err() {
                    return;
                }
            }
        });
        Self { lines: Some(lines) }
    }

    /// The next word, or the line that is none. Never returns once the input has ended: the call goes on.
    pub(super) async fn next(&mut self) -> Result<Word, String> {
        loop {
            let Some(lines) = &mut self.lines else { return std::future::pending().await };
            match lines.recv().await {
                Some(line) if line.trim().is_empty() => {}
                Some(line) => return word(&line).ok_or(line),
                None => self.lines = None,
            }
        }
    }
}

/// Reads a line.
fn word(line: &str) -> Option<Word> {
    let line = line.trim();
    let (verb, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let rest = rest.trim();
    Some(match (verb, rest.is_empty()) {
        ("hold", true) => Word::Hold(true),
        ("resume", true) => Word::Hold(false),
        ("mute", true) => Word::Mute(true),
        ("unmute", true) => Word::Mute(false),
        ("hangup", true) => Word::HangUp,
        ("accept-transfer", true) => Word::AnswerTransfer(true),
        ("reject-transfer", true) => Word::AnswerTransfer(false),
        ("digits", false) => Word::Digits(rest.split_whitespace().collect()),
        ("transfer", false) => Word::Transfer(rest.to_owned()),
        ("redirect", false) => Word::Redirect(rest.parse().ok()?),
        _ => return None,
    })
}

/// Does what was typed.
pub(super) async fn obey(session: &Session, call: &CallId, word: Word) -> Result<(), ErrorView> {
    let call = call.clone();
    let commands = match word {
        Word::Hold(held) => vec![Command::HoldCall { call, held }],
        Word::Mute(muted) => vec![Command::MuteCall { call, muted }],
        Word::Transfer(target) => vec![Command::TransferCall { call, target }],
        Word::Redirect(target) => vec![Command::FollowRedirect { call, target }],
        Word::AnswerTransfer(accept) => vec![Command::AnswerTransfer { call, accept }],
        Word::HangUp => vec![Command::HangUpCall { call }],
        Word::Digits(digits) => {
            digits.chars().map(|digit| Command::SendDigit { call: call.clone(), digit }).collect()
        }
    };
    for command in commands {
        session.engine.command(command).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_word_of_a_few() {
        let check = |line, expect| assert_eq!(word(line), expect, "{line}");
        check("hold", Some(Word::Hold(true)));
        check("  resume ", Some(Word::Hold(false)));
        check("digits 12 3#", Some(Word::Digits("123#".into())));
        check("transfer +44 20 7946 0123", Some(Word::Transfer("+44 20 7946 0123".into())));
        check("transfer", None);
        check("hold it", None);
        check("shout", None);
        check("", None);
    }
}
