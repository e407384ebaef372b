//! The rules of the house that a compiler does not know, read from the sources themselves.
//!
//! The floors are those of the table in `src/lib.rs`, so the table cannot lie.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use frontdesk_adapters::providers;

/// Files outside `db/` and `store.rs` that hold SQL, each with its reason.
const SQL_ELSEWHERE: [&str; 2] = [
    // The directory is a noun of its own beside profiles, with a store.
    "src/profiles/people.rs",
    // What changes is asked of three nouns at once.
    "src/ingest/catalog.rs",
];

#[test]
fn imports_point_down() {
    let floors = floors();
    let mut wrong = Vec::new();
    for (path, text) in sources("src") {
        let module = module(&path);
        let Some(&(floor, place)) = floors.get(module.as_str()) else {
            assert!(
                matches!(module.as_str(), "lib" | "main"),
                "{module} is on no floor in src/lib.rs"
            );
            continue;
        };
        for used in used_modules(&text) {
            let Some(&(used_floor, used_place)) = floors.get(used.as_str()) else {
                continue;
            };
            let allowed = used == module
                || used_floor < floor
                // Edges and what does the work behind them meet in values and in the database.
                || (used_floor == floor && !matches!(floor, 4 | 5) && used_place < place);
            if !allowed {
                wrong.push(format!("{}: {module} must not use {used}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_of_the_great_libraries_has_its_rooms() {
    let rooms: [(&str, &[&str]); 7] = [
        ("axum", &["src/webhooks/", "src/api/", "src/app.rs", "src/cli/bench/noop.rs"]),
        ("reqwest", &["src/cli/", "src/egress/"]),
        ("async_nats", &["src/dispatch/nats.rs", "src/cli/bench/handoff.rs"]),
        ("use krafka", &["src/dispatch/kafka.rs"]),
        ("lapin", &["src/dispatch/amqp.rs"]),
        ("use redis", &["src/dispatch/redis.rs"]),
        ("sqlx::query", &["src/db/", "/store.rs"]),
    ];
    let mut wrong = Vec::new();
    for (path, text) in sources("src") {
        let shown = path.display().to_string();
        for (library, rooms) in rooms {
            let word = format!("{library}::");
            let used = match library {
                "sqlx::query" => text.contains(library) || text.contains("sqlx::QueryBuilder"),
                _ => text.contains(&word),
            };
            let excepted = library == "sqlx::query" && SQL_ELSEWHERE.contains(&shown.as_str());
            if used && !excepted && !rooms.iter().any(|room| shown.contains(room)) {
                wrong.push(format!("{shown} must not use {library}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn adapters_know_nothing_of_the_outside() {
    for (path, text) in sources("adapters/src") {
        for stranger in
            ["std::fs", "std::net", "std::env", "SystemTime", "tokio::", "sqlx::", "tracing::"]
        {
            assert!(!text.contains(stranger), "{} uses {stranger}", path.display());
        }
    }
}

#[test]
fn every_file_introduces_itself() {
    for folder in ["src", "adapters/src", "tests", "adapters/tests", "benches", "adapters/benches"]
    {
        for path in files(folder) {
            let text = fs::read_to_string(root().join(&path)).expect("a file");
            assert!(text.starts_with("//! "), "{} says nothing about itself", path.display());
        }
    }
}

#[test]
fn every_provider_has_fixtures_and_a_row_in_the_readme() {
    let readme = fs::read_to_string(root().join("README.md")).expect("a README");
    for adapter in providers::ALL {
        let folder = root().join("fixtures").join(adapter.provider);
        let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
        let cases = entries.filter(|entry| entry.path().extension().is_some_and(|e| e == "http"));
        assert!(cases.count() > 0, "fixtures/{} has no requests", adapter.provider);
        let named = format!("`{}`", adapter.provider);
        let row = readme.lines().any(|line| line.starts_with('|') && line.contains(&named));
        assert!(row, "README.md misses a row such as\n| {named} | {} |", adapter.receives);
    }
}

#[test]
fn every_test_that_the_documents_name_is_there() {
    let page = fs::read_to_string(root().join("docs/interaction-records.md")).expect("a page");
    let tests: String = files("tests")
        .iter()
        .map(|path| fs::read_to_string(root().join(path)).expect("a file"))
        .collect();
    let rows: Vec<_> = page.lines().filter(|line| line.starts_with("| S")).collect();
    assert_eq!(rows.len(), 34);
    for row in rows {
        let names = row.rsplit(" | ").next().unwrap_or_default();
        for name in names.split('`').skip(1).step_by(2) {
            assert!(tests.contains(&format!("async fn {name}(")), "there is no test {name}");
        }
    }
}

/// The floor of each module and its place there, from the table in `src/lib.rs`.
fn floors() -> HashMap<String, (u32, usize)> {
    let lib = fs::read_to_string(root().join("src/lib.rs")).expect("a file");
    let mut floors = HashMap::new();
    for line in lib.lines().filter_map(|line| line.strip_prefix("//! | ")) {
        let mut cells = line.split(" | ");
        let Some(floor) = cells.next().and_then(|cell| cell.parse().ok()) else {
            continue;
        };
        let modules = cells.next().unwrap_or_default();
        for (place, module) in modules.split('`').skip(1).step_by(2).enumerate() {
            floors.insert(module.to_owned(), (floor, place));
        }
    }
    assert!(floors.len() > 10, "the table in src/lib.rs is not understood: {floors:?}");
    floors
}

/// The modules that `crate::name` and `crate::{name, …}` mention.
fn used_modules(text: &str) -> Vec<String> {
    let word = |text: &str| -> String {
        text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let mut used = Vec::new();
    for (at, mention) in text.match_indices("crate::") {
        let rest = &text[at + mention.len()..];
        let Some(list) = rest.strip_prefix('{') else {
            used.push(word(rest));
            continue;
        };
        let mut depth = 0;
        let mut at_start = true;
        for (index, c) in list.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => at_start = true,
                _ if at_start && !c.is_whitespace() => {
                    at_start = false;
                    used.push(word(&list[index..]));
                }
                _ => {}
            }
        }
    }
    used
}

/// The module of a file under `src/`.
fn module(path: &Path) -> String {
    let below = path.strip_prefix("src").expect("a path below src");
    let first = below.components().next().expect("a name").as_os_str().to_string_lossy();
    first.trim_end_matches(".rs").to_owned()
}

/// Files and their code, without comments.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let code = |path: PathBuf| {
        let text = fs::read_to_string(root().join(&path)).expect("a file");
        let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        let code = lines.collect::<Vec<_>>().join("\n");
        (path, code)
    };
    let files = files(folder);
    assert!(!files.is_empty(), "{folder} is empty");
    files.into_iter().map(code).collect()
}

/// Every Rust file of a folder, relative to the repository; none where there is no such folder.
fn files(folder: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder)).into_iter().flatten().flatten() {
            let path = folder.join(entry.file_name());
            if entry.path().is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
