//! Engine and sandbox over loopback: one binary, a module per feature.
//!
//! Both run in this process on free ports, as a provider and a computer would run far apart: only sockets join
//! them. Calls take real time; everything else waits for the event it needs, and fails with the story so far when
//! that does not come. What a person does on a [`scene`] is one line of a test.

#![cfg(unix)]

mod scene;

mod address_books;
mod away;
mod blunt;
mod calls;
mod canary;
mod command_line;
mod conference;
mod conformance;
mod customer;
mod full_disk;
mod funds;
mod garbage;
mod keeping;
mod kills;
mod messages;
mod outage;
mod recording;
mod registration;
mod sound;
mod sound_card;
mod voicemail;
