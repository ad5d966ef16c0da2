//! The two outputs: JSON lines on standard output, sentences on standard error.

use std::io::{self, ErrorKind, Write};

use serde_json::Value;
use tern_engine::{
    api::{ErrorView, Language},
    texts::Texts,
};

use crate::{exit::Exit, failure::Failure};

/// Where a command tells what happens.
pub(crate) struct Report;

impl Report {
    pub(crate) fn new() -> Self {
        Self
    }

    /// One line on standard output, written out at once: whoever reads may be waiting for it.
    ///
    /// # Errors
    /// [`Failure::PipeGone`] when nobody reads any more.
    pub(crate) fn line(&self, value: &Value) -> Result<(), Failure> {
        write_line(&mut io::stdout().lock(), value)
    }

    /// A sentence on standard error. That nobody reads it is nobody's problem.
    pub(crate) fn say(&self, sentence: impl AsRef<str>) {
        let _ = writeln!(io::stderr().lock(), "tern: {}", sentence.as_ref());
    }

    /// Says that what follows may be old, and why.
    pub(crate) fn stale(&self, error: &ErrorView) {
        self.say(Texts::new(Language::System).error(error.code));
    }

    /// Tells a failure on both outputs, and how to end.
    pub(crate) fn failure(&self, failure: &Failure) -> Exit {
        match failure {
            Failure::Told(told) => {
                self.say(match &told.detail {
                    Some(detail) => format!("{} ({})", told.sentence, plain(detail)),
                    None => told.sentence.clone(),
                });
                let _ = self.line(&told.line());
                told.exit
            }
            Failure::PipeGone => Exit::Done,
            Failure::Interrupted => Exit::Interrupted,
        }
    }
}

/// Without control characters: details come from outside, and a terminal obeys some of them.
pub(crate) fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

fn write_line(out: &mut impl Write, value: &Value) -> Result<(), Failure> {
    let written = writeln!(out, "{}", text(value)).and_then(|()| out.flush());
    written.map_err(|error| match error.kind() {
        ErrorKind::BrokenPipe => Failure::PipeGone,
        _ => Failure::machine("outputFailed", "Standard output can't be written.", error.to_string()),
    })
}

/// The object with its `event` first, where a person looks for it.
fn text(value: &Value) -> String {
    let Some((fields, event)) = value.as_object().and_then(|fields| Some((fields, fields.get("event")?)))
    else {
        return value.to_string();
    };
    let rest = fields.iter().filter(|(name, _)| *name != "event");
    let rest: String = rest.map(|(name, value)| format!(",{}:{value}", Value::from(name.as_str()))).collect();
    format!("{{\"event\":{event}{rest}}}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    struct Refuses(ErrorKind);

    impl Write for Refuses {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_is_one_object_and_a_newline() {
        let mut out = Vec::new();
        write_line(&mut out, &json!({"event": "call", "call": 1, "peer": "two\nlines"})).unwrap();
        assert_eq!(out, b"{\"event\":\"call\",\"call\":1,\"peer\":\"two\\nlines\"}\n");
    }

    #[test]
    fn a_reader_that_left_ends_it_quietly_and_a_full_disk_does_not() {
        let gone = write_line(&mut Refuses(ErrorKind::BrokenPipe), &json!({}));
        assert!(matches!(gone, Err(Failure::PipeGone)));
        assert_eq!(Report::new().failure(&Failure::PipeGone), Exit::Done);
        let full = write_line(&mut Refuses(ErrorKind::StorageFull), &json!({}));
        assert!(matches!(full, Err(Failure::Told(told)) if told.exit == Exit::Machine));
    }

    #[test]
    fn what_comes_from_outside_cannot_command_the_terminal() {
        assert_eq!(plain("486 \u{1b}[2JBusy\r\n"), "486 [2JBusy");
    }
}
