//! PostgreSQL gives places in the outbox out before the commit: whoever holds an early one open is
//! waited for, and nothing behind it is passed over. SQLite has one writer, and no such places.

use frontdesk::{
    clock,
    db::{Store, Tx},
    outbox::{self, EventType, Horizon, NewEvent},
};
use serde_json::json;
use uuid::Uuid;

use super::{
    receiver::Receiver,
    sinks::{desk, hook},
};
use crate::support::{Database, cluster, requests::sms, rows, until};

/// A transaction that has written an event and is still open, and the event's id.
async fn held(store: &Store, event: EventType, interaction: Uuid) -> (Tx, Uuid) {
    let mut tx = store.begin().await.expect("a transaction");
    let event = NewEvent::new(event, Some(interaction), interaction, 0);
    let id = event.id;
    outbox::enqueue(&mut tx, vec![event]).await.expect("an event");
    (tx, id)
}

async fn committed(store: &Store) -> Uuid {
    let (tx, id) = held(store, EventType::InteractionChanged, clock::new_id()).await;
    tx.commit().await.expect("a commit");
    id
}

/// What is read after a place, and the place up to which it was.
async fn read(horizon: &mut Horizon, store: &Store, position: i64) -> (Vec<Uuid>, i64) {
    let mut tx = store.begin_read().await.expect("a transaction");
    let rows = horizon.read(&mut tx, position, 100).await.expect("rows");
    tx.rollback().await.expect("an end");
    let last = rows.last().map_or(position, |row| row.seq);
    (rows.into_iter().map(|row| row.id).collect(), last)
}

/// The place up to which everything after another is passed over.
async fn passed(horizon: &mut Horizon, store: &Store, position: i64) -> i64 {
    let mut tx = store.begin_read().await.expect("a transaction");
    let place = horizon.pass_over(&mut tx, position, 100).await.expect("a place");
    tx.rollback().await.expect("an end");
    place
}

#[tokio::test]
async fn what_is_held_open_is_waited_for_and_what_is_rolled_back_is_not() {
    // Transactions of other databases on the same server would be waited for, too.
    let server = cluster::start().expect("a server");
    let store = Store::open(&server.url, 4).await.expect("a store");
    store.prepare().await.expect("a schema");
    let (mut horizon, mut passing) = (Horizon::default(), Horizon::default());
    let open = async || held(&store, EventType::InteractionChanged, clock::new_id()).await;

    let (first, first_id) = open().await;
    let behind = [committed(&store).await, committed(&store).await];
    for _ in 0..3 {
        assert!(read(&mut horizon, &store, 0).await.0.is_empty());
        assert_eq!(passed(&mut passing, &store, 0).await, 0);
    }
    first.commit().await.expect("a commit");
    let (ids, position) = read(&mut horizon, &store, 0).await;
    assert_eq!(ids, [first_id, behind[0], behind[1]]);
    assert_eq!(passed(&mut passing, &store, 0).await, position);

    // One that began later does not hold up what came before it, and is waited for in its turn.
    let (given_up, _) = open().await;
    let fourth = committed(&store).await;
    assert!(read(&mut horizon, &store, position).await.0.is_empty());
    let (later, later_id) = open().await;
    let last = committed(&store).await;
    given_up.rollback().await.expect("a rollback");
    let before = position;
    let (ids, position) = read(&mut horizon, &store, position).await;
    assert_eq!(ids, [fourth]);
    for _ in 0..3 {
        assert!(read(&mut horizon, &store, position).await.0.is_empty());
        assert_eq!(passed(&mut passing, &store, position).await, position);
    }
    later.commit().await.expect("a commit");
    let (ids, position) = read(&mut horizon, &store, position).await;
    assert_eq!(ids, [later_id, last]);
    // What was rolled back is missed once, and then known never to come.
    let mut anew = Horizon::default();
    assert_eq!(passed(&mut anew, &store, before).await, before);
    assert_eq!(passed(&mut anew, &store, before).await, position);
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_held_open_is_told_before_what_was_committed_meanwhile() {
    let database = Database::postgres().await;
    let desk = desk(&database).await;
    let receiver = Receiver::start().await;
    hook(&desk, "crm", &receiver.url(), json!({})).await;
    desk.accept(sms("+12125550101", "SM0", "before")).await;
    assert!(until(async || receiver.accepted().len() == 4).await, "{:?}", receiver.types());

    let store = database.open().await;
    let interactions: Vec<(Uuid,)> = rows(&store, "select id from interactions").await;
    let (tx, held) = held(&store, EventType::InteractionChanged, interactions[0].0).await;
    for n in 0..20 {
        desk.accept(sms("+12125550101", &format!("SM-a{n}"), &format!("a{n}"))).await;
        desk.accept(sms("+12125550102", &format!("SM-b{n}"), &format!("b{n}"))).await;
    }
    tx.commit().await.expect("a commit");
    // Of each message two events, of a first one two more.
    assert!(until(async || receiver.accepted().len() == 87).await, "{:?}", receiver.types());

    let heard = receiver.accepted();
    let of = |interaction: usize| {
        let number = format!("IMS{:07}", interaction);
        let of_it =
            heard.iter().filter(move |heard| heard.body["data"]["interaction"]["number"] == number);
        of_it.filter(|heard| heard.event_type() != "profile.created")
    };
    let after_first = of(1).nth(3).expect("an event");
    assert_eq!(
        (after_first.event_type(), &after_first.id),
        ("interaction.changed", &held.to_string())
    );
    for (interaction, letter) in [(1, "a"), (2, "b")] {
        let received = of(interaction).filter(|heard| heard.event_type() == "message.received");
        let texts: Vec<&str> = received.map(|heard| heard.text()).collect();
        let sent: Vec<String> = (0..20).map(|n| format!("{letter}{n}")).collect();
        assert!(texts.ends_with(&sent.iter().map(String::as_str).collect::<Vec<_>>()), "{texts:?}");
    }
    desk.gateway.stop().await;
}

#[tokio::test]
async fn a_transaction_of_ours_is_not_left_open_for_ever() {
    let database = Database::postgres().await;
    let settings: Vec<(String,)> = rows(
        &database.open().await,
        "select setting || unit from pg_settings where name = 'idle_in_transaction_session_timeout'",
    )
    .await;
    assert_eq!(settings, [("15000ms".to_owned(),)]);
}
