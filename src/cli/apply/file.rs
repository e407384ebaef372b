//! The file's format, and what it asks for once variables and files are read.

use std::{fs, path::Path, time::Duration};

use serde::Deserialize;
use serde_json::{Map, Value};
use toml::Spanned;

use super::{
    keys, sinks,
    timed::{ActionEntry, WrapUpEntry},
};
use crate::{
    channels::{Channel, ChannelError, Settings},
    profiles::people::{NewPerson, PersonError},
    routing::{self, QueueError, QueueSettings, Route, RouteError, When, availability::Capacity},
    tasks::related::{self, LINK, Operation, Policy},
    timers::{ActionError, MessagingAction},
    wrap_up::{Configuration, ConfigurationError},
};

/// What a file asks for, checked as far as the file alone allows.
#[derive(Debug)]
pub(in crate::cli) struct Desired {
    pub channels: Vec<Channel>,
    pub queues: Vec<Queue>,
    pub routes: Vec<Route>,
    pub agents: Vec<AgentEntry>,
    pub people: Vec<NewPerson>,
    pub related_policies: Vec<Policy>,
    pub wrap_up_configurations: Vec<Configuration>,
    pub messaging_actions: Vec<MessagingAction>,
    pub sinks: Vec<sinks::Desired>,
}

/// A queue as the file has it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cli) struct Queue {
    pub id: String,
    pub name: Option<String>,
    pub settings: Option<QueueSettings>,
}

/// An agent as the file has it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cli) struct AgentEntry {
    pub id: String,
    pub name: String,
    #[serde(default = "yes")]
    pub active: bool,
    pub capacity: Option<Capacity>,
    pub queues: Option<Vec<String>>,
    pub skills: Option<Vec<String>>,
}

/// Why a file cannot be used. No variant holds a value of the file: it may be a secret.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum FileError {
    #[error("line {line}: {message}")]
    Toml { line: usize, message: String },
    #[error("line {line}: {place} has no key `{key}`; did you mean `{suggestion}`?")]
    UnknownKey { line: usize, place: String, key: String, suggestion: String },
    #[error("channel `{id}` (line {line}): {source}")]
    Channel { id: String, line: usize, source: ChannelError },
    #[error("channel `{id}` (line {line}): account.{field}: {problem}")]
    Value { id: String, line: usize, field: String, problem: String },
    #[error("{what} `{id}` stands in the file twice")]
    Twice { what: &'static str, id: String },
    #[error("route `{id}` (line {line}): {source}")]
    Route { id: String, line: usize, source: RouteError },
    #[error("person `{name}` (line {line}): {source}")]
    Person { name: String, line: usize, source: PersonError },
    #[error("queue on line {line}: {source}")]
    QueueId { line: usize, source: RouteError },
    #[error("queue `{id}` (line {line}): settings{pointer}: {source}")]
    QueueSettings { id: String, line: usize, pointer: String, source: QueueError },
    #[error("agent `{id}` (line {line}): {problem}")]
    Agent { id: String, line: usize, problem: String },
    #[error("policy of `{table}` (line {line}): {problem}")]
    Policy { table: String, line: usize, problem: &'static str },
    #[error("wrap-up configuration `{id}` (line {line}): {source}")]
    WrapUp { id: String, line: usize, source: ConfigurationError },
    #[error("messaging action `{id}` (line {line}): {source}")]
    Action { id: String, line: usize, source: ActionError },
    #[error("sink `{id}` (line {line}): {problem}")]
    Sink { id: String, line: usize, problem: String },
}

impl FileError {
    /// The message alone: the library's own text would quote the line, which may hold a secret.
    pub(super) fn toml(text: &str, error: &toml::de::Error) -> Self {
        let line = error.span().map_or(1, |span| keys::line(text, span.start));
        Self::Toml { line, message: error.message().to_owned() }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    channels: Vec<Spanned<ChannelEntry>>,
    #[serde(default)]
    queues: Vec<Spanned<Queue>>,
    #[serde(default)]
    routes: Vec<Spanned<RouteEntry>>,
    #[serde(default)]
    agents: Vec<Spanned<AgentEntry>>,
    #[serde(default)]
    people: Vec<Spanned<NewPerson>>,
    #[serde(default)]
    related_policies: Vec<Spanned<PolicyEntry>>,
    #[serde(default)]
    wrap_up_configurations: Vec<Spanned<WrapUpEntry>>,
    #[serde(default)]
    messaging_actions: Vec<Spanned<ActionEntry>>,
    #[serde(default)]
    sinks: Vec<Spanned<sinks::Entry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChannelEntry {
    id: String,
    provider: String,
    address: String,
    #[serde(default)]
    account: toml::Table,
    #[serde(default)]
    settings: Settings,
    #[serde(default = "yes")]
    active: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RouteEntry {
    id: Option<String>,
    queue: String,
    priority: Option<i64>,
    position: Option<i64>,
    #[serde(default)]
    skills: Vec<String>,
    #[serde(default)]
    when: When,
    #[serde(default = "yes")]
    active: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyEntry {
    table: String,
    operations: Option<Vec<Operation>>,
    one_per_interaction: Option<bool>,
}

fn yes() -> bool {
    true
}

/// Where account values come from.
struct Sources<'a> {
    /// Paths are relative to the file's own folder.
    folder: &'a Path,
    variable: &'a dyn Fn(&str) -> Option<String>,
}

/// Reads a file; `variable` looks up the environment, `limit` is how long a wrap-up lasts at most.
pub(in crate::cli) fn read(
    text: &str,
    folder: &Path,
    variable: &dyn Fn(&str) -> Option<String>,
    limit: Option<Duration>,
    now: i64,
) -> Result<Desired, FileError> {
    keys::check(text)?;
    let file: File = toml::from_str(text).map_err(|error| FileError::toml(text, &error))?;
    let line = |start: usize| keys::line(text, start);
    let sources = Sources { folder, variable };
    let mut channels = Vec::new();
    for entry in file.channels {
        let line = line(entry.span().start);
        channels.push(channel(entry.into_inner(), line, &sources, now)?);
    }
    let mut queues = Vec::new();
    for entry in file.queues {
        let line = line(entry.span().start);
        let queue = entry.into_inner();
        routing::check_id(&queue.id).map_err(|source| FileError::QueueId { line, source })?;
        if let Some(Err((pointer, source))) =
            queue.settings.as_ref().map(|settings| settings.check(&queue.id))
        {
            return Err(FileError::QueueSettings { id: queue.id, line, pointer, source });
        }
        queues.push(queue);
    }
    let mut routes: Vec<Route> = Vec::new();
    for entry in file.routes {
        let line = line(entry.span().start);
        let route = route(entry.into_inner(), &routes, now);
        let checked = route.check(None);
        checked.map_err(|source| FileError::Route { id: route.id.clone(), line, source })?;
        routes.push(route);
    }
    let mut agents = Vec::new();
    for entry in file.agents {
        let line = line(entry.span().start);
        agents.push(agent(entry.into_inner(), line)?);
    }
    let mut people = Vec::new();
    for entry in file.people {
        let line = line(entry.span().start);
        let person = entry.into_inner();
        let name = person.name.clone();
        let person = person.normalized();
        people.push(person.map_err(|source| FileError::Person { name, line, source })?);
    }
    let mut related_policies = Vec::new();
    for entry in file.related_policies {
        let line = line(entry.span().start);
        related_policies.push(policy(entry.into_inner(), line)?);
    }
    let mut wrap_up_configurations = Vec::new();
    for entry in file.wrap_up_configurations {
        let line = line(entry.span().start);
        let configuration = entry.into_inner().configuration(now);
        let id = configuration.id.clone();
        let checked = configuration.check(limit);
        checked.map_err(|source| FileError::WrapUp { id, line, source })?;
        wrap_up_configurations.push(configuration);
    }
    let mut messaging_actions = Vec::new();
    for entry in file.messaging_actions {
        let line = line(entry.span().start);
        let action = entry.into_inner().action(now);
        let id = action.id.clone();
        action.check().map_err(|source| FileError::Action { id, line, source })?;
        messaging_actions.push(action);
    }
    let mut sinks = Vec::new();
    for entry in file.sinks {
        let line = line(entry.span().start);
        let entry = entry.into_inner();
        let id = entry.id.clone();
        let sink = entry.read(|value| sources.resolve(value), now);
        sinks.push(sink.map_err(|problem| FileError::Sink { id, line, problem })?);
    }
    once("channel", channels.iter().map(|channel| &channel.id))?;
    once("queue", queues.iter().map(|queue| &queue.id))?;
    once("route", routes.iter().map(|route| &route.id))?;
    once("agent", agents.iter().map(|agent| &agent.id))?;
    once("policy", related_policies.iter().map(|policy| &policy.table))?;
    once("wrap-up configuration", wrap_up_configurations.iter().map(|one| &one.id))?;
    once("messaging action", messaging_actions.iter().map(|one| &one.id))?;
    once("sink", sinks.iter().map(sinks::Desired::id))?;
    Ok(Desired {
        channels,
        queues,
        routes,
        agents,
        people,
        related_policies,
        wrap_up_configurations,
        messaging_actions,
        sinks,
    })
}

fn once<'a>(what: &'static str, ids: impl Iterator<Item = &'a String>) -> Result<(), FileError> {
    let mut seen = std::collections::HashSet::new();
    for id in ids {
        if !seen.insert(id) {
            return Err(FileError::Twice { what, id: id.clone() });
        }
    }
    Ok(())
}

/// A route without an id is named after its queue: editing its conditions then changes it, rather
/// than leaving the old one in force beside a new one.
fn route(entry: RouteEntry, before: &[Route], now: i64) -> Route {
    let id = entry.id.unwrap_or_else(|| {
        let same_queue = before.iter().filter(|route| route.queue == entry.queue).count();
        match same_queue {
            0 => entry.queue.clone(),
            count => format!("{}-{}", entry.queue, count + 1),
        }
    });
    // Room between two routes, for one that comes later by another way.
    let place = i64::try_from(before.len() + 1).unwrap_or(i64::MAX).saturating_mul(10);
    Route {
        id,
        queue: entry.queue,
        priority: entry.priority.unwrap_or(routing::DEFAULT_PRIORITY),
        position: entry.position.unwrap_or(place),
        skills: entry.skills,
        when: entry.when,
        active: entry.active,
        created_at: now,
        changed_at: now,
        version: 1,
    }
}

fn agent(mut entry: AgentEntry, line: usize) -> Result<AgentEntry, FileError> {
    let wrong = |id: &str, problem: String| FileError::Agent { id: id.to_owned(), line, problem };
    crate::agents::check(&entry.id, &entry.name)
        .map_err(|error| wrong(&entry.id, error.to_string()))?;
    entry.name = entry.name.trim().to_owned();
    if !entry.skills.iter().flatten().all(|skill| routing::is_word(skill)) {
        return Err(wrong(&entry.id, RouteError::Skill.to_string()));
    }
    if !entry.capacity.is_none_or(|capacity| capacity.is_sound()) {
        return Err(wrong(&entry.id, "a capacity is 0 to 1000".to_owned()));
    }
    Ok(entry)
}

fn policy(entry: PolicyEntry, line: usize) -> Result<Policy, FileError> {
    let PolicyEntry { table, operations, one_per_interaction } = entry;
    let problem = if !related::is_table(&table) {
        "a table is 1 to 64 lower-case letters, digits, hyphens, dots or underscores"
    } else if one_per_interaction.is_some() && related::family(&table) == LINK {
        "records of other systems are not created here; leave one_per_interaction out"
    } else {
        let operations = operations.map(related::in_order);
        return Ok(Policy { operations, one_per_interaction, ..Policy::unset(&table) });
    };
    Err(FileError::Policy { table, line, problem })
}

fn channel(
    entry: ChannelEntry,
    line: usize,
    sources: &Sources<'_>,
    now: i64,
) -> Result<Channel, FileError> {
    let id = entry.id;
    let mut account = Map::new();
    for (field, value) in entry.account {
        let value = sources.resolve(value).map_err(|problem| FileError::Value {
            id: id.clone(),
            line,
            field: field.clone(),
            problem,
        })?;
        account.insert(field, value);
    }
    let account = Value::Object(account);
    let channel = Channel::new(&id, &entry.provider, &entry.address, &account, entry.settings, now);
    match channel {
        Ok(channel) => Ok(Channel { active: entry.active, ..channel }),
        Err(source) => Err(FileError::Channel { id, line, source }),
    }
}

impl Sources<'_> {
    fn resolve(&self, value: toml::Value) -> Result<Value, String> {
        match value {
            toml::Value::String(text) => Ok(text.into()),
            toml::Value::Integer(number) => Ok(number.into()),
            toml::Value::Array(values) => {
                values.into_iter().map(|value| self.resolve(value)).collect()
            }
            toml::Value::Table(table) => self.look_up(&table).map(Value::from),
            toml::Value::Float(_) | toml::Value::Boolean(_) | toml::Value::Datetime(_) => {
                Err("must be text".to_owned())
            }
        }
    }

    fn look_up(&self, table: &toml::Table) -> Result<String, String> {
        let mut entries = table.iter();
        let (Some((source, toml::Value::String(name))), None) = (entries.next(), entries.next())
        else {
            return Err(
                "give one of { env = \"…\" }, { file = \"…\" }, { literal = \"…\" }".to_owned()
            );
        };
        match source.as_str() {
            "literal" => Ok(name.clone()),
            "env" => (self.variable)(name).ok_or_else(|| format!("the variable {name} is not set")),
            _ => {
                let path = self.folder.join(name);
                fs::read_to_string(&path)
                    .map(|text| text.trim_end_matches(['\r', '\n']).to_owned())
                    .map_err(|error| format!("{} cannot be read: {error}", path.display()))
            }
        }
    }
}
