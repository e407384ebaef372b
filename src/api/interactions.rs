//! Interactions, by the number that people use.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    Api, Context,
    input::{Paging, Path, Query, flag, number},
    output::{Page, Range, Versioned},
    problem::Problem,
    queues::QueuedItem,
};
use crate::{
    db::Tx,
    interactions::{self, Interaction, State as InteractionState, store},
    messages::{self, Message, MessageFilter},
    routing,
};

pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(get)).routes(routes!(list_messages))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Filter {
    /// Those in this state.
    state: Option<InteractionState>,
    /// Only open ones, or only closed ones.
    #[serde(default, deserialize_with = "flag")]
    #[param(value_type = Option<bool>)]
    active: Option<bool>,
    /// Those that came by this channel.
    channel: Option<String>,
    /// Those of this profile.
    profile: Option<Uuid>,
    /// Those opened for this person.
    person: Option<Uuid>,
    /// How many: 1 to 200, by itself 50.
    #[serde(default, deserialize_with = "number")]
    limit: Option<u32>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// An interaction with where it waits.
#[derive(Debug, Serialize, ToSchema)]
struct InteractionInQueue {
    #[serde(flatten)]
    interaction: Interaction,
    /// Its latest work item; `null` when it never was in a queue.
    work_item: Option<QueuedItem>,
}

/// Lists interactions, newest first.
#[utoipa::path(get, path = "/v1/interactions", tag = "interactions", params(Filter),
    responses((status = 200, body = Page<Interaction>, description = "Interactions.")))]
async fn list(
    State(api): Context,
    Query(query): Query<Filter>,
) -> Result<Json<Page<Interaction>>, Problem> {
    let range = Range::new(query.limit, query.after.as_deref())?;
    let filter = store::Filter {
        active: query.active,
        state: query.state,
        profile: query.profile,
        person: query.person,
        channel: query.channel,
        before: range.after,
        limit: range.fetch(),
    };
    page(&api, &range, &filter).await
}

/// A page of interactions.
pub(super) async fn page(
    api: &Api,
    range: &Range<i64>,
    filter: &store::Filter,
) -> Result<Json<Page<Interaction>>, Problem> {
    let mut tx = api.store.begin_read().await?;
    let interactions = store::list(&mut tx, filter).await?;
    tx.rollback().await?;
    Ok(Json(range.page(interactions, |interaction| interaction.number.0)))
}

/// Shows an interaction and where it waits.
#[utoipa::path(get, path = "/v1/interactions/{number}", tag = "interactions",
    params(("number" = String, Path, description = "Its number, such as `IMS0000001`.")),
    responses((status = 200, body = InteractionInQueue, description = "The interaction.")))]
async fn get(
    State(api): Context,
    Path(number): Path<String>,
) -> Result<Versioned<InteractionInQueue>, Problem> {
    let mut tx = api.store.begin_read().await?;
    let interaction = find(&mut tx, &number).await?;
    let work_item = match routing::store::items_of(&mut tx, interaction.id).await?.pop() {
        Some(item) if item.state == "queued" => {
            let position = routing::store::position(&mut tx, &item).await?;
            Some(QueuedItem::new(item, Some(position), api.clock.now()))
        }
        Some(item) => Some(QueuedItem::new(item, None, api.clock.now())),
        None => None,
    };
    tx.rollback().await?;
    let version = interaction.version;
    Ok(Versioned(InteractionInQueue { interaction, work_item }, version))
}

/// Lists the messages of an interaction, in order of arrival.
#[utoipa::path(get, path = "/v1/interactions/{number}/messages", tag = "interactions",
    params(("number" = String, Path, description = "Its number, such as `IMS0000001`."), Paging),
    responses((status = 200, body = Page<Message>, description = "Messages.")))]
async fn list_messages(
    State(api): Context,
    Path(number): Path<String>,
    Query(query): Query<Paging>,
) -> Result<Json<Page<Message>>, Problem> {
    let range = Range::new(query.limit, query.after.as_deref())?;
    let mut tx = api.store.begin_read().await?;
    let interaction = find(&mut tx, &number).await?;
    let filter = MessageFilter {
        interaction: Some(interaction.id),
        after: range.after,
        limit: range.fetch(),
        ..MessageFilter::default()
    };
    let messages = messages::list(&mut tx, &filter).await?;
    tx.rollback().await?;
    Ok(Json(range.page(messages, |message| message.id)))
}

async fn find(tx: &mut Tx, number: &str) -> Result<Interaction, Problem> {
    let found = match interactions::parse_number(number) {
        Some(seq) => store::get(tx, seq).await?,
        None => None,
    };
    found.ok_or_else(|| Problem::not_found("interaction"))
}
