//! One webhook sink and what it is told.

use frontdesk::config::Config;
use serde_json::{Value, json};

use super::receiver::Receiver;
use crate::{
    api::document::Document,
    support::{
        Database, Desk, TestGateway, on_both,
        requests::{OURS, sms, twilio},
        until,
    },
};

/// A desk whose sinks may be on this machine.
pub async fn desk(database: &Database) -> Desk {
    Desk::at(TestGateway::with(database, allow_loopback).await).await
}

pub fn allow_loopback(config: &mut Config) {
    config.egress.allow = vec!["127.0.0.0/8".parse().expect("a network")];
}

/// Makes a webhook sink and returns what was answered.
pub async fn hook(desk: &Desk, id: &str, url: &str, settings: Value) -> Value {
    let new = json!({"id": id, "kind": "webhook", "url": url, "settings": settings});
    let (status, sink) = desk.call(None, "POST", "sinks", None, Some(new)).await;
    assert_eq!(status, 201, "{sink}");
    sink
}

async fn told(receiver: &Receiver, count: usize) -> Vec<String> {
    let told = until(async || receiver.accepted().len() >= count).await;
    assert!(told, "{:?}", receiver.types());
    receiver.types()
}

on_both! {
    async fn a_message_is_told_with_what_it_caused(database: Database) {
        let desk = desk(&database).await;
        desk.accept(sms("+12125550100", "SM0", "before")).await;
        let receiver = Receiver::start().await;
        hook(&desk, "crm", &receiver.url(), json!({})).await;
        desk.accept(sms("+12125550101", "SM1", "Hello")).await;
        desk.accept(sms("+12125550101", "SM2", "Anybody?")).await;

        let mut types = told(&receiver, 6).await;
        // A new profile belongs to no interaction, so it has no place among these.
        types.retain(|name| name != "profile.created");
        assert_eq!(types, [
            "interaction.opened", "message.received", "work_item.queued",
            "interaction.continued", "message.received",
        ]);
        let heard = receiver.accepted();
        let document = Document::new();
        for heard in &heard {
            assert_eq!(document.complaint_of_event(&heard.body), None, "{}", heard.body);
        }
        let of = |name: &str| {
            let found = heard.iter().find(|heard| heard.event_type() == name);
            found.unwrap_or_else(|| panic!("no {name}"))
        };
        let received = of("message.received");
        let data = &received.body["data"];
        assert_eq!(data["message"]["text"], "Hello");
        assert_eq!(data["interaction"]["number"], "IMS0000002");
        assert_eq!(data["profile"]["value"], "+12125550101");
        assert_eq!(received.body["id"], received.id.as_str());
        assert_eq!(received.body["timestamp"], "2026-01-01T00:00:10.000Z");
        assert_eq!(received.header("content-type"), "application/json");
        assert_eq!(received.header("webhook-timestamp"), "1767225610");
        assert_eq!(of("interaction.opened").body["data"]["message"]["text"], "Hello");
        assert_eq!(of("work_item.queued").body["data"]["work_item"]["queue"], "default");
        let created = &of("profile.created").body["data"];
        assert_eq!(created["profile"]["value"], "+12125550101");
        assert_eq!(created["channel_id"], "twilio-main");
        assert!(!receiver.heard().iter().any(|heard| heard.body.to_string().contains("before")));
        desk.gateway.stop().await;
    }

    async fn consents_and_statuses_are_told_with_what_said_so(database: Database) {
        let desk = desk(&database).await;
        let receiver = Receiver::start().await;
        let types = json!({"types": ["consent.changed", "message.status"]});
        hook(&desk, "crm", &receiver.url(), types).await;
        let stop = [("OptOutType", "STOP"), ("To", OURS), ("From", "+12125550101"),
            ("MessageSid", "SM1"), ("Body", "STOP")];
        desk.accept(twilio("twilio-main", &stop)).await;
        let status = [("MessageSid", "SM9"), ("MessageStatus", "delivered"), ("From", OURS),
            ("To", "+12125550101")];
        desk.accept(twilio("twilio-main", &status)).await;
        told(&receiver, 2).await;
        let heard = receiver.accepted();
        let document = Document::new();
        for heard in &heard {
            assert_eq!(document.complaint_of_event(&heard.body), None, "{}", heard.body);
        }
        let of = |name: &str| {
            let found = heard.iter().find(|heard| heard.event_type() == name);
            found.unwrap_or_else(|| panic!("no {name}")).body["data"].clone()
        };
        let consent = of("consent.changed");
        assert_eq!(consent["consent"]["state"], "opted_out");
        assert_eq!(consent["consent"]["value"], "+12125550101");
        let status = of("message.status");
        assert_eq!((&status["event"]["kind"], &status["event"]["target"]), (&json!("status"), &json!("SM9")));
        assert!(status["message"].is_null());
        desk.gateway.stop().await;
    }

    async fn what_fails_is_tried_again_and_nothing_overtakes_it(database: Database) {
        let desk = desk(&database).await;
        let receiver = Receiver::start().await;
        let types = json!({"types": ["message.received"]});
        hook(&desk, "crm", &receiver.url(), types).await;
        receiver.answer(|heard| match heard.text() {
            "first" => 500,
            _ => 204,
        });
        desk.accept(sms("+12125550101", "SM1", "first")).await;
        desk.accept(sms("+12125550101", "SM2", "second")).await;
        desk.accept(sms("+12125550102", "SM3", "elsewhere")).await;
        told(&receiver, 1).await;
        let failing = async || {
            let waiting = desk.see("deliveries?state=waiting").await["data"].clone();
            let waiting = waiting.as_array().expect("a list");
            waiting.len() == 2 && waiting.iter().any(|one| one["attempts"] == 1)
        };
        assert!(until(failing).await, "{}", desk.see("deliveries").await);
        let texts = || receiver.accepted().iter().map(|it| it.text().to_owned()).collect::<Vec<_>>();
        assert_eq!(texts(), ["elsewhere"]);
        let waiting = desk.see("deliveries?state=waiting&sink=crm").await;
        let waiting = waiting["data"].as_array().expect("a list").clone();
        assert_eq!(waiting.len(), 2);
        let (second, first) = (&waiting[0], &waiting[1]);
        assert_eq!((second["due_at"].is_null(), first["due_at"].is_null()), (true, false));
        assert_eq!(first["log"][0]["status"], 500);
        assert_eq!(first["log"][0]["error"], "answered 500");

        receiver.answer(|_| 200);
        desk.pass(5);
        told(&receiver, 3).await;
        assert_eq!(texts(), ["elsewhere", "first", "second"]);
        // The same event under the same id, however often it is told.
        let mut ids: Vec<_> = receiver.heard().into_iter().map(|heard| heard.id).collect();
        assert_eq!(ids.len(), 4);
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 3);
        desk.gateway.stop().await;
    }

    async fn whoever_answers_410_is_switched_off(database: Database) {
        let desk = desk(&database).await;
        let receiver = Receiver::start().await;
        hook(&desk, "crm", &receiver.url(), json!({"types": ["message.received"]})).await;
        receiver.answer(|_| 410);
        desk.accept(sms("+12125550101", "SM1", "first")).await;
        let off = until(async || desk.see("sinks/crm").await["state"] == "off").await;
        assert!(off, "{}", desk.see("sinks/crm").await);
        assert_eq!(desk.see("sinks/crm").await["state_reason"], "it answered 410");
        // Nothing is kept for it while it is off.
        desk.accept(sms("+12125550101", "SM2", "second")).await;
        let passed_over = "dispatch where position >= (select max(seq) from outbox)";
        assert!(until(async || desk.gateway.count(passed_over).await == 1).await);
        receiver.answer(|_| 200);
        let (status, _) = desk.call(None, "POST", "sinks/crm/resume", None, None).await;
        assert_eq!(status, 200);
        desk.accept(sms("+12125550101", "SM3", "third")).await;
        told(&receiver, 1).await;
        assert_eq!(receiver.accepted()[0].text(), "third");
        // What was given up comes back when somebody says so.
        let dead = desk.see("deliveries?state=dead").await;
        assert_eq!(dead["data"].as_array().expect("a list").len(), 1);
        let (_, answer) = desk.call(None, "POST", "sinks/crm/retry", None, None).await;
        assert_eq!(answer["retried"], 1);
        told(&receiver, 2).await;
        assert_eq!(receiver.accepted()[1].text(), "first");
        desk.gateway.stop().await;
    }

    async fn after_three_days_an_event_is_given_up_and_the_next_one_told(database: Database) {
        let desk = desk(&database).await;
        let receiver = Receiver::start().await;
        hook(&desk, "crm", &receiver.url(), json!({"types": ["message.received"]})).await;
        receiver.answer(|heard| if heard.text() == "first" { 400 } else { 200 });
        desk.accept(sms("+12125550101", "SM1", "first")).await;
        desk.accept(sms("+12125550101", "SM2", "second")).await;
        let tried = until(async || {
            desk.see("deliveries?state=waiting").await["data"][1]["attempts"] == 1
        });
        assert!(tried.await, "{}", desk.see("deliveries").await);
        desk.pass(3 * 24 * 60 * 60);
        told(&receiver, 1).await;
        assert_eq!(receiver.accepted()[0].text(), "second");
        let dead = desk.see("deliveries?state=dead").await["data"][0].clone();
        assert_eq!((&dead["attempts"], dead["log"].as_array().map(Vec::len)), (&json!(2), Some(2)));
        receiver.answer(|_| 200);
        let path = format!("deliveries/{}/retry", dead["id"].as_str().expect("an id"));
        let (status, again) = desk.call(None, "POST", &path, None, None).await;
        assert_eq!((status, &again["state"]), (200, &json!("waiting")));
        told(&receiver, 2).await;
        let both = "deliveries where state = 'delivered'";
        assert!(until(async || desk.gateway.count(both).await == 2).await);
        let (status, problem) = desk.call(None, "POST", &path, None, None).await;
        assert_eq!((status, &problem["code"]), (409, &json!("illegal_transition")));
        desk.gateway.stop().await;
    }

    async fn a_dead_letter_that_is_taken_up_comes_before_what_waits(database: Database) {
        let desk = desk(&database).await;
        let receiver = Receiver::start().await;
        hook(&desk, "crm", &receiver.url(), json!({"types": ["message.received"]})).await;
        receiver.answer(|_| 400);
        desk.accept(sms("+12125550101", "SM1", "first")).await;
        desk.accept(sms("+12125550101", "SM2", "second")).await;
        assert!(until(async || receiver.heard().len() == 1).await);
        let tried = "deliveries where attempts = 1 and lease is null";
        assert!(until(async || desk.gateway.count(tried).await == 1).await);
        desk.pass(3 * 24 * 60 * 60);
        // The first is dead now, and the second has been tried.
        let both = "deliveries where attempts = 1 and state = 'waiting' and lease is null";
        let dead = "deliveries where attempts = 2 and state = 'dead'";
        let settled = until(async || {
            desk.gateway.count(both).await == 1 && desk.gateway.count(dead).await == 1
        });
        assert!(settled.await, "{}", desk.see("deliveries").await);
        desk.call(None, "POST", "sinks/crm/retry", None, None).await;
        // It fails once more, while the second holds the lease of both.
        desk.pass(10);
        let again = "deliveries where attempts = 1 and due_at is not null and lease is null";
        let held_up = "deliveries where attempts = 0 and due_at is null and lease is null";
        let failed = until(async || {
            desk.gateway.count(again).await == 1 && desk.gateway.count(held_up).await == 1
        });
        assert!(failed.await, "{}", desk.see("deliveries").await);
        receiver.answer(|_| 200);
        desk.pass(60);
        told(&receiver, 2).await;
        let texts: Vec<_> = receiver.accepted().iter().map(|it| it.text().to_owned()).collect();
        assert_eq!(texts, ["first", "second"]);
        desk.gateway.stop().await;
    }

    async fn a_paused_sink_gets_everything_once_it_is_resumed(database: Database) {
        let desk = desk(&database).await;
        let receiver = Receiver::start().await;
        hook(&desk, "crm", &receiver.url(), json!({"types": ["message.received"]})).await;
        let (status, sink) = desk.call(None, "POST", "sinks/crm/pause", None, None).await;
        assert_eq!((status, &sink["state"]), (200, &json!("paused")));
        for n in 0..30 {
            desk.accept(sms("+12125550101", &format!("SM{n}"), &format!("{n}"))).await;
        }
        let kept = until(async || desk.gateway.count("deliveries").await == 30).await;
        assert!(kept && receiver.heard().is_empty());
        desk.call(None, "POST", "sinks/crm/resume", None, None).await;
        told(&receiver, 30).await;
        let texts: Vec<_> = receiver.heard().iter().map(|it| it.text().to_owned()).collect();
        assert_eq!(texts, (0..30).map(|n| n.to_string()).collect::<Vec<_>>());
        desk.gateway.stop().await;
    }

    async fn every_sink_has_its_own_pace_and_its_own_choice(database: Database) {
        let desk = desk(&database).await;
        let (good, bad) = (Receiver::start().await, Receiver::start().await);
        bad.answer(|_| 503);
        hook(&desk, "bad", &bad.url(), json!({})).await;
        desk.add_route(1, "support", json!({"text": "refund"})).await;
        let queued = json!({"types": ["work_item.queued"], "queues": ["support"]});
        hook(&desk, "support", &good.url(), queued).await;
        desk.accept(sms("+12125550101", "SM1", "hello")).await;
        desk.accept(sms("+12125550102", "SM2", "refund")).await;
        told(&good, 1).await;
        assert_eq!(good.accepted()[0].body["data"]["work_item"]["queue"], "support");
        // One attempt each: the first event of every lane, and nothing behind it.
        assert!(until(async || bad.heard().len() >= 4).await, "{}", bad.heard().len());
        assert!(bad.heard().iter().all(|heard| {
            matches!(heard.event_type(), "interaction.opened" | "profile.created")
        }));
        assert_eq!(good.heard().len(), 1);
        desk.gateway.stop().await;
    }

    async fn a_new_profile_comes_by_the_channel_of_its_first_message(database: Database) {
        let desk = desk(&database).await;
        let receiver = Receiver::start().await;
        let by = |channel: &str| json!({"types": ["profile.created"], "channels": [channel]});
        hook(&desk, "main", &receiver.url(), by("twilio-main")).await;
        hook(&desk, "line", &receiver.url(), by("line-demo")).await;
        desk.accept(sms("+12125550101", "SM1", "Hello")).await;
        told(&receiver, 1).await;
        assert_eq!(receiver.accepted()[0].body["data"]["channel_id"], "twilio-main");
        let passed_over = "dispatch where position >= (select max(seq) from outbox)";
        assert!(until(async || desk.gateway.count(passed_over).await == 1).await);
        assert_eq!(desk.gateway.count("deliveries where sink_id = 'line'").await, 0);
        desk.gateway.stop().await;
    }

    async fn a_sink_that_is_gone_is_measured_as_empty(database: Database) {
        let desk = desk(&database).await;
        let receiver = Receiver::start().await;
        // All gateways of a process count together.
        let id = format!("gone-{}", if database.is_sqlite() { "sqlite" } else { "postgres" });
        hook(&desk, &id, &receiver.url(), json!({"types": ["message.received"]})).await;
        desk.call(None, "POST", &format!("sinks/{id}/pause"), None, None).await;
        desk.accept(sms("+12125550101", "SM1", "Hello")).await;
        desk.pass(60);
        let measured = async |name: &str, value: &str| {
            let line = format!("frontdesk_{name}{{sink=\"{id}\"}} {value}\n");
            until(async || desk.gateway.get("/metrics").await.body.contains(&line)).await
        };
        assert!(measured("handoff_backlog", "1").await);
        assert!(measured("handoff_oldest_seconds", "60").await);
        desk.call(None, "DELETE", &format!("sinks/{id}"), None, None).await;
        for name in ["handoff_backlog", "handoff_oldest_seconds", "dead_letters"] {
            assert!(measured(name, "0").await, "{name}");
        }
        desk.gateway.stop().await;
    }

    async fn a_secret_is_shown_once_and_replaced_without_a_gap(database: Database) {
        let desk = desk(&database).await;
        let receiver = Receiver::start().await;
        let made = hook(&desk, "crm", &receiver.url(), json!({})).await;
        let secret = made["secret"].as_str().expect("a secret").to_owned();
        assert!(desk.see("sinks/crm").await.get("secret").is_none());
        let (_, rotated) = desk.call(None, "POST", "sinks/crm/rotate-secret", None,
            Some(json!({}))).await;
        let new = rotated["secret"].as_str().expect("a secret").to_owned();
        assert_ne!(secret, new);
        let (_, tested) = desk.call(None, "POST", "sinks/crm/test", None, None).await;
        assert_eq!(tested, json!({"ok": true, "detail": "it accepted the event", "status": 204}));
        let heard = &receiver.heard()[0];
        assert_eq!(heard.event_type(), "test");
        for secret in [&secret, &new] {
            assert!(heard.is_signed_with(&json!({"secret": secret})), "{:?}", heard.headers);
        }
        let pair = hook(&desk, "pair", &receiver.url(), json!({"signature": "v1a"})).await;
        assert!(pair["secret"].is_null());
        desk.call(None, "POST", "sinks/pair/test", None, None).await;
        let heard = &receiver.heard()[1];
        assert!(heard.is_signed_with(&json!({"public_key": pair["public_key"]})));
        let hidden = if database.is_sqlite() {
            format!("sinks where instr(secrets, '{}') > 0", &new[6..])
        } else {
            format!("sinks where position('{}'::bytea in secrets) > 0", &new[6..])
        };
        assert_eq!(desk.gateway.count(&hidden).await, 0);
        desk.gateway.stop().await;
    }
}
