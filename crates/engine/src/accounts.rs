//! Accounts: adding and removing them, their secrets, what each is told by its user.
//!
//! An account's SIP side is in `line`, its provider's side in `activity`, `messages` and `wallet`; here they are
//! started and ended together.

mod account;

use rand::Rng;
use tern_provider::Secret;

use crate::{
    api::{AccountId, ErrorCode, ErrorView, MediaOptions, NewAccount, Reply, Transport},
    core::{Effect, RequestId, SecretKind, State, Write},
    engine::SandboxAccess,
    line::LineState,
    ports::SecretsError,
    record::{LoadedAccount, Profile},
};

pub(crate) use account::{Account, Link, money_view};

/// Outbound proxies of one account; each is a registration of its own.
const MOST_PROXIES: usize = 4;
/// The account that needs no registrar.
pub(crate) const DIRECT: AccountId = AccountId(0);

impl State {
    pub(crate) fn start_accounts(&mut self, loaded: Vec<LoadedAccount>) {
        if self.config.direct {
            let profile = Profile {
                id: DIRECT,
                name: String::from("direct"),
                user: String::from("tern"),
                domain: String::from("localhost"),
                proxies: Vec::new(),
                transport: Transport::Auto,
                ca_file: None,
                instance: None,
                outbound: false,
                media: MediaOptions::default(),
                provider_url: None,
                sandbox: false,
                secret_name: String::new(),
            };
            self.accounts.insert(DIRECT, Account::new(profile));
            self.open_line(&DIRECT);
        }
        for loaded in loaded {
            let mut account = Account::loaded(loaded);
            let id = account.profile.id.clone();
            if account.profile.instance.is_none() {
                // One of a time before there were any.
                account.profile.instance = Some(self.instance());
                self.write(Write::Account(account.profile.clone()));
            }
            if !account.profile.sandbox {
                self.effect(Effect::GetSecret(
                    id.clone(),
                    SecretKind::SipPassword,
                    account.secret_key(SecretKind::SipPassword),
                ));
                if account.profile.provider_url.is_some() {
                    self.effect(Effect::GetSecret(
                        id.clone(),
                        SecretKind::ProviderToken,
                        account.secret_key(SecretKind::ProviderToken),
                    ));
                }
                if account.profile.media.turn_server.is_some() {
                    self.effect(Effect::GetSecret(
                        id.clone(),
                        SecretKind::TurnPassword,
                        account.secret_key(SecretKind::TurnPassword),
                    ));
                }
            }
            self.accounts.insert(id, account);
        }
    }

    pub(crate) fn add_account(&mut self, request: RequestId, new: NewAccount) {
        let password = Secret::new(new.password.0.clone());
        let token = new.provider.as_ref().map(|p| Secret::new(p.token.0.clone()));
        let profile = match self.profile_of(new) {
            Ok(profile) => profile,
            Err(what) => {
                return self.reply(request, Err(ErrorView::with_detail(ErrorCode::InvalidTarget, what)));
            }
        };
        let id = profile.id.clone();
        self.write(Write::Account(profile.clone()));
        let account = match self.accounts.remove(&id) {
            // The same address again means the same account with new settings.
            Some(known) => Account { profile, ..known },
            None => Account::new(profile),
        };
        self.effect(Effect::SetSecret(account.secret_key(SecretKind::SipPassword), password.clone()));
        if let Some(token) = &token {
            self.effect(Effect::SetSecret(account.secret_key(SecretKind::ProviderToken), token.clone()));
        }
        let mut media = account.profile.media.clone();
        self.accounts.insert(id.clone(), account);
        self.keep_turn_password(&id, &mut media);
        if let Some(account) = self.accounts.get_mut(&id) {
            account.profile.media = media;
        }
        self.start_account(&id, password, token);
        self.reply(request, Ok(Reply::AccountAdded { account: id }));
    }

    pub(crate) fn attach_sandbox(&mut self, request: RequestId, access: SandboxAccess) {
        let known = self.accounts.values().find(|a| {
            a.profile.sandbox && a.profile.user == access.sip.user && a.profile.domain == access.sip.domain
        });
        let instance = known.and_then(|a| a.profile.instance.clone());
        let media = known.map(|a| a.profile.media.clone()).unwrap_or_default();
        let (id, secret_name) = match known {
            Some(account) => (account.profile.id.clone(), account.profile.secret_name.clone()),
            None => (self.take_account_id(), self.random_name()),
        };
        let profile = Profile {
            id: id.clone(),
            name: access.name,
            user: access.sip.user,
            domain: access.sip.domain,
            proxies: access.sip.proxy.into_iter().collect(),
            transport: Transport::Auto,
            ca_file: None,
            instance: Some(instance.unwrap_or_else(|| self.instance())),
            outbound: true,
            media,
            provider_url: Some(access.url),
            sandbox: true,
            secret_name,
        };
        self.write(Write::Account(profile.clone()));
        let account = match self.accounts.remove(&id) {
            Some(known) => Account { profile, ..known },
            None => Account::new(profile),
        };
        self.accounts.insert(id.clone(), account);
        self.start_account(&id, access.sip.password, Some(access.token));
        self.reply(request, Ok(Reply::AccountAdded { account: id }));
    }

    pub(crate) fn remove_account(&mut self, request: RequestId, id: &AccountId) {
        if *id == DIRECT || !self.accounts.contains_key(id) {
            return self.refuse(request, ErrorCode::NotFound);
        }
        self.leave(id);
        if let Some(account) = self.accounts.remove(id) {
            if !account.profile.sandbox {
                self.effect(Effect::DeleteSecret(account.secret_key(SecretKind::SipPassword)));
                self.effect(Effect::DeleteSecret(account.secret_key(SecretKind::ProviderToken)));
                if account.profile.media.turn_server.is_some() {
                    self.effect(Effect::DeleteSecret(account.secret_key(SecretKind::TurnPassword)));
                }
            }
            for request in account.rates.waiting().into_iter().chain(account.desk.waiting()) {
                self.refuse(request, ErrorCode::NotFound);
            }
            self.effect(Effect::CloseProvider(id.clone()));
            self.write(Write::RemoveAccount(id.clone()));
        }
        self.account_changed(id);
        self.reply(request, Ok(Reply::Done {}));
    }

    pub(crate) fn provide_password(
        &mut self,
        request: RequestId,
        id: &AccountId,
        password: crate::api::Secret,
    ) {
        let Some(account) = self.accounts.get_mut(id) else {
            return self.refuse(request, ErrorCode::NotFound);
        };
        let password = Secret::new(password.0);
        account.password = Some(password.clone());
        let key = account.secret_key(SecretKind::SipPassword);
        if !account.profile.sandbox {
            self.effect(Effect::SetSecret(key, password));
        }
        self.open_line(id);
        self.reply(request, Ok(Reply::Done {}));
    }

    /// Calls that go on keep what they agreed on.
    pub(crate) fn change_media(&mut self, request: RequestId, id: &AccountId, mut media: MediaOptions) {
        self.keep_turn_password(id, &mut media);
        let Some(account) = self.accounts.get_mut(id).filter(|a| a.profile.id != DIRECT) else {
            return self.refuse(request, ErrorCode::NotFound);
        };
        account.profile.media = media;
        let profile = account.profile.clone();
        self.write(Write::Account(profile));
        self.account_changed(id);
        self.reply(request, Ok(Reply::Done {}));
    }

    pub(crate) fn reconnect(&mut self, request: RequestId, id: &AccountId) {
        let Some(account) = self.accounts.get(id) else {
            return self.refuse(request, ErrorCode::NotFound);
        };
        if account.password.is_some() || *id == DIRECT {
            self.refresh_line(id);
        } else if !account.profile.sandbox {
            // The keyring may be open by now.
            let key = account.secret_key(SecretKind::SipPassword);
            self.effect(Effect::GetSecret(id.clone(), SecretKind::SipPassword, key));
        }
        self.read_feed_now(id);
        self.reply(request, Ok(Reply::Done {}));
    }

    pub(crate) fn secret(
        &mut self,
        id: &AccountId,
        kind: SecretKind,
        result: Result<Option<Secret>, SecretsError>,
    ) {
        let Some(account) = self.accounts.get_mut(id) else { return };
        let error = match result {
            Ok(Some(secret)) => {
                match kind {
                    SecretKind::SipPassword => {
                        account.password = Some(secret);
                        self.open_line(id);
                    }
                    SecretKind::ProviderToken => self.open_link(id, secret),
                    SecretKind::TurnPassword => account.turn_password = Some(secret),
                }
                return;
            }
            Ok(None) | Err(SecretsError::Unavailable) => ErrorView::new(ErrorCode::PasswordNeeded),
            Err(SecretsError::Locked | SecretsError::Failed) => ErrorView::new(ErrorCode::KeyringLocked),
        };
        match kind {
            // Typed while the keyring was asked: that one counts.
            SecretKind::SipPassword if account.password.is_some() => return,
            SecretKind::SipPassword => account.line.state = LineState::PasswordNeeded(error),
            SecretKind::ProviderToken => account.feed.set_stale(self.now.wall, error),
            // Calls go without the relay then, as most can.
            SecretKind::TurnPassword => return,
        }
        self.account_changed(id);
    }

    /// Connects to the account's provider with this token.
    pub(crate) fn open_link(&mut self, id: &AccountId, token: Secret) {
        let link: u32 = self.random.random();
        let Some(account) = self.accounts.get_mut(id) else { return };
        let Some(url) = account.profile.provider_url.clone() else { return };
        account.link = Link::Opening(link);
        self.effect(Effect::OpenProvider { account: id.clone(), link, url, token });
    }

    fn start_account(&mut self, id: &AccountId, password: Secret, token: Option<Secret>) {
        if let Some(account) = self.accounts.get_mut(id) {
            account.password = Some(password);
        }
        self.open_line(id);
        if let Some(token) = token {
            self.open_link(id, token);
        }
        self.account_changed(id);
    }

    /// A fresh name for this phone: a random UUID (RFC 9562 section 5.4).
    fn instance(&mut self) -> String {
        let random = self.random.random::<u128>() & !(0xf000_u128 << 64) & !(0xc000_u128 << 48);
        let uuid = format!("{:032x}", random | 0x4000_u128 << 64 | 0x8000_u128 << 48);
        let part = |from: usize, to: usize| uuid.get(from..to).unwrap_or_default();
        format!("urn:uuid:{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
    }

    fn take_account_id(&mut self) -> AccountId {
        let id = AccountId(self.next_account);
        self.next_account = self.next_account.saturating_add(1);
        id
    }

    /// Checks what was typed; the error names the field.
    fn profile_of(&mut self, new: NewAccount) -> Result<Profile, &'static str> {
        let plain = |text: &str| {
            !text.is_empty()
                && text.len() <= 255
                && !text.chars().any(|c| c.is_whitespace() || c.is_control())
        };
        let user = new.user.trim();
        let domain = new.domain.trim();
        if !plain(user) || user.contains(['@', '<', '>', '"', ':', ';']) {
            return Err("user");
        }
        if !plain(domain) || tern_sip::wire::Host::parse(domain).is_err() {
            return Err("domain");
        }
        let proxies: Vec<String> = new
            .proxy
            .iter()
            .flat_map(|p| p.split([',', ' ']))
            .filter(|p| !p.is_empty())
            .map(str::to_owned)
            .collect();
        if proxies.len() > MOST_PROXIES || proxies.iter().any(|p| crate::line::host_port(p).is_none()) {
            return Err("proxy");
        }
        let options = new.options.unwrap_or_default();
        let ca_file = options.ca_file.map(|f| f.trim().to_owned()).filter(|f| !f.is_empty());
        let provider_url = match &new.provider {
            Some(provider) => Some(crate::link::address(provider).ok_or("provider")?),
            None => None,
        };
        let known = self
            .accounts
            .values()
            .find(|a| !a.profile.sandbox && a.profile.user == user && a.profile.domain == domain)
            .filter(|a| a.profile.id != DIRECT)
            .map(|a| (a.profile.id.clone(), a.profile.secret_name.clone(), a.profile.instance.clone()));
        let (id, secret_name, instance) = match known {
            Some(known) => known,
            None => (self.take_account_id(), self.random_name(), None),
        };
        let name = new.name.trim();
        Ok(Profile {
            id,
            name: if name.is_empty() { format!("{user}@{domain}") } else { name.to_owned() },
            user: user.to_owned(),
            domain: domain.to_owned(),
            proxies,
            transport: new.transport,
            ca_file,
            instance: Some(instance.unwrap_or_else(|| self.instance())),
            outbound: options.outbound,
            media: options.media,
            provider_url,
            sandbox: false,
            secret_name,
        })
    }
}
