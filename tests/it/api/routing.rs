//! Queues, work items and agents' keys over the API.

use frontdesk::{
    keys::Scope,
    routing::{self, Route},
};
use serde_json::{Value, json};

use super::gateway::{Gateway, SECRET};
use crate::support::{Database, on_both};

/// Every operation that moves work items, answered well. There are the queue `support`, the channel
/// `bot` and the agents `ana` and `ben`.
pub async fn exercise(gateway: &Gateway, key: &str) {
    let call =
        |method, path: &str| gateway.call(method, path).key(key).header("frontdesk-agent", "ana");
    let settings = json!({
        "priority": 10,
        "sort": ["priority", "opened_at"],
        "schedule": {
            "time_zone": "Europe/Lisbon",
            "hours": [{"days": ["mon", "tue", "wed", "thu", "fri"], "from": "09:00", "to": "18:00"}],
            "holidays": ["2026-12-25"],
        },
        "pools": [{"after_seconds": 3600}],
        "max_wait": {"seconds": 600, "message": "Please bear with us"},
        "overflow": {"queue": "default", "above": 100},
    });
    let change = call("PATCH", "/v1/queues/support").header("if-match", "\"1\"");
    let changed = change.json(&json!({"settings": settings})).await;
    assert_eq!(changed.status, 200, "{}", changed.json());
    assert_eq!(changed.json()["settings"]["schedule"], settings["schedule"]);
    assert_eq!(changed.json()["settings"]["offer_seconds"], 30);
    let plain = json!({"name": "Support", "settings": {}});
    let change = call("PATCH", "/v1/queues/support").header("if-match", "\"2\"");
    assert_eq!(change.json(&plain).await.json()["name"], "Support");
    let audit = call("GET", "/v1/audit?subject_kind=queue&subject=support").send().await.json();
    assert_eq!(audit["data"][0]["author"], "ana");
    assert_eq!(audit["data"].as_array().map(Vec::len), Some(3));

    let agent = call("GET", "/v1/agents/ana").send().await;
    let version = agent.header("etag").expect("a version").to_owned();
    let change = call("PATCH", "/v1/agents/ana").header("if-match", &version);
    let how = json!({"queues": ["support"], "skills": ["billing"], "capacity": {"messaging": 8}});
    let employed = change.json(&how).await;
    assert_eq!(employed.json()["capacity"]["messaging"], 8, "{}", employed.json());
    assert_eq!(employed.json()["load"]["messaging"], 0);
    let presence = json!({"presence": "available"});
    let present = call("POST", "/v1/agents/ana/presence").json(&presence).await;
    assert_eq!(present.json()["presence"], "available");

    gateway.receive(50, 50, "Hello").await;
    gateway.receive(51, 51, "Hello").await;
    let to = json!({"queue": "support"});
    let waiting = call("GET", "/v1/interactions?active=true&state=new").send().await.json();
    for interaction in waiting["data"].as_array().expect("a list") {
        let number = interaction["number"].as_str().expect("a number");
        let path = format!("/v1/interactions/{number}/transfer");
        assert_eq!(call("POST", &path).json(&to).await.status, 200);
    }
    let claimed = call("POST", "/v1/queues/support/claim").json(&json!({"seconds": 30})).await;
    assert_eq!(claimed.status, 200);
    let item = claimed.json()["id"].as_str().expect("an id").to_owned();
    let path = format!("/v1/work-items/{item}");
    let list = call("GET", "/v1/work-items?agent=ana&state=pending_accept&queue=support");
    assert_eq!(list.send().await.json()["data"][0]["id"], json!(item));
    let renewed = call("POST", &format!("{path}/renew")).json(&json!({"seconds": 60})).await;
    assert!(renewed.json()["lease_until"].as_str() > claimed.json()["lease_until"].as_str());
    let reason = json!({"reason": "busy"});
    let rejected = call("POST", &format!("{path}/reject")).json(&reason).await;
    assert_eq!(rejected.json()["state"], "queued");
    let shown = call("GET", &path).send().await.json();
    assert_eq!(
        (&shown["position"], &shown["history"][1]["event"]),
        (&json!(1), &json!("rejected"))
    );
    let again = call("POST", "/v1/queues/support/claim").json(&json!({})).await.json();
    assert_eq!(again["id"], json!(item));
    let accepted = call("POST", &format!("{path}/accept")).json(&json!({})).await;
    assert_eq!(accepted.json()["state"], "accepted", "{}", accepted.json());
    assert_eq!(call("GET", &path).send().await.json()["position"], Value::Null);

    let made =
        call("POST", "/v1/agents/ana/keys").json(&json!({"name": "desktop", "days": 30})).await;
    assert_eq!(made.status, 201, "{}", made.json());
    let place = made.header("location").expect("a place").to_owned();
    let keys = call("GET", "/v1/agents/ana/keys").send().await.json();
    assert_eq!(
        (&keys["data"][0]["name"], &keys["data"][0]["key"]),
        (&json!("desktop"), &Value::Null)
    );
    assert_eq!(call("DELETE", &place).send().await.status, 204);
}

on_both! {
    async fn an_agents_own_key_acts_as_that_agent_only(database: Database) {
        let gateway = Gateway::start(&database).await;
        let admin = &gateway.key(Scope::Admin).await;
        let write = &gateway.key(Scope::Write).await;
        for id in ["ana", "ben"] {
            let agent = json!({"id": id, "name": id, "queues": ["default"]});
            assert_eq!(gateway.call("POST", "/v1/agents").key(admin).json(&agent).await.status, 201);
        }
        gateway.make_channel(admin).await;
        gateway.receive(1, 42, "Hello").await;
        let make = async |key: &str| {
            gateway.call("POST", "/v1/agents/ana/keys").key(key).json(&json!({})).await
        };
        assert_eq!(make(write).await.code(), "missing_scope");
        let own = make(admin).await.json()["key"].as_str().expect("a key").to_owned();
        let own = own.as_str();
        assert_eq!(make(own).await.code(), "missing_scope");
        let post = async |path: &str, body: Value| {
            let answer = gateway.call("POST", path).key(own).json(&body).await;
            (answer.status, if answer.bytes.is_empty() { Value::Null } else { answer.json() })
        };
        let here = json!({"presence": "available"});
        assert_eq!(post("/v1/agents/ben/presence", here.clone()).await.1["code"], "other_agent");
        assert_eq!(post("/v1/agents/ana/presence", here).await.1["presence"], "available");
        for (path, body) in [
            ("/v1/queues/default/claim", json!({"agent": "ben"})),
            ("/v1/interactions/IMS0000001/accept", json!({"agent": "ben"})),
        ] {
            assert_eq!(post(path, body).await.1["code"], "other_agent", "{path}");
        }
        let claimed = post("/v1/queues/default/claim", json!({})).await.1;
        assert_eq!(claimed["assigned_to"], "ana");
        let item = format!("/v1/work-items/{}", claimed["id"].as_str().expect("an id"));
        for action in ["accept", "renew", "reject"] {
            let body = match action {
                "reject" => json!({"agent": "ben", "reason": "busy"}),
                _ => json!({"agent": "ben"}),
            };
            assert_eq!(post(&format!("{item}/{action}"), body).await.1["code"], "other_agent");
        }
        // A program's key acts for whom it names.
        let named = gateway.call("POST", &format!("{item}/accept")).key(write);
        assert_eq!(named.json(&json!({"agent": "ana"})).await.json()["state"], "accepted");
        gateway.stop().await;
    }

    async fn a_closed_queue_is_passed_over_and_trying_says_so(database: Database) {
        let gateway = Gateway::start(&database).await;
        let key = &gateway.key(Scope::Admin).await;
        gateway.make_channel(key).await;
        let post = async |path: &str, body: Value| {
            let answer = gateway.call("POST", path).key(key).json(&body).await;
            (answer.status, answer.json())
        };
        let schedule = json!({"time_zone": "America/New_York", "holidays": ["2026-07-03"],
            "hours": [{"days": ["fri"], "from": "09:00", "to": "17:00"}]});
        let day = json!({"id": "day", "settings": {"schedule": schedule}});
        assert_eq!(post("/v1/queues", day).await.0, 201);
        assert_eq!(post("/v1/queues", json!({"id": "night"})).await.0, 201);
        for (id, skills) in [("day", json!(["english"])), ("night", json!([]))] {
            let route = json!({"id": id, "queue": id, "skills": skills});
            assert_eq!(post("/v1/routes", route).await.0, 201);
        }
        for (at, queue, unmet) in [
            ("2026-07-10T13:00:00Z", "day", Value::Null),
            ("2026-07-10T12:59:59Z", "night", json!("schedule")),
            ("2026-07-10T21:00:00Z", "night", json!("schedule")),
            ("2026-07-03T15:00:00Z", "night", json!("schedule")),
        ] {
            let message = json!({"channel": "bot", "text": "Hello", "at": at});
            let tried = post("/v1/routes/try", message).await.1;
            assert_eq!((&tried["queue"], &tried["considered"][0]["unmet"]), (&json!(queue), &unmet), "{at}");
            let skills = if queue == "day" { json!(["english"]) } else { json!([]) };
            assert_eq!(tried["skills"], skills);
        }
        let wrong = json!({"id": "x", "settings": {"schedule": {"time_zone": "Mars", "hours": []}}});
        assert_eq!(post("/v1/queues", wrong).await.1["errors"][0]["pointer"], "/settings/schedule/time_zone");
        let into = json!({"id": "x", "settings": {"overflow": {"queue": "nowhere"}}});
        assert_eq!(post("/v1/queues", into).await.1["errors"][0]["pointer"], "/settings/overflow/queue");
        let skill = json!({"id": "x", "queue": "day", "skills": ["A B"]});
        assert_eq!(post("/v1/routes", skill).await.1["errors"][0]["pointer"], "/skills");
        gateway.stop().await;
    }

    async fn conditions_that_never_hold_are_refused_where_they_stand(database: Database) {
        let gateway = Gateway::start(&database).await;
        let key = &gateway.key(Scope::Admin).await;
        gateway.make_channel(key).await;
        let post = async |path: &str, body: Value| {
            let answer = gateway.call("POST", path).key(key).json(&body).await;
            (answer.status, answer.json())
        };
        let number = json!({"id": "sms", "provider": "twilio", "address": "+15005550006",
            "account": {"account_sid": "AC00000000000000000000000000000001", "auth_token": SECRET}});
        let spelled = json!({"id": "page", "provider": "chat", "address": "(500) 555-0009",
            "account": {"secret": "whsec_ZGVzay5leGFtcGxlIGZpY3Rpb25hbCBrZXkgMDAwMQ=="}});
        for channel in [number, spelled] {
            let (status, answer) = post("/v1/channels", channel).await;
            assert_eq!(status, 201, "{answer}");
        }
        for (when, condition, told) in [
            (json!({"channel": "nope"}), "channel", "there is no channel `nope`; make it first"),
            (json!({"channel": ["bot", "nope"]}), "channel", "`nope`"),
            (json!({"channel": []}), "channel", "leave it out to allow any"),
            (json!({"medium": []}), "medium", "leave it out to allow any"),
            (json!({"medium": 5}), "medium", "expected a text or several of them"),
            (json!({"medium": "smsx"}), "medium", "give one of `sms`"),
            (json!({"person_kind": "usr"}), "person_kind", "give one of `user`"),
            (json!({"country": "Brazil"}), "country", "such as BR"),
            (json!({"language": "Portuguese"}), "language", "such as pt or pt-BR"),
            (json!({"address": "+1 500 555 0006"}), "address", "write this number as +15005550006"),
            (json!({"address": "(500) 555-0006"}), "address", "as + and digits, such as +12125550123"),
            (json!({"person_known": false, "person_kind": "user"}), "person_known", "is of no kind"),
        ] {
            let (status, answer) =
                post("/v1/routes", json!({"id": "r", "queue": "default", "when": when})).await;
            assert_eq!((status, &answer["code"]), (422, &json!("invalid_body")), "{when}: {answer}");
            let pointer = format!("/when/{condition}");
            assert_eq!(answer["errors"][0]["pointer"], json!(pointer), "{when}");
            assert!(answer["detail"].to_string().contains(told), "{when}: {answer}");
        }
        // Ours as entered, ours without a channel, no number at all, and in any case.
        let when = json!({"channel": "BOT", "medium": "SMS", "country": "br", "address":
            ["(500) 555-0009", "+15005550007", "106540352242922", "shop.example", "68849"]});
        let (status, made) =
            post("/v1/routes", json!({"id": "r", "queue": "default", "when": when})).await;
        assert_eq!(status, 201, "{made}");
        for change in [json!({"when": {"channel": []}}), json!({"when": {"channel": "nope"}})] {
            let patch = gateway.call("PATCH", "/v1/routes/r").key(key).header("if-match", "\"1\"");
            let refused = patch.json(&change).await;
            assert_eq!(refused.json()["errors"][0]["pointer"], "/when/channel", "{change}");
        }
        gateway.stop().await;
    }

    async fn what_an_earlier_version_let_in_can_still_be_switched_off(database: Database) {
        let gateway = Gateway::start(&database).await;
        let key = &gateway.key(Scope::Admin).await;
        let old = Route {
            id: "old".to_owned(),
            position: 1,
            queue: "default".to_owned(),
            priority: i64::MIN,
            skills: Vec::new(),
            when: serde_json::from_value(json!({"channel": "nope", "medium": "smsx"})).expect("JSON"),
            active: true,
            created_at: 0,
            changed_at: 0,
            version: 1,
        };
        let mut tx = gateway.app.store.begin().await.expect("a transaction");
        routing::store::insert_route(&mut tx, &old).await.expect("a route");
        tx.commit().await.expect("a commit");
        let change = |body: Value| {
            let patch = gateway.call("PATCH", "/v1/routes/old").key(key);
            async move { patch.header("if-match", "*").json(&body).await }
        };
        assert_eq!(change(json!({"active": false})).await.json()["active"], false);
        let refused = change(json!({"priority": i64::MAX})).await.json();
        assert_eq!(refused["errors"][0]["pointer"], "/priority");
        assert_eq!(change(json!({"priority": 7, "when": {}})).await.status, 200);
        gateway.stop().await;
    }

    async fn settings_that_cannot_work_are_refused_and_say_why(database: Database) {
        let gateway = Gateway::start(&database).await;
        let key = &gateway.key(Scope::Admin).await;
        let hours = |from: &str, to: &str, holiday: &str| {
            let hours = json!([{"days": ["mon"], "from": from, "to": to}]);
            json!({"schedule": {"time_zone": "UTC", "hours": hours, "holidays": [holiday]}})
        };
        let within = |action: &str| json!({"seconds": 60, "action": action, "message": "Hi"});
        for (settings, pointer, told) in [
            (hours("24:00", "00:00", "2026-12-25"), "schedule/hours/0", "never open"),
            (hours("9:00", "17:00", "2026-12-25"), "schedule/hours/0/from", "such as 09:00"),
            (hours("09:00", "24:01", "2026-12-25"), "schedule/hours/0/to", "up to 24:00"),
            (hours("09:00", "17:00", "2026-02-30"), "schedule/holidays/0", "such as 2026-12-25"),
            (json!({"sort": ["priority", "-priority"]}), "sort", "two different fields"),
            (json!({"priority": -1_000_001}), "priority", "-1000000 to 1000000"),
            (json!({"pools": [{}, {"agents": ["ana", "nobody"]}]}), "pools/1/agents/1",
                "there is no agent `nobody`"),
            (json!({"overflow": {"queue": "default"}, "max_wait": within("overflow")}),
                "max_wait/message", "goes with the action `notify`"),
        ] {
            let ana = json!({"id": "ana", "name": "Ana"});
            gateway.call("POST", "/v1/agents").key(key).json(&ana).await;
            let queue = json!({"id": "x", "settings": settings});
            let refused = gateway.call("POST", "/v1/queues").key(key).json(&queue).await;
            assert_eq!(refused.status, 422, "{settings}");
            let refused = refused.json();
            assert_eq!(refused["errors"][0]["pointer"], json!(format!("/settings/{pointer}")));
            assert!(refused["detail"].to_string().contains(told), "{refused}");
        }
        let route = json!({"id": "r", "queue": "default", "priority": i64::MIN});
        let refused = gateway.call("POST", "/v1/routes").key(key).json(&route).await;
        assert_eq!(refused.json()["errors"][0]["pointer"], "/priority");
        let route = json!({"id": "r", "queue": "default", "position": i64::MAX});
        let refused = gateway.call("POST", "/v1/routes").key(key).json(&route).await;
        assert_eq!(refused.json()["errors"][0]["pointer"], "/position");
        let plain = json!({"settings": {"pools": [{"agents": ["ana"]}], "max_wait": within("notify")}});
        let patch = gateway.call("PATCH", "/v1/queues/default").key(key).header("if-match", "*");
        assert_eq!(patch.json(&plain).await.status, 200);
        gateway.stop().await;
    }

    async fn who_says_nothing_needs_no_body_and_what_is_not_there_is_not_found(database: Database) {
        let gateway = Gateway::start(&database).await;
        let key = &gateway.key(Scope::Admin).await;
        gateway.make_channel(key).await;
        for sender in [41, 42] {
            gateway.receive(sender, sender, "Hello").await;
        }
        let ana = json!({"id": "ana", "name": "Ana", "queues": ["default"]});
        gateway.call("POST", "/v1/agents").key(key).json(&ana).await;
        let call = |path: &str| gateway.call("POST", path).key(key).header("frontdesk-agent", "ana");
        let json = |path: &str| call(path).header("content-type", "application/json");
        let claimed = call("/v1/queues/default/claim").send().await;
        assert_eq!(claimed.status, 200, "{:?}", claimed);
        let item = format!("/v1/work-items/{}", claimed.json()["id"].as_str().expect("an id"));
        assert_eq!(json(&format!("{item}/renew")).raw(b"\n".to_vec()).await.status, 200);
        assert_eq!(json(&format!("{item}/renew")).raw(b"null".to_vec()).await.status, 200);
        let text = call(&format!("{item}/renew")).header("content-type", "text/plain");
        assert_eq!(text.raw(b"60".to_vec()).await.status, 415);
        assert_eq!(json(&format!("{item}/renew")).raw(b"{".to_vec()).await.status, 400);
        assert_eq!(json(&format!("{item}/renew")).raw(b"{\"x\": 1}".to_vec()).await.status, 422);
        assert_eq!(call(&format!("{item}/accept")).send().await.json()["state"], "accepted");
        let of = claimed.json()["interaction"].as_str().expect("a number").to_owned();
        let hold = call(&format!("/v1/interactions/{of}/hold")).send().await;
        assert_eq!(hold.json()["errors"][0]["pointer"], "/reason", "agents say why they park");
        let end = call(&format!("/v1/interactions/{of}/end")).send().await;
        assert_eq!(end.code(), "short_description_needed");
        let other = if of == "IMS0000001" { "IMS0000002" } else { "IMS0000001" };
        assert_eq!(call(&format!("/v1/interactions/{other}/accept")).send().await.status, 200);
        // What must be said must be said.
        assert_eq!(call(&format!("/v1/interactions/{other}/transfer")).send().await.status, 415);

        let nothing = format!("/v1/work-items/{}", uuid::Uuid::nil());
        for (action, body) in
            [("accept", json!({})), ("renew", json!({})), ("reject", json!({"reason": "busy"}))]
        {
            let missing = call(&format!("{nothing}/{action}")).json(&body).await;
            assert_eq!((missing.status, missing.code()), (404, "not_found".to_owned()), "{action}");
            // One that is accepted already is there.
            let over = call(&format!("{item}/{action}")).json(&body).await;
            assert_eq!((over.status, over.code()), (409, "not_offered".to_owned()), "{action}");
        }
        gateway.stop().await;
    }
}
