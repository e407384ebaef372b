//! Writes every fixture as the fuzz target's corpus: `cargo run --example seeds -- FOLDER`.

#[path = "../harness.rs"]
#[expect(dead_code, reason = "nothing is judged")]
mod harness;

use std::{env, fs, io, path::PathBuf};

fn main() -> io::Result<()> {
    let folder: PathBuf = env::args_os().nth(1).ok_or(io::ErrorKind::InvalidInput)?.into();
    fs::create_dir_all(&folder)?;
    for (place, channel) in (0u8..).zip(harness::channels()) {
        for (file, bytes) in channel.files.iter().enumerate() {
            // Signed anew, and as it is.
            for how in [0, 1] {
                let input = [&[place, how], bytes.as_slice()].concat();
                fs::write(folder.join(format!("{place}-{file}-{how}")), input)?;
            }
        }
    }
    Ok(())
}
