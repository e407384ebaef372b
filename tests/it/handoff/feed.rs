//! The live feed, as a program reads it.

use std::collections::VecDeque;

use serde_json::{Value, json};

use super::sinks::desk;
use crate::support::{Database, Desk, TestGateway, client, on_both, requests::sms};

/// Somebody who reads the feed.
struct Reader {
    response: reqwest::Response,
    buffer: String,
    ready: VecDeque<Frame>,
    /// Ids that came without an event.
    places: VecDeque<i64>,
}

#[derive(Clone, Debug)]
struct Frame {
    id: String,
    event: String,
    data: Value,
}

impl Reader {
    async fn open(desk: &Desk, query: &str, last: Option<&str>) -> Self {
        let response = Self::ask(desk, query, last).await;
        assert_eq!(response.status(), 200);
        let (ready, places) = (VecDeque::new(), VecDeque::new());
        Self { response, buffer: String::new(), ready, places }
    }

    async fn ask(desk: &Desk, query: &str, last: Option<&str>) -> reqwest::Response {
        let url = format!("http://{}/v1/events{query}", desk.gateway.address);
        let mut request = client().get(url).bearer_auth(desk.key());
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        request.send().await.expect("an answer")
    }

    /// The next event; `None` when the feed is over.
    async fn next(&mut self) -> Option<Frame> {
        while self.ready.is_empty() {
            self.read().await?;
        }
        self.ready.pop_front()
    }

    /// The next id that comes without an event.
    async fn place(&mut self) -> i64 {
        while self.places.is_empty() {
            self.read().await.expect("the feed goes on");
        }
        self.places.pop_front().expect("one")
    }

    async fn read(&mut self) -> Option<()> {
        let patience = std::time::Duration::from_secs(20);
        let chunk = tokio::time::timeout(patience, self.response.chunk()).await;
        let chunk = chunk.expect("something happens").ok()??;
        self.buffer.push_str(std::str::from_utf8(&chunk).expect("text"));
        while let Some((frame, rest)) = self.buffer.split_once("\n\n") {
            let field = |name: &str| {
                let lines = frame.lines();
                let value = lines.filter_map(|line| line.strip_prefix(name)).next();
                value.unwrap_or_default().trim().to_owned()
            };
            if frame.contains("data:") {
                let data = serde_json::from_str(&field("data:")).expect("JSON");
                let frame = Frame { id: field("id:"), event: field("event:"), data };
                self.ready.push_back(frame);
            } else if frame.contains("id:") {
                self.places.push_back(field("id:").parse().expect("a number"));
            }
            self.buffer = rest.to_owned();
        }
        Some(())
    }

    /// The texts of the next `count` messages.
    async fn texts(&mut self, count: usize) -> Vec<String> {
        let mut texts = Vec::new();
        while texts.len() < count {
            let frame = self.next().await.expect("more");
            let text = frame.data["data"]["message"]["text"].as_str().unwrap_or_default();
            texts.push(text.to_owned());
        }
        texts
    }
}

on_both! {
    async fn a_reader_hears_what_happens_and_comes_back_for_what_it_missed(database: Database) {
        let desk = desk(&database).await;
        desk.accept(sms("+12125550100", "SM0", "before")).await;
        let mut reader = Reader::open(&desk, "?types=message.received", None).await;
        // Nobody followed, so what was told lately is still new.
        desk.accept(sms("+12125550101", "SM1", "one")).await;
        let mut first = reader.next().await.expect("an event");
        if first.data["data"]["message"]["text"] == "before" {
            first = reader.next().await.expect("an event");
        }
        assert_eq!(first.event, "message.received");
        assert_eq!(first.data["data"]["message"]["text"], "one");
        drop(reader);
        for (n, text) in ["two", "three"].iter().enumerate() {
            desk.accept(sms("+12125550101", &format!("SM2{n}"), text)).await;
        }
        let mut again = Reader::open(&desk, "?types=message.received", Some(&first.id)).await;
        assert_eq!(again.texts(2).await, ["two", "three"]);
        desk.accept(sms("+12125550102", "SM4", "four")).await;
        assert_eq!(again.texts(1).await, ["four"]);

        // From the very beginning, every type: nothing twice, nothing left out.
        let mut all = Reader::open(&desk, "", Some("0")).await;
        let mut heard = Vec::new();
        while heard.len() < 16 {
            heard.push(all.next().await.expect("more"));
        }
        let positions: Vec<i64> = heard.iter().map(|frame| frame.id.parse().expect("a number")).collect();
        assert!(positions.is_sorted_by(|a, b| a < b), "{positions:?}");
        let count = |name: &str| heard.iter().filter(|frame| frame.event == name).count();
        assert_eq!((count("message.received"), count("interaction.opened")), (5, 3));
        assert_eq!((count("interaction.continued"), count("profile.created")), (2, 3));
        assert_eq!(count("work_item.queued"), 3);
        // One that comes back between the two events of one message gets the second.
        let opened = heard.iter().position(|frame| frame.event == "interaction.opened").expect("one");
        let mut between = Reader::open(&desk, "", Some(&heard[opened].id)).await;
        let next = between.next().await.expect("an event");
        assert_eq!((next.event.as_str(), &next.id), ("message.received", &heard[opened + 1].id));
        desk.gateway.stop().await;
        assert_eq!(all.next().await.expect("a word").event, "over");
        assert!(all.next().await.is_none());
    }

    async fn filters_and_ids_are_checked(database: Database) {
        let desk = desk(&database).await;
        desk.add_route(1, "support", json!({"text": "refund"})).await;
        let mut support = Reader::open(&desk, "?queue=support&types=message.received", None).await;
        let mut others = Reader::open(&desk, "?channel=twilio-main&types=work_item.queued", None).await;
        desk.accept(sms("+12125550101", "SM1", "hello")).await;
        desk.accept(sms("+12125550102", "SM2", "refund")).await;
        assert_eq!(support.texts(1).await, ["refund"]);
        for queue in ["default", "support"] {
            let frame = others.next().await.expect("an event");
            assert_eq!(frame.data["data"]["work_item"]["queue"], queue);
        }
        for (query, last, status) in [
            ("?types=message.sent", None, 400),
            ("?colour=red", None, 400),
            ("", Some("yesterday"), 400),
            ("", Some("-1"), 400),
            // Another database told that one.
            ("", Some("9000000000"), 410),
        ] {
            let response = Reader::ask(&desk, query, last).await;
            assert_eq!(response.status(), status, "{query}");
        }
        // What is not kept any more cannot be come back to.
        desk.gateway.execute("delete from outbox where seq < 5").await;
        let gone = Reader::ask(&desk, "", Some("1")).await;
        assert_eq!(gone.status(), 410);
        let problem: Value = serde_json::from_str(&gone.text().await.expect("text")).expect("JSON");
        assert_eq!(problem["code"], "events_gone");
        desk.gateway.stop().await;
    }

    async fn a_reader_whom_nothing_fits_learns_how_far_it_is(database: Database) {
        let desk = desk(&database).await;
        let mut reader = Reader::open(&desk, "?types=consent.changed", None).await;
        let first = reader.place().await;
        for n in 0..3 {
            desk.accept(sms("+12125550101", &format!("SM{n}"), "hello")).await;
        }
        let newest: Vec<(i64,)> = desk.gateway.rows("select max(seq) from outbox").await;
        let newest = newest[0].0 * 2 + 1;
        let mut place = first;
        while place < newest {
            let next = reader.place().await;
            assert!(next > place, "{next} after {place}");
            place = next;
        }
        // Long after, it comes back: it has missed nothing, unlike one that was not there.
        desk.gateway
            .execute("delete from outbox where seq < (select max(seq) from outbox)")
            .await;
        drop(reader);
        let mut again =
            Reader::open(&desk, "?types=message.received", Some(&place.to_string())).await;
        desk.accept(sms("+12125550101", "SM3", "again")).await;
        assert_eq!(again.texts(1).await, ["again"]);
        let gone = Reader::ask(&desk, "", Some(&first.to_string())).await;
        assert_eq!(gone.status(), 410);
        desk.gateway.stop().await;
    }

    async fn whoever_reads_too_slowly_is_let_go_with_a_word(database: Database) {
        let desk = desk(&database).await;
        let mut slow = Reader::open(&desk, "", None).await;
        let mut last = None;
        // Far more than fits into the buffers between us.
        for n in 0..2_000 {
            let text = format!("{n} {}", "x".repeat(1500));
            desk.accept(sms(&format!("+1212555{:04}", n % 50), &format!("SM{n}"), &text)).await;
        }
        while let Some(frame) = slow.next().await {
            if frame.event == "dropped" {
                let mut again = Reader::open(&desk, "", last.as_deref()).await;
                let next = again.next().await.expect("what was missed");
                assert!(next.id.parse::<i64>().expect("a number") > 0);
                desk.gateway.stop().await;
                return;
            }
            last = Some(frame.id);
        }
        panic!("it was never told");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_at_one_instance_hears_what_comes_in_at_another() {
    let database = Database::postgres().await;
    let desk = desk(&database).await;
    let other = TestGateway::start(&database).await;
    let mut reader = Reader::open(&desk, "?types=message.received", None).await;
    for n in 0..20 {
        let message = sms("+12125550101", &format!("SM{n}"), &format!("{n}"));
        if n % 2 == 0 {
            other.accept(message).await
        } else {
            desk.accept(message).await
        };
    }
    let expected: Vec<_> = (0..20).map(|n| n.to_string()).collect();
    assert_eq!(reader.texts(20).await, expected);
    other.stop().await;
    desk.gateway.stop().await;
}
