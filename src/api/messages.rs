//! Messages by their ids, and what providers told about them since.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{Api, Context, input::Path, problem::Problem};
use crate::messages::{self, EventFilter, EventRecord, Message, MessageFilter};

/// Events that are shown with a message or a request. Nothing has more in practice.
pub(super) const EVENTS: i64 = 1_000;

pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(get))
}

/// A message and what happened to it.
#[derive(Debug, Serialize, ToSchema)]
struct MessageWithEvents {
    #[serde(flatten)]
    message: Message,
    /// Edits, deletions, reactions and statuses that are about it, in order of arrival.
    events: Vec<EventRecord>,
}

/// Shows a message, with the edits, deletions, reactions and statuses that are about it.
#[utoipa::path(get, path = "/v1/messages/{id}", tag = "messages",
    params(("id" = Uuid, Path, description = "The message's id.")),
    responses((status = 200, body = MessageWithEvents, description = "The message.")))]
async fn get(
    State(api): Context,
    Path(id): Path<Uuid>,
) -> Result<Json<MessageWithEvents>, Problem> {
    let mut tx = api.store.begin_read().await?;
    let filter = MessageFilter { id: Some(id), limit: 1, ..MessageFilter::default() };
    let message = messages::list(&mut tx, &filter).await?.pop();
    let message = message.ok_or_else(|| Problem::not_found("message"))?;
    let mut events = Vec::new();
    if let Some(target) = &message.provider_message_id {
        let about = Some((message.channel_id.clone(), target.clone()));
        let filter = EventFilter { target: about, limit: EVENTS, ..EventFilter::default() };
        events = messages::events(&mut tx, &filter).await?;
    }
    tx.rollback().await?;
    Ok(Json(MessageWithEvents { message, events }))
}
