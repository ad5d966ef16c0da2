//! What costs money is said first, and done when somebody agrees.

use std::io::{IsTerminal, Write};

use tern_engine::api::MoneyView;

use crate::{failure::Failure, report::Report};

/// Says what it costs, and asks at the terminal unless it was agreed to beforehand.
///
/// # Errors
/// `notConfirmed` when nobody agrees, or there is no terminal to ask at.
pub(super) async fn agree(report: &Report, what: &str, costs: &str, yes: bool) -> Result<(), Failure> {
    report.say(format!("{what}: {costs}."));
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        return Err(Failure::usage(
            "notConfirmed",
            "Nothing was done, because nobody agreed to the price. Add --yes to agree to it.",
        ));
    }
    let answer = tokio::task::spawn_blocking(|| {
        let mut answer = String::new();
        let _ = write!(std::io::stderr(), "Go on? [y/N] ");
        let _ = std::io::stdin().read_line(&mut answer);
        answer
    });
    match answer.await.unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Failure::usage("notConfirmed", "Nothing was done.")),
    }
}

/// An amount for people.
pub(super) fn price(money: Option<&MoneyView>) -> String {
    money.map_or_else(|| "a price that is not known".to_owned(), |m| format!("{} {}", m.amount, m.currency))
}
