//! What people and rules do to an interaction, with everything that belongs to it.
//!
//! Each function is one change in the caller's transaction: the interaction, the move it made, its
//! work item, what must be told onward, and the audit. Whoever comes second to a change learns it
//! by [`DeskError::Changed`], reads again and decides anew.

pub mod consent;
mod contacts;
pub mod directory;
mod endings;
pub mod explain;
mod finding;
pub mod identity;
pub mod import;
pub mod merges;
mod queues;
mod replies;
pub mod tasks;

pub use contacts::{Contact, Outreach, enter, write_first};
pub use endings::{configuration_of, end, end_wrap_up};
pub use finding::{Finding, find as find_interactions};
pub use queues::{accept_offer, overflow_into, reassign, requeue, waited_too_long};
pub use replies::{Reply, prompt, reply};
use uuid::Uuid;

use crate::{
    audit::{self, Author, Subject},
    db::{StoreError, Tx},
    interactions::{self, Action, Interaction, Refused, State, Step, history, store, work},
    outbox::{self, EventType, NewEvent},
    routing::{self, availability},
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
    /// The agent has no room for it.
    #[error("the agent has as much at hand as the capacity allows")]
    AtCapacity,
    /// Another agent is asked to take it.
    #[error("it is offered to another agent at the moment")]
    OfferedToOther,
    /// It is not offered to the agent, or no longer.
    #[error("it is not offered to this agent, or no longer")]
    NotOffered,
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
    // The agent comes before the interaction, as everywhere: so no two changes wait for each other.
    match action {
        Action::Accept(agent) => queues::admit(tx, before, agent, now).await?,
        Action::Assign(agent) => drop(availability::lock(tx, agent).await?),
        Action::EngageBot(_)
        | Action::Hold(_)
        | Action::Resume
        | Action::Requeue
        | Action::WrapUp
        | Action::Close(_)
        | Action::Abandon(_)
        | Action::Fault => {}
    }
    make(tx, before, &step, author, now).await
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
    endings::carry(tx, before, &mut after).await?;
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
            queues::hand_over(tx, before, agent, step.cause, author, at).await?;
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
