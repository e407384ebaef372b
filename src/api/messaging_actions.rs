//! What is done when one side of a conversation has been waiting for the other for too long.

use axum::{Json, extract::State, http::StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Api, Context,
    agents::By,
    input::{Body, IfMatch, Paging, Path, Query},
    output::{Created, Page, Range, Versioned},
    problem::Problem,
    queues,
};
use crate::{
    audit::{self, Subject},
    conditions::Conditions,
    db::Tx,
    routing::RouteError,
    timers::{Action, ActionError, Event, MessagingAction, store},
};

pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(get, change, delete))
}

/// A messaging action to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewMessagingAction {
    /// Its name: lower-case letters, digits, hyphens and underscores.
    id: String,
    /// What arms it.
    event: Event,
    /// How long after that it fires, in seconds.
    after_seconds: i64,
    /// What must hold of the interaction when it fires; by itself everything does.
    #[serde(default)]
    when: Conditions,
    /// What it does.
    action: Action,
    /// Whether it does anything at all; by itself it does.
    active: Option<bool>,
}

/// What is to be changed about a messaging action. Absent fields stay as they are.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MessagingActionChange {
    /// What arms it.
    event: Option<Event>,
    /// How long after that it fires, in seconds.
    after_seconds: Option<i64>,
    /// All conditions.
    when: Option<Conditions>,
    /// What it does.
    action: Option<Action>,
    /// Whether it does anything at all.
    active: Option<bool>,
}

impl From<ActionError> for Problem {
    fn from(error: ActionError) -> Self {
        let pointer = match error {
            ActionError::Id => "/id",
            ActionError::After => "/after_seconds",
            ActionError::Text => "/action/text",
            ActionError::State => "/action/state",
            ActionError::Reason => "/action/reason",
        };
        Self::body(pointer, error)
    }
}

/// Lists messaging actions, by id.
#[utoipa::path(get, path = "/v1/messaging-actions", tag = "messaging-actions", params(Paging),
    responses((status = 200, body = Page<MessagingAction>, description = "Messaging actions.")))]
async fn list(
    State(api): Context,
    Query(query): Query<Paging>,
) -> Result<Json<Page<MessagingAction>>, Problem> {
    let range: Range<String> = Range::new(query.limit, query.after.as_deref())?;
    let mut tx = api.store.begin_read().await?;
    let all = store::list(&mut tx).await?;
    tx.rollback().await?;
    Ok(Json(range.cut(all, |action| action.id.clone())))
}

/// Shows a messaging action.
#[utoipa::path(get, path = "/v1/messaging-actions/{id}", tag = "messaging-actions",
    params(("id" = String, Path, description = "Its id.")),
    responses((status = 200, body = MessagingAction, description = "The messaging action.")))]
async fn get(
    State(api): Context,
    Path(id): Path<String>,
) -> Result<Versioned<MessagingAction>, Problem> {
    let mut tx = api.store.begin_read().await?;
    let found = store::get(&mut tx, &id).await?;
    tx.rollback().await?;
    let found = found.ok_or_else(unknown)?;
    let version = found.version;
    Ok(Versioned(found, version))
}

/// Makes a messaging action. It also holds for what is open already.
#[utoipa::path(post, path = "/v1/messaging-actions", tag = "messaging-actions",
    request_body = NewMessagingAction,
    responses((status = 201, body = MessagingAction, description = "The new messaging action.")))]
async fn create(
    State(api): Context,
    By(author): By,
    Body(new): Body<NewMessagingAction>,
) -> Result<Created<MessagingAction>, Problem> {
    let now = api.clock.now().as_millis();
    let made = MessagingAction {
        id: new.id,
        event: new.event,
        after_seconds: new.after_seconds,
        when: new.when,
        action: new.action,
        active: new.active.unwrap_or(true),
        created_at: now,
        changed_at: now,
        version: 1,
    };
    let mut tx = api.store.begin().await?;
    check(&mut tx, &made).await?;
    store::insert(&mut tx, &made).await?;
    let changes = audit::differences(&None::<MessagingAction>, &made);
    audit::record(&mut tx, &author, subject(&made.id), "create", changes, now).await?;
    tx.commit().await?;
    Ok(Created(format!("/v1/messaging-actions/{}", made.id), Versioned(made, 1)))
}

/// Changes a messaging action. The change also holds for what is open already.
#[utoipa::path(patch, path = "/v1/messaging-actions/{id}", tag = "messaging-actions",
    params(("id" = String, Path, description = "Its id.")), request_body = MessagingActionChange,
    responses((status = 200, body = MessagingAction, description = "The changed messaging action.")))]
async fn change(
    State(api): Context,
    By(author): By,
    Path(id): Path<String>,
    if_match: IfMatch,
    Body(change): Body<MessagingActionChange>,
) -> Result<Versioned<MessagingAction>, Problem> {
    let now = api.clock.now().as_millis();
    let mut tx = api.store.begin().await?;
    let before = store::get(&mut tx, &id).await?.ok_or_else(unknown)?;
    if_match.check(before.version)?;
    let after = MessagingAction {
        event: change.event.unwrap_or(before.event),
        after_seconds: change.after_seconds.unwrap_or(before.after_seconds),
        when: change.when.unwrap_or_else(|| before.when.clone()),
        action: change.action.unwrap_or_else(|| before.action.clone()),
        active: change.active.unwrap_or(before.active),
        changed_at: now,
        version: before.version + 1,
        ..before.clone()
    };
    check(&mut tx, &after).await?;
    if !store::save(&mut tx, &after).await? {
        return Err(Problem::conflict());
    }
    let changes = audit::differences(&before, &after);
    audit::record(&mut tx, &author, subject(&id), "change", changes, now).await?;
    tx.commit().await?;
    let version = after.version;
    Ok(Versioned(after, version))
}

/// Forgets a messaging action.
#[utoipa::path(delete, path = "/v1/messaging-actions/{id}", tag = "messaging-actions",
    params(("id" = String, Path, description = "Its id.")),
    responses((status = 204, description = "It is gone.")))]
async fn delete(
    State(api): Context,
    By(author): By,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let now = api.clock.now().as_millis();
    let mut tx = api.store.begin().await?;
    let before = store::get(&mut tx, &id).await?.ok_or_else(unknown)?;
    if !store::delete(&mut tx, &id).await? {
        return Err(unknown());
    }
    let changes = audit::differences(&before, &None::<MessagingAction>);
    audit::record(&mut tx, &author, subject(&id), "delete", changes, now).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn check(tx: &mut Tx, action: &MessagingAction) -> Result<(), Problem> {
    action.check()?;
    if let Action::Reassign { queue: Some(queue) } = &action.action
        && queues::find(tx, queue).await?.is_none()
    {
        return Err(Problem::body("/action/queue", RouteError::UnknownQueue(queue.clone())));
    }
    Ok(())
}

fn subject(id: &str) -> Subject {
    Subject::new("messaging_action", id)
}

fn unknown() -> Problem {
    Problem::not_found("messaging action")
}
