//! Pushing: waiting items find their agents, and what stood too long is put right.
//!
//! Every instance runs one [`Assigner`]. It is woken by whatever may have changed something — an
//! item was queued, an agent came, finished or rejected, a rule changed — and looks by itself once
//! in a while, for what time alone changes: leases, pools that widen, waits that were too long, and
//! whatever an instance left undone that died. All of it is decided over what the database says at
//! that moment, and written only as far as that still holds; so instances need no leader.
//!
//! [`sweep()`] is one such look, at a given time.

mod sweep;

use std::{sync::Arc, time::Duration};

pub use sweep::{Rules, sweep};
use tokio::{sync::Notify, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    clock::Clock,
    db::{self, Store},
};

/// How long changes gather before they are looked at.
const GATHER: Duration = Duration::from_millis(20);

/// Wakes the assigner.
#[derive(Clone, Debug, Default)]
pub struct Waker(Arc<Notify>);

impl Waker {
    /// Something changed that may let an item find its agent.
    pub fn wake(&self) {
        self.0.notify_one();
    }

    /// The bell itself, for those who know nothing of assigning.
    #[must_use]
    pub fn bell(&self) -> Arc<Notify> {
        Arc::clone(&self.0)
    }
}

/// The task that looks.
#[derive(Debug)]
pub struct Assigner {
    task: JoinHandle<()>,
    stop: CancellationToken,
}

impl Assigner {
    /// Starts looking: when woken, and `every` so often.
    #[must_use]
    pub fn start(store: Store, clock: Clock, rules: Rules, every: Duration, waker: &Waker) -> Self {
        let stop = CancellationToken::new();
        let (stopped, waker) = (stop.clone(), waker.clone());
        let task = tokio::spawn(async move {
            let mut failing = false;
            loop {
                tokio::select! {
                    () = stopped.cancelled() => return,
                    () = waker.0.notified() => tokio::time::sleep(GATHER).await,
                    () = tokio::time::sleep(every) => {}
                }
                let looking = sweep(&store, &rules, clock.now().as_millis());
                match db::in_time(looking).await {
                    Ok(()) => failing = false,
                    // Said once: everything stays where it is until the database is back.
                    Err(error) if !failing => {
                        failing = true;
                        let cause = &error as &dyn std::error::Error;
                        tracing::warn!(error = cause, "nothing is assigned at the moment");
                    }
                    Err(_) => {}
                }
            }
        });
        Self { task, stop }
    }

    /// Finishes the look under way and ends.
    pub async fn stop(self) {
        self.stop.cancel();
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the assigner broke down");
        }
    }
}
