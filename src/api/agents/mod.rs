//! Agents, and on whose behalf a request is made.

mod keys;

use axum::{
    Json,
    extract::{FromRequestParts, State},
    http::{HeaderName, request::Parts},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Api, Context,
    input::{Body, IfMatch, Paging, Path, Query},
    output::{Created, Page, Range, Versioned},
    problem::{Code, Problem},
};
use crate::{
    agents::{self, Agent, AgentError},
    audit::{self, Author, Change, Subject},
    db::Tx,
    keys::Key,
    routing::{
        self, RouteError,
        availability::{self, Availability, Capacity, Load, Presence},
        offers,
    },
};

pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, change))
        .routes(routes!(presence))
        .merge(keys::router())
}

/// Names the agent a program acts for.
pub(super) const ON_BEHALF_OF: HeaderName = HeaderName::from_static("frontdesk-agent");

/// Who makes the request: the key's own agent, the one named in `Frontdesk-Agent`, or the key.
#[derive(Debug)]
pub(super) struct By(pub Author);

impl FromRequestParts<Api> for By {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let key = parts.extensions.get::<Key>().cloned();
        let key = key.ok_or_else(|| Problem::new(Code::MissingKey, "send an API key"))?;
        let named = parts.headers.get(ON_BEHALF_OF).map(|id| id.to_str().unwrap_or_default());
        let agent = match (&key.agent_id, named) {
            (Some(own), Some(named)) if own != named => {
                let detail = "this key is one agent's own and cannot act for another; leave the \
                    header Frontdesk-Agent out, or use a key without an agent";
                return Err(Problem::new(Code::OtherAgent, detail));
            }
            // The key has opened, so its agent is active.
            (Some(own), _) => return Ok(Self(Author::agent(own, Some(key.id)))),
            (None, Some(named)) => named,
            (None, None) => return Ok(Self(Author::key(key.id))),
        };
        let mut tx = api.store.begin_read().await?;
        let known = agents::get(&mut tx, agent).await?;
        tx.rollback().await?;
        match known {
            Some(known) if known.active => Ok(Self(Author::agent(&known.id, Some(key.id)))),
            Some(_) | None => {
                let detail =
                    "there is no active agent of this name; /v1/agents lists those there are";
                Err(Problem::new(Code::UnknownAgent, detail))
            }
        }
    }
}

/// Whose own the key is: what only the agent does, nobody else's key does for the agent.
#[derive(Debug)]
pub(super) struct OwnKey(Option<String>);

impl FromRequestParts<Api> for OwnKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, Problem> {
        Ok(Self(parts.extensions.get::<Key>().and_then(|key| key.agent_id.clone())))
    }
}

impl OwnKey {
    /// Refuses to act for another agent than the key's own.
    pub fn permits(&self, agent: &str) -> Result<(), Problem> {
        if self.0.as_deref().is_none_or(|own| own == agent) {
            return Ok(());
        }
        let detail = "this key is one agent's own and cannot act for another; name nobody else, or \
            use a key without an agent";
        Err(Problem::new(Code::OtherAgent, detail))
    }

    /// The agent meant, where the key may act for that one.
    pub async fn agent(
        &self,
        api: &Api,
        named: Option<String>,
        author: &Author,
    ) -> Result<String, Problem> {
        if let Some(named) = &named {
            self.permits(named)?;
        }
        meant(api, named, author).await
    }
}

/// The agent meant: the one named, else the author.
pub(super) async fn meant(
    api: &Api,
    named: Option<String>,
    author: &Author,
) -> Result<String, Problem> {
    let Some(named) = named else {
        let own = author.as_agent().map(str::to_owned);
        let detail = "say which agent, here or in the header Frontdesk-Agent";
        return own.ok_or_else(|| Problem::body("/agent", detail));
    };
    let mut tx = api.store.begin_read().await?;
    let agent = agents::get(&mut tx, &named).await?;
    tx.rollback().await?;
    match agent {
        Some(agent) if agent.active => Ok(agent.id),
        Some(_) | None => {
            Err(Problem::body("/agent", "there is no active agent of this name; list them first"))
        }
    }
}

/// An agent to be entered.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewAgent {
    /// Lower-case letters, digits, hyphens, dots and underscores.
    id: String,
    /// The agent's name for people.
    name: String,
    /// How much the agent can take; by itself the usual.
    #[serde(default)]
    capacity: Capacity,
    /// The queues the agent serves.
    #[serde(default)]
    queues: Vec<String>,
    /// What the agent knows: lower-case words.
    #[serde(default)]
    skills: Vec<String>,
}

/// What is to be changed about an agent. Absent fields stay as they are.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AgentChange {
    /// The agent's name for people.
    name: Option<String>,
    /// Whether work can be assigned to the agent.
    active: Option<bool>,
    /// How much the agent can take, all of it.
    capacity: Option<Capacity>,
    /// All queues the agent serves.
    queues: Option<Vec<String>>,
    /// Everything the agent knows.
    skills: Option<Vec<String>>,
}

/// Whether an agent is there.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPresence {
    /// `available` to be given work.
    presence: Presence,
}

/// An agent, and what routing knows of the agent.
#[derive(Debug, Serialize, ToSchema)]
struct AgentDetails {
    #[serde(flatten)]
    agent: Agent,
    #[serde(flatten)]
    availability: Availability,
    /// What the agent has at hand, offers included.
    load: Load,
}

impl From<AgentError> for Problem {
    fn from(error: AgentError) -> Self {
        let pointer = match error {
            AgentError::Id => "/id",
            AgentError::Name => "/name",
        };
        Self::body(pointer, error)
    }
}

/// Lists agents, by id.
#[utoipa::path(get, path = "/v1/agents", tag = "agents", params(Paging),
    responses((status = 200, body = Page<AgentDetails>, description = "Agents.")))]
async fn list(
    State(api): Context,
    Query(query): Query<Paging>,
) -> Result<Json<Page<AgentDetails>>, Problem> {
    let range: Range<String> = Range::new(query.limit, query.after.as_deref())?;
    let mut tx = api.store.begin_read().await?;
    let after = range.after.as_deref().unwrap_or_default();
    let agents = agents::list(&mut tx, after, range.fetch()).await?;
    let known = availability::list(&mut tx, after, range.fetch()).await?;
    let mut loads = availability::loads(&mut tx, agents.iter().map(|it| it.id.clone())).await?;
    tx.rollback().await?;
    let shown = agents.into_iter().zip(known).map(|(agent, availability)| {
        let load = loads.remove(&agent.id).unwrap_or_default();
        AgentDetails { agent, availability, load }
    });
    Ok(Json(range.page(shown.collect(), |shown| shown.agent.id.clone())))
}

/// Shows an agent.
#[utoipa::path(get, path = "/v1/agents/{id}", tag = "agents",
    params(("id" = String, Path, description = "The agent's id.")),
    responses((status = 200, body = AgentDetails, description = "The agent.")))]
async fn get(
    State(api): Context,
    Path(id): Path<String>,
) -> Result<Versioned<AgentDetails>, Problem> {
    let mut tx = api.store.begin_read().await?;
    let details = details(&mut tx, &id).await?;
    tx.rollback().await?;
    Ok(details)
}

async fn details(tx: &mut Tx, id: &str) -> Result<Versioned<AgentDetails>, Problem> {
    let (agent, availability) = find(tx, id).await?;
    let load = availability::at_hand(tx, id).await?;
    let version = agent.version;
    Ok(Versioned(AgentDetails { agent, availability, load }, version))
}

/// Enters an agent.
#[utoipa::path(post, path = "/v1/agents", tag = "agents", request_body = NewAgent,
    responses((status = 201, body = AgentDetails, description = "The new agent.")))]
async fn create(
    State(api): Context,
    By(author): By,
    Body(new): Body<NewAgent>,
) -> Result<Created<AgentDetails>, Problem> {
    agents::check(&new.id, &new.name)?;
    let now = api.clock.now().as_millis();
    let agent = Agent {
        id: new.id,
        name: new.name.trim().to_owned(),
        active: true,
        created_at: now,
        changed_at: now,
        version: 1,
    };
    let mut tx = api.store.begin().await?;
    agents::insert(&mut tx, &agent).await?;
    let (_, before) = find(&mut tx, &agent.id).await?;
    let availability =
        Availability { capacity: new.capacity, queues: new.queues, skills: new.skills, ..before };
    check(&mut tx, &availability).await?;
    availability::save(&mut tx, &availability).await?;
    let mut changes = audit::differences(&None::<Agent>, &agent);
    changes.extend(audit::differences(&None::<Availability>, &availability));
    let subject = Subject::new("agent", &agent.id);
    audit::record(&mut tx, &author, subject, "create", changes, now).await?;
    let details = details(&mut tx, &agent.id).await?;
    tx.commit().await?;
    Ok(Created(format!("/v1/agents/{}", agent.id), details))
}

/// Changes an agent. One who is deactivated is offline, and what was offered goes back.
#[utoipa::path(patch, path = "/v1/agents/{id}", tag = "agents",
    params(("id" = String, Path, description = "The agent's id.")), request_body = AgentChange,
    responses((status = 200, body = AgentDetails, description = "The changed agent.")))]
async fn change(
    State(api): Context,
    By(author): By,
    Path(id): Path<String>,
    if_match: IfMatch,
    Body(change): Body<AgentChange>,
) -> Result<Versioned<AgentDetails>, Problem> {
    let now = api.clock.now().as_millis();
    let mut tx = api.store.begin().await?;
    let (before, was) = find(&mut tx, &id).await?;
    if_match.check(before.version)?;
    let agent = Agent {
        name: change.name.unwrap_or_else(|| before.name.clone()).trim().to_owned(),
        active: change.active.unwrap_or(before.active),
        changed_at: now,
        version: before.version + 1,
        ..before.clone()
    };
    agents::check(&agent.id, &agent.name)?;
    let leaves = before.active && !agent.active;
    let availability = Availability {
        capacity: change.capacity.unwrap_or(was.capacity),
        queues: change.queues.unwrap_or_else(|| was.queues.clone()),
        skills: change.skills.unwrap_or_else(|| was.skills.clone()),
        presence: if leaves { Presence::Offline } else { was.presence },
        ..was.clone()
    };
    check(&mut tx, &availability).await?;
    if !agents::update(&mut tx, &agent).await? {
        return Err(Problem::conflict());
    }
    availability::save(&mut tx, &availability).await?;
    if leaves {
        offers::dismiss(&mut tx, &id, &author, now).await?;
    }
    let mut changes = audit::differences(&before, &agent);
    changes.extend(audit::differences(&was, &availability));
    let subject = Subject::new("agent", &agent.id);
    audit::record(&mut tx, &author, subject, "change", changes, now).await?;
    let details = details(&mut tx, &id).await?;
    tx.commit().await?;
    Ok(details)
}

/// Says whether an agent is there. What was pushed to one who no longer is goes back.
#[utoipa::path(post, path = "/v1/agents/{id}/presence", tag = "agents",
    params(("id" = String, Path, description = "The agent's id.")), request_body = NewPresence,
    responses((status = 200, body = AgentDetails, description = "The agent.")))]
async fn presence(
    State(api): Context,
    By(author): By,
    own: OwnKey,
    Path(id): Path<String>,
    Body(new): Body<NewPresence>,
) -> Result<Versioned<AgentDetails>, Problem> {
    own.permits(&id)?;
    let now = api.clock.now().as_millis();
    let mut tx = api.store.begin().await?;
    let was = availability::lock(&mut tx, &id).await?;
    let was = was.ok_or_else(|| Problem::not_found("agent"))?;
    if !was.active {
        let detail =
            "this agent is not active; PATCH /v1/agents/{id} with {\"active\": true} first";
        return Err(Problem::new(Code::UnknownAgent, detail));
    }
    availability::set_presence(&mut tx, &id, new.presence, now).await?;
    if new.presence != Presence::Available {
        offers::withdraw(&mut tx, &id, &author, now).await?;
    }
    if was.presence != new.presence {
        let changes = vec![Change::new("presence", json(was.presence), json(new.presence))];
        let subject = Subject::new("agent", &id);
        audit::record(&mut tx, &author, subject, "presence", changes, now).await?;
    }
    let details = details(&mut tx, &id).await?;
    tx.commit().await?;
    Ok(details)
}

fn json(presence: Presence) -> serde_json::Value {
    serde_json::to_value(presence).unwrap_or_default()
}

async fn find(tx: &mut Tx, id: &str) -> Result<(Agent, Availability), Problem> {
    let agent = agents::get(tx, id).await?;
    let availability = availability::get(tx, id).await?;
    agent.zip(availability).ok_or_else(|| Problem::not_found("agent"))
}

async fn check(tx: &mut Tx, agent: &Availability) -> Result<(), Problem> {
    if !agent.capacity.is_sound() {
        return Err(Problem::body("/capacity", "give 0 to 1000"));
    }
    if let Some(place) = agent.skills.iter().position(|skill| !routing::is_word(skill)) {
        return Err(Problem::body(format!("/skills/{place}"), RouteError::Skill));
    }
    for (place, queue) in agent.queues.iter().enumerate() {
        if routing::store::queue(tx, queue).await?.is_none() {
            let error = RouteError::UnknownQueue(queue.clone());
            return Err(Problem::body(format!("/queues/{place}"), error));
        }
    }
    Ok(())
}
