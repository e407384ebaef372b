//! Queues, what waits in them, and the next item of one for an agent.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use frontdesk_adapters::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Api, Context,
    agents::{By, OwnKey},
    announce,
    input::{Body, IfMatch, MayBody, Paging, Path, Query},
    output::{Created, Page, Range, Versioned},
    problem::{Code, Problem},
};
use crate::{
    audit::{self, Subject},
    db::{StoreError, Tx},
    routing::{
        self, Queue, QueueSettings, WorkItem,
        names::{self, Coming},
        offers, store,
    },
};

pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, change))
        .routes(routes!(items))
        .routes(routes!(claim))
}

/// A queue to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewQueue {
    /// Its name in configuration: lower-case letters, digits, hyphens and underscores.
    id: String,
    /// Its name for people; by itself the id.
    name: Option<String>,
    /// How it is served.
    #[serde(default)]
    settings: QueueSettings,
}

/// What is to be changed about a queue. Absent fields stay as they are.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct QueueChange {
    /// Its name for people.
    name: Option<String>,
    /// How it is served: all settings; what is left out is as usual.
    settings: Option<QueueSettings>,
}

/// For how long an item is claimed, and for whom.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Claim {
    /// The agent's id; by itself whoever makes the request.
    agent: Option<String>,
    /// Seconds until the item is back in its place unless it is accepted or renewed: 5 to 3,600, by
    /// itself 60.
    seconds: Option<i64>,
}

impl Claim {
    /// The seconds, where they can be meant.
    pub fn seconds(&self) -> Result<i64, Problem> {
        let seconds = self.seconds.unwrap_or(offers::CLAIM_SECONDS);
        if (5..=3600).contains(&seconds) {
            return Ok(seconds);
        }
        Err(Problem::body("/seconds", "give 5 to 3600"))
    }

    /// The agent it is for.
    pub async fn agent(&self, api: &Api, by: &By, own: &OwnKey) -> Result<String, Problem> {
        own.agent(api, self.agent.clone(), &by.0).await
    }
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
async fn create(
    State(api): Context,
    By(author): By,
    Body(new): Body<NewQueue>,
) -> Result<Created<Queue>, Problem> {
    routing::check_id(&new.id).map_err(|error| Problem::body("/id", error))?;
    let name = new.name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    let now = api.clock.now().as_millis();
    let queue = Queue {
        name: name.unwrap_or_else(|| new.id.clone()),
        id: new.id,
        is_default: false,
        settings: new.settings,
        created_at: now,
        changed_at: now,
        version: 1,
    };
    let mut tx = api.store.begin().await?;
    check(&mut tx, &queue).await?;
    store::insert_queue(&mut tx, &queue).await?;
    let changes = audit::differences(&None::<Queue>, &queue);
    let subject = Subject::new("queue", &queue.id);
    audit::record(&mut tx, &author, subject, "create", changes, now).await?;
    tx.commit().await?;
    announce(&api).await;
    Ok(Created(format!("/v1/queues/{}", queue.id), Versioned(queue, 1)))
}

/// Changes a queue; what waits in it is put in its new order.
#[utoipa::path(patch, path = "/v1/queues/{id}", tag = "queues",
    params(("id" = String, Path, description = "The queue's id.")), request_body = QueueChange,
    responses((status = 200, body = Queue, description = "The changed queue.")))]
async fn change(
    State(api): Context,
    By(author): By,
    Path(id): Path<String>,
    if_match: IfMatch,
    Body(change): Body<QueueChange>,
) -> Result<Versioned<Queue>, Problem> {
    let now = api.clock.now().as_millis();
    let mut tx = api.store.begin().await?;
    let before = find(&mut tx, &id).await?.ok_or_else(|| Problem::not_found("queue"))?;
    if_match.check(before.version)?;
    let name = change.name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    let queue = Queue {
        name: name.unwrap_or_else(|| before.name.clone()),
        settings: change.settings.unwrap_or_else(|| before.settings.clone()),
        changed_at: now,
        version: before.version + 1,
        ..before.clone()
    };
    // What stands is not asked again: another version may have let it in.
    if queue.settings != before.settings {
        check(&mut tx, &queue).await?;
    }
    if !store::save_queue(&mut tx, &queue).await? {
        return Err(Problem::conflict());
    }
    if queue.settings.terms() != before.settings.terms() {
        store::reorder(&mut tx, &queue.id, &queue.settings.terms()).await?;
    }
    let changes = audit::differences(&before, &queue);
    let subject = Subject::new("queue", &queue.id);
    audit::record(&mut tx, &author, subject, "change", changes, now).await?;
    tx.commit().await?;
    announce(&api).await;
    let version = queue.version;
    Ok(Versioned(queue, version))
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
    let page = range.page(items, |item| (item.sort_1, item.sort_2, item.id));
    let mut positions = first..;
    Ok(Json(page.map(|item| QueuedItem::new(item, positions.next(), now))))
}

/// Claims the next item of a queue that the agent may take, for a while.
///
/// Accept, reject or renew it under `/v1/work-items`; otherwise it is back in its place when the
/// time is over. An idempotency key makes a repeated claim the same claim.
#[utoipa::path(post, path = "/v1/queues/{id}/claim", tag = "queues",
    params(("id" = String, Path, description = "The queue's id.")), request_body = Option<Claim>,
    responses((status = 200, body = WorkItem, description = "The item, offered to the agent."),
        (status = 204, description = "Nothing waits that the agent may take.")))]
async fn claim(
    State(api): Context,
    by: By,
    own: OwnKey,
    Path(id): Path<String>,
    MayBody(body): MayBody<Claim>,
) -> Result<Response, Problem> {
    let seconds = body.seconds()?;
    let agent = body.agent(&api, &by, &own).await?;
    let now = api.clock.now().as_millis();
    let mut tx = api.store.begin().await?;
    let item = offers::claim(&mut tx, &id, &agent, seconds, &by.0, now).await?;
    tx.commit().await?;
    Ok(match item {
        Some(item) => Json(item).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    })
}

pub(super) async fn find(tx: &mut Tx, id: &str) -> Result<Option<Queue>, StoreError> {
    store::queue(tx, id).await
}

async fn check(tx: &mut Tx, queue: &Queue) -> Result<(), Problem> {
    queue
        .settings
        .check(&queue.id)
        .map_err(|(pointer, error)| Problem::body(format!("/settings{pointer}"), error))?;
    match names::missing_from_queue(tx, &queue.settings, &Coming::default()).await? {
        Some((pointer, missing)) => Err(Problem::body(format!("/settings{pointer}"), missing)),
        None => Ok(()),
    }
}

impl From<offers::OfferError> for Problem {
    fn from(error: offers::OfferError) -> Self {
        use offers::OfferError;
        match error {
            OfferError::UnknownQueue => Self::not_found("queue"),
            OfferError::NotServing => Self::new(
                Code::NotServing,
                "the agent serves neither this queue nor is in one of its pools; add the queue to \
                 the agent, or the agent to a pool",
            ),
            OfferError::AtCapacity => crate::desk::DeskError::AtCapacity.into(),
            OfferError::NotOffered => crate::desk::DeskError::NotOffered.into(),
            OfferError::NoRejections => Self::new(
                Code::IllegalTransition,
                "this queue lets nobody reject an offer; accept it, or let it run out",
            ),
            OfferError::UnknownReason(_) => Self::body("/reason", error),
            OfferError::Store(error) => error.into(),
        }
    }
}
