//! Tasks that come out of interactions, and their way from there.

mod related;

use serde_json::{Value, json};

use crate::support::{Database, Desk, TestGateway, on_both, requests::sms};

const ANA: &str = "+15550100002";

/// A desk where somebody has written, and the path of the interaction.
async fn contacted(database: &Database) -> (Desk, String) {
    let desk = Desk::open(database).await;
    desk.accept(sms(ANA, "SM1", "My screen is black")).await;
    let path = desk.open_interaction().await;
    (desk, path)
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
