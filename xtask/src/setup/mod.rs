//! Makes a machine ready: system packages, Rust, Node, the window's npm packages.
//!
//! It only adds what is missing, so a second time costs a fraction of a second, and it never asks: it runs
//! in CI, as root, without a stdin. Which packages, stands in [`packages`].

pub mod packages;
mod python;
mod system;
mod tools;

pub use packages::Group;
pub use python::schemathesis;

use anyhow::Result;

use crate::repository::Repository;
use crate::say;

/// Installs what the groups of packages name, checks Rust and Node, and fetches the npm packages.
pub fn everything(repository: &Repository, groups: &[Group]) -> Result<()> {
    let purpose = groups.iter().map(Group::purpose).collect::<Vec<_>>().join(", ");
    say::step(&format!("setup: what {purpose} needs"));
    system::install(groups)?;
    tools::check_rust(repository)?;
    tools::check_node()?;
    tools::fetch_npm_packages(repository, "ui")?;
    if groups.contains(&Group::Tests) {
        // The programs that play a provider.
        tools::fetch_npm_packages(repository, "tests/oracles")?;
        schemathesis(repository)?;
    }
    Ok(())
}

/// Adds clippy and rustfmt to the Rust installation where they are missing.
pub fn lints(repository: &Repository) -> Result<()> {
    tools::add_rust_components(repository)
}
