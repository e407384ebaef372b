//! Texts that arrive in parts: any order, twice, too late, and from everywhere at once.

use futures_util::future::join_all;
use serde_json::Value;

use crate::support::{Database, TestGateway, on_both, requests::post, until};

/// A part of a text, as Vonage sends it.
fn part(id: &str, reference: &str, place: &str, text: &str) -> frontdesk_adapters::Request {
    let (place, total) = place.split_once('/').expect("place/total");
    let parameters = [
        ("msisdn", "15550100002"),
        ("to", "15005550006"),
        ("messageId", id),
        ("text", text),
        ("type", "text"),
        ("api-key", "abcd1234"),
        ("concat", "true"),
        ("concat-ref", reference),
        ("concat-total", total),
        ("concat-part", place),
    ];
    let url = reqwest::Url::parse_with_params("http://form", &parameters).expect("a form");
    let body = url.query().unwrap_or_default().as_bytes().to_vec();
    post("vonage-main", "application/x-www-form-urlencoded", body)
}

async fn texts(gateway: &TestGateway) -> Vec<String> {
    gateway.texts("select text from messages order by id").await
}

/// The metadata's word on which parts are missing, of the one message there is.
async fn missing(gateway: &TestGateway) -> Value {
    let details = gateway.texts("select cast(details as text) from messages").await;
    let details: Value = serde_json::from_str(&details[0]).expect("JSON");
    details["metadata"]["parts"]["missing"].clone()
}

on_both! {
    async fn parts_in_any_order_and_twice_are_one_message(database: Database) {
        let gateway = TestGateway::start(&database).await;
        for (id, place, text) in
            [("m3", "3/3", "three"), ("m1", "1/3", "one "), ("m3", "3/3", "three")]
        {
            gateway.accept(part(id, "7", place, text)).await;
        }
        assert_eq!(gateway.count("messages").await, 0);
        assert_eq!(gateway.count("profiles").await, 0);
        // Held parts are to be seen with their requests, and one sent again under another id too.
        gateway.accept(part("m1-again", "7", "1/3", "one ")).await;
        assert_eq!(gateway.count("events where kind = 'message'").await, 3);
        gateway.accept(part("m2", "7", "2/3", "two ")).await;
        assert_eq!(texts(&gateway).await, ["one two three"]);
        let ids = gateway.texts("select provider_message_id from messages").await;
        assert_eq!(ids, ["m1"]);
        // Later repeats of any kind change nothing.
        gateway.accept(part("m2", "7", "2/3", "two ")).await;
        gateway.accept(part("m2-again", "7", "2/3", "two ")).await;
        gateway.pass(301);
        gateway.accept(part("x1", "8", "1/2", "x")).await;
        gateway.accept(part("x2", "8", "2/2", "y")).await;
        assert_eq!(texts(&gateway).await, ["one two three", "xy"]);
        assert_eq!(gateway.count("work_items").await, 1);
        gateway.stop().await;
    }

    async fn what_waited_too_long_is_delivered_marked_and_completed_later(database: Database) {
        let gateway = TestGateway::start(&database).await;
        gateway.accept(part("m1", "7", "1/3", "one ")).await;
        gateway.accept(part("m3", "7", "3/3", "three")).await;
        gateway.pass(299);
        tokio::time::sleep(std::time::Duration::from_millis(1_200)).await;
        assert_eq!(gateway.count("messages").await, 0);
        gateway.pass(2);
        assert!(until(async || gateway.count("messages").await == 1).await, "not delivered");
        assert_eq!(texts(&gateway).await, ["one …three"]);
        assert_eq!(missing(&gateway).await, serde_json::json!([2]));
        assert_eq!(gateway.count("work_items").await, 1);
        gateway.accept(part("m2", "7", "2/3", "two ")).await;
        assert_eq!(texts(&gateway).await, ["one two three"]);
        assert_eq!(missing(&gateway).await, Value::Null);
        assert_eq!(gateway.count("outbox where type = 'message.received'").await, 1);
        gateway.stop().await;
    }

    async fn a_reference_used_again_is_another_message(database: Database) {
        let gateway = TestGateway::start(&database).await;
        gateway.accept(part("a1", "7", "1/2", "first ")).await;
        // Other words in the same place: the first text lost its second part.
        gateway.accept(part("b1", "7", "1/2", "second ")).await;
        gateway.accept(part("b2", "7", "2/2", "text")).await;
        assert_eq!(texts(&gateway).await, ["second text"]);
        gateway.pass(301);
        assert!(until(async || gateway.count("messages").await == 2).await, "not delivered");
        assert_eq!(texts(&gateway).await, ["second text", "first …"]);
        // An hour later, the same words are new ones; other totals are another message at any time.
        gateway.pass(3_600);
        gateway.accept(part("c2", "7", "2/2", "text")).await;
        gateway.accept(part("d1", "7", "1/3", "of three")).await;
        gateway.accept(part("c1", "7", "1/2", "third ")).await;
        assert_eq!(texts(&gateway).await[2..], ["third text"]);
        gateway.stop().await;
    }

    async fn parts_at_once_everywhere_are_one_message(database: Database) {
        let first = TestGateway::start(&database).await;
        // SQLite has one writer and so one instance.
        let second =
            if database.is_sqlite() { None } else { Some(TestGateway::start(&database).await) };
        let instances = [&first, second.as_ref().unwrap_or(&first)];
        let sent = (0..40).map(|n| {
            let (text, place) = (n / 4, n % 4 + 1);
            let id = format!("m{text}-{place}");
            let words = format!("{text}.{place} ");
            let part = part(&id, &format!("ref-{text}"), &format!("{place}/4"), &words);
            instances[n % 2].send(part)
        });
        for reply in join_all(sent).await {
            assert!(reply.is_success(), "{reply:?}");
        }
        let mut texts = texts(&first).await;
        texts.sort();
        let expected: Vec<_> = (0..10).map(|n| format!("{n}.1 {n}.2 {n}.3 {n}.4 ")).collect();
        assert_eq!(texts, expected);
        // Both remind of what is overdue, and one is heard.
        first.accept(part("late", "late", "2/2", "late")).await;
        for gateway in instances {
            gateway.pass(301);
        }
        let delivered = "messages where text = '…late'";
        assert!(until(async || first.count(delivered).await > 0).await, "not delivered");
        tokio::time::sleep(std::time::Duration::from_millis(2_500)).await;
        assert_eq!(first.count(delivered).await, 1);
        assert_eq!(first.count("messages").await, 11);
    }
}
