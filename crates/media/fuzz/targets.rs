//! What each fuzz target does with its bytes. Run long by `cargo xtask fuzz`, and for a moment by `cargo test`
//! (`tests/it/fuzz.rs`): whatever comes, nothing panics, nothing forged is taken, and what was sealed is opened.

use tern_media::secure::{Keys, Srtp, Suite};

/// Packets of SRTP and SRTCP: the first octet chooses the suite.
pub(crate) fn unprotect(bytes: &[u8]) {
    let Some((first, bytes)) = bytes.split_first() else { return };
    let suite = Suite::ALL[usize::from(*first) % Suite::ALL.len()];
    let mki: &[u8] = if first & 0x80 == 0 { &[] } else { &[1, 2] };
    let keys =
        |octet, mki| Keys::new(suite, &vec![octet; suite.keying_length()], mki).expect("the right length");
    let mut here = Srtp::new(keys(1, mki), keys(2, mki)).expect("keys fit");
    let mut there = Srtp::new(keys(2, mki), keys(1, mki)).expect("keys fit");
    assert!(here.unprotect_rtp(&mut bytes.to_vec()).is_err());
    assert!(here.unprotect_rtcp(&mut bytes.to_vec()).is_err());
    let mut packet = bytes.to_vec();
    if here.protect_rtp(&mut packet).is_ok() {
        there.unprotect_rtp(&mut packet).expect("what was sealed is opened");
        assert_eq!(packet, bytes);
    }
    let mut packet = bytes.to_vec();
    if here.protect_rtcp(&mut packet).is_ok() {
        there.unprotect_rtcp(&mut packet).expect("what was sealed is opened");
        assert_eq!(packet, bytes);
    }
}
