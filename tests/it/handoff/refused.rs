//! Sinks that could never work, and what is said about them.

use serde_json::{Value, json};

use super::sinks::{desk, hook};
use crate::support::{Database, Desk, TestGateway, on_both};

on_both! {
    async fn a_sink_that_may_not_be_called_is_refused_or_fails(database: Database) {
        let desk = Desk::at(TestGateway::start(&database).await).await;
        for (url, told) in [
            ("http://crm.example/in", "plain http is only spoken to"),
            ("https://127.0.0.1/in", "not on the internet"),
            ("https://169.254.169.254/latest", "not on the internet"),
        ] {
            let new = json!({"id": "crm", "kind": "webhook", "url": url});
            let (status, problem) = desk.call(None, "POST", "sinks", None, Some(new)).await;
            assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!("/url")));
            assert!(problem["detail"].as_str().is_some_and(|it| it.contains(told)), "{problem}");
        }
        // A name is looked up when it is called, each time.
        hook(&desk, "crm", "https://localhost/in", json!({})).await;
        let (_, tested) = desk.call(None, "POST", "sinks/crm/test", None, None).await;
        assert_eq!(tested["ok"], false);
        assert!(tested["detail"].as_str().is_some_and(|it| it.contains("not on the internet")));
        desk.gateway.stop().await;
    }

    async fn a_sink_that_could_never_work_is_refused_with_a_pointer(database: Database) {
        let desk = desk(&database).await;
        let login = json!({"user": "frontdesk", "password": "hush"});
        let hook_to = |settings: Value| (json!("webhook"), json!("https://crm.example/in"), settings);
        let nats_at = |url: &str| (json!("nats"), json!(url), json!({}));
        for ((kind, url, settings), login, pointer) in [
            (hook_to(json!({})), login.clone(), "/login"),
            (hook_to(json!({"subject": "desk"})), Value::Null, "/settings/subject"),
            (hook_to(json!({"channels": ["nope"]})), Value::Null, "/settings/channels"),
            (hook_to(json!({"queues": ["default", "nope"]})), Value::Null, "/settings/queues"),
            ((json!("nats"), json!("tls://nats.example"), json!({"signature": "v1a"})), Value::Null,
                "/settings/signature"),
            (nats_at("nats://127.0.0.1:99999"), Value::Null, "/url"),
            (nats_at("nats://127.0.0.1:0"), Value::Null, "/url"),
            (nats_at("nats://a b"), Value::Null, "/url"),
            (nats_at("nats://127.0.0.1:4222/foo"), Value::Null, "/url"),
            (nats_at("nats://127.0.0.1?tls=no"), Value::Null, "/url"),
            (nats_at("nats://10.0.0.1"), Value::Null, "/url"),
            (nats_at("tls://10.0.0.1"), Value::Null, "/url"),
            (nats_at("tls://nats.example"), json!({"user": "u"}), "/login"),
            (nats_at("tls://nats.example"), json!({"password": "hush"}), "/login"),
            (nats_at("tls://nats.example"), json!({}), "/login"),
            (nats_at("tls://nats.example"),
                json!({"user": "u", "password": "hush", "token": "t"}), "/login"),
        ] {
            let new = json!({"id": "odd", "kind": kind, "url": url, "settings": settings, "login": login});
            let (status, problem) = desk.call(None, "POST", "sinks", None, Some(new.clone())).await;
            assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!(pointer)), "{new}: {problem}");
        }
        for (id, url, login) in [
            ("one", "nats://127.0.0.1:4222/", Value::Null),
            ("two", "tls://nats.example", login),
            ("three", "tls://[2606:4700::1]:4222", json!({"token": "t"})),
        ] {
            let new = json!({"id": id, "kind": "nats", "url": url, "login": login});
            let (status, made) = desk.call(None, "POST", "sinks", None, Some(new)).await;
            assert_eq!(status, 201, "{made}");
        }
        // What is changed is checked like what is new.
        let settings = json!({"channels": ["twilio-main"], "queues": ["default"]});
        hook(&desk, "crm", "https://crm.example/in", settings).await;
        for (change, pointer) in [
            (json!({"settings": {"channels": ["twilio-main", "nope"]}}), "/settings/channels"),
            (json!({"login": {"token": "t"}}), "/login"),
        ] {
            let (status, problem) = desk.call(None, "PATCH", "sinks/crm", Some(1), Some(change)).await;
            assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!(pointer)), "{problem}");
        }
        desk.gateway.stop().await;
    }
}
