//! Wiring: build, run, drain, stop. The only place that knows everything.

use std::{future::Future, io, net::SocketAddr, time::Duration};

use axum::{Router, serve::ListenerExt};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

pub use crate::api::document;
use crate::{
    api::{self, Measures},
    assign::{Assigner, Rules, Waker},
    clock::Clock,
    config::Config,
    db::{MigrateError, OpenError, Store, StoreError, sqlite_file},
    egress::Egress,
    ingest::{Calls, Ingest, Limits, Workers},
    routing, search,
    vault::{Vault, VaultError},
    webhooks,
};

/// How long requests under way may take once the gateway is told to stop.
const DRAIN: Duration = Duration::from_secs(20);
/// How often what was timed is sorted into its buckets.
const TIDY_EVERY: Duration = Duration::from_secs(5);

/// A gateway that has everything it needs, and listens nowhere yet.
#[derive(Debug)]
pub struct App {
    /// Where everything is kept.
    pub store: Store,
    /// Seals secrets.
    pub vault: Vault,
    /// Takes requests.
    pub ingest: Ingest,
    workers: Workers,
    assigner: Assigner,
    tidying: JoinHandle<()>,
    searching: Searching,
    router: Router,
}

/// Why the gateway could not be built.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The database.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Its schema.
    #[error(transparent)]
    Migrate(#[from] MigrateError),
    /// The secrets key.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// No secrets key, on a database several instances share.
    #[error(
        "PostgreSQL needs FRONTDESK__SECRETS__KEY, the same for every instance; `openssl rand -base64 32` makes one"
    )]
    NoKey,
    /// The database, once it is open.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Opens the store that `config` names, with its schema up to date.
pub async fn open_store(config: &Config) -> Result<Store, AppError> {
    let store = Store::open(&config.database.url, config.database.max_connections).await?;
    store.prepare().await?;
    Ok(store)
}

/// The vault with the key that `config` names, or with one beside the SQLite database.
pub fn open_vault(config: &Config) -> Result<Vault, AppError> {
    if let Some(key) = &config.secrets.key {
        return Ok(Vault::from_base64(key.expose())?);
    }
    if let Some(path) = &config.secrets.key_file {
        return Ok(Vault::from_file(path)?);
    }
    let database = sqlite_file(&config.database.url).ok_or(AppError::NoKey)?;
    Ok(Vault::from_file(&database.with_extension("key"))?)
}

impl App {
    /// Opens the database, makes sure of the default queue and starts the committers.
    pub async fn build(config: &Config, clock: Clock) -> Result<Self, AppError> {
        let vault = open_vault(config)?;
        let store = open_store(config).await?;
        ensure_default_queue(&store, &clock).await?;
        let limits = Limits {
            queue: config.ingest.queue,
            group: config.ingest.group,
            committers: config.ingest.committers,
            refused: config.ingest.refused,
            parts_seconds: config.ingest.parts_seconds,
        };
        let calls = Calls {
            egress: Egress::new(&config.egress.allow),
            mirror: config.egress.mirror.clone(),
        };
        let waker = Waker::default();
        let (ingest, workers) =
            Ingest::start(store.clone(), vault.clone(), clock.clone(), limits, calls, waker.bell())
                .await?;
        let assigner = Assigner::start(
            store.clone(),
            clock.clone(),
            Rules {
                away_after_timeout: config.routing.away_after_timeout,
                reassign_when_offline: config.routing.reassign_when_offline,
            },
            Duration::from_secs(config.routing.sweep_seconds.get()),
            &waker,
        );
        let webhooks =
            webhooks::router(ingest.clone(), clock.clone(), &config.http, config.public_url());
        let stop = CancellationToken::new();
        let task = search::keep_up(store.clone(), stop.clone());
        let searching = Searching { task, stop };
        let measures = Measures::install();
        let tidying = tokio::spawn(tidy(measures.clone()));
        let api = api::router(api::Parts {
            store: store.clone(),
            vault: vault.clone(),
            ingest: ingest.clone(),
            waker,
            clock,
            measures,
            public_url: config.public_url(),
            telephony: config.desk.telephony,
            local: config.http.listen.ip().is_loopback(),
        });
        let router = api::identified(webhooks.merge(api));
        Ok(Self { store, vault, ingest, workers, assigner, tidying, searching, router })
    }

    /// Everything it answers, for serving it in another way.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// Serves on `listener` until `stop`, then finishes what is under way.
    pub async fn run(
        self,
        listener: TcpListener,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let stopping = CancellationToken::new();
        let told = stopping.clone();
        let service = self.router.into_make_service_with_connect_info::<SocketAddr>();
        // An answer is one small packet: nothing is gained by waiting for more to send with it.
        let listener = listener.tap_io(|connection| drop(connection.set_nodelay(true)));
        let serving = axum::serve(listener, service).with_graceful_shutdown(async move {
            stop.await;
            told.cancel();
        });
        let mut serving = tokio::spawn(serving.into_future());
        let result = tokio::select! {
            result = &mut serving => result,
            () = async { stopping.cancelled().await; tokio::time::sleep(DRAIN).await } => {
                tracing::warn!("requests are still under way; stopping all the same");
                serving.abort();
                Ok(Ok(()))
            }
        };
        self.tidying.abort();
        self.searching.end().await;
        self.workers.stop().await;
        self.assigner.stop().await;
        self.store.close().await;
        result.map_err(io::Error::other)?
    }

    /// Finishes what is under way without ever having served.
    pub async fn stop(self) {
        self.tidying.abort();
        self.searching.end().await;
        self.workers.stop().await;
        self.assigner.stop().await;
        self.store.close().await;
    }
}

/// What keeps the search index up.
#[derive(Debug)]
struct Searching {
    task: JoinHandle<()>,
    stop: CancellationToken,
}

impl Searching {
    async fn end(self) {
        self.stop.cancel();
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the search index's worker broke down");
        }
    }
}

/// Keeps what was timed since the last scrape from piling up.
async fn tidy(measures: Measures) {
    loop {
        tokio::time::sleep(TIDY_EVERY).await;
        measures.tidy();
    }
}

async fn ensure_default_queue(store: &Store, clock: &Clock) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    let queues = routing::store::queues(&mut tx).await?;
    if !queues.iter().any(|queue| queue.is_default) {
        let now = clock.now().as_millis();
        let queue = routing::Queue {
            id: routing::DEFAULT_QUEUE.to_owned(),
            name: "Unrouted".to_owned(),
            is_default: true,
            settings: routing::QueueSettings::default(),
            created_at: now,
            changed_at: now,
            version: 1,
        };
        match routing::store::put_queue(&mut tx, &queue).await {
            // Another instance makes it at this moment.
            Err(StoreError::Exists) => return tx.rollback().await,
            made => made?,
        }
    }
    tx.commit().await
}
