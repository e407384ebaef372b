//! SQL of lists of work items.

use std::cmp::Reverse;

use uuid::Uuid;

use super::Filter;
use crate::{
    db::{LOOKED_AT, Listed, StoreError, Tx, fetch_filtered, one_more},
    routing::{ItemState, WorkItem, store::items_by_ids},
};

/// Writes down what must hold of `w`, on either engine's query.
macro_rules! conditions {
    ($query:expr, $filter:expr) => {{
        let (query, filter): (_, &Filter) = ($query, $filter);
        if let Some(agent) = &filter.agent {
            query.push(" and w.assigned_to = ").push_bind(agent);
        }
        if let Some(state) = filter.state {
            // Written out, since the indexes of what is under way name the state.
            query.push(" and w.state = '").push(state.as_str()).push("'");
            if matches!(state, ItemState::PendingAccept | ItemState::Accepted) {
                query.push(" and w.state in ('pending_accept', 'accepted')");
            }
        }
        if let Some(queue) = &filter.queue {
            query.push(" and w.queue_id = ").push_bind(queue);
        }
    }};
}

/// At most `limit` work items, newest first.
pub async fn list(
    tx: &mut Tx,
    filter: &Filter,
    limit: usize,
) -> Result<Listed<WorkItem, Uuid>, StoreError> {
    let (ids, looked_at) = match filter.state {
        Some(ItemState::Queued | ItemState::PendingAccept | ItemState::Accepted) => {
            (open(tx, filter, limit).await?, None)
        }
        Some(ItemState::Completed | ItemState::Canceled) | None => walk(tx, filter, limit).await?,
    };
    let ids: Vec<Uuid> = ids.into_iter().map(|(id,)| id).collect();
    let mut items = items_by_ids(tx, &ids).await?;
    items.sort_unstable_by_key(|item| Reverse(item.id));
    Ok(Listed::of(items, limit, |item| item.id, looked_at))
}

/// Those under way are few among all: they are all taken from an index of them, then put in order.
async fn open(tx: &mut Tx, filter: &Filter, limit: usize) -> Result<Vec<(Uuid,)>, StoreError> {
    const OPEN: &str = "with open as materialized (select w.id from work_items w where true";
    Ok(fetch_filtered!(tx, OPEN, query => {
        conditions!(&mut query, filter);
        query.push(") select id from open where id < ");
        query.push_bind(filter.before.unwrap_or(Uuid::max()));
        query.push(" order by id desc limit ").push_bind(one_more(limit));
    })?)
}

/// The others are walked, some at a time; with the last one that was looked at, if more follow.
async fn walk(
    tx: &mut Tx,
    filter: &Filter,
    limit: usize,
) -> Result<(Vec<(Uuid,)>, Option<Uuid>), StoreError> {
    const IDS: &str = "select w.id from work_items w where w.id < ";
    let before = filter.before.unwrap_or(Uuid::max());
    let conditions =
        [filter.agent.is_some(), filter.state.is_some(), filter.queue.is_some()].into_iter();
    let mut looked_at = None;
    if conditions.filter(|it| *it).count() > 1 || filter.state.is_some() {
        // An agent's are fewer than a queue's.
        let along = match (&filter.agent, &filter.queue) {
            (Some(_), _) => Filter { queue: None, state: None, ..filter.clone() },
            (None, _) => Filter { state: None, ..filter.clone() },
        };
        let rows: Vec<(Uuid,)> = fetch_filtered!(tx, IDS, query => {
            query.push_bind(before);
            conditions!(&mut query, &along);
            query.push(" order by w.id desc limit 1 offset ").push_bind(LOOKED_AT);
        })?;
        looked_at = rows.first().map(|(id,)| *id);
    }
    let ids = fetch_filtered!(tx, IDS, query => {
        query.push_bind(before);
        query.push(" and w.id >= ").push_bind(looked_at.unwrap_or_default());
        conditions!(&mut query, filter);
        query.push(" order by w.id desc limit ").push_bind(one_more(limit));
    })?;
    Ok((ids, looked_at))
}
