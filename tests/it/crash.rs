//! Killed twenty times under load: what was acknowledged is there, once.

use std::{
    collections::BTreeSet,
    env,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use frontdesk::clock;
use frontdesk_adapters::{Timestamp, fixture};
use tokio::sync::watch;

use crate::support::{
    Database, Program, TestGateway, client, fixture_channels, on_both, requests::sms, rows,
    try_send,
};

const KILLS: usize = 20;
const SENDERS: u64 = 24;
const POSTING: u64 = 32;

on_both! {
    async fn killed_under_load_it_keeps_what_it_acknowledged_once(database: Database) {
        // Channels and schema, as an operator would have made them.
        TestGateway::start(&database).await.stop().await;
        let mut random = Random::from_seed_or_entropy();
        let program = Program::new(&database.url);
        let (running, up) = watch::channel(false);
        let acknowledging = Arc::new(AtomicUsize::new(0));
        let posting: Vec<_> = (0..POSTING)
            .map(|poster| {
                tokio::spawn(post(poster, program.address, up.clone(), acknowledging.clone()))
            })
            .collect();

        let mut errors = Vec::new();
        let mut warnings = 0;
        for _ in 0..KILLS {
            let child = program.start().await;
            running.send_replace(true);
            // Only a program that has acknowledged something has something to lose.
            let before = acknowledging.load(Ordering::Relaxed);
            let loaded = async {
                while acknowledging.load(Ordering::Relaxed) == before {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            };
            tokio::time::timeout(Duration::from_secs(20), loaded).await.expect("some load");
            tokio::time::sleep(Duration::from_millis(random.below(400))).await;
            let said = child.kill();
            running.send_replace(false);
            warnings += said.iter().filter(|line| line.contains("WARN")).count();
            errors.extend(said.into_iter().filter(|line| line.contains("ERROR")));
        }
        drop(running);
        let mut acknowledged = BTreeSet::new();
        for poster in posting {
            acknowledged.extend(poster.await.expect("no panic"));
        }
        let said = program.start().await.kill();
        errors.extend(said.into_iter().filter(|line| line.contains("ERROR")));
        assert_eq!(errors, Vec::<String>::new());
        assert!(acknowledged.len() >= KILLS, "hardly any load: {}", acknowledged.len());

        let store = database.open().await;
        let count = async |rest: &str| {
            let count: Vec<(i64,)> = rows(&store, &format!("select count(*) from {rest}")).await;
            count[0].0
        };
        let stored: Vec<(String,)> =
            rows(&store, "select provider_message_id from messages order by 1").await;
        let distinct: BTreeSet<String> = stored.iter().map(|(id,)| id.clone()).collect();
        println!(
            "{} acknowledged, {} stored, {warnings} warnings", acknowledged.len(), stored.len()
        );
        assert_eq!(distinct.len(), stored.len(), "a message is there twice");
        let lost: Vec<_> = acknowledged.difference(&distinct).collect();
        assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
        // Every sender has one profile, one conversation, one place in the queue.
        let senders = count("(select distinct value from profiles) p").await;
        for table in ["profiles", "interactions", "work_items"] {
            assert_eq!(count(table).await, senders, "{table}");
        }
        for whole in ["outbox where type = 'message.received'", "dedupe", "requests where events = 1 \
            and duplicates = 0"] {
            assert_eq!(count(whole).await, stored.len() as i64, "{whole}");
        }
    }
}

/// Posts one message after the other, each until it is acknowledged, as providers do; ends once the
/// program will not be started again, and says what was acknowledged.
async fn post(
    poster: u64,
    address: SocketAddr,
    mut up: watch::Receiver<bool>,
    acknowledging: Arc<AtomicUsize>,
) -> Vec<String> {
    let client = client();
    let channels = fixture_channels();
    let channel = channels.iter().find(|channel| channel.id == "twilio-main").expect("a channel");
    let epoch = Timestamp::from_millis(0).expect("the epoch");
    let mut acknowledged = Vec::new();
    for n in 0.. {
        let id = format!("SM-{poster}-{n}");
        let sender = format!("+1212555{:04}", (n * POSTING + poster) % SENDERS);
        loop {
            if up.wait_for(|up| *up).await.is_err() {
                return acknowledged;
            }
            let mut message = sms(&sender, &id, "hello");
            message = fixture::signed(message, channel.adapter, &channel.account, epoch)
                .expect("a signed request");
            let sent = try_send(&client, address, message).await;
            if sent.is_ok_and(|reply| reply.is_success()) {
                acknowledged.push(id);
                acknowledging.fetch_add(1, Ordering::Relaxed);
                break;
            }
        }
    }
    acknowledged
}

/// Numbers that a failing run can be repeated with (xorshift).
struct Random(u64);

impl Random {
    fn from_seed_or_entropy() -> Self {
        let given = env::var("FRONTDESK_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(|| u64::from_ne_bytes(clock::random_bytes()));
        println!("FRONTDESK_TEST_SEED={seed}");
        Self(seed.max(1))
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}
