//! The command line: data on stdout, everything else on stderr.
//!
//! One file per command. Exit codes are those of [`Exit`].

mod bench;
mod decode;
mod providers;
mod serve;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

use crate::config::{self, Loaded};

/// A messaging channel gateway: from signed webhook bytes to a queued interaction.
#[derive(Debug, Parser)]
#[command(name = "frontdesk", version, propagate_version = true)]
struct Arguments {
    /// Configuration file (TOML).
    #[arg(long, global = true, env = "FRONTDESK_CONFIG")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the gateway.
    Serve(serve::Serve),
    /// What would this request become? Reads `.http` files, or `-`.
    Decode(decode::Decode),
    /// Measure intake: rates and times beside a plain gateway and an endpoint that does nothing.
    Bench(bench::Bench),
    /// Every provider: what it receives, how it is verified, the fields of its account.
    Providers(providers::Providers),
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// Failed.
    Failed = 1,
    /// Wrong usage.
    Usage = 2,
    /// Not found.
    NotFound = 3,
    /// Finished, with findings.
    Findings = 4,
    /// The configuration is invalid.
    Configuration = 5,
    /// Something we need is unreachable.
    Unreachable = 6,
    /// Interrupted.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        // The enum's numbers all fit.
        Self::from(exit as u8)
    }
}

/// Runs the command the arguments name.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments) {
        Ok(exit) => exit.into(),
        Err(error) => {
            anstream::eprintln!("frontdesk: {error:#}");
            exit_of(&error).into()
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<Exit> {
    let file = arguments.config;
    match arguments.command {
        Command::Serve(command) => command.run(&load(file, &[])?),
        Command::Decode(command) => command.run(),
        Command::Bench(command) => command.run(),
        Command::Providers(command) => command.run(),
    }
}

fn load(
    file: Option<PathBuf>,
    flags: &[(&'static str, &'static str, String)],
) -> anyhow::Result<Loaded> {
    // A file in the working directory counts without being named.
    let file = file.or_else(|| Some(PathBuf::from("frontdesk.toml")).filter(|path| path.exists()));
    Ok(config::load(file.as_deref(), std::env::vars(), flags)?)
}

/// The exit code an error deserves.
fn exit_of(error: &anyhow::Error) -> Exit {
    use crate::{
        app::AppError,
        config::ConfigError,
        db::{MigrateError, OpenError, StoreError},
    };
    let unreachable = error.chain().any(|cause| {
        matches!(cause.downcast_ref(), Some(StoreError::Unreachable(_)))
            || matches!(cause.downcast_ref(), Some(OpenError::Unreachable(_)))
            || matches!(cause.downcast_ref(), Some(AppError::Open(OpenError::Unreachable(_))))
    });
    if unreachable {
        return Exit::Unreachable;
    }
    let configuration = error.chain().any(|cause| {
        cause.is::<ConfigError>()
            || matches!(cause.downcast_ref(), Some(MigrateError::Pending(_)))
            || matches!(
                cause.downcast_ref(),
                Some(
                    AppError::NoKey
                        | AppError::Vault(_)
                        | AppError::Open(OpenError::Url | OpenError::Unreadable(_))
                )
            )
    });
    if configuration { Exit::Configuration } else { Exit::Failed }
}
