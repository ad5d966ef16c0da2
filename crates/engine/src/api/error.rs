//! Errors as the window and the command line see them: whose fault, which code. The sentence for each code is in
//! the message catalogues; nobody branches on text.

use serde::{Deserialize, Serialize};
use specta::Type;

/// Whose fault an error is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum Fault {
    /// What was typed or asked can't be done.
    User,
    /// The other side of a call.
    Peer,
    /// The provider, its rules or its servers.
    Provider,
    /// This computer: devices, disk, keyring.
    Machine,
    /// The way to the provider.
    Network,
    /// Tern itself.
    Tern,
}

/// What went wrong. Each has a sentence `error-<kebab-case>` in every language that says what to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum ErrorCode {
    /// The server refused user name or password; registration has stopped.
    WrongPassword,
    /// No keyring: the password must be typed at each start.
    PasswordNeeded,
    /// The keyring is locked, or its prompt was dismissed.
    KeyringLocked,
    /// The account is known to the server but may not register.
    RegistrationForbidden,
    /// The provider's SIP server does not answer.
    SipUnreachable,
    /// Nothing listens for SIP at the provider's address.
    SipRefused,
    /// No authority that is believed signed the SIP server's certificate.
    CertificateUntrusted,
    /// The SIP server's certificate is for another server (RFC 5922).
    CertificateWrongName,
    /// The SIP server's certificate is not valid any more, or not yet.
    CertificateOutOfDate,
    /// TLS with the SIP server failed; the detail says how.
    EncryptionFailed,
    /// The account's CA file, or the system's roots, can't be read.
    CaFileUnreadable,
    /// The SIP server answers with a failure of its own.
    SipServerError,
    /// The provider's API does not answer; what is shown may be old.
    ProviderUnreachable,
    /// The provider's API answers with a failure of its own.
    ProviderFailed,
    /// The provider's API refuses the token.
    ProviderUnauthorized,
    /// The provider answers only internet addresses that its customer has allowed, and not the one this computer has
    /// now.
    ProviderAddressNotAllowed,
    /// The provider turned the request down by a rule Tern has no own words for; the detail is the provider's.
    ProviderRefused,
    /// No such account, call, thread or message any more.
    NotFound,
    /// Not a number or address that can be called.
    InvalidTarget,
    /// Not a number an SMS can be sent to.
    InvalidRecipient,
    /// Emergency numbers can't be called with Tern; use a phone.
    EmergencyNotSupported,
    /// The provider does not serve this destination.
    DestinationNotServed,
    /// 404, 604: nobody has this number.
    NumberUnknown,
    /// 486, 600: the other side is busy.
    Busy,
    /// 603, 607: the other side turned the call down.
    Declined,
    /// 408, 480: nobody answered, or they are not there.
    NotAnswered,
    /// 488, 606: no codec in common.
    NoCommonCodec,
    /// The account calls encrypted only, and the other side can't, or the server between; the detail says what was
    /// missing.
    CallNotEncryptable,
    /// The keys of an encrypted call could not be agreed on, or are not the ones that were announced; the detail says
    /// why.
    CallKeysFailed,
    /// The other side could not be handed over; the detail has code and phrase. The call goes on.
    TransferFailed,
    /// The call's network path broke down.
    CallLost,
    /// No way to the other side's sound was found, or it broke off.
    NoWayForSound,
    /// The account's TURN server lends no address; the detail says why. The call goes on without it.
    NoRelay,
    /// Anything else a call failed with; the detail has code and phrase.
    CallFailed,
    /// Not registered: nothing can be called yet.
    NotRegistered,
    /// No microphone.
    NoMicrophone,
    /// No loudspeaker.
    NoSpeaker,
    /// The sound device stopped working.
    AudioDeviceFailed,
    /// The call can't be recorded, or no further: the folder or the disk; the detail says what. The call goes on.
    RecordingFailed,
    /// The sound file can't be played; the detail says why.
    PlayingFailed,
    /// The sound can't be checked during a call.
    SoundInUse,
    /// The provider wants papers first; the detail names them.
    DocumentsNeeded,
    /// A premium-rate number whose price nobody tells.
    PremiumNumber,
    /// The number rests until the balance is positive.
    NumberSuspended,
    /// What a trial number may do is used up.
    TrialUsedUp,
    /// The account has too little balance.
    InsufficientFunds,
    /// The SMS text is empty.
    EmptyMessage,
    /// The SMS text is longer than the provider takes.
    MessageTooLong,
    /// The number is not one of the account's own, or can't send SMS.
    NumberNotYours,
    /// The provider's SMS limits are reached; queued messages leave later.
    RateLimited,
    /// The outcome of sending is not known; it is being looked up and won't be sent twice.
    SendUnknown,
    /// The provider shows nothing of an SMS whose outcome is not known, and was asked often enough: only the user can
    /// decide to send it again, which may make two of it.
    SendUnconfirmed,
    /// The provider did not answer whether it did what costs money; it is asked again under the same key.
    OutcomeUnknown,
    /// A file can't be read, or is too large; the detail says which and why.
    FileUnreadable,
    /// The amount is not a decimal, or outside the provider's limits.
    InvalidAmount,
    /// The checkout page's address is not one the provider may name.
    CheckoutNotTrusted,
    /// No browser could be opened.
    BrowserFailed,
    /// The account's provider does not offer this.
    NotOffered,
    /// The local database can't be read or written.
    StorageFailed,
    /// The history is closed: first its user has to choose how it is opened.
    StorageClosed,
    /// The passphrase does not open the history.
    WrongPassphrase,
    /// A passphrase for a new history is too short; the detail is the least number of characters.
    PassphraseTooShort,
    /// The database was damaged; what could be read was kept, the rest comes from the provider again. The detail is
    /// where the damaged file lies.
    StorageDamaged,
    /// A contact needs a name and at least one number, or the file is too long.
    InvalidContact,
    /// The export can't be written; the detail says why.
    ExportFailed,
    /// A mistake of ours.
    Internal,
}

/// An error on its way to a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ErrorView {
    /// What.
    pub code: ErrorCode,
    /// Whose fault.
    pub fault: Fault,
    /// Facts to show beside the sentence: a SIP status, the provider's own words, a device's name. Plain text from
    /// outside, never markup.
    pub detail: Option<String>,
}

impl ErrorView {
    /// An error without detail.
    pub fn new(code: ErrorCode) -> Self {
        Self { code, fault: code.fault(), detail: None }
    }

    /// An error with facts beside it.
    pub fn with_detail(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self { code, fault: code.fault(), detail: Some(detail.into()) }
    }
}

impl ErrorCode {
    /// Whose fault it is.
    pub fn fault(self) -> Fault {
        use ErrorCode::*;
        match self {
            WrongPassword
            | PasswordNeeded
            | StorageClosed
            | WrongPassphrase
            | PassphraseTooShort
            | InvalidContact
            | NotFound
            | InvalidTarget
            | InvalidRecipient
            | EmptyMessage
            | MessageTooLong
            | InvalidAmount
            | EmergencyNotSupported
            | InsufficientFunds
            | DocumentsNeeded
            | NumberSuspended
            | TrialUsedUp
            | SoundInUse
            | NumberNotYours => Fault::User,
            NumberUnknown | Busy | Declined | NotAnswered | NoCommonCodec | CallNotEncryptable
            | CallKeysFailed | TransferFailed => Fault::Peer,
            RegistrationForbidden
            | CertificateUntrusted
            | CertificateWrongName
            | CertificateOutOfDate
            | EncryptionFailed
            | SipServerError
            | ProviderFailed
            | ProviderUnauthorized
            | ProviderRefused
            | ProviderAddressNotAllowed
            | DestinationNotServed
            | PremiumNumber
            | RateLimited
            | CheckoutNotTrusted
            | NotOffered
            | NoRelay
            | CallFailed => Fault::Provider,
            SipUnreachable | SipRefused | ProviderUnreachable | CallLost | NoWayForSound | NotRegistered
            | SendUnknown | SendUnconfirmed | OutcomeUnknown => Fault::Network,
            KeyringLocked | CaFileUnreadable | NoMicrophone | NoSpeaker | AudioDeviceFailed
            | BrowserFailed | FileUnreadable | StorageFailed | StorageDamaged | ExportFailed
            | RecordingFailed | PlayingFailed => Fault::Machine,
            Internal => Fault::Tern,
        }
    }
}
