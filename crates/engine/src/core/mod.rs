//! The rules: one state, one step.
//!
//! Invariant: [`State::step`] is the only way anything changes, it is synchronous, and it touches nothing outside:
//! time, bytes and answers come in as [`Input`], everything to be done goes out as [`Effect`]. The same inputs and
//! the same seed give the same effects. No SQL, no HTTP, no keyring, no socket is known here.

mod act;
mod backoff;
mod effect;
mod input;
mod keep;
mod state;

pub(crate) use act::{Act, Acted};
pub(crate) use backoff::Backoff;
pub(crate) use effect::{
    Addresses, Connection, Effect, MediaPlan, ProviderRequest, Reach, RecordTo, SoundPlan,
};
pub(crate) use input::{
    Input, MediaReport, Now, ProviderReport, RequestId, SecretKind, StreamEnd, StreamNews,
};
pub(crate) use keep::{Kept, Write};
pub(crate) use state::{CoreConfig, State};

#[cfg(test)]
pub(crate) mod tests;
