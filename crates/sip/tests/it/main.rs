//! Endpoints against each other under virtual time, and the codec against recorded messages.

mod authentication;
mod calls;
mod everyday;
mod forking;
mod flows;
mod garbage;
mod guard;
mod identity;
mod info;
mod keepalive;
mod ladder;
mod messages;
mod net;
mod proxy;
mod proxy_context;
mod redirect;
mod registrar;
mod registrations;
mod rfc4475;
mod schedules;
mod scripted;
mod servers;
mod subscriptions;
mod torture;
mod transfer;
mod uas;
