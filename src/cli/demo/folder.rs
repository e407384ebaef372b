//! The demo's folder. Its database is removed before each demo, so it has to be a demo's.
//!
//! A demo marks its folder. It takes a marked one, and one that has no gateway's files in it; anybody
//! else's stays as it is, to the last byte.

use std::{fs, io, path::Path};

use anyhow::Context;

use crate::{
    cli::{Exit, fault},
    db,
};

/// The folder a demo has by itself.
pub(super) const USUAL: &str = "frontdesk-demo";

const DATABASE: &str = "frontdesk.db";
/// What an earlier demo left behind. Nothing else in the folder is touched.
const OWN_FILES: [&str; 4] = [DATABASE, "frontdesk.db-wal", "frontdesk.db-shm", "frontdesk.key"];

/// Held by the demo that runs.
const LOCK: &str = "frontdesk.lock";

const MARK: &str = "frontdesk.demo";
const MARKED: &str =
    "`frontdesk demo` made the database in this folder, and replaces it each time it runs here.
Without this file it would leave the folder alone.
";

/// Takes `dir` for a demo and removes what an earlier one left, unless that one still runs: it holds
/// the lock returned here.
pub(super) async fn take(dir: &Path) -> anyhow::Result<fs::File> {
    let shown = dir.display();
    if !is_a_demos(dir) {
        let message = format!(
            "{shown} has a gateway's database or key in it, which no demo made; \
             name another folder with --dir"
        );
        return Err(fault(Exit::Usage, message));
    }
    fs::create_dir_all(dir).with_context(|| format!("{shown} cannot be made"))?;
    let lock = fs::File::create(dir.join(LOCK)).with_context(|| format!("{shown}/{LOCK}"))?;
    if lock.try_lock().is_err() {
        let message = format!("another demo runs in {shown}; name another folder with --dir");
        return Err(fault(Exit::Failed, message));
    }
    if db::in_use(&dir.join(DATABASE)).await {
        let message = format!(
            "the database in {shown} is open elsewhere, such as in `frontdesk serve`; \
             end that, or name another folder with --dir"
        );
        return Err(fault(Exit::Failed, message));
    }
    // Before the first file that would have to be a demo's.
    fs::write(dir.join(MARK), MARKED).with_context(|| format!("{shown}/{MARK}"))?;
    for name in OWN_FILES {
        match fs::remove_file(dir.join(name)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| format!("{shown}/{name}")),
        }
    }
    Ok(lock)
}

/// Whether nothing is lost if a demo begins anew in `dir`.
fn is_a_demos(dir: &Path) -> bool {
    // A link to a file that is not there right now is there, too.
    let has = |name: &str| fs::symlink_metadata(dir.join(name)).is_ok();
    // Earlier versions left no mark, but a lock; where nobody chose the folder that says enough.
    let is_the_usual = dir == Path::new(USUAL) && has(LOCK);
    has(MARK) || is_the_usual || !OWN_FILES.iter().any(|name| has(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::Store;

    /// What is in a folder, by name.
    fn contents(dir: &Path) -> Vec<(String, Vec<u8>)> {
        let entries = fs::read_dir(dir).expect("a folder").map(|entry| entry.expect("an entry"));
        let mut contents: Vec<_> = entries
            .map(|entry| {
                let name = entry.file_name().into_string().expect("text");
                (name, fs::read(entry.path()).expect("a file"))
            })
            .collect();
        contents.sort();
        contents
    }

    async fn refused(dir: &Path) -> String {
        take(dir).await.expect_err("not for a demo").to_string()
    }

    #[tokio::test]
    async fn a_gateways_folder_is_left_as_it_is() {
        for name in OWN_FILES {
            let dir = tempfile::tempdir().expect("a folder");
            fs::write(dir.path().join(name), "precious").expect("a file");
            let before = contents(dir.path());
            // What the first try leaves must not make it the demo's for the second.
            for _ in 0..2 {
                let said = refused(dir.path()).await;
                assert!(said.contains("name another folder with --dir"), "{said}");
                assert_eq!(contents(dir.path()), before);
            }
        }
    }

    #[tokio::test]
    async fn a_demos_own_folder_is_taken_again_and_nothing_but_its_own_is_removed() {
        let above = tempfile::tempdir().expect("a folder");
        let dir = above.path().join("new");
        drop(take(&dir).await.expect("a folder it made"));
        for name in OWN_FILES.into_iter().chain(["notes.txt"]) {
            fs::write(dir.join(name), "of no database").expect("a file");
        }
        drop(take(&dir).await.expect("its own"));
        let names: Vec<_> = contents(&dir).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, [MARK, LOCK, "notes.txt"]);
    }

    #[tokio::test]
    async fn a_folder_in_use_is_not_taken() {
        let dir = tempfile::tempdir().expect("a folder");
        let running = take(dir.path()).await.expect("an empty folder");
        assert!(refused(dir.path()).await.contains("another demo runs"));
        drop(running);
        let url = format!("sqlite:{}", dir.path().join(DATABASE).display());
        let serving = Store::open(&url, 1).await.expect("a database");
        assert!(refused(dir.path()).await.contains("is open elsewhere"));
        assert!(dir.path().join(DATABASE).exists());
        serving.close().await;
        take(dir.path()).await.expect("nobody has it open");
    }
}
