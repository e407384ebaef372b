//! The API from outside: every answer is held against the document it publishes.

mod agents;
mod channels;
pub mod document;
mod erasures;
mod gateway;
mod identity;
mod interactions;
mod routing;
mod sinks;
mod tasks;
mod timers;

use std::collections::BTreeSet;

use frontdesk::{clock::Clock, keys::Scope};
use gateway::{Answer, Gateway, OUR_BOT, SECRET};
use serde_json::{Value, json};

use crate::support::{Database, on_both};

/// Handlers come with their description, as long as nobody reaches past `routes!`.
#[test]
fn no_route_is_registered_without_its_description() {
    let mut folders = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/api")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("a file");
            assert!(!text.contains(".route("), "{} registers past `routes!`", path.display());
        }
    }
}

on_both! {
    async fn every_operation_answers_as_the_document_says(database: Database) {
        let gateway = Gateway::start(&database).await;
        gateway.document.is_sound();
        let key = &gateway.key(Scope::Admin).await;
        let get = async |path: &str| gateway.call("GET", path).key(key).send().await;
        for path in ["/livez", "/readyz", "/readyz?verbose", "/metrics", "/openapi.json", "/docs"] {
            assert_eq!(gateway.call("GET", path).send().await.status, 200, "{path}");
        }

        let made = gateway.make_channel(key).await;
        assert_eq!((made.status, made.header("location")), (201, Some("/v1/channels/bot")));
        assert_eq!(get("/v1/channels").await.json()["data"][0]["id"], "bot");
        assert_eq!(get("/v1/channels/bot").await.json()["secrets"]["secret_token"]["count"], 1);
        let tested = gateway.call("POST", "/v1/channels/bot/test").key(key).send().await.json();
        assert_eq!(tested["webhook_url"], "https://desk.example/webhooks/bot");
        assert_eq!(tested["ok"], true);
        let rotation = gateway.call("POST", "/v1/channels/bot/rotate-secret").key(key);
        let rotated = rotation.json(&json!({"value": "another_Secret-2"})).await;
        assert_eq!(rotated.json()["secrets"]["secret_token"]["count"], 2);
        let change = gateway.call("PATCH", "/v1/channels/bot").key(key);
        let change = change.header("if-match", rotated.header("etag").expect("a version"));
        let changed = change.json(&json!({"settings": {"continuation": "never"}})).await;
        assert_eq!(changed.json()["settings"]["continuation"], "never");

        let queue = gateway.call("POST", "/v1/queues").key(key);
        let queue = queue.json(&json!({"id": "support"})).await;
        assert_eq!(queue.status, 201);
        assert_eq!(get("/v1/queues").await.json()["data"].as_array().map(Vec::len), Some(2));
        assert_eq!(get("/v1/queues/support").await.json()["name"], "support");
        let route = json!({"id": "refunds", "queue": "support", "when": {"text": "refund"}});
        let route = gateway.call("POST", "/v1/routes").key(key).json(&route).await;
        let change = gateway.call("PATCH", "/v1/routes/refunds").key(key);
        let change = change.header("if-match", route.header("etag").expect("a version"));
        assert_eq!(change.json(&json!({"priority": 7})).await.json()["priority"], 7);
        assert_eq!(get("/v1/routes/refunds").await.json()["when"]["text"], "refund");
        assert_eq!(get("/v1/routes").await.json()["data"][0]["id"], "refunds");
        let described = json!({"channel": "bot", "text": "Hello"});
        let tried = gateway.call("POST", "/v1/routes/try").key(key).json(&described).await.json();
        assert_eq!((&tried["route"], &tried["queue"]), (&Value::Null, &json!("default")));
        assert_eq!(tried["considered"][0]["unmet"], "text");

        let person = json!({"kind": "user", "name": "Ana", "phones": ["+1 212 555 0123"]});
        let person = gateway.call("POST", "/v1/people").key(key).json(&person).await;
        let path = person.header("location").expect("a place").to_owned();
        assert_eq!(get(&path).await.json()["phones"], json!(["+12125550123"]));
        assert_eq!(get("/v1/people?phone=+12125550123").await.json()["data"][0], person.json());
        let change = gateway.call("PATCH", &path).key(key).header("if-match", "\"1\"");
        assert_eq!(change.json(&json!({"email": "ana@mail.example"})).await.json()["version"], 2);
        assert_eq!(get(&format!("{path}/interactions")).await.json()["data"], json!([]));

        gateway.receive(1, 42, "I want a refund").await;
        gateway.receive(2, 42, "Hello?").await;
        gateway.receive(3, 42, "A refund, please").await;
        let interactions = get("/v1/interactions?channel=bot&active=true").await.json();
        let number = interactions["data"][0]["number"].as_str().expect("a number").to_owned();
        let interaction = get(&format!("/v1/interactions/{number}")).await.json();
        assert_eq!(interaction["work_item"]["queue"], "support");
        assert_eq!(interaction["work_item"]["position"], 1, "{interaction}");
        let messages = get(&format!("/v1/interactions/{number}/messages")).await.json();
        let message = messages["data"][0]["id"].as_str().expect("an id");
        let message = get(&format!("/v1/messages/{message}")).await.json();
        assert_eq!(message["events"], json!([]));
        assert_eq!(message["text"], messages["data"][0]["text"]);
        assert_eq!(messages["data"][0]["text"], "A refund, please");
        let items = get("/v1/queues/support/items").await.json();
        assert_eq!(items["data"][0]["position"], 1);
        assert_eq!(items["data"][0]["interaction"], number);
        let profiles = get("/v1/profiles?address=42").await.json();
        let profile = profiles["data"][0]["id"].as_str().expect("an id").to_owned();
        assert_eq!(get(&format!("/v1/profiles/{profile}")).await.json()["value"], "42");
        let requests = get("/v1/requests?channel=bot&outcome=accepted").await.json();
        assert_eq!(requests["data"].as_array().map(Vec::len), Some(3));
        let request = requests["data"][0]["id"].as_str().expect("an id").to_owned();
        let request = get(&format!("/v1/requests/{request}")).await.json();
        assert!(request["body"].as_str().expect("text").contains("A refund, please"));
        let replay = format!("/v1/requests/{}/replay", request["id"].as_str().expect("an id"));
        let replay = gateway.call("POST", &replay).key(key).json(&json!({"dry_run": true})).await;
        assert_eq!((&replay.json()["outcome"], &replay.json()["differences"]), (&json!("duplicate"), &json!([])));
        let explained = get(&format!("/v1/explain/{number}")).await.json();
        assert_eq!(explained["stories"][0]["title"], json!(format!("interaction {number}")));
        assert_eq!(get("/v1/consents?address=42").await.json()["data"], json!([]));

        let deleted = gateway.call("DELETE", "/v1/routes/refunds").key(key).send().await;
        assert_eq!(deleted.status, 204);
        let scrape = gateway.call("GET", "/metrics").send().await;
        let scrape = String::from_utf8(scrape.bytes).expect("text");
        for line in
            ["frontdesk_build_info{version=", "frontdesk_queue_depth{queue=\"support\"} 1\n"]
        {
            assert!(scrape.contains(line), "{line} in {scrape}");
        }

        agents::exercise(&gateway, key).await;
        interactions::exercise(&gateway, key, &number).await;
        tasks::exercise(&gateway, key, &number).await;
        routing::exercise(&gateway, key).await;
        identity::exercise(&gateway, key).await;
        timers::exercise(&gateway, key).await;
        erasures::exercise(&gateway, key).await;
        sinks::exercise(&gateway, key).await;

        let seen = gateway.seen.lock().expect("nobody panicked").clone();
        let operations = gateway.document.operations();
        let missed: BTreeSet<_> = operations.difference(&seen).collect();
        assert!(missed.is_empty(), "never answered well: {missed:?}");
        gateway.stop().await;
    }

    async fn a_change_of_a_channel_is_audited_without_its_secrets(database: Database) {
        let gateway = Gateway::start(&database).await;
        let key = &gateway.key(Scope::Admin).await;
        gateway.make_channel(key).await;
        let rotate = gateway.call("POST", "/v1/channels/bot/rotate-secret").key(key);
        let rotated = rotate.json(&json!({"value": "canary_Secret-2"})).await;
        let change = gateway.call("PATCH", "/v1/channels/bot").key(key);
        let change = change.header("if-match", rotated.header("etag").expect("a version"));
        change.json(&json!({"active": false})).await;

        let audit = gateway.call("GET", "/v1/audit?subject_kind=channel&subject=bot").key(key);
        let audit = audit.send().await;
        assert!(!String::from_utf8_lossy(&audit.bytes).contains("canary"), "{audit:?}");
        let audit = audit.json();
        let told = audit["data"].as_array().expect("a list").iter();
        let told: Vec<_> = told.map(|entry| (&entry["action"], &entry["changes"])).collect();
        assert_eq!(told.len(), 3);
        assert_eq!(told[0], (&json!("change"), &json!([{"field": "active", "from": true, "to": false}])));
        let replaced = json!([{"field": "secret_token", "from": "a secret", "to": "another secret"}]);
        assert_eq!(told[1], (&json!("rotate_secret"), &replaced));
        assert_eq!(told[2].0, "create");
        gateway.stop().await;
    }

    async fn every_failure_is_a_problem_that_says_what_to_do(database: Database) {
        let gateway = Gateway::start(&database).await;
        let key = &gateway.key(Scope::Admin).await;
        gateway.make_channel(key).await;
        let call = |method, path: &str| gateway.call(method, path).key(key);
        let queue = json!({"id": "support"});
        let big = json!({"id": "x".repeat(1 << 20)});
        let odd = json!({"id": "Not Good"});
        let wrong = json!({"id": 5});
        let extra = json!({"id": "a", "colour": "red"});
        let phones = json!({"kind": "user", "name": "Ana", "phones": ["+12125550123", "5"]});
        let no_token = json!({"id": "x", "provider": "telegram", "address": "1", "account": {}});
        let misplaced = json!({"id": "x", "provider": "telegram", "address": "1", "account": {},
            "settings": SECRET});
        let answers: Vec<(Answer, u16, &str, Option<&str>)> = vec![
            (gateway.call("GET", "/nowhere").send().await, 404, "not_found", None),
            (call("GET", "/v1/queues/none").send().await, 404, "not_found", None),
            (call("GET", "/v1/people/7").send().await, 404, "not_found", None),
            (call("GET", "/v1/interactions/IMS0000009").send().await, 404, "not_found", None),
            (call("PUT", "/v1/queues").send().await, 405, "method_not_allowed", None),
            (call("GET", "/v1/queues?limit=201").send().await, 400, "invalid_query", None),
            (call("GET", "/v1/queues?limit=few").send().await, 400, "invalid_query", None),
            (call("GET", "/v1/queues?after=x").send().await, 400, "invalid_query", None),
            (call("GET", "/v1/queues?colour=red").send().await, 400, "invalid_query", None),
            (call("GET", "/v1/requests?since=noon").send().await, 400, "invalid_query", None),
            (call("GET", "/v1/requests?outcome=odd").send().await, 400, "invalid_query", None),
            (call("GET", "/v1/consents").send().await, 400, "invalid_query", None),
            (call("POST", "/v1/queues").send().await, 415, "unsupported_media_type", None),
            (
                call("POST", "/v1/queues")
                    .header("content-type", "application/json")
                    .raw(b"{".to_vec())
                    .await,
                400,
                "malformed_json",
                None,
            ),
            (call("POST", "/v1/queues").json(&big).await, 413, "too_large", None),
            (call("POST", "/v1/queues").json(&odd).await, 422, "invalid_body", Some("/id")),
            (call("POST", "/v1/queues").json(&wrong).await, 422, "invalid_body", Some("/id")),
            (call("POST", "/v1/queues").json(&extra).await, 422, "invalid_body", Some("/colour")),
            (call("POST", "/v1/queues").json(&json!({})).await, 422, "invalid_body", Some("")),
            (call("POST", "/v1/queues").json(&queue).await, 201, "", None),
            (call("POST", "/v1/queues").json(&queue).await, 409, "exists", None),
            (
                call("POST", "/v1/people").json(&phones).await,
                422,
                "invalid_body",
                Some("/phones/1"),
            ),
            (
                call("POST", "/v1/channels").json(&no_token).await,
                422,
                "invalid_body",
                Some("/account/secret_token"),
            ),
            (
                call("POST", "/v1/channels").json(&misplaced).await,
                422,
                "invalid_body",
                Some("/settings"),
            ),
            (
                call("PATCH", "/v1/channels/bot").json(&json!({})).await,
                428,
                "precondition_required",
                None,
            ),
            (
                call("PATCH", "/v1/channels/bot")
                    .header("if-match", "\"9\"")
                    .json(&json!({}))
                    .await,
                412,
                "stale",
                None,
            ),
            (
                call("POST", "/v1/routes").json(&json!({"id": "r", "queue": "none"})).await,
                422,
                "invalid_body",
                Some("/queue"),
            ),
            (
                call("POST", "/v1/routes")
                    .json(&json!({"id": "r", "queue": "support", "when": {"text": "("}}))
                    .await,
                422,
                "invalid_body",
                Some("/when/text"),
            ),
        ];
        for (answer, status, code, pointer) in answers {
            let body = String::from_utf8_lossy(&answer.bytes).into_owned();
            assert_eq!(answer.status, status, "{body}");
            assert!(!body.contains(SECRET), "{body}");
            if status < 400 {
                continue;
            }
            assert_eq!(answer.code(), code, "{body}");
            assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{body}");
            let json = answer.json();
            assert_eq!(json["request_id"].as_str(), answer.header("x-request-id"), "{body}");
            assert_eq!(json["type"], format!("/docs#{code}"));
            assert_eq!(json["errors"][0]["pointer"].as_str(), pointer, "{body}");
            if status == 405 {
                assert_eq!(answer.header("allow"), Some("GET,HEAD,POST"));
            }
        }
        gateway.stop().await;
    }

    async fn a_key_opens_what_its_scope_says_until_it_ends(database: Database) {
        let gateway = Gateway::start(&database).await;
        let list = |key: &str| gateway.call("GET", "/v1/queues").key(key);
        let first = gateway.call("GET", "/v1/queues").send().await;
        assert_eq!((first.status, first.header("www-authenticate")), (401, Some("Bearer")));
        let detail = first.json()["detail"].to_string();
        assert!(detail.contains("frontdesk key create --scope admin"), "{detail}");

        let read = &gateway.key(Scope::Read).await;
        let write = &gateway.key(Scope::Write).await;
        assert_eq!(list(read).send().await.status, 200);
        let queue = json!({"id": "support"});
        let refused = gateway.call("POST", "/v1/queues").key(read).json(&queue).await;
        assert_eq!((refused.status, refused.code().as_str()), (403, "missing_scope"));
        assert!(refused.json()["detail"].to_string().contains("`write`"));
        assert_eq!(gateway.call("POST", "/v1/queues").key(write).json(&queue).await.status, 201);
        let refused = gateway.make_channel(write).await;
        assert!(refused.json()["detail"].to_string().contains("`admin`"));

        let now = Clock::system().now().as_millis();
        let expired = &gateway.key_until(Scope::Admin, Some(now - 1)).await;
        for key in [expired.as_str(), "fd_unknown", "nothing of ours"] {
            assert_eq!(list(key).send().await.code(), "invalid_key", "{key}");
        }
        let mut tx = gateway.app.store.begin().await.expect("a transaction");
        let keys = frontdesk::keys::list(&mut tx).await.expect("keys");
        assert!(keys[0].last_used_at.is_some_and(|at| at >= now - 60_000));
        assert!(frontdesk::keys::revoke(&mut tx, keys[0].id, now).await.expect("an answer"));
        tx.commit().await.expect("a commit");
        assert_eq!(list(read).send().await.code(), "invalid_key");
        gateway.stop().await;
    }

    async fn without_a_database_it_is_alive_and_not_ready(database: Database) {
        let gateway = Gateway::start(&database).await;
        let key = &gateway.key(Scope::Read).await;
        gateway.app.store.close().await;
        assert_eq!(gateway.call("GET", "/livez").send().await.status, 200);
        let unready = gateway.call("GET", "/readyz").send().await;
        assert_eq!((unready.status, unready.header("retry-after")), (503, Some("2")));
        let cause = format!("{}: the database cannot be reached", gateway.app.store.engine());
        assert_eq!(unready.json()["causes"], json!([cause]));
        assert_eq!(gateway.call("GET", "/metrics").send().await.status, 200);
        let refused = gateway.call("GET", "/v1/queues").key(key).send().await;
        assert_eq!((refused.status, refused.code().as_str()), (503, "unavailable"));
        assert_eq!(refused.header("retry-after"), Some("2"));
        gateway.stop().await;
    }

    async fn the_character_nul_is_refused_wherever_it_is(database: Database) {
        let gateway = Gateway::start(&database).await;
        let key = &gateway.key(Scope::Admin).await;
        gateway.make_channel(key).await;
        for path in ["profiles?address=%00", "people?phone=%00", "interactions?channel=%00", "people?name=a%00b"] {
            let refused = gateway.call("GET", &format!("/v1/{path}")).key(key).send().await;
            assert_eq!((refused.status, refused.code().as_str()), (400, "invalid_query"), "{path}");
            assert!(refused.json()["detail"].to_string().contains("character NUL"), "{path}");
        }
        for path in ["channels/%00", "queues/a%00", "agents/%00"] {
            let refused = gateway.call("GET", &format!("/v1/{path}")).key(key).send().await;
            assert_eq!((refused.status, refused.code().as_str()), (404, "not_found"), "{path}");
        }
        for (path, body, pointer) in [
            ("people", json!({"kind": "user", "name": "a\0b"}), "/name"),
            ("people", json!({"kind": "user", "name": "Ana", "phones": ["+15550100001", "\0"]}), "/phones/1"),
            ("queues", json!({"id": "night", "name": "\\\0"}), "/name"),
            ("agents", json!({"id": "ana", "name": "\0"}), "/name"),
        ] {
            let refused = gateway.call("POST", &format!("/v1/{path}")).key(key).json(&body).await;
            assert_eq!((refused.status, &refused.json()["errors"][0]["pointer"]), (422, &json!(pointer)));
        }
        // A backslash before the same letters is no NUL.
        let said = json!({"kind": "user", "name": r"C:\u0000"});
        assert_eq!(gateway.call("POST", "/v1/people").key(key).json(&said).await.status, 201);
        gateway.stop().await;
    }

    async fn lists_go_on_where_they_stopped(database: Database) {
        let gateway = Gateway::start(&database).await;
        let key = &gateway.key(Scope::Admin).await;
        gateway.make_channel(key).await;
        for update in 0..5 {
            gateway.receive(update, update + 100, "Hello").await;
            let queue = json!({"id": format!("q{update}")});
            gateway.call("POST", "/v1/queues").key(key).json(&queue).await;
            let id = format!("r{update}");
            let route = json!({"id": id, "queue": "default", "position": -update});
            gateway.call("POST", "/v1/routes").key(key).json(&route).await;
        }
        for (path, count) in [
            ("/v1/interactions", 5),
            ("/v1/profiles", 5),
            ("/v1/requests", 5),
            ("/v1/queues", 6),
            ("/v1/routes", 5),
            ("/v1/queues/default/items", 5),
            ("/v1/interactions/IMS0000001/messages", 1),
        ] {
            let whole = gateway.call("GET", path).key(key).send().await.json();
            assert_eq!(whole["next"], Value::Null, "{path}");
            let mut pages = Vec::new();
            let mut after = String::new();
            loop {
                let page = format!("{path}?limit=2{after}");
                let page = gateway.call("GET", &page).key(key).send().await.json();
                pages.extend(page["data"].as_array().expect("a list").clone());
                match page["next"].as_str() {
                    Some(next) => after = format!("&after={next}"),
                    None => break,
                }
            }
            assert_eq!(pages.len(), count, "{path}");
            assert_eq!(Value::from(pages), whole["data"], "{path}");
        }
        gateway.stop().await;
    }

    async fn a_repeated_request_gets_its_first_answer(database: Database) {
        let gateway = Gateway::start(&database).await;
        let key = &gateway.key(Scope::Write).await;
        let post = |idempotency_key: &str| {
            gateway.call("POST", "/v1/people").key(key).header("idempotency-key", idempotency_key)
        };
        let ana = json!({"kind": "user", "name": "Ana"});
        let (first, second) = tokio::join!(post("one").json(&ana), post("one").json(&ana));
        assert!([first.status, second.status].contains(&201));
        let again = post("one").json(&ana).await;
        assert_eq!((again.status, again.header("idempotency-replayed")), (201, Some("true")));
        assert_eq!(
            again.header("location"),
            Some(&*format!("/v1/people/{}", again.json()["id"].as_str().expect("an id")))
        );
        assert_eq!(post("one").json(&json!({"kind": "user", "name": "Bea"})).await.status, 422);
        let problem = post("two").json(&json!({"kind": "user", "name": " "})).await;
        let repeated = post("two").json(&json!({"kind": "user", "name": " "})).await;
        assert_eq!((problem.status, problem.bytes), (repeated.status, repeated.bytes));
        assert_eq!(post("").json(&ana).await.code(), "invalid_header");
        let other_key = &gateway.key(Scope::Write).await;
        let other = gateway.call("POST", "/v1/people").key(other_key);
        let other = other.header("idempotency-key", "one").json(&ana).await;
        assert_eq!((other.status, other.header("idempotency-replayed")), (201, None));
        let people = gateway.call("GET", "/v1/people").key(key).send().await.json();
        assert_eq!(people["data"].as_array().map(Vec::len), Some(2));
        gateway.stop().await;
    }

    async fn a_secret_goes_in_and_never_comes_out(database: Database) {
        let gateway = Gateway::start(&database).await;
        let key = &gateway.key(Scope::Admin).await;
        let mut answers = vec![gateway.make_channel(key).await];
        gateway.receive(1, 42, "Hello").await;
        for path in ["/v1/channels", "/v1/channels/bot", "/v1/requests", "/metrics"] {
            answers.push(gateway.call("GET", path).key(key).send().await);
        }
        let request = answers[3].json()["data"][0]["id"].as_str().expect("an id").to_owned();
        answers.push(gateway.call("GET", &format!("/v1/requests/{request}")).key(key).send().await);
        let rotate = || gateway.call("POST", "/v1/channels/bot/rotate-secret").key(key);
        answers.push(rotate().json(&json!({"value": "newer_Secret-2"})).await);
        // Both verify while both are there; then only the newest does.
        gateway.receive(2, 42, "Still there").await;
        answers.push(rotate().json(&json!({"keep_old": false})).await);
        let etag = answers.last().and_then(|answer| answer.header("etag")).expect("a version");
        let back = json!({"account": {"secret_token": SECRET, "bot_id": OUR_BOT}});
        let change = gateway.call("PATCH", "/v1/channels/bot").key(key).header("if-match", etag);
        answers.push(change.json(&back).await);
        gateway.receive(3, 42, "And again").await;
        for answer in answers {
            let body = String::from_utf8(answer.bytes).expect("text");
            assert_eq!(answer.status / 100, 2, "{body}");
            assert!(!body.contains("Secret-"), "{body}");
            assert!(!body.contains(key), "{body}");
        }
        gateway.stop().await;
    }
}
