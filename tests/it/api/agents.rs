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

        let add = async |key: &str, agent: Option<&str>, name: &str| {
            let call = gateway.call("POST", "/v1/people").key(key);
            let call = match agent {
                Some(agent) => call.header("frontdesk-agent", agent),
                None => call,
            };
            let answer = call.json(&json!({"kind": "contact", "name": name})).await;
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
        let entries = mine["data"].as_array().expect("a list").iter();
        let names: Vec<_> = entries.map(|entry| {
            let changes = entry["changes"].as_array().expect("a list").iter();
            changes.clone().find(|change| change["field"] == "name").map(|change| &change["to"])
        }).collect();
        assert_eq!(names, [Some(&json!("e")), Some(&json!("d"))]);
        gateway.stop().await;
    }

    async fn an_agents_own_key_works_at_the_desk_and_does_not_arrange_it(database: Database) {
        let gateway = Gateway::start(&database).await;
        let key = &gateway.key(Scope::Admin).await;
        for id in ["ana", "ben"] {
            let agent = json!({"id": id, "name": id, "queues": ["default"]});
            gateway.call("POST", "/v1/agents").key(key).json(&agent).await;
        }
        let own = &gateway.key_of_agent("ana").await;
        let post = async |path: &str, body: Value| {
            let answer = gateway.call("POST", path).key(own).json(&body).await;
            let code = (!answer.bytes.is_empty()).then(|| answer.json()["code"].clone());
            (answer.status, code.unwrap_or_default())
        };
        let refused = (403, json!("missing_scope"));
        assert_eq!(post("/v1/agents", json!({"id": "eve", "name": "Eve"})).await, refused);
        assert_eq!(post("/v1/queues", json!({"id": "mine"})).await, refused);
        assert_eq!(post("/v1/routes", json!({"id": "mine", "queue": "default"})).await, refused);
        for path in ["/v1/agents/ana", "/v1/agents/ben", "/v1/queues/default"] {
            let change = gateway.call("PATCH", path).key(own).header("if-match", "\"1\"");
            assert_eq!(change.json(&json!({"name": "Another"})).await.status, 403, "{path}");
        }
        assert_eq!(post("/v1/agents/ben/presence", json!({"presence": "busy"})).await.0, 403);
        assert_eq!(post("/v1/agents/ana/presence", json!({"presence": "available"})).await.0, 200);
        assert_eq!(post("/v1/queues/default/claim", json!({})).await, (204, Value::Null));

        let list = async || gateway.call("GET", "/v1/interactions").key(own).send().await;
        assert_eq!(list().await.status, 200);
        let leave = gateway.call("PATCH", "/v1/agents/ana").key(key).header("if-match", "\"1\"");
        let left = leave.json(&json!({"active": false})).await;
        assert_eq!((left.status, &left.json()["presence"]), (200, &json!("offline")));
        let gone = list().await;
        assert_eq!((gone.status, &gone.json()["code"]), (401, &json!("invalid_key")));
        let come = gateway.call("POST", "/v1/agents/ana/presence").key(key);
        assert_eq!(come.json(&json!({"presence": "available"})).await.status, 403);
        gateway.stop().await;
    }
}
