//! What has waited too long, and what is too much for its queue.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{be, customers_write, employ, history, id, pushing::offers, set_up};
use crate::support::{Database, Desk, on_both, requests::sms};

on_both! {
    async fn what_waits_too_long_is_told_once_and_stays(database: Database) {
        let desk = Desk::open(&database).await;
        let max_wait = json!({"seconds": 60, "message": "Please bear with us"});
        set_up(&desk, "default", json!({"max_wait": max_wait})).await;
        customers_write(&desk, 1).await;
        desk.pass(59);
        let path = desk.open_interaction().await;
        let item = id(&desk.see(&path).await["work_item"]);
        desk.pass(1);
        let shown = format!("work-items/{item}");
        desk.until(&shown, |item| item["history"][0]["event"] == "notified").await;
        // Changed settings put what waits in order anew, and tell nobody a second time.
        set_up(&desk, "default", json!({"sort": ["queued_at"], "max_wait": max_wait})).await;
        desk.pass(3600);
        desk.accept(sms("+15550100009", "SM9", "I am new")).await;
        desk.pass(60);
        desk.until("work-items?queue=default", |list| {
            list["data"].as_array().is_some_and(|items| items.len() == 2)
        }).await;
        let said = "messages where direction = 'outbound' and text = 'Please bear with us'";
        desk.until_count(said, 2).await;
        assert_eq!(history(&desk, &item).await, ["notified -"]);
        let item = desk.see(&shown).await;
        assert_eq!((&item["state"], &item["position"]), (&json!("queued"), &json!(1)));
        let first = desk.see("interactions/IMS0000001").await;
        assert_eq!(first["wait_time_ms"], Value::Null, "nobody has answered yet");
    }

    async fn who_opted_out_is_told_nothing_while_waiting(database: Database) {
        let desk = Desk::open(&database).await;
        let max_wait = json!({"seconds": 60, "message": "Please bear with us"});
        set_up(&desk, "default", json!({"max_wait": max_wait})).await;
        desk.accept(sms("+15550100002", "SM1", "Hello")).await;
        desk.accept(crate::support::requests::twilio("twilio-main", &[
            ("To", crate::support::requests::OURS), ("From", "+15550100002"), ("MessageSid", "SM2"),
            ("Body", "STOP"), ("OptOutType", "STOP"),
        ])).await;
        let item = id(&desk.see("interactions/IMS0000001").await["work_item"]);
        desk.pass(60);
        let told = |item: &Value| item["history"][0]["event"] == "notified";
        desk.until(&format!("work-items/{item}"), told).await;
        assert_eq!(desk.count("messages where direction = 'outbound'").await, 0);
    }

    async fn a_queue_overflows_by_time_and_by_number_and_once(database: Database) {
        let desk = Desk::open(&database).await;
        for queue in ["second", "third"] {
            desk.does("ana", "queues", json!({"id": queue})).await;
        }
        let overflow = json!({"overflow": {"queue": "third"}, "max_wait": {"seconds": 60, "action": "overflow"}});
        set_up(&desk, "second", overflow).await;
        let overflow = json!({"overflow": {"queue": "second", "above": 2}});
        set_up(&desk, "default", overflow).await;
        customers_write(&desk, 4).await;
        let in_queue = |count: usize| move |list: &Value| {
            list["data"].as_array().is_some_and(|items| items.len() == count)
        };
        let moved = desk.until("queues/second/items", in_queue(2)).await["data"][0].clone();
        assert_eq!((&moved["interaction"], &moved["overflowed_from"]), (&json!("IMS0000003"), &json!("default")));
        assert_eq!(moved["reason"], "more than 2 waited in default");
        desk.until("queues/default/items", in_queue(2)).await;
        desk.pass(60);
        // What moved once stays; that it waits too long is told instead.
        let item = id(&moved);
        desk.until(&format!("work-items/{item}"), |item| item["history"][1]["event"] == "notified").await;
        assert_eq!(desk.see("queues/third/items").await["data"], json!([]));
        desk.add_route(0, "second", json!({"text": "second"})).await;
        set_up(&desk, "second", json!({"overflow": {"queue": "third"}, "max_wait": {"seconds": 60, "action": "overflow"}})).await;
        desk.accept(sms("+15550100077", "SM77", "second line")).await;
        desk.pass(60);
        let late = desk.until("queues/third/items", in_queue(1)).await["data"][0].clone();
        assert_eq!((&late["overflowed_from"], &late["wait_seconds"]), (&json!("second"), &json!(60)));
        assert_eq!(late["reason"], "waited 60 s in second and went on");
        assert_eq!(history(&desk, &id(&late)).await, ["overflowed -"]);
    }

    async fn nothing_overflows_that_somebody_here_is_free_for(database: Database) {
        let desk = Desk::open(&database).await;
        desk.does("ana", "queues", json!({"id": "second"})).await;
        set_up(&desk, "default", json!({"pools": [{}], "overflow": {"queue": "second", "above": 1}})).await;
        employ(&desk, "ana", json!({"queues": ["default"]})).await;
        be(&desk, "ana", "available").await;
        let senders: Vec<String> = (0..4).map(|number| format!("+1555010000{number}")).collect();
        let arrive = senders.iter().map(|sender| desk.accept(sms(sender, sender, "Hello")));
        join_all(arrive).await;
        offers(&desk, "ana", 4).await;
        assert_eq!(desk.see("queues/second/items").await["data"], json!([]));
    }

    async fn what_overflows_leaves_its_skills_behind_and_enters_no_closed_queue(database: Database) {
        let desk = Desk::open(&database).await;
        let never = json!({"time_zone": "UTC", "hours": [{"days": ["sun"], "from": "00:00", "to": "00:01"}]});
        for (queue, settings) in [("second", json!({"pools": [{}], "schedule": never})), ("first", json!({
            "max_wait": {"seconds": 60, "action": "overflow"}, "overflow": {"queue": "second"},
        }))] {
            desk.does("ana", "queues", json!({"id": queue, "settings": settings})).await;
        }
        let route = json!({"id": "skilled", "queue": "first", "skills": ["portuguese"]});
        desk.does("ana", "routes", route).await;
        employ(&desk, "ben", json!({"queues": ["second"]})).await;
        be(&desk, "ben", "available").await;
        customers_write(&desk, 1).await;
        let waits = desk.see("queues/first/items").await["data"][0].clone();
        assert_eq!(waits["lane"], "messaging portuguese");
        desk.pass(61);
        desk.until_count("work_items where queue_id = 'first' and due_at > 61000 + queued_at", 1).await;
        set_up(&desk, "second", json!({"pools": [{}]})).await;
        desk.pass(60);
        let moved = offers(&desk, "ben", 1).await.remove(0);
        assert_eq!((&moved["id"], &moved["lane"]), (&waits["id"], &json!("messaging")));
    }

    async fn a_changed_wait_counts_from_when_the_item_came_into_the_queue(database: Database) {
        let desk = Desk::open(&database).await;
        desk.does("ana", "queues", json!({"id": "second", "settings": {"max_wait": {"seconds": 60}}})).await;
        let notify = json!({"max_wait": {"seconds": 60}, "overflow": {"queue": "second"}});
        set_up(&desk, "default", notify).await;
        customers_write(&desk, 1).await;
        let item = id(&desk.see("queues/default/items").await["data"][0]);
        desk.pass(60);
        let shown = format!("work-items/{item}");
        desk.until(&shown, |item| item["history"][0]["event"] == "notified").await;
        // Who was notified can still go on.
        let overflow = json!({"max_wait": {"seconds": 90, "action": "overflow"}, "overflow": {"queue": "second"}});
        set_up(&desk, "default", overflow).await;
        desk.pass(30);
        desk.until(&shown, |item| item["queue"] == "second").await;
        // It came here after 90 seconds, so 50 seconds of waiting here are not over after 40.
        set_up(&desk, "second", json!({"max_wait": {"seconds": 50}})).await;
        desk.until_count("work_items where due_at = queued_at + 140000", 1).await;
        desk.pass(50);
        desk.until(&shown, |item| item["history"][2]["event"] == "notified").await;
        assert_eq!(history(&desk, &item).await, ["notified -", "overflowed -", "notified -"]);
    }
}
