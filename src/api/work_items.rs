//! Work items: whose they are, what became of them, and what agents do with what is offered.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    Api, Context,
    agents::{By, OwnKey},
    input::{Body, MayBody, Path, Query, number},
    output::{Page, Range},
    problem::Problem,
    queues::{Claim, QueuedItem},
};
use crate::{
    db::Tx,
    desk,
    routing::{
        ItemState, WorkItem,
        history::{self, ItemEvent},
        list, offers, store,
    },
};

pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get))
        .routes(routes!(accept))
        .routes(routes!(reject))
        .routes(routes!(renew))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Filter {
    /// Those that are offered to this agent, or that the agent has.
    agent: Option<String>,
    /// Those in this state.
    state: Option<ItemState>,
    /// Those of this queue.
    queue: Option<String>,
    /// How many: 1 to 200, by itself 50.
    #[serde(default, deserialize_with = "number")]
    limit: Option<u32>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// A work item with its place and what became of it.
#[derive(Debug, Serialize, ToSchema)]
struct ItemDetails {
    #[serde(flatten)]
    item: QueuedItem,
    /// What became of it since it was queued, in order.
    history: Vec<ItemEvent>,
}

/// For whom an offer is accepted.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Acceptance {
    /// The agent's id; by itself whoever makes the request.
    agent: Option<String>,
}

/// Why an offer is rejected.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Rejection {
    /// The agent's id; by itself whoever makes the request.
    agent: Option<String>,
    /// One of the queue's `reject_reasons`.
    reason: String,
}

/// Lists work items, newest first.
#[utoipa::path(get, path = "/v1/work-items", tag = "work-items", params(Filter),
    responses((status = 200, body = Page<WorkItem>, description = "Work items.")))]
async fn list(
    State(api): Context,
    Query(query): Query<Filter>,
) -> Result<Json<Page<WorkItem>>, Problem> {
    let range = Range::new(query.limit, query.after.as_deref())?;
    let filter = list::Filter {
        agent: query.agent,
        state: query.state,
        queue: query.queue,
        before: range.after,
    };
    let mut tx = api.store.begin_read().await?;
    let items = list::list(&mut tx, &filter, range.limit()).await?;
    tx.rollback().await?;
    Ok(Json(Page::of(items)))
}

/// Shows a work item, its place and what became of it.
#[utoipa::path(get, path = "/v1/work-items/{id}", tag = "work-items",
    params(("id" = Uuid, Path, description = "The item's id.")),
    responses((status = 200, body = ItemDetails, description = "The item.")))]
async fn get(State(api): Context, Path(id): Path<Uuid>) -> Result<Json<ItemDetails>, Problem> {
    let mut tx = api.store.begin_read().await?;
    let item = store::item(&mut tx, id).await?.ok_or_else(|| Problem::not_found("work item"))?;
    let position = match item.is_queued() {
        true => Some(store::position(&mut tx, &item).await?),
        false => None,
    };
    let history = history::of_item(&mut tx, id).await?;
    tx.rollback().await?;
    let item = QueuedItem::new(item, position, api.clock.now());
    Ok(Json(ItemDetails { item, history }))
}

/// Accepts an offer: the interaction is the agent's.
#[utoipa::path(post, path = "/v1/work-items/{id}/accept", tag = "work-items",
    params(("id" = Uuid, Path, description = "The item's id.")), request_body = Option<Acceptance>,
    responses((status = 200, body = WorkItem, description = "The accepted item.")))]
async fn accept(
    State(api): Context,
    By(author): By,
    own: OwnKey,
    Path(id): Path<Uuid>,
    MayBody(body): MayBody<Acceptance>,
) -> Result<Json<WorkItem>, Problem> {
    let agent = own.agent(&api, body.agent, &author).await?;
    let now = api.clock.now().as_millis();
    let mut tx = api.store.begin().await?;
    exists(&mut tx, id).await?;
    desk::accept_offer(&mut tx, id, &agent, &author, now).await?;
    let item = store::item(&mut tx, id).await?.ok_or_else(|| Problem::not_found("work item"))?;
    tx.commit().await?;
    Ok(Json(item))
}

/// Rejects an offer: the item is back in its place.
#[utoipa::path(post, path = "/v1/work-items/{id}/reject", tag = "work-items",
    params(("id" = Uuid, Path, description = "The item's id.")), request_body = Rejection,
    responses((status = 200, body = WorkItem, description = "The item, queued again.")))]
async fn reject(
    State(api): Context,
    By(author): By,
    own: OwnKey,
    Path(id): Path<Uuid>,
    Body(body): Body<Rejection>,
) -> Result<Json<WorkItem>, Problem> {
    let agent = own.agent(&api, body.agent, &author).await?;
    let now = api.clock.now().as_millis();
    let mut tx = api.store.begin().await?;
    exists(&mut tx, id).await?;
    let item = offers::reject(&mut tx, id, &agent, &body.reason, &author, now).await?;
    tx.commit().await?;
    Ok(Json(item))
}

/// Lets an offer stand longer, counted from now.
#[utoipa::path(post, path = "/v1/work-items/{id}/renew", tag = "work-items",
    params(("id" = Uuid, Path, description = "The item's id.")), request_body = Option<Claim>,
    responses((status = 200, body = WorkItem, description = "The item, still offered.")))]
async fn renew(
    State(api): Context,
    by: By,
    own: OwnKey,
    Path(id): Path<Uuid>,
    MayBody(body): MayBody<Claim>,
) -> Result<Json<WorkItem>, Problem> {
    let seconds = body.seconds()?;
    let agent = body.agent(&api, &by, &own).await?;
    let now = api.clock.now().as_millis();
    let mut tx = api.store.begin().await?;
    exists(&mut tx, id).await?;
    let item = offers::renew(&mut tx, id, &agent, seconds, now).await?;
    tx.commit().await?;
    Ok(Json(item))
}

/// Refuses to do anything with an item that was never there; one that is over is another matter.
async fn exists(tx: &mut Tx, id: Uuid) -> Result<(), Problem> {
    match store::item(tx, id).await? {
        Some(_) => Ok(()),
        None => Err(Problem::not_found("work item")),
    }
}
