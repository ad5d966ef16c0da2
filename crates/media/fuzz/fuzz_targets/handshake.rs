//! DTLS with somebody between the two sides. The body is in `targets.rs`, which the tests run as well.

#![no_main]

#[allow(dead_code, reason = "the other targets' bodies")]
#[path = "../targets.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| targets::handshake(bytes));
