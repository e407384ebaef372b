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
    config::{self, Config, Retention},
    db::{MigrateError, OpenError, Store, StoreError, sqlite_file},
    dispatch::{self, Dispatch},
    egress::Egress,
    ingest::{Calls, Ingest, Limits, Workers},
    retention, routing, search, timers,
    vault::{Vault, VaultError},
    webhooks,
};

/// How long requests under way may take once the gateway is told to stop.
const DRAIN: Duration = Duration::from_secs(20);
/// How long everything may take from then on, whatever the database does. What is not recorded by then
/// was not acknowledged.
const LEAVE: Duration = Duration::from_secs(25);
/// How often what was timed is sorted into its buckets.
const TIDY_EVERY: Duration = Duration::from_secs(5);

/// What takes requests in, and nothing else: what a command needs that works beside a gateway, or
/// before one is started. Queues, sinks, timers and the search index are a gateway's business.
#[derive(Debug)]
pub struct Intake {
    /// Where everything is kept.
    pub store: Store,
    /// Opens channels' secrets.
    pub vault: Vault,
    /// Takes requests.
    pub ingest: Ingest,
    egress: Egress,
    workers: Workers,
}

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
    dispatch: Dispatch,
    dispatching: dispatch::Workers,
    tidying: JoinHandle<()>,
    background: Background,
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

/// The vault with the key that `config` names, or with one beside the SQLite database, which is
/// made when it is not there.
pub fn open_vault(config: &Config) -> Result<Vault, AppError> {
    if let Some(vault) = find_vault(config)? {
        return Ok(vault);
    }
    let database = sqlite_file(&config.database.url).ok_or(AppError::NoKey)?;
    Ok(Vault::from_file_or_new(&database.with_extension("key"))?)
}

/// The vault with the key there is; `None` where one would be made beside the SQLite database.
pub fn find_vault(config: &Config) -> Result<Option<Vault>, AppError> {
    if let Some(key) = &config.secrets.key {
        return Ok(Some(Vault::from_base64(key.expose())?));
    }
    if let Some(path) = &config.secrets.key_file {
        return Ok(Some(Vault::from_file(path)?));
    }
    let database = sqlite_file(&config.database.url).ok_or(AppError::NoKey)?;
    match Vault::from_file(&database.with_extension("key")) {
        Err(VaultError::Missing(_)) => Ok(None),
        read => Ok(Some(read?)),
    }
}

impl Intake {
    /// Opens the database, makes sure of the default queue and starts the committers.
    pub async fn build(config: &Config, clock: Clock) -> Result<Self, AppError> {
        Self::build_for(config, clock, &Waker::default()).await
    }

    async fn build_for(config: &Config, clock: Clock, waker: &Waker) -> Result<Self, AppError> {
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
        let egress = Egress::new(&config.egress.allow);
        let calls = Calls { egress: egress.clone(), mirror: config.egress.mirror.clone() };
        let (ingest, workers) =
            Ingest::start(store.clone(), vault.clone(), clock, limits, calls, waker.bell()).await?;
        Ok(Self { store, vault, egress, ingest, workers })
    }

    /// Finishes what is under way.
    pub async fn stop(self) {
        self.workers.stop().await;
        self.store.close().await;
    }
}

impl App {
    /// Builds everything a gateway has, around its intake.
    pub async fn build(config: &Config, clock: Clock) -> Result<Self, AppError> {
        let waker = Waker::default();
        let Intake { store, vault, egress, ingest, workers } =
            Intake::build_for(config, clock.clone(), &waker).await?;
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
        let (dispatch, dispatching) = Dispatch::start(
            store.clone(),
            vault.clone(),
            clock.clone(),
            egress,
            handoff_limits(config.handoff),
            ingest.bell(),
        );
        let webhooks =
            webhooks::router(ingest.clone(), clock.clone(), &config.http, config.public_url());
        let background = Background::start(config, &store, &clock);
        let measures = Measures::install();
        let tidying = tokio::spawn(tidy(measures.clone()));
        let api = api::router(api::Parts {
            store: store.clone(),
            vault: vault.clone(),
            ingest: ingest.clone(),
            waker,
            dispatch: dispatch.clone(),
            clock,
            measures,
            public_url: config.public_url(),
            telephony: config.desk.telephony,
            wrap_up_limit: config.timers.wrap_up_limit(),
            local: config.http.listen.ip().is_loopback(),
        });
        let router = api::identified(webhooks.merge(api));
        Ok(Self {
            store,
            vault,
            ingest,
            workers,
            assigner,
            dispatch,
            dispatching,
            tidying,
            background,
            router,
        })
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
        let dispatch = self.dispatch;
        let stopping = CancellationToken::new();
        let told = stopping.clone();
        let service = self.router.into_make_service_with_connect_info::<SocketAddr>();
        // An answer is one small packet: nothing is gained by waiting for more to send with it.
        let listener = listener.tap_io(|connection| drop(connection.set_nodelay(true)));
        let serving = axum::serve(listener, service).with_graceful_shutdown(async move {
            stop.await;
            told.cancel();
            dispatch.hang_up();
        });
        let mut serving = tokio::spawn(serving.into_future());
        let told_to_leave = stopping.clone();
        let leaving = tokio::spawn(async move {
            told_to_leave.cancelled().await;
            tokio::time::sleep(LEAVE).await;
        });
        let result = tokio::select! {
            result = &mut serving => result,
            () = async { stopping.cancelled().await; tokio::time::sleep(DRAIN).await } => {
                tracing::warn!("requests are still under way; stopping all the same");
                serving.abort();
                Ok(Ok(()))
            }
        };
        self.tidying.abort();
        let finishing = async {
            self.background.end().await;
            self.workers.stop().await;
            self.assigner.stop().await;
            self.dispatching.stop().await;
            self.store.close().await;
        };
        tokio::select! {
            () = finishing => {}
            _ = leaving => tracing::warn!("the database does not let go; stopping all the same"),
        }
        result.map_err(io::Error::other)?
    }

    /// Finishes what is under way without ever having served.
    pub async fn stop(self) {
        self.tidying.abort();
        self.background.end().await;
        self.workers.stop().await;
        self.assigner.stop().await;
        self.dispatching.stop().await;
        self.store.close().await;
    }
}

fn handoff_limits(handoff: config::Handoff) -> dispatch::Limits {
    dispatch::Limits {
        timeout: Duration::from_secs(handoff.timeout_seconds.get().into()),
        keep: Duration::from_secs(60 * u64::from(handoff.keep_minutes)),
    }
}

/// What this instance does beside answering.
#[derive(Debug)]
struct Background {
    stop: CancellationToken,
    tasks: Vec<(&'static str, JoinHandle<()>)>,
}

impl Background {
    fn start(config: &Config, store: &Store, clock: &Clock) -> Self {
        let stop = CancellationToken::new();
        let mut tasks = vec![("search", search::keep_up(store.clone(), stop.clone()))];
        let settings = config.timers;
        let limits = timers::Limits { idle: settings.idle(), wrap_up: settings.wrap_up_limit() };
        let every = Duration::from_secs(u64::from(settings.every_seconds));
        if !every.is_zero() {
            let task = timers::start(store.clone(), clock.clone(), limits, every, stop.clone());
            tasks.push(("timers", task));
        }
        let kept = config.retention;
        let days = |days: u32| (days > 0).then_some(days);
        let limits = retention::Limits {
            requests: days(kept.requests_days),
            refused: days(kept.refused_days),
            dedupe: days(kept.dedupe_days).map(|days| days.max(Retention::LEAST_DEDUPE_DAYS)),
            events: days(kept.events_days),
            messages: days(kept.messages_days),
            audit: days(kept.audit_days),
            archive: days(kept.archive_days),
        };
        let task = retention::start(store.clone(), clock.clone(), limits, stop.clone());
        tasks.push(("retention", task));
        Self { stop, tasks }
    }

    /// Finishes what is being done.
    async fn end(self) {
        self.stop.cancel();
        for (worker, task) in self.tasks {
            if let Err(error) = task.await {
                tracing::error!(worker, %error, "a worker broke down");
            }
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
