//! How `tern` ends: one status for each kind of end, stable for scripts.

use std::process::ExitCode;

use tern_engine::api::{ErrorCode, Fault};

/// The exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    Done,
    Failed,
    Usage,
    Credentials,
    Unreachable,
    NotFound,
    Busy,
    NotAnswered,
    Machine,
    Refused,
    Interrupted,
}

/// Every status with its meaning, in the order of `--help`.
const ALL: [(Exit, &str); 11] = [
    (Exit::Done, "done; a call that was answered and hung up by either side"),
    (Exit::Failed, "the call or request failed: the other side, or a server, said no"),
    (Exit::Usage, "usage: an argument, a number, an amount or a text that can't be used"),
    (Exit::Credentials, "credentials refused, or missing"),
    (Exit::Unreachable, "unreachable: no answer from the server in time, or the connection broke"),
    (Exit::NotFound, "not found: nobody has this number, or no such account"),
    (Exit::Busy, "busy, or turned down"),
    (Exit::NotAnswered, "nobody answered, or nobody called"),
    (Exit::Machine, "this computer: a file, a sound device, an address in use, the storage, the keyring"),
    (
        Exit::Refused,
        "refused by a rule: emergency number, destination not served, balance too low, limit reached",
    ),
    (Exit::Interrupted, "interrupted before anything was done"),
];

impl Exit {
    /// The number the shell sees.
    pub(crate) fn status(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Credentials => 3,
            Self::Unreachable => 4,
            Self::NotFound => 5,
            Self::Busy => 6,
            Self::NotAnswered => 7,
            Self::Machine => 8,
            Self::Refused => 9,
            // 128 + SIGINT, as a shell would say it.
            Self::Interrupted => 130,
        }
    }

    /// The kind of end that an error of the engine means.
    pub(crate) fn of(code: ErrorCode) -> Self {
        use ErrorCode::*;
        match code {
            WrongPassword
            | PasswordNeeded
            | StorageClosed
            | WrongPassphrase
            | RegistrationForbidden
            | ProviderUnauthorized
            | ProviderAddressNotAllowed => Self::Credentials,
            SipUnreachable | SipRefused | CertificateUntrusted | CertificateWrongName
            | CertificateOutOfDate | EncryptionFailed | ProviderUnreachable | CallLost | NoWayForSound
            | NoRelay | NotRegistered | SendUnknown | SendUnconfirmed => Self::Unreachable,
            NotFound | NumberUnknown => Self::NotFound,
            InvalidTarget | InvalidRecipient | EmptyMessage | MessageTooLong | InvalidAmount
            | NumberNotYours => Self::Usage,
            Busy | Declined => Self::Busy,
            NotAnswered => Self::NotAnswered,
            EmergencyNotSupported
            | DestinationNotServed
            | InsufficientFunds
            | DocumentsNeeded
            | NumberSuspended
            | TrialUsedUp
            | PremiumNumber
            | RateLimited
            | ProviderRefused
            | CheckoutNotTrusted
            | NotOffered => Self::Refused,
            SipServerError | ProviderFailed | NoCommonCodec | CallNotEncryptable | CallKeysFailed
            | CallFailed | Internal => Self::Failed,
            // What the engine learns to say later is sorted by whose fault it is.
            other => match other.fault() {
                Fault::Machine => Self::Machine,
                Fault::Network => Self::Unreachable,
                Fault::User => Self::Usage,
                Fault::Peer | Fault::Provider | Fault::Tern => Self::Failed,
            },
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.status())
    }
}

/// The table for `--help`.
pub(crate) fn table() -> String {
    let mut table = String::from("Exit status:\n");
    for (exit, meaning) in ALL {
        table.push_str(&format!("{:>5}  {meaning}\n", exit.status()));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_stands_once_in_the_table() {
        let mut statuses: Vec<u8> = ALL.iter().map(|(exit, _)| exit.status()).collect();
        statuses.dedup();
        assert_eq!(statuses, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 130]);
        assert!(table().contains("\n    3  credentials refused"));
    }

    #[test]
    fn errors_end_with_the_status_that_tells_what_to_do() {
        let check = |code, expect| assert_eq!(Exit::of(code), expect, "{code:?}");
        check(ErrorCode::WrongPassword, Exit::Credentials);
        check(ErrorCode::SipUnreachable, Exit::Unreachable);
        check(ErrorCode::NumberUnknown, Exit::NotFound);
        check(ErrorCode::InvalidTarget, Exit::Usage);
        check(ErrorCode::Busy, Exit::Busy);
        check(ErrorCode::Declined, Exit::Busy);
        check(ErrorCode::NotAnswered, Exit::NotAnswered);
        check(ErrorCode::EmergencyNotSupported, Exit::Refused);
        check(ErrorCode::StorageFailed, Exit::Machine);
        check(ErrorCode::KeyringLocked, Exit::Machine);
        check(ErrorCode::CallFailed, Exit::Failed);
    }
}
