//! What crosses between the engine and whoever shows it: commands in, replies and events out, views to read.
//!
//! Plain data only; the TypeScript in `ui/src/api/generated.ts` is generated from here and a test holds it fresh.
//! Times are RFC 3339 strings in UTC, amounts are decimal strings, ids are opaque strings or small numbers: nothing
//! here needs more than a JavaScript number can hold. Domain types, SQL rows and SIP messages stay inside.

mod command;
mod contacts;
mod error;
mod event;
mod ids;
mod media;
mod orders;
mod query;
mod quiet;
mod rules;
mod service;
mod settings;
mod storage;
mod view;

pub use command::{
    AccountOptions, CallAs, Command, NewAccount, NewProvider, ProviderKind, Reply, Secret, Transport,
};
pub use contacts::{
    AddressBookSynced, AddressBookView, BlockedView, ContactCard, ContactNumber, ContactView, NumberCard,
    SearchFilter, SearchHit, SearchKind, SearchPage,
};
pub use error::{ErrorCode, ErrorView, Fault};
pub use event::{Event, EventKind, Notice};
pub use ids::{AccountId, ActivityId, AddressBookId, CallId, ContactId, ThreadId, TopUpId};
pub use media::{
    BadSide, DtmfWay, MediaKeying, MediaOptions, MediaOverrides, MediaSecurity, QualityView, SilenceCause,
    TurnServer,
};
pub use orders::{NumberOrder, OfferView, OrderState, OrderView, QuoteView};
pub use query::{Answer, ExportFormat, ExportView, Query};
pub use quiet::{QuietHours, QuietSettings, QuietZone, Weekday};
pub use rules::{
    CallerShown, ComposedView, HiddenWhy, LineKind, NumberStateView, NumberTermsView, Price, PriceGap,
    PriceSource, RenewalView, SendLimitView, SmsEncoding, TargetView, TermsView, UnpaidView, Verdict,
};
pub use service::{
    AnsweringView, ForwardTo, ForwardingView, GreetingView, LedgerPage, LedgerRow, NewPaper, NewRefund,
    PaperState, PaperView, RefundState, RefundView,
};
pub use settings::{Appearance, HoldSound, Language, PortRange, RecordFormat, Settings};
pub use storage::{StorageChoice, StorageView};
pub use view::{
    AccountView, ActivityItem, ActivityPage, ActivityWhat, BalanceView, CallDirection, CallEndView,
    CallOutcome, CallSecurityView, CallState, CallStatsView, CallView, DeviceView, DevicesView, EndedBy,
    FeedState, HistoryView, HoldState, MessageState, MessageView, MoneyView, NumberView, PlayingView,
    RecordingView, RedirectView, RegistrationState, SecurityProtocol, Snapshot, SoundCheckView, ThreadView,
    TopUpState, TopUpView, TransactionKind, TransactionView, TransferAskView, TransferState, TransferView,
    VoiceMessageView, VoicemailView,
};
