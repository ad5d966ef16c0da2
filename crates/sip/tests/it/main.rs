//! Endpoints against each other under virtual time, and the codec against recorded messages.

mod authentication;
mod calls;
mod everyday;
mod garbage;
mod guard;
mod identity;
mod ladder;
mod net;
mod registrar;
mod registrations;
mod rfc4475;
mod schedules;
mod torture;
mod uas;
