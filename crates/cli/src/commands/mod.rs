//! One file per command. Each starts what it needs, tells what happens, and leaves nothing running.

pub(crate) mod accounts;
pub(crate) mod activity;
pub(crate) mod answer;
pub(crate) mod balance;
pub(crate) mod call;
pub(crate) mod check;
mod consent;
pub(crate) mod contacts;
mod control;
pub(crate) mod delete;
pub(crate) mod numbers;
pub(crate) mod play;
pub(crate) mod provider;
pub(crate) mod rates;
pub(crate) mod register;
mod row;
pub(crate) mod sandbox;
pub(crate) mod search;
pub(crate) mod sms;
mod talk;
pub(crate) mod wallet;
