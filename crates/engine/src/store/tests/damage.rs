//! Damaged files: recovered or clearly reported, and what can be read of this computer's own rows is kept.

use std::{collections::BTreeSet, fs};

use rusqlite::types::Value;

use super::{fixture::*, *};

const FILES: u64 = 500;
const PAGE: usize = 4096;

/// A database with a log that holds its last changes, as a kill leaves them.
struct Sample {
    main: Vec<u8>,
    log: Vec<u8>,
    head: Vec<u8>,
    rows: Dump,
    /// Each table's pages, with its indices'.
    pages: BTreeMap<String, BTreeSet<usize>>,
    /// Pages that the log has a newer version of.
    logged: BTreeSet<usize>,
}

fn sample() -> Sample {
    let scratch = Scratch::new("sample");
    let folder = scratch.folder();
    let mut connection = folder::connect(&folder.main(), &key()).unwrap();
    prepare(&mut connection).unwrap();
    fill(&mut connection, MIGRATIONS.len(), 80);
    connection.close().unwrap();
    // Keeps the first page.
    Store::open(Some((&folder, &key())), now()).unwrap().0.close();
    let connection = folder::connect(&folder.main(), &key()).unwrap();
    connection.pragma_update(None, "wal_autocheckpoint", 0).unwrap();
    for i in 1..=40 {
        connection.execute("UPDATE draft SET text = 'changed ' || ?1 WHERE thread = ?1", [i]).unwrap();
    }
    let rows = dump(&connection, None);
    let mut pages: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
    let mut statement = connection
        .prepare("SELECT coalesce(s.tbl_name, d.name), d.pageno FROM dbstat d LEFT JOIN sqlite_schema s ON s.name = d.name")
        .unwrap();
    let found = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?))).unwrap();
    for (table, page) in found.map(Result::unwrap) {
        pages.entry(table).or_default().insert(usize::try_from(page).unwrap());
    }
    drop(statement);
    let read = |path: PathBuf| fs::read(path).unwrap();
    let (main, log, head) = (read(folder.main()), read(folder.beside("wal")), read(folder.beside("head")));
    let frames = log[32..].chunks(24 + PAGE);
    let logged = frames.map(|f| u32::from_be_bytes(f[..4].try_into().unwrap()) as usize).collect();
    Sample { main, log, head, rows, pages, logged }
}

/// What was done to a file.
#[derive(Debug, Default)]
struct Done {
    what: &'static str,
    /// Pages of the database that are not as they were, from 1.
    pages: BTreeSet<usize>,
    log: bool,
}

fn damage(random: &mut ChaCha8Rng, main: &mut Vec<u8>, log: &mut Vec<u8>) -> Done {
    let mut done = Done::default();
    let page_of = |at: usize| at / PAGE + 1;
    match random.random_range(0..6) {
        0 => {
            done.what = "bits flipped";
            for _ in 0..random.random_range(1..12) {
                let at = random.random_range(0..main.len());
                main[at] ^= 1 << random.random_range(0..8);
                done.pages.insert(page_of(at));
            }
        }
        1 => {
            done.what = "cut off";
            let at = random.random_range(0..main.len());
            done.pages = (page_of(at)..=main.len() / PAGE).collect();
            main.truncate(at);
        }
        2 => {
            done.what = "pages of zeros";
            for _ in 0..random.random_range(1..5) {
                let page = random.random_range(0..main.len() / PAGE);
                main[page * PAGE..(page + 1) * PAGE].fill(0);
                done.pages.insert(page + 1);
            }
        }
        3 => {
            done.what = "torn header";
            let end = random.random_range(1..200);
            for byte in &mut main[..end] {
                *byte = random.random();
            }
            done.pages.insert(1);
        }
        4 => {
            done.what = "bits flipped in the log";
            for _ in 0..random.random_range(1..6) {
                let at = random.random_range(0..log.len());
                log[at] ^= 1 << random.random_range(0..8);
            }
            done.log = true;
        }
        _ => {
            done.what = "log cut off, page overwritten";
            log.truncate(random.random_range(0..log.len()));
            let page = random.random_range(0..main.len() / PAGE);
            for byte in &mut main[page * PAGE..(page + 1) * PAGE] {
                *byte = random.random();
            }
            done.pages.insert(page + 1);
            done.log = true;
        }
    }
    done
}

#[test]
fn damaged_files_are_recovered_and_reported() {
    let sample = sample();
    let own: [(&str, &[&str]); 6] = [
        ("account", &["account"]),
        ("setting", &["setting"]),
        ("thread", &["account", "thread"]),
        ("draft", &["account", "thread", "draft"]),
        ("outbox", &["account", "thread", "activity", "message", "outbox"]),
        ("call", &["account", "thread", "activity", "call"]),
    ];
    let words = |rows: &[Vec<Value>]| rows.iter().map(|row| format!("{row:?}")).collect::<Vec<String>>();
    let known: BTreeMap<&str, BTreeSet<String>> = sample
        .rows
        .iter()
        .map(|(table, (_, rows))| (table.as_str(), words(rows).into_iter().collect()))
        .collect();
    let mut whole = 0;
    for seed in 0..FILES {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let scratch = Scratch::new(&format!("damage-{seed}"));
        let folder = scratch.folder();
        let (mut main, mut log) = (sample.main.clone(), sample.log.clone());
        let done = damage(&mut random, &mut main, &mut log);
        fs::write(folder.main(), &main).unwrap();
        fs::write(folder.beside("wal"), &log).unwrap();
        fs::write(folder.beside("head"), &sample.head).unwrap();
        let (found, loaded) = opened(&folder, None);
        let said = format!("seed {seed}, {}, pages {:?}", done.what, done.pages);
        // Told, unless the log has every damaged page anew or ends as a kill leaves it.
        let told = loaded.damage.is_some();
        let same =
            sample.rows.iter().all(|(table, rows)| table == "cursor" || found.get(table) == Some(rows));
        assert!(told || same || done.what.starts_with("log cut off"), "{said}: lost in silence");
        if let Some(kept) = &loaded.damage {
            assert!(kept.exists(), "{said}");
        }
        // Rows none of whose pages were hit are all there.
        for (table, needs) in own {
            let hit = |page: &usize| done.pages.contains(page) && !sample.logged.contains(page);
            let spared = needs.iter().all(|t| !sample.pages[*t].iter().any(hit))
                && !sample.pages["sqlite_schema"].iter().any(|page| *page != 1 && hit(page));
            if !spared || (done.log && table == "draft") {
                continue;
            }
            assert_eq!(found[table].1.len(), sample.rows[table].1.len(), "{said}: {table}");
            if !done.log {
                assert_eq!(found[table], sample.rows[table], "{said}: {table}");
            }
            whole += 1;
        }
        // What is there is not made up.
        for (table, (columns, rows)) in &found {
            if table != "draft"
                && let Some((like, _)) = sample.rows.get(table)
            {
                assert_eq!(columns, like);
                let made_up = words(rows).into_iter().find(|row| !known[table.as_str()].contains(row));
                assert_eq!(made_up, None, "{said}: {table}");
            }
        }
        // And it can be used.
        let (store, again) = Store::open(Some((&folder, &key())), now()).unwrap();
        assert_eq!(again.damage, None, "{said}");
        store.close();
    }
    assert!(whole > 1500, "only {whole} tables were spared: the sample is too small");
}

#[test]
fn rows_around_a_damaged_page_are_kept_and_the_feed_is_read_again() {
    let sample = sample();
    // A page in the middle of the messages.
    let pages: Vec<usize> = sample.pages["message"].iter().copied().collect();
    let scratch = Scratch::new("around");
    let folder = scratch.folder();
    let mut main = sample.main.clone();
    main[(pages[pages.len() / 2] - 1) * PAGE + 2000] ^= 1;
    fs::write(folder.main(), &main).unwrap();
    let (found, loaded) = opened(&folder, None);
    assert!(loaded.damage.is_some());
    assert_eq!(loaded.accounts[0].cursor, None);
    let (before, after) = (sample.rows["message"].1.len(), found["message"].1.len());
    assert!(after < before && after > before - 40, "{after} of {before}");
    // A half that lost its other half is gone, so that the provider's version is taken.
    let halves = found["activity"].1.iter().filter(|row| row[2] == Value::Text("message".into())).count();
    assert_eq!(halves, after);
    assert_eq!(found["draft"].1.len(), 80);
}

#[test]
fn only_the_newest_damaged_files_are_kept() {
    let scratch = Scratch::new("kept");
    let folder = scratch.folder();
    let mut names = Vec::new();
    for round in 0..5 {
        Store::open(Some((&folder, &key())), now()).unwrap().0.close();
        let mut main = fs::read(folder.main()).unwrap();
        main[PAGE + 100] ^= 1;
        fs::write(folder.main(), main).unwrap();
        let at = Timestamp::from_second(1_800_000_000 + round * 60).unwrap();
        let (store, loaded) = Store::open(Some((&folder, &key())), at).unwrap();
        store.close();
        names.push(loaded.damage.unwrap());
    }
    assert_eq!(folder.kept().unwrap(), names[2..]);
    assert!(names[4].to_string_lossy().ends_with("tern.sqlite3-damaged-20270115T080400Z"), "{:?}", names[4]);
}
