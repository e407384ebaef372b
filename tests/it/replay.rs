//! Stored requests, taken in once more.

use frontdesk_adapters::{Request, fixture};
use futures_util::poll;
use serde_json::{Value, json};

use crate::support::{Database, Desk, TestGateway, on_both, requests::sms};

const ANA: &str = "+15550100002";

/// What a replay of the newest stored request answers.
async fn replay(desk: &Desk, dry_run: bool) -> Value {
    let newest = desk.see("requests?limit=1").await["data"][0]["id"].clone();
    let path = format!("requests/{}/replay", newest.as_str().expect("an id"));
    desk.does("ana", &path, json!({"dry_run": dry_run})).await
}

async fn counts(desk: &Desk) -> [i64; 5] {
    let mut counts = [0; 5];
    for (count, table) in
        counts.iter_mut().zip(["requests", "messages", "events", "outbox", "interactions"])
    {
        *count = desk.count(table).await;
    }
    counts
}

on_both! {
    async fn twice_is_the_same_as_never(database: Database) {
        let desk = Desk::open(&database).await;
        desk.accept(sms(ANA, "SM1", "Hello")).await;
        let before = counts(&desk).await;
        for dry_run in [true, false, false] {
            let replayed = replay(&desk, dry_run).await;
            assert_eq!((&replayed["outcome"], &replayed["duplicates"]), (&json!("duplicate"), &json!(1)));
            assert_eq!(replayed["differences"], json!([]));
        }
        assert_eq!(counts(&desk).await, before);
        let audit = desk.see("audit?subject_kind=request").await;
        assert_eq!(audit["data"].as_array().map(Vec::len), Some(2), "a dry run changes nothing");
        desk.gateway.stop().await;
    }

    async fn what_was_lost_comes_back_and_a_dry_run_says_so_before(database: Database) {
        let desk = Desk::open(&database).await;
        desk.accept(sms(ANA, "SM1", "Hello")).await;
        desk.execute("delete from messages").await;
        desk.execute("delete from dedupe").await;
        let lost = replay(&desk, true).await;
        assert_eq!(
            lost["differences"],
            json!([{"place": 0, "kind": "message", "provider_id": "SM1", "new": true, "fields": []}])
        );
        assert_eq!(desk.count("messages").await, 0);
        let found = replay(&desk, false).await;
        assert_eq!((&found["outcome"], &found["events"], &found["duplicates"]), (&json!("accepted"), &json!(1), &json!(0)));
        assert_eq!(desk.texts("select text from messages").await, ["Hello"]);
        assert_eq!(desk.count("interactions").await, 1);
        desk.gateway.stop().await;
    }

    async fn a_dry_run_says_what_would_be_read_differently_today(database: Database) {
        let desk = Desk::open(&database).await;
        desk.accept(sms(ANA, "SM1", "Hello")).await;
        desk.execute("update messages set text = 'Helo', reply_to = 'SM0'").await;
        let found = replay(&desk, true).await;
        assert_eq!(
            found["differences"],
            json!([{"place": 0, "kind": "message", "provider_id": "SM1", "new": false, "fields": ["text", "reply_to"]}])
        );
        desk.gateway.stop().await;
    }

    async fn what_was_refused_has_to_prove_itself(database: Database) {
        let desk = Desk::open(&database).await;
        let mut forged = sms(ANA, "SM1", "Hello");
        forged.headers.push(("x-twilio-signature".to_owned(), "AAAA".to_owned()));
        assert_eq!(desk.send_as_it_is(forged).await.status, 401);
        desk.archived(1).await;
        let refused = replay(&desk, false).await;
        assert_eq!(refused["outcome"], "refused");
        assert_eq!(refused["reason"], "the signature does not match");
        assert_eq!(counts(&desk).await, [1, 0, 0, 0, 0]);
        desk.gateway.stop().await;
    }

    async fn a_stored_request_is_replayed_at_the_address_it_came_to(database: Database) {
        let gateway = TestGateway::with(&database, |config| {
            config.http.public_url = Some("https://desk.example/gw".to_owned());
        });
        let desk = Desk::at(gateway.await).await;
        // It proves itself with the signature it carries, which is made over the whole address.
        let mut early = sms(ANA, "SM1", "Hello");
        let channel = desk.channel_of(&early);
        early.url = early.url.replace("desk.example", "desk.example/gw");
        let now = frontdesk_adapters::Timestamp::parse_rfc3339("2026-01-01T00:00:10Z").expect("a time");
        let mut early = fixture::signed(early, channel.adapter, &channel.account, now).expect("a signature");
        early.url = "https://desk.example/webhooks/not-yet".to_owned();
        assert_eq!(desk.send_as_it_is(early).await.status, 404);
        desk.archived(1).await;
        // An older archive has the path of the public address before it.
        for target in ["/webhooks/twilio-main", "/gw/webhooks/twilio-main"] {
            desk.execute(&format!("update requests set target = '{target}'")).await;
            let replayed = replay(&desk, true).await;
            assert_eq!((&replayed["outcome"], &replayed["events"]), (&json!("accepted"), &json!(1)));
        }
        desk.gateway.stop().await;
    }

    async fn what_nobody_waits_for_lets_providers_go_first(database: Database) {
        let one = |config: &mut frontdesk::config::Config| {
            config.ingest.committers = std::num::NonZeroUsize::new(1);
        };
        let gateway = TestGateway::with(&database, one).await;
        let now = frontdesk_adapters::Timestamp::parse_rfc3339("2026-01-01T00:00:10Z").expect("a time");
        let signed = |request: Request| {
            let channel = gateway.channel_of(&request);
            fixture::signed(request, channel.adapter, &channel.account, now).expect("a signature")
        };
        let held = TestGateway::hold(&database).await;
        let slow = |number: usize| {
            let request = signed(sms(ANA, &format!("slow{number}"), "Long ago"));
            gateway.ingest.accept_at("twilio-main", request, now)
        };
        let mut first = Box::pin(slow(0));
        assert!(poll!(&mut first).is_pending());
        gateway.stuck().await;
        // These stand in the slow lane before the provider's request comes.
        let mut others: Vec<_> = (1..10).map(|number| Box::pin(slow(number))).collect();
        for other in &mut others {
            assert!(poll!(other).is_pending());
        }
        let live = gateway.ingest.accept("twilio-main", signed(sms(ANA, "live", "Now")));
        let mut live = Box::pin(live);
        assert!(poll!(&mut live).is_pending());
        held.rollback().await.expect("let go");
        live.await.expect("recorded");
        first.await.expect("recorded");
        for other in others {
            other.await.expect("recorded");
        }
        let order = gateway
            .texts("select m.provider_message_id from outbox o join messages m on m.id = o.record_id order by o.seq")
            .await;
        assert_eq!(&order[..2], ["slow0", "live"], "{order:?}");
        assert_eq!(order.len(), 11);
        gateway.stop().await;
    }
}
