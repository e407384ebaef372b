//! The command line: data on stdout, everything else on stderr.
//!
//! One file per command. Exit codes are those of [`Exit`]; whatever ends a command early is an
//! error, and [`exit_of`] says which code it deserves.

mod apply;
mod bench;
mod completions;
mod configuration;
mod decode;
mod demo;
mod erase;
mod explain;
mod fixtures;
mod http;
mod json_log;
mod key;
mod migrate;
mod openapi;
mod people;
mod providers;
mod replay;
mod send;
mod serve;
mod terminal;

use std::{io, path::PathBuf, process::ExitCode};

use anyhow::Context;
use clap::{Parser, Subcommand};

use self::terminal::{Color, RED, styled};
use crate::{
    app,
    config::{self, Config, Loaded},
    db::{self, Store},
};

const EXAMPLES: &str = "\
Examples:
  frontdesk demo                       from nothing to conversations on screen
  frontdesk serve                      the gateway, on 127.0.0.1:8080
  frontdesk apply frontdesk.channels.toml
  frontdesk decode fixtures/twilio/01-sms.http
  frontdesk explain IMS0000001";

/// A messaging channel gateway: from signed webhook bytes to a queued interaction.
#[derive(Debug, Parser)]
#[command(name = "frontdesk", version, propagate_version = true, before_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Configuration file (TOML).
    #[arg(long, global = true, env = "FRONTDESK_CONFIG")]
    config: Option<PathBuf>,
    /// When to use color.
    #[arg(long, global = true, value_enum, default_value_t)]
    color: Color,
    /// Say only what is asked for: no progress, no notes.
    #[arg(long, short, global = true)]
    quiet: bool,
    #[command(subcommand)]
    command: Command,
}

/// How much live traffic comes before a replay, where processor time is short.
const REPLAY_NICENESS: i32 = 10;

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Demo),
    Serve(serve::Serve),
    Decode(decode::Decode),
    Replay(replay::Replay),
    Send(send::Send),
    Apply(apply::Apply),
    Export(apply::Export),
    Explain(explain::Explain),
    Erase(erase::Erase),
    Bench(bench::Bench),
    Providers(providers::Providers),
    Key(key::Key),
    People(people::People),
    Migrate(migrate::Migrate),
    Config(configuration::Configuration),
    #[command(name = "openapi")]
    OpenApi(openapi::OpenApi),
    Completions(completions::Completions),
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

/// An error that knows its exit code.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
struct Fault {
    exit: Exit,
    message: String,
}

fn fault(exit: Exit, message: impl Into<String>) -> anyhow::Error {
    Fault { exit, message: message.into() }.into()
}

/// Runs the command the arguments name.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    arguments.color.apply();
    match run(arguments) {
        Ok(exit) => exit.into(),
        Err(error) if reader_has_left(&error) => Exit::Done.into(),
        Err(error) => {
            let error = if is_of_newer_version(&error) { newer_version() } else { error };
            anstream::eprintln!("{} {error:#}", styled(RED, "frontdesk:"));
            exit_of(&error).into()
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<Exit> {
    let Arguments { config: file, quiet, command, .. } = arguments;
    let usual = if quiet { "error" } else { "warn" };
    let load = |flags: &[_], usual: &str| -> anyhow::Result<Loaded> {
        let loaded = load(file.clone(), flags)?;
        terminal::start_log(&loaded, usual)?;
        Ok(loaded)
    };
    match command {
        Command::Demo(command) => {
            let log = load(&[], usual)?.config.log;
            block_on(command.run(log, quiet))
        }
        Command::Serve(command) => command.run(&load(&[], if quiet { usual } else { "info" })?),
        Command::Decode(command) => command.run(),
        Command::Replay(command) => {
            let config = load(&[], usual)?.config;
            // Before any thread starts, since each has a priority of its own. Where the system has
            // none to give away, a replay is as important as everything else.
            let _ = rustix::process::nice(REPLAY_NICENESS);
            block_on(command.run(&config, quiet))
        }
        Command::Send(command) => block_on(command.run(&load(&[], usual)?.config)),
        Command::Apply(command) => block_on(command.run(&load(&[], usual)?.config, quiet)),
        Command::Export(command) => block_on(command.run(&load(&[], usual)?.config)),
        Command::Erase(command) => block_on(command.run(&load(&[], usual)?.config)),
        Command::Explain(command) => block_on(command.run(&load(&[], usual)?.config)),
        Command::Bench(command) => command.run(),
        Command::Providers(command) => command.run(),
        Command::Key(command) => block_on(command.run(&load(&[], usual)?.config)),
        Command::People(command) => block_on(command.run(&load(&[], usual)?.config, quiet)),
        Command::Migrate(command) => block_on(command.run(&load(&[], usual)?.config)),
        Command::Config(command) => command.run(&self::load(file, &[])?),
        Command::OpenApi(command) => command.run(),
        Command::Completions(command) => command.run(),
    }
}

/// Runs a command that waits for files, sockets or the database.
fn block_on(command: impl Future<Output = anyhow::Result<Exit>>) -> anyhow::Result<Exit> {
    let runtime = tokio::runtime::Runtime::new().context("the runtime could not be started")?;
    let result = runtime.block_on(command);
    // Whoever still waits for a silent database is not waited for.
    runtime.shutdown_background();
    result
}

fn load(
    file: Option<PathBuf>,
    flags: &[(&'static str, &'static str, String)],
) -> anyhow::Result<Loaded> {
    // A file in the working directory counts without being named.
    let file = file.or_else(|| Some(PathBuf::from("frontdesk.toml")).filter(|path| path.exists()));
    Ok(config::load(file.as_deref(), std::env::vars(), flags)?)
}

/// Reading must not make an empty database.
fn require_database(config: &Config) -> anyhow::Result<()> {
    match db::sqlite_file(&config.database.url) {
        Some(file) if !file.exists() => {
            let file = file.display();
            let message = format!("there is no database at {file}; `frontdesk serve` makes one");
            Err(fault(Exit::NotFound, message))
        }
        Some(_) | None => Ok(()),
    }
}

/// Opens the configured database where there is one.
async fn open_existing(config: &Config) -> anyhow::Result<Store> {
    require_database(config)?;
    Ok(app::open_store(config).await?)
}

fn reader_has_left(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    })
}

/// Whether the database has migrations that this version does not know.
fn is_of_newer_version(error: &anyhow::Error) -> bool {
    use sqlx::migrate::MigrateError;
    let unknown = |cause: &(dyn std::error::Error + 'static)| {
        matches!(cause.downcast_ref(), Some(MigrateError::VersionMissing(_)))
    };
    error.chain().any(unknown)
}

fn newer_version() -> anyhow::Error {
    let message = "the database was made by a newer version of Frontdesk; use that version, or \
        restore a backup from before it";
    fault(Exit::Configuration, message)
}

/// The exit code an error deserves.
fn exit_of(error: &anyhow::Error) -> Exit {
    use crate::{
        app::AppError,
        config::ConfigError,
        db::{MigrateError, OpenError, StoreError},
    };
    if let Some(fault) = error.downcast_ref::<Fault>() {
        return fault.exit;
    }
    let unreachable = error.chain().any(|cause| {
        matches!(cause.downcast_ref(), Some(StoreError::Unreachable(_)))
            || matches!(cause.downcast_ref(), Some(OpenError::Unreachable(_)))
            || matches!(
                cause.downcast_ref(),
                Some(
                    AppError::Open(OpenError::Unreachable(_))
                        | AppError::Store(StoreError::Unreachable(_))
                        | AppError::Migrate(MigrateError::Store(StoreError::Unreachable(_)))
                )
            )
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
                        | AppError::Migrate(MigrateError::Pending(_))
                )
            )
            || matches!(cause.downcast_ref(), Some(OpenError::Url | OpenError::Unreadable(_)))
    });
    if configuration { Exit::Configuration } else { Exit::Failed }
}
