//! Agents, and on whose behalf a request is made.

use axum::{
    Json,
    extract::{FromRequestParts, State},
    http::{HeaderName, request::Parts},
};
use serde::Deserialize;
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
    audit::{self, Author, Subject},
    keys::Key,
};

pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(get, change))
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
            (Some(own), _) => own.as_str(),
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

/// An agent to be entered.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewAgent {
    /// Lower-case letters, digits, hyphens, dots and underscores.
    id: String,
    /// The agent's name for people.
    name: String,
}

/// What is to be changed about an agent. Absent fields stay as they are.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AgentChange {
    /// The agent's name for people.
    name: Option<String>,
    /// Whether work can be assigned to the agent.
    active: Option<bool>,
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
    responses((status = 200, body = Page<Agent>, description = "Agents.")))]
async fn list(
    State(api): Context,
    Query(query): Query<Paging>,
) -> Result<Json<Page<Agent>>, Problem> {
    let range: Range<String> = Range::new(query.limit, query.after.as_deref())?;
    let mut tx = api.store.begin_read().await?;
    let after = range.after.as_deref().unwrap_or_default();
    let agents = agents::list(&mut tx, after, range.fetch()).await?;
    tx.rollback().await?;
    Ok(Json(range.page(agents, |agent| agent.id.clone())))
}

/// Shows an agent.
#[utoipa::path(get, path = "/v1/agents/{id}", tag = "agents",
    params(("id" = String, Path, description = "The agent's id.")),
    responses((status = 200, body = Agent, description = "The agent.")))]
async fn get(State(api): Context, Path(id): Path<String>) -> Result<Versioned<Agent>, Problem> {
    let mut tx = api.store.begin_read().await?;
    let agent = agents::get(&mut tx, &id).await?;
    tx.rollback().await?;
    let agent = agent.ok_or_else(|| Problem::not_found("agent"))?;
    let version = agent.version;
    Ok(Versioned(agent, version))
}

/// Enters an agent.
#[utoipa::path(post, path = "/v1/agents", tag = "agents", request_body = NewAgent,
    responses((status = 201, body = Agent, description = "The new agent.")))]
async fn create(
    State(api): Context,
    By(author): By,
    Body(new): Body<NewAgent>,
) -> Result<Created<Agent>, Problem> {
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
    let changes = audit::differences(&None::<Agent>, &agent);
    let subject = Subject::new("agent", &agent.id);
    audit::record(&mut tx, &author, subject, "create", changes, now).await?;
    tx.commit().await?;
    Ok(Created(format!("/v1/agents/{}", agent.id), Versioned(agent, 1)))
}

/// Changes an agent.
#[utoipa::path(patch, path = "/v1/agents/{id}", tag = "agents",
    params(("id" = String, Path, description = "The agent's id.")), request_body = AgentChange,
    responses((status = 200, body = Agent, description = "The changed agent.")))]
async fn change(
    State(api): Context,
    By(author): By,
    Path(id): Path<String>,
    if_match: IfMatch,
    Body(change): Body<AgentChange>,
) -> Result<Versioned<Agent>, Problem> {
    let now = api.clock.now().as_millis();
    let mut tx = api.store.begin().await?;
    let before = agents::get(&mut tx, &id).await?.ok_or_else(|| Problem::not_found("agent"))?;
    if_match.check(before.version)?;
    let agent = Agent {
        name: change.name.unwrap_or_else(|| before.name.clone()).trim().to_owned(),
        active: change.active.unwrap_or(before.active),
        changed_at: now,
        version: before.version + 1,
        ..before.clone()
    };
    agents::check(&agent.id, &agent.name)?;
    if !agents::update(&mut tx, &agent).await? {
        return Err(Problem::conflict());
    }
    let changes = audit::differences(&before, &agent);
    let subject = Subject::new("agent", &agent.id);
    audit::record(&mut tx, &author, subject, "change", changes, now).await?;
    tx.commit().await?;
    let version = agent.version;
    Ok(Versioned(agent, version))
}
