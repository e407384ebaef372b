//! What stands beside a record: versions, races, the timeline, the audit.

use serde_json::json;

use super::ANA;
use crate::support::{Database, Desk, on_both, requests::sms};

on_both! {
    async fn of_two_changes_meant_for_one_version_the_second_is_refused(database: Database) {
        let desk = Desk::open(&database).await;
        desk.accept(sms(ANA, "SM1", "Hello")).await;
        let path = desk.open_interaction().await;
        let version = desk.see(&path).await["version"].as_i64();
        let text = |text: &str| Some(json!({"short_description": text}));
        let without = desk.call(Some("ana"), "PATCH", &path, None, text("one")).await;
        assert_eq!((without.0, &without.1["code"]), (428, &json!("precondition_required")));
        let (first, second) = tokio::join!(
            desk.call(Some("ana"), "PATCH", &path, version, text("one")),
            desk.call(Some("ben"), "PATCH", &path, version, text("two")),
        );
        let mut statuses = [first.0, second.0];
        statuses.sort_unstable();
        assert!(matches!(statuses, [200, 409 | 412]), "{first:?} {second:?}");
        let late = desk.call(Some("ana"), "POST", &format!("{path}/accept"), version, Some(json!({}))).await;
        assert_eq!(late.0, 412);
    }

    async fn of_many_agents_who_accept_at_once_one_has_it(database: Database) {
        let desk = Desk::open(&database).await;
        desk.accept(sms(ANA, "SM1", "Hello")).await;
        let path = format!("{}/accept", desk.open_interaction().await);
        let tries = (0..16).map(|index| {
            let agent = if index % 2 == 0 { "ana" } else { "ben" };
            desk.post(agent, &path, json!({}))
        });
        let answers = futures_util::future::join_all(tries).await;
        let taken = answers.iter().filter(|(status, _)| *status == 200).count();
        assert_eq!(taken, 1, "{answers:?}");
        let moves = "interaction_transitions where to_state = 'work_in_progress'";
        assert_eq!(desk.count(moves).await, 1);
    }

    async fn a_timeline_tells_everything_in_one_order(database: Database) {
        let desk = Desk::open(&database).await;
        desk.accept(sms(ANA, "SM1", "Hello")).await;
        let path = desk.open_interaction().await;
        desk.does("ana", &format!("{path}/accept"), json!({})).await;
        desk.does("ana", &format!("{path}/notes"), json!({"text": "A friend of ours"})).await;
        desk.does("ana", &format!("{path}/messages"), json!({"text": "Hello Ana"})).await;
        desk.accept(sms(ANA, "SM2", "Thanks")).await;
        let mut kinds = Vec::new();
        let mut after = String::new();
        loop {
            let page = desk.see(&format!("{path}/timeline?limit=2{after}")).await;
            let entries = page["data"].as_array().expect("a list");
            kinds.extend(entries.iter().map(|entry| entry["kind"].as_str().expect("a kind").to_owned()));
            let Some(next) = page["next"].as_str() else { break };
            after = format!("&after={next}");
        }
        assert_eq!(kinds, ["message", "queued", "transition", "note", "message", "message"]);
        let copy = desk.see(&format!("{path}/transcript")).await;
        let copy = copy.as_str().expect("text");
        assert!(copy.contains("customer: Hello\n") && copy.contains("agent: Hello Ana\n"), "{copy}");
        assert!(!copy.contains("A friend of ours") && !copy.contains(": ana"), "{copy}");
    }

    async fn every_change_by_an_agent_is_in_the_audit(database: Database) {
        let desk = Desk::open(&database).await;
        desk.accept(sms(ANA, "SM1", "Hello")).await;
        let path = desk.open_interaction().await;
        desk.does("ana", &format!("{path}/accept"), json!({})).await;
        desk.change("ana", &path, json!({"short_description": "A parcel"})).await;
        desk.does("ana", &format!("{path}/close"), json!({})).await;
        let audit = desk.see("audit?subject_kind=interaction&subject=IMS0000001").await;
        let entries = audit["data"].as_array().expect("a list");
        let actions: Vec<_> = entries.iter().map(|entry| &entry["action"]).collect();
        assert_eq!(actions, ["closed", "edit", "accepted"]);
        let edited = json!([{"field": "short_description", "from": null, "to": "A parcel"}]);
        assert_eq!(entries[1]["changes"], edited);
        let state = json!({"field": "state", "from": "new", "to": "work_in_progress"});
        assert!(entries[2]["changes"].as_array().expect("a list").contains(&state));
    }
}
