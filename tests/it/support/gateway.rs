//! A whole gateway on a free loopback port, with one channel per provider.

use std::{
    fs,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use frontdesk::{
    app::App,
    channels::{self, Channel, Settings},
    clock::Clock,
    config::Config,
    db::{Record, Store, StoreError, Tx},
    ingest::Ingest,
    profiles::people::{self, NewPerson, PersonKind},
    routing::{self, Queue, QueueSettings, Route},
    timers::{Limits, Sweeper, Swept},
    vault::Vault,
};
use frontdesk_adapters::{Method, Request, Secret, Timestamp, fixture};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    database::{self, Database},
    http::{Reply, client, send, until},
};

/// The address providers know.
pub const PUBLIC_URL: &str = "https://desk.example";

/// 32 zero bytes in base64.
pub const SECRETS_KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

/// A running gateway.
pub struct TestGateway {
    /// The gateway's own connections.
    pub store: Store,
    /// Its intake.
    pub ingest: Ingest,
    /// Where it listens.
    pub address: SocketAddr,
    client: reqwest::Client,
    vault: Vault,
    now: Arc<AtomicI64>,
    stop: CancellationToken,
    serving: JoinHandle<std::io::Result<()>>,
}

impl TestGateway {
    /// A gateway as it comes.
    pub async fn start(database: &Database) -> Self {
        Self::with(database, |_| {}).await
    }

    /// A gateway so many minutes later.
    pub async fn later(database: &Database, minutes: i64) -> Self {
        let now = now().as_millis() + minutes * 60_000;
        let now = Timestamp::from_millis(now).expect("a time");
        Self::build(database, |_| {}, hands(now)).await
    }

    /// A gateway with other settings.
    pub async fn with(database: &Database, change: impl FnOnce(&mut Config)) -> Self {
        Self::build(database, change, hands(now())).await
    }

    async fn build(
        database: &Database,
        change: impl FnOnce(&mut Config),
        now: Arc<AtomicI64>,
    ) -> Self {
        let mut config = Config::default();
        config.database.url.clone_from(&database.url);
        config.database.max_connections = 6;
        config.http.public_url = Some(PUBLIC_URL.to_owned());
        config.secrets.key = Some(Secret::new(SECRETS_KEY));
        // Whoever tests timers says when they are looked at.
        config.timers.every_seconds = 0;
        change(&mut config);
        let hands = Arc::clone(&now);
        let clock = Clock::told_by(move || time(&hands));
        let app = App::build(&config, clock).await.expect("a gateway");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (store, vault, ingest) = (app.store.clone(), app.vault.clone(), app.ingest.clone());
        let stop = CancellationToken::new();
        let serving = tokio::spawn(app.run(listener, stop.clone().cancelled_owned()));
        let client = client();
        let gateway = Self { store, ingest, address, client, vault, now, stop, serving };
        for channel in fixture_channels() {
            if gateway.ingest.catalog().channel(&channel.id).is_none() {
                gateway.insert(&channel).await;
            }
        }
        gateway.ingest.refresh().await.expect("channels that load");
        gateway
    }

    /// Does what is due by now. What somebody works on at the moment is left for the next round, so
    /// it takes several until there is nothing to look at.
    pub async fn sweep(&self) -> Swept {
        let settings = frontdesk::config::Timers::default();
        let limits = Limits { idle: settings.idle(), wrap_up: settings.wrap_up_limit() };
        let mut sweeper = Sweeper::new(self.store.clone(), limits);
        let mut all = Swept::default();
        for _ in 0..50 {
            let now = time(&self.now).as_millis();
            let swept = sweeper.sweep(now).await.expect("a sweep");
            all.looked_at += swept.looked_at;
            all.fired += swept.fired;
            if swept.looked_at == 0 {
                break;
            }
        }
        all
    }

    /// Lets so many seconds pass, and does what is due by then.
    pub async fn pass_and_sweep(&self, seconds: i64) -> Swept {
        self.pass(seconds);
        self.sweep().await
    }

    /// Goes by the clock of another gateway.
    pub async fn beside(database: &Database, other: &Self) -> Self {
        Self::build(database, |_| {}, Arc::clone(&other.now)).await
    }

    /// Lets so many seconds pass.
    pub fn pass(&self, seconds: i64) {
        self.now.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    /// Lets the clock show the real time, for others who have a clock of their own.
    pub fn set_to_real_time(&self) {
        self.now.store(Clock::system().now().as_millis(), Ordering::SeqCst);
    }

    /// Adds a channel and takes it up.
    pub async fn add_channel(&self, id: &str, provider: &str, address: &str, account: Value) {
        self.add_channel_with(id, provider, address, account, Settings::default()).await;
    }

    /// Adds a channel that behaves in its own way.
    pub async fn add_channel_with(
        &self,
        id: &str,
        provider: &str,
        address: &str,
        account: Value,
        settings: Settings,
    ) {
        let channel = Channel::new(id, provider, address, &account, settings, 0);
        self.insert(&channel.expect("a channel")).await;
        self.ingest.refresh().await.expect("channels that load");
    }

    async fn insert(&self, channel: &Channel) {
        let mut tx = self.store.begin().await.expect("a transaction");
        match channels::insert(&mut tx, &self.vault, channel).await {
            Ok(()) => tx.commit().await.expect("a commit"),
            // Another instance was quicker.
            Err(StoreError::Exists) => tx.rollback().await.expect("a rollback"),
            Err(error) => panic!("{error:?}"),
        }
    }

    /// Enters a person into the directory.
    pub async fn add_person(&self, kind: PersonKind, name: &str, phones: &[&str]) -> Uuid {
        let person = NewPerson {
            kind,
            name: name.to_owned(),
            email: None,
            phones: phones.iter().map(|phone| (*phone).to_owned()).collect(),
            external_id: None,
            active: true,
        };
        let mut tx = self.store.begin().await.expect("a transaction");
        let person = people::insert(&mut tx, &person, 0).await.expect("a person");
        tx.commit().await.expect("a commit");
        person.id
    }

    /// Makes a queue and a route to it, and takes both up.
    pub async fn add_route(&self, position: i64, queue: &str, when: Value) {
        let row = Queue {
            id: queue.to_owned(),
            name: queue.to_owned(),
            is_default: false,
            settings: QueueSettings::default(),
            created_at: 0,
            changed_at: 0,
            version: 1,
        };
        let route = Route {
            id: format!("to-{queue}"),
            position,
            queue: queue.to_owned(),
            priority: position,
            skills: Vec::new(),
            when: serde_json::from_value(when).expect("conditions"),
            active: true,
            created_at: 0,
            changed_at: 0,
            version: 1,
        };
        let mut tx = self.store.begin().await.expect("a transaction");
        routing::store::put_queue(&mut tx, &row).await.expect("a queue");
        routing::store::insert_route(&mut tx, &route).await.expect("a route");
        tx.commit().await.expect("a commit");
        self.ingest.refresh().await.expect("routes that load");
    }

    /// Keeps every gateway on `database` from recording anything until the answer is rolled back.
    pub async fn hold(database: &Database) -> Tx {
        let mut tx = database.open().await.begin().await.expect("a transaction");
        match &mut tx {
            // There is one writer, and now it is ours.
            Tx::Sqlite(_) => {}
            Tx::Postgres(tx) => {
                let lock = sqlx::query("lock table dedupe in access exclusive mode");
                lock.execute(&mut **tx).await.expect("a lock");
            }
        }
        tx
    }

    /// Waits until a committer has a group in hand and is held with it.
    pub async fn stuck(&self) {
        let is_stuck = async || match &self.store {
            Store::Sqlite { write, .. } => write.num_idle() == 0,
            Store::Postgres(_) => {
                let waiting = "pg_stat_activity where datname = current_database() \
                    and wait_event_type = 'Lock'";
                self.count(waiting).await > 0
            }
        };
        assert!(until(is_stuck).await, "no committer is held");
    }

    /// Waits until so many requests wait for a committer.
    pub async fn backlog_of(&self, waiting: usize) {
        let reached = until(async || self.ingest.backlog().0 == waiting).await;
        assert!(reached, "{:?} requests wait, expected {waiting}", self.ingest.backlog());
    }

    /// Waits until so many requests are archived.
    pub async fn archived(&self, requests: i64) {
        let archived = until(async || self.count("requests").await == requests).await;
        assert!(archived, "{} requests are archived", self.count("requests").await);
    }

    /// The channel that a request's address names.
    pub fn channel_of(&self, request: &Request) -> Arc<Channel> {
        let id = request.url.split('/').nth(4).unwrap_or_default();
        let id = id.split('?').next().unwrap_or_default();
        let catalog = self.ingest.catalog();
        Arc::clone(catalog.channel(id).unwrap_or_else(|| panic!("no channel {id}")))
    }

    /// Signs a request as its provider would and sends it.
    pub async fn send(&self, request: Request) -> Reply {
        let channel = self.channel_of(&request);
        let signed = fixture::signed(request, channel.adapter, &channel.account, time(&self.now));
        self.send_as_it_is(signed.expect("a signed request")).await
    }

    /// Sends a request without signing it.
    pub async fn send_as_it_is(&self, request: Request) -> Reply {
        send(&self.client, self.address, request).await
    }

    /// Asks for a page.
    pub async fn get(&self, path: &str) -> Reply {
        let url = format!("{PUBLIC_URL}{path}");
        self.send_as_it_is(Request::new(Method::Get, url, Vec::new(), Vec::new())).await
    }

    /// Sends a request and expects a success.
    pub async fn accept(&self, request: Request) -> Reply {
        let reply = self.send(request).await;
        assert!(reply.is_success(), "{reply:?}");
        reply
    }

    /// The rows of a query.
    pub async fn rows<T: Record>(&self, sql: &str) -> Vec<T> {
        database::rows(&self.store, sql).await
    }

    /// The texts of a query's one column.
    pub async fn texts(&self, sql: &str) -> Vec<String> {
        let rows: Vec<(Option<String>,)> = self.rows(sql).await;
        rows.into_iter().map(|(text,)| text.unwrap_or_else(|| "null".to_owned())).collect()
    }

    /// How many rows `rest` has, as in `messages where …`.
    pub async fn count(&self, rest: &str) -> i64 {
        let rows: Vec<(i64,)> = self.rows(&format!("select count(*) from {rest}")).await;
        rows[0].0
    }

    /// Runs statements behind the gateway's back.
    pub async fn execute(&self, sql: &str) {
        database::execute(&self.store, sql).await;
    }

    /// Finishes what is under way.
    pub async fn stop(self) {
        self.stop.cancel();
        drop(self.client);
        self.serving.await.expect("no panic").expect("a clean end");
    }
}

/// The channels of `fixtures/*/account.json`.
pub fn fixture_channels() -> Vec<Channel> {
    let channel = |provider: &str, json: &Value| {
        let text = |name: &str| json[name].as_str().unwrap_or_default();
        let settings = Settings::default();
        Channel::new(text("id"), provider, text("address"), &json["account"], settings, 0)
            .unwrap_or_else(|error| panic!("fixtures/{provider}/account.json: {error}"))
    };
    let of_provider = |provider: &'static str| {
        let file = database::fixtures().join(provider).join("account.json");
        let text = fs::read_to_string(&file).expect("an account");
        let json: Value = serde_json::from_str(&text).expect("JSON");
        let channels = fixture::channels(&json).iter();
        channels.map(|json| channel(provider, json)).collect::<Vec<_>>()
    };
    let adapters = frontdesk_adapters::providers::ALL.iter();
    adapters.flat_map(|adapter| of_provider(adapter.provider)).collect()
}

/// The account of a Twilio channel.
pub fn twilio_account() -> Value {
    json!({
        "account_sid": "AC00000000000000000000000000000001",
        "auth_token": "0123456789abcdef0123456789abcdef",
    })
}

fn hands(now: Timestamp) -> Arc<AtomicI64> {
    Arc::new(AtomicI64::new(now.as_millis()))
}

fn time(hands: &AtomicI64) -> Timestamp {
    Timestamp::from_millis(hands.load(Ordering::SeqCst)).expect("a time")
}

/// The time at which the fixtures arrive.
fn now() -> Timestamp {
    Timestamp::parse_rfc3339("2026-01-01T00:00:10.000Z").expect("a time")
}
