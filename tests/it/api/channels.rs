//! Channels that change while their providers go on.

use frontdesk::{ingest::IngestError, keys::Scope};
use serde_json::{Value, json};

use super::gateway::{Gateway, OUR_BOT, SECRET};
use crate::support::{Database, on_both};

const NEW: &str = "another_Secret-2";
/// What secrets are sealed with once the key is lost.
const ANOTHER_KEY: &str = "ZnJvbnRkZXNrIHRlc3RzLCBhbm90aGVyIGtleSAwMDA=";

on_both! {
    async fn while_a_secret_is_rotated_both_prove_and_then_only_the_new_one(database: Database) {
        let gateway = Gateway::start(&database).await;
        let key = &gateway.key(Scope::Admin).await;
        gateway.make_channel(key).await;
        let rotate = async |rotation| {
            let call = gateway.call("POST", "/v1/channels/bot/rotate-secret").key(key);
            assert_eq!(call.json(&rotation).await.status, 200);
        };
        let is_refused = |received| matches!(received, Err(IngestError::Refused(_)));
        assert!(is_refused(gateway.receive_with(NEW, 1, 7, "Too early").await));
        rotate(json!({"value": NEW})).await;
        gateway.receive_with(SECRET, 2, 7, "With the old one").await.expect("taken");
        gateway.receive_with(NEW, 3, 7, "With the new one").await.expect("taken");
        rotate(json!({"keep_old": false})).await;
        assert!(is_refused(gateway.receive_with(SECRET, 4, 7, "Too late").await));
        gateway.receive_with(NEW, 5, 7, "From now on").await.expect("taken");
        gateway.stop().await;
    }

    async fn what_a_lost_key_sealed_is_entered_again(database: Database) {
        let gateway = Gateway::start(&database).await;
        let key = &gateway.key(Scope::Admin).await;
        gateway.make_channel(key).await;
        let login = json!({"user": "desk", "password": NEW});
        let crm = json!({"id": "crm", "kind": "webhook", "url": "https://crm.example/in"});
        let stream = json!({"id": "stream", "kind": "nats", "url": "tls://nats.example",
            "settings": {"subject": "desk"}, "login": login});
        for sink in [&crm, &stream] {
            let made = gateway.call("POST", "/v1/sinks").key(key).json(sink).await;
            assert_eq!(made.status, 201, "{}", made.json());
        }
        gateway.stop().await;
        let gateway = Gateway::with_secrets_key(&database, ANOTHER_KEY).await;
        let call = |method, path: &str| gateway.call(method, path).key(key).header("if-match", "*");

        let shown = gateway.call("GET", "/v1/channels/bot").key(key).send().await;
        assert!(shown.json()["unusable"].as_str().expect("why").contains("whole `account`"));
        assert_eq!((&shown.json()["provider"], shown.header("etag")), (&json!("telegram"), Some("\"1\"")));
        let ready = gateway.call("GET", "/readyz?verbose").send().await.json();
        let checks = ready["checks"].as_array().expect("checks");
        assert!(checks.iter().any(|check| check["name"] == "channel bot" && check["ok"] == false));
        let rotated = call("POST", "/v1/channels/bot/rotate-secret").json(&json!({"value": NEW})).await;
        assert_eq!(rotated.code(), "channel_unusable");
        let half = call("PATCH", "/v1/channels/bot").json(&json!({"account": {"bot_id": OUR_BOT}})).await;
        assert_eq!((half.status, &half.json()["errors"][0]["pointer"]), (422, &json!("/account/secret_token")));
        let account = json!({"bot_id": OUR_BOT, "secret_token": SECRET, "bot_token": format!("{OUR_BOT}:{SECRET}")});
        let stale = gateway.call("PATCH", "/v1/channels/bot").key(key).header("if-match", "\"7\"");
        assert_eq!(stale.json(&json!({"account": account})).await.code(), "stale");
        let whole = call("PATCH", "/v1/channels/bot").json(&json!({"account": account})).await;
        assert_eq!((whole.status, &whole.json()["unusable"]), (200, &Value::Null));
        let audited = call("GET", "/v1/audit?subject_kind=channel&subject=bot").send().await.json();
        assert_eq!(audited["data"][0]["action"], "reenter_secrets");

        let signed = call("POST", "/v1/sinks/crm/rotate-secret").json(&json!({})).await;
        assert_eq!(signed.status, 200, "{}", signed.json());
        let bare = call("PATCH", "/v1/sinks/stream").json(&json!({"url": "tls://other.example"})).await;
        assert_eq!(bare.code(), "sink_unusable");
        let entered = call("PATCH", "/v1/sinks/stream").json(&json!({"login": login})).await;
        assert_eq!(entered.status, 200, "{}", entered.json());
        gateway.stop().await;
    }
}
