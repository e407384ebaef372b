//! Walking over what has no index by person: raw requests, events, the audit.

mod store;

use std::collections::BTreeSet;

use serde_json::Value;
pub(super) use store::{Source, hits, strays};
use uuid::Uuid;

use super::{needles::Needles, store::Found};
use crate::{
    db::{Store, StoreError, Tx},
    messages::{self, EventFilter, MessageFilter},
};

/// Requests with something of the person in them.
#[derive(Debug, Default)]
pub(super) struct Requests {
    /// With nothing of anybody else.
    pub whole: Vec<Uuid>,
    /// With what somebody else said, too.
    pub shared: Vec<Uuid>,
}

/// The requests that brought anything of the person, or hold one of the addresses.
pub(super) async fn requests(
    store: &Store,
    found: &Found,
    events: &BTreeSet<Uuid>,
    needles: &Needles,
) -> Result<Requests, StoreError> {
    let mut tx = store.begin_read().await?;
    let mut ids = super::store::requests_of(&mut tx, found, events).await?;
    tx.rollback().await?;
    let mut after = Uuid::nil();
    while let Some((last, hits)) = walk(store, Source::Requests, after, needles).await? {
        after = last;
        let mut tx = store.begin_read().await?;
        for id in hits {
            let Some(request) = messages::find_request(&mut tx, id).await? else { continue };
            let target = request.record.target.as_bytes();
            let headers = serde_json::to_vec(&request.headers.0).unwrap_or_default();
            if [target, &headers, &request.body].iter().any(|text| needles.stand_in(text)) {
                ids.insert(id);
            }
        }
        tx.rollback().await?;
    }
    let mut requests = Requests::default();
    let mut tx = store.begin_read().await?;
    for id in ids {
        match brought(&mut tx, found, events, id).await? {
            (true, true) => requests.shared.push(id),
            // Nothing of it was recorded, as of a repeated or refused one: all there is, is raw.
            (true, false) | (false, false) => requests.whole.push(id),
            // Somebody else mentions an address of theirs. That is somebody else's to say.
            (false, true) => {}
        }
    }
    tx.rollback().await?;
    Ok(requests)
}

/// Whether a request brought something of the person, and something of anybody else.
async fn brought(
    tx: &mut Tx,
    found: &Found,
    events: &BTreeSet<Uuid>,
    id: Uuid,
) -> Result<(bool, bool), StoreError> {
    let filter = MessageFilter { request: Some(id), limit: i64::MAX, ..MessageFilter::default() };
    let messages = messages::list(tx, &filter).await?;
    let filter = EventFilter { request: Some(id), limit: i64::MAX, ..EventFilter::default() };
    let beside = messages::events(tx, &filter).await?;
    let theirs = messages.iter().map(|one| {
        found.interactions.contains_key(&one.interaction_id) || found.strays.contains(&one.id)
    });
    let theirs: Vec<bool> =
        theirs.chain(beside.iter().map(|event| events.contains(&event.id))).collect();
    Ok((theirs.contains(&true), theirs.contains(&false)))
}

/// The events that are about the person's messages, or name one of the addresses.
pub(super) async fn events(
    store: &Store,
    found: &Found,
    needles: &Needles,
) -> Result<BTreeSet<Uuid>, StoreError> {
    let mut tx = store.begin_read().await?;
    let mut events = super::store::events_of(&mut tx, found).await?;
    tx.rollback().await?;
    let mut after = Uuid::nil();
    while let Some((last, hits)) = walk(store, Source::Events, after, needles).await? {
        after = last;
        let mut tx = store.begin_read().await?;
        for id in hits {
            let filter = EventFilter { id: Some(id), limit: 1, ..EventFilter::default() };
            let event = messages::events(&mut tx, &filter).await?.pop();
            // Whoever is named in a text of somebody else's is not who sent it.
            if event.is_some_and(|event| names(&event.data.0, needles)) {
                events.insert(id);
            }
        }
        tx.rollback().await?;
    }
    Ok(events)
}

/// The changes that hold one of the addresses.
pub(super) async fn audit(store: &Store, needles: &Needles) -> Result<Vec<Uuid>, StoreError> {
    let mut found = Vec::new();
    let mut after = Uuid::nil();
    while let Some((last, hits)) = walk(store, Source::Audit, after, needles).await? {
        after = last;
        found.extend(hits);
    }
    Ok(found)
}

/// One step: the last row looked at, and those with one of the needles; `None` at the end.
async fn walk(
    store: &Store,
    source: Source,
    after: Uuid,
    needles: &Needles,
) -> Result<Option<(Uuid, Vec<Uuid>)>, StoreError> {
    if needles.texts.is_empty() {
        return Ok(None);
    }
    let mut tx = store.begin_read().await?;
    let rows = hits(&mut tx, source, after, &needles.texts).await?;
    tx.rollback().await?;
    let last = rows.last().map(|(id, _)| *id);
    let hits = rows.into_iter().filter_map(|(id, hit)| hit.then_some(id)).collect();
    Ok(last.map(|last| (last, hits)))
}

fn names(value: &Value, needles: &Needles) -> bool {
    match value {
        Value::String(text) => needles.are(text),
        Value::Array(values) => values.iter().any(|value| names(value, needles)),
        Value::Object(fields) => fields.values().any(|value| names(value, needles)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}
