//! Making the database say what a file says, and telling what that took.

use uuid::Uuid;

use super::file::{Desired, Queue, Route};
use crate::{
    channels::{self, Channel, ChannelStoreError, Settings},
    cli::{Exit, fault},
    db::Tx,
    profiles::people::{self, NewPerson, Person},
    routing::{self, RouteError},
    vault::Vault,
};

/// What applying took.
#[derive(Debug, Default)]
pub(in crate::cli) struct Changes {
    pub made: Vec<Change>,
    pub unchanged: usize,
    /// What the database has and the file does not name.
    pub left_alone: Vec<String>,
}

/// One thing made or changed.
#[derive(Debug)]
pub(in crate::cli) struct Change {
    pub kind: Kind,
    /// Such as `channel support-sms`.
    pub what: String,
    /// What is different. Never a secret.
    pub details: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Kind {
    Created,
    Changed,
}

impl Changes {
    fn created(&mut self, what: String) {
        self.made.push(Change { kind: Kind::Created, what, details: Vec::new() });
    }

    fn changed(&mut self, what: String, details: Vec<String>) {
        self.made.push(Change { kind: Kind::Changed, what, details });
    }

    fn leave_alone<'a>(
        &mut self,
        noun: &str,
        stored: impl Iterator<Item = &'a str>,
        named: impl Fn(&str) -> bool,
    ) {
        self.left_alone.extend(stored.filter(|id| !named(id)).map(|id| format!("{noun} {id}")));
    }
}

/// Writes what `desired` says and the database does not. The caller commits.
pub(in crate::cli) async fn make(
    tx: &mut Tx,
    vault: &Vault,
    desired: Desired,
    now: i64,
) -> anyhow::Result<Changes> {
    let mut changes = Changes::default();
    put_channels(tx, vault, desired.channels, now, &mut changes).await?;
    put_queues(tx, desired.queues, now, &mut changes).await?;
    put_routes(tx, desired.routes, now, &mut changes).await?;
    put_people(tx, desired.people, now, &mut changes).await?;
    Ok(changes)
}

async fn put_channels(
    tx: &mut Tx,
    vault: &Vault,
    desired: Vec<Channel>,
    now: i64,
    changes: &mut Changes,
) -> anyhow::Result<()> {
    let stored = channels::list(tx, vault).await?;
    let ids = stored.iter().map(|(id, _)| id.as_str());
    changes.leave_alone("channel", ids, |id| desired.iter().any(|channel| channel.id == id));
    let mut stored: std::collections::HashMap<String, Result<Channel, ChannelStoreError>> =
        stored.into_iter().collect();
    for channel in desired {
        let what = format!("channel {}", channel.id);
        let Some(before) = stored.remove(&channel.id).transpose()? else {
            channels::insert(tx, vault, &channel).await?;
            changes.created(format!("{what} ({}, {})", channel.adapter.provider, channel.address));
            continue;
        };
        let details = channel_differences(&before, &channel);
        if details.is_empty() {
            changes.unchanged += 1;
            continue;
        }
        let channel = Channel {
            created_at: before.created_at,
            changed_at: now,
            version: before.version + 1,
            ..channel
        };
        if !channels::save(tx, vault, &channel).await? {
            let message = format!("{what} was changed at the same moment; apply again");
            return Err(fault(Exit::Failed, message));
        }
        changes.changed(what, details);
    }
    Ok(())
}

fn channel_differences(before: &Channel, after: &Channel) -> Vec<String> {
    let mut details = Vec::new();
    differs(&mut details, "provider", before.adapter.provider, after.adapter.provider);
    differs(&mut details, "address", &before.address, &after.address);
    for field in after.adapter.account {
        if field.secret {
            // Both sides are ours already, so comparing them tells nobody anything.
            if before.account.secrets(field.name) != after.account.secrets(field.name) {
                details.push(format!("{} changed", field.name));
            }
        } else {
            let text =
                |channel: &Channel| channel.account.get(field.name).unwrap_or("—").to_owned();
            differs(&mut details, field.name, &text(before), &text(after));
        }
    }
    if before.settings != after.settings {
        let (before, after) = (settings(&before.settings), settings(&after.settings));
        details.push(format!("settings {before} → {after}"));
    }
    differs(&mut details, "active", before.active, after.active);
    details
}

fn settings(settings: &Settings) -> String {
    serde_json::to_string(settings).unwrap_or_default()
}

fn differs<T: PartialEq + std::fmt::Display>(
    details: &mut Vec<String>,
    name: &str,
    before: T,
    after: T,
) {
    if before != after {
        details.push(format!("{name} {before} → {after}"));
    }
}

async fn put_queues(
    tx: &mut Tx,
    desired: Vec<Queue>,
    now: i64,
    changes: &mut Changes,
) -> anyhow::Result<()> {
    let stored = routing::store::queues(tx).await?;
    let ids = stored.iter().filter(|queue| !queue.is_default).map(|queue| queue.id.as_str());
    changes.leave_alone("queue", ids, |id| desired.iter().any(|queue| queue.id == id));
    for Queue { id, name } in desired {
        let what = format!("queue {id}");
        let before = stored.iter().find(|queue| queue.id == id);
        let queue = routing::Queue {
            name: name
                .or_else(|| before.map(|queue| queue.name.clone()))
                .unwrap_or_else(|| id.clone()),
            is_default: before.map_or(id == routing::DEFAULT_QUEUE, |queue| queue.is_default),
            created_at: now,
            changed_at: now,
            version: 1,
            id,
        };
        match before {
            Some(before) if before.name == queue.name => changes.unchanged += 1,
            Some(before) => {
                routing::store::put_queue(tx, &queue).await?;
                changes.changed(what, vec![format!("name {} → {}", before.name, queue.name)]);
            }
            None => {
                routing::store::put_queue(tx, &queue).await?;
                changes.created(what);
            }
        }
    }
    Ok(())
}

async fn put_routes(
    tx: &mut Tx,
    desired: Vec<Route>,
    now: i64,
    changes: &mut Changes,
) -> anyhow::Result<()> {
    let queues = routing::store::queues(tx).await?;
    let stored = routing::store::routes(tx).await?;
    let ids = stored.iter().map(|route| route.id.as_str());
    changes.leave_alone("route", ids, |id| desired.iter().any(|route| route.id == id));
    for route in desired {
        let what = format!("route {}", route.id);
        let default = route.queue == routing::DEFAULT_QUEUE;
        if !default && !queues.iter().any(|queue| queue.id == route.queue) {
            let error = RouteError::UnknownQueue(route.queue);
            return Err(fault(Exit::Configuration, format!("{what}: {error}")));
        }
        let before = stored.iter().find(|stored| stored.id == route.id);
        let after = routing::Route {
            id: route.id,
            position: route.position,
            queue: route.queue,
            priority: route.priority,
            when: route.when,
            active: route.active,
            created_at: now,
            changed_at: now,
            version: 1,
        };
        let details = before.map(|before| route_differences(before, &after));
        match details {
            Some(details) if details.is_empty() => changes.unchanged += 1,
            Some(details) => {
                routing::store::put_route(tx, &after).await?;
                changes.changed(what, details);
            }
            None => {
                routing::store::put_route(tx, &after).await?;
                changes.created(format!("{what} (to queue {})", after.queue));
            }
        }
    }
    Ok(())
}

fn route_differences(before: &routing::Route, after: &routing::Route) -> Vec<String> {
    let mut details = Vec::new();
    differs(&mut details, "queue", &before.queue, &after.queue);
    differs(&mut details, "priority", before.priority, after.priority);
    differs(&mut details, "position", before.position, after.position);
    differs(&mut details, "active", before.active, after.active);
    if before.when != after.when {
        let text = |route: &routing::Route| serde_json::to_string(&route.when).unwrap_or_default();
        details.push(format!("when {} → {}", text(before), text(after)));
    }
    details
}

async fn put_people(
    tx: &mut Tx,
    desired: Vec<NewPerson>,
    now: i64,
    changes: &mut Changes,
) -> anyhow::Result<()> {
    if desired.is_empty() {
        return Ok(());
    }
    let mut stored = everybody(tx).await?;
    for person in desired {
        let what = format!("person {} ({})", person.name, person.kind.as_str());
        let Some(index) = same_person(&person, &stored) else {
            people::insert(tx, &person, now).await?;
            changes.created(what);
            continue;
        };
        // Nobody stands for two entries of the file.
        let before = stored.swap_remove(index);
        let details = person_differences(&before, &person);
        if details.is_empty() {
            changes.unchanged += 1;
            continue;
        }
        if !people::update(tx, before.id, before.version, &person, now).await? {
            let message = format!("{what} was changed at the same moment; apply again");
            return Err(fault(Exit::Failed, message));
        }
        changes.changed(what, details);
    }
    Ok(())
}

/// The stored person an entry means: of the same kind, with one of its numbers or its e-mail
/// address; or with its name, where one side has no address to tell them apart by.
///
/// Two people may share a name or a number, so the best match is taken: both before either.
fn same_person(person: &NewPerson, stored: &[Person]) -> Option<usize> {
    let score = |known: &Person| {
        let same_name = known.name == person.name;
        let same_email = known.email.is_some() && known.email == person.email;
        let shares = known.phones.iter().any(|phone| person.phones.contains(phone)) || same_email;
        let nothing =
            |phones: &[String], email: &Option<String>| phones.is_empty() && email.is_none();
        let cannot_tell =
            nothing(&known.phones, &known.email) || nothing(&person.phones, &person.email);
        match (known.kind == person.kind, shares, same_name) {
            (true, true, true) => 3,
            (true, true, false) => 2,
            (true, false, true) if cannot_tell => 1,
            (..) => 0,
        }
    };
    let best = stored.iter().enumerate().map(|(index, known)| (score(known), index));
    // Of equals the first entered, so that the answer does not depend on chance.
    let best = best.max_by_key(|(score, index)| (*score, std::cmp::Reverse(stored[*index].id)));
    best.filter(|(score, _)| *score > 0).map(|(_, index)| index)
}

fn person_differences(before: &Person, after: &NewPerson) -> Vec<String> {
    let mut details = Vec::new();
    differs(&mut details, "name", &before.name, &after.name);
    let text = |email: &Option<String>| email.clone().unwrap_or_else(|| "—".to_owned());
    differs(&mut details, "email", text(&before.email), text(&after.email));
    differs(&mut details, "phones", before.phones.join(" "), after.phones.join(" "));
    differs(&mut details, "active", before.active, after.active);
    details
}

/// The whole directory.
pub(super) async fn everybody(tx: &mut Tx) -> anyhow::Result<Vec<Person>> {
    const PAGE: i64 = 1_000;
    let mut all: Vec<Person> = Vec::new();
    loop {
        let after: Option<Uuid> = all.last().map(|person| person.id);
        let page = people::list(tx, after, PAGE).await?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}
