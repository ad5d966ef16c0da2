//! Everyday messages parsed and written by this codec, by `rsip` and by `rsipstack`.
//!
//! All three give owned messages with every header line by its name. This codec also checks the headers every message
//! must have; the others leave that to whoever reads them.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;

/// Those that all three libraries can read.
const MESSAGES: [(&str, &[u8]); 8] = [
    ("kamailio-401", include_bytes!("../fuzz/corpus/message/kamailio-401")),
    ("kamailio-invite", include_bytes!("../fuzz/corpus/message/kamailio-invite")),
    ("kamailio-100", include_bytes!("../fuzz/corpus/message/kamailio-100")),
    ("freeswitch-invite", include_bytes!("../fuzz/corpus/message/freeswitch-invite")),
    ("freeswitch-407", include_bytes!("../fuzz/corpus/message/freeswitch-407")),
    ("asterisk-pjsip-invite", include_bytes!("../fuzz/corpus/message/asterisk-pjsip-invite")),
    ("opensips-register-200", include_bytes!("../fuzz/corpus/message/opensips-register-200")),
    ("deskphone-register", include_bytes!("../fuzz/corpus/message/deskphone-register")),
];

fn tern(bytes: &[u8]) -> tern_sip::wire::Message {
    tern_sip::wire::parse_datagram(bytes).expect("a sound message")
}

fn rsip(bytes: &[u8]) -> rsip::SipMessage {
    rsip::SipMessage::try_from(bytes).expect("a sound message")
}

fn rsipstack(bytes: &[u8]) -> rsipstack::sip::SipMessage {
    rsipstack::sip::SipMessage::try_from(bytes).expect("a sound message")
}

fn parse(c: &mut Criterion) {
    let mut group = c.benchmark_group("parse");
    group.throughput(Throughput::Elements(MESSAGES.len() as u64));
    let all = |read: &dyn Fn(&[u8])| MESSAGES.iter().for_each(|(_, bytes)| read(black_box(bytes)));
    group.bench_function("tern", |b| b.iter(|| all(&|bytes| drop(black_box(tern(bytes))))));
    group.bench_function("rsip", |b| b.iter(|| all(&|bytes| drop(black_box(rsip(bytes))))));
    group.bench_function("rsipstack", |b| b.iter(|| all(&|bytes| drop(black_box(rsipstack(bytes))))));
    group.finish();
}

fn write(c: &mut Criterion) {
    let mut group = c.benchmark_group("write");
    group.throughput(Throughput::Elements(MESSAGES.len() as u64));
    let ours: Vec<_> = MESSAGES.iter().map(|(_, bytes)| tern(bytes)).collect();
    let theirs: Vec<_> = MESSAGES.iter().map(|(_, bytes)| rsip(bytes)).collect();
    let others: Vec<_> = MESSAGES.iter().map(|(_, bytes)| rsipstack(bytes)).collect();
    group.bench_function("tern", |b| {
        b.iter(|| ours.iter().for_each(|m| drop(black_box(black_box(m).to_bytes()))));
    });
    group.bench_function("rsip", |b| {
        // Its way to bytes takes the message; the copy is not counted.
        b.iter_batched(
            || theirs.clone(),
            |messages| messages.into_iter().for_each(|m| drop(black_box(Vec::<u8>::from(m)))),
            BatchSize::SmallInput,
        );
    });
    group.bench_function("rsipstack", |b| {
        b.iter(|| others.iter().for_each(|m| drop(black_box(black_box(m).to_bytes()))));
    });
    group.finish();
}

criterion_group!(benches, parse, write);
criterion_main!(benches);
