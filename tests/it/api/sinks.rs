//! Sinks, deliveries and the live feed, as the document has them.

use frontdesk::{
    clock,
    deliveries::{self, NewDelivery, Settled},
};
use serde_json::json;
use uuid::Uuid;

use super::gateway::Gateway;

/// Answers every operation on them once.
pub async fn exercise(gateway: &Gateway, key: &str) {
    let get = async |path: &str| gateway.call("GET", path).key(key).send().await;
    let post = |path: &str| gateway.call("POST", path).key(key);
    // Named, not called: on this machine nobody may be called.
    let new = json!({
        "id": "crm", "kind": "webhook", "url": "https://localhost/in",
        "settings": {"types": ["message.received"]},
    });
    let made = post("/v1/sinks").header("idempotency-key", "crm").json(&new).await;
    assert_eq!((made.status, made.header("location")), (201, Some("/v1/sinks/crm")));
    let secret = made.json()["secret"].as_str().expect("a secret").to_owned();
    assert!(secret.starts_with("whsec_"));
    // A repeated answer has everything but the secret, which is kept nowhere.
    let again = post("/v1/sinks").header("idempotency-key", "crm").json(&new).await;
    assert_eq!((again.status, again.header("idempotency-replayed")), (201, Some("true")));
    assert!(again.json()["secret"].is_null());
    assert_eq!(get("/v1/sinks").await.json()["data"][0]["state"], "active");
    let shown = get("/v1/sinks/crm").await;
    assert!(!String::from_utf8_lossy(&shown.bytes).contains(&secret));
    let change = gateway.call("PATCH", "/v1/sinks/crm").key(key);
    let change = change.header("if-match", shown.header("etag").expect("a version"));
    let changed = change.json(&json!({"settings": {"types": []}, "login": null})).await;
    assert_eq!(changed.json()["settings"]["types"], json!([]));
    let rotated = post("/v1/sinks/crm/rotate-secret").json(&json!({})).await.json();
    assert_ne!(rotated["secret"], secret);
    let tested = post("/v1/sinks/crm/test").send().await.json();
    assert_eq!((&tested["ok"], &tested["status"]), (&json!(false), &json!(null)));
    assert_eq!(post("/v1/sinks/crm/pause").send().await.json()["state"], "paused");

    let delivery = bury(gateway, "crm").await;
    let dead = get("/v1/deliveries?sink=crm&state=dead").await.json();
    assert_eq!(dead["data"][0]["id"], json!(delivery));
    let path = format!("/v1/deliveries/{delivery}");
    assert_eq!(get(&path).await.json()["type"], "message.received");
    assert_eq!(post(&format!("{path}/retry")).send().await.json()["state"], "waiting");
    assert_eq!(post("/v1/sinks/crm/retry").send().await.json()["retried"], 0);
    let audited = get("/v1/audit?subject_kind=sink&subject=crm").await.json();
    let actions: Vec<_> = audited["data"].as_array().expect("a list").iter().rev().collect();
    let actions: Vec<_> = actions.iter().map(|entry| entry["action"].as_str()).collect();
    let expected = ["create", "change", "rotate_secret", "pause", "retry"];
    assert_eq!(actions, expected.map(Some));
    assert_eq!(post("/v1/sinks/crm/resume").send().await.json()["state"], "active");
    assert_eq!(get("/v1/events?types=message.received").await.status, 200);
    let deleted = gateway.call("DELETE", "/v1/sinks/crm").key(key).send().await;
    assert_eq!((deleted.status, get("/v1/sinks/crm").await.status), (204, 404));
    assert_eq!(get(&path).await.status, 404);
}

/// Makes a dead letter.
async fn bury(gateway: &Gateway, sink: &str) -> Uuid {
    let (id, lane) = (clock::new_id(), clock::new_id());
    let delivery = NewDelivery {
        id,
        sink_id: sink.to_owned(),
        position: 1,
        event_id: clock::new_id(),
        event_type: "message.received",
        lane,
        interaction_id: Some(lane),
        record_id: lane,
        created_at: 0,
        is_first: true,
        due_at: 0,
    };
    let dead = Settled {
        id,
        state: deliveries::State::Dead.as_str(),
        due_at: None,
        attempts: 1,
        first_attempt_at: Some(0),
        log: frontdesk::db::JsonText("[]".to_owned()),
        settled_at: Some(0),
    };
    let mut tx = gateway.app.store.begin().await.expect("a transaction");
    deliveries::lock(&mut tx).await.expect("a lock");
    deliveries::deal(&mut tx, vec![delivery]).await.expect("a delivery");
    deliveries::settle(&mut tx, vec![dead]).await.expect("a dead letter");
    tx.commit().await.expect("a commit");
    id
}
