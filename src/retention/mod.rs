//! What is not kept for ever, and what is put out of the way.
//!
//! Each kind of data has its own time. It goes in small steps with a rest after each, the oldest
//! first, so that intake never waits; what a step leaves is the next one's.

mod store;

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    clock::Clock,
    db::{self, Store, StoreError, Tx},
    keys::answers,
};

/// How often it looks.
const EVERY: Duration = Duration::from_secs(60 * 60);
/// A start is busy enough.
const AT_FIRST: Duration = Duration::from_secs(60);
/// A rest after each step.
const REST: Duration = Duration::from_millis(20);
const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// How many days each kind of data is kept; `None` for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Requests as they came.
    pub requests: Option<u32>,
    /// Requests that were refused.
    pub refused: Option<u32>,
    /// What tells a repeated request from a new one.
    pub dedupe: Option<u32>,
    /// Statuses, reactions and the rest of what is no message.
    pub events: Option<u32>,
    /// Messages of closed interactions.
    pub messages: Option<u32>,
    /// What people and keys changed, from what to what.
    pub audit: Option<u32>,
    /// Closed interactions, before they are archived.
    pub archive: Option<u32>,
}

/// How many of what went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Requests, refused ones among them.
    pub requests: u64,
    /// What tells a repeated request from a new one.
    pub dedupe: u64,
    /// Events.
    pub events: u64,
    /// Messages.
    pub messages: u64,
    /// Changes of the audit that were emptied.
    pub audit: u64,
    /// First answers to requests with an `Idempotency-Key`, after a day.
    pub answers: u64,
    /// Interactions that were archived.
    pub archived: u64,
}

/// Sweeps until told to stop.
#[must_use]
pub fn start(
    store: Store,
    clock: Clock,
    limits: Limits,
    stop: CancellationToken,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut pause = AT_FIRST;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
            pause = EVERY;
            let now = clock.now().as_millis();
            tokio::select! {
                () = stop.cancelled() => return,
                swept = db::within(EVERY, sweep(&store, limits, now)) => match swept {
                    Ok(swept) if swept != Swept::default() => {
                        tracing::info!(?swept, "what had been kept long enough is gone");
                    }
                    Ok(_) => {}
                    Err(error) => {
                        let cause = &error as &dyn std::error::Error;
                        tracing::warn!(error = cause, "old data could not be removed; later again");
                    }
                },
            }
        }
    })
}

/// Removes what was kept long enough at `now`, and archives what has been closed long enough.
pub async fn sweep(store: &Store, limits: Limits, now: i64) -> Result<Swept, StoreError> {
    let before = |days: Option<u32>| days.map(|days| now - i64::from(days) * DAY_MILLIS);
    let mut swept = Swept::default();
    // A refused request is never kept longer than one that was not.
    let refused = before(limits.refused).max(before(limits.requests));
    swept.requests += walk(store, Kind::Refused, refused).await?;
    swept.requests += walk(store, Kind::Requests, before(limits.requests)).await?;
    swept.dedupe = walk(store, Kind::Dedupe, before(limits.dedupe)).await?;
    swept.events = walk(store, Kind::Events, before(limits.events)).await?;
    swept.messages = walk(store, Kind::Messages, before(limits.messages)).await?;
    swept.audit = walk(store, Kind::Audit, before(limits.audit)).await?;
    let mut tx = store.begin().await?;
    swept.answers = answers::prune(&mut tx, now).await?;
    tx.commit().await?;
    if let Some(before) = before(limits.archive) {
        loop {
            let mut tx = store.begin().await?;
            let archived = store::archive(&mut tx, before, now).await?;
            tx.commit().await?;
            swept.archived += archived;
            if archived == 0 {
                break;
            }
            tokio::time::sleep(REST).await;
        }
    }
    Ok(swept)
}

/// What is walked over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Requests,
    Refused,
    Dedupe,
    Events,
    Messages,
    Audit,
}

/// Removes what is older than `before`, step by step.
async fn walk(store: &Store, kind: Kind, before: Option<i64>) -> Result<u64, StoreError> {
    let Some(before) = before else { return Ok(0) };
    let mut gone = 0;
    let mut after = Vec::new();
    loop {
        let mut tx = store.begin_read().await?;
        let step = look(&mut tx, kind, &after, before).await?;
        tx.rollback().await?;
        if !step.old.is_empty() {
            let mut tx = store.begin().await?;
            gone += store::remove(&mut tx, kind, step.old).await?;
            tx.commit().await?;
            tokio::time::sleep(REST).await;
        }
        match step.last {
            Some(last) => after = last,
            None => return Ok(gone),
        }
    }
}

/// One step of a walk.
struct Step {
    /// What is to go.
    old: Vec<Vec<u8>>,
    /// Where the next step begins; `None` at the end.
    last: Option<Vec<u8>>,
}

async fn look(tx: &mut Tx, kind: Kind, after: &[u8], before: i64) -> Result<Step, StoreError> {
    let rows = store::rows(tx, kind, after).await?;
    // Ids are in the order of arrival, more or less; digests are in none.
    let past = kind != Kind::Dedupe && rows.iter().any(|row| row.at >= before);
    let last = rows.last().map(|row| row.key.clone()).filter(|_| !past);
    let old = rows.into_iter().filter(|row| row.at < before && row.may_go);
    Ok(Step { old: old.map(|row| row.key).collect(), last })
}

/// An id as bytes, which both engines order alike.
fn id(bytes: &[u8]) -> Uuid {
    Uuid::from_slice(bytes).unwrap_or_default()
}
