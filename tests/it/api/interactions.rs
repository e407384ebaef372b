//! What agents do with interactions, operation by operation.

use serde_json::{Value, json};

use super::gateway::Gateway;

/// Every operation of this noun, answered well; `number` is one that waits in a queue.
pub async fn exercise(gateway: &Gateway, key: &str, number: &str) {
    let call =
        |method, path: &str| gateway.call(method, path).key(key).header("frontdesk-agent", "ana");
    let path = format!("/v1/interactions/{number}");
    let does = async |action: &str, body: Value| {
        let answer = call("POST", &format!("{path}/{action}")).json(&body).await;
        assert_eq!(answer.status, 200, "{action}: {}", answer.json());
        answer.json()
    };
    assert_eq!(
        does("transfer", json!({"queue": "default"})).await["work_item"]["queue"],
        "default"
    );
    assert_eq!(does("accept", json!({})).await["assigned_to"], "ana");
    assert_eq!(does("hold", json!({"reason": "waiting_internal"})).await["state"], "on_hold");
    assert_eq!(does("resume", json!({})).await["state"], "work_in_progress");
    assert_eq!(does("assign", json!({"agent": "ben"})).await["assigned_to"], "ben");
    let reply = call("POST", &format!("{path}/messages")).json(&json!({"text": "Hello"})).await;
    assert_eq!((reply.status, reply.json()["author"].clone()), (201, json!("ana")));
    let note = call("POST", &format!("{path}/notes")).json(&json!({"text": "Be kind"})).await;
    assert_eq!(note.status, 201);
    let version = call("GET", &path).send().await.header("etag").expect("a version").to_owned();
    let change = call("PATCH", &path).header("if-match", &version);
    let changed = change.json(&json!({"short_description": "A refund"})).await;
    assert_eq!(changed.json()["short_description"], "A refund");
    assert_eq!(does("wrap-up", json!({})).await["state"], "wrap_up");
    let closed = does("close", json!({})).await;
    assert_eq!(closed["state"], "closed_complete");
    assert_eq!(closed["next_states"], json!([]));
    let timeline = call("GET", &format!("{path}/timeline?limit=200")).send().await.json();
    let kinds: Vec<_> =
        timeline["data"].as_array().expect("a list").iter().map(|entry| &entry["kind"]).collect();
    for kind in ["message", "transition", "note", "queued"] {
        assert!(kinds.contains(&&json!(kind)), "{kind} in {kinds:?}");
    }
    let copy = call("GET", &format!("{path}/transcript?copy=internal")).send().await;
    let copy = String::from_utf8(copy.bytes).expect("text");
    assert!(copy.contains("ana: Hello") && copy.contains("note: Be kind"), "{copy}");

    let walk_up = json!({"type": "walk_up", "short_description": "A lost badge"});
    let entered = call("POST", "/v1/interactions").json(&walk_up).await;
    assert_eq!((entered.status, entered.json()["assigned_to"].clone()), (201, json!("ana")));
    let place = entered.header("location").expect("a place").to_owned();
    let left = call("POST", &format!("{place}/abandon")).json(&json!({})).await;
    assert_eq!(left.json()["state"], "closed_abandoned");
}
