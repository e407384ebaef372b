//! From a webhook request to a recorded message.
//!
//! [`Ingest::accept`] verifies and parses on the caller's task, then hands the result to a
//! committer and waits: an answer exists only after the commit. A committer takes whatever waits
//! and records it as one transaction of set-based statements ([`record`]); while one commit is on
//! its way to the disk, the next group gathers, so nothing waits on purpose. Queues are bounded:
//! a full one is [`IngestError::Overloaded`].
//!
//! Senders are sharded over the committers by a hash, so that one sender's messages stay in order.
//! A request with several senders is recorded in one part per shard and answered when all are
//! durable; a retry after half of it failed finds the other half known.
//!
//! Nothing here knows about HTTP servers.

mod accept;
mod archive;
mod catalog;
mod commit;
mod keys;
mod overdue;
mod preview;
mod record;
mod replay;
mod target;

use std::{net::IpAddr, num::NonZeroUsize, sync::Arc};

pub use catalog::Catalog;
use frontdesk_adapters::{Answer, Refusal, Request, Timestamp};
pub use replay::{Again, Difference, Proof};
pub use target::{channel_at, own_target};
use tokio::{sync::Notify, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    clock::Clock,
    db::{Store, StoreError},
    egress::Egress,
    messages::RequestOutcome,
    outbox::Bell,
    vault::Vault,
};

/// How much may wait, and how long.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Requests that may wait for one committer.
    pub queue: usize,
    /// Requests that are recorded as one group.
    pub group: usize,
    /// Committers on PostgreSQL; by itself as many as gain there.
    pub committers: Option<NonZeroUsize>,
    /// Seconds that parts of a longer text wait for the rest.
    pub parts_seconds: u32,
    /// Refused requests that are kept; beyond that the oldest are forgotten.
    pub refused: i64,
}

/// How providers' keys are fetched.
#[derive(Clone, Debug)]
pub struct Calls {
    /// The way out.
    pub egress: Egress,
    /// Where their documents are found instead, below their host's name.
    pub mirror: Option<String>,
}

/// Who is waiting for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lane {
    /// A provider.
    Live,
    /// Nobody: it can wait for everybody else.
    Slow,
}

/// Takes webhook requests and records what they say.
#[derive(Clone, Debug)]
pub struct Ingest(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    vault: Vault,
    clock: Clock,
    catalog: catalog::Shared,
    committers: Vec<commit::Committer>,
    archive: archive::Archive,
    keys: Arc<keys::Keys>,
    parts_seconds: u32,
    bell: Bell,
}

/// Why a request was not recorded. The edge decides what each costs.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// No channel answers at this address.
    #[error("no channel answers at this address")]
    UnknownChannel,
    /// Nothing proves that the provider sent it.
    #[error("the request was refused")]
    Refused(#[source] Refusal),
    /// Too much waits already.
    #[error("too many requests are waiting")]
    Overloaded,
    /// The database cannot take it now.
    #[error("the message could not be recorded")]
    Unavailable,
    /// The database will not take it, now or later; it is archived.
    #[error("the message was refused by the database and archived")]
    Poisoned,
    /// The keys that would prove it could not be fetched.
    #[error("the provider's keys could not be fetched")]
    NoKeys,
    /// The gateway is stopping.
    #[error("the gateway is stopping")]
    Stopping,
    /// The channel's account cannot be opened, so nothing can be verified.
    #[error("the channel cannot be used until its secrets can be opened")]
    ChannelUnusable,
}

/// What came of a request.
#[derive(Clone, Debug)]
pub struct Receipt {
    /// What the provider hears.
    pub answer: Answer,
    /// What the archive says; `None` for a handshake, which is not archived.
    pub outcome: Option<RequestOutcome>,
    /// How many events it brought.
    pub events: usize,
    /// How many of them were known already.
    pub duplicates: usize,
}

impl Receipt {
    fn of_handshake(answer: Answer) -> Self {
        Self { answer, outcome: None, events: 0, duplicates: 0 }
    }
}

/// The tasks behind an [`Ingest`]. They end once it is stopped and what waits is recorded.
#[derive(Debug)]
pub struct Workers {
    committers: Vec<JoinHandle<()>>,
    others: Vec<JoinHandle<()>>,
    stop: CancellationToken,
}

impl Ingest {
    /// Starts the committers over a store whose schema is up to date. `queued` is rung whenever
    /// something may have been put into a queue.
    pub async fn start(
        store: Store,
        vault: Vault,
        clock: Clock,
        limits: Limits,
        calls: Calls,
        queued: Arc<Notify>,
    ) -> Result<(Self, Workers), StoreError> {
        let stop = CancellationToken::new();
        let bell = Bell::default();
        let catalog = catalog::Shared::load(&store, &vault).await?;
        let mut committers = Vec::new();
        let mut tasks = Vec::new();
        for _ in 0..store.committers(limits.committers) {
            let (committer, task) = commit::Committer::start(
                store.clone(),
                catalog.clone(),
                limits,
                bell.clone(),
                Arc::clone(&queued),
                stop.clone(),
            )
            .map_err(|error| StoreError::Failed(error.into()))?;
            committers.push(committer);
            tasks.push(task);
        }
        let (archive, archiving) = archive::Archive::start(store.clone(), limits, stop.clone());
        let mut others = vec![archiving];
        others.push(catalog::watch(store.clone(), vault.clone(), catalog.clone(), stop.clone()));
        if let Some(checkpointer) = store.checkpointer().await? {
            let logs = committers.iter().map(|committer| committer.log_has_grown.clone()).collect();
            others.push(commit::checkpoint(checkpointer, logs, stop.clone()));
        }
        let inner = Arc::new(Inner {
            parts_seconds: limits.parts_seconds,
            store,
            vault,
            keys: Arc::new(keys::Keys::new(calls.egress, calls.mirror, clock.clone())),
            clock,
            catalog,
            committers,
            archive,
            bell,
        });
        others.push(overdue::watch(Arc::clone(&inner), stop.clone()));
        let ingest = Self(inner);
        Ok((ingest, Workers { committers: tasks, others, stop }))
    }

    /// Verifies, parses and records a request for `channel`, and says what its provider hears.
    ///
    /// Returns only after what the request brought is durable.
    pub async fn accept(&self, channel: &str, request: Request) -> Result<Answer, IngestError> {
        self.accept_from(channel, request, None).await
    }

    /// As [`Ingest::accept`], for a channel that may ask where a request comes from.
    pub async fn accept_from(
        &self,
        channel: &str,
        request: Request,
        peer: Option<IpAddr>,
    ) -> Result<Answer, IngestError> {
        let now = self.0.clock.now();
        let incoming = accept::Incoming { request, now, lane: Lane::Live, peer };
        Ok(accept::accept(&self.0, channel, incoming).await?.answer)
    }

    /// As [`Ingest::accept`], at another time and behind everybody else, and tells what came of it.
    pub async fn accept_at(
        &self,
        channel: &str,
        request: Request,
        now: Timestamp,
    ) -> Result<Receipt, IngestError> {
        accept::accept(&self.0, channel, accept::Incoming::again(request, now)).await
    }

    /// Takes a request from the archive in once more, and records it only if it says something new.
    pub async fn replay(
        &self,
        channel: &str,
        request: Request,
        now: Timestamp,
    ) -> Result<Receipt, IngestError> {
        replay::replay(&self.0, channel, request, now).await
    }

    /// Tells what would come of a request and records nothing.
    pub async fn preview(
        &self,
        channel: &str,
        request: Request,
        now: Timestamp,
    ) -> Result<(Receipt, Vec<Difference>), IngestError> {
        replay::differences(&self.0, channel, request, now).await
    }

    /// The channels and routes in force.
    #[must_use]
    pub fn catalog(&self) -> Arc<Catalog> {
        self.0.catalog.get()
    }

    /// Takes up changes of channels and routes now, instead of within a second.
    pub async fn refresh(&self) -> Result<(), StoreError> {
        self.0.catalog.refresh(&self.0.store, &self.0.vault).await
    }

    /// Is rung after every commit: there may be something to tell.
    #[must_use]
    pub fn bell(&self) -> Bell {
        self.0.bell.clone()
    }

    /// The most requests that wait for a committer, and how many may.
    #[must_use]
    pub fn backlog(&self) -> (usize, usize) {
        let waiting = self.0.committers.iter().map(commit::Committer::waiting);
        waiting.max_by_key(|(waiting, _)| *waiting).unwrap_or((0, 0))
    }

    /// Whether every committer is there to take what comes.
    #[must_use]
    pub fn is_working(&self) -> bool {
        self.0.committers.iter().all(commit::Committer::is_working)
    }
}

impl Workers {
    /// Records what waits, then ends. Requests that come later are refused as stopping.
    pub async fn stop(self) {
        self.stop.cancel();
        for task in self.committers.into_iter().chain(self.others) {
            if let Err(error) = task.await {
                tracing::error!(%error, "a worker broke down");
            }
        }
    }
}
