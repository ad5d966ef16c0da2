//! An adapter before Prism, which answers as an official description says: every request is held against it.

use tern_tests::Result;

use crate::{
    description::Description,
    programs::{self, Program},
    relay::{Exchange, Manner, Relay},
};

/// An adapter, what it talks to, and what is said.
pub(crate) struct Scene<P> {
    _program: Program,
    pub(crate) relay: Relay,
    pub(crate) description: Description,
    pub(crate) provider: P,
}

impl<P> Scene<P> {
    /// Serves a description's file; `adapter` is made of the address where it is served.
    pub(crate) async fn start(
        file: &str,
        manner: Manner,
        adapter: impl FnOnce(&str) -> Result<P>,
    ) -> Result<Self> {
        let file = programs::description(file);
        let program = Program::prism(&file)?;
        let relay = Relay::before(&program.url, manner).await;
        let provider = adapter(&relay.url)?;
        Ok(Self { _program: program, relay, description: Description::read(&file), provider })
    }

    /// What was said since the last time, each request checked.
    pub(crate) fn checked(&self) -> Vec<Exchange> {
        let exchanges = self.relay.take();
        assert!(!exchanges.is_empty());
        exchanges.iter().for_each(|exchange| self.description.check(exchange));
        exchanges
    }
}
