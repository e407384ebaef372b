//! `frontdesk apply` and `export`: channels, queues, routes, agents, people, policies of logging,
//! wrap-up configurations, messaging actions and sinks from and to one TOML file.
//!
//! Applying makes the database say what the file says, in one transaction; what the file does not
//! name is left alone, so applying twice changes nothing. Secrets go in and never come out: an
//! export holds names of variables in their places.

mod agents;
pub(super) mod changes;
mod export;
pub(super) mod file;
mod keys;
mod people;
mod policies;
mod queues;
mod sinks;
mod timed;

use std::{
    fs,
    io::{ErrorKind, Read},
    path::PathBuf,
};

use anyhow::Context;
use clap::Args;

use self::changes::{Changes, Kind};
use super::{
    Exit, fault, open_existing,
    terminal::{DIM, GREEN, YELLOW, print, styled},
};
use crate::{app, clock::Clock, config::Config, egress::Egress, vault::Vault};

/// Make the database say what a file says: channels, queues, routes, agents, people, rules, sinks.
#[derive(Debug, Args)]
#[command(before_help = "Examples:
  frontdesk apply channels.toml
  frontdesk apply channels.toml --dry-run
  frontdesk export > channels.toml")]
pub(super) struct Apply {
    /// The file; `-` is standard input.
    file: PathBuf,
    /// Show the difference and change nothing; exit 4 if there is one.
    #[arg(long)]
    dry_run: bool,
    /// Replace stored secrets that do not open with this key, which must be lost: they never open
    /// again.
    #[arg(long)]
    enter_secrets_again: bool,
}

/// Print channels, queues, routes, agents, people, rules and sinks for `apply`, without secrets.
///
/// What was sealed with another key is left out and named; then it ends with 4.
#[derive(Debug, Args)]
#[command(before_help = "Examples:
  frontdesk export > channels.toml")]
pub(super) struct Export {}

impl Apply {
    pub async fn run(&self, config: &Config, quiet: bool) -> anyhow::Result<Exit> {
        let name = self.file.display();
        let text = match self.read() {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(fault(Exit::NotFound, format!("there is no {name}")));
            }
            Err(error) => return Err(error).with_context(|| format!("{name} cannot be read")),
        };
        let now = Clock::system().now().as_millis();
        let beside = self.file.parent().unwrap_or_else(|| "".as_ref());
        let limit = config.timers.wrap_up_limit();
        let variable = |variable: &str| std::env::var(variable).ok();
        let desired = file::read(&text, beside, &variable, limit, now)
            .map_err(|error| fault(Exit::Configuration, format!("{name}: {error}")))?;
        sinks::check(&desired.sinks, &Egress::new(&config.egress.allow))
            .map_err(|error| fault(Exit::Configuration, format!("{name}: {error}")))?;
        let vault = match self.dry_run {
            // What is sealed now is not kept.
            true => app::find_vault(config)?.map_or_else(Vault::passing, Ok)?,
            false => app::open_vault(config)?,
        };
        let store = app::open_store(config).await?;
        let mut tx = store.begin().await?;
        let changes = changes::make(&mut tx, &vault, desired, now)
            .await
            .with_context(|| format!("{name} cannot be applied"))?;
        if changes.enters_secrets_again() && !self.dry_run && !self.enter_secrets_again {
            tx.rollback().await?;
            let message = "stored secrets do not open with this key; use the key they were sealed with, \
                or, if it is lost, apply with --enter-secrets-again";
            return Err(fault(Exit::Configuration, message));
        }
        if self.dry_run {
            tx.rollback().await?;
        } else {
            tx.commit().await?;
        }
        store.close().await;
        show(&changes, self.dry_run, quiet)?;
        Ok(if self.dry_run && !changes.made.is_empty() { Exit::Findings } else { Exit::Done })
    }

    fn read(&self) -> std::io::Result<String> {
        if self.file.as_os_str() != "-" {
            return fs::read_to_string(&self.file);
        }
        let mut text = String::new();
        std::io::stdin().lock().read_to_string(&mut text)?;
        Ok(text)
    }
}

impl Export {
    pub async fn run(&self, config: &Config) -> anyhow::Result<Exit> {
        let store = open_existing(config).await?;
        let vault = app::open_vault(config)?;
        let mut tx = store.begin_read().await?;
        let exported = export::write(&mut tx, &vault).await?;
        tx.rollback().await?;
        store.close().await;
        print(exported.text.trim_end())?;
        for what in &exported.left_out {
            let note = "is left out, since its secrets were sealed with another key";
            anstream::eprintln!("{} {what} {note}", styled(YELLOW, "!"));
        }
        Ok(if exported.left_out.is_empty() { Exit::Done } else { Exit::Findings })
    }
}

fn show(changes: &Changes, dry_run: bool, quiet: bool) -> anyhow::Result<()> {
    for change in &changes.made {
        let sign = match change.kind {
            Kind::Created => styled(GREEN, "+"),
            Kind::Changed => styled(YELLOW, "~"),
        };
        let details = change.details.join(", ");
        let details = if details.is_empty() { details } else { format!(": {details}") };
        print(format!("{sign} {}{details}", change.what))?;
    }
    let count = |kind| changes.made.iter().filter(|change| change.kind == kind).count();
    let (created, changed) = (count(Kind::Created), count(Kind::Changed));
    let would = if dry_run { "would be " } else { "" };
    match (created, changed) {
        (0, 0) => print("unchanged")?,
        (_, _) => print(format!(
            "{would}{created} created, {changed} changed, {} unchanged",
            changes.unchanged
        ))?,
    }
    if !quiet && !changes.left_alone.is_empty() {
        let note = format!("not in the file, left alone: {}", changes.left_alone.join(", "));
        anstream::eprintln!("{}", styled(DIM, note));
    }
    Ok(())
}
