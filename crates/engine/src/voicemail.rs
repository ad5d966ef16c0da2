//! Voicemail: what waits on the server's answering machine, as far as it tells (RFC 3842); and which call left which
//! message, as far as the provider has a list.
//!
//! A server that tells nobody refuses the subscription, and the account simply has no voicemail to show.

use std::{
    collections::BTreeSet,
    io::Write as _,
    path::{Path, PathBuf},
};

use jiff::{SignedDuration, Timestamp};
use tern_provider::types::{File, VoicemailMessage};
use tern_sip::{
    SubscriptionConfig,
    message_waiting::{MessageClass, Summary, Waiting},
    wire::{Host, SipUri, Uri},
};

use crate::{
    api::{AccountId, ErrorCode, ErrorView, VoiceMessageView, VoicemailView},
    core::State,
    merging, phone,
    record::{Contact, RowId},
};

impl State {
    /// Asks the account's server to tell, once it takes us in.
    pub(crate) fn watch_voicemail(&mut self, id: &AccountId) {
        let now = self.now.instant;
        let Some(account) = self.accounts.get_mut(id).filter(|a| !a.profile.sandbox) else { return };
        let Ok(host) = Host::parse(&account.profile.domain) else { return };
        let mailbox = Uri::Sip(SipUri::new(Some(&account.profile.user), host, None));
        let Some(up) = account.line.up() else { return };
        let (Some(registration), false) = (up.registration(), up.mailbox_watched) else { return };
        up.mailbox_watched = true;
        let config = SubscriptionConfig::message_waiting(registration, mailbox);
        if let Err(error) = up.endpoint.subscribe(now, config) {
            tracing::debug!(%error, "voicemail is not asked for");
        }
    }

    pub(crate) fn messages_wait(&mut self, id: &AccountId, summary: &Summary) {
        let Some(account) = self.accounts.get_mut(id) else { return };
        let view = view(summary);
        if account.voicemail.as_ref() != Some(&view) {
            account.voicemail = Some(view);
            self.account_changed(id);
        }
    }
}

/// How long after its call began a message may be dated, beside its own length: ringing, the greeting, and clocks that
/// differ.
const LATEST: i64 = 120 + 90 + CLOCKS;
/// How far the clocks of log and machine may be apart, seconds.
const CLOCKS: i64 = 120;
/// What a message's sound can be.
const KINDS: [&str; 2] = ["wav", "ogg"];
/// The longest message whose length is believed, seconds.
const LONGEST: u32 = 1800;

/// An incoming call as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Incoming {
    pub(crate) id: RowId,
    pub(crate) number: String,
    pub(crate) peer: String,
    pub(crate) at: Timestamp,
}

/// Before this no call left a message of that time.
pub(crate) fn earliest_call(message: Timestamp) -> Timestamp {
    let back = SignedDuration::from_secs(LATEST.saturating_add(i64::from(LONGEST)));
    message.saturating_sub(back).unwrap_or(Timestamp::MIN)
}

/// The messages with the calls that left them and the names of who spoke.
pub(crate) fn views(
    messages: &[VoicemailMessage],
    calls: &[Incoming],
    people: &[Contact],
) -> Vec<VoiceMessageView> {
    let name = |peer: &str| {
        let known = people.iter().find(|person| person.card.numbers.iter().any(|(number, _)| number == peer));
        known.map_or_else(|| phone::display(peer), |person| person.card.name.clone())
    };
    let view = |(message, call): (&VoicemailMessage, Option<RowId>)| VoiceMessageView {
        id: message.id.0.clone(),
        call: call.map(RowId::outside),
        peer_name: name(&message.peer),
        at: message.at.to_string(),
        seconds: message.seconds,
        heard: message.heard,
    };
    messages.iter().zip(left_by(messages, calls)).map(view).collect()
}

/// Which call left which message: the last one of the same numbers that had begun by then. A call leaves one message at
/// the most; those that go together best are joined first.
fn left_by(messages: &[VoicemailMessage], calls: &[Incoming]) -> Vec<Option<RowId>> {
    let mut pairs = Vec::new();
    for (place, message) in messages.iter().enumerate() {
        // A mailbox is no number of ours.
        let number = if message.number.starts_with('+') { message.number.as_str() } else { "" };
        for call in calls {
            let after = message.at.as_second().saturating_sub(call.at.as_second());
            let latest = LATEST.saturating_add(i64::from(message.seconds.min(LONGEST)));
            let in_time = (CLOCKS.saturating_neg()..=latest).contains(&after);
            if in_time && merging::same_numbers((&call.number, number), (&call.peer, &message.peer)) {
                pairs.push((after.abs(), place, call.id));
            }
        }
    }
    pairs.sort_unstable();
    let mut left = vec![None; messages.len()];
    let mut taken = BTreeSet::new();
    for (_, place, call) in pairs {
        if let Some(slot @ None) = left.get_mut(place)
            && taken.insert(call)
        {
            *slot = Some(call);
        }
    }
    left
}

/// Puts a message's sound where it can be played from, in place of the one before: nobody else may read it.
pub(crate) async fn keep_sound(folder: PathBuf, sound: File) -> Result<String, ErrorView> {
    let failed = |error: std::io::Error| ErrorView::with_detail(ErrorCode::FileUnreadable, error.to_string());
    let [wav, ogg] = KINDS;
    let kind = if sound.bytes.starts_with(b"OggS") { ogg } else { wav };
    let path = folder.join(format!("voicemail.{kind}"));
    let text = path.display().to_string();
    let written = tokio::task::spawn_blocking(move || {
        // Made anew, so that its rights are ours and no link is followed.
        forget_sound(&folder);
        std::fs::create_dir_all(&folder)?;
        let mut options = std::fs::File::options();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&path)?.write_all(&sound.bytes)
    });
    written.await.map_err(|_| ErrorView::new(ErrorCode::Internal))?.map_err(failed)?;
    Ok(text)
}

/// Removes the sound that was listened to last: it lies there in the clear.
pub(crate) fn forget_sound(folder: &Path) {
    for kind in KINDS {
        // Mostly there is none.
        let _ = std::fs::remove_file(folder.join(format!("voicemail.{kind}")));
    }
    let _ = std::fs::remove_dir(folder);
}

fn view(summary: &Summary) -> VoicemailView {
    let counts = summary.of_class(MessageClass::Voice).unwrap_or_default();
    // RFC 3842 section 5.2: the counts may be left out, and only the first line is sure.
    let new = match summary.waiting {
        Waiting::Yes => counts.new.max(1),
        Waiting::No => 0,
    };
    VoicemailView {
        new,
        old: counts.old,
        urgent: counts.urgent_new,
        mailbox: summary.account.as_ref().map(ToString::to_string),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "+4930901820";
    const ANNA: &str = "+442079460123";

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_772_442_000 + second).unwrap()
    }

    fn call(id: i64, peer: &str, second: i64) -> Incoming {
        Incoming { id: RowId(id), number: OURS.into(), peer: peer.into(), at: at(second) }
    }

    fn spoken(number: &str, peer: &str, second: i64, seconds: u32) -> VoicemailMessage {
        let id = tern_provider::types::RemoteId(format!("v{second}"));
        VoicemailMessage {
            id,
            number: number.into(),
            peer: peer.into(),
            at: at(second),
            seconds,
            heard: false,
        }
    }

    #[test]
    fn a_message_is_of_the_call_that_left_it() {
        let check =
            |name: &str, messages: &[VoicemailMessage], calls: &[Incoming], expect: &[Option<i64>]| {
                let left: Vec<_> =
                    left_by(messages, calls).into_iter().map(|call| call.map(|RowId(id)| id)).collect();
                assert_eq!(left, expect, "{name}");
            };
        let anna = [call(1, ANNA, 0)];
        check("after ringing and greeting", &[spoken(OURS, ANNA, 55, 23)], &anna, &[Some(1)]);
        check("a clock that is behind", &[spoken(OURS, ANNA, -60, 23)], &anna, &[Some(1)]);
        check("dated from its end", &[spoken(OURS, ANNA, 900, 800)], &anna, &[Some(1)]);
        check("a mailbox's", &[spoken("1001", "442079460123", 40, 9)], &anna, &[Some(1)]);
        check("of another", &[spoken(OURS, "+15550100", 40, 9)], &anna, &[None]);
        check("for another number", &[spoken("+33199001234", ANNA, 40, 9)], &anna, &[None]);
        check("much later", &[spoken(OURS, ANNA, 900, 23)], &anna, &[None]);
        let twice = [call(1, ANNA, 0), call(2, ANNA, 200)];
        let both = [spoken(OURS, ANNA, 240, 5), spoken(OURS, ANNA, 40, 5)];
        check("two calls, two messages", &both, &twice, &[Some(2), Some(1)]);
        check("two calls, one message", &both[..1], &twice, &[Some(2)]);
        check("one call leaves one message", &both, &twice[..1], &[None, Some(1)]);
    }

    #[tokio::test]
    async fn a_message_to_be_played_is_nobody_elses_to_read_and_takes_the_last_ones_place() {
        let folder = std::env::temp_dir().join(format!("tern-voices-{}", std::process::id()));
        for bytes in [&b"RIFF one"[..], b"RIFF two"] {
            let sound = File { name: "v.wav".into(), media_type: "audio/wav".into(), bytes: bytes.into() };
            let path = keep_sound(folder.clone(), sound).await.unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), bytes);
            assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt;
                assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            }
        }
        forget_sound(&folder);
        assert!(!folder.exists(), "nothing stays in the clear");
    }

    #[test]
    fn what_the_server_counts_is_shown_and_what_it_only_says_counts_as_one() {
        let check = |text: &str, expect: (u32, u32, u32, Option<&str>)| {
            let VoicemailView { new, old, urgent, mailbox } = view(&Summary::parse(text.as_bytes()).unwrap());
            assert_eq!((new, old, urgent, mailbox.as_deref()), expect, "{text}");
        };
        let counted =
            "Messages-Waiting: yes\r\nMessage-Account: sip:*97@example.com\r\nVoice-Message: 2/8 (1/2)\r\n";
        check(counted, (2, 8, 1, Some("sip:*97@example.com")));
        check("Messages-Waiting: yes\r\n", (1, 0, 0, None));
        check("Messages-Waiting: no\r\nVoice-Message: 0/3\r\n", (0, 3, 0, None));
    }
}
