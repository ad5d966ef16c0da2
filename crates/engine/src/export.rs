//! Everything kept, as a file for other programs: JSON or CSV, a row at a time, no secrets.
//!
//! The rows are read in pages over the window's connection, so that neither memory nor anybody's reading has to wait
//! for the end.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use serde::Serialize;

use crate::{
    api::{ActivityItem, ActivityWhat, BlockedView, ContactView, ErrorCode, ErrorView, ExportFormat},
    contacts, storage,
    store::{Place, Reader, blocked, contact, read},
    views,
};

/// Rows read at once.
const PAGE: u32 = 200;
/// Columns of the CSV file.
const COLUMNS: [&str; 14] = [
    "time",
    "account",
    "kind",
    "number",
    "peer",
    "name",
    "direction",
    "state",
    "seconds",
    "text",
    "amount",
    "currency",
    "recording",
    "unread",
];

/// Writes everything to `path`, which must not be there yet; answers with the number of rows.
///
/// # Errors
/// [`ErrorCode::ExportFailed`] with the reason; what was written so far is removed.
pub(crate) async fn write(reader: &Reader, format: ExportFormat, path: &Path) -> Result<u32, ErrorView> {
    let mut file = Draft::new(path)?;
    let (people, unwanted) =
        reader.read(|c| Ok((contact::all(c)?, blocked::all(c)?))).await.map_err(|e| storage::failed(&e))?;
    let people: Vec<_> = people.into_iter().map(contacts::view).collect();
    let unwanted: Vec<_> = unwanted.into_iter().map(contacts::blocked_view).collect();
    let mut rows = 0_u32;
    file.begin(format, &people, &unwanted)?;
    let mut before: Option<Place> = None;
    loop {
        let page = reader.read(move |c| read::everything(c, before, PAGE)).await;
        let page = page.map_err(|e| storage::failed(&e))?;
        for row in &page.rows {
            file.row(format, rows == 0, &views::item(row))?;
            rows = rows.saturating_add(1);
        }
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    file.end(format)?;
    Ok(rows)
}

/// A file that takes its name when it is complete.
struct Draft {
    out: Option<BufWriter<File>>,
    draft: PathBuf,
    path: PathBuf,
}

impl Draft {
    fn new(path: &Path) -> Result<Self, ErrorView> {
        if path.exists() {
            return Err(failed("the file is there already"));
        }
        let mut draft = path.as_os_str().to_owned();
        draft.push(".part");
        let draft = PathBuf::from(draft);
        let mut options = File::options();
        options.write(true).create(true).truncate(true);
        // Nobody else's to read.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&draft).map_err(failed)?;
        Ok(Self { out: Some(BufWriter::new(file)), draft, path: path.to_owned() })
    }

    fn begin(
        &mut self,
        format: ExportFormat,
        people: &[ContactView],
        unwanted: &[BlockedView],
    ) -> Result<(), ErrorView> {
        match format {
            ExportFormat::Json => {
                self.put("{\"contacts\":")?;
                self.json(&people)?;
                self.put(",\n\"blocked\":")?;
                self.json(&unwanted)?;
                self.put(",\n\"activity\":[")
            }
            ExportFormat::Csv => self.put(&format!("\u{feff}{}\r\n", COLUMNS.join(","))),
        }
    }

    fn row(&mut self, format: ExportFormat, first: bool, item: &ActivityItem) -> Result<(), ErrorView> {
        match format {
            ExportFormat::Json => {
                self.put(if first { "\n" } else { ",\n" })?;
                self.json(item)
            }
            ExportFormat::Csv => {
                let fields: Vec<String> = fields(item).iter().map(|field| cell(field)).collect();
                self.put(&format!("{}\r\n", fields.join(",")))
            }
        }
    }

    fn end(mut self, format: ExportFormat) -> Result<(), ErrorView> {
        if format == ExportFormat::Json {
            self.put("\n]}\n")?;
        }
        let Some(out) = self.out.take() else { return Ok(()) };
        let file = out.into_inner().map_err(|error| failed(error.into_error()))?;
        file.sync_all().map_err(failed)?;
        std::fs::rename(&self.draft, &self.path).map_err(failed)
    }

    fn put(&mut self, text: &str) -> Result<(), ErrorView> {
        let Some(out) = &mut self.out else { return Ok(()) };
        out.write_all(text.as_bytes()).map_err(failed)
    }

    fn json(&mut self, value: &impl Serialize) -> Result<(), ErrorView> {
        let Some(out) = &mut self.out else { return Ok(()) };
        serde_json::to_writer(out, value).map_err(failed)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Gone already where it was completed.
        let _ = std::fs::remove_file(&self.draft);
    }
}

fn fields(item: &ActivityItem) -> [String; COLUMNS.len()] {
    let (kind, direction, state, seconds, text, money) = match &item.what {
        ActivityWhat::Message { message: m } => (
            "message",
            if m.incoming { "incoming" } else { "outgoing" }.to_owned(),
            word(&m.state),
            String::new(),
            m.text.clone(),
            m.price.as_ref().map(|p| (p.amount.clone(), p.currency.clone())),
        ),
        ActivityWhat::Call { direction, outcome, duration_seconds, price } => (
            "call",
            word(direction),
            word(outcome),
            duration_seconds.to_string(),
            String::new(),
            price.as_ref().map(|p| (p.amount.clone(), p.currency.clone())),
        ),
        ActivityWhat::Transaction { transaction: t } => (
            "transaction",
            String::new(),
            word(&t.kind),
            String::new(),
            t.description.clone(),
            Some((t.amount.amount.clone(), t.amount.currency.clone())),
        ),
        ActivityWhat::Gap { since } => {
            ("gap", String::new(), String::new(), String::new(), format!("since {since}"), None)
        }
    };
    let (amount, currency) = money.unwrap_or_default();
    [
        item.at.clone(),
        item.account.to_string(),
        kind.to_owned(),
        item.number.clone(),
        item.peer.clone(),
        item.peer_name.clone(),
        direction,
        state,
        seconds,
        text,
        amount,
        currency,
        item.recording.clone().unwrap_or_default(),
        item.unread.to_string(),
    ]
}

/// A field by RFC 4180 section 2, and none that a spreadsheet takes for a formula: texts come from anybody.
fn cell(field: &str) -> String {
    let mut text = String::with_capacity(field.len().saturating_add(2));
    let first = field.trim_start().chars().next();
    let is_formula = matches!(first, Some('=' | '+' | '-' | '@')) || field.starts_with(['\t', '\r', '\n']);
    // Telephone numbers and amounts begin so and are no formulas.
    let is_figure = field.chars().skip(1).all(|c| c.is_ascii_digit() || c == '.')
        && field.chars().nth(1).is_some_and(|c| c.is_ascii_digit())
        && field.starts_with(['+', '-']);
    if is_formula && !is_figure {
        text.push('\'');
    }
    text.push_str(field);
    if text.contains([',', '"', '\n', '\r', ';', '\'']) || text.starts_with(' ') {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text
}

fn failed(error: impl ToString) -> ErrorView {
    ErrorView::with_detail(ErrorCode::ExportFailed, error.to_string())
}

/// An enumeration's own spelling in JSON.
fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_field_is_a_formula_and_each_is_one_field() {
        let check = |field: &str, expect: &str| assert_eq!(cell(field), expect);
        check("plain", "plain");
        check("a,b", "\"a,b\"");
        check("say \"hi\"\r\nbye", "\"say \"\"hi\"\"\r\nbye\"");
        check("+442079460123", "+442079460123");
        check("-0.05", "-0.05");
        check("=HYPERLINK(\"x\")", "\"'=HYPERLINK(\"\"x\"\")\"");
        check("@SUM(A1)", "\"'@SUM(A1)\"");
        check("+1+cmd|' /C calc'!A0", "\"'+1+cmd|' /C calc'!A0\"");
        check(" =1", "\"' =1\"");
        check("\t=1", "\"'\t=1\"");
        check("-2-3", "\"'-2-3\"");
    }
}
