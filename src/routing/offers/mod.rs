//! Giving waiting items to agents, one at a time and for a while.
//!
//! An item is offered to one agent under a lease: claimed by the agent, or pushed. While the lease
//! runs the agent accepts, rejects or renews; when it has run out, the item is back in its place,
//! because neither its place nor the time it was queued ever changed. What an agent has at hand is
//! counted under a lock on the agent ([`super::availability`]); which item is given is settled by
//! its row, so that no item is with two agents, whatever the number of instances.

pub mod store;

use uuid::Uuid;

use super::{
    Lane, QueueSettings, WorkItem,
    assignment::{Offer, eligible_after, is_skilled},
    availability::{self, Availability, Load, Presence},
    history::{NewItemEvent, record},
    store::item,
};
use crate::{
    audit::Author,
    db::{StoreError, Tx},
    routing,
};

/// How many seconds a claim stands unless the agent says otherwise.
pub const CLAIM_SECONDS: i64 = 60;

/// Returned items and overdue items that are dealt with in one transaction.
const AT_ONCE: i64 = 200;

/// For how long an item that cannot overflow yet, since the other queue is closed, is left alone.
const CLOSED_MILLIS: i64 = 60_000;

/// Why an offer was not made, or nothing could be done with it.
#[derive(Debug, thiserror::Error)]
pub enum OfferError {
    /// There is no such queue.
    #[error("there is no such queue")]
    UnknownQueue,
    /// The agent neither serves the queue nor is in one of its pools.
    #[error("this agent does not serve the queue")]
    NotServing,
    /// The agent has no room for anything that could wait there.
    #[error("this agent has as much at hand as the capacity allows")]
    AtCapacity,
    /// The offer is not there any more, or somebody else's.
    #[error("the item is not offered to this agent, or no longer")]
    NotOffered,
    /// The queue lets nobody reject.
    #[error("this queue lets nobody reject an offer")]
    NoRejections,
    /// The queue does not know the reason.
    #[error("give one of the queue's reasons: {0}")]
    UnknownReason(String),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Claims the next item of `queue` that `agent` may take, for so many seconds; `None` if there is
/// none.
pub async fn claim(
    tx: &mut Tx,
    queue: &str,
    agent: &str,
    seconds: i64,
    author: &Author,
    now: i64,
) -> Result<Option<WorkItem>, OfferError> {
    let agent = availability::lock(tx, agent).await?;
    let agent = agent.filter(|agent| agent.active).ok_or(OfferError::NotServing)?;
    let queue = routing::store::queue(tx, queue).await?.ok_or(OfferError::UnknownQueue)?;
    let after = eligible_after(&agent, &queue.id, &queue.settings).ok_or(OfferError::NotServing)?;
    let load = availability::at_hand(tx, &agent.id).await?;
    let lanes = store::lanes(tx, &queue.id).await?;
    let lanes: Vec<Lane> = lanes.into_iter().filter(|lane| is_skilled(&agent, lane)).collect();
    let some = !lanes.is_empty();
    let lanes = with_room(&agent, &load, lanes);
    if some && lanes.is_empty() {
        return Err(OfferError::AtCapacity);
    }
    for lane in first_heads(tx, &queue.id, lanes, &agent, now - after).await? {
        let wanted = store::Wanted { queue: &queue.id, lane: &lane, agent: &agent.id, now, after };
        let Some(id) = store::take_first(tx, &wanted).await? else { continue };
        let offer = Offer {
            item: id,
            agent: agent.id.clone(),
            lease_until: now + seconds * 1000,
            reason: "claimed".to_owned(),
        };
        write_down(tx, vec![offer], false, author, now).await?;
        return Ok(item(tx, id).await?);
    }
    Ok(None)
}

fn with_room(agent: &Availability, load: &Load, lanes: Vec<Lane>) -> Vec<Lane> {
    let has_room = |lane: &Lane| agent.capacity.room(load, lane.contact_type()) > 0;
    lanes.into_iter().filter(has_room).collect()
}

/// The lanes, the one whose first item is served first before the others.
async fn first_heads(
    tx: &mut Tx,
    queue: &str,
    lanes: Vec<Lane>,
    agent: &Availability,
    queued_until: i64,
) -> Result<Vec<Lane>, StoreError> {
    if lanes.len() < 2 {
        return Ok(lanes);
    }
    let mut heads = Vec::with_capacity(lanes.len());
    for lane in lanes {
        if let Some(head) = store::head(tx, queue, &lane, &agent.id, queued_until).await? {
            heads.push(((head.place, head.id), lane));
        }
    }
    heads.sort_by_key(|(place, _)| *place);
    Ok(heads.into_iter().map(|(_, lane)| lane).collect())
}

/// Pushes what was planned, as far as the world is still as it was; returns how much that is.
///
/// Agents who left or were given something else meanwhile, and items that were, are left out.
pub async fn push(tx: &mut Tx, offers: Vec<Offer>, now: i64) -> Result<usize, StoreError> {
    let agents = offers.iter().map(|offer| offer.agent.clone()).collect();
    let agents = availability::lock_all(tx, agents).await?;
    let mut loads = availability::loads(tx, agents.iter().map(|agent| agent.id.clone())).await?;
    let mut lanes = store::lock_queued(tx, offers.iter().map(|offer| offer.item)).await?;
    let mut kept = Vec::with_capacity(offers.len());
    for offer in offers {
        let agent = agents.iter().find(|agent| agent.id == offer.agent && agent.is_available());
        let (Some(agent), Some(lane)) = (agent, lanes.remove(&offer.item)) else { continue };
        let load = loads.entry(agent.id.clone()).or_default();
        if agent.capacity.room(load, lane.contact_type()) > 0 {
            load.add(lane.contact_type(), 1);
            kept.push(offer);
        }
    }
    let count = kept.len();
    write_down(tx, kept, true, &Author::system("assignment"), now).await?;
    Ok(count)
}

/// Gives queued items, whose rows the transaction holds, to their agents.
async fn write_down(
    tx: &mut Tx,
    offers: Vec<Offer>,
    pushed: bool,
    author: &Author,
    now: i64,
) -> Result<(), StoreError> {
    let agents = offers.iter().map(|offer| offer.agent.clone()).collect();
    let event = |offer: &Offer| {
        NewItemEvent::new(offer.item, "offered", &offer.reason, author, now).about(&offer.agent)
    };
    let events = offers.iter().map(event).collect();
    store::give(tx, offers, pushed, now).await?;
    availability::worked(tx, agents, now).await?;
    record(tx, events).await
}

/// Lets an offer stand longer.
pub async fn renew(
    tx: &mut Tx,
    id: Uuid,
    agent: &str,
    seconds: i64,
    now: i64,
) -> Result<WorkItem, OfferError> {
    if !store::renew(tx, id, agent, now + seconds * 1000, now).await? {
        return Err(OfferError::NotOffered);
    }
    item(tx, id).await?.ok_or(OfferError::NotOffered)
}

/// Gives an offer back, for a reason that its queue knows.
pub async fn reject(
    tx: &mut Tx,
    id: Uuid,
    agent: &str,
    reason: &str,
    author: &Author,
    now: i64,
) -> Result<WorkItem, OfferError> {
    let offered = item(tx, id).await?.filter(|item| item.is_offered_to(agent, now));
    let offered = offered.ok_or(OfferError::NotOffered)?;
    let queue = routing::store::queue(tx, &offered.queue).await?;
    let settings = queue.map(|queue| queue.settings).unwrap_or_default();
    let again = may_reject(&settings, reason)?;
    if store::put_back(tx, vec![(id, agent.to_owned())], now).await?.is_empty() {
        return Err(OfferError::NotOffered);
    }
    if !again {
        store::mark(tx, id).await?;
    }
    let event = NewItemEvent::new(id, "rejected", reason, author, now).about(agent);
    record(tx, vec![NewItemEvent { excludes: !again, ..event }]).await?;
    item(tx, id).await?.ok_or(OfferError::NotOffered)
}

/// Whether the item may be offered to whoever rejects it again.
fn may_reject(settings: &QueueSettings, reason: &str) -> Result<bool, OfferError> {
    if settings.reject_reasons.is_empty() {
        return Err(OfferError::NoRejections);
    }
    settings.reject_reasons.get(reason).copied().ok_or_else(|| {
        let reasons: Vec<&str> = settings.reject_reasons.keys().map(String::as_str).collect();
        OfferError::UnknownReason(reasons.join(", "))
    })
}

/// An offer that stood too long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimedOut {
    /// The item.
    pub item: Uuid,
    /// The agent it was offered to.
    pub agent: String,
    /// Whether it was pushed.
    pub pushed: bool,
}

/// Puts items back whose lease ran out.
pub async fn expire(tx: &mut Tx, now: i64) -> Result<Vec<TimedOut>, StoreError> {
    let run_out = store::run_out(tx, now, AT_ONCE).await?;
    let rows = run_out.iter().map(|offer| (offer.item, offer.agent.clone())).collect();
    let back = store::put_back(tx, rows, now).await?;
    let author = Author::system("lease");
    let run_out: Vec<TimedOut> =
        run_out.into_iter().filter(|offer| back.contains(&offer.item)).collect();
    let event = |offer: &TimedOut| {
        let reason = "the lease ran out";
        NewItemEvent::new(offer.item, "timed_out", reason, &author, now).about(&offer.agent)
    };
    record(tx, run_out.iter().map(event).collect()).await?;
    Ok(run_out)
}

/// Takes back what was pushed to an agent who is no longer available.
pub async fn withdraw(
    tx: &mut Tx,
    agent: &str,
    author: &Author,
    now: i64,
) -> Result<usize, StoreError> {
    let offered = store::offered_to(tx, agent).await?;
    let pushed = offered.into_iter().filter(|(_, pushed)| *pushed);
    take_back(tx, pushed.map(|(id, _)| id), agent, author, now).await
}

/// Lets an agent go: gone, and nothing is offered to them any more, whether pushed or claimed.
pub async fn dismiss(
    tx: &mut Tx,
    agent: &str,
    author: &Author,
    now: i64,
) -> Result<usize, StoreError> {
    availability::set_presence(tx, agent, Presence::Offline, now).await?;
    let offered = store::offered_to(tx, agent).await?;
    take_back(tx, offered.into_iter().map(|(id, _)| id), agent, author, now).await
}

async fn take_back(
    tx: &mut Tx,
    items: impl Iterator<Item = Uuid>,
    agent: &str,
    author: &Author,
    now: i64,
) -> Result<usize, StoreError> {
    let rows = items.map(|id| (id, agent.to_owned())).collect();
    let back = store::put_back(tx, rows, now).await?;
    let event = |id: &Uuid| {
        let reason = "the agent is not available any more";
        NewItemEvent::new(*id, "withdrawn", reason, author, now).about(agent)
    };
    record(tx, back.iter().map(event).collect()).await?;
    Ok(back.len())
}

/// Items that have waited too long, held until the transaction ends.
pub async fn overdue(tx: &mut Tx, now: i64) -> Result<Vec<WorkItem>, StoreError> {
    let mut items = Vec::new();
    for id in store::due(tx, now, AT_ONCE).await? {
        items.extend(item(tx, id).await?);
    }
    Ok(items)
}

/// What a queue has beyond `above` items, served last, held until the transaction ends.
pub async fn surplus(tx: &mut Tx, queue: &str, above: i64) -> Result<Vec<WorkItem>, StoreError> {
    let surplus = store::depth(tx, queue).await? - above;
    let mut items = Vec::new();
    if surplus > 0 {
        for id in store::last(tx, queue, surplus.min(AT_ONCE)).await? {
            items.extend(item(tx, id).await?);
        }
    }
    Ok(items)
}

/// Moves a waiting item to another queue, once, unless that is closed; it keeps the time it has
/// waited, but not the skills that its route asked for.
pub async fn overflow(
    tx: &mut Tx,
    item: &WorkItem,
    to: &str,
    reason: &str,
    opened_at: i64,
    now: i64,
) -> Result<bool, StoreError> {
    let Some(queue) = routing::store::queue(tx, to).await? else {
        // It was taken away; the item stays, and says so once.
        tracing::warn!(queue.id = %item.queue, "the queue it overflows into is not there");
        store::act_upon(tx, item.id).await?;
        return Ok(false);
    };
    if !queue.is_open(now) {
        store::put_off(tx, item.id, now + CLOSED_MILLIS, now).await?;
        return Ok(false);
    }
    let terms = queue.settings.terms();
    let lane = item.lane.without_skills();
    let moved = store::Moved {
        id: item.id,
        queue: to,
        lane: &lane,
        reason,
        place: terms.place(item.priority, item.queued_at, opened_at),
        due_at: terms.max_wait().map(|wait| now + wait),
        now,
    };
    if !store::move_to(tx, &moved).await? {
        return Ok(false);
    }
    let event = NewItemEvent::new(item.id, "overflowed", reason, &Author::system("overflow"), now);
    record(tx, vec![NewItemEvent { queue: Some(to.to_owned()), ..event }]).await?;
    Ok(true)
}
