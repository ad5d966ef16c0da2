//! Voicemail: what waits on the server's answering machine, as far as it tells (RFC 3842).
//!
//! A server that tells nobody refuses the subscription, and the account simply has no voicemail to show.

use tern_sip::{
    SubscriptionConfig,
    message_waiting::{MessageClass, Summary, Waiting},
    wire::{Host, SipUri, Uri},
};

use crate::{
    api::{AccountId, VoicemailView},
    core::State,
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
