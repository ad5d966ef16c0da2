//! The REGISTER itself: what it asks for and which Contacts it names.

use super::About;
use super::flow::Flow;
use crate::layer::{Draft, Layer, Owner};
use crate::transaction::ClientId;
use crate::wire::{Address, HeaderAccess as _, Host, Method, Request, SipUri, Uri};
use std::time::{Duration, Instant};

/// Whether a REGISTER asks for a flow of its own (RFC 5626 4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outbound {
    /// With instance and `reg-id`.
    Asked,
    /// Without: there is no instance id, or the first hop cannot do it (439).
    No,
}

impl Flow {
    /// Sends the next REGISTER of this flow; `expires` zero removes.
    pub(super) fn send(
        &mut self,
        now: Instant,
        expires: Duration,
        about: &About,
        layer: &mut Layer,
    ) -> ClientId {
        layer.around.timers.cancel(self.timer(about));
        self.cseq = self.cseq.saturating_add(1);
        let config = &about.config;
        let identity = Address::named(config.display_name.clone(), config.aor.clone());
        let mut request = Request::new(Method::REGISTER, self.request_uri(about));
        let headers = &mut request.headers;
        headers.add("Max-Forwards", "70");
        headers.add("From", identity.clone().with_tag(&self.from_tag).to_string());
        headers.add("To", identity.to_string());
        headers.add("Call-ID", self.call_id.clone());
        headers.add("CSeq", format!("{} REGISTER", self.cseq));
        let user = layer.around.accounts.get(&about.id).map(|a| a.contact_user.clone()).unwrap_or_default();
        headers.add("Contact", self.contacts(&user, about));
        // RFC 3261 10.2.1.1: one Expires for the Contact that stays; 0 removes it (10.2.2). `*` is never sent: it
        // would remove other devices' bindings too.
        headers.add("Expires", expires.as_secs().to_string());
        headers.add("Supported", self.supported(about));
        headers.add("Allow", layer.around.allow());
        let hop = self.hop().clone();
        self.credentials.sign(&mut request, &hop, layer);
        let draft = Draft { request, hop, contact_user: Some(user) };
        layer.send(now, draft, Owner::Registration(about.id))
    }

    /// The Contact to bind, its address still to be filled in, then those of before that are no longer ours.
    fn contacts(&self, user: &str, about: &About) -> String {
        let unknown = SipUri::new(Some(user), Host::Name("address.invalid".into()), None);
        let mut contact = Address::new(Uri::Sip(unknown));
        if let Some(instance) = &about.config.instance {
            contact.set_instance(instance);
            if self.outbound == Outbound::Asked {
                contact.params.set("reg-id", Some(&self.reg_id().to_string()));
            }
        }
        let gone = self.superseded().map(|old| {
            let mut old = Address::new(old.uri.clone());
            old.params.set("expires", Some("0"));
            old
        });
        std::iter::once(contact).chain(gone).map(|c| c.to_string()).collect::<Vec<_>>().join(", ")
    }

    fn supported(&self, about: &About) -> &'static str {
        match (&about.config.instance, self.outbound) {
            // RFC 3327 5.1, RFC 5626 4.2.1, RFC 5627 4.1
            (Some(_), Outbound::Asked) => "path, outbound, gruu",
            (Some(_), Outbound::No) => "path, gruu",
            (None, _) => "path",
        }
    }
}
