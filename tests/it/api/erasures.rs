//! Erasing a person, operation by operation.

use serde_json::{Value, json};

use super::gateway::Gateway;

/// Every operation of this noun, answered well.
pub async fn exercise(gateway: &Gateway, key: &str) {
    let call = |method, path: &str| gateway.call(method, path).key(key);
    let person = json!({"kind": "user", "name": "Zoe", "phones": ["+12125550188"]});
    let person = call("POST", "/v1/people").json(&person).await.json()["id"].clone();
    let looked =
        call("POST", "/v1/erasures").json(&json!({"person": person, "dry_run": true})).await;
    assert_eq!((looked.status, looked.json()["receipt"].clone()), (200, Value::Null));
    assert_eq!(looked.json()["removed"]["people"], 1);
    let erased = call("POST", "/v1/erasures").json(&json!({"person": person})).await;
    assert_eq!((erased.status, erased.json()["removed"]["people"].clone()), (201, json!(1)));
    let receipt = erased.json()["receipt"].clone();
    let id = receipt["id"].as_str().expect("an id");
    assert_eq!(call("GET", &format!("/v1/erasures/{id}")).send().await.json(), receipt);
    let list = call("GET", "/v1/erasures").send().await.json();
    assert_eq!(list["data"], json!([receipt]));
    let again = call("POST", "/v1/erasures").json(&json!({"person": person})).await;
    assert_eq!(again.code(), "not_found");
}
