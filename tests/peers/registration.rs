//! Tern registers at Kamailio.

use std::time::Duration;

use tern_tests::Result;
use tern_tests::actors::{Credentials, Digest, Kamailio, Tern};

use super::TERN;

const SOON: Duration = Duration::from_secs(20);

#[test]
fn with_md5() -> Result<()> {
    registers(Digest::Md5)
}

#[test]
fn with_sha_256() -> Result<()> {
    registers(Digest::Sha256)
}

#[test]
fn a_wrong_password_is_told_and_not_tried_again() -> Result<()> {
    let registrar = Kamailio::start(Digest::Md5, &[TERN])?;
    let mut tern =
        Tern::new(&Credentials { password: "not-the-one", ..TERN }, registrar.address())?.register()?;
    let status = tern.wait(SOON)?;
    assert_eq!(status.code(), Some(REFUSED_CREDENTIALS), "{}", tern.log());
    // One without credentials, one with: the second 401 is the registrar's word on the password. A stale
    // nonce would be the one reason for a third.
    let attempts = registrar.saw("REGISTER", TERN.user);
    assert_eq!(attempts.len(), 2, "{attempts:#?}\n{}", tern.log());
    assert!(!tern.log().contains("not-the-one"), "the password is in the output:\n{}", tern.log());
    Ok(())
}

/// The exit code that `tern` documents for a user name or password that was refused.
const REFUSED_CREDENTIALS: i32 = 3;

fn registers(digest: Digest) -> Result<()> {
    let registrar = Kamailio::start(digest, &[TERN])?;
    let mut tern = Tern::new(&TERN, registrar.address())?.register()?;
    let status = tern.wait(SOON)?;
    assert!(status.success(), "{status}\n{}\n{}", tern.log(), registrar.log());
    let attempts = registrar.saw("REGISTER", TERN.user);
    let algorithm = if digest == Digest::Md5 { "MD5" } else { "SHA-256" };
    let answered = attempts
        .iter()
        .any(|line| line.contains(&format!("algorithm={algorithm}")) && line.contains("nc=00000001"));
    assert!(answered, "{attempts:#?}");
    Ok(())
}
