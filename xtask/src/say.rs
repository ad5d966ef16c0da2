//! What a person sees: headings, notes and errors on stderr, so that stdout stays the programs' own.

use std::io::IsTerminal;
use std::path::Path;

/// A step begins.
pub fn step(text: &str) {
    paint("1;36", "==>", text);
}

/// Something worth knowing about the step at hand.
pub fn note(text: &str) {
    eprintln!("    {text}");
}

/// Something is finished.
pub fn done(text: &str) {
    paint("1;32", "==>", text);
}

/// Something went wrong.
pub fn error(text: &str) {
    paint("1;31", "error:", text);
}

/// A command, about as it would be typed.
pub fn command(command: &std::process::Command) {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    let words = std::iter::once(program).chain(command.get_args());
    note(&format!("$ {}", words.map(|w| w.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")));
}

fn paint(colour: &str, mark: &str, text: &str) {
    if std::io::stderr().is_terminal() {
        eprintln!("\x1b[{colour}m{mark}\x1b[0m \x1b[1m{text}\x1b[0m");
    } else {
        eprintln!("{mark} {text}");
    }
}
