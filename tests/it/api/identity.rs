//! Senders, merges, people and consents, operation by operation.

use serde_json::{Value, json};

use super::gateway::Gateway;

/// Every operation of these nouns, answered well; two senders are made for it.
pub async fn exercise(gateway: &Gateway, key: &str) {
    let call =
        |method, path: &str| gateway.call(method, path).key(key).header("frontdesk-agent", "ana");
    let does = async |path: &str, body: Value| {
        let answer = call("POST", path).json(&body).await;
        assert!((200..300).contains(&answer.status), "{path}: {}", answer.json());
        answer.json()
    };
    let person = does("/v1/people", json!({"kind": "contact", "name": "Gil"})).await["id"].clone();
    let other = does("/v1/people", json!({"kind": "user", "name": "Hal"})).await["id"].clone();
    gateway.receive(51, 151, "Hello").await;
    gateway.receive(52, 152, "Hello").await;
    let profile = async |address: &str| {
        let list = call("GET", &format!("/v1/profiles?address={address}")).send().await.json();
        let list = list["data"].as_array().expect("a list").clone();
        let active = list.into_iter().find(|profile| profile["active"] == true);
        active.expect("a profile")["id"].as_str().expect("an id").to_owned()
    };
    let path = format!("/v1/profiles/{}", profile("151").await);
    let linked = does(&format!("{path}/link"), json!({"person": person})).await;
    assert_eq!(linked["people"][0]["name"], "Gil");
    let verified = json!({"method": "callback", "confirm": true});
    assert_eq!(does(&format!("{path}/verify"), verified.clone()).await["verified_by"], "agent:ana");
    let blocked = does(&format!("{path}/block"), json!({"reason": "Spam"})).await;
    assert_eq!(blocked["blocked_reason"], "Spam");
    assert_eq!(does(&format!("{path}/unblock"), json!({})).await["blocked_at"], Value::Null);
    let moved = does(&format!("{path}/reassociate"), json!({"person": other})).await;
    assert_eq!(moved["person_id"], other);

    let (kept, given_up) = (profile("151").await, profile("152").await);
    for address in ["151", "152"] {
        let open = format!("/v1/interactions?active=true&profile={}", profile(address).await);
        let open = call("GET", &open).send().await.json();
        let number = open["data"][0]["number"].as_str().expect("a number");
        let path = format!("/v1/interactions/{number}");
        does(&format!("{path}/verify"), json!({"method": "callback", "person": other})).await;
        does(&format!("{path}/person"), json!({"kind": "user", "name": "Ida"})).await;
        does(&format!("{path}/close"), json!({"short_description": "Done"})).await;
        let nobody = format!("/v1/profiles/{}/link", profile(address).await);
        does(&nobody, json!({"person": null})).await;
    }
    let merge = does(&format!("/v1/profiles/{kept}/merge"), json!({"profile": given_up})).await;
    let merge = format!("/v1/merges/{}", merge["id"].as_str().expect("an id"));
    assert_eq!(call("GET", &merge).send().await.json()["state"], "confirmed");
    let list = call("GET", "/v1/merges?state=confirmed").send().await.json();
    assert_eq!(list["data"][0]["kept_id"], kept);
    assert_eq!(does(&format!("{merge}/undo"), json!({})).await["state"], "undone");
    let proposed = gateway.propose_merge(&kept, &given_up).await;
    let path = format!("/v1/merges/{proposed}");
    assert_eq!(does(&format!("{path}/dismiss"), json!({})).await["state"], "dismissed");
    assert_eq!(does(&format!("{path}/confirm"), json!({})).await["state"], "confirmed");
    let gone = does(&format!("/v1/profiles/{kept}/deactivate"), json!({})).await;
    assert_eq!(gone["active"], false);

    let file = b"external_id,kind,name\nC-1,user,Jo\n".to_vec();
    let import = call("POST", "/v1/people/import").header("content-type", "text/csv");
    assert_eq!(import.raw(file).await.json()["created"], 1);
    let decision = json!({"scheme": "telegram", "value": "152", "our_address": "7000000001",
        "state": "opted_out", "reason": "Said so"});
    let put = call("PUT", "/v1/consents").json(&decision).await;
    assert_eq!((put.status, put.json()["state"].clone()), (200, json!("opted_out")));
    let history = call("GET", "/v1/consents/history?address=152").send().await.json();
    assert_eq!(history["data"][0]["reason"], "Said so");
}
