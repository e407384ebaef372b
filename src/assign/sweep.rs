//! One look: put right what time did, push until nothing more can be pushed, and let go on what then
//! still waits too long or is too much.
//!
//! Planning reads the first items of each lane, as many as the agents there have room for, once for
//! each waiting time after which one of them is eligible: an agent who may take one of these may take
//! any, so whatever the others are given, what comes next for each is among them. Only where items
//! were rejected for good is that not so: of those a few more are read, and when nothing else is
//! left to push, agents who are still free are asked about one by one.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use crate::{
    audit::{Author, Change, Subject, record},
    db::{Store, StoreError, Tx},
    desk::{self, DeskError},
    interactions::work,
    routing::{
        self, Lane, Queue,
        assignment::{self, Agent, Offer, Queues, Waiting},
        availability, offers,
    },
};

/// The most offers that are made together, and items of one lane that are looked at for them.
const WINDOW: i64 = 256;
/// How many more are read where items were rejected.
const REJECTED: i64 = 256;
/// The most rounds of planning in one sweep: whatever still waits then waits for the next.
const ROUNDS: usize = 1000;
/// Rounds in a row in which nothing came of the plan.
const STALLED: usize = 4;

/// What is done beyond pushing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Whether an agent who lets a pushed offer run out is taken for away.
    pub away_after_timeout: bool,
    /// Whether messaging at hand of an agent who went offline goes back into its queue.
    pub reassign_when_offline: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self { away_after_timeout: true, reassign_when_offline: false }
    }
}

/// Looks once, at `now`, in Unix milliseconds.
pub async fn sweep(store: &Store, rules: &Rules, now: i64) -> Result<(), StoreError> {
    let mut tx = store.begin_read().await?;
    let due = offers::store::is_anything_due(&mut tx, now).await?;
    let queues = routing::store::queues(&mut tx).await?;
    tx.rollback().await?;
    if due {
        put_back(store, rules, now).await?;
    }
    if rules.reassign_when_offline {
        reassign(store, now).await?;
    }
    let pushing = queues.iter().filter(|queue| queue.settings.pushes());
    let pushing: Queues = pushing.map(|queue| (queue.id.clone(), queue.settings.clone())).collect();
    push(store, &pushing, now).await?;
    // Only what nobody here is free for goes on, and there somebody may be.
    let mut moved = due && act_on_waits(store, now).await?;
    for queue in &queues {
        moved |= relieve(store, queue, now).await?;
    }
    if moved {
        push(store, &pushing, now).await?;
    }
    Ok(())
}

/// Pushes until nothing more can be pushed.
async fn push(store: &Store, queues: &Queues, now: i64) -> Result<(), StoreError> {
    if queues.is_empty() {
        return Ok(());
    }
    let mut stalled = 0;
    for _ in 0..ROUNDS {
        let planned = plan(store, queues, now).await?;
        // Other instances are faster, or somebody holds what was planned: the next look will tell.
        if planned.is_empty() || stalled > STALLED {
            return Ok(());
        }
        let mut tx = store.begin().await?;
        let pushed = offers::push(&mut tx, planned, now).await?;
        tx.commit().await?;
        stalled = if pushed == 0 { stalled + 1 } else { 0 };
        metrics::counter!("frontdesk_offers_total").increment(pushed as u64);
    }
    Ok(())
}

/// What can be pushed at this moment.
async fn plan(store: &Store, queues: &Queues, now: i64) -> Result<Vec<Offer>, StoreError> {
    let mut tx = store.begin_read().await?;
    let planned = plan_in(&mut tx, queues, now).await;
    tx.rollback().await?;
    planned
}

async fn plan_in(tx: &mut Tx, queues: &Queues, now: i64) -> Result<Vec<Offer>, StoreError> {
    let available = availability::available(tx).await?;
    let ids = available.iter().map(|agent| agent.id.clone());
    let mut loads = availability::loads(tx, ids).await?;
    let agents = available.into_iter().map(|availability| {
        let load = loads.remove(&availability.id).unwrap_or_default();
        Agent { availability, load }
    });
    let agents: Vec<Agent> = agents.collect();
    let mut items: BTreeMap<Uuid, Waiting> = BTreeMap::new();
    let mut cut: Vec<(&String, Lane)> = Vec::new();
    for (id, settings) in queues {
        let able = agents.iter().filter_map(|agent| {
            let after = assignment::eligible_after(&agent.availability, id, settings)?;
            Some((agent, after))
        });
        let able: Vec<(&Agent, i64)> = able.collect();
        if able.is_empty() {
            continue;
        }
        for lane in offers::store::lanes(tx, id).await? {
            let room = |(agent, after): &(&Agent, i64)| (room(agent, &lane), *after);
            let rooms = able.iter().map(room).filter(|(room, _)| *room > 0);
            let rooms: Vec<(i64, i64)> = rooms.collect();
            let in_all: i64 = rooms.iter().map(|(room, _)| room).sum();
            let more = if lane.is_rejected() { REJECTED } else { 0 };
            let window = in_all.min(WINDOW) + more;
            let times: BTreeSet<i64> = rooms.into_iter().map(|(_, after)| after).collect();
            let mut is_cut = false;
            for after in times {
                let first = offers::store::first(tx, id, &lane, now - after, window).await?;
                is_cut |= i64::try_from(first.len()).is_ok_and(|count| count == window);
                items.extend(first.into_iter().map(|item| (item.id, item)));
            }
            if is_cut && lane.is_rejected() {
                cut.push((id, lane));
            }
        }
    }
    let mut planned = assignment::plan(&agents, queues, items.into_values().collect(), now);
    planned.truncate(usize::try_from(WINDOW).unwrap_or(usize::MAX));
    if !planned.is_empty() || cut.is_empty() {
        return Ok(planned);
    }
    let mut found: BTreeMap<Uuid, Waiting> = BTreeMap::new();
    for agent in &agents {
        for (id, lane) in &cut {
            let settings = &queues[*id];
            let after = assignment::eligible_after(&agent.availability, id, settings);
            let Some(after) = after.filter(|_| room(agent, lane) > 0) else { continue };
            let name = &agent.availability.id;
            let head = offers::store::head(tx, id, lane, name, now - after).await?;
            found.extend(head.map(|item| (item.id, item)));
        }
    }
    Ok(assignment::plan(&agents, queues, found.into_values().collect(), now))
}

/// How much of a lane an agent can take.
fn room(agent: &Agent, lane: &Lane) -> i64 {
    match assignment::is_skilled(&agent.availability, lane) {
        true => agent.availability.capacity.room(&agent.load, lane.contact_type()),
        false => 0,
    }
}

/// Puts back what was offered too long.
async fn put_back(store: &Store, rules: &Rules, now: i64) -> Result<(), StoreError> {
    loop {
        let mut tx = store.begin().await?;
        let back = offers::expire(&mut tx, now).await?;
        tx.commit().await?;
        if back.is_empty() {
            return Ok(());
        }
        metrics::counter!("frontdesk_offers_timed_out_total").increment(back.len() as u64);
        if rules.away_after_timeout {
            for offer in back.iter().filter(|offer| offer.pushed) {
                leave(store, &offer.agent, now).await?;
            }
        }
    }
}

/// Takes an agent for away, in a transaction of its own: whoever holds an agent may wait for an
/// item, so nobody who holds an item may wait for an agent.
async fn leave(store: &Store, agent: &str, now: i64) -> Result<(), StoreError> {
    let author = Author::system("offer_timeout");
    let mut tx = store.begin().await?;
    if availability::away(&mut tx, agent, now).await? {
        let change = Change::new("presence", "available", "away");
        let subject = Subject::new("agent", agent);
        record(&mut tx, &author, subject, "presence", vec![change], now).await?;
        offers::withdraw(&mut tx, agent, &author, now).await?;
    }
    tx.commit().await
}

/// Does what queues say is done to what has waited too long; returns whether anything has.
async fn act_on_waits(store: &Store, now: i64) -> Result<bool, StoreError> {
    let mut acted = false;
    loop {
        let mut tx = store.begin().await?;
        let overdue = offers::overdue(&mut tx, now).await?;
        for item in &overdue {
            match desk::waited_too_long(&mut tx, item, now).await {
                Ok(()) => {}
                Err(DeskError::Store(error)) => return Err(error),
                Err(error) => {
                    let cause = &error as &dyn std::error::Error;
                    tracing::warn!(work_item.id = %item.id, error = cause, "nobody was notified");
                }
            }
        }
        tx.commit().await?;
        if overdue.is_empty() {
            return Ok(acted);
        }
        acted = true;
    }
}

/// Moves on what a queue has beyond what it may have; returns whether anything went.
async fn relieve(store: &Store, queue: &Queue, now: i64) -> Result<bool, StoreError> {
    let Some(overflow) = &queue.settings.overflow else { return Ok(false) };
    let Some(above) = overflow.above else { return Ok(false) };
    let mut tx = store.begin_read().await?;
    let depth = offers::store::depth(&mut tx, &queue.id).await?;
    tx.rollback().await?;
    if depth <= above {
        return Ok(false);
    }
    let mut tx = store.begin().await?;
    let reason = format!("more than {above} waited in {}", queue.id);
    let mut moved = false;
    for item in offers::surplus(&mut tx, &queue.id, above).await? {
        moved |= desk::overflow_into(&mut tx, &item, &overflow.queue, &reason, now).await?;
    }
    tx.commit().await?;
    Ok(moved)
}

/// Puts what agents who went offline have at hand back into its queue.
async fn reassign(store: &Store, now: i64) -> Result<(), StoreError> {
    let mut tx = store.begin_read().await?;
    let left = availability::left_behind(&mut tx).await?;
    tx.rollback().await?;
    for id in left {
        let mut tx = store.begin().await?;
        let Some(interaction) = work::by_id(&mut tx, id).await? else { continue };
        let author = Author::system("assignee_offline");
        match desk::reassign(&mut tx, &interaction, "the agent went offline", &author, now).await {
            Ok(_) => tx.commit().await?,
            // Somebody moved it in the meantime; if it still is left behind, the next look finds it.
            Err(DeskError::Changed | DeskError::Refused(_)) => tx.rollback().await?,
            Err(DeskError::Store(error)) => return Err(error),
            Err(error) => {
                tx.rollback().await?;
                let cause = &error as &dyn std::error::Error;
                tracing::warn!(interaction.id = %id, error = cause, "work was not reassigned");
            }
        }
    }
    Ok(())
}
