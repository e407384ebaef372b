//! `frontdesk key`: who may use the API.

use clap::{Args, Subcommand};
use comfy_table::Table;
use frontdesk_adapters::{Secret, Timestamp};
use serde_json::json;
use uuid::Uuid;

use super::{Exit, fault, open_existing, terminal::print};
use crate::{
    agents, app,
    audit::{self, Author, Subject},
    clock::Clock,
    config::Config,
    keys::{self, Hash, Key as ApiKey, Scope},
};

const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// Keys that open the API.
#[derive(Debug, Args)]
#[command(before_help = "Examples:
  frontdesk key create --scope admin
  frontdesk key create --name dashboard --days 90
  frontdesk key list")]
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
        /// Make it this agent's own: whatever it does, the agent did.
        #[arg(long)]
        agent: Option<String>,
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
    pub async fn run(&self, config: &Config) -> anyhow::Result<Exit> {
        let now = Clock::system().now().as_millis();
        match &self.command {
            Command::Create { name, scope, agent, days, json } => {
                let expires_at = days.map(|days| now + i64::from(days) * DAY_MILLIS);
                let (mut key, secret, hash) = ApiKey::new(name, *scope, expires_at, now);
                key.agent_id.clone_from(agent);
                create(config, (key, secret, hash), *json).await
            }
            Command::List { json } => list(config, *json).await,
            Command::Revoke { id } => revoke(config, *id, now).await,
        }
    }
}

async fn create(
    config: &Config,
    (key, secret, hash): (ApiKey, Secret, Hash),
    json: bool,
) -> anyhow::Result<Exit> {
    let store = app::open_store(config).await?;
    let mut tx = store.begin().await?;
    if let Some(agent) = &key.agent_id
        && agents::get(&mut tx, agent).await?.is_none()
    {
        let message = format!("there is no agent {agent}; POST /v1/agents enters one");
        return Err(fault(Exit::NotFound, message));
    }
    keys::insert(&mut tx, &key, &hash).await?;
    let told = audit::differences(&None::<ApiKey>, &key);
    let (author, subject) = (Author::command("key"), Subject::new("key", key.id));
    audit::record(&mut tx, &author, subject, "create", told, key.created_at).await?;
    tx.commit().await?;
    if json {
        let mut shown = json!(key);
        shown["key"] = secret.expose().into();
        print(shown)?;
    } else {
        anstream::eprintln!("keep it: it cannot be shown again");
        print(secret.expose())?;
    }
    store.close().await;
    Ok(Exit::Done)
}

async fn list(config: &Config, json: bool) -> anyhow::Result<Exit> {
    let store = open_existing(config).await?;
    let mut tx = store.begin_read().await?;
    let keys = keys::list(&mut tx).await?;
    tx.rollback().await?;
    if json {
        keys.iter().try_for_each(|key| print(json!(key)))?;
    } else {
        print(table(&keys))?;
    }
    store.close().await;
    Ok(Exit::Done)
}

async fn revoke(config: &Config, id: Uuid, now: i64) -> anyhow::Result<Exit> {
    let store = open_existing(config).await?;
    let mut tx = store.begin().await?;
    let found = keys::revoke(&mut tx, id, now).await?;
    if found {
        let (author, subject) = (Author::command("key"), Subject::new("key", id));
        audit::record(&mut tx, &author, subject, "revoke", Vec::new(), now).await?;
    }
    tx.commit().await?;
    store.close().await;
    if found {
        return Ok(Exit::Done);
    }
    let message = format!("there is no key {id}; `frontdesk key list` shows those there are");
    Err(fault(Exit::NotFound, message))
}

fn table(keys: &[ApiKey]) -> Table {
    let time = |millis: Option<i64>| {
        millis.and_then(Timestamp::from_millis).map_or_else(|| "-".to_owned(), |at| at.to_string())
    };
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header([
        "id",
        "name",
        "scope",
        "agent",
        "created",
        "expires",
        "last used",
        "revoked",
    ]);
    for key in keys {
        table.add_row([
            key.id.to_string(),
            key.name.clone(),
            key.scope.to_string(),
            key.agent_id.clone().unwrap_or_else(|| "-".to_owned()),
            time(Some(key.created_at)),
            time(key.expires_at),
            time(key.last_used_at),
            time(key.revoked_at),
        ]);
    }
    table
}
