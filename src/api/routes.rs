//! The ordered rules that choose a queue, and a way to try them.

use axum::{Json, extract::State, http::StatusCode};
use frontdesk_adapters::{Medium, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Api, Context,
    agents::By,
    announce,
    input::{Body, IfMatch, Paging, Path, Query},
    output::{Created, Page, Range, Versioned},
    problem::Problem,
};
use crate::{
    audit::{self, Subject},
    db::{StoreError, Tx},
    profiles::PersonKind,
    routing::{DEFAULT_PRIORITY, Facts, Route, RouteError, When, names, store},
};

pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, change, delete))
        .routes(routes!(try_out))
}

/// A route to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewRoute {
    /// Its name: lower-case letters, digits, hyphens and underscores.
    id: String,
    /// The queue it chooses.
    queue: String,
    /// Lower ones are tried first: -1,000,000 to 1,000,000; by itself after all others.
    position: Option<i64>,
    /// Lower numbers are served first: -1,000,000 to 1,000,000; by itself 100.
    priority: Option<i64>,
    /// What an agent must know to be given what it queues; by itself nothing.
    #[serde(default)]
    skills: Vec<String>,
    /// What must hold; by itself it always does.
    #[serde(default)]
    when: When,
    /// Whether it is tried at all.
    active: Option<bool>,
}

/// What is to be changed about a route. Absent fields stay as they are.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RouteChange {
    /// The queue it chooses.
    queue: Option<String>,
    /// Lower ones are tried first: -1,000,000 to 1,000,000.
    position: Option<i64>,
    /// Lower numbers are served first: -1,000,000 to 1,000,000.
    priority: Option<i64>,
    /// All skills.
    skills: Option<Vec<String>>,
    /// All conditions.
    when: Option<When>,
    /// Whether it is tried at all.
    active: Option<bool>,
}

/// A message as routes see it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Described {
    /// The channel it comes by.
    channel: String,
    /// Our address; by itself the channel's.
    address: Option<String>,
    /// The medium; by itself the channel's.
    #[schema(value_type = Option<String>)]
    medium: Option<Medium>,
    /// The text.
    text: Option<String>,
    /// The country of the sender's number, such as `BR`.
    country: Option<String>,
    /// The sender's language, such as `pt-BR`.
    language: Option<String>,
    /// What the sender's person is to us; absent for a guest.
    person_kind: Option<PersonKind>,
    /// Whether the sender opted out of our messages.
    #[serde(default)]
    opted_out: bool,
    /// When it comes, in RFC 3339; by itself now. Queues have hours.
    #[schema(value_type = Option<String>, format = DateTime)]
    at: Option<Timestamp>,
}

/// Where the message would go, and why.
#[derive(Debug, Serialize, ToSchema)]
struct Tried {
    /// The queue.
    queue: String,
    /// Lower numbers are served first.
    priority: i64,
    /// The route that takes it; `null` when none does.
    route: Option<String>,
    /// What an agent must know to be given it.
    skills: Vec<String>,
    /// Why, in a sentence.
    reason: String,
    /// Every active route, in the order they are tried.
    considered: Vec<Considered>,
}

/// What a route makes of a message.
#[derive(Debug, Serialize, ToSchema)]
struct Considered {
    /// The route.
    route: String,
    /// Whether all its conditions hold.
    matches: bool,
    /// A condition that does not hold; `schedule` when the route's queue is closed.
    unmet: Option<&'static str>,
}

impl From<RouteError> for Problem {
    fn from(error: RouteError) -> Self {
        Self::body(error.pointer(), error)
    }
}

/// Lists routes, in the order they are tried.
#[utoipa::path(get, path = "/v1/routes", tag = "routes", params(Paging),
    responses((status = 200, body = Page<Route>, description = "Routes.")))]
async fn list(
    State(api): Context,
    Query(query): Query<Paging>,
) -> Result<Json<Page<Route>>, Problem> {
    let range = Range::new(query.limit, query.after.as_deref())?;
    let mut tx = api.store.begin_read().await?;
    let routes = store::routes(&mut tx).await?;
    tx.rollback().await?;
    Ok(Json(range.cut(routes, |route| (route.position, route.id.clone()))))
}

/// Shows a route.
#[utoipa::path(get, path = "/v1/routes/{id}", tag = "routes",
    params(("id" = String, Path, description = "The route's id.")),
    responses((status = 200, body = Route, description = "The route.")))]
async fn get(State(api): Context, Path(id): Path<String>) -> Result<Versioned<Route>, Problem> {
    let mut tx = api.store.begin_read().await?;
    let route = find(&mut tx, &id).await?;
    tx.rollback().await?;
    let route = route.ok_or_else(|| Problem::not_found("route"))?;
    let version = route.version;
    Ok(Versioned(route, version))
}

/// Makes a route.
#[utoipa::path(post, path = "/v1/routes", tag = "routes", request_body = NewRoute,
    responses((status = 201, body = Route, description = "The new route.")))]
async fn create(
    State(api): Context,
    By(author): By,
    Body(new): Body<NewRoute>,
) -> Result<Created<Route>, Problem> {
    let now = api.clock.now().as_millis();
    let mut tx = api.store.begin().await?;
    let last = store::routes(&mut tx).await?.last().map_or(0, |route| route.position);
    let route = Route {
        id: new.id,
        position: new.position.unwrap_or_else(|| last.saturating_add(1)),
        queue: new.queue,
        priority: new.priority.unwrap_or(DEFAULT_PRIORITY),
        skills: new.skills,
        when: new.when,
        active: new.active.unwrap_or(true),
        created_at: now,
        changed_at: now,
        version: 1,
    };
    check(&mut tx, &route, None).await?;
    store::insert_route(&mut tx, &route).await?;
    let changes = audit::differences(&None::<Route>, &route);
    let subject = Subject::new("route", &route.id);
    audit::record(&mut tx, &author, subject, "create", changes, now).await?;
    tx.commit().await?;
    announce(&api).await;
    Ok(Created(format!("/v1/routes/{}", route.id), Versioned(route, 1)))
}

/// Changes a route.
#[utoipa::path(patch, path = "/v1/routes/{id}", tag = "routes",
    params(("id" = String, Path, description = "The route's id.")), request_body = RouteChange,
    responses((status = 200, body = Route, description = "The changed route.")))]
async fn change(
    State(api): Context,
    By(author): By,
    Path(id): Path<String>,
    if_match: IfMatch,
    Body(change): Body<RouteChange>,
) -> Result<Versioned<Route>, Problem> {
    let now = api.clock.now().as_millis();
    let mut tx = api.store.begin().await?;
    let before = find(&mut tx, &id).await?.ok_or_else(|| Problem::not_found("route"))?;
    if_match.check(before.version)?;
    let route = before.clone();
    let route = Route {
        position: change.position.unwrap_or(route.position),
        queue: change.queue.unwrap_or(route.queue),
        priority: change.priority.unwrap_or(route.priority),
        skills: change.skills.unwrap_or_else(|| route.skills.clone()),
        when: change.when.unwrap_or(route.when),
        active: change.active.unwrap_or(route.active),
        changed_at: now,
        version: route.version + 1,
        ..route
    };
    check(&mut tx, &route, Some(&before)).await?;
    if !store::save_route(&mut tx, &route).await? {
        return Err(Problem::conflict());
    }
    let changes = audit::differences(&before, &route);
    let subject = Subject::new("route", &route.id);
    audit::record(&mut tx, &author, subject, "change", changes, now).await?;
    tx.commit().await?;
    announce(&api).await;
    let version = route.version;
    Ok(Versioned(route, version))
}

/// Forgets a route. What it put into queues stays there.
#[utoipa::path(delete, path = "/v1/routes/{id}", tag = "routes",
    params(("id" = String, Path, description = "The route's id.")),
    responses((status = 204, description = "It is gone.")))]
async fn delete(
    State(api): Context,
    By(author): By,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let mut tx = api.store.begin().await?;
    let route = find(&mut tx, &id).await?.ok_or_else(|| Problem::not_found("route"))?;
    if !store::delete_route(&mut tx, &id).await? {
        return Err(Problem::not_found("route"));
    }
    let changes = audit::differences(&route, &None::<Route>);
    let subject = Subject::new("route", &route.id);
    audit::record(&mut tx, &author, subject, "delete", changes, api.clock.now().as_millis())
        .await?;
    tx.commit().await?;
    announce(&api).await;
    Ok(StatusCode::NO_CONTENT)
}

/// Says which route a message would take, and why. Changes nothing.
#[utoipa::path(post, path = "/v1/routes/try", tag = "routes", request_body = Described,
    responses((status = 200, body = Tried, description = "Where it would go.")))]
async fn try_out(
    State(api): Context,
    Body(message): Body<Described>,
) -> Result<Json<Tried>, Problem> {
    let catalog = api.ingest.catalog();
    let channel = catalog.channel(&message.channel).ok_or_else(|| {
        Problem::body("/channel", "name a channel that is active; /v1/channels lists them")
    })?;
    let facts = Facts {
        channel: &channel.id,
        address: message.address.as_deref().unwrap_or(&channel.address),
        medium: message.medium.unwrap_or(channel.adapter.medium),
        text: message.text.as_deref(),
        country: message.country.as_deref(),
        language: message.language.as_deref(),
        person: message.person_kind,
        opted_out: message.opted_out,
        now: message.at.unwrap_or_else(|| api.clock.now()).as_millis(),
    };
    let decision = catalog.routes.decide(&facts);
    let considered = catalog.routes.explain(&facts).map(|(route, unmet)| Considered {
        route: route.id.clone(),
        matches: unmet.is_none(),
        unmet,
    });
    Ok(Json(Tried {
        queue: decision.queue,
        priority: decision.priority,
        route: decision.route,
        skills: decision.skills,
        reason: decision.reason,
        considered: considered.collect(),
    }))
}

async fn find(tx: &mut Tx, id: &str) -> Result<Option<Route>, StoreError> {
    Ok(store::routes(tx).await?.into_iter().find(|route| route.id == id))
}

async fn check(tx: &mut Tx, route: &Route, before: Option<&Route>) -> Result<(), Problem> {
    route.check(before)?;
    match names::missing_from_route(tx, route, before).await? {
        Some(missing) => Err(missing.into()),
        None => Ok(()),
    }
}
