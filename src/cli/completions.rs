//! `frontdesk completions`: what a shell needs to complete our commands.

use std::io::Write;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Arguments, Exit};

/// Print a shell's completion script.
#[derive(Debug, Args)]
#[command(before_help = "Examples:
  frontdesk completions bash > ~/.local/share/bash-completion/completions/frontdesk")]
pub(super) struct Completions {
    /// The shell.
    shell: Shell,
}

impl Completions {
    pub fn run(&self) -> anyhow::Result<Exit> {
        // Into memory first: the generator panics when its reader leaves.
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Arguments::command(), "frontdesk", &mut script);
        std::io::stdout().lock().write_all(&script)?;
        Ok(Exit::Done)
    }
}
