//! How each sink stands, and forgetting what was told long ago.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use super::{Dispatch, retries};
use crate::{
    clock,
    db::{self, StoreError},
    deliveries::{self, Backlog},
    outbox, sinks,
};

/// How often sinks are looked at.
const EVERY: Duration = Duration::from_secs(5);
/// How many times as long as a look took one rests after it: what waits is counted, which takes long
/// where much waits.
const RESTS: u32 = 50;
/// How many looks there are for each time that something is forgotten.
const LOOKS: u32 = 12;
/// Rows that are forgotten in one transaction: nobody should wait for them.
const FORGOTTEN: i64 = 1_000;
/// Such transactions at a time.
const STEPS: usize = 50;

/// How a sink stood when it was last looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What waits for it.
    pub backlog: Backlog,
    /// The age of the oldest event that waits, in milliseconds.
    pub oldest_ms: i64,
    /// Whether it gets events.
    pub state: sinks::State,
    /// Whether nothing has been accepted for a while.
    pub is_failing: bool,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Standings(Arc<Mutex<Vec<Standing>>>);

impl Standings {
    pub fn get(&self) -> Vec<Standing> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

pub(super) async fn run(dispatch: Dispatch, stop: CancellationToken) {
    for looks in 1_u32.. {
        let began = clock::instant();
        if let Err(error) = db::in_time(look(&dispatch)).await {
            let cause = &error as &dyn std::error::Error;
            tracing::warn!(error = cause, "sinks could not be looked at");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(EVERY.max((clock::instant() - began) * RESTS)) => {}
        }
        if looks % LOOKS == 0
            && let Err(error) = db::in_time(forget(&dispatch)).await
        {
            let cause = &error as &dyn std::error::Error;
            tracing::warn!(error = cause, "what was told long ago is forgotten later");
        }
    }
}

async fn look(dispatch: &Dispatch) -> Result<(), StoreError> {
    let inner = &dispatch.0;
    let now = inner.clock.now().as_millis();
    let mut tx = inner.store.begin_read().await?;
    let sinks = sinks::list(&mut tx).await?;
    let backlogs = deliveries::backlogs(&mut tx).await?;
    tx.rollback().await?;
    // By id: a sink may have come or gone between the two.
    let mut backlogs: HashMap<_, _> =
        backlogs.into_iter().map(|backlog| (backlog.sink_id.clone(), backlog)).collect();
    let standing = |sink: sinks::Sink| {
        let backlog = backlogs.remove(&sink.id)?;
        Some(Standing {
            oldest_ms: backlog.oldest.map_or(0, |oldest| now.saturating_sub(oldest).max(0)),
            backlog,
            state: sink.state,
            is_failing: sink.failing_since.is_some(),
        })
    };
    let standings: Vec<_> = sinks.into_iter().filter_map(standing).collect();
    for Standing { backlog, oldest_ms, .. } in &standings {
        measure(&backlog.sink_id, backlog.waiting, *oldest_ms, backlog.dead);
    }
    let mut known = inner.standing.0.lock().unwrap_or_else(PoisonError::into_inner);
    for Standing { backlog: Backlog { sink_id, .. }, .. } in &*known {
        if !standings.iter().any(|standing| standing.backlog.sink_id == *sink_id) {
            // It is gone, and nothing waits for it; a gauge keeps what it was set to last.
            measure(sink_id, 0, 0, 0);
        }
    }
    *known = standings;
    Ok(())
}

fn measure(sink: &str, waiting: i64, oldest_ms: i64, dead: i64) {
    #[expect(clippy::cast_precision_loss, reason = "counts and ages are far below 2^52")]
    let (waiting, oldest, dead) = (waiting as f64, oldest_ms as f64 / 1000.0, dead as f64);
    metrics::gauge!("frontdesk_handoff_backlog", "sink" => sink.to_owned()).set(waiting);
    metrics::gauge!("frontdesk_handoff_oldest_seconds", "sink" => sink.to_owned()).set(oldest);
    metrics::gauge!("frontdesk_dead_letters", "sink" => sink.to_owned()).set(dead);
}

/// Forgets what was told longer ago than it is kept.
async fn forget(dispatch: &Dispatch) -> Result<(), StoreError> {
    let inner = &dispatch.0;
    let before = inner.clock.now().as_millis().saturating_sub(retries::millis(inner.limits.keep));
    for _ in 0..STEPS {
        let mut tx = inner.store.begin().await?;
        let position = deliveries::lock(&mut tx).await?;
        let forgotten = outbox::trim(&mut tx, position, before, FORGOTTEN).await?
            + deliveries::trim(&mut tx, before, FORGOTTEN).await?;
        tx.commit().await?;
        if forgotten == 0 {
            break;
        }
    }
    Ok(())
}
