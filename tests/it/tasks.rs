//! Tasks that come out of interactions, and what belongs to an interaction.

use serde_json::{Value, json};

use crate::support::{
    Database, Desk, TestGateway, on_both,
    requests::{sms, sms_to},
    twilio_account,
};

const ANA: &str = "+15550100002";

/// A desk where somebody has written, and the path of the interaction.
async fn contacted(database: &Database) -> (Desk, String) {
    let desk = Desk::open(database).await;
    desk.accept(sms(ANA, "SM1", "My screen is black")).await;
    let path = desk.open_interaction().await;
    (desk, path)
}

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

fn task(kind: &str) -> Value {
    json!({"kind": kind, "short_description": "The screen is black"})
}

/// The path of a task that has nothing to do with any interaction.
async fn other_task(desk: &Desk, kind: &str) -> String {
    let person = desk.does("ana", "people", json!({"kind": "user", "name": "Bea"})).await;
    let mut task = task(kind);
    task["person"] = person["id"].clone();
    let task = desk.does("ben", "tasks", task).await;
    format!("tasks/{}", task["number"].as_str().expect("a number"))
}

fn on(path: &str, interaction: &str) -> String {
    let number = interaction.strip_prefix("interactions/").expect("a path");
    format!("{path}?interaction={number}")
}

async fn look(desk: &Desk, agent: &str, path: &str) -> Value {
    let (status, task) = desk.call(Some(agent), "GET", path, None, None).await;
    assert_eq!(status, 200, "{path}: {task}");
    task
}

on_both! {
    async fn s02_a_case_a_request_and_an_incident_come_out_of_an_interaction(database: Database) {
        let desk = Desk::open(&database).await;
        let person = json!({"kind": "consumer", "name": "Ana Prado", "phones": [ANA]});
        let person = desk.does("ana", "people", person).await["id"].clone();
        desk.accept(sms(ANA, "SM1", "My screen is black")).await;
        let path = desk.open_interaction().await;
        let interaction = desk.see(&path).await;
        for (kind, number) in
            [("incident", "INC0000001"), ("case", "CS0000001"), ("request", "REQ0000001")]
        {
            let made = desk.does("ana", &format!("{path}/tasks"), task(kind)).await;
            assert_eq!((&made["number"], &made["kind"]), (&json!(number), &json!(kind)));
            for (field, value) in [
                ("state", json!("new")),
                ("priority", json!(4)),
                ("opened_for_kind", json!("consumer")),
                ("opened_for", person.clone()),
                ("consumer", person.clone()),
                ("contact", Value::Null),
                ("profile_id", interaction["profile_id"].clone()),
                ("interaction", interaction["number"].clone()),
                ("opened_by", json!("agent:ana")),
                ("opened_at", json!("2026-01-01T00:00:10.000Z")),
                ("assigned_to", Value::Null),
            ] {
                assert_eq!(made[field], value, "{number} {field}");
            }
            assert_eq!(desk.see(&format!("tasks/{number}")).await, made);
        }
        // Numbers go on per kind, also from another interaction and from none.
        let second = desk.does("ana", &format!("{path}/tasks"), task("incident")).await;
        assert_eq!(second["number"], "INC0000002");
        assert_eq!(other_task(&desk, "case").await, "tasks/CS0000002");
        let audit = desk.see("audit?subject_kind=task&subject=INC0000001").await;
        let entry = &audit["data"][0];
        assert_eq!((&entry["author"], &entry["action"]), (&json!("ana"), &json!("create")));
        let changes = entry["changes"].as_array().expect("changes");
        let state = json!({"field": "state", "from": null, "to": "new"});
        assert!(changes.contains(&state), "{changes:?}");
    }

    async fn s02_a_guests_task_is_found_by_the_guests_profile(database: Database) {
        let (desk, path) = contacted(&database).await;
        let profile = desk.see(&path).await["profile_id"].clone();
        let made = desk.does("ana", &format!("{path}/tasks"), task("case")).await;
        assert_eq!((&made["opened_for_kind"], &made["opened_for"]), (&json!("guest"), &Value::Null));
        assert_eq!(made["profile_id"], profile);
        let profile = profile.as_str().expect("an id");
        let found = desk.see(&format!("tasks?profile={profile}")).await;
        assert_eq!(found["data"], json!([made]));
        let mut standalone = task("incident");
        standalone["profile"] = json!(profile);
        let standalone = desk.does("ana", "tasks", standalone).await;
        assert_eq!((&standalone["opened_for_kind"], &standalone["profile_id"]), (&json!("guest"), &json!(profile)));
        assert_eq!(standalone["interaction"], Value::Null);
        let nobody = desk.refused("ana", "tasks", task("incident")).await;
        assert_eq!(nobody, "invalid_body", "a task is for somebody");
    }

    async fn s03_a_contact_is_one_request(database: Database) {
        let (desk, path) = contacted(&database).await;
        let tasks = format!("{path}/tasks");
        assert_eq!(desk.does("ana", &tasks, task("request")).await["number"], "REQ0000001");
        let (status, refused) = desk.post("ben", &tasks, task("request")).await;
        assert_eq!((status, &refused["code"]), (409, &json!("one_per_interaction")));
        assert!(refused["detail"].to_string().contains("REQ0000001"), "{refused}");
        // The other way of creating on an interaction is no way around it.
        let around = desk.refused("ana", &on("tasks", &path), task("request")).await;
        assert_eq!(around, "one_per_interaction");
        // Cases are not counted, and a canceled request makes room.
        desk.does("ana", &tasks, task("case")).await;
        desk.does("ana", &tasks, task("case")).await;
        let (status, _) = desk.change("ana", "tasks/REQ0000001", json!({"state": "canceled"})).await;
        assert_eq!(status, 200);
        let next = desk.does("ana", &tasks, task("request")).await["number"].clone();
        assert_eq!(desk.refused("ana", &tasks, task("request")).await, "one_per_interaction");
        // Another contact of the same person is another request.
        let end = json!({"short_description": "A screen"});
        desk.does("ana", &format!("{path}/close"), end).await;
        desk.accept(sms(ANA, "SM2", "And a keyboard, please")).await;
        let again = format!("{}/tasks", desk.open_interaction().await);
        let other = desk.does("ana", &again, task("request")).await["number"].clone();
        assert_ne!(other, next);
    }

    async fn s03_of_requests_at_the_same_moment_one_is_stored(database: Database) {
        let (desk, path) = contacted(&database).await;
        let other = Desk::at(TestGateway::start(&database).await).await;
        let tasks = format!("{path}/tasks");
        let attempts = (0..8).map(|n| {
            let desk = if n % 2 == 0 { &desk } else { &other };
            desk.post("ana", &tasks, task("request"))
        });
        let answers = futures_util::future::join_all(attempts).await;
        let stored: Vec<_> = answers.iter().filter(|(status, _)| *status == 201).collect();
        assert_eq!(stored.len(), 1, "{answers:?}");
        let number = stored[0].1["number"].as_str().expect("a number");
        for (status, refused) in answers.iter().filter(|(status, _)| *status != 201) {
            assert_eq!((*status, &refused["code"]), (409, &json!("one_per_interaction")));
            assert!(refused["detail"].to_string().contains(number), "{refused}");
        }
        assert_eq!(desk.count("tasks").await, 1);
        assert_eq!(desk.count("related_records").await, 1);
    }

    async fn s03_how_many_of_a_kind_is_a_policy_of_its_table(database: Database) {
        let (desk, path) = contacted(&database).await;
        let tasks = format!("{path}/tasks");
        let put = async |table: &str, version: i64, policy: Value| {
            let path = format!("related-policies/{table}");
            desk.call(Some("ana"), "PUT", &path, Some(version), Some(policy)).await
        };
        assert_eq!(put("request", 0, json!({"one_per_interaction": false})).await.0, 200);
        assert_eq!(put("case", 0, json!({"one_per_interaction": true})).await.0, 200);
        desk.does("ana", &tasks, task("request")).await;
        desk.does("ana", &tasks, task("request")).await;
        desk.does("ana", &tasks, task("case")).await;
        assert_eq!(desk.refused("ana", &tasks, task("case")).await, "one_per_interaction");
        // Those made while it was off count once it is on again.
        assert_eq!(put("request", 1, json!({})).await.0, 200);
        assert_eq!(desk.refused("ana", &tasks, task("request")).await, "one_per_interaction");
    }

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

    async fn a_task_goes_where_its_table_says_and_remembers_when(database: Database) {
        let (desk, path) = contacted(&database).await;
        desk.does("ana", &format!("{path}/tasks"), task("incident")).await;
        let state = async |state: &str| {
            desk.pass(60);
            desk.change("ben", "tasks/INC0000001", json!({"state": state})).await
        };
        let (status, refused) = state("closed").await;
        assert_eq!((status, &refused["code"]), (409, &json!("illegal_transition")));
        let detail = refused["detail"].to_string();
        assert!(detail.contains("in_progress, on_hold, resolved, canceled"), "{detail}");
        assert_eq!(state("in_progress").await.0, 200);
        let resolved = state("resolved").await.1;
        assert_eq!(resolved["resolved_at"], "2026-01-01T00:03:10.000Z");
        assert_eq!(state("in_progress").await.1["resolved_at"], Value::Null);
        assert_eq!(state("resolved").await.0, 200);
        let closed = state("closed").await.1;
        assert_eq!(closed["closed_at"], "2026-01-01T00:06:10.000Z");
        assert_eq!((&closed["closed_by"], &closed["version"]), (&json!("agent:ben"), &json!(6)));
        assert_eq!(state("in_progress").await.1["code"], "illegal_transition");
        let edit = desk.change("ana", "tasks/INC0000001", json!({"priority": 1})).await;
        assert_eq!(edit.1["code"], "illegal_transition");
        // To change nothing is no change.
        let same = desk.change("ana", "tasks/INC0000001", json!({"priority": 4})).await;
        assert_eq!((same.0, &same.1["version"]), (200, &json!(6)));
        let stale = desk.call(Some("ana"), "PATCH", "tasks/INC0000001", Some(1), Some(json!({}))).await;
        assert_eq!((stale.0, &stale.1["code"]), (412, &json!("stale")));
    }

    async fn a_task_is_changed_field_by_field_and_the_audit_knows(database: Database) {
        let (desk, path) = contacted(&database).await;
        desk.does("ana", &format!("{path}/tasks"), task("case")).await;
        let person = json!({"kind": "contact", "name": "Bea"});
        let person = desk.does("ana", "people", person).await["id"].clone();
        let change = json!({
            "short_description": " A new screen ", "description": "It is black.", "priority": 2,
            "assigned_to": "ben", "person": person,
        });
        let (status, changed) = desk.change("ana", "tasks/cs0000001", change).await;
        assert_eq!(status, 200, "{changed}");
        for (field, value) in [
            ("short_description", json!("A new screen")),
            ("description", json!("It is black.")),
            ("priority", json!(2)),
            ("assigned_to", json!("ben")),
            ("opened_for_kind", json!("contact")),
            ("opened_for", person.clone()),
            ("contact", person.clone()),
            ("interaction", json!("IMS0000001")),
        ] {
            assert_eq!(changed[field], value, "{field}");
        }
        assert_eq!(desk.see("tasks/CS0000001").await, changed);
        let audit = desk.see("audit?subject_kind=task&subject=CS0000001").await;
        let fields: Vec<_> = audit["data"][0]["changes"].as_array().expect("changes").iter()
            .map(|change| change["field"].clone()).collect();
        assert_eq!(json!(fields), json!([
            "assigned_to", "contact", "description", "opened_for", "opened_for_kind", "priority",
            "short_description",
        ]));
        let (_, emptied) = desk.change("ana", "tasks/CS0000001", json!({"assigned_to": null, "description": null})).await;
        assert_eq!((&emptied["assigned_to"], &emptied["description"]), (&Value::Null, &Value::Null));
        for (body, pointer) in [
            (json!({"priority": 6}), "/priority"),
            (json!({"assigned_to": "eve"}), "/assigned_to"),
            (json!({"short_description": ""}), "/short_description"),
            (json!({"person": "00000000-0000-0000-0000-000000000000"}), "/person"),
        ] {
            let (status, refused) = desk.change("ana", "tasks/CS0000001", body).await;
            assert_eq!((status, &refused["errors"][0]["pointer"]), (422, &json!(pointer)));
        }
    }

    async fn tasks_are_listed_by_what_they_are_and_for_whom(database: Database) {
        let (desk, path) = contacted(&database).await;
        for kind in ["incident", "case", "incident", "request", "incident"] {
            desk.does("ana", &format!("{path}/tasks"), task(kind)).await;
        }
        let bea = other_task(&desk, "incident").await;
        let person = desk.see(&bea).await["opened_for"].as_str().expect("an id").to_owned();
        desk.change("ana", "tasks/INC0000002", json!({"state": "resolved"})).await;
        let numbers = async |query: &str| -> Vec<String> {
            let list = desk.see(&format!("tasks?{query}")).await;
            let list = list["data"].as_array().expect("a list").iter();
            list.map(|task| task["number"].as_str().expect("a number").to_owned()).collect()
        };
        assert_eq!(numbers("").await, [
            "INC0000004", "INC0000003", "REQ0000001", "INC0000002", "CS0000001", "INC0000001",
        ]);
        assert_eq!(numbers("kind=incident&state=new").await, ["INC0000004", "INC0000003", "INC0000001"]);
        assert_eq!(numbers("state=resolved").await, ["INC0000002"]);
        assert_eq!(numbers(&format!("person={person}")).await, ["INC0000004"]);
        assert_eq!(numbers("number=inc0000003").await, ["INC0000003"]);
        assert_eq!(numbers("number=INC0000099").await, [""; 0]);
        let first = desk.see("tasks?kind=incident&limit=2").await;
        let next = first["next"].as_str().expect("more");
        let second = desk.see(&format!("tasks?kind=incident&limit=2&after={next}")).await;
        assert_eq!((&second["data"][1]["number"], &second["next"]), (&json!("INC0000001"), &Value::Null));
    }
}
