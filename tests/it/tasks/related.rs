//! What belongs to an interaction: by itself, by hand, and as policies say.

use serde_json::{Value, json};

use super::{ANA, contacted, on, other_task, task};
use crate::support::{Database, Desk, TestGateway, on_both, requests::sms_to, twilio_account};

/// What belongs to an interaction: document and operation, newest first.
async fn related(desk: &Desk, path: &str) -> Vec<String> {
    let list = desk.see(&format!("{path}/related-tasks")).await;
    let list = list["data"].as_array().expect("a list").iter();
    let word = |value: &Value| value.as_str().unwrap_or("by hand").to_owned();
    list.map(|row| format!("{} {}", word(&row["document"]), word(&row["operation"]))).collect()
}

async fn describe(desk: &Desk, path: &str) {
    let (status, _) = desk.change("ana", path, json!({"short_description": "A screen"})).await;
    assert_eq!(status, 200);
}

async fn look(desk: &Desk, agent: &str, path: &str) -> Value {
    let (status, task) = desk.call(Some(agent), "GET", path, None, None).await;
    assert_eq!(status, 200, "{path}: {task}");
    task
}

on_both! {
    async fn s07_a_task_viewed_on_an_interaction_is_logged_by_itself(database: Database) {
        let (desk, path) = contacted(&database).await;
        let incident = other_task(&desk, "incident").await;
        // Who is on no interaction leaves no trace.
        look(&desk, "ana", &incident).await;
        assert_eq!(related(&desk, &path).await, [""; 0]);
        // It is a write of our own: nobody has said yet what the interaction is about.
        look(&desk, "ana", &on(&incident, &path)).await;
        let list = desk.see(&format!("{path}/related-tasks")).await;
        let row = &list["data"][0];
        for (field, value) in [
            ("kind", json!("incident")),
            ("document", json!("INC0000001")),
            ("url", Value::Null),
            ("short_description", json!("The screen is black")),
            ("state", json!("new")),
            ("operation", json!("open")),
            ("author_kind", json!("agent")),
            ("author", json!("ana")),
            ("at", json!("2026-01-01T00:00:10.000Z")),
        ] {
            assert_eq!(row[field], value, "{field}");
        }
        // Looking again, by whomever, is no news: nothing is written and nobody is told.
        let told = "outbox where type = 'interaction.changed'";
        let (events, audit) = (desk.count(told).await, desk.count("audit").await);
        desk.pass(60);
        look(&desk, "ben", &on(&incident, &path)).await;
        assert_eq!(desk.see(&format!("{path}/related-tasks")).await, list);
        assert_eq!((desk.count(told).await, desk.count("audit").await), (events, audit));
        let unknown = desk.call(Some("ana"), "GET", &format!("{incident}?interaction=IMS0000099"), None, None).await;
        assert_eq!((unknown.0, &unknown.1["code"]), (400, &json!("invalid_query")));
    }

    async fn s07_the_strongest_of_what_was_done_is_kept(database: Database) {
        let (desk, path) = contacted(&database).await;
        describe(&desk, &path).await;
        let case = other_task(&desk, "case").await;
        let number = case.strip_prefix("tasks/").expect("a path").to_owned();
        let list = format!("{path}/related-tasks");
        desk.does("ana", &list, json!({"task": number})).await;
        assert_eq!(related(&desk, &path).await, [format!("{number} by hand")]);
        desk.does("ana", &list, json!({"task": number, "operation": "unknown"})).await;
        assert_eq!(related(&desk, &path).await, [format!("{number} unknown")]);
        look(&desk, "ana", &on(&case, &path)).await;
        assert_eq!(related(&desk, &path).await, [format!("{number} open")]);
        let note = json!({"text": format!("Same as {}?", number.to_lowercase())});
        desk.does("ben", &format!("{path}/notes"), note).await;
        assert_eq!(related(&desk, &path).await, [format!("{number} mention")]);
        let change = json!({"priority": 1});
        let (status, _) =
            desk.call(Some("ana"), "PATCH", &on(&case, &path), Some(1), Some(change)).await;
        assert_eq!(status, 200);
        assert_eq!(related(&desk, &path).await, [format!("{number} update")]);
        // What is weaker changes nothing any more.
        look(&desk, "ben", &on(&case, &path)).await;
        desk.does("ana", &list, json!({"task": number})).await;
        desk.does("ben", &list, json!({"task": number, "operation": "mention"})).await;
        let row = desk.see(&list).await["data"][0].clone();
        assert_eq!((&row["operation"], &row["author"]), (&json!("update"), &json!("ana")));
        assert_eq!(desk.count("related_records").await, 1);
        let audit = desk.see("audit?subject_kind=interaction&subject=IMS0000001").await;
        let steps: Vec<_> = audit["data"].as_array().expect("a list").iter()
            .filter(|entry| entry["action"] == "associate")
            .map(|entry| entry["changes"][0]["to"]["operation"].clone())
            .collect();
        assert_eq!(json!(steps), json!(["update", "mention", "open", "unknown", null]));
    }

    async fn s07_policies_and_one_switch_decide_what_is_logged(database: Database) {
        let (desk, path) = contacted(&database).await;
        let put = async |path: &str, version: i64, body: Value| {
            let (status, answer) =
                desk.call(Some("ana"), "PUT", path, Some(version), Some(body)).await;
            assert_eq!(status, 200, "{answer}");
            answer
        };
        // Of tasks only what is created or changed; of incidents everything, by a word of their own.
        let quiet = json!({"operations": ["update", "insert"]});
        let stored = put("related-policies/task", 0, quiet).await;
        assert_eq!(stored["effective"]["operations"], json!(["insert", "update"]));
        assert_eq!(desk.see("related-policies/case").await["effective"]["operations"], json!(["insert", "update"]));
        put("related-policies/incident", 0, json!({"operations": ["open"]})).await;
        let (incident, case) = (other_task(&desk, "incident").await, other_task(&desk, "case").await);
        look(&desk, "ana", &on(&case, &path)).await;
        assert_eq!(related(&desk, &path).await, [""; 0]);
        look(&desk, "ana", &on(&incident, &path)).await;
        desk.does("ana", &format!("{path}/tasks"), task("incident")).await;
        assert_eq!(related(&desk, &path).await, ["INC0000001 open"]);
        let list = format!("{path}/related-tasks");
        let link = json!({"kind": "article", "id": "KB1", "url": "https://kb.example/KB1"});
        put("related-policies/article", 0, json!({"operations": ["open"]})).await;
        let (status, _) = desk.post("ana", &list, json!({"link": link, "operation": "insert"})).await;
        assert_eq!(status, 204);

        // The switch is above them all. What is done by hand is nobody's policy.
        let switch = "settings/related-records";
        assert_eq!(desk.see(switch).await, json!({"enabled": true}));
        put(switch, 0, json!({"enabled": false})).await;
        let (status, _) = desk.post("ana", &list, json!({"link": link, "operation": "open"})).await;
        assert_eq!(status, 204);
        desk.does("ana", &format!("{path}/tasks"), task("case")).await;
        assert_eq!(related(&desk, &path).await, ["INC0000001 open"]);
        describe(&desk, &path).await;
        desk.pass(1);
        desk.does("ana", &list, json!({"link": link})).await;
        assert_eq!(related(&desk, &path).await, ["KB1 by hand", "INC0000001 open"]);
        // It holds for every instance, and until somebody says otherwise.
        let other = Desk::at(TestGateway::start(&database).await).await;
        assert_eq!(other.see(switch).await, json!({"enabled": false}));
        put(switch, 1, json!({"enabled": true})).await;
        desk.does("ana", &list, json!({"link": link, "operation": "open"})).await;
        assert_eq!(related(&desk, &path).await, ["KB1 open", "INC0000001 open"]);
        let stale = desk.call(Some("ana"), "PUT", switch, Some(1), Some(json!({"enabled": true}))).await;
        assert_eq!((stale.0, &stale.1["code"]), (412, &json!("stale")));
        let audit = desk.see("audit?subject_kind=setting&subject=related-records").await;
        let change = json!([{"field": "enabled", "from": true, "to": false}]);
        assert_eq!(audit["data"][1]["changes"], change);
    }

    async fn s08_a_task_created_on_an_interaction_is_logged_by_itself(database: Database) {
        let (desk, path) = contacted(&database).await;
        let told = async || {
            desk.texts("select type from outbox where type = 'interaction.changed'").await.len()
        };
        assert_eq!(told().await, 0);
        desk.does("ana", &format!("{path}/tasks"), task("case")).await;
        assert_eq!(related(&desk, &path).await, ["CS0000001 insert"]);
        assert_eq!(told().await, 1);
        // Also a task of somebody else's, opened while on the interaction.
        let person = desk.does("ana", "people", json!({"kind": "user", "name": "Bea"})).await;
        let mut other = task("incident");
        other["person"] = person["id"].clone();
        desk.pass(1);
        let made = desk.does("ben", &on("tasks", &path), other).await;
        assert_eq!((&made["opened_for"], &made["interaction"]), (&person["id"], &json!("IMS0000001")));
        assert_eq!(related(&desk, &path).await, ["INC0000001 insert", "CS0000001 insert"]);
        assert_eq!(told().await, 2);
        let created = desk.see("tasks?interaction=IMS0000001").await;
        assert_eq!(created["data"].as_array().map(Vec::len), Some(2));
        // A refused one leaves nothing behind.
        let refused = desk.refused("ana", &format!("{path}/tasks"), json!({"kind": "case", "short_description": " "})).await;
        assert_eq!(refused, "invalid_body");
        assert_eq!((desk.count("tasks").await, told().await), (2, 2));
    }

    async fn s10_the_related_tasks_view_lists_tasks_and_links_newest_first(database: Database) {
        let (desk, path) = contacted(&database).await;
        describe(&desk, &path).await;
        let list = format!("{path}/related-tasks");
        for number in 1..=4 {
            desk.does("ana", &format!("{path}/tasks"), task("incident")).await;
            desk.pass(1);
            let link = json!({"kind": "order", "id": format!("{number}"), "url": format!("https://shop.example/{number}")});
            desk.does("ben", &list, json!({"link": link})).await;
        }
        // Of two in one moment, such as a link and the next task, the later comes first.
        assert_eq!(related(&desk, &path).await, [
            "4 by hand", "INC0000004 insert", "3 by hand", "INC0000003 insert",
            "2 by hand", "INC0000002 insert", "1 by hand", "INC0000001 insert",
        ]);
        let mut pages = Vec::new();
        let mut after = String::new();
        loop {
            let page = desk.see(&format!("{list}?limit=3{after}")).await;
            pages.extend(page["data"].as_array().expect("a list").clone());
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => break,
            }
        }
        assert_eq!(Value::from(pages), desk.see(&list).await["data"]);
        let newest = desk.see(&list).await["data"][0].clone();
        assert_eq!(newest["url"], "https://shop.example/4");
        assert_eq!((&newest["author"], &newest["short_description"]), (&json!("ben"), &Value::Null));
        // One interaction's list is nobody else's.
        let account = twilio_account();
        desk.add_channel("second", "twilio", "+15005550007", account).await;
        desk.accept(sms_to("second", "+15005550007", ANA, "SM9", "Hello there")).await;
        assert_eq!(related(&desk, "interactions/IMS0000002").await, [""; 0]);
    }

    async fn s10_a_link_leads_to_a_record_of_another_system(database: Database) {
        let (desk, path) = contacted(&database).await;
        describe(&desk, &path).await;
        let list = format!("{path}/related-tasks");
        let link = |kind: &str, url: &str| json!({"link": {"kind": kind, "id": "4711", "url": url}});
        for (body, pointer) in [
            (link("order", "javascript:alert(1)"), "/link/url"),
            (link("order", &format!("https://shop.example/{}", "x".repeat(2_000))), "/link/url"),
            (link("incident", "https://shop.example/"), "/link/kind"),
            (json!({"task": "INC0000099"}), "/task"),
            (json!({"task": "IMS0000001"}), "/task"),
            (json!({}), ""),
        ] {
            let (status, refused) = desk.post("ana", &list, body).await;
            assert_eq!((status, &refused["errors"][0]["pointer"]), (422, &json!(pointer)));
        }
        let order = link("order", "https://shop.example/orders/4711");
        let (status, first) = desk.post("ana", &list, order.clone()).await;
        let (again, second) = desk.post("ben", &list, order).await;
        assert_eq!((status, again, &first), (201, 200, &second));
        let elsewhere = desk.refused("ana", &list, link("order", "https://shop.example/4711")).await;
        assert_eq!(elsewhere, "exists");
        // Another kind with the same id is another record.
        desk.does("ana", &list, link("invoice", "https://shop.example/invoices/4711")).await;
        assert_eq!(desk.count("related_records").await, 2);

        let row = format!("{list}/{}", first["id"].as_str().expect("an id"));
        let remove = async || desk.call(Some("ben"), "DELETE", &row, None, None).await.0;
        assert_eq!((remove().await, remove().await), (204, 404));
        assert_eq!(desk.count("related_records").await, 1);
        let audit = desk.see("audit?subject_kind=interaction&subject=IMS0000001").await;
        let removed = &audit["data"][0];
        assert_eq!((&removed["action"], &removed["author"]), (&json!("dissociate"), &json!("ben")));
        assert_eq!(removed["changes"][0]["from"]["document"], "4711");
        assert_eq!(removed["changes"][0]["to"], Value::Null);
        let told = "select count(*) from outbox where type = 'interaction.changed'";
        let told: Vec<(i64,)> = desk.rows(told).await;
        // The description, two links, one of them gone again.
        assert_eq!(told[0].0, 4);
    }

    async fn s25_association_is_refused_while_nobody_said_what_it_is_about(database: Database) {
        let (desk, path) = contacted(&database).await;
        let case = other_task(&desk, "case").await;
        let number = case.strip_prefix("tasks/").expect("a path");
        let list = format!("{path}/related-tasks");
        let link = json!({"link": {"kind": "order", "id": "1", "url": "https://shop.example/1"}});
        for body in [json!({"task": number}), link.clone()] {
            let (status, refused) = desk.post("ana", &list, body).await;
            assert_eq!((status, &refused["code"]), (409, &json!("short_description_needed")));
        }
        assert_eq!(related(&desk, &path).await, [""; 0]);
        describe(&desk, &path).await;
        for body in [json!({"task": number}), link] {
            assert_eq!(desk.post("ana", &list, body).await.0, 201);
        }
    }
}
