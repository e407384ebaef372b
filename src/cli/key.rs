//! `frontdesk key`: who may use the API.

use anyhow::Context;
use clap::{Args, Subcommand};
use comfy_table::Table;
use frontdesk_adapters::Timestamp;
use serde_json::json;
use uuid::Uuid;

use super::Exit;
use crate::{
    app,
    clock::Clock,
    config::Config,
    keys::{self, Key as ApiKey, Scope},
};

const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// Keys that open the API.
#[derive(Debug, Args)]
pub(super) struct Key {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a key and print it, once: it cannot be shown again.
    Create {
        /// Whose it is, or what for.
        #[arg(long, default_value = "local")]
        name: String,
        /// What it permits; each scope includes those before it.
        #[arg(long, value_enum, default_value = "read")]
        scope: Scope,
        /// After so many days it ends by itself.
        #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
        days: Option<u16>,
        /// One JSON object.
        #[arg(long)]
        json: bool,
    },
    /// All keys, without what opens.
    List {
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// End a key for good.
    Revoke {
        /// The key's id, as `list` shows it.
        id: Uuid,
    },
}

impl Key {
    pub fn run(&self, config: &Config) -> anyhow::Result<Exit> {
        let runtime = tokio::runtime::Runtime::new().context("the runtime could not be started")?;
        runtime.block_on(async {
            let store = app::open_store(config).await?;
            let mut tx = store.begin().await?;
            let now = Clock::system().now().as_millis();
            let exit = match &self.command {
                Command::Create { name, scope, days, json } => {
                    let expires_at = days.map(|days| now + i64::from(days) * DAY_MILLIS);
                    let (key, secret, hash) = ApiKey::new(name, *scope, expires_at, now);
                    keys::insert(&mut tx, &key, &hash).await?;
                    tx.commit().await?;
                    if *json {
                        let mut shown = json!(key);
                        shown["key"] = secret.expose().into();
                        println!("{shown}");
                    } else {
                        anstream::eprintln!("keep it: it cannot be shown again");
                        println!("{}", secret.expose());
                    }
                    Exit::Done
                }
                Command::List { json } => {
                    let keys = keys::list(&mut tx).await?;
                    tx.rollback().await?;
                    if *json {
                        keys.iter().for_each(|key| println!("{}", json!(key)));
                    } else {
                        println!("{}", table(&keys));
                    }
                    Exit::Done
                }
                Command::Revoke { id } => {
                    let found = keys::revoke(&mut tx, *id, now).await?;
                    tx.commit().await?;
                    if !found {
                        anstream::eprintln!("frontdesk: there is no key {id}");
                    }
                    if found { Exit::Done } else { Exit::NotFound }
                }
            };
            store.close().await;
            Ok(exit)
        })
    }
}

fn table(keys: &[ApiKey]) -> Table {
    let time = |millis: Option<i64>| {
        millis.and_then(Timestamp::from_millis).map_or_else(|| "-".to_owned(), |at| at.to_string())
    };
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(["id", "name", "scope", "created", "expires", "last used", "revoked"]);
    for key in keys {
        table.add_row([
            key.id.to_string(),
            key.name.clone(),
            key.scope.to_string(),
            time(Some(key.created_at)),
            time(key.expires_at),
            time(key.last_used_at),
            time(key.revoked_at),
        ]);
    }
    table
}
