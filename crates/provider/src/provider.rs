//! The trait that every adapter fills.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::stream::{BoxStream, StreamExt};

use crate::{ProviderError, types::*};

/// A provider's account, reached over its API. Shared between tasks; every call is one request, or a few reads that
/// belong together, and may be dropped.
///
/// What only some providers have answers [`ProviderError::Unsupported`] unless an adapter says otherwise;
/// [`Provider::capabilities`] tells it beforehand. Whatever costs money or creates something takes a key: the same
/// key acts once.
#[async_trait]
pub trait Provider: Send + Sync {
    /// What this provider can do; never changes while the account lives.
    fn capabilities(&self) -> Capabilities;

    /// Account name, balance and top-up limits.
    async fn account(&self) -> Result<AccountInfo, ProviderError>;

    /// Every number the account rents, in the provider's order.
    async fn numbers(&self) -> Result<Vec<Number>, ProviderError>;

    /// The SIP account that goes with it; `None` where none is issued or the user types it in.
    async fn sip_credentials(&self) -> Result<Option<SipCredentials>, ProviderError> {
        Ok(None)
    }

    /// Has the SIP account issued, or answers with the one there is.
    async fn issue_sip(&self) -> Result<SipCredentials, ProviderError> {
        Err(ProviderError::Unsupported)
    }

    // What happened.

    /// One page of the whole activity, newest first. The first page's cursor was taken before its rows were read:
    /// `changes` from there misses nothing.
    async fn snapshot(&self, page: Option<PageToken>, limit: u32) -> Result<SnapshotPage, ProviderError> {
        let _ = (page, limit);
        Err(ProviderError::Unsupported)
    }

    /// What changed after `since`, oldest first. [`ProviderError::ResyncRequired`] when the cursor has expired.
    async fn changes(&self, since: &Cursor, limit: u32) -> Result<ChangesPage, ProviderError> {
        let _ = (since, limit);
        Err(ProviderError::Unsupported)
    }

    /// A stream of hints that `changes` has something new. Ends when the connection does; may lose hints, so it
    /// only ever shortens the wait.
    async fn hints(
        &self,
        since: &Cursor,
    ) -> Result<BoxStream<'static, Result<(), ProviderError>>, ProviderError> {
        let _ = since;
        Ok(futures_util::stream::pending().boxed())
    }

    /// Rows of the ledger, newest first.
    async fn transactions(
        &self,
        filter: &TransactionFilter,
        page: Option<PageToken>,
    ) -> Result<Page<Transaction>, ProviderError> {
        let _ = (filter, page);
        Err(ProviderError::Unsupported)
    }

    /// Sums over a time.
    async fn statistics(&self, period: Period) -> Result<Statistics, ProviderError> {
        let _ = period;
        Err(ProviderError::Unsupported)
    }

    // SMS.

    /// Sends an SMS. The same key never sends twice where `capabilities().idempotent_send` holds.
    async fn send_message(
        &self,
        key: &IdempotencyKey,
        message: &OutgoingMessage,
    ) -> Result<Message, ProviderError> {
        let _ = (key, message);
        Err(ProviderError::Unsupported)
    }

    /// Looks for a message whose sending was not confirmed: by its key, or, where the provider knows no keys, the
    /// newest one with this sender, recipient and text that is not older than the intent.
    async fn find_sent(&self, sought: &SoughtMessage) -> Result<Option<Message>, ProviderError> {
        let _ = sought;
        Err(ProviderError::Unsupported)
    }

    /// Deletes a message at the provider, by the id that the feed gave it. One that is gone already counts as deleted;
    /// one that can't be deleted yet is [`ProviderError::Refused`] with [`NOT_YET`](crate::NOT_YET).
    async fn delete_message(&self, message: &RemoteId) -> Result<(), ProviderError> {
        let _ = message;
        Err(ProviderError::Unsupported)
    }

    /// What a call or an SMS to a target costs when it goes out from `from` (one of the account's own numbers), and
    /// whether it is allowed.
    async fn rate(&self, target: &str, from: Option<&str>) -> Result<Rate, ProviderError> {
        let _ = (target, from);
        Err(ProviderError::Unsupported)
    }

    // Money.

    /// Starts a top-up: answers with the checkout page the user pays on.
    async fn create_topup(&self, key: &IdempotencyKey, amount: Money) -> Result<TopUp, ProviderError> {
        let _ = (key, amount);
        Err(ProviderError::Unsupported)
    }

    /// The top-up's state.
    async fn topup(&self, id: &TopUpId) -> Result<TopUp, ProviderError> {
        let _ = id;
        Err(ProviderError::Unsupported)
    }

    /// Tops up by itself from now on, or no longer.
    async fn set_automatic_topup(&self, rule: Option<&AutomaticTopUp>) -> Result<(), ProviderError> {
        let _ = rule;
        Err(ProviderError::Unsupported)
    }

    /// Asks for money back.
    async fn request_refund(
        &self,
        key: &IdempotencyKey,
        request: &RefundRequest,
    ) -> Result<Refund, ProviderError> {
        let _ = (key, request);
        Err(ProviderError::Unsupported)
    }

    /// Every request for money back, newest first.
    async fn refunds(&self) -> Result<Vec<Refund>, ProviderError> {
        Err(ProviderError::Unsupported)
    }

    // Numbers to be had.

    /// What can be ordered.
    async fn catalogue(
        &self,
        filter: &CatalogueFilter,
        page: Option<PageToken>,
    ) -> Result<Page<Offer>, ProviderError> {
        let _ = (filter, page);
        Err(ProviderError::Unsupported)
    }

    /// What an order would cost; charges nothing.
    async fn quote(&self, order: &OrderRequest) -> Result<Quote, ProviderError> {
        let _ = order;
        Err(ProviderError::Unsupported)
    }

    /// Orders.
    async fn order(&self, key: &IdempotencyKey, order: &OrderRequest) -> Result<Order, ProviderError> {
        let _ = (key, order);
        Err(ProviderError::Unsupported)
    }

    /// Every order, newest first.
    async fn orders(&self) -> Result<Vec<Order>, ProviderError> {
        Err(ProviderError::Unsupported)
    }

    /// What disposable numbers there are.
    async fn disposable_offers(&self) -> Result<Vec<DisposableOffer>, ProviderError> {
        Err(ProviderError::Unsupported)
    }

    /// Takes a number for one SMS of one service.
    async fn order_disposable(
        &self,
        key: &IdempotencyKey,
        country: &str,
        service: &str,
    ) -> Result<DisposableNumber, ProviderError> {
        let _ = (key, country, service);
        Err(ProviderError::Unsupported)
    }

    /// Every disposable number, newest first.
    async fn disposable_numbers(&self) -> Result<Vec<DisposableNumber>, ProviderError> {
        Err(ProviderError::Unsupported)
    }

    // A number's life.

    /// Brings an expired number back.
    async fn restore(&self, key: &IdempotencyKey, number: &RemoteId) -> Result<Number, ProviderError> {
        let _ = (key, number);
        Err(ProviderError::Unsupported)
    }

    /// Gives a number up for good.
    async fn delete_number(&self, number: &RemoteId) -> Result<(), ProviderError> {
        let _ = number;
        Err(ProviderError::Unsupported)
    }

    /// Renews by itself, or not.
    async fn set_auto_renew(&self, number: &RemoteId, on: bool) -> Result<Number, ProviderError> {
        let _ = (number, on);
        Err(ProviderError::Unsupported)
    }

    /// Shows the number to callees, where that is possible, or not.
    async fn set_caller_id(&self, number: &RemoteId, on: bool) -> Result<Number, ProviderError> {
        let _ = (number, on);
        Err(ProviderError::Unsupported)
    }

    /// Where a number's calls go.
    async fn forwarding(&self, number: &RemoteId) -> Result<Forwarding, ProviderError> {
        let _ = number;
        Err(ProviderError::Unsupported)
    }

    /// Decides where a number's calls go; answers with what holds now.
    async fn set_forwarding(
        &self,
        number: &RemoteId,
        forwarding: &Forwarding,
    ) -> Result<Forwarding, ProviderError> {
        let _ = (number, forwarding);
        Err(ProviderError::Unsupported)
    }

    // Voice messages.

    /// How a number takes voice messages.
    async fn voicemail_settings(&self, number: &RemoteId) -> Result<VoicemailSettings, ProviderError> {
        let _ = number;
        Err(ProviderError::Unsupported)
    }

    /// Decides how a number takes voice messages; answers with what holds now.
    async fn set_voicemail(
        &self,
        number: &RemoteId,
        settings: &VoicemailSettings,
    ) -> Result<VoicemailSettings, ProviderError> {
        let _ = (number, settings);
        Err(ProviderError::Unsupported)
    }

    /// Every greeting that was uploaded.
    async fn greetings(&self) -> Result<Vec<Greeting>, ProviderError> {
        Err(ProviderError::Unsupported)
    }

    /// Uploads a greeting: WAV, PCM, 8 kHz, 16 bit, mono.
    async fn upload_greeting(&self, file: &File) -> Result<Greeting, ProviderError> {
        let _ = file;
        Err(ProviderError::Unsupported)
    }

    /// Voice messages, newest first.
    async fn voicemails(&self) -> Result<Vec<VoicemailMessage>, ProviderError> {
        Err(ProviderError::Unsupported)
    }

    /// The sound of a voice message.
    async fn voicemail_sound(&self, id: &RemoteId) -> Result<File, ProviderError> {
        let _ = id;
        Err(ProviderError::Unsupported)
    }

    // Papers.

    /// Every paper that was handed in.
    async fn documents(&self) -> Result<Vec<Document>, ProviderError> {
        Err(ProviderError::Unsupported)
    }

    /// Hands a paper in.
    async fn upload_document(&self, document: &NewDocument) -> Result<Document, ProviderError> {
        let _ = document;
        Err(ProviderError::Unsupported)
    }
}

/// A provider behind a pointer, as the engine holds it.
pub type SharedProvider = Arc<dyn Provider>;
