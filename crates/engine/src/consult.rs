//! Plain questions to a provider, beside the core: they change nothing, and whoever asks waits for the answer.
//!
//! What a provider's answers look like to a shell stands here as well.

use std::path::Path;

use tern_provider::{
    ProviderError, SharedProvider,
    types::{
        Activation, CatalogueFilter, Document, DocumentState, File, ForwardTarget, Forwarding, Greeting,
        NewDocument, Number, NumberKind, Offer, Order, OrderRequest, OrderState as RemoteOrder, PageToken,
        Quote, Refund, RefundState as RemoteRefund, RefundTo, RemoteId, RingOrder, Transaction,
        TransactionFilter, TransactionType, VoicemailMessage,
    },
};

use crate::{
    accounts::money_view,
    api::{
        AnsweringView, ErrorCode, ErrorView, ForwardTo, ForwardingView, GreetingView, LedgerPage, LedgerRow,
        LineKind, NewPaper, NumberOrder, OfferView, OrderState, OrderView, PaperState, PaperView, QuoteView,
        RefundState, RefundView, TransactionKind, TransactionView,
    },
    record::paper_word,
    refusals::provider_error,
    views::transaction_kind,
};

/// The largest file that is handed over, in bytes.
const LARGEST: u64 = 8 * 1024 * 1024;
/// Pages of a catalogue that are read at the most.
const MOST_PAGES: u32 = 50;

/// A provider to be asked, and what the account knows to rent there.
pub(crate) struct Consulted {
    pub(crate) provider: SharedProvider,
    pub(crate) numbers: Vec<Number>,
}

impl Consulted {
    pub(crate) async fn offers(&self, country: Option<String>) -> Result<Vec<OfferView>, ErrorView> {
        let filter = CatalogueFilter { country, ..CatalogueFilter::default() };
        let (mut offers, mut page) = (Vec::new(), None);
        for _ in 0..MOST_PAGES {
            let answer = self.provider.catalogue(&filter, page).await.map_err(said)?;
            offers.extend(answer.rows.iter().map(offer_view));
            page = answer.next_page;
            if page.is_none() {
                break;
            }
        }
        Ok(offers)
    }

    pub(crate) async fn quote(&self, order: NumberOrder) -> Result<QuoteView, ErrorView> {
        let NumberOrder { offer, count, months, trial } = order;
        let order = OrderRequest { offer: RemoteId(offer), quantity: count, months, trial };
        let Quote { list_price, discount_percent, total, cashback, .. } =
            self.provider.quote(&order).await.map_err(said)?;
        Ok(QuoteView {
            list_price: money_view(&list_price),
            discount_percent: discount_percent.to_string(),
            total: money_view(&total),
            cashback: cashback.as_ref().map(money_view),
        })
    }

    pub(crate) async fn forwarding(&self, number: &str) -> Result<ForwardingView, ErrorView> {
        let Forwarding { targets, order } =
            self.provider.forwarding(self.own(number)?).await.map_err(said)?;
        let to = |target: ForwardTarget| match target {
            ForwardTarget::OwnSip => ForwardTo::OwnSip {},
            ForwardTarget::Sip(address) => ForwardTo::Sip { address },
            ForwardTarget::Ip(address) => ForwardTo::Server { address },
            ForwardTarget::Phone(number) => ForwardTo::Phone { number },
        };
        let targets = targets.into_iter().map(to).collect();
        Ok(ForwardingView { targets, in_turn: order == RingOrder::Sequential })
    }

    pub(crate) async fn answering(&self, number: &str) -> Result<AnsweringView, ErrorView> {
        let settings = self.provider.voicemail_settings(self.own(number)?).await.map_err(said)?;
        let greetings = match self.provider.greetings().await {
            Err(ProviderError::Unsupported) => Vec::new(),
            greetings => greetings.map_err(said)?,
        };
        Ok(AnsweringView {
            on: settings.on,
            greeting: settings.greeting.map(|id| id.0),
            greetings: greetings.iter().map(greeting_view).collect(),
        })
    }

    /// The voice messages, newest first; none where the provider has no list of them.
    pub(crate) async fn voicemails(&self) -> Result<Vec<VoicemailMessage>, ErrorView> {
        match self.provider.voicemails().await {
            Err(ProviderError::Unsupported) => Ok(Vec::new()),
            messages => messages.map_err(said),
        }
    }

    pub(crate) async fn voicemail_sound(&self, id: String) -> Result<File, ErrorView> {
        self.provider.voicemail_sound(&RemoteId(id)).await.map_err(said)
    }

    pub(crate) async fn papers(&self) -> Result<Vec<PaperView>, ErrorView> {
        Ok(self.provider.documents().await.map_err(said)?.iter().map(paper_view).collect())
    }

    pub(crate) async fn ledger(
        &self,
        from: Option<String>,
        to: Option<String>,
        kinds: &[TransactionKind],
        page: Option<String>,
    ) -> Result<LedgerPage, ErrorView> {
        let day = |text: Option<String>| match text {
            Some(text) => {
                let wrong = |_| ErrorView::with_detail(ErrorCode::InvalidTarget, text.clone());
                text.parse().map(Some).map_err(wrong)
            }
            None => Ok(None),
        };
        let kinds = kinds.iter().map(|kind| transaction_type(*kind)).collect();
        let filter = TransactionFilter { from: day(from)?, to: day(to)?, kinds };
        let answer = self.provider.transactions(&filter, page.map(PageToken)).await.map_err(said)?;
        Ok(LedgerPage {
            rows: answer.rows.iter().map(ledger_row).collect(),
            next: answer.next_page.map(|token| token.0),
        })
    }

    pub(crate) async fn refunds(&self) -> Result<Vec<RefundView>, ErrorView> {
        Ok(self.provider.refunds().await.map_err(said)?.iter().map(refund_view).collect())
    }

    fn own(&self, e164: &str) -> Result<&RemoteId, ErrorView> {
        let number = self.numbers.iter().find(|number| number.e164 == e164);
        number.map(|number| &number.id).ok_or(ErrorView::new(ErrorCode::NumberNotYours))
    }
}

/// Reads a greeting to upload.
pub(crate) async fn greeting_file(path: String) -> Result<File, ErrorView> {
    read(path, "audio/wav").await
}

/// Reads what a paper consists of.
pub(crate) async fn document(paper: NewPaper) -> Result<NewDocument, ErrorView> {
    Ok(match paper {
        NewPaper::Passport { path } => NewDocument::Passport(read(path, "application/octet-stream").await?),
        NewPaper::ProofOfAddress { path } => {
            NewDocument::ProofOfAddress(read(path, "application/octet-stream").await?)
        }
        NewPaper::RegistrationAddress { city, street, building } => {
            NewDocument::RegistrationAddress { city, street, building }
        }
    })
}

async fn read(path: String, media_type: &str) -> Result<File, ErrorView> {
    let failed = |what: String| ErrorView::with_detail(ErrorCode::FileUnreadable, what);
    let known = tokio::fs::metadata(&path).await.map_err(|error| failed(format!("{path}: {error}")))?;
    if !known.is_file() || known.len() > LARGEST {
        return Err(failed(format!("{path}: at most 8 MiB")));
    }
    let bytes = tokio::fs::read(&path).await.map_err(|error| failed(format!("{path}: {error}")))?;
    let name = Path::new(&path).file_name().map(|name| name.to_string_lossy().into_owned());
    Ok(File { name: name.unwrap_or_default(), media_type: media_type.to_owned(), bytes })
}

fn said(error: ProviderError) -> ErrorView {
    provider_error(&error)
}

fn offer_view(offer: &Offer) -> OfferView {
    OfferView {
        id: offer.id.0.clone(),
        country: offer.country.clone(),
        city: offer.city.clone(),
        line: match offer.kind {
            NumberKind::Landline => LineKind::Landline,
            NumberKind::Mobile => LineKind::Mobile,
            NumberKind::TollFree => LineKind::TollFree,
            NumberKind::National => LineKind::Other,
        },
        calls: offer.calls,
        sms: offer.sms,
        monthly_fee: money_view(&offer.monthly_fee),
        setup_fee: offer.setup_fee.as_ref().map(money_view),
        incoming_minute: offer.incoming_minute.as_ref().map(money_view),
        sms_price: offer.sms_price.as_ref().map(money_view),
        restrictions: offer.restrictions.clone(),
        documents: offer.documents.iter().map(|kind| paper_word(*kind).to_owned()).collect(),
        connection_days: match offer.activation {
            Activation::AtOnce => None,
            Activation::WorkingDays { least, most } => Some((least, most)),
        },
        stock: offer.stock,
        trial_hours: offer.trial.map(|trial| trial.hours),
    }
}

/// An order as a shell sees it.
pub(crate) fn order_view(order: &Order) -> OrderView {
    OrderView {
        id: order.id.0.clone(),
        state: match order.state {
            RemoteOrder::NeedsDocuments => OrderState::DocumentsNeeded,
            RemoteOrder::Connecting { .. } => OrderState::Connecting,
            RemoteOrder::Done => OrderState::Done,
            RemoteOrder::Failed { .. } => OrderState::Failed,
        },
        total: money_view(&order.total),
        numbers: order.numbers.iter().map(|number| number.e164.clone()).collect(),
    }
}

/// A greeting as a shell sees it.
pub(crate) fn greeting_view(greeting: &Greeting) -> GreetingView {
    GreetingView { id: greeting.id.0.clone(), name: greeting.name.clone(), seconds: greeting.seconds }
}

/// A paper as a shell sees it.
pub(crate) fn paper_view(paper: &Document) -> PaperView {
    let (state, reason) = match &paper.state {
        DocumentState::InReview => (PaperState::InReview, None),
        DocumentState::Approved => (PaperState::Approved, None),
        DocumentState::Rejected { reason } => (PaperState::Rejected, Some(reason.clone())),
    };
    PaperView {
        id: paper.id.0.clone(),
        kind: paper_word(paper.kind).to_owned(),
        state,
        reason,
        at: paper.at.to_string(),
    }
}

/// A request for money back as a shell sees it.
pub(crate) fn refund_view(refund: &Refund) -> RefundView {
    let blank = RefundView {
        id: refund.id.0.clone(),
        service: refund.service.0.clone(),
        amount: money_view(&refund.amount),
        at: refund.asked_at.to_string(),
        state: RefundState::InReview,
        due: None,
        ground: None,
        to_balance: None,
    };
    match &refund.state {
        RemoteRefund::InReview { decided_by } => {
            RefundView { due: decided_by.map(|day| day.to_string()), ..blank }
        }
        RemoteRefund::Granted { to, paid_by } => RefundView {
            state: RefundState::Granted,
            due: paid_by.map(|day| day.to_string()),
            to_balance: Some(*to == RefundTo::Balance),
            ..blank
        },
        RemoteRefund::Refused { code, .. } => {
            RefundView { state: RefundState::Refused, ground: Some(code.clone()), ..blank }
        }
    }
}

fn ledger_row(row: &Transaction) -> LedgerRow {
    LedgerRow {
        id: row.id.0.clone(),
        at: row.at.to_string(),
        transaction: TransactionView {
            kind: transaction_kind(row.kind),
            amount: money_view(&row.amount),
            balance_after: money_view(&row.balance_after),
            description: row.description.clone(),
        },
        reference: row.reference.clone(),
    }
}

fn transaction_type(kind: TransactionKind) -> TransactionType {
    match kind {
        TransactionKind::Order => TransactionType::Order,
        TransactionKind::Renewal => TransactionType::Renewal,
        TransactionKind::Restore => TransactionType::Restore,
        TransactionKind::Call => TransactionType::Call,
        TransactionKind::Sms => TransactionType::Sms,
        TransactionKind::TopUp => TransactionType::TopUp,
        TransactionKind::Cashback => TransactionType::Cashback,
        TransactionKind::Refund => TransactionType::Refund,
        TransactionKind::Adjustment => TransactionType::Adjustment,
    }
}
