//! Channels that change while their providers go on.

use frontdesk::{ingest::IngestError, keys::Scope};
use serde_json::json;

use super::gateway::{Gateway, SECRET};
use crate::support::{Database, on_both};

const NEW: &str = "another_Secret-2";

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
}
