//! Everything that happened to an interaction, in one order, and the conversation as a text.

use std::fmt::Write;

use axum::{
    Json,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use frontdesk_adapters::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::find;
use crate::{
    api::{
        Context,
        input::{Paging, Path, Query},
        output::{Page, Range},
        problem::Problem,
    },
    audit::AuthorKind,
    db::{StoreError, Tx},
    interactions::{
        Interaction,
        history::{self, Note, Transition},
    },
    messages::{self, Message, MessageFilter},
    routing::{self, WorkItem, history::ItemEvent},
    timers::{self, Firing},
};

/// One thing that happened.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Happening {
    /// Somebody said something; `decision` and `reason` say why it is here.
    Message(Box<Message>),
    /// It moved.
    Transition(Transition),
    /// Somebody noted something.
    Note(Note),
    /// It was put into a queue; `reason` says why into this one.
    Queued(WorkItem),
    /// Somebody had been waiting for too long; `outcome` says what became of it.
    Timer(Firing),
    /// Something became of it there: `event` says what, `reason` why.
    Offer(ItemEvent),
}

impl Happening {
    fn id(&self) -> Uuid {
        match self {
            Self::Message(message) => message.id,
            Self::Transition(transition) => transition.id,
            Self::Note(note) => note.id,
            Self::Queued(item) => item.id,
            Self::Timer(firing) => firing.id,
            Self::Offer(event) => event.id,
        }
    }
}

/// Shows messages, moves, notes, queue decisions and timers, in the order they happened.
#[utoipa::path(get, path = "/v1/interactions/{number}/timeline", tag = "interactions",
    params(("number" = String, Path, description = "Its number."), Paging),
    responses((status = 200, body = Page<Happening>, description = "What happened.")))]
pub(super) async fn timeline(
    State(api): Context,
    Path(number): Path<String>,
    Query(query): Query<Paging>,
) -> Result<Json<Page<Happening>>, Problem> {
    let range: Range<Uuid> = Range::new(query.limit, query.after.as_deref())?;
    let mut tx = api.store.begin_read().await?;
    let interaction = find(&mut tx, &number).await?;
    let entries = entries(&mut tx, &interaction, range.after, range.fetch()).await?;
    tx.rollback().await?;
    Ok(Json(range.page(entries, Happening::id)))
}

/// Entries after `after`: ids are made when things happen, so they sort them.
async fn entries(
    tx: &mut Tx,
    interaction: &Interaction,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Happening>, StoreError> {
    let filter = MessageFilter {
        interaction: Some(interaction.id),
        after,
        limit,
        ..MessageFilter::default()
    };
    let mut entries: Vec<Happening> = messages::list(tx, &filter)
        .await?
        .into_iter()
        .map(|message| Happening::Message(Box::new(message)))
        .collect();
    let transitions = history::transitions(tx, interaction.id, after, limit).await?;
    entries.extend(transitions.into_iter().map(Happening::Transition));
    let notes = history::notes(tx, interaction.id, after, limit).await?;
    entries.extend(notes.into_iter().map(Happening::Note));
    let items = routing::store::items_of(tx, interaction.id).await?;
    for item in &items {
        let events = routing::history::of_item(tx, item.id).await?.into_iter();
        let events = events.filter(|event| after.is_none_or(|after| event.id > after));
        // Who took it is told by the interaction's own move.
        let events = events.filter(|event| !matches!(&*event.kind, "accepted" | "assigned"));
        entries.extend(events.map(Happening::Offer));
    }
    let items = items.into_iter().filter(|item| after.is_none_or(|after| item.id > after));
    entries.extend(items.map(Happening::Queued));
    let firings = timers::store::firings(tx, interaction.id, after, limit).await?;
    entries.extend(firings.into_iter().map(Happening::Timer));
    entries.sort_by_key(Happening::id);
    entries.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(entries)
}

/// Whose copy it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Copy {
    /// The customer's: what customer and live agents said to each other.
    #[default]
    Requester,
    /// Ours: bots and notes, too.
    Internal,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// Whose copy.
    #[serde(default)]
    #[param(inline)]
    copy: Copy,
}

/// The conversation as a text, a line each.
#[utoipa::path(get, path = "/v1/interactions/{number}/transcript", tag = "interactions",
    params(("number" = String, Path, description = "Its number."), Wanted),
    responses((status = 200, body = String, content_type = "text/plain",
        description = "The transcript.")))]
pub(super) async fn transcript(
    State(api): Context,
    Path(number): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Problem> {
    const AT_ONCE: i64 = 1_000;
    let mut tx = api.store.begin_read().await?;
    let interaction = find(&mut tx, &number).await?;
    let mut text = String::new();
    let mut after = None;
    loop {
        let page = entries(&mut tx, &interaction, after, AT_ONCE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id());
        page.iter().for_each(|entry| write(&mut text, entry, wanted.copy));
    }
    tx.rollback().await?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response())
}

fn write(text: &mut String, entry: &Happening, copy: Copy) {
    let (at, who, said) = match entry {
        Happening::Message(message) if message.kind == "message" => {
            let by_bot = message.direction == "outbound"
                && message.author_kind.is_some_and(|kind| kind != AuthorKind::Agent);
            if by_bot && copy == Copy::Requester {
                return;
            }
            let who = match (message.direction.as_str(), &message.author) {
                ("inbound", _) => "customer",
                (_, Some(_)) if by_bot => "bot",
                // The customer is not told our agents' names in configuration.
                (_, Some(author)) if copy == Copy::Internal => author,
                (..) => "agent",
            };
            let said = message.text.as_deref().unwrap_or("(without text)");
            (message.received_at, who, said)
        }
        Happening::Note(note) if copy == Copy::Internal => (note.at, "note", note.text.as_str()),
        Happening::Message(_)
        | Happening::Note(_)
        | Happening::Transition(_)
        | Happening::Queued(_)
        | Happening::Offer(_)
        | Happening::Timer(_) => return,
    };
    let at = Timestamp::from_millis(at).map(|at| at.to_string()).unwrap_or_default();
    // Writing to memory cannot fail.
    let _ = writeln!(text, "[{at}] {who}: {}", said.replace('\n', "\n  "));
}
