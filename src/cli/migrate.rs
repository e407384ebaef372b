//! `frontdesk migrate`: bring the database's schema up to date.

use clap::Args;

use super::{
    Exit,
    terminal::{GREEN, print, styled},
};
use crate::{
    config::Config,
    db::{self, Store},
};

/// Bring the schema up to date; needed on PostgreSQL after an upgrade.
#[derive(Debug, Args)]
#[command(before_help = "Examples:
  frontdesk migrate --dry-run
  FRONTDESK__DATABASE__URL=postgres://… frontdesk migrate")]
pub(super) struct Migrate {
    /// List what is pending and apply nothing; exit 4 if anything is.
    #[arg(long)]
    dry_run: bool,
}

impl Migrate {
    pub async fn run(&self, config: &Config) -> anyhow::Result<Exit> {
        let store = Store::open(&config.database.url, config.database.max_connections).await?;
        let pending = db::pending(&store).await?;
        for name in &pending {
            print(format!("{} {name}", styled(GREEN, "+")))?;
        }
        let exit = if pending.is_empty() {
            // Applies nothing, and finds out whether a newer version made the database.
            store.migrate().await?;
            print("the schema is up to date")?;
            Exit::Done
        } else if self.dry_run {
            print(format!("{} pending", pending.len()))?;
            Exit::Findings
        } else {
            let applied = store.migrate().await?;
            print(format!("{applied} applied"))?;
            Exit::Done
        };
        store.close().await;
        Ok(exit)
    }
}
