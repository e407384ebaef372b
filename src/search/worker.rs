//! Keeps the index up behind intake.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::store::{self, PASSES};
use crate::{
    clock,
    db::{self, Store, StoreError},
};

/// How often it looks for something new while there is nothing.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The least rest between two steps, so that a backlog does not hold up what providers wait for.
const REST: Duration = Duration::from_millis(20);
/// While it is not further behind than this, it rests so many times as long as a step took: words
/// can wait for a quieter moment, providers cannot.
const BEHIND: Duration = Duration::from_secs(60);
const RESTS: u32 = 10;

/// Indexes what is new until told to stop.
#[must_use]
pub fn keep_up(store: Store, stop: CancellationToken) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut failing = false;
        loop {
            let began = clock::instant();
            let pause = match db::in_time(step(&store)).await {
                Ok(Some(behind)) if behind > BEHIND => REST,
                Ok(Some(_)) => REST.max((clock::instant() - began) * RESTS),
                Ok(None) => {
                    failing = false;
                    LOOK_EVERY
                }
                // Said once: what was missed is indexed when the database is back.
                Err(error) => {
                    if !std::mem::replace(&mut failing, true) {
                        let error = &error as &dyn std::error::Error;
                        tracing::warn!(error, "the search index falls behind");
                    }
                    LOOK_EVERY
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    })
}

/// One small step of each kind; how far behind it is, if there may be more to do at once.
async fn step(store: &Store) -> Result<Option<Duration>, StoreError> {
    let mut behind = store::again(store).await?.then_some(Duration::ZERO);
    for pass in PASSES {
        let upto = clock::id_before(clock::new_id(), pass.behind);
        behind = behind.max(store::pass(store, pass, upto).await?);
    }
    Ok(behind)
}
