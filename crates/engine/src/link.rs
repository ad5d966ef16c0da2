//! The connection to one account's provider: carries the core's questions out, as many at a time as it allows.

use std::sync::Arc;

use futures_util::StreamExt;
use tern_provider::{Adapter, ProviderError, Secret, SetupError, SharedProvider};
use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinSet,
};

use crate::{
    api::{self, AccountId, ErrorCode, ErrorView, NewAccount, NewProvider, ProviderKind},
    core::{Input, ProviderReport, ProviderRequest},
    desk,
};

/// Rows asked for at a time.
const PAGE: u32 = 200;
/// Questions on their way at a time; the stream of hints does not count.
const AT_A_TIME: usize = 4;

/// Makes a provider of its address (see [`address`]) and token.
pub(crate) type Connect = Arc<dyn Fn(&str, Secret) -> Result<SharedProvider, ErrorView> + Send + Sync>;

/// Connects over the network, by the adapter that the address names.
pub(crate) fn over_http() -> Connect {
    Arc::new(|address, token| tern_provider::connect(address, token).map_err(|error| not_set_up(&error)))
}

/// A provider as the one address that is kept of it; `None` when a part is missing.
pub(crate) fn address(provider: &NewProvider) -> Option<String> {
    let adapter = match provider.kind {
        ProviderKind::Tern => Adapter::Tern,
        ProviderKind::Voipms => Adapter::VoipMs,
        ProviderKind::Twilio => Adapter::Twilio,
        ProviderKind::Signalwire => Adapter::SignalWire,
        ProviderKind::Telnyx => Adapter::Telnyx,
        ProviderKind::Zadarma => Adapter::Zadarma,
    };
    adapter.address(&provider.url, &provider.user)
}

/// Fills in the SIP account that the provider hands out, where the user typed none.
///
/// # Errors
/// What the provider answered; [`ErrorCode::InvalidTarget`] about the field when it hands out none.
pub(crate) async fn fill_in(new: NewAccount) -> Result<NewAccount, ErrorView> {
    let Some(provider) = &new.provider else { return Ok(new) };
    if !(new.user.trim().is_empty() && new.domain.trim().is_empty()) {
        return Ok(new);
    }
    let missing = |what| ErrorView::with_detail(ErrorCode::InvalidTarget, what);
    let address = address(provider).ok_or_else(|| missing("provider"))?;
    let token = Secret::new(provider.token.0.clone());
    let connected = tern_provider::connect(&address, token).map_err(|error| not_set_up(&error))?;
    let sip = match connected.sip_credentials().await {
        Ok(sip) => sip.ok_or_else(|| missing("user"))?,
        Err(ProviderError::Unsupported) => return Err(missing("user")),
        Err(error) => return Err(crate::refusals::provider_error(&error)),
    };
    Ok(NewAccount {
        user: sip.user,
        domain: sip.domain,
        password: api::Secret(sip.password.reveal().to_owned()),
        proxy: sip.proxy.or(new.proxy.clone()),
        ..new
    })
}

fn not_set_up(error: &SetupError) -> ErrorView {
    ErrorView::with_detail(ErrorCode::ProviderRefused, error.to_string())
}

/// A provider and what is being asked of it. Dropping it gives up on every answer.
pub(crate) struct ProviderLink {
    account: AccountId,
    number: u32,
    provider: SharedProvider,
    permits: Arc<Semaphore>,
    tasks: JoinSet<()>,
    inputs: mpsc::Sender<Input>,
}

impl ProviderLink {
    /// Takes over a connected provider.
    pub(crate) fn new(
        account: AccountId,
        number: u32,
        provider: SharedProvider,
        inputs: mpsc::Sender<Input>,
    ) -> Self {
        let permits = Arc::new(Semaphore::new(AT_A_TIME));
        Self { account, number, provider, permits, tasks: JoinSet::new(), inputs }
    }

    /// Which of the account's connections this is.
    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    /// The provider itself, for plain reads beside the core's questions.
    pub(crate) fn provider(&self) -> SharedProvider {
        self.provider.clone()
    }

    /// Carries a question out; its answer comes as an input.
    pub(crate) fn ask(&mut self, request: ProviderRequest) {
        // What has ended needs no room any more.
        while self.tasks.try_join_next().is_some() {}
        let (account, link) = (self.account.clone(), self.number);
        let (provider, permits, inputs) = (self.provider.clone(), self.permits.clone(), self.inputs.clone());
        let report = move |report| Input::Provider { account: account.clone(), link, report };
        self.tasks.spawn(async move {
            if let ProviderRequest::Hints(since) = request {
                if let Ok(mut hints) = provider.hints(&since).await {
                    while let Some(Ok(())) = hints.next().await {
                        // One hint that waits is as good as many.
                        let _ = inputs.try_send(report(ProviderReport::Hint));
                    }
                }
                let _ = inputs.send(report(ProviderReport::HintsEnded)).await;
                return;
            }
            // The semaphore is never closed.
            let _permit = permits.acquire().await;
            let answer = carry_out(&provider, request).await;
            let _ = inputs.send(report(answer)).await;
        });
    }
}

async fn carry_out(provider: &SharedProvider, request: ProviderRequest) -> ProviderReport {
    match request {
        // Carried out by whoever called.
        ProviderRequest::Hints(_) => ProviderReport::HintsEnded,
        ProviderRequest::Account => ProviderReport::Account(provider.account().await),
        ProviderRequest::Numbers => ProviderReport::Numbers(provider.numbers().await),
        ProviderRequest::Snapshot => ProviderReport::Snapshot(provider.snapshot(None, PAGE).await),
        ProviderRequest::History(page) => {
            let answer = provider.snapshot(page.clone(), PAGE).await;
            ProviderReport::History(page, answer)
        }
        ProviderRequest::Changes(since) => ProviderReport::Changes(provider.changes(&since, PAGE).await),
        ProviderRequest::Send(row, key, message) => {
            ProviderReport::Sent(row, provider.send_message(&key, &message).await)
        }
        ProviderRequest::FindSent(row, sought) => {
            ProviderReport::FoundSent(row, provider.find_sent(&sought).await)
        }
        ProviderRequest::Delete(message) => {
            let answer = provider.delete_message(&message).await;
            ProviderReport::Deleted(message, answer)
        }
        ProviderRequest::CreateTopUp(key, amount) => {
            let answer = provider.create_topup(&key, amount).await;
            ProviderReport::TopUpCreated(key, answer)
        }
        ProviderRequest::TopUp(key, id) => ProviderReport::TopUp(key, provider.topup(&id).await),
        ProviderRequest::Act(key, act) => {
            let answer = desk::carry_out(provider, &key, act).await;
            ProviderReport::Acted(key, answer)
        }
        ProviderRequest::Rate(request, target, number) => {
            let answer = provider.rate(&target, number.as_deref()).await;
            ProviderReport::Rate(request, target, number, answer)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Transport;

    fn new(kind: ProviderKind, provider_user: &str, user: &str) -> NewAccount {
        NewAccount {
            name: String::new(),
            user: user.into(),
            domain: if user.is_empty() { String::new() } else { "sip.example".into() },
            password: api::Secret("typed".into()),
            proxy: None,
            transport: Transport::Auto,
            options: None,
            provider: Some(NewProvider {
                kind,
                url: String::new(),
                user: provider_user.into(),
                token: api::Secret("token".into()),
            }),
        }
    }

    #[tokio::test]
    async fn what_was_typed_stays_and_what_nobody_hands_out_is_asked_for() {
        let typed = fill_in(new(ProviderKind::Twilio, "AC1", "me")).await.unwrap();
        assert_eq!((typed.user.as_str(), typed.password.0.as_str()), ("me", "typed"));
        for (kind, provider_user, field) in
            [(ProviderKind::Twilio, "AC1", "user"), (ProviderKind::Voipms, "", "provider")]
        {
            let error = fill_in(new(kind, provider_user, "")).await.unwrap_err();
            assert_eq!(
                (error.code, error.detail.as_deref()),
                (ErrorCode::InvalidTarget, Some(field)),
                "{kind:?}"
            );
        }
    }

    #[test]
    fn every_kind_has_an_address() {
        for (kind, address_of) in [
            (ProviderKind::Voipms, Some("voipms:me")),
            (ProviderKind::Twilio, Some("twilio:me")),
            (ProviderKind::Telnyx, Some("telnyx:")),
            (ProviderKind::Zadarma, Some("zadarma:me")),
            (ProviderKind::Signalwire, None),
            (ProviderKind::Tern, None),
        ] {
            let provider = new(kind, "me", "").provider.unwrap();
            assert_eq!(address(&provider).as_deref(), address_of, "{kind:?}");
        }
    }
}
