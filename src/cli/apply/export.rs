//! Writing the file that `apply` reads.

use serde::Serialize;
use toml::{Table, Value};

use super::{
    agents,
    keys::SECTIONS,
    people,
    sinks::{self, Written},
    timed::{ActionEntry, WrapUpEntry},
};
use crate::{
    channels::{self, Channel, ChannelStoreError, Settings},
    db::Tx,
    routing::{self, QueueSettings, When, availability::Capacity},
    tasks::related::{self, Operation, Policy},
    timers,
    vault::Vault,
    wrap_up,
};

/// What is as usual is left out.
#[derive(Serialize)]
struct File {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    channels: Vec<ChannelEntry>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    queues: Vec<QueueEntry>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    routes: Vec<RouteEntry>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    agents: Vec<AgentEntry>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    people: Vec<PersonEntry>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related_policies: Vec<PolicyEntry>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    wrap_up_configurations: Vec<WrapUpEntry>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    messaging_actions: Vec<ActionEntry>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sinks: Vec<Written>,
}

#[derive(Serialize)]
struct ChannelEntry {
    id: String,
    provider: &'static str,
    address: String,
    #[serde(skip_serializing_if = "is_true")]
    active: bool,
    account: Table,
    #[serde(skip_serializing_if = "is_default")]
    settings: Settings,
}

#[derive(Serialize)]
struct QueueEntry {
    id: String,
    name: String,
    #[serde(skip_serializing_if = "is_default")]
    settings: QueueSettings,
}

#[derive(Serialize)]
struct RouteEntry {
    id: String,
    queue: String,
    priority: i64,
    position: i64,
    #[serde(skip_serializing_if = "is_true")]
    active: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    skills: Vec<String>,
    #[serde(skip_serializing_if = "is_default")]
    when: When,
}

#[derive(Serialize)]
struct AgentEntry {
    id: String,
    name: String,
    #[serde(skip_serializing_if = "is_true")]
    active: bool,
    #[serde(skip_serializing_if = "is_default")]
    capacity: Capacity,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    queues: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    skills: Vec<String>,
}

#[derive(Serialize)]
struct PersonEntry {
    kind: &'static str,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    phones: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_id: Option<String>,
    #[serde(skip_serializing_if = "is_true")]
    active: bool,
}

#[derive(Serialize)]
struct PolicyEntry {
    table: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    operations: Option<Vec<Operation>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    one_per_interaction: Option<bool>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn is_true(value: &bool) -> bool {
    *value
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// A file for `apply`.
pub(super) struct Exported {
    pub text: String,
    /// What is not in it, since its secrets do not open; such as `channel support-sms`.
    pub left_out: Vec<String>,
}

/// Everything `apply` can write, with the names of variables for secrets.
pub(super) async fn write(tx: &mut Tx, vault: &Vault) -> anyhow::Result<Exported> {
    let (mut channels, mut left_out) = (Vec::new(), Vec::new());
    for (id, channel) in channels::list(tx, vault).await? {
        match channel {
            Err(ChannelStoreError::Vault(..)) => left_out.push(format!("channel {id}")),
            channel => channels.push(entry(channel?)),
        }
    }
    let queues = routing::store::queues(tx).await?.into_iter();
    let queues =
        queues.map(|queue| QueueEntry { id: queue.id, name: queue.name, settings: queue.settings });
    let routes = routing::store::routes(tx).await?.into_iter().map(|route| RouteEntry {
        id: route.id,
        queue: route.queue,
        priority: route.priority,
        position: route.position,
        active: route.active,
        skills: route.skills,
        when: route.when,
    });
    let agents = agents::everybody(tx).await?.into_iter().map(|(agent, known)| AgentEntry {
        id: agent.id,
        name: agent.name,
        active: agent.active,
        capacity: known.capacity,
        queues: known.queues,
        skills: known.skills,
    });
    let people = people::everybody(tx).await?.into_iter().map(|person| PersonEntry {
        kind: person.kind.as_str(),
        name: person.name,
        email: person.email,
        phones: person.phones,
        external_id: person.external_id,
        active: person.active,
    });
    let policies = related::policies(tx).await?.into_iter();
    let policies = policies.map(|Policy { table, operations, one_per_interaction, .. }| {
        PolicyEntry { table, operations, one_per_interaction }
    });
    let file = File {
        channels,
        queues: queues.collect(),
        routes: routes.collect(),
        agents: agents.collect(),
        people: people.collect(),
        related_policies: policies.collect(),
        wrap_up_configurations: wrap_up::list(tx).await?.into_iter().map(Into::into).collect(),
        messaging_actions: timers::store::list(tx).await?.into_iter().map(Into::into).collect(),
        sinks: sinks::written(tx, vault, &mut left_out).await?,
    };
    let mut comments = String::new();
    for what in &left_out {
        comments.push_str(&format!("# left out, since its secrets do not open: {what}\n"));
    }
    Ok(Exported { text: comments + &text(&Table::try_from(file)?), left_out })
}

/// One line a key, in the order people read them: the library would give every account a section.
fn text(file: &Table) -> String {
    let mut text = String::new();
    for (section, keys) in SECTIONS {
        let entries = file.get(*section).and_then(Value::as_array);
        for entry in entries.into_iter().flatten() {
            text.push_str(&format!("[[{section}]]\n"));
            for key in *keys {
                if let Some(value) = entry.get(*key) {
                    text.push_str(&format!("{key} = {value}\n"));
                }
            }
            text.push('\n');
        }
    }
    text
}

fn entry(channel: Channel) -> ChannelEntry {
    let mut account = Table::new();
    for field in channel.adapter.account {
        if let Some(text) = channel.account.get(field.name) {
            account.insert(field.name.to_owned(), text.into());
        }
        let mut placeholders = Vec::new();
        for index in 0..channel.account.secrets(field.name).len() {
            let variable = variable(&channel.id, field.name, index);
            placeholders
                .push(Value::Table(Table::from_iter([("env".to_owned(), variable.into())])));
        }
        let value = match placeholders.len() {
            0 => continue,
            1 => placeholders.remove(0),
            _ => Value::Array(placeholders),
        };
        account.insert(field.name.to_owned(), value);
    }
    ChannelEntry {
        id: channel.id,
        provider: channel.adapter.provider,
        address: channel.address,
        active: channel.active,
        account,
        settings: channel.settings,
    }
}

/// `FRONTDESK_<CHANNEL>_<FIELD>`, numbered from the second value of a secret being rotated.
fn variable(channel: &str, field: &str, index: usize) -> String {
    let name = format!("FRONTDESK_{channel}_{field}").replace('-', "_").to_ascii_uppercase();
    if index == 0 { name } else { format!("{name}_{}", index + 1) }
}
