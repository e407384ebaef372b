//! Group commit: whatever waits becomes one transaction.
//!
//! Each committer has a thread and a runtime of its own. On the shared one, what the database answers
//! stands in line behind dozens of requests, once for every statement of a group.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use frontdesk_adapters::{Event, Outcome, Parsed};
use tokio::{
    runtime,
    sync::{Notify, mpsc, oneshot},
    task::{self, JoinHandle},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{IngestError, Lane, Limits, catalog, record};
use crate::{
    channels::Channel,
    db::{self, Checkpointer, Store, StoreError},
    messages::{self, NewRequest, RequestOutcome},
    outbox::Bell,
};

/// Events beyond which no further request joins a group.
const GROUP_EVENTS: usize = 2_000;
/// Requests of the slow lane that make one group, and that may wait: a provider's request waits for
/// one such group at most.
const SLOW_GROUP: usize = 16;
/// How often a group that failed for no fault of its own is tried.
const ATTEMPTS: u32 = 4;
/// How long recording a group may take. Providers wait no longer: they are told to come again.
const AT_MOST: Duration = Duration::from_secs(15);
/// How often SQLite's log is moved into the file.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(1);
/// Pages (of 4 KiB) beyond which the log starts over.
const LOG_PAGES: i64 = 16_384;

/// One event on its way into the database.
#[derive(Clone, Debug)]
pub(super) struct Arrived {
    /// Our id of the message or event; ids sort in order of arrival.
    pub id: Uuid,
    pub request_id: Uuid,
    /// Its place in the request.
    pub place: usize,
    pub channel: Arc<Channel>,
    pub our_address: String,
    pub key: String,
    /// The request it came in; an event in a batch is not copied out of it.
    pub parsed: Arc<Parsed>,
    pub received_at: i64,
    /// The parts it reminds of, if it is no event of a provider's.
    pub overdue: Option<Uuid>,
}

impl Arrived {
    pub fn event(&self) -> &Event {
        &self.parsed.events[self.place]
    }
}

/// A request, or the part of it that belongs to one committer.
#[derive(Debug)]
pub(super) struct Submission {
    /// The archive row, in one of the parts.
    pub request: Option<NewRequest>,
    pub events: Vec<Arrived>,
    reply: oneshot::Sender<Reply>,
}

/// Places in the request and what became of the events there.
type Reply = Result<Vec<(usize, Outcome)>, IngestError>;

impl Submission {
    pub fn new(
        request: Option<NewRequest>,
        events: Vec<Arrived>,
    ) -> (Self, oneshot::Receiver<Reply>) {
        let (reply, receiver) = oneshot::channel();
        (Self { request, events, reply }, receiver)
    }
}

/// The way to one committer.
#[derive(Debug)]
pub(super) struct Committer {
    sender: mpsc::Sender<Submission>,
    slow: mpsc::Sender<Submission>,
    /// Set when SQLite's log should start over between two groups.
    pub log_has_grown: Arc<AtomicBool>,
}

impl Committer {
    pub fn start(
        store: Store,
        catalog: catalog::Shared,
        limits: Limits,
        bell: Bell,
        queued: Arc<Notify>,
        stop: CancellationToken,
    ) -> io::Result<(Self, JoinHandle<()>)> {
        let (sender, receiver) = mpsc::channel(limits.queue);
        let (slow, slow_receiver) = mpsc::channel(SLOW_GROUP);
        let log_has_grown = Arc::new(AtomicBool::new(false));
        let run = Run {
            store,
            catalog,
            group: limits.group,
            bell,
            queued,
            log_has_grown: Arc::clone(&log_has_grown),
        };
        let mut runtime = runtime::Builder::new_current_thread();
        let runtime = match run.store {
            // Nothing comes through sockets, and who waits for them is woken by a call to the system.
            Store::Sqlite { .. } => runtime.enable_time().build()?,
            Store::Postgres(_) => runtime.enable_all().build()?,
        };
        let task = task::spawn_blocking(move || {
            runtime.block_on(async {
                let mut run = Run { store: run.store.of_its_own(), ..run };
                run.until_stopped(receiver, slow_receiver, stop).await;
                run.store.give_back().await;
            });
        });
        Ok((Self { sender, slow, log_has_grown }, task))
    }

    /// Hands over a submission. A provider is told when too many wait; nobody else is in a hurry.
    pub async fn submit(&self, submission: Submission, lane: Lane) -> Result<(), IngestError> {
        match lane {
            Lane::Live => self.sender.try_send(submission).map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => IngestError::Overloaded,
                mpsc::error::TrySendError::Closed(_) => IngestError::Stopping,
            }),
            Lane::Slow => self.slow.send(submission).await.map_err(|_| IngestError::Stopping),
        }
    }

    /// How many wait, and how many may.
    pub fn waiting(&self) -> (usize, usize) {
        let most = self.sender.max_capacity();
        (most - self.sender.capacity(), most)
    }

    /// Whether anybody takes what is handed over.
    pub fn is_working(&self) -> bool {
        !self.sender.is_closed()
    }
}

struct Run {
    store: Store,
    catalog: catalog::Shared,
    group: usize,
    bell: Bell,
    queued: Arc<Notify>,
    log_has_grown: Arc<AtomicBool>,
}

impl Run {
    async fn until_stopped(
        &mut self,
        mut receiver: mpsc::Receiver<Submission>,
        mut slow: mpsc::Receiver<Submission>,
        stop: CancellationToken,
    ) {
        let mut waiting = Vec::with_capacity(self.group);
        loop {
            tokio::select! {
                biased;
                count = receiver.recv_many(&mut waiting, self.group) => if count == 0 { return },
                // Nobody can hand over any more; what waits is still recorded, and what is in the
                // slow lane is told so and comes again.
                () = stop.cancelled(), if !receiver.is_closed() => {
                    receiver.close();
                    slow.close();
                    continue;
                }
                Some(first) = slow.recv(), if !receiver.is_closed() => {
                    let others = std::iter::from_fn(|| slow.try_recv().ok());
                    waiting.extend(std::iter::once(first).chain(others).take(SLOW_GROUP));
                }
            }
            metrics::histogram!("frontdesk_group_size").record(waiting.len() as f64);
            while !waiting.is_empty() {
                let rest = waiting.split_off(self.prefix(&waiting));
                self.commit(std::mem::replace(&mut waiting, rest)).await;
            }
            if self.log_has_grown.swap(false, Ordering::Relaxed)
                && let Err(error) = self.store.restart_log().await
            {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the log could not start over"
                );
            }
        }
    }

    /// How many of these make one group.
    fn prefix(&self, waiting: &[Submission]) -> usize {
        let mut events = 0;
        let fits = waiting.iter().take_while(|submission| {
            events += submission.events.len();
            events <= GROUP_EVENTS
        });
        fits.count().max(1)
    }

    /// Records a group. One that is refused is halved, until the poisonous request stands alone.
    async fn commit(&mut self, group: Vec<Submission>) {
        let mut groups = vec![group];
        let mut attempts = ATTEMPTS;
        while let Some(mut group) = groups.pop() {
            match self.try_commit(&group, attempts).await {
                Ok(outcomes) => {
                    for (submission, outcomes) in group.into_iter().zip(outcomes) {
                        // Nobody waits any more when a provider has hung up; it is recorded all the same.
                        let _ = submission.reply.send(Ok(outcomes));
                    }
                }
                // Whatever it was, the neighbors of whoever caused it must not pay for it.
                Err(StoreError::Refused(_) | StoreError::Failed(_) | StoreError::Exists)
                    if group.len() > 1 =>
                {
                    // The whole has had its chances. Halves get one each: a database that fails
                    // whatever it is given must not be tried for minutes.
                    attempts = 1;
                    let second = group.split_off(group.len() / 2);
                    groups.push(second);
                    groups.push(group);
                }
                Err(StoreError::Refused(error)) => self.isolate(group, &error).await,
                Err(error) => fail(group, &error),
            }
        }
    }

    async fn try_commit(
        &mut self,
        group: &[Submission],
        attempts: u32,
    ) -> Result<Vec<Vec<(usize, Outcome)>>, StoreError> {
        let mut attempt = 1;
        loop {
            let catalog = self.catalog.get();
            let result = async {
                let mut tx = self.store.begin().await?;
                let recorded = record::record(&mut tx, &catalog, group).await?;
                tx.commit().await?;
                Ok(recorded)
            };
            match db::within(AT_MOST, result).await {
                Ok(recorded) => {
                    self.bell.ring();
                    recorded.count();
                    self.queued.notify_one();
                    return Ok(recorded.outcomes);
                }
                // A deadlock, or a race lost twice: the next attempt sees the winner.
                Err(error @ (StoreError::Failed(_) | StoreError::Exists)) if attempt < attempts => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        attempt,
                        "group is tried again"
                    );
                    tokio::time::sleep(Duration::from_millis(10 << attempt)).await;
                    attempt += 1;
                }
                Err(error) => {
                    // Whatever became of that connection, nobody waits for it.
                    if matches!(error, StoreError::Unreachable(_)) {
                        self.store = self.store.of_its_own();
                    }
                    return Err(error);
                }
            }
        }
    }

    /// Archives the one request the database will not take, with the reason, and refuses it alone.
    async fn isolate(&self, group: Vec<Submission>, error: &sqlx::Error) {
        for mut submission in group {
            let reason = refusal(error);
            tracing::error!(reason, "the database refused a request; it is archived as failed");
            if let Some(request) = submission.request.take() {
                let request = NewRequest {
                    outcome: RequestOutcome::Failed.as_str(),
                    reason: Some(reason),
                    ..request
                };
                if let Err(error) = self.archive(request).await {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "nor could it be archived"
                    );
                }
            }
            let _ = submission.reply.send(Err(IngestError::Poisoned));
        }
    }

    async fn archive(&self, request: NewRequest) -> Result<(), StoreError> {
        let mut tx = self.store.begin().await?;
        messages::archive(&mut tx, vec![request]).await?;
        tx.commit().await
    }
}

fn fail(group: Vec<Submission>, error: &StoreError) {
    tracing::error!(
        error = error as &dyn std::error::Error,
        requests = group.len(),
        "a group could not be recorded"
    );
    for submission in group {
        let _ = submission.reply.send(Err(IngestError::Unavailable));
    }
}

/// The database's own word for why, without the values it complains about.
fn refusal(error: &sqlx::Error) -> String {
    match error.as_database_error() {
        Some(cause) => {
            let code = cause.code().unwrap_or_default().into_owned();
            let constraint =
                cause.constraint().map(|name| format!(", constraint {name}")).unwrap_or_default();
            format!("refused by the database (code {code}{constraint})")
        }
        None => "refused by the database".to_owned(),
    }
}

/// Moves SQLite's log into the file every second, away from the writer.
pub(super) fn checkpoint(
    mut checkpointer: Checkpointer,
    logs: Vec<Arc<AtomicBool>>,
    stop: CancellationToken,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(CHECKPOINT_EVERY) => {}
            }
            match checkpointer.run().await {
                Ok(pages) if pages > LOG_PAGES => {
                    logs.iter().for_each(|log| log.store(true, Ordering::Relaxed));
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "the log could not be moved"
                    );
                }
            }
        }
    })
}
