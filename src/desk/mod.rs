//! What people and rules do to an interaction, with everything that belongs to it.
//!
//! Each function is one change in the caller's transaction: the interaction, the move it made, its
//! work item, what must be told onward, and the audit. Whoever comes second to a change learns it
//! by [`DeskError::Changed`], reads again and decides anew.

pub mod consent;
mod contacts;
pub mod directory;
pub mod explain;
mod finding;
pub mod identity;
pub mod import;
pub mod merges;
mod replies;
pub mod tasks;

pub use contacts::{Contact, Outreach, enter, write_first};
pub use finding::{Finding, Findings, find as find_interactions};
pub use replies::{Reply, reply};
use uuid::Uuid;

use crate::{
    audit::{self, Author, Subject},
    db::{StoreError, Tx},
    interactions::{self, Action, Interaction, Refused, State, Step, history, store, work},
    outbox::{self, EventType, NewEvent},
    routing,
};

/// Why a change was not made.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// The rules do not have it.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// Somebody else changed the interaction since it was read.
    #[error("the interaction changed at the same moment")]
    Changed,
    /// The contact has no channel to write by.
    #[error("this interaction has no channel to write by")]
    NoChannel,
    /// Only agents begin contacts.
    #[error("only agents begin contacts")]
    NotAnAgent,
    /// The customer is blocked.
    #[error("this customer is blocked")]
    Blocked,
    /// The customer wants no messages.
    #[error("this customer wants no messages")]
    OptedOut,
    /// The address takes no messages.
    #[error("nothing can be sent to this address")]
    NotAnswerable,
    /// The address is another person's.
    #[error("this address is another person's")]
    HeldByOther,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Does `action` to the interaction as it was read.
pub async fn act(
    tx: &mut Tx,
    before: &Interaction,
    action: &Action,
    author: &Author,
    now: i64,
) -> Result<Interaction, DeskError> {
    let step = interactions::step(before.into(), action, interactions::role(author))?;
    make(tx, before, &step, author, now).await
}

/// Puts the interaction into `queue`, behind what waits there; its agent is free of it.
pub async fn requeue(
    tx: &mut Tx,
    before: &Interaction,
    queue: &str,
    author: &Author,
    now: i64,
) -> Result<Interaction, DeskError> {
    let role = interactions::role(author);
    let step = interactions::step(before.into(), &Action::Requeue, role)?;
    let last = routing::store::items_of(tx, before.id).await?.pop();
    routing::store::end(tx, &[before.id], now).await?;
    let after = make(tx, before, &step, author, now).await?;
    let decision = routing::Decision {
        queue: queue.to_owned(),
        priority: last.as_ref().map_or(routing::DEFAULT_PRIORITY, |item| item.priority),
        route: None,
        reason: format!("put here by {author}"),
    };
    let ids = routing::enqueue(tx, vec![(before.id, decision)], now).await?;
    for id in ids {
        if let Some(last) = &last {
            routing::store::follow(tx, id, last.id).await?;
        }
        tell(tx, EventType::WorkItemQueued, Some(before.id), id, now).await?;
    }
    Ok(after)
}

/// Carries out a permitted step.
async fn make(
    tx: &mut Tx,
    before: &Interaction,
    step: &Step,
    author: &Author,
    now: i64,
) -> Result<Interaction, DeskError> {
    let mut after = interactions::carry(before, step, author, now);
    let at = after.state_changed_at;
    if !work::save(tx, &after).await? {
        return Err(DeskError::Changed);
    }
    if !after.active && !after.is_described() {
        store::describe(tx, std::iter::once(after.id)).await?;
        after = work::by_id(tx, after.id).await?.ok_or(DeskError::Changed)?;
    }
    let transition = history::insert_transition(tx, before, &after, step.cause, author).await?;
    match (&after.assigned_to, after.state) {
        (Some(agent), State::WorkInProgress) => {
            if let Some(item) = routing::store::accept(tx, before.id, agent, at).await? {
                tell(tx, EventType::WorkItemAccepted, Some(before.id), item, at).await?;
            }
        }
        (_, State::ClosedComplete | State::ClosedAbandoned | State::Faulted) => {
            routing::store::end(tx, &[before.id], at).await?;
        }
        (_, State::New | State::WorkInProgress | State::OnHold | State::WrapUp) => {}
    }
    let told =
        if after.active { EventType::InteractionChanged } else { EventType::InteractionClosed };
    tell(tx, told, Some(before.id), transition, at).await?;
    remember(tx, before, &after, step.cause, author, at).await?;
    Ok(after)
}

/// Stores an edited interaction: what it says, not where it stands.
pub async fn edit(
    tx: &mut Tx,
    before: &Interaction,
    mut after: Interaction,
    author: &Author,
    now: i64,
) -> Result<Interaction, DeskError> {
    if *before == after {
        return Ok(after);
    }
    after.version = before.version + 1;
    if !work::save(tx, &after).await? {
        return Err(DeskError::Changed);
    }
    tell(tx, EventType::InteractionChanged, Some(before.id), before.id, now).await?;
    remember(tx, before, &after, "edit", author, now).await?;
    Ok(after)
}

async fn tell(
    tx: &mut Tx,
    event: EventType,
    interaction: Option<Uuid>,
    record: Uuid,
    now: i64,
) -> Result<(), StoreError> {
    outbox::enqueue(tx, vec![NewEvent::new(event, interaction, record, now)]).await
}

async fn remember(
    tx: &mut Tx,
    before: &impl serde::Serialize,
    after: &Interaction,
    action: &str,
    author: &Author,
    now: i64,
) -> Result<(), StoreError> {
    let subject = Subject::new("interaction", interactions::number(after.number.0));
    audit::record(tx, author, subject, action, audit::differences(before, after), now).await
}
