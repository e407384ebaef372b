//! To whom waiting items are pushed: values in, offers out.
//!
//! Items are taken in the order they are served, and each goes to the best of the agents who may
//! take it now: who has not rejected it or given it away, then the one of the customer's previous
//! conversation, then who has most room, then who was given work longest ago. Nothing here waits, reads or locks; what
//! the world looks like when an offer is written is checked there.

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap, VecDeque},
};

use uuid::Uuid;

use super::{
    Lane, QueueSettings,
    availability::{Availability, Load},
};

/// An agent with what is at hand.
#[derive(Clone, Debug)]
pub struct Agent {
    /// Who, and what is known of them.
    pub availability: Availability,
    /// What they have at hand.
    pub load: Load,
}

/// An item that waits.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// The item.
    pub id: Uuid,
    /// Its queue.
    pub queue: String,
    /// What it takes.
    pub lane: Lane,
    /// Lower numbers are served first.
    pub priority: i64,
    /// When it was queued.
    pub queued_at: i64,
    /// Its place in its queue.
    pub place: [i64; 2],
    /// The agent of the customer's previous conversation.
    pub previous_agent: Option<String>,
    /// Agents who rejected it, let it run out or gave it away, and whether it is not to be offered
    /// to them again.
    pub rejected_by: Vec<(String, bool)>,
}

/// An item for an agent, and why this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The item.
    pub item: Uuid,
    /// The agent.
    pub agent: String,
    /// Until when it stands, in Unix milliseconds.
    pub lease_until: i64,
    /// Why, in a sentence.
    pub reason: String,
}

/// The queues by their ids.
pub type Queues = BTreeMap<String, QueueSettings>;

/// Decides who is offered what at `now`.
#[must_use]
pub fn plan(agents: &[Agent], queues: &Queues, items: Vec<Waiting>, now: i64) -> Vec<Offer> {
    let available = agents.iter().filter(|agent| agent.availability.is_available());
    let mut agents: Vec<Agent> = available.cloned().collect();
    let mut offers = Vec::new();
    for item in in_order(queues, items) {
        let Some(settings) = queues.get(&item.queue) else { continue };
        let able = agents.iter_mut().filter(|agent| may_be_pushed(agent, settings, &item, now));
        let best = able.min_by(|a, b| rank(a, &item).cmp(&rank(b, &item)));
        let Some(best) = best else { continue };
        offers.push(Offer {
            item: item.id,
            agent: best.availability.id.clone(),
            lease_until: now + settings.offer_seconds * 1000,
            reason: reason(best, &item),
        });
        best.load.add(item.lane.contact_type(), 1);
        best.availability.last_work_at = now;
    }
    offers
}

/// After how many milliseconds of waiting an agent is eligible for a queue's items; `None` is never.
///
/// Without pools everybody who serves the queue is at once, but only to claim.
#[must_use]
pub fn eligible_after(agent: &Availability, id: &str, queue: &QueueSettings) -> Option<i64> {
    let serves = agent.queues.iter().any(|served| served == id);
    if queue.pools.is_empty() {
        return serves.then_some(0);
    }
    let pools = queue.pools.iter().filter(|pool| {
        let member = if pool.agents.is_empty() { serves } else { pool.agents.contains(&agent.id) };
        member && pool.skills.iter().all(|skill| agent.skills.contains(skill))
    });
    pools.map(|pool| pool.after_seconds * 1000).min()
}

/// Whether an agent has the skills a lane takes.
#[must_use]
pub fn is_skilled(agent: &Availability, lane: &Lane) -> bool {
    lane.skills().all(|skill| agent.skills.iter().any(|known| known == skill))
}

/// Whether an item may be offered to an agent who is available.
fn may_be_pushed(agent: &Agent, queue: &QueueSettings, item: &Waiting, now: i64) -> bool {
    let Agent { availability, load } = agent;
    let excluded = |(id, excluded): &(String, bool)| *excluded && *id == availability.id;
    queue.pushes()
        && availability.capacity.room(load, item.lane.contact_type()) > 0
        && is_skilled(availability, &item.lane)
        && eligible_after(availability, &item.queue, queue)
            .is_some_and(|after| item.queued_at.saturating_add(after) <= now)
        && !item.rejected_by.iter().any(excluded)
}

/// The least is the best.
fn rank<'a>(agent: &'a Agent, item: &Waiting) -> (usize, bool, Reverse<i64>, i64, &'a str) {
    let Agent { availability, load } = agent;
    let id = availability.id.as_str();
    let rejections = item.rejected_by.iter().filter(|(by, _)| by == id).count();
    let room = availability.capacity.room(load, item.lane.contact_type());
    (rejections, !is_previous(agent, item), Reverse(room), availability.last_work_at, id)
}

fn is_previous(agent: &Agent, item: &Waiting) -> bool {
    item.previous_agent.as_deref() == Some(&agent.availability.id)
}

fn reason(agent: &Agent, item: &Waiting) -> String {
    if is_previous(agent, item) {
        return "had the customer's previous conversation".to_owned();
    }
    let room = agent.availability.capacity.room(&agent.load, item.lane.contact_type());
    format!("most room ({room}), then longest without new work")
}

/// Items in the order they are served: each queue in its own order, and of their first ones the one
/// of the first queue, then of the first priority, then the one that waits longest.
fn in_order(queues: &Queues, mut items: Vec<Waiting>) -> Vec<Waiting> {
    items.sort_by_key(|item| (item.place, item.id));
    let mut by_queue: HashMap<String, VecDeque<Waiting>> = HashMap::new();
    let count = items.len();
    for item in items {
        by_queue.entry(item.queue.clone()).or_default().push_back(item);
    }
    let mut ordered = Vec::with_capacity(count);
    let mut lines: Vec<(i64, VecDeque<Waiting>)> = by_queue
        .into_iter()
        .map(|(queue, line)| (queues.get(&queue).map_or(i64::MAX, |queue| queue.priority), line))
        .collect();
    while ordered.len() < count {
        let first = lines.iter_mut().min_by_key(|(priority, line)| {
            let head = line.front().map(|item| (*priority, item.priority, item.queued_at, item.id));
            (head.is_none(), head)
        });
        ordered.extend(first.and_then(|(_, line)| line.pop_front()));
    }
    ordered
}
