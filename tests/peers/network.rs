//! The computer gets another address, or loses its link, with nothing running but Tern. Linux only, and root.
//!
//! The limits here are those of "it works"; how fast it is, `cargo xtask bench network` tells.

use std::io::Write as _;
use std::time::Duration;

use tern_tests::Result;
use tern_tests::moving::Moving;

/// What a busy machine may take for something that should take a second.
const SLOW: Duration = Duration::from_secs(15);

#[test]
fn a_new_address_is_registered_and_called() -> Result<()> {
    let Some(mut world) = world("a_new_address_is_registered_and_called")? else { return Ok(()) };
    let tern = world.waiting()?;
    let took = world.move_idle(&tern)?;
    assert!(took < SLOW, "{took:?}\n{}", tern.log());
    world.call_back(&tern)
}

#[test]
fn a_call_goes_on_from_a_new_address() -> Result<()> {
    let Some(mut world) = world("a_call_goes_on_from_a_new_address")? else { return Ok(()) };
    let mut tern = world.talking(40)?;
    for _ in ["once", "and again"] {
        let gap = world.move_talking(&tern)?;
        assert!(gap.there < SLOW && gap.here < SLOW && gap.registered < SLOW, "{gap:?}\n{}", tern.log());
    }
    tern.stop()?;
    let summary = tern.last_line()?;
    assert_eq!(summary["ended_by"], "local", "{summary}\n{}", tern.log());
    Ok(())
}

#[test]
fn a_call_outlives_a_link_that_was_down() -> Result<()> {
    let Some(mut world) = world("a_call_outlives_a_link_that_was_down")? else { return Ok(()) };
    let mut tern = world.talking(40)?;
    let took = world.lose_link(&tern, Duration::from_secs(3))?;
    assert!(took < SLOW, "{took:?}\n{}", tern.log());
    tern.stop()?;
    let summary = tern.last_line()?;
    assert_eq!(summary["ended_by"], "local", "{summary}\n{}", tern.log());
    Ok(())
}

/// The two networks; where none can be had, says so past the test's own capture of what it prints.
fn world(test: &str) -> Result<Option<Moving>> {
    match Moving::new()? {
        Ok(world) => Ok(Some(world)),
        Err(why) => {
            writeln!(std::io::stderr(), "NOT RUN: {test}, it takes root's rights: {why}")?;
            Ok(None)
        }
    }
}
