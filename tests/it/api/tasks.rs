//! Tasks and what belongs to an interaction, operation by operation.

use serde_json::{Value, json};

use super::gateway::Gateway;

/// Every operation of this noun, answered well; `number` is an interaction that is described.
pub async fn exercise(gateway: &Gateway, key: &str, number: &str) {
    let call =
        |method, path: &str| gateway.call(method, path).key(key).header("frontdesk-agent", "ana");
    let path = format!("/v1/interactions/{number}");
    let incident = json!({"kind": "incident", "short_description": "Nothing works"});
    let made = call("POST", &format!("{path}/tasks")).json(&incident).await;
    let place = Some("/v1/tasks/INC0000001");
    assert_eq!(
        (made.status, made.header("location"), made.header("etag")),
        (201, place, Some("\"1\""))
    );

    let person = json!({"kind": "user", "name": "Bea"});
    let person = call("POST", "/v1/people").json(&person).await.json()["id"].clone();
    let case = json!({"kind": "case", "short_description": "A refund", "person": person});
    let made = call("POST", "/v1/tasks").header("frontdesk-interaction", number).json(&case).await;
    assert_eq!((made.status, made.json()["interaction"].clone()), (201, json!(number)));
    let change = call("PATCH", "/v1/tasks/CS0000001").header("if-match", "\"1\"");
    assert_eq!(change.json(&json!({"state": "on_hold"})).await.json()["state"], "on_hold");
    let look = call("GET", "/v1/tasks/CS0000001").header("frontdesk-interaction", number);
    assert_eq!(look.send().await.header("etag"), Some("\"2\""));
    let two = format!("/v1/tasks/CS0000001?interaction={number}");
    let two = call("GET", &two).header("frontdesk-interaction", "IMS0000099").send().await;
    assert_eq!((two.status, two.code().as_str()), (400, "invalid_header"));
    let list = call("GET", "/v1/tasks?kind=case").send().await.json();
    assert_eq!(list["data"][0]["number"], "CS0000001");

    let link = json!({"kind": "order", "id": "4711", "url": "https://shop.example/orders/4711"});
    let link = json!({"link": link});
    let related = format!("{path}/related-tasks");
    let linked = call("POST", &related).json(&link).await;
    assert_eq!((linked.status, linked.json()["operation"].clone()), (201, Value::Null));
    assert_eq!(call("POST", &related).json(&link).await.status, 200);
    let list = call("GET", &related).send().await.json();
    assert_eq!(list["data"].as_array().map(Vec::len), Some(3));
    let id = linked.json()["id"].as_str().expect("an id").to_owned();
    assert_eq!(call("DELETE", &format!("{related}/{id}")).send().await.status, 204);

    let policies = call("GET", "/v1/related-policies").send().await.json();
    let tables: Vec<_> = policies["data"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|policy| &policy["table"])
        .collect();
    assert_eq!(tables, ["case", "incident", "link", "request", "task"]);
    assert_eq!(policies["data"][3]["effective"]["one_per_interaction"], true);
    let policy = "/v1/related-policies/order";
    let unset = call("GET", policy).send().await;
    assert_eq!((unset.header("etag"), &unset.json()["operations"]), (Some("\"0\""), &Value::Null));
    let put = call("PUT", policy).header("if-match", "\"0\"");
    let put = put.json(&json!({"operations": []})).await;
    assert_eq!((put.status, put.header("etag")), (200, Some("\"1\"")));
    let put = call("PUT", policy).header("if-match", "\"1\"");
    let put = put.json(&json!({"one_per_interaction": true})).await;
    assert_eq!(put.json()["errors"][0]["pointer"], "/one_per_interaction");
    let not_logged = json!({"link": link["link"], "operation": "open"});
    assert_eq!(call("POST", &related).json(&not_logged).await.status, 204);
    assert_eq!(call("GET", "/v1/related-policies/No").send().await.code(), "not_found");

    let switch = "/v1/settings/related-records";
    let shown = call("GET", switch).send().await;
    let put = call("PUT", switch).header("if-match", shown.header("etag").expect("a version"));
    assert_eq!(put.json(&json!({"enabled": true})).await.json(), json!({"enabled": true}));
}
