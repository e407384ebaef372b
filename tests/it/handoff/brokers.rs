//! Brokers that go away under load and come back: every event, and without the repeats each once, in
//! order within its interaction.

use std::collections::BTreeSet;

use serde_json::Value;

use super::chaos::{SETTLING, all_events, fast_desk, hurry, in_order, load, scaled};
#[cfg(feature = "redis")]
use crate::support::Redis;
use crate::support::{Broker, Database, Stored, on_both, until_within};

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
