//! Commands about accounts, and which account a call is for.

use super::Endpoint;
use crate::config::RegistrationConfig;
use crate::ids::RegistrationId;
use crate::registration::Registration;
use crate::transport::Source;
use std::time::Instant;

impl Endpoint {
    /// Registers an account and keeps it registered until [`Self::unregister`].
    pub fn register(&mut self, now: Instant, config: RegistrationConfig) -> RegistrationId {
        let id = RegistrationId(self.layer.fresh_id());
        let mut registration = Registration::new(id, config, &mut self.layer);
        registration.refresh(now, &mut self.layer);
        self.registrations.insert(id, registration);
        id
    }

    /// Registers anew at once: after a network change, or after `Failed` without a retry.
    pub fn refresh(&mut self, now: Instant, id: RegistrationId) {
        if let Some(registration) = self.registrations.get_mut(&id) {
            registration.refresh(now, &mut self.layer);
        }
    }

    /// Removes the binding; `Unregistered` follows, and the id is spent.
    pub fn unregister(&mut self, now: Instant, id: RegistrationId) {
        if let Some(registration) = self.registrations.get_mut(&id) {
            registration.unregister(now, &mut self.layer);
        }
        self.drop_done(id);
    }

    pub(super) fn drop_done(&mut self, id: RegistrationId) {
        if self.registrations.get(&id).is_some_and(Registration::is_done) {
            self.registrations.remove(&id);
        }
    }

    /// The account an INVITE is for: the one whose Contact it names; else, for servers that write the called number
    /// there, and for a binding an earlier run has left, an account of the server it comes from.
    pub(super) fn called_account(
        &self,
        contact_user: &str,
        to: Option<String>,
        source: Source,
    ) -> Option<RegistrationId> {
        let accounts = &self.layer.around.accounts;
        let by_contact = accounts.iter().find(|(_, a)| a.contact_user == contact_user);
        let served = || accounts.iter().filter(|(_, a)| a.server.is_at(source.remote));
        let by_name = || served().find(|(_, a)| to.is_some() && a.identity.uri.user() == to);
        by_contact.or_else(by_name).or_else(|| served().next()).map(|(id, _)| *id)
    }
}
