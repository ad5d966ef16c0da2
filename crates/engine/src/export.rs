//! Everything kept, as a file for other programs: JSON, CSV or vCards, a row at a time, no secrets.
//!
//! The rows are read in pages over the window's connection, so that neither memory nor anybody's reading has to wait
//! for the end.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use serde::Serialize;
use serde_json::json;

use crate::{
    api::{ActivityItem, ActivityWhat, ErrorCode, ErrorView, ExportFormat, ExportView, Settings},
    contacts,
    record::{Blocked, Contact, DraftRow},
    storage,
    store::{Place, Reader, blocked, contact, draft, read, setting},
    vcard, views,
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

/// Writes everything to `path`, which must not be there yet unless it is to be replaced; answers with what it holds.
///
/// # Errors
/// [`ErrorCode::ExportFailed`] with the reason; what was written so far is removed, and a file that was there is as
/// it was.
pub(crate) async fn write(
    reader: &Reader,
    format: ExportFormat,
    path: &Path,
    replace: bool,
) -> Result<ExportView, ErrorView> {
    let mut file = Draft::new(path, replace)?;
    let rest = reader.read(|c| {
        let settings = setting::get(c)?;
        Ok(Rest { settings, people: contact::all(c)?, unwanted: blocked::all(c)?, drafts: draft::all(c)? })
    });
    let rest = rest.await.map_err(|e| storage::failed(&e))?;
    let contacts = count(rest.people.len());
    if format == ExportFormat::VCard {
        let cards: Vec<_> = rest.people.into_iter().map(|contact| contact.card).collect();
        file.put(&vcard::write(&cards))?;
        file.end(format)?;
        return Ok(ExportView { contacts, ..ExportView::default() });
    }
    let (drafts, blocked) = (count(rest.drafts.len()), count(rest.unwanted.len()));
    let mut rows = 0_u32;
    file.begin(format, rest)?;
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
    Ok(match format {
        ExportFormat::Json => ExportView { rows, contacts, blocked, drafts },
        ExportFormat::Csv | ExportFormat::VCard => ExportView { rows, drafts, ..ExportView::default() },
    })
}

/// What is kept beside the rows.
struct Rest {
    settings: Settings,
    people: Vec<Contact>,
    unwanted: Vec<Blocked>,
    drafts: Vec<DraftRow>,
}

/// A file that takes its name when it is complete.
struct Draft {
    out: Option<BufWriter<File>>,
    draft: PathBuf,
    path: PathBuf,
}

impl Draft {
    fn new(path: &Path, replace: bool) -> Result<Self, ErrorView> {
        if !replace && path.exists() {
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

    fn begin(&mut self, format: ExportFormat, rest: Rest) -> Result<(), ErrorView> {
        let Rest { settings, people, unwanted, drafts } = rest;
        if format == ExportFormat::Csv {
            self.put(&format!("\u{feff}{}\r\n", COLUMNS.join(",")))?;
            return drafts.iter().try_for_each(|draft| self.line(&draft_fields(draft)));
        }
        self.put("{\"settings\":")?;
        self.json(&settings)?;
        self.put(",\n\"contacts\":")?;
        self.json(&people.into_iter().map(contacts::view).collect::<Vec<_>>())?;
        self.put(",\n\"blocked\":")?;
        self.json(&unwanted.into_iter().map(contacts::blocked_view).collect::<Vec<_>>())?;
        self.put(",\n\"drafts\":")?;
        let drafts = drafts.iter().map(|DraftRow { account, number, peer, text }| {
            json!({ "account": account, "number": number, "peer": peer, "text": text })
        });
        self.json(&drafts.collect::<Vec<_>>())?;
        self.put(",\n\"activity\":[")
    }

    fn row(&mut self, format: ExportFormat, first: bool, item: &ActivityItem) -> Result<(), ErrorView> {
        match format {
            ExportFormat::Json => {
                self.put(if first { "\n" } else { ",\n" })?;
                self.json(item)
            }
            ExportFormat::Csv => self.line(&fields(item)),
            ExportFormat::VCard => Ok(()),
        }
    }

    fn line(&mut self, fields: &[String]) -> Result<(), ErrorView> {
        let fields: Vec<String> = fields.iter().map(|field| cell(field)).collect();
        self.put(&format!("{}\r\n", fields.join(",")))
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

/// A draft has no time yet.
fn draft_fields(draft: &DraftRow) -> [String; COLUMNS.len()] {
    let mut fields = <[String; COLUMNS.len()]>::default();
    let DraftRow { account, number, peer, text } = draft;
    for (name, value) in [
        ("account", account.to_string()),
        ("kind", "draft".to_owned()),
        ("number", number.clone()),
        ("peer", peer.clone()),
        ("direction", "outgoing".to_owned()),
        ("text", text.clone()),
    ] {
        let place = COLUMNS.iter().position(|column| *column == name);
        if let Some(field) = place.and_then(|place| fields.get_mut(place)) {
            *field = value;
        }
    }
    fields
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
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
    use jiff::Timestamp;

    use super::*;
    use crate::store::Store;

    async fn exported(reader: &Reader, format: ExportFormat, name: &str) -> (ExportView, String) {
        let path = std::env::temp_dir().join(format!("tern-export-{name}-{}", std::process::id()));
        std::fs::write(&path, "before").unwrap();
        assert_eq!(
            write(reader, format, &path, false).await.unwrap_err().code,
            ErrorCode::ExportFailed,
            "a file that is there is nobody's to replace unasked"
        );
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "before");
        let written = write(reader, format, &path, true).await.unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        (written, text)
    }

    #[tokio::test]
    async fn what_was_typed_here_is_in_it_and_each_export_says_what_it_holds() {
        let (store, _) = Store::open(None, Timestamp::UNIX_EPOCH).unwrap();
        let reader = store.reader();
        let filled = reader.read(|c| {
            Ok(c.execute_batch(
                "INSERT INTO account (id, name, user, domain, sandbox, secret_name)
                     VALUES (1, 'Home', 'alice', 'sip.example', 0, 'key-of-the-password');
                 INSERT INTO thread (id, account, number, peer) VALUES (5, 1, '+4930901820', '+442079460123');
                 INSERT INTO draft (thread, text) VALUES (5, 'half a, thought');
                 INSERT INTO contact (id, uid, name, note, folded) VALUES (1, 'u1', 'Zoë', '', 'zoe');
                 INSERT INTO contact_number (number, contact, label) VALUES ('+442079460123', 1, 'cell');
                 INSERT INTO blocked (number, spam, at) VALUES ('+15550100', 1, 0);
                 INSERT INTO setting (name, value) VALUES ('settings', '{\"language\":\"fr\"}');",
            )?)
        });
        filled.await.unwrap();

        let (written, text) = exported(&reader, ExportFormat::Json, "json").await;
        assert_eq!(written, ExportView { rows: 0, contacts: 1, blocked: 1, drafts: 1 });
        let whole: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(whole["settings"]["language"], "fr");
        assert_eq!(
            whole["drafts"],
            json!([{ "account": 1, "number": "+4930901820", "peer": "+442079460123", "text": "half a, thought" }])
        );
        assert_eq!(
            (&whole["contacts"][0]["name"], &whole["blocked"][0]["spam"]),
            (&json!("Zoë"), &json!(true))
        );
        assert!(!text.contains("key-of-the-password"), "{text}");

        let (written, text) = exported(&reader, ExportFormat::Csv, "csv").await;
        assert_eq!(written, ExportView { drafts: 1, ..ExportView::default() });
        let lines: Vec<&str> = text.trim_start_matches('\u{feff}').split_terminator("\r\n").collect();
        assert_eq!(
            lines,
            [
                COLUMNS.join(",").as_str(),
                ",1,draft,+4930901820,+442079460123,,outgoing,,,\"half a, thought\",,,,"
            ]
        );

        let (written, text) = exported(&reader, ExportFormat::VCard, "vcf").await;
        assert_eq!(written, ExportView { contacts: 1, ..ExportView::default() });
        assert!(text.starts_with("BEGIN:VCARD\r\n") && text.contains("FN:Zoë\r\n"), "{text}");
        store.close();
    }

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
