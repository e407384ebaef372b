//! Agents, as the file has them. Whether they are there is theirs to say, and in no file.

use super::changes::{Changes, differs};
use super::file::AgentEntry;
use crate::{
    agents::{self, Agent},
    audit::{self, Author, Subject},
    cli::{Exit, fault},
    db::{StoreError, Tx},
    routing::{
        self, DEFAULT_QUEUE, RouteError,
        availability::{self, Presence},
        offers,
    },
};

/// How many agents are read at a time.
const AT_ONCE: i64 = 500;

/// Stores agents. What an entry leaves out stays as it is.
pub(super) async fn put(
    tx: &mut Tx,
    desired: Vec<AgentEntry>,
    now: i64,
    changes: &mut Changes,
) -> anyhow::Result<()> {
    let author = Author::command("apply");
    let stored = everybody(tx).await?;
    let ids = stored.iter().map(|(agent, _)| agent.id.as_str());
    changes.leave_alone("agent", ids, |id| desired.iter().any(|agent| agent.id == id));
    let queues = routing::store::queues(tx).await?;
    for AgentEntry { id, name, active, capacity, queues: served, skills } in desired {
        let what = format!("agent {id}");
        let known = |id: &String| id == DEFAULT_QUEUE || queues.iter().any(|queue| queue.id == *id);
        if let Some(unknown) = served.iter().flatten().find(|id| !known(id)) {
            let error = RouteError::UnknownQueue(unknown.clone());
            return Err(fault(Exit::Configuration, format!("{what}: {error}")));
        }
        let before = stored.iter().find(|(agent, _)| agent.id == id);
        let agent = Agent {
            name,
            active,
            created_at: now,
            changed_at: now,
            version: before.map_or(1, |(before, _)| before.version + 1),
            id,
        };
        if before.is_none() {
            agents::insert(tx, &Agent { active: true, ..agent.clone() }).await?;
        }
        let was = availability::get(tx, &agent.id).await?;
        let was = was.ok_or_else(|| anyhow::anyhow!("{what} is gone again"))?;
        let leaves = before.as_ref().is_some_and(|(before, _)| before.active) && !agent.active;
        let is = availability::Availability {
            capacity: capacity.unwrap_or(was.capacity),
            queues: served.unwrap_or_else(|| was.queues.clone()),
            skills: skills.unwrap_or_else(|| was.skills.clone()),
            presence: if leaves { Presence::Offline } else { was.presence },
            ..was.clone()
        };
        let mut details = Vec::new();
        if let Some((before, _)) = before {
            differs(&mut details, "name", &before.name, &agent.name);
            differs(&mut details, "active", before.active, agent.active);
        }
        differs(&mut details, "capacity", json(&was.capacity), json(&is.capacity));
        differs(&mut details, "queues", json(&was.queues), json(&is.queues));
        differs(&mut details, "skills", json(&was.skills), json(&is.skills));
        if before.is_some() && details.is_empty() {
            changes.unchanged += 1;
            continue;
        }
        availability::save(tx, &is).await?;
        let changed = Agent { version: before.map_or(2, |_| agent.version), ..agent };
        if (before.is_some() || !changed.active) && !agents::update(tx, &changed).await? {
            let message = format!("{what} was changed at the same moment; apply again");
            return Err(fault(Exit::Failed, message));
        }
        if leaves {
            offers::dismiss(tx, &changed.id, &author, now).await?;
        }
        let subject = Subject::new("agent", &changed.id);
        let mut told = audit::differences(&before.map(|(agent, _)| agent), &changed);
        told.extend(audit::differences(&before.map(|_| &was), &is));
        let action = if before.is_some() { "change" } else { "create" };
        audit::record(tx, &author, subject, action, told, now).await?;
        match before {
            Some(_) => changes.changed(what, details),
            None => changes.created(what),
        }
    }
    Ok(())
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// All agents, with what routing knows of them.
pub(super) async fn everybody(
    tx: &mut Tx,
) -> Result<Vec<(Agent, availability::Availability)>, StoreError> {
    let mut everybody: Vec<(Agent, availability::Availability)> = Vec::new();
    loop {
        let after = everybody.last().map(|(agent, _)| agent.id.clone()).unwrap_or_default();
        let agents = agents::list(tx, &after, AT_ONCE).await?;
        if agents.is_empty() {
            return Ok(everybody);
        }
        let known = availability::list(tx, &after, AT_ONCE).await?;
        everybody.extend(agents.into_iter().zip(known));
    }
}
