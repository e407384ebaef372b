//! Interactions, by the number that people use.
//!
//! What is done to them lies in files beside this one; here they are found and shown.

mod actions;
mod create;
mod edit;
mod list;
mod replies;
mod timeline;

use axum::{Json, extract::State};
pub(super) use create::find_person;
pub(super) use edit::plain;
use frontdesk_adapters::Timestamp;
pub(super) use list::page;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Api, Context,
    input::{Paging, Path, Query},
    output::{Page, Range, Versioned},
    problem::Problem,
    queues::QueuedItem,
};
use crate::{
    db::Tx,
    desk::consent,
    interactions::{self, Actor, Clocks, Interaction, State as InteractionState, state, store},
    messages::{self, Message, MessageFilter},
    profiles::{
        self,
        directory::{self, Named},
    },
    routing,
};

pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list::list, create::create))
        .routes(routes!(get, edit::change))
        .routes(routes!(edit::create_person))
        .routes(routes!(edit::verify))
        .routes(routes!(list_messages, replies::reply))
        .routes(routes!(timeline::timeline))
        .routes(routes!(timeline::transcript))
        .routes(routes!(edit::add_note))
        .merge(actions::router())
}

/// An interaction with its clocks and where it waits.
#[derive(Debug, Serialize, ToSchema)]
struct Details {
    #[serde(flatten)]
    interaction: Interaction,
    #[serde(flatten)]
    clocks: Clocks,
    /// Its latest work item; `null` when it never was in a queue.
    work_item: Option<QueuedItem>,
    /// Where it may go from here, by an agent's hand.
    next_states: Vec<InteractionState>,
    /// The names of the person and of everybody an agent may want to choose from.
    people: Vec<Named>,
    /// Whether the customer wants no messages from this address of ours: what they write is
    /// answered after an opt-in only.
    opted_out: bool,
}

/// Shows an interaction and where it waits.
#[utoipa::path(get, path = "/v1/interactions/{number}", tag = "interactions",
    params(("number" = String, Path, description = "Its number, such as `IMS0000001`.")),
    responses((status = 200, body = Details, description = "The interaction.")))]
async fn get(
    State(api): Context,
    Path(number): Path<String>,
) -> Result<Versioned<Details>, Problem> {
    let mut tx = api.store.begin_read().await?;
    let interaction = find(&mut tx, &number).await?;
    let details = details(&mut tx, interaction, api.clock.now()).await?;
    tx.rollback().await?;
    Ok(details)
}

/// The interaction with all that is shown beside it.
async fn details(
    tx: &mut Tx,
    interaction: Interaction,
    now: Timestamp,
) -> Result<Versioned<Details>, Problem> {
    let work_item = match routing::store::items_of(tx, interaction.id).await?.pop() {
        Some(item) if item.state == "queued" => {
            let position = routing::store::position(tx, &item).await?;
            Some(QueuedItem::new(item, Some(position), now))
        }
        Some(item) => Some(QueuedItem::new(item, None, now)),
        None => None,
    };
    let next = InteractionState::ALL.into_iter();
    let next = next.filter(|to| state::permit(interaction.state, *to, Actor::Agent).is_ok());
    let version = interaction.version;
    let clocks = interaction.clocks(now);
    let next_states = next.collect();
    let candidates = interaction.candidates.0.iter().copied();
    let people = directory::names(tx, interaction.person().into_iter().chain(candidates)).await?;
    let opted_out = match interaction.profile_id {
        Some(profile) => match profiles::store::get(tx, profile).await? {
            Some(profile) => {
                let ours = interaction.our_address.as_deref();
                consent::is_opted_out(tx, &profile, ours).await?
            }
            None => false,
        },
        None => false,
    };
    let details = Details { interaction, clocks, work_item, next_states, people, opted_out };
    Ok(Versioned(details, version))
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

/// One interaction by its number.
pub(super) async fn find(tx: &mut Tx, number: &str) -> Result<Interaction, Problem> {
    let found = match interactions::parse_number(number) {
        Some(seq) => store::get(tx, seq).await?,
        None => None,
    };
    found.ok_or_else(|| Problem::not_found("interaction"))
}
