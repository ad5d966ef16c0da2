//! Writes the TypeScript of `engine::api` to the file named.

use std::process::ExitCode;

use specta::Types;
use specta_typescript::Typescript;
use tern_engine::api::{Answer, Command, ErrorView, Event, Query, Reply};

fn main() -> ExitCode {
    let Some(path) = std::env::args_os().nth(1) else {
        eprintln!("usage: bindings FILE.ts");
        return ExitCode::from(2);
    };
    let types = Types::default()
        .register::<Command>()
        .register::<Reply>()
        .register::<Query>()
        .register::<Answer>()
        .register::<Event>()
        .register::<ErrorView>();
    let header = "// Generated from crates/engine/src/api by `cargo xtask codegen`. Do not edit.\n";
    match Typescript::default().header(header).export_to(path, &types, specta_serde::Format) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
