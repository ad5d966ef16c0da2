//! Opening the stored history where no keyring has its key: a passphrase, or nothing kept.

use std::{io::IsTerminal, path::Path};

use tern_engine::{
    EngineHandle,
    api::{Command, ErrorCode, ErrorView, Secret, StorageChoice, StorageView},
};

use crate::{args, failure::Failure};

/// Opens it as the arguments say, or as is typed at the terminal. Does nothing where it is open.
///
/// # Errors
/// Nobody can be asked, or the passphrase is not the right one.
pub(crate) async fn open(engine: &EngineHandle, args: &args::History) -> Result<(), Failure> {
    let (snapshot, _) = engine.subscribe().await?;
    let Some(view) = snapshot.storage else { return Ok(()) };
    let choice = match &args.passphrase_file {
        _ if args.no_history => StorageChoice::NoHistory {},
        Some(file) => StorageChoice::Passphrase { passphrase: first_line(file)? },
        None if std::io::stdin().is_terminal() => StorageChoice::Passphrase { passphrase: typed(view)? },
        None => return Err(ErrorView::with_detail(ErrorCode::StorageClosed, options(view)).into()),
    };
    engine.command(Command::OpenStorage { choice }).await?;
    Ok(())
}

fn options(view: StorageView) -> &'static str {
    match view {
        StorageView::Choose { .. } => "there is no keyring: --passphrase-file FILE or --no-history",
        StorageView::PassphraseNeeded {} => "it has a passphrase: --passphrase-file FILE or --no-history",
        StorageView::KeyringClosed {} => "the keyring is locked or away: --no-history goes on without it",
        StorageView::KeyLost {} => {
            "the keyring has no key for it any more: --passphrase-file FILE or --no-history"
        }
    }
}

fn typed(view: StorageView) -> Result<Secret, Failure> {
    let missing = || Failure::usage("passphraseMissing", "No passphrase was typed.");
    let prompt = |text: &str| {
        let typed = rpassword::prompt_password(text).ok().filter(|typed| !typed.is_empty());
        typed.ok_or_else(missing)
    };
    let StorageView::Choose { .. } = view else { return prompt("Passphrase: ").map(Secret) };
    let first = prompt("There is no keyring. Passphrase for the history (or stop, and use --no-history): ")?;
    if prompt("Once more: ")? != first {
        return Err(Failure::usage("passphraseMissing", "The two passphrases differ."));
    }
    Ok(Secret(first))
}

fn first_line(file: &Path) -> Result<Secret, Failure> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        let sentence = format!("The passphrase in {} can't be read.", file.display());
        Failure::machine("passphraseUnreadable", sentence, error.to_string())
    })?;
    Ok(Secret(text.lines().next().unwrap_or_default().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_to_the_end_of_its_first_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("passphrase");
        std::fs::write(&file, "correct horse \r\nsecond").unwrap();
        assert_eq!(first_line(&file).ok(), Some(Secret("correct horse ".into())));
        let Err(Failure::Told(told)) = first_line(&folder.path().join("none")) else { panic!("missing") };
        assert_eq!(told.code, "passphraseUnreadable");
    }
}
