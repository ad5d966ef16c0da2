//! What crosses between the engine and whoever shows it: commands in, replies and events out, views to read.
//!
//! Plain data only; the TypeScript in `ui/src/api/generated.ts` is generated from here and a test holds it fresh.
//! Times are RFC 3339 strings in UTC, amounts are decimal strings, ids are opaque strings or small numbers: nothing
//! here needs more than a JavaScript number can hold. Domain types, SQL rows and SIP messages stay inside.

mod account;
mod activity;
mod call;
mod command;
mod contacts;
mod error;
mod event;
mod ids;
mod media;
mod new_account;
mod orders;
mod query;
mod quiet;
mod reply;
mod rules;
mod secret;
mod service;
mod settings;
mod snapshot;
mod sound;
mod storage;
mod voicemail;

pub use account::{
    AccountView, BalanceView, FeedState, HistoryView, MoneyView, NumberView, RegistrationState, TopUpState,
    TopUpView,
};
pub use activity::{
    ActivityItem, ActivityPage, ActivityWhat, CallDirection, CallOutcome, MessageState, MessageView,
    ThreadView, TransactionKind, TransactionView,
};
pub use call::{
    CallAs, CallEndView, CallSecurityView, CallState, CallStatsView, CallView, EndedBy, HoldState,
    RecordingView, RedirectView, SecurityProtocol, TransferAskView, TransferState, TransferView,
};
pub use command::Command;
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
pub use new_account::{AccountOptions, NewAccount, NewProvider, ProviderKind, Transport};
pub use orders::{NumberOrder, OfferView, OrderState, OrderView, QuoteView};
pub use query::{Answer, ExportFormat, ExportView, Query};
pub use quiet::{QuietHours, QuietSettings, QuietZone, Weekday};
pub use reply::Reply;
pub use rules::{
    CallerShown, ComposedView, HiddenWhy, LineKind, NumberStateView, NumberTermsView, Price, PriceGap,
    PriceSource, RenewalView, SendLimitView, SmsEncoding, TargetView, TermsView, UnpaidView, Verdict,
};
pub use secret::Secret;
pub use service::{
    AnsweringView, ForwardTo, ForwardingView, GreetingView, LedgerPage, LedgerRow, NewPaper, NewRefund,
    PaperState, PaperView, RefundState, RefundView,
};
pub use settings::{Appearance, HoldSound, Language, PortRange, RecordFormat, Settings};
pub use snapshot::Snapshot;
pub use sound::{DeviceView, DevicesView, PlayingView, SoundCheckView};
pub use storage::{StorageChoice, StorageView};
pub use voicemail::{VoiceMessageView, VoicemailView};
