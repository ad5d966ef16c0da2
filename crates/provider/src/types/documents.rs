//! Papers that some numbers and destinations need.

use jiff::Timestamp;

use super::{File, RemoteId};

/// What sort of paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DocumentKind {
    /// A photo or scan of a passport.
    Passport,
    /// Where the person is registered; written, no file.
    RegistrationAddress,
    /// A bill or the like.
    ProofOfAddress,
}

/// Where a paper stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DocumentState {
    /// Nobody has looked at it.
    InReview,
    /// Good.
    Approved,
    /// Not good.
    Rejected {
        /// The provider's sentence.
        reason: String,
    },
}

/// A paper that was handed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Id at the provider.
    pub id: RemoteId,
    /// What sort.
    pub kind: DocumentKind,
    /// Where it stands.
    pub state: DocumentState,
    /// When it was handed in.
    pub at: Timestamp,
}

/// A paper to hand in.
#[derive(Clone, PartialEq, Eq)]
pub enum NewDocument {
    /// See [`DocumentKind::Passport`].
    Passport(File),
    /// See [`DocumentKind::RegistrationAddress`].
    RegistrationAddress {
        /// City.
        city: String,
        /// Street.
        street: String,
        /// Number of the building.
        building: String,
    },
    /// See [`DocumentKind::ProofOfAddress`].
    ProofOfAddress(File),
}

impl NewDocument {
    /// What sort it is.
    pub fn kind(&self) -> DocumentKind {
        match self {
            Self::Passport(_) => DocumentKind::Passport,
            Self::RegistrationAddress { .. } => DocumentKind::RegistrationAddress,
            Self::ProofOfAddress(_) => DocumentKind::ProofOfAddress,
        }
    }
}

impl std::fmt::Debug for NewDocument {
    // Where somebody lives stays out of every log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("NewDocument").field(&self.kind()).finish_non_exhaustive()
    }
}
