//! What happens because time passed, operation by operation.

use serde_json::{Value, json};

use super::gateway::Gateway;

/// Every operation of these nouns, answered well.
pub async fn exercise(gateway: &Gateway, key: &str) {
    let call =
        |method, path: &str| gateway.call(method, path).key(key).header("frontdesk-agent", "ana");
    let configurations = "/v1/wrap-up-configurations";
    let codes = json!([{"code": "refund", "label": "Refund"}]);
    let new = json!({"id": "calls", "when": {"type": "phone"}, "codes": codes});
    let made = call("POST", configurations).json(&new).await;
    let place = "/v1/wrap-up-configurations/calls";
    assert_eq!((made.status, made.header("location")), (201, Some(place)));
    assert_eq!(made.json()["order"], 100);
    let list = call("GET", configurations).send().await.json();
    assert_eq!(list["data"][0]["id"], "calls");
    assert_eq!(call("GET", place).send().await.json()["show_timer"], true);
    let change = call("PATCH", place).header("if-match", "\"1\"");
    let none = change.json(&json!({"when": {"channel": []}})).await;
    assert_eq!(none.json()["errors"][0]["pointer"], "/when/channel", "an empty list allows nobody");
    let change = call("PATCH", place).header("if-match", "\"1\"");
    let changed = change.json(&json!({"default_code": "refund"})).await;
    assert_eq!(
        (changed.header("etag"), changed.json()["order"].clone()),
        (Some("\"2\""), json!(100))
    );
    let stale = call("PATCH", place).header("if-match", "\"1\"").json(&json!({"order": 1})).await;
    assert_eq!(stale.code(), "stale");
    let emptied = call("PATCH", place).header("if-match", "\"2\"");
    let emptied = emptied.json(&json!({"default_code": null})).await;
    assert_eq!(emptied.json()["default_code"], Value::Null);
    assert_eq!(call("DELETE", place).send().await.status, 204);
    assert_eq!(call("GET", place).send().await.code(), "not_found");

    let actions = "/v1/messaging-actions";
    let list = call("GET", actions).send().await.json();
    let ids: Vec<_> =
        list["data"].as_array().expect("a list").iter().map(|one| &one["id"]).collect();
    assert_eq!(ids, ["chat-close", "chat-remind", "no-requester-reply", "remind-agent"]);
    let new = json!({"id": "nudge", "event": "requester_wrote", "after_seconds": 600,
        "action": {"do": "reassign", "queue": "default"}});
    let made = call("POST", actions).json(&new).await;
    let place = "/v1/messaging-actions/nudge";
    assert_eq!((made.status, made.header("location")), (201, Some(place)));
    let nowhere = json!({"action": {"do": "reassign", "queue": "nowhere"}});
    let refused = call("PATCH", place).header("if-match", "\"1\"").json(&nowhere).await;
    assert_eq!(refused.json()["errors"][0]["pointer"], "/action/queue");
    let change = call("PATCH", place).header("if-match", "\"1\"");
    let changed = change.json(&json!({"active": false})).await;
    assert_eq!(changed.json()["active"], false);
    assert_eq!(call("GET", place).send().await.json()["after_seconds"], 600);
    assert_eq!(call("DELETE", place).send().await.status, 204);
    let walk_up = json!({"type": "walk_up", "short_description": "A lost badge"});
    let entered = call("POST", "/v1/interactions").json(&walk_up).await;
    let place = entered.header("location").expect("a place").to_owned();
    let ended = call("POST", &format!("{place}/end")).json(&json!({})).await;
    assert_eq!(ended.json()["state"], "closed_complete");
}
