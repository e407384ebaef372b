//! The live feed: what happens, as it happens, to whoever follows.
//!
//! While somebody follows, one reader per instance reads the outbox behind the horizon and passes
//! each event on, made once for all. Whoever comes back first gets what was missed from the database,
//! up to where the reader stands. Whoever is too slow is let go: nobody waits for anybody.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::{Notify, broadcast, watch};
use tokio_util::sync::CancellationToken;

use super::{
    Dispatch, ROUND,
    bodies::{self, About},
    events,
};
use crate::{
    db::{self, StoreError, Tx},
    deliveries, interactions,
    outbox::{self, Horizon, Row},
    routing,
    sinks::Settings,
};

/// Events a follower may be behind.
const BEHIND: usize = 1024;
/// Rows that are read at once.
const PAGE: i64 = 200;
/// How often the reader looks by itself.
const LOOK: Duration = Duration::from_millis(200);

/// An event for followers.
#[derive(Debug)]
pub struct Fed {
    /// What a follower comes back with.
    pub position: i64,
    /// Its type.
    pub event_type: &'static str,
    /// Its JSON.
    pub json: Vec<u8>,
    channel: Option<String>,
    queue: Option<String>,
}

/// Who follows, and how far the reader is.
#[derive(Debug)]
pub(super) struct Feed {
    sender: Mutex<Option<broadcast::Sender<Arc<Fed>>>>,
    /// The last row that was passed on; `None` while nobody follows.
    position: watch::Sender<Option<i64>>,
    called: Notify,
}

impl Default for Feed {
    fn default() -> Self {
        let sender = Mutex::new(Some(broadcast::Sender::new(BEHIND)));
        Self { sender, position: watch::Sender::new(None), called: Notify::new() }
    }
}

/// Why nobody can follow.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// What came next is not kept any more, or no such event was ever told here.
    #[error("what came after that event is not known here")]
    Gone,
    /// The gateway is stopping.
    #[error("the gateway is stopping")]
    Stopping,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a follower hears.
#[derive(Debug)]
pub enum Heard {
    /// An event.
    Event(Arc<Fed>),
    /// It was too slow and is let go; it may come back with the last position it has.
    TooSlow,
    /// The feed is over: the gateway stops, or the database is away.
    Over,
}

/// Somebody who follows.
#[derive(Debug)]
pub struct Follower {
    dispatch: Dispatch,
    filter: Settings,
    /// Nothing up to this position is wanted.
    after: i64,
    /// Whatever is wanted up to this position has been heard…
    heard: i64,
    /// …and this is what the follower knows of it.
    known: Option<i64>,
    /// Rows after this one are still to be read from the database…
    read: i64,
    /// …up to this one. What comes later is passed on.
    until: i64,
    page: VecDeque<Arc<Fed>>,
    live: broadcast::Receiver<Arc<Fed>>,
}

impl Feed {
    pub fn hang_up(&self) {
        self.sender.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.called.notify_one();
    }

    /// A receiver, and the row after which it receives; `None` while the reader is not there yet.
    fn join(&self) -> Result<(broadcast::Receiver<Arc<Fed>>, Option<i64>), FollowError> {
        let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
        let sender = sender.as_ref().ok_or(FollowError::Stopping)?;
        Ok((sender.subscribe(), *self.position.borrow()))
    }

    /// Passes events on; says whether anybody is left.
    fn pass_on(&self, events: Vec<Fed>, position: i64) -> bool {
        let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(sender) = sender.as_ref() else { return false };
        for event in events {
            // Nobody is left to hear it: that is found out below.
            let _ = sender.send(Arc::new(event));
        }
        let followed = sender.receiver_count() > 0;
        self.position.send_replace(followed.then_some(position));
        followed
    }
}

/// Reads for all who follow.
pub(super) async fn run(dispatch: Dispatch, stop: CancellationToken) {
    let (inner, mut ear) = (&dispatch.0, dispatch.0.bell.ear());
    while !stop.is_cancelled() {
        tokio::select! {
            () = inner.feed.called.notified() => {}
            () = stop.cancelled() => return,
        }
        let mut horizon = Horizon::default();
        let mut position = None;
        loop {
            let passing = pass_on(&dispatch, &mut horizon, &mut position);
            match db::in_time(passing).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    let cause = &error as &dyn std::error::Error;
                    tracing::warn!(error = cause, "the live feed goes on later");
                }
            }
            tokio::select! {
                () = ear.heard() => tokio::time::sleep(ROUND).await,
                () = tokio::time::sleep(LOOK) => {}
                () = stop.cancelled() => return,
            }
        }
    }
}

/// Passes on what is new; says whether anybody follows.
async fn pass_on(
    dispatch: &Dispatch,
    horizon: &mut Horizon,
    position: &mut Option<i64>,
) -> Result<bool, StoreError> {
    let inner = &dispatch.0;
    loop {
        let mut tx = inner.store.begin_read().await?;
        let from = match *position {
            Some(position) => position,
            // Rows up to here have been dealt out, so none of them is missing.
            None => deliveries::position(&mut tx).await?,
        };
        let rows = horizon.read(&mut tx, from, PAGE).await?;
        let (count, last) = (rows.len(), rows.last().map_or(from, |row| row.seq));
        let fed = feed(&mut tx, rows).await?;
        tx.rollback().await?;
        *position = Some(last);
        let followed = inner.feed.pass_on(fed, last);
        if !followed || i64::try_from(count).unwrap_or(PAGE) < PAGE {
            return Ok(followed);
        }
    }
}

/// The events of rows, with all that filters ask for.
async fn feed(tx: &mut Tx, rows: Vec<Row>) -> Result<Vec<Fed>, StoreError> {
    let mut events = events::of(tx, rows).await?;
    events::look_for_channels(tx, &mut events).await?;
    let about = |event: &events::Event| About {
        id: event.id,
        event_type: event.event_type,
        interaction_id: event.interaction_id,
        record_id: event.record_id,
        created_at: event.created_at,
    };
    let about: Vec<_> = events.iter().map(about).collect();
    let bodies = bodies::of(tx, &about).await?;
    let mut interactions: Vec<_> = events.iter().filter_map(|event| event.interaction_id).collect();
    interactions.sort_unstable();
    interactions.dedup();
    let channels = interactions::store::channels_of(tx, &interactions).await?;
    let queues: HashMap<_, _> = routing::store::queues_of(tx, &interactions).await?;
    let fed = |(event, json): (events::Event, Vec<u8>)| {
        let of = event.interaction_id;
        let channel = event.channel_id.or_else(|| channels.get(&of?)?.clone());
        let queue = of.and_then(|id| queues.get(&id).cloned());
        let (position, event_type) = (event.position, event.event_type);
        Fed { position, event_type, json, channel, queue }
    };
    Ok(events.into_iter().zip(bodies).map(fed).collect())
}

pub(super) async fn follow(
    dispatch: Dispatch,
    after: Option<i64>,
    filter: Settings,
) -> Result<Follower, FollowError> {
    let feed = &dispatch.0.feed;
    let (live, until) = loop {
        let (live, position) = feed.join()?;
        if let Some(position) = position {
            break (live, position);
        }
        let mut began = feed.position.subscribe();
        feed.called.notify_one();
        // The receiver is kept meanwhile: the reader goes when nobody follows.
        if began.wait_for(Option::is_some).await.is_err() {
            return Err(FollowError::Stopping);
        }
    };
    // The row of a position is half of it; a row may stand for two events.
    let known = after;
    let read = after.map_or(until, |after| after.saturating_sub(1).div_euclid(2).max(0));
    let missed = read < until;
    let ahead = after.is_some_and(|after| after.div_euclid(2) > until);
    if missed || ahead {
        let mut tx = dispatch.0.store.begin_read().await?;
        // Another instance's reader may be ahead of ours, but nobody's of what there is.
        let told = !ahead || outbox::newest(&mut tx).await? >= after.unwrap_or(0).div_euclid(2);
        let kept = !missed || outbox::is_kept(&mut tx, read).await?;
        tx.rollback().await?;
        if !told || !kept {
            return Err(FollowError::Gone);
        }
    }
    let after = after.unwrap_or_else(|| last_of(until));
    let page = VecDeque::new();
    Ok(Follower { dispatch, filter, after, heard: after, known, read, until, page, live })
}

/// The last position that a row may have.
fn last_of(row: i64) -> i64 {
    row * 2 + 1
}

impl Follower {
    /// Where to come back to, if that has changed since the follower was last told: by an event, or
    /// by this.
    pub fn place(&mut self) -> Option<i64> {
        let moved = self.known.is_none_or(|known| known < self.heard);
        moved.then(|| *self.known.insert(self.heard))
    }

    /// The next event that is wanted. Whoever stops waiting for it misses nothing.
    pub async fn next(&mut self) -> Heard {
        loop {
            let event = if let Some(event) = self.page.pop_front() {
                event
            } else if self.read < self.until {
                if let Err(error) = self.catch_up().await {
                    let cause = &error as &dyn std::error::Error;
                    tracing::warn!(error = cause, "a follower of the live feed is let go");
                    return Heard::Over;
                }
                continue;
            } else {
                match self.live.recv().await {
                    // Passed on while this follower came, and read from the database already.
                    Ok(event) if event.position.div_euclid(2) <= self.until => continue,
                    Ok(event) => event,
                    Err(broadcast::error::RecvError::Lagged(_)) => return Heard::TooSlow,
                    Err(broadcast::error::RecvError::Closed) => return Heard::Over,
                }
            };
            let Fed { position, event_type, channel, queue, .. } = &*event;
            self.heard = self.heard.max(*position);
            if *position > self.after
                && self.filter.want(event_type, channel.as_deref(), queue.as_deref())
            {
                self.known = Some(*position);
                return Heard::Event(event);
            }
        }
    }

    /// Reads a page of what was missed. Nothing is missing there: the reader has passed it.
    async fn catch_up(&mut self) -> Result<(), StoreError> {
        let mut tx = self.dispatch.0.store.begin_read().await?;
        let mut rows = outbox::after(&mut tx, self.read, PAGE).await?;
        rows.retain(|row| row.seq <= self.until);
        let read = rows.last().map_or(self.until, |row| row.seq);
        let fed = feed(&mut tx, rows).await?;
        tx.rollback().await?;
        // Both or neither: whoever waits for us may stop waiting at any `await`.
        self.read = read;
        self.page.extend(fed.into_iter().map(Arc::new));
        Ok(())
    }
}
