//! Into queues, out of them, and what happens to what waits there too long.

use uuid::Uuid;

use super::{DeskError, act, consent, make, tell};
use crate::{
    audit::Author,
    clock,
    db::{StoreError, Tx},
    interactions::{self, Action, Interaction, work},
    messages::replies::{self, NewReply},
    outbox::EventType,
    profiles,
    routing::{
        self, DEFAULT_QUEUE, Decision, MaxWaitAction, NewWork, WorkItem, availability,
        history::{self, NewItemEvent},
        offers,
    },
};

/// Puts the interaction into `queue`, behind what waits there; its agent is free of it.
pub async fn requeue(
    tx: &mut Tx,
    before: &Interaction,
    queue: &str,
    author: &Author,
    now: i64,
) -> Result<Interaction, DeskError> {
    let reason = format!("put here by {author}");
    put(tx, before, queue, &reason, author, now).await
}

/// Puts the interaction back into the queue it came from, for another agent.
pub async fn reassign(
    tx: &mut Tx,
    before: &Interaction,
    reason: &str,
    author: &Author,
    now: i64,
) -> Result<Interaction, DeskError> {
    let last = routing::store::items_of(tx, before.id).await?.pop();
    let queue = last.map_or_else(|| DEFAULT_QUEUE.to_owned(), |item| item.queue);
    put(tx, before, &queue, reason, author, now).await
}

async fn put(
    tx: &mut Tx,
    before: &Interaction,
    queue: &str,
    reason: &str,
    author: &Author,
    now: i64,
) -> Result<Interaction, DeskError> {
    let role = interactions::role(author);
    let step = interactions::step(before.into(), &Action::Requeue, role)?;
    // The interaction comes first, as everywhere: two changes then wait for each other in one order.
    let after = make(tx, before, &step, author, now).await?;
    let last = routing::store::items_of(tx, before.id).await?.pop();
    routing::store::end(tx, &[before.id], now).await?;
    let settings = routing::store::queue(tx, queue).await?.map(|queue| queue.settings);
    let skills = last.iter().flat_map(|item| item.lane.skills()).map(str::to_owned);
    let decision = Decision {
        queue: queue.to_owned(),
        priority: last.as_ref().map_or(routing::DEFAULT_PRIORITY, |item| item.priority),
        route: None,
        unrouted: false,
        // What a route asked for holds in its own queue; another queue is another matter.
        skills: skills.filter(|_| last.as_ref().is_some_and(|item| item.queue == queue)).collect(),
        reason: reason.to_owned(),
        terms: settings.unwrap_or_default().terms(),
    };
    let new = NewWork {
        interaction_id: before.id,
        contact_type: before.contact_type,
        opened_at: before.opened_at,
        decision,
    };
    for id in routing::enqueue(tx, vec![new], now).await? {
        if let Some(last) = &last {
            routing::store::follow(tx, id, last.id).await?;
            let event = NewItemEvent::new(last.id, "transferred", reason, author, now);
            let event = NewItemEvent {
                agent: before.assigned_to.clone(),
                queue: Some(queue.to_owned()),
                ..event
            };
            history::record(tx, vec![event]).await?;
        }
        tell(tx, EventType::WorkItemQueued, Some(before.id), id, now).await?;
    }
    Ok(after)
}

/// Takes an item that is offered to the author.
pub async fn accept_offer(
    tx: &mut Tx,
    item: Uuid,
    agent: &str,
    author: &Author,
    now: i64,
) -> Result<Interaction, DeskError> {
    let item = routing::store::item(tx, item).await?;
    let item = item.filter(|item| item.is_offered_to(agent, now)).ok_or(DeskError::NotOffered)?;
    let interaction = work::by_id(tx, item.interaction_id).await?.ok_or(DeskError::Changed)?;
    act(tx, &interaction, &Action::Accept(agent.to_owned()), author, now).await
}

/// Whether `agent` may take the interaction: nobody else is offered it, and there is room.
///
/// Nobody gives the agent other work until the transaction ends.
pub(super) async fn admit(
    tx: &mut Tx,
    interaction: &Interaction,
    agent: &str,
    now: i64,
) -> Result<(), DeskError> {
    let Some(agent) = availability::lock(tx, agent).await? else { return Ok(()) };
    if let Some(item) = routing::store::open_item(tx, interaction.id).await?
        && item.state == "pending_accept"
        && item.lease_until.is_some_and(|until| now < until)
    {
        // An offer counts as work at hand already.
        let own = item.assigned_to.as_ref() == Some(&agent.id);
        return if own { Ok(()) } else { Err(DeskError::OfferedToOther) };
    }
    let load = availability::at_hand(tx, &agent.id).await?;
    match agent.capacity.room(&load, interaction.contact_type) {
        0 => Err(DeskError::AtCapacity),
        _ => Ok(()),
    }
}

/// Gives the work item of an interaction to the agent it now has.
pub(super) async fn hand_over(
    tx: &mut Tx,
    before: &Interaction,
    agent: &str,
    cause: &str,
    author: &Author,
    at: i64,
) -> Result<(), DeskError> {
    let open = routing::store::open_item(tx, before.id).await?;
    let item = match cause {
        "accepted" => routing::store::accept(tx, before.id, agent, at).await?,
        _ => routing::store::assign(tx, before.id, agent, at).await?,
    };
    let (Some(open), Some(id)) = (&open, item) else {
        // No item: it never was in a queue. Or it was given to somebody since it was looked at.
        return if open.is_some() { Err(DeskError::Changed) } else { Ok(()) };
    };
    if open.state == "accepted" && open.assigned_to.as_deref() == Some(agent) {
        return Ok(());
    }
    let kind = if cause == "accepted" { "accepted" } else { "assigned" };
    let event = NewItemEvent::new(id, kind, cause, author, at).about(agent);
    history::record(tx, vec![event]).await?;
    availability::worked(tx, vec![agent.to_owned()], at).await?;
    tell(tx, EventType::WorkItemAccepted, Some(before.id), id, at).await?;
    Ok(())
}

/// What an item's queue says is done once it has waited too long; the transaction holds the item.
pub async fn waited_too_long(tx: &mut Tx, item: &WorkItem, now: i64) -> Result<(), DeskError> {
    let queue = routing::store::queue(tx, &item.queue).await?;
    let settings = queue.map(|queue| queue.settings).unwrap_or_default();
    let Some(max_wait) = settings.max_wait else {
        return Ok(offers::store::act_upon(tx, item.id).await?);
    };
    if max_wait.action == MaxWaitAction::Overflow
        && item.overflowed_from.is_none()
        && let Some(overflow) = settings.overflow
    {
        let seconds = max_wait.seconds;
        let reason = format!("waited {seconds} s in {} and went on", item.queue);
        overflow_into(tx, item, &overflow.queue, &reason, now).await?;
        return Ok(());
    }
    offers::store::act_upon(tx, item.id).await?;
    let author = Author::system("max_wait");
    let reason = format!("waited {} s", max_wait.seconds);
    let event = NewItemEvent::new(item.id, "notified", &reason, &author, now);
    history::record(tx, vec![event]).await?;
    if let Some(text) = max_wait.message {
        say(tx, item, text.trim(), &author, now).await?;
    }
    tell(tx, EventType::InteractionChanged, Some(item.interaction_id), item.interaction_id, now)
        .await?;
    Ok(())
}

/// Moves a waiting item to another queue; the transaction holds the item.
pub async fn overflow_into(
    tx: &mut Tx,
    item: &WorkItem,
    queue: &str,
    reason: &str,
    now: i64,
) -> Result<bool, StoreError> {
    let interaction = work::by_id(tx, item.interaction_id).await?;
    let opened_at = interaction.map_or(item.queued_at, |interaction| interaction.opened_at);
    if !offers::overflow(tx, item, queue, reason, opened_at, now).await? {
        return Ok(false);
    }
    tell(tx, EventType::WorkItemQueued, Some(item.interaction_id), item.id, now).await?;
    Ok(true)
}

/// Says something to the customer that nobody answered; clocks do not count it.
async fn say(
    tx: &mut Tx,
    item: &WorkItem,
    text: &str,
    author: &Author,
    now: i64,
) -> Result<(), DeskError> {
    let Some(interaction) = work::by_id(tx, item.interaction_id).await? else { return Ok(()) };
    let (Some(profile_id), Some(channel_id)) = (interaction.profile_id, &interaction.channel_id)
    else {
        return Ok(());
    };
    match consent::permit(tx, &interaction).await {
        Ok(()) => {}
        Err(DeskError::Store(error)) => return Err(error.into()),
        // Who wants no messages just waits.
        Err(_) => return Ok(()),
    }
    let profile = profiles::store::get(tx, profile_id).await?;
    if !profile.is_some_and(|profile| profile.answerable) {
        return Ok(());
    }
    let id = clock::new_id();
    let message = NewReply {
        id,
        channel_id,
        interaction_id: interaction.id,
        profile_id,
        text,
        author,
        now,
        decision: "continued",
    };
    replies::insert(tx, &message).await?;
    tell(tx, EventType::MessageReceived, Some(interaction.id), id, now).await?;
    Ok(())
}
