//! Keeps the index up behind intake.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::store::{self, PASSES};
use crate::{
    clock,
    db::{Store, StoreError},
};

/// How often it looks for something new while there is nothing.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A rest between two steps, so that a backlog does not hold up what providers wait for.
const REST: Duration = Duration::from_millis(20);

/// Indexes what is new until told to stop.
#[must_use]
pub fn keep_up(store: Store, stop: CancellationToken) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut failing = false;
        loop {
            let pause = match step(&store).await {
                Ok(true) => REST,
                Ok(false) => {
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

/// One small step of each kind; whether there may be more to do at once.
async fn step(store: &Store) -> Result<bool, StoreError> {
    let mut more = store::again(store).await?;
    for pass in PASSES {
        let upto = clock::id_before(clock::new_id(), pass.behind);
        more |= store::pass(store, pass, upto).await?;
    }
    Ok(more)
}
