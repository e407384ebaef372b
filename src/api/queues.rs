//! Queues, and what waits in them.

use axum::{Json, extract::State};
use frontdesk_adapters::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Api, Context, announce,
    input::{Body, Paging, Path, Query},
    output::{Created, Page, Range, Versioned},
    problem::Problem,
};
use crate::{
    db::{StoreError, Tx},
    routing::{self, Queue, WorkItem, store},
};

pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(get)).routes(routes!(items))
}

/// A queue to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewQueue {
    /// Its name in configuration: lower-case letters, digits, hyphens and underscores.
    id: String,
    /// Its name for people; by itself the id.
    name: Option<String>,
}

/// A work item with its place.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct QueuedItem {
    #[serde(flatten)]
    item: WorkItem,
    /// 1 is served next; `null` when it waits no longer.
    position: Option<i64>,
    /// How long it has waited; `null` when it waits no longer.
    wait_seconds: Option<i64>,
}

impl QueuedItem {
    pub fn new(item: WorkItem, position: Option<i64>, now: Timestamp) -> Self {
        let waited = now.as_millis().saturating_sub(item.queued_at).max(0) / 1000;
        Self { item, wait_seconds: position.map(|_| waited), position }
    }
}

/// Lists queues, by id.
#[utoipa::path(get, path = "/v1/queues", tag = "queues", params(Paging),
    responses((status = 200, body = Page<Queue>, description = "Queues.")))]
async fn list(
    State(api): Context,
    Query(query): Query<Paging>,
) -> Result<Json<Page<Queue>>, Problem> {
    let range = Range::new(query.limit, query.after.as_deref())?;
    let mut tx = api.store.begin_read().await?;
    let queues = store::queues(&mut tx).await?;
    tx.rollback().await?;
    Ok(Json(range.cut(queues, |queue| queue.id.clone())))
}

/// Shows a queue.
#[utoipa::path(get, path = "/v1/queues/{id}", tag = "queues",
    params(("id" = String, Path, description = "The queue's id.")),
    responses((status = 200, body = Queue, description = "The queue.")))]
async fn get(State(api): Context, Path(id): Path<String>) -> Result<Versioned<Queue>, Problem> {
    let mut tx = api.store.begin_read().await?;
    let queue = find(&mut tx, &id).await?;
    tx.rollback().await?;
    let queue = queue.ok_or_else(|| Problem::not_found("queue"))?;
    let version = queue.version;
    Ok(Versioned(queue, version))
}

/// Makes a queue.
#[utoipa::path(post, path = "/v1/queues", tag = "queues", request_body = NewQueue,
    responses((status = 201, body = Queue, description = "The new queue.")))]
async fn create(State(api): Context, Body(new): Body<NewQueue>) -> Result<Created<Queue>, Problem> {
    routing::check_id(&new.id).map_err(|error| Problem::body("/id", error))?;
    let name = new.name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    let now = api.clock.now().as_millis();
    let queue = Queue {
        name: name.unwrap_or_else(|| new.id.clone()),
        id: new.id,
        is_default: false,
        created_at: now,
        changed_at: now,
        version: 1,
    };
    let mut tx = api.store.begin().await?;
    store::insert_queue(&mut tx, &queue).await?;
    tx.commit().await?;
    announce(&api).await;
    Ok(Created(format!("/v1/queues/{}", queue.id), Versioned(queue, 1)))
}

/// Lists what waits in a queue, in the order it is served.
#[utoipa::path(get, path = "/v1/queues/{id}/items", tag = "queues",
    params(("id" = String, Path, description = "The queue's id."), Paging),
    responses((status = 200, body = Page<QueuedItem>, description = "Work items.")))]
async fn items(
    State(api): Context,
    Path(id): Path<String>,
    Query(query): Query<Paging>,
) -> Result<Json<Page<QueuedItem>>, Problem> {
    let range: Range<store::Cursor> = Range::new(query.limit, query.after.as_deref())?;
    let mut tx = api.store.begin_read().await?;
    if find(&mut tx, &id).await?.is_none() {
        return Err(Problem::not_found("queue"));
    }
    let items = store::items(&mut tx, &id, range.after, range.fetch()).await?;
    // One count places the whole page: what follows the first item has the places after it.
    let first = match items.first() {
        Some(first) => store::position(&mut tx, first).await?,
        None => 1,
    };
    tx.rollback().await?;
    let now = api.clock.now();
    let page = range.page(items, |item| (item.priority, item.queued_at, item.id));
    let mut positions = first..;
    Ok(Json(page.map(|item| QueuedItem::new(item, positions.next(), now))))
}

pub(super) async fn find(tx: &mut Tx, id: &str) -> Result<Option<Queue>, StoreError> {
    Ok(store::queues(tx).await?.into_iter().find(|queue| queue.id == id))
}
