//! Compiles the fixtures in, for `frontdesk demo`, and rebuilds when a migration changes: those are
//! compiled in as well.

use std::{
    env,
    fmt::Write,
    fs, io,
    path::{Path, PathBuf},
};

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=migrations");
    println!("cargo:rerun-if-changed=fixtures");
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("cargo names the package"));
    let mut files = Vec::new();
    for folder in entries(&root.join("fixtures"))? {
        if folder.is_dir() {
            files.extend(entries(&folder)?);
        }
    }
    let mut list = String::from("&[\n");
    for file in files.iter().filter(|file| is_shown(file)) {
        let name = file.strip_prefix(root.join("fixtures")).expect("files lie in the folder");
        let name = name.to_string_lossy().replace('\\', "/");
        writeln!(list, "({name:?}, include_bytes!({file:?}).as_slice()),").expect("memory");
    }
    list.push(']');
    let out = PathBuf::from(env::var("OUT_DIR").expect("cargo names the folder"));
    fs::write(out.join("fixtures.rs"), list)
}

fn is_shown(file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    name == "account.json" || name.ends_with(".http") || name.ends_with(".expected.json")
}

fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?.map(|entry| Ok(entry?.path()));
    let mut entries = entries.collect::<io::Result<Vec<_>>>()?;
    entries.sort();
    Ok(entries)
}
