//! `tern contacts`, `tern block`: people behind numbers.

use serde_json::{Value, json};
use tern_engine::{
    EngineHandle,
    api::{Answer, Command, ContactCard, ContactId, ErrorCode, ErrorView, NumberCard, Query, Reply},
};

use crate::{
    account,
    args::{self, BlockCommand, ContactsCommand},
    exit::Exit,
    failure::Failure,
    report::Report,
    stop::Stop,
};

pub(crate) async fn run(args: args::Contacts, report: &Report, stop: &mut Stop) -> Result<Exit, Failure> {
    let (engine, _) = account::stored_engine(args.stored.data, &args.stored.history).await?;
    let command = args.command.unwrap_or(ContactsCommand::List);
    let ended = stop.or(act(&engine, command, report)).await;
    engine.shutdown().await;
    ended
}

/// Whose calls and SMS nobody wants to hear of.
pub(crate) async fn block(args: args::Block, report: &Report, stop: &mut Stop) -> Result<Exit, Failure> {
    let (engine, _) = account::stored_engine(args.stored.data, &args.stored.history).await?;
    let command = args.command.unwrap_or(BlockCommand::List);
    let ended = stop.or(act_on_blocks(&engine, command, report)).await;
    engine.shutdown().await;
    ended
}

async fn act(engine: &EngineHandle, command: ContactsCommand, report: &Report) -> Result<Exit, Failure> {
    match command {
        ContactsCommand::List => {
            let Answer::Contacts { contacts } = engine.query(Query::Contacts {}).await? else {
                return internal();
            };
            for contact in contacts {
                let numbers: Vec<_> = contact.numbers.iter().map(|number| &number.number).collect();
                let (id, name, note) = (contact.id.0, &contact.name, &contact.note);
                let line =
                    json!({ "event": "contact", "id": id, "name": name, "numbers": numbers, "note": note });
                report.line(&line)?;
            }
        }
        ContactsCommand::Add { name, number, note } => {
            let numbers = number.into_iter().map(|number| NumberCard { number, label: None }).collect();
            let card = ContactCard { name, note, numbers };
            let saved = engine.command(Command::SaveContact { contact: None, card }).await?;
            let Reply::ContactSaved { contact } = saved else { return internal() };
            report.line(&json!({ "event": "added", "id": contact.0 }))?;
        }
        ContactsCommand::Remove { id } => {
            engine.command(Command::RemoveContact { contact: ContactId(id) }).await?;
            report.line(&json!({ "event": "removed", "id": id }))?;
        }
        ContactsCommand::Import { file } => {
            let bytes = std::fs::read(&file).map_err(|error| {
                let sentence = format!("The vCard file {} can't be read.", file.display());
                Failure::machine("contactsUnreadable", sentence, error.to_string())
            })?;
            let vcards = String::from_utf8_lossy(&bytes).into_owned();
            let imported = engine.command(Command::ImportContacts { vcards }).await?;
            let Reply::ContactsImported { added, changed, same, refused, refused_lines } = imported else {
                return internal();
            };
            let line = json!({
                "event": "imported", "added": added, "changed": changed, "same": same, "refused": refused,
                "refusedLines": refused_lines,
            });
            report.line(&line)?;
        }
        ContactsCommand::Export { file } => {
            let answer = engine.query(Query::ExportContacts {}).await?;
            let Answer::ExportContacts { vcards } = answer else { return internal() };
            std::fs::write(&file, vcards).map_err(|error| {
                let sentence = format!("The vCard file {} can't be written.", file.display());
                Failure::machine("contactsUnwritable", sentence, error.to_string())
            })?;
            report.line(&json!({ "event": "exported", "file": file }))?;
        }
    }
    Ok(Exit::Done)
}

async fn act_on_blocks(
    engine: &EngineHandle,
    command: BlockCommand,
    report: &Report,
) -> Result<Exit, Failure> {
    let told = |event: &str, number: &str| -> Value { json!({ "event": event, "number": number }) };
    match command {
        BlockCommand::List => {
            let Answer::Blocked { blocked } = engine.query(Query::Blocked {}).await? else {
                return internal();
            };
            for blocked in blocked {
                let (number, spam, at) = (&blocked.number, blocked.spam, &blocked.at);
                report.line(&json!({ "event": "blocked", "number": number, "spam": spam, "at": at }))?;
            }
        }
        BlockCommand::Add { number, spam } => {
            engine.command(Command::BlockNumber { number: number.clone(), spam }).await?;
            report.line(&told("added", &number))?;
        }
        BlockCommand::Remove { number } => {
            engine.command(Command::UnblockNumber { number: number.clone() }).await?;
            report.line(&told("removed", &number))?;
        }
    }
    Ok(Exit::Done)
}

fn internal() -> Result<Exit, Failure> {
    Err(ErrorView::new(ErrorCode::Internal).into())
}
