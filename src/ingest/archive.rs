//! Keeps what was refused, within bounds: strangers must not fill the disk or hold up intake.

use std::time::Duration;

use tokio::{sync::mpsc, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::Limits;
use crate::{
    db::{self, Store, StoreError},
    messages::{self, NewRequest},
};

/// Refused requests that may wait to be archived. What comes beyond is only counted.
const QUEUE: usize = 512;
/// How many are archived at once.
const GROUP: usize = 64;
/// A pause after each group, so that refusals never crowd out messages.
const PAUSE: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub(super) struct Archive(mpsc::Sender<NewRequest>);

impl Archive {
    pub fn start(store: Store, limits: Limits, stop: CancellationToken) -> (Self, JoinHandle<()>) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let task = tokio::spawn(run(store, limits.refused, receiver, stop));
        (Self(sender), task)
    }

    /// Archives a refused request when there is room, and never waits.
    pub fn keep(&self, request: NewRequest) {
        if self.0.try_send(request).is_err() {
            metrics::counter!("frontdesk_refused_requests_not_archived_total").increment(1);
        }
    }
}

async fn run(
    store: Store,
    keep: i64,
    mut receiver: mpsc::Receiver<NewRequest>,
    stop: CancellationToken,
) {
    let mut waiting = Vec::with_capacity(GROUP);
    loop {
        tokio::select! {
            biased;
            count = receiver.recv_many(&mut waiting, GROUP) => if count == 0 { return },
            () = stop.cancelled() => {
                receiver.close();
                if receiver.recv_many(&mut waiting, GROUP).await == 0 {
                    return;
                }
            }
        }
        let archiving = archive(&store, keep, std::mem::take(&mut waiting));
        if let Err(error) = db::in_time(archiving).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "refused requests could not be archived"
            );
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

async fn archive(store: &Store, keep: i64, requests: Vec<NewRequest>) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    messages::archive(&mut tx, requests).await?;
    messages::prune_refused(&mut tx, keep).await?;
    tx.commit().await
}
