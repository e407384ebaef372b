//! The database is full, silent, or not ours to change: what is told, and that it goes on by itself.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use frontdesk::db::{Store, StoreError, Tx};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};

use crate::support::{Database, TestGateway, requests::sms, until_within};

/// As SQLite does where the disk is full.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_sqlite_rolls_back_by_itself_keeps_nobody_from_writing() {
    let database = Database::sqlite();
    let gateway = TestGateway::start(&database).await;
    gateway.execute("create table once (x integer unique)").await;
    let again = "insert or rollback into once (x) values (1)";
    gateway.execute(again).await;
    let mut tx = gateway.store.begin().await.expect("a transaction");
    let Tx::Sqlite(connection) = &mut tx else { panic!("SQLite") };
    sqlx::query(again).execute(&mut **connection).await.expect_err("there is one already");
    assert!(tx.rollback().await.is_err(), "there is nothing left to roll back");
    gateway.accept(sms("+12125550101", "SM1", "afterwards")).await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_cut_off_without_a_word_is_told_and_goes_on() {
    let mut database = Database::postgres().await;
    let relay = Relay::start(&database.url).await;
    database.url.clone_from(&relay.url);
    let gateway = TestGateway::start(&database).await;
    gateway.accept(sms("+12125550101", "SM0", "before")).await;
    // What the first message left to do in the background is done, so the next commit is a message's.
    tokio::time::sleep(Duration::from_secs(4)).await;
    relay.fall_silent_at_commit();
    let told = gateway.send(sms("+12125550101", "SM1", "meanwhile")).await;
    assert_eq!(told.status, 503, "{told:?}");
    let again = async || gateway.send(sms("+12125550101", "SM1", "meanwhile")).await.is_success();
    assert!(until_within(Duration::from_secs(40), again).await, "new connections stand");
    relay.line.fall_silent();
    tokio::time::timeout(Duration::from_secs(40), gateway.stop()).await.expect("it leaves");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_database_is_set_up_while_others_begin() {
    let database = Database::postgres().await;
    let starting = (0..6_u64).map(|n| {
        let url = database.url.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(n * 40)).await;
            let store = Store::open(&url, 2).await.expect("a database");
            let prepared = store.prepare().await;
            store.close().await;
            prepared
        })
    });
    let starting: Vec<_> = starting.collect();
    for one in starting {
        one.await.expect("no panic").expect("a schema");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_write_is_not_told_that_nobody_answers() {
    let database = Database::postgres().await;
    let store = Store::open(&database.url, 2).await.expect("a database");
    store.prepare().await.expect("a schema");
    let Store::Postgres(pool) = &store else { panic!("PostgreSQL") };
    let mut tx = pool.begin().await.expect("a transaction");
    for sql in ["set local role pg_read_all_data", "delete from dedupe where false"] {
        if let Err(error) = sqlx::query(sql).execute(&mut *tx).await {
            let error = StoreError::from(error);
            assert!(matches!(error, StoreError::Failed(_)), "{error:?}");
            return;
        }
    }
    panic!("it was allowed");
}

/// Stands between a gateway and PostgreSQL, and can stop passing on whatever is connected then.
struct Relay {
    url: String,
    line: Arc<Line>,
}

#[derive(Default)]
struct Line {
    /// How often it has fallen silent: whoever connected before that hears nothing more.
    silences: AtomicUsize,
    /// Whether it falls silent at the next commit.
    at_commit: AtomicBool,
}

impl Line {
    fn fall_silent(&self) {
        self.silences.fetch_add(1, Ordering::SeqCst);
    }
}

impl Relay {
    async fn start(url: &str) -> Self {
        let (login, rest) = url.split_once('@').expect("a user");
        let (server, name) = rest.split_once('/').expect("a database");
        let server: SocketAddr = server.parse().expect("an address");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("{login}@{}/{name}", listener.local_addr().expect("an address"));
        let line = Arc::new(Line::default());
        let shared = Arc::clone(&line);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let line = Arc::clone(&shared);
                tokio::spawn(async move {
                    let server = TcpStream::connect(server).await.expect("PostgreSQL");
                    let since = line.silences.load(Ordering::SeqCst);
                    let (from_client, to_client) = client.into_split();
                    let (from_server, to_server) = server.into_split();
                    tokio::join!(
                        line.pass(from_client, to_server, since),
                        line.pass(from_server, to_client, since)
                    );
                });
            }
        });
        Self { url, line }
    }

    /// At the next commit whoever is connected hears nothing more; whoever connects later does.
    fn fall_silent_at_commit(&self) {
        self.line.at_commit.store(true, Ordering::SeqCst);
    }
}

impl Line {
    async fn pass(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf, since: usize) {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(count @ 1..) = from.read(&mut buffer).await {
            let bytes = &buffer[..count];
            let commits = bytes.windows(6).any(|word| word == b"COMMIT");
            if commits && self.at_commit.swap(false, Ordering::SeqCst) {
                self.fall_silent();
            }
            if self.silences.load(Ordering::SeqCst) != since {
                // Neither an answer nor an end.
                std::future::pending::<()>().await;
            }
            if to.write_all(bytes).await.is_err() {
                return;
            }
        }
    }
}
