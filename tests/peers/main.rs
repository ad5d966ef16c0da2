//! Calls with other people's programs: Kamailio as registrar and proxy, baresip and Linphone as the other phone.
//!
//! Each test starts what it needs on ports that were free and stops it again; nothing has to run beforehand
//! and nothing that runs is in the way. The programs come with `cargo xtask setup --tests`.

#![cfg(unix)]

mod calls;
mod cancelling;
mod challenges;
mod early;
mod encryption;
mod families;
mod lasting;
#[cfg(target_os = "linux")]
mod network;
mod offers;
#[cfg(target_os = "linux")]
mod paths;
mod phones;
mod registration;
mod relayed;
mod talks;
mod themselves;
mod timers;
mod transfers;
mod ways;

use tern_tests::actors::Credentials;

/// The account that Tern uses.
const TERN: Credentials = Credentials { user: "tern", password: "a-password-for-tests" };

/// The account of baresip.
const BOB: Credentials = Credentials { user: "bob", password: "another-for-tests" };

/// A third one.
const CAROL: Credentials = Credentials { user: "carol", password: "a-third-for-tests" };
