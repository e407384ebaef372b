//! One webhook sink and what it is told.

use frontdesk::config::Config;
use serde_json::{Value, json};

use super::receiver::Receiver;
use crate::support::{Database, Desk, TestGateway, on_both, requests::sms, until};

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
        assert!(!receiver.heard().iter().any(|heard| heard.body.to_string().contains("before")));
        desk.gateway.stop().await;
    }
}
