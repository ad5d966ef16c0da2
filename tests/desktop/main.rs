//! The real window, driven on a stage of its own: one binary, a module per thing a person does.
//!
//! Real are the app with its page, sound devices, notifications, keyring and calls over loopback; a sandbox in this
//! process is the provider. Each test has a stage to itself and they take turns: a call's sound suffers when two
//! windows share two cores.
//!
//! What a test sees when it fails lies in `target/desktop-artifacts` under its name.
#![cfg(target_os = "linux")]

mod browser;
mod desk;
mod notifications;
mod provider;
mod screen;
mod tray;
mod until;
mod window;

mod away;
mod echo;
mod first_look;
mod funds;
mod messages;
mod missing;
mod people;
mod prices;
mod ringing;
mod shell;
