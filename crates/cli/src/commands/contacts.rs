//! `tern contacts`, `tern block`: people behind numbers.

use std::io::IsTerminal;

use serde_json::{Value, json};
use tern_engine::{
    EngineHandle,
    api::{
        AddressBookId, Answer, Command, ContactCard, ContactId, ErrorCode, ErrorView, NumberCard, Query,
        Reply, Secret,
    },
};

use crate::{
    account,
    args::{self, BlockCommand, CarddavCommand, ContactsCommand},
    exit::Exit,
    failure::{Failure, word},
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
                let favourite = contact.favourite;
                let line = json!({ "event": "contact", "id": id, "name": name, "numbers": numbers, "note": note,
                    "favourite": favourite });
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
        ContactsCommand::Favourite { id, switch } => {
            let favourite = switch == args::Switch::On;
            engine.command(Command::MarkFavourite { contact: ContactId(id), favourite }).await?;
            report.line(&json!({ "event": "favourite", "id": id, "favourite": favourite }))?;
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
        ContactsCommand::Carddav { command } => {
            return carddav(engine, command.unwrap_or(CarddavCommand::List), report).await;
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

async fn carddav(engine: &EngineHandle, command: CarddavCommand, report: &Report) -> Result<Exit, Failure> {
    match command {
        CarddavCommand::List => {
            let Answer::AddressBooks { books } = engine.query(Query::AddressBooks {}).await? else {
                return internal();
            };
            for book in books {
                let (id, name, url) = (book.id.0, &book.name, &book.url);
                let line = json!({ "event": "addressBook", "id": id, "name": name, "url": url, "user": book.user,
                    "synced_at": book.synced_at });
                report.line(&line)?;
            }
            Ok(Exit::Done)
        }
        CarddavCommand::Add { url, user, password_env } => {
            let password = match password_env {
                Some(variable) => account::password(&variable)?,
                None => typed()?,
            };
            synced(engine.command(Command::AddAddressBook { url, user, password }).await?, report)
        }
        CarddavCommand::Sync { password_env } => {
            let password = password_env.as_deref().map(account::password).transpose()?;
            synced(engine.command(Command::SyncAddressBooks { password }).await?, report)
        }
        CarddavCommand::Remove { id } => {
            engine.command(Command::RemoveAddressBook { book: AddressBookId(id) }).await?;
            report.line(&json!({ "event": "removed", "id": id }))?;
            Ok(Exit::Done)
        }
    }
}

/// Tells each address book; the last one that could not be read says how it ends.
fn synced(reply: Reply, report: &Report) -> Result<Exit, Failure> {
    let Reply::AddressBooksSynced { books } = reply else { return internal() };
    let mut ended = Ok(Exit::Done);
    for book in books {
        let (id, name, error) = (book.book.0, &book.name, book.error.as_ref().map(|error| word(&error.code)));
        report.line(&json!({ "event": "synced", "id": id, "name": name, "added": book.added,
            "changed": book.changed, "removed": book.removed, "error": error }))?;
        if let Some(error) = book.error {
            ended = Err(error.into());
        }
    }
    ended
}

fn typed() -> Result<Secret, Failure> {
    let typed =
        std::io::stdin().is_terminal().then(|| rpassword::prompt_password("Password: ").ok()).flatten();
    let missing = || Failure::usage("passwordMissing", "No password was given: --password-env VAR.");
    typed.filter(|typed| !typed.is_empty()).map(Secret).ok_or_else(missing)
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
