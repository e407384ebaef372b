//! From the outbox to whoever wants to know: sinks, and the live feed.
//!
//! Intake writes one short row per message and knows of no sink. Here, in one round, the outbox is
//! dealt out (a delivery per event and sink), what became of earlier calls is written down, and
//! lanes that are due are leased: one transaction under one lock, at most fifty a second, so that it
//! weighs little on intake. Calls happen between rounds, many at once, those of one lane one after
//! the other. Any number of instances do the same; a lease that runs out is another's to take.
//!
//! At least once: an event whose acceptance could not be written down is told again, under its id.

#[cfg(feature = "amqp")]
mod amqp;
mod bodies;
mod connections;
mod events;
mod feed;
mod housekeeping;
#[cfg(feature = "kafka")]
mod kafka;
mod nats;
#[cfg(feature = "redis")]
mod redis;
mod retries;
mod round;
mod send;
#[cfg(test)]
mod tests;
mod webhook;

use std::{sync::Arc, time::Duration};

pub use bodies::Body;
pub use events::Event;
use feed::Feed;
pub use feed::{Fed, FollowError, Follower, Heard};
pub use housekeeping::Standing;
pub use send::{Outcome, Senders, check};
use tokio::{sync::mpsc, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    clock::{self, Clock},
    db::{Store, StoreError, Tx},
    deliveries,
    egress::Egress,
    outbox::{self, Bell},
    sinks::{self, Secrets, Settings, Sink},
    vault::Vault,
};

/// The least time between two rounds. While a round takes longer, so does the rest after it, up to
/// [`LOOK`]: then the database is busy with what providers wait for.
const ROUND: Duration = Duration::from_millis(20);
/// How often we look by ourselves: other instances ring no bell here.
const LOOK: Duration = Duration::from_millis(200);
/// How long calls under way may take once we are told to stop.
const DRAIN: Duration = Duration::from_secs(5);

/// How events are handed on.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long a sink may take to accept an event; a lease lasts twice as long.
    pub timeout: Duration,
    /// How long what was told is kept.
    pub keep: Duration,
}

/// Hands events on, until it is stopped.
#[derive(Clone, Debug)]
pub struct Dispatch(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    vault: Vault,
    clock: Clock,
    limits: Limits,
    senders: Senders,
    bell: Bell,
    feed: Feed,
    standing: housekeeping::Standings,
}

/// The tasks behind a [`Dispatch`].
#[derive(Debug)]
pub struct Workers {
    tasks: Vec<JoinHandle<()>>,
    stop: CancellationToken,
}

impl Dispatch {
    /// Starts to hand on; `bell` is rung when something has been committed.
    #[must_use]
    pub fn start(
        store: Store,
        vault: Vault,
        clock: Clock,
        egress: Egress,
        limits: Limits,
        bell: Bell,
    ) -> (Self, Workers) {
        let senders = Senders::new(egress, limits.timeout);
        let (feed, standing) = (Feed::default(), housekeeping::Standings::default());
        let inner = Inner { store, vault, clock, limits, senders, bell, feed, standing };
        let dispatch = Self(Arc::new(inner));
        let stop = CancellationToken::new();
        let tasks = vec![
            tokio::spawn(run(dispatch.clone(), stop.clone())),
            tokio::spawn(feed::run(dispatch.clone(), stop.clone())),
            tokio::spawn(housekeeping::run(dispatch.clone(), stop.clone())),
        ];
        (dispatch, Workers { tasks, stop })
    }

    /// Says that something has been committed.
    pub fn ring(&self) {
        self.0.bell.ring();
    }

    /// Ends the live feeds: nobody reads them once we stop.
    pub fn hang_up(&self) {
        self.0.feed.hang_up();
    }

    /// Follows what happens from now on, or from the event at `after` on: a [`Follower`] is asked
    /// for one event after the other.
    pub async fn follow(
        &self,
        after: Option<i64>,
        filter: Settings,
    ) -> Result<Follower, FollowError> {
        feed::follow(self.clone(), after, filter).await
    }

    /// What calls sinks.
    #[must_use]
    pub fn senders(&self) -> &Senders {
        &self.0.senders
    }

    /// How each sink stood when it was last looked at.
    #[must_use]
    pub fn standing(&self) -> Vec<Standing> {
        self.0.standing.get()
    }
}

/// Makes a sink that gets what happens from now on.
pub async fn add(
    tx: &mut Tx,
    vault: &Vault,
    sink: &Sink,
    secrets: &Secrets,
) -> Result<(), StoreError> {
    let position = deliveries::lock(tx).await?;
    if !sinks::list(tx).await?.iter().any(Sink::gathers) {
        // Nobody wanted what has been told so far, and it is none of the new one's business.
        let tip = outbox::tip(tx, position).await?;
        deliveries::advance(tx, tip).await?;
    }
    sinks::insert(tx, vault, sink, secrets).await
}

impl Workers {
    /// Writes down what became of calls under way, as far as they end soon.
    pub async fn stop(self) {
        self.stop.cancel();
        for task in self.tasks {
            if let Err(error) = task.await {
                tracing::error!(%error, "a worker of dispatch broke down");
            }
        }
    }
}

/// One round after the other.
async fn run(dispatch: Dispatch, stop: CancellationToken) {
    let inner = &dispatch.0;
    let (done, mut settled) = mpsc::channel(1024);
    let mut rounds = round::Rounds::new(dispatch.clone(), done);
    let (mut results, mut ear) = (Vec::new(), inner.bell.ear());
    let mut rest = ROUND;
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            () = ear.heard() => {}
            Some(result) = settled.recv() => results.push(result),
            () = tokio::time::sleep(LOOK) => {}
        }
        // Whatever happens meanwhile is part of the round.
        tokio::time::sleep(rest).await;
        while let Ok(result) = settled.try_recv() {
            results.push(result);
        }
        let began = clock::instant();
        rounds.turn(&mut results, true).await;
        rest = clock::instant().saturating_duration_since(began).clamp(ROUND, LOOK);
    }
    let drained = async {
        while rounds.under_way() {
            let Some(result) = settled.recv().await else { return };
            results.push(result);
            while let Ok(result) = settled.try_recv() {
                results.push(result);
            }
            rounds.turn(&mut results, false).await;
        }
    };
    if tokio::time::timeout(DRAIN, drained).await.is_err() {
        tracing::warn!("calls to sinks are still under way; another instance takes them over");
    }
}
