//! Brokers that go away under load and come back: every event, and without the repeats each once, in
//! order within its interaction.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tokio::{io::AsyncReadExt, net::TcpListener};
#[cfg(feature = "kafka")]
use tokio::{io::copy_bidirectional, net::TcpStream};

use super::chaos::{SETTLING, all_events, fast_desk, hurry, in_order, load, scaled};
#[cfg(feature = "amqp")]
use crate::support::Rabbit;
#[cfg(feature = "redis")]
use crate::support::Redis;
use crate::support::{Broker, Database, Stored, on_both, until_within};
#[cfg(feature = "kafka")]
use crate::support::{Desk, KAFKA_PASSWORD, Kafka, TestGateway};

/// The first of each id.
fn without_repeats(stored: Vec<Stored>) -> Vec<Stored> {
    let mut known = BTreeSet::new();
    stored.into_iter().filter(|stored| known.insert(stored.id.clone())).collect()
}

async fn survives(database: Database, mut broker: impl Broker) {
    let desk = fast_desk(&database).await;
    let (status, sink) = desk.call(None, "POST", "sinks", None, Some(broker.sink())).await;
    assert_eq!((status, &sink["secret"], &sink["login"]), (201, &Value::Null, &Value::Null));
    let (_, tested) = desk.call(None, "POST", "sinks/broker/test", None, None).await;
    assert_eq!(tested["ok"], true, "{tested}");
    let sent = load(&desk, async {
        scaled(60).await;
        broker.kill().await;
        scaled(300).await;
        for _ in 0..2 {
            broker.go_on().await;
            scaled(100).await;
            broker.kill().await;
            scaled(20).await;
        }
        broker.go_on().await;
    })
    .await;
    // The test's own event is one more.
    let expected = all_events(&desk).await + 1;
    let arrived =
        until_within(SETTLING, async || without_repeats(broker.stored().await).len() >= expected);
    let arrived = tokio::select! {
        arrived = arrived => arrived,
        () = hurry(&desk) => false,
    };
    let stored = broker.stored().await;
    let total = stored.len();
    let mut stored = without_repeats(stored);
    assert!(arrived && stored.len() == expected, "{} of {expected}", stored.len());
    println!(
        "{} messages, {} events, {} repeats",
        sent.iter().sum::<usize>(),
        stored.len(),
        total - stored.len()
    );
    for stored in &stored {
        assert_eq!(stored.body["id"], stored.id.as_str());
        assert_eq!(stored.body["type"], stored.event_type.as_str());
    }
    stored.retain(|stored| stored.event_type != "test");
    let bodies: Vec<_> = stored.into_iter().map(|stored| stored.body).collect();
    in_order(&bodies, &sent);
    desk.gateway.stop().await;
}

#[cfg(feature = "redis")]
on_both! {
    async fn redis_that_is_down_and_then_flaps_has_everything_in_order(database: Database) {
        survives(database, Redis::start().await).await;
    }
}

#[cfg(feature = "amqp")]
on_both! {
    async fn rabbitmq_that_is_down_and_then_flaps_has_everything_in_order(database: Database) {
        survives(database, Rabbit::start().await).await;
    }
}

#[cfg(feature = "amqp")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rabbitmq_says_what_is_missing() {
    let database = Database::sqlite();
    let desk = super::sinks::desk(&database).await;
    let rabbit = Rabbit::start().await;
    for (settings, said) in [
        (json!({"exchange": "nowhere"}), "no exchange 'nowhere'"),
        (json!({"routing_key": "nobody"}), "no queue takes what has the routing key `nobody`"),
        (json!({"exchange": "amq.topic"}), "no queue takes what has the routing key `test`"),
    ] {
        let mut sink = rabbit.sink();
        sink["settings"] = settings;
        let (status, made) = desk.call(None, "POST", "sinks", None, Some(sink)).await;
        assert_eq!(status, 201, "{made}");
        let (_, tested) = desk.call(None, "POST", "sinks/broker/test", None, None).await;
        assert!(tested["detail"].as_str().is_some_and(|detail| detail.contains(said)), "{tested}");
        let (status, _) = desk.call(None, "DELETE", "sinks/broker", None, None).await;
        assert_eq!(status, 204);
    }
    desk.gateway.stop().await;
}

#[cfg(feature = "kafka")]
on_both! {
    async fn kafka_that_is_down_and_then_flaps_has_everything_in_order(database: Database) {
        survives(database, Kafka::start()).await;
    }
}

#[cfg(feature = "kafka")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kafka_lets_in_who_has_the_password() {
    let database = Database::sqlite();
    let desk = super::sinks::desk(&database).await;
    let kafka = Kafka::start();
    for mechanism in ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] {
        for password in [KAFKA_PASSWORD, "fictional-password-0002"] {
            let mut sink = kafka.sink();
            sink["settings"] = json!({"sasl_mechanism": mechanism});
            sink["login"] = json!({"user": "frontdesk", "password": password});
            let (status, made) = desk.call(None, "POST", "sinks", None, Some(sink)).await;
            assert_eq!(status, 201, "{made}");
            let (_, tested) = desk.call(None, "POST", "sinks/broker/test", None, None).await;
            assert_eq!(tested["ok"], password == KAFKA_PASSWORD, "{mechanism}: {tested}");
            let (status, _) = desk.call(None, "DELETE", "sinks/broker", None, None).await;
            assert_eq!(status, 204);
        }
    }
    assert_eq!(kafka.stored().await.len(), 3);
    desk.gateway.stop().await;
}

/// Whoever is called may name anybody else: what may not be called is not told anything.
#[cfg(feature = "kafka")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn brokers_of_kafka_that_may_not_be_called_are_not() {
    let kafka = Kafka::start();
    let database = Database::sqlite();
    let gateway = TestGateway::with(&database, |config| {
        config.egress.allow = vec!["127.0.0.2/32".parse().expect("a network")];
    });
    let desk = Desk::at(gateway.await).await;
    let listener = TcpListener::bind("127.0.0.2:0").await.expect("a free port");
    let mut sink = kafka.sink();
    sink["url"] = format!("kafka://{}", listener.local_addr().expect("an address")).into();
    let broker = kafka.servers().split(',').next().expect("a broker").to_owned();
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let mut far = TcpStream::connect(&broker).await.expect("a connection");
            tokio::spawn(async move { copy_bidirectional(&mut near, &mut far).await });
        }
    });
    let (status, made) = desk.call(None, "POST", "sinks", None, Some(sink)).await;
    assert_eq!(status, 201, "{made}");
    let (_, tested) = desk.call(None, "POST", "sinks/broker/test", None, None).await;
    let said = tested["detail"].as_str().expect("a reason");
    assert!(said.contains("127.0.0.1") && said.contains("may not be called"), "{said}");
    assert!(kafka.stored().await.is_empty());
    desk.gateway.stop().await;
}

/// A server that nobody certified is not told anything: the client wants TLS of it, and is gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn brokers_are_spoken_to_by_tls_where_the_url_says_so() {
    let database = Database::sqlite();
    let desk = super::sinks::desk(&database).await;
    let sinks = [
        #[cfg(feature = "redis")]
        ("redis", "rediss", json!({})),
        #[cfg(feature = "amqp")]
        ("amqp", "amqps", json!({"routing_key": "frontdesk"})),
        #[cfg(feature = "kafka")]
        ("kafka", "kafka+ssl", json!({})),
    ];
    for (kind, scheme, settings) in sinks {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("{scheme}://{}", listener.local_addr().expect("an address"));
        let heard = tokio::spawn(async move {
            let mut heard = [0; 3];
            let (mut stream, _) = listener.accept().await.expect("a connection");
            stream.read_exact(&mut heard).await.expect("what is said first");
            heard
        });
        let new = json!({"id": kind, "kind": kind, "url": url, "settings": settings});
        let (status, made) = desk.call(None, "POST", "sinks", None, Some(new)).await;
        assert_eq!(status, 201, "{made}");
        let test = format!("sinks/{kind}/test");
        let (_, tested) = desk.call(None, "POST", &test, None, None).await;
        assert_eq!(tested["ok"], false, "{tested}");
        // RFC 8446, 5.1: a record of the type handshake, version 3.1.
        assert_eq!(heard.await.expect("a server"), [22, 3, 1], "{kind}: {tested}");
    }
    desk.gateway.stop().await;
}
