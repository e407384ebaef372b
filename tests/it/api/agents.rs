//! Agents over the API, on whose behalf things are done, and the audit that remembers it.

use frontdesk::keys::Scope;
use serde_json::{Value, json};

use super::gateway::Gateway;
use crate::support::{Database, on_both};

/// Every operation of this noun, answered well.
pub async fn exercise(gateway: &Gateway, key: &str) {
    let call = |method, path: &str| gateway.call(method, path).key(key);
    let made = call("POST", "/v1/agents").json(&json!({"id": "ana", "name": "Ana Prado"})).await;
    assert_eq!((made.status, made.header("location")), (201, Some("/v1/agents/ana")));
    let change = call("PATCH", "/v1/agents/ana").header("if-match", "\"1\"");
    let changed = change.header("frontdesk-agent", "ana").json(&json!({"name": "Ana P."})).await;
    assert_eq!(changed.json()["name"], "Ana P.");
    assert_eq!(call("GET", "/v1/agents/ana").send().await.json()["version"], 2);
    assert_eq!(call("GET", "/v1/agents").send().await.json()["data"][0]["id"], "ana");
    let audit = call("GET", "/v1/audit?subject_kind=agent&subject=ana").send().await.json();
    let newest = &audit["data"][0];
    assert_eq!((&newest["author_kind"], &newest["author"]), (&json!("agent"), &json!("ana")));
    let changes = json!([{"field": "name", "from": "Ana Prado", "to": "Ana P."}]);
    assert_eq!((&newest["action"], &newest["changes"]), (&json!("change"), &changes));
    let first = &audit["data"][1];
    assert_eq!((&first["author_kind"], &first["action"]), (&json!("key"), &json!("create")));
    assert_eq!(first["changes"][0], json!({"field": "active", "from": null, "to": true}));
    assert_eq!(audit["data"].as_array().map(Vec::len), Some(2));
    call("POST", "/v1/agents").json(&json!({"id": "ben", "name": "Ben Okafor"})).await;
}

on_both! {
    async fn a_key_acts_for_agents_it_may_act_for(database: Database) {
        let gateway = Gateway::start(&database).await;
        let key = &gateway.key(Scope::Write).await;
        for id in ["ana", "ben"] {
            let agent = json!({"id": id, "name": id});
            gateway.call("POST", "/v1/agents").key(key).json(&agent).await;
        }
        let own = &gateway.key_of_agent("ben").await;
        let leave = gateway.call("PATCH", "/v1/agents/ana").key(key).header("if-match", "\"1\"");
        assert_eq!(leave.json(&json!({"active": false})).await.status, 200);

        let add = async |key: &str, agent: Option<&str>, id: &str| {
            let call = gateway.call("POST", "/v1/agents").key(key);
            let call = match agent {
                Some(agent) => call.header("frontdesk-agent", agent),
                None => call,
            };
            let answer = call.json(&json!({"id": id, "name": id})).await;
            (answer.status, answer.json()["code"].clone())
        };
        let refused = |code: &str| (403, json!(code));
        assert_eq!(add(own, Some("ana"), "a").await, refused("other_agent"));
        assert_eq!(add(key, Some("ana"), "b").await, refused("unknown_agent"), "ana has left");
        assert_eq!(add(key, Some("nobody"), "c").await, refused("unknown_agent"));
        assert_eq!(add(own, None, "d").await, (201, Value::Null));
        assert_eq!(add(key, Some("ben"), "e").await, (201, Value::Null));
        let mine = "/v1/audit?author_kind=agent&author=ben";
        let mine = gateway.call("GET", mine).key(key).send().await.json();
        let subjects: Vec<_> =
            mine["data"].as_array().expect("a list").iter().map(|entry| &entry["subject"]).collect();
        assert_eq!(subjects, ["e", "d"]);
        gateway.stop().await;
    }
}
