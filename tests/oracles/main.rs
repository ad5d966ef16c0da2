//! The adapters of real providers against programs that are not ours: `emulate` plays Twilio with a memory, and Prism
//! answers as the providers' official descriptions say and refuses what they don't allow.
//!
//! Both are Node programs beside this file, fetched by `cargo xtask setup --tests`. Each test starts what it needs on
//! a port that was free. Between adapter and program stands a [`relay`] that keeps what was said.

#![cfg(unix)]

mod description;
mod emulated;
mod programs;
mod relay;
mod scene;
mod telnyx;
mod twilio;

use tern_provider::{Provider, ProviderError, types::*};

/// Turns every page of the past.
async fn past(provider: &dyn Provider) -> Result<(Vec<ActivityObject>, Cursor, usize), ProviderError> {
    let (mut page, mut objects, mut pages) = (None, Vec::new(), 0);
    loop {
        let read = provider.snapshot(page, 100).await?;
        objects.extend(read.objects);
        pages += 1;
        assert!(pages < 1000, "the past never ends");
        page = read.next_page;
        if page.is_none() {
            return Ok((objects, read.cursor, pages));
        }
    }
}

/// Reads changes until there are none, and moves the cursor on.
async fn news(provider: &dyn Provider, cursor: &mut Cursor) -> Result<Vec<ActivityObject>, ProviderError> {
    let mut objects = Vec::new();
    loop {
        let read = provider.changes(cursor, 50).await?;
        objects.extend(read.changes.into_iter().filter_map(|change| match change {
            Change::Upsert(object) => Some(object),
            Change::Delete { .. } => None,
        }));
        *cursor = read.next;
        if !read.has_more {
            return Ok(objects);
        }
    }
}

/// The messages among rows.
fn messages(objects: &[ActivityObject]) -> Vec<&Message> {
    objects.iter().filter_map(|o| if let ActivityObject::Message(m) = o { Some(m) } else { None }).collect()
}

/// The calls among rows.
fn calls(objects: &[ActivityObject]) -> Vec<&CallRecord> {
    objects.iter().filter_map(|o| if let ActivityObject::Call(c) = o { Some(c) } else { None }).collect()
}

fn outgoing(from: &str, to: &str, text: &str) -> OutgoingMessage {
    OutgoingMessage { from: from.into(), to: to.into(), text: text.into() }
}

fn key(name: &str) -> IdempotencyKey {
    IdempotencyKey(name.into())
}
