//! Plain databases of earlier versions are sealed once, and a kill at any point leaves a whole one.

use super::{fixture::*, *};
use crate::store::folder::Step;

fn plain(folder: &Folder) -> Dump {
    let mut connection = Connection::open(folder.main()).unwrap();
    connection.pragma_update(None, "journal_mode", "WAL").unwrap();
    fill(&mut connection, 5, 20);
    dump(&connection, None)
}

fn assert_sealed(scratch: &Scratch) {
    for file in std::fs::read_dir(&scratch.0).unwrap().flatten() {
        let bytes = std::fs::read(file.path()).unwrap();
        for what in ["SQLite format 3", "unsent words", "some more words"] {
            let found = bytes.windows(what.len()).any(|window| window == what.as_bytes());
            assert!(!found, "{what} lies in {:?}", file.path());
        }
    }
}

#[test]
fn a_plain_database_is_sealed_with_every_row() {
    let scratch = Scratch::new("sealed");
    let rows = plain(&scratch.folder());
    assert_eq!(scratch.folder().kind().unwrap(), FileKind::Plain);
    let (found, loaded) = opened(&scratch.folder(), Some(&rows));
    assert_eq!(found, rows);
    assert_eq!((loaded.damage, loaded.next_account), (None, 4));
    assert_eq!(scratch.folder().kind().unwrap(), FileKind::Sealed);
    assert_sealed(&scratch);
    // Sealed once: the next start finds the same.
    assert_eq!(opened(&scratch.folder(), Some(&rows)).0, rows);
}

#[test]
fn a_kill_while_sealing_leaves_a_whole_database() {
    for step in [Step::Copied, Step::Freed, Step::Named] {
        let scratch = Scratch::new("killed");
        let folder = scratch.folder();
        let rows = plain(&folder);
        let stopped = folder.seal_up(&key(), &mut |reached| match reached == step {
            true => Err(StoreError::Closed),
            false => Ok(()),
        });
        assert!(stopped.is_err(), "{step:?}");
        assert_eq!(opened(&folder, Some(&rows)).0, rows, "{step:?}");
        assert_sealed(&scratch);
    }
    // Killed while it was still being copied.
    let scratch = Scratch::new("half");
    let rows = plain(&scratch.folder());
    std::fs::write(scratch.folder().beside("new"), [7; 5000]).unwrap();
    assert_eq!(opened(&scratch.folder(), Some(&rows)).0, rows);
    assert_sealed(&scratch);
}

#[test]
fn another_key_opens_nothing_and_changes_nothing() {
    let scratch = Scratch::new("wrong");
    let folder = scratch.folder();
    let right = Key::passphrase("right horse").unwrap();
    let (store, _) = Store::open(Some((&folder, &right)), now()).unwrap();
    store.close();
    let before = std::fs::read(folder.main()).unwrap();
    for wrong in ["wrong horse", "right horse ", "' --"] {
        let wrong = Key::passphrase(wrong).unwrap();
        assert!(matches!(Store::open(Some((&folder, &wrong)), now()), Err(StoreError::WrongKey)));
    }
    assert_eq!(std::fs::read(folder.main()).unwrap(), before);
    assert!(folder.kept().unwrap().is_empty());
    Store::open(Some((&folder, &right)), now()).unwrap().0.close();
}

#[test]
fn every_released_schema_is_brought_up_to_date_with_its_rows() {
    for version in 1..=MIGRATIONS.len() {
        for sealed in [false, true] {
            let scratch = Scratch::new("schema");
            let folder = scratch.folder();
            let mut connection = Connection::open(folder.main()).unwrap();
            if sealed {
                key().unlock(&connection).unwrap();
            }
            fill(&mut connection, version, 5);
            let rows = dump(&connection, None);
            drop(connection);
            let (found, loaded) = opened(&folder, Some(&rows));
            assert_eq!(found, rows, "schema {version}, sealed: {sealed}");
            assert_eq!(loaded.damage, None);
            assert_eq!(loaded.settings.ringer.as_deref(), Some("bell"));
            assert_eq!(loaded.accounts.len(), 2);
            assert_eq!(loaded.accounts[0].outbox.len(), 5);
            assert_eq!(loaded.accounts[0].cursor, Some(Cursor("c42".into())));
        }
    }
}

#[test]
fn a_database_of_a_newer_tern_is_left_alone() {
    let scratch = Scratch::new("newer");
    let folder = scratch.folder();
    let mut connection = folder::connect(&folder.main(), &key()).unwrap();
    prepare(&mut connection).unwrap();
    connection.pragma_update(None, "user_version", 999).unwrap();
    connection.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(())).unwrap();
    drop(connection);
    let before = std::fs::read(folder.main()).unwrap();
    assert!(matches!(Store::open(Some((&folder, &key())), now()), Err(StoreError::Newer)));
    assert_eq!(std::fs::read(folder.main()).unwrap(), before);
}
