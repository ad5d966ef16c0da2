//! The ways a call ends, in the words of [`Ending`].

use crate::event::{EndedBy, Ending};
use crate::wire::{HeaderAccess as _, Request, Response, Warning, default_reason};

/// Warnings of a response that are kept.
const MAX_WARNINGS: usize = 8;

impl Ending {
    pub(super) fn local(phrase: &str) -> Ending {
        Ending { by: EndedBy::Local, code: None, phrase: phrase.into(), reason: None, warnings: Vec::new() }
    }

    pub(super) fn remote(phrase: &str) -> Ending {
        Ending { by: EndedBy::Remote, code: None, phrase: phrase.into(), reason: None, warnings: Vec::new() }
    }

    pub(super) fn network(phrase: &str) -> Ending {
        Ending { by: EndedBy::Network, code: None, phrase: phrase.into(), reason: None, warnings: Vec::new() }
    }

    pub(super) fn with_code(self, code: u16) -> Ending {
        Ending { code: Some(code), ..self }
    }

    /// A BYE or CANCEL of the other side.
    pub(super) fn of_request(request: &Request, phrase: &str) -> Ending {
        Ending { reason: request.headers.reason(), ..Ending::remote(phrase) }
    }

    pub(super) fn of_response(response: &Response) -> Ending {
        let code = response.code();
        let warnings = response.headers.views::<Warning>().unwrap_or_default();
        Ending {
            // What a person does ends a call remotely; the rest is a server's refusal.
            by: match code {
                408 | 480 | 486 | 487 | 600 | 603 | 607 => EndedBy::Remote,
                _ => EndedBy::Provider,
            },
            code: Some(code),
            phrase: phrase_of(response),
            reason: response.headers.reason(),
            warnings: warnings.into_iter().take(MAX_WARNINGS).map(|warning| warning.code).collect(),
        }
    }
}

/// The reason phrase of a response; the usual one where it has none.
pub(super) fn phrase_of(response: &Response) -> String {
    if response.reason.is_empty() { default_reason(response.code()).into() } else { response.reason.clone() }
}
