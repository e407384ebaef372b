//! What is kept of a request: all that is needed to take it in again, and no secret.

use frontdesk_adapters::{Method, Request};
use serde_json::json;

use crate::{
    edge::{archived, signed_for},
    support::{
        Database, PUBLIC_URL, TestGateway, on_both,
        requests::{self, sms},
    },
};

on_both! {
    async fn a_token_in_an_address_is_not_archived(database: Database) {
        const TOKEN: &str = "fictional-token-0123456789";
        let gateway = TestGateway::start(&database).await;
        let account = json!({"token": TOKEN});
        gateway.add_channel("secret-address", "bandwidth", "+15005550009", account).await;
        let body = json!([{"type": "message-received", "to": "+15005550009", "message": {
            "id": "m1", "to": ["+15005550009"], "from": "+15550100002", "text": "Hello"}}]);
        let request = |token: &str| {
            let url = format!("{PUBLIC_URL}/webhooks/secret-address/{token}?a=1");
            let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
            Request::new(Method::Post, url, headers, body.to_string().into_bytes())
        };
        assert_eq!(gateway.send_as_it_is(request(&format!("{TOKEN}x"))).await.status, 401);
        assert!(gateway.send_as_it_is(request(TOKEN)).await.is_success());
        gateway.stop().await;
        let mut archived = archived(&database).await;
        archived.sort();
        assert_eq!(archived.len(), 2);
        assert!(archived.iter().all(|request| !request.contains("fictional-token")), "{archived:?}");
        assert!(archived[0].ends_with(" /webhooks/secret-address?a=1"), "{archived:?}");
    }

    async fn with_a_path_in_the_public_address_the_channel_is_archived_and_no_token(
        database: Database
    ) {
        const TOKEN: &str = "fictional-token-0123456789";
        const BASE: &str = "https://desk.example/gw";
        let gateway = TestGateway::with(&database, |config| {
            config.http.public_url = Some(BASE.to_owned());
        })
        .await;
        let account = json!({"token": TOKEN});
        gateway.add_channel("secret-address", "bandwidth", "+15005550009", account).await;
        let body = json!([{"type": "message-received", "to": "+15005550009", "message": {
            "id": "m1", "to": ["+15005550009"], "from": "+15550100002", "text": "Hello"}}]);
        let request = |path: &str| {
            let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
            let url = format!("{PUBLIC_URL}/webhooks/{path}");
            Request::new(Method::Post, url, headers, body.to_string().into_bytes())
        };
        for (path, status) in [
            (format!("secret-address/{TOKEN}/?a=1"), 200),
            (format!("secret%2Daddress/{TOKEN}"), 200),
            (format!("secret-address/{TOKEN}x"), 401),
            (format!("secret-adress/{TOKEN}/"), 404),
            (format!("secret-adress%2F{TOKEN}"), 404),
            (format!("webhooks/{TOKEN}"), 404),
        ] {
            assert_eq!(gateway.send_as_it_is(request(&path)).await.status, status, "{path}");
        }
        let sms = signed_for(BASE, &gateway, sms("+15550100002", "SM1", "hello"));
        assert!(gateway.send_as_it_is(sms).await.is_success());
        gateway.stop().await;
        let mut archived = archived(&database).await;
        archived.sort();
        assert_eq!(archived, [
            "accepted secret-address /webhooks/secret-address?a=1",
            "accepted twilio-main /webhooks/twilio-main",
            "duplicate secret-address /webhooks/secret-address",
            "refused secret-address /webhooks/secret-address",
            "unknown_channel null /webhooks/secret-adress",
            "unknown_channel null /webhooks/secret-adress",
            "unknown_channel null /webhooks/webhooks",
        ]);
    }

    async fn what_a_typing_error_brings_is_archived_without_secrets(database: Database) {
        const SECRET: &str = "fictional-secret-of-nobody";
        let gateway = TestGateway::start(&database).await;
        let padding = "x".repeat(16 * 1024 - 40);
        let body = json!({"pad": padding, "secret": SECRET, "type": "message_new"});
        let mut request = requests::json("vk-dmeo", &body);
        for name in ["X-Telegram-Bot-Api-Secret-Token", "Authorization", "x-our-token", "x-kept"] {
            request.headers.push((name.to_owned(), SECRET.to_owned()));
        }
        assert_eq!(gateway.send_as_it_is(request).await.status, 404);
        gateway.archived(1).await;
        let kept: Vec<(String, Vec<u8>)> =
            gateway.rows("select cast(headers as text), body from requests").await;
        let (headers, body) = &kept[0];
        assert_eq!(headers.matches(SECRET).count(), 1, "{headers}");
        assert!(headers.contains("x-kept"), "{headers}");
        assert_eq!(body.len(), 16 * 1024);
        let body = String::from_utf8_lossy(body);
        assert!(body.contains("secret") && !body.contains(&SECRET[..4]), "{}", &body[body.len() - 80..]);
        gateway.stop().await;
    }

    async fn a_long_query_is_archived_whole(database: Database) {
        let gateway = TestGateway::start(&database).await;
        let mut request = sms("+15550100002", "SM1", "hello");
        // Some providers put the text there, and have it come in parts.
        request.url = format!("{}?text={}", request.url, "%D0%9F".repeat(5_000));
        let target = request.url.replace(PUBLIC_URL, "");
        gateway.accept(request).await;
        assert_eq!(gateway.texts("select target from requests").await, [target]);
        gateway.stop().await;
    }
}
