//! Sinks that go away under load and come back, and instances that are killed: every event once by
//! its id, in order within its interaction.
//!
//! Time runs fifty times as fast for the gateway: ten minutes of silence take twelve seconds.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use frontdesk_adapters::{Timestamp, fixture};
use serde_json::{Value, json};

use super::{
    receiver::Receiver,
    sinks::{allow_loopback, hook},
};
use crate::support::{
    Database, Desk, Nats, Program, TestGateway, client, fixture_channels, on_both, requests::sms,
    rows, try_send, until_within,
};

const SENDERS: usize = 25;
/// How long everything may take to arrive once the sink is well again.
pub(super) const SETTLING: Duration = Duration::from_secs(240);

/// A desk whose clock runs fast, and keeps what was told.
pub(super) async fn fast_desk(database: &Database) -> Desk {
    let gateway = TestGateway::with(database, |config| {
        allow_loopback(config);
        config.handoff.keep_minutes = 1_000_000;
    });
    Desk::at(gateway.await).await
}

/// Lets time run fast and messages come in until `end`; returns how many came from each sender.
pub(super) async fn load(desk: &Desk, end: impl Future<Output = ()>) -> Vec<usize> {
    let over = AtomicBool::new(false);
    let loading = async {
        let mut sent = vec![0; SENDERS];
        for n in 0.. {
            if over.load(Ordering::Relaxed) {
                break;
            }
            let sender: usize = n % SENDERS;
            let text = format!("{}", sent[sender]);
            desk.accept(sms(&phone(sender), &format!("SM-{n}"), &text)).await;
            sent[sender] += 1;
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        sent
    };
    let ending = async {
        end.await;
        over.store(true, Ordering::Relaxed);
    };
    let loaded = async { tokio::join!(loading, ending).0 };
    tokio::select! {
        () = hurry(desk) => unreachable!("time does not end"),
        sent = loaded => sent,
    }
}

/// Time, fifty times as fast.
pub(super) async fn hurry(desk: &Desk) {
    loop {
        tokio::time::sleep(Duration::from_millis(20)).await;
        desk.pass(1);
    }
}

fn phone(sender: usize) -> String {
    format!("+1212555{sender:04}")
}

pub(super) async fn scaled(seconds: u64) {
    tokio::time::sleep(Duration::from_millis(seconds * 20)).await;
}

/// How many events there are to tell: a message is one, and what it did to its interaction another.
pub(super) async fn all_events(desk: &Desk) -> usize {
    let rows = desk.gateway.count("outbox").await;
    let doubled = desk.gateway.count("outbox where type = 'message.received'").await;
    usize::try_from(rows + doubled).expect("a count")
}

/// Each event once, and each sender's messages in the order they were sent.
pub(super) fn in_order(accepted: &[Value], sent: &[usize]) {
    let ids: BTreeSet<_> = accepted.iter().map(|body| body["id"].to_string()).collect();
    assert_eq!(ids.len(), accepted.len(), "an event was accepted twice");
    let mut lanes: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
    for body in accepted {
        if let Some(phone) = body["data"]["profile"]["value"].as_str()
            && body["type"] != "profile.created"
        {
            lanes.entry(phone.to_owned()).or_default().push(body);
        }
    }
    for (sender, sent) in sent.iter().enumerate() {
        let lane = lanes.remove(&phone(sender)).unwrap_or_default();
        let of = |name: &str| -> Vec<&str> {
            let bodies = lane.iter().filter(|body| body["type"] == name);
            bodies.filter_map(|body| body["data"]["message"]["text"].as_str()).collect()
        };
        let expected: Vec<_> = (0..*sent).map(|n| n.to_string()).collect();
        assert_eq!(of("message.received"), expected, "sender {sender}");
        assert_eq!(of("interaction.opened").len(), usize::from(*sent > 0));
        assert_eq!(
            lane.first()
                .map_or("interaction.opened", |body| body["type"].as_str().expect("a type")),
            "interaction.opened"
        );
    }
}

on_both! {
    async fn a_webhook_that_is_down_and_then_flaps_hears_everything_once_in_order(database: Database) {
        let desk = fast_desk(&database).await;
        let receiver = Receiver::start().await;
        hook(&desk, "crm", &receiver.url(), json!({})).await;
        let (down, heard) = (Arc::new(AtomicBool::new(false)), AtomicU64::new(0));
        let is_down = Arc::clone(&down);
        receiver.answer(move |_| match heard.fetch_add(1, Ordering::Relaxed) {
            _ if is_down.load(Ordering::Relaxed) => 503,
            n if n % 7 == 3 => 500,
            _ => 204,
        });
        let sent = load(&desk, async {
            scaled(60).await;
            down.store(true, Ordering::Relaxed);
            scaled(600).await;
            for flap in 0..10 {
                down.store(flap % 2 == 1, Ordering::Relaxed);
                scaled(20).await;
            }
            down.store(false, Ordering::Relaxed);
        }).await;
        let expected = all_events(&desk).await;
        let arrived = until_within(SETTLING, async || receiver.accepted_count() >= expected);
        let arrived = tokio::select! {
            arrived = arrived => arrived,
            () = hurry(&desk) => false,
        };
        let accepted: Vec<_> = receiver.accepted().into_iter().map(|heard| heard.body).collect();
        println!("{} messages, {} events, {} calls", sent.iter().sum::<usize>(), accepted.len(),
            receiver.heard().len());
        assert!(arrived && accepted.len() == expected, "{} of {expected}", accepted.len());
        in_order(&accepted, &sent);
        desk.gateway.stop().await;
    }

    async fn a_stream_that_is_down_and_then_flaps_has_everything_once_in_order(database: Database) {
        let desk = fast_desk(&database).await;
        let mut nats = Nats::start().await;
        nats.make_stream("EVENTS").await;
        let new = json!({"id": "stream", "kind": "nats", "url": nats.url()});
        let (status, sink) = desk.call(None, "POST", "sinks", None, Some(new)).await;
        assert_eq!((status, &sink["secret"]), (201, &Value::Null), "{sink}");
        let (_, tested) = desk.call(None, "POST", "sinks/stream/test", None, None).await;
        assert_eq!(tested["ok"], true, "{tested}");
        let sent = load(&desk, async {
            scaled(60).await;
            nats.kill();
            scaled(600).await;
            for _ in 0..3 {
                nats.go_on().await;
                scaled(100).await;
                nats.kill();
                scaled(20).await;
            }
            nats.go_on().await;
        }).await;
        // The test's own event is one more.
        let expected = all_events(&desk).await + 1;
        let arrived = until_within(SETTLING, async || {
            nats.count("EVENTS").await >= u64::try_from(expected).expect("a count")
        });
        let arrived = tokio::select! {
            arrived = arrived => arrived,
            () = hurry(&desk) => false,
        };
        let mut stored = nats.messages("EVENTS").await;
        assert!(arrived && stored.len() == expected, "{} of {expected}", stored.len());
        println!("{} messages, {} events", sent.iter().sum::<usize>(), stored.len());
        stored.retain(|message| message.subject != "frontdesk.test");
        for message in &stored {
            assert_eq!(message.body["id"], message.id.as_str());
            assert_eq!(message.subject, format!("frontdesk.{}", message.body["type"].as_str().expect("text")));
        }
        let bodies: Vec<_> = stored.into_iter().map(|message| message.body).collect();
        in_order(&bodies, &sent);
        desk.gateway.stop().await;
    }
}

/// How often the second instance is killed.
const KILLS: usize = 20;
/// A lease lasts twice the time that a sink may take.
const TIMEOUT_SECONDS: u64 = 1;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_that_is_killed_in_the_middle_loses_nothing_and_nothing_overtakes() {
    let database = Database::postgres().await;
    let receiver = Receiver::start().await;
    receiver.take(Duration::from_millis(40));
    let desk = fast_desk(&database).await;
    hook(&desk, "crm", &receiver.url(), json!({})).await;
    desk.gateway.stop().await;
    let timeout = TIMEOUT_SECONDS.to_string();
    let program = || {
        Program::new(&database.url)
            .with("FRONTDESK__EGRESS__ALLOW", "127.0.0.0/8")
            .with("FRONTDESK__HANDOFF__TIMEOUT_SECONDS", &timeout)
            .with("FRONTDESK__LOG__FILTER", "info")
    };
    let (stays, dies) = (program(), program());
    let staying = stays.start().await;
    let store = database.open().await;
    let count = async |rest: &str| -> i64 {
        rows::<(i64,)>(&store, &format!("select count(*) from {rest}")).await[0].0
    };

    let over = Arc::new(AtomicBool::new(false));
    let posting = tokio::spawn(post(stays.address, Arc::clone(&over)));
    let mut in_hand = 0;
    let mut longest = Duration::ZERO;
    for _ in 0..KILLS {
        let dying = dies.start().await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        dying.kill();
        // Whatever it had in hand is taken over when its leases run out.
        let died = frontdesk::clock::Clock::system().now().as_millis();
        let began = std::time::Duration::from_millis(u64::try_from(died).expect("a time"));
        let left = format!(
            "deliveries where leased_until is not null and leased_until <= {}",
            died + 2_000 * i64::try_from(TIMEOUT_SECONDS).expect("seconds")
        );
        in_hand += count(&left).await;
        let free = until_within(Duration::from_secs(20), async || count(&left).await == 0).await;
        assert!(free, "leases were never taken over");
        let now = frontdesk::clock::Clock::system().now().as_millis();
        longest = longest.max(Duration::from_millis(u64::try_from(now).expect("a time")) - began);
    }
    over.store(true, Ordering::Relaxed);
    let sent = posting.await.expect("no panic");
    let expected = count("outbox").await + count("outbox where type = 'message.received'").await;
    let expected = usize::try_from(expected).expect("a count");
    let arrived = until_within(SETTLING, async || receiver.accepted_count() >= expected).await;
    let accepted: Vec<_> = receiver.accepted().into_iter().map(|heard| heard.body).collect();
    println!(
        "{} messages, {} events, {} calls; {in_hand} events in hand at {KILLS} kills, taken over \
         within {longest:?}",
        sent.iter().sum::<usize>(),
        accepted.len(),
        receiver.heard().len()
    );
    assert!(arrived && accepted.len() == expected, "{} of {expected}", accepted.len());
    assert!(longest < Duration::from_secs(2 * TIMEOUT_SECONDS + 8), "{longest:?}");
    in_order(&accepted, &sent);
    let said = staying.stop();
    let errors: Vec<_> = said.iter().filter(|line| line.contains("ERROR")).collect();
    assert!(errors.is_empty(), "{errors:?}");
}

/// Posts one message after the other until it is over; returns how many came from each sender.
async fn post(address: std::net::SocketAddr, over: Arc<AtomicBool>) -> Vec<usize> {
    let client = client();
    let channels = fixture_channels();
    let channel = channels.iter().find(|channel| channel.id == "twilio-main").expect("a channel");
    let epoch = Timestamp::from_millis(0).expect("the epoch");
    let mut sent = vec![0_usize; SENDERS];
    let mut n = 0;
    while !over.load(Ordering::Relaxed) {
        let sender = n % SENDERS;
        let message = sms(&phone(sender), &format!("SM-{n}"), &sent[sender].to_string());
        let message = fixture::signed(message, channel.adapter, &channel.account, epoch);
        let reply = try_send(&client, address, message.expect("a signed request")).await;
        assert!(reply.expect("an answer").is_success());
        sent[sender] += 1;
        n += 1;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    sent
}
