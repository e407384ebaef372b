//! Who has an interaction, and the clocks that run meanwhile.

use serde_json::{Value, json};

use super::ANA;
use crate::support::{Database, Desk, on_both, requests::sms};

on_both! {
    async fn s19_duration_is_the_time_it_was_worked_on(database: Database) {
        let desk = Desk::open(&database).await;
        desk.accept(sms(ANA, "SM1", "Hello")).await;
        let path = desk.open_interaction().await;
        desk.pass(10);
        desk.does("ana", &format!("{path}/accept"), json!({})).await;
        desk.pass(20);
        assert_eq!(desk.see(&path).await["duration_ms"], 20_000, "it runs while it is worked on");
        desk.does("ana", &format!("{path}/hold"), json!({"reason": "waiting_internal"})).await;
        desk.pass(300);
        assert_eq!(desk.see(&path).await["duration_ms"], 20_000, "it stands while it is parked");
        desk.does("ana", &format!("{path}/resume"), json!({})).await;
        desk.pass(5);
        desk.does("ana", &format!("{path}/assign"), json!({"agent": "ben"})).await;
        desk.pass(1);
        desk.does("ben", &format!("{path}/wrap-up"), json!({})).await;
        desk.pass(40);
        let closed = desk.does("ben", &format!("{path}/close"), json!({"short_description": "Done"})).await;
        desk.pass(1000);
        assert_eq!(closed["duration_ms"], 26_000);
        assert_eq!(closed["wrap_up_duration_ms"], 40_000);
        assert_eq!(closed["elapsed_ms"], 376_000);
        assert_eq!(desk.see(&path).await["elapsed_ms"], 376_000);
    }

    async fn s20_assigned_to_follows_acceptance_transfer_and_reassignment(database: Database) {
        let desk = Desk::open(&database).await;
        desk.accept(sms(ANA, "SM1", "Hello")).await;
        let path = desk.open_interaction().await;
        let assigned_to = async |agent: &str, action: &str, body: Value| {
            desk.does(agent, &format!("{path}/{action}"), body).await["assigned_to"].clone()
        };
        assert_eq!(assigned_to("ana", "accept", json!({})).await, "ana");
        let twice = desk.refused("ben", &format!("{path}/accept"), json!({})).await;
        assert_eq!(twice, "illegal_transition", "somebody else has it");
        assert_eq!(assigned_to("ana", "transfer", json!({"agent": "ben"})).await, "ben");
        assert_eq!(assigned_to("ana", "assign", json!({"agent": "ana"})).await, "ana");
        assert_eq!(assigned_to("ana", "transfer", json!({"queue": "default"})).await, Value::Null);
        let waiting = desk.see(&path).await;
        assert_eq!((&waiting["state"], &waiting["state_reason"]), (&json!("on_hold"), &Value::Null));
        assert_eq!(waiting["work_item"]["position"], 1);
        assert_eq!(assigned_to("ben", "accept", json!({})).await, "ben");
        let items = desk.texts("select state from work_items order by id").await;
        assert_eq!(items, ["completed", "accepted"]);
        let linked = "work_items w join work_items p on p.id = w.previous_id";
        assert_eq!(desk.count(linked).await, 1);
    }

    async fn s21_wait_time_ends_with_the_first_answer_of_a_person(database: Database) {
        let desk = Desk::open(&database).await;
        desk.accept(sms(ANA, "SM1", "Hello")).await;
        let path = desk.open_interaction().await;
        desk.pass(30);
        desk.does("ana", &format!("{path}/accept"), json!({})).await;
        desk.pass(12);
        assert_eq!(desk.see(&path).await["wait_time_ms"], Value::Null, "nobody has answered yet");
        desk.does("ana", &format!("{path}/messages"), json!({"text": "Hello Ana"})).await;
        desk.pass(100);
        desk.accept(sms(ANA, "SM2", "My parcel is late")).await;
        desk.accept(sms(ANA, "SM3", "Very late")).await;
        desk.pass(18);
        desk.does("ana", &format!("{path}/messages"), json!({"text": "I am looking"})).await;
        desk.does("ana", &format!("{path}/messages"), json!({"text": "It is on its way"})).await;
        let details = desk.see(&path).await;
        assert_eq!(details["wait_time_ms"], 42_000, "frozen with the first answer");
        // 42 s and 18 s; the third message of ours answered nothing new.
        assert_eq!(details["agent_avg_response_ms"], 30_000);
    }

    async fn s21_after_a_bot_the_wait_begins_when_a_person_is_wanted(database: Database) {
        let desk = Desk::open(&database).await;
        desk.accept(sms(ANA, "SM1", "Hello")).await;
        let path = desk.open_interaction().await;
        desk.pass(1);
        let greeting = json!({"text": "I am a bot. How can I help?", "bot": true});
        let messages = format!("{path}/messages");
        let (status, _) = desk.call(None, "POST", &messages, None, Some(greeting)).await;
        assert_eq!(status, 201);
        let with_bot = desk.see(&path).await;
        assert_eq!((&with_bot["virtual_agent"], &with_bot["state"]), (&json!(true), &json!("work_in_progress")));
        assert_eq!(with_bot["wait_time_ms"], Value::Null, "a bot's greeting answers nothing");
        desk.pass(60);
        let to_people = Some(json!({"queue": "default"}));
        let (status, handed) =
            desk.call(None, "POST", &format!("{path}/transfer"), None, to_people).await;
        assert_eq!((status, &handed["agent_chat"]), (200, &json!(true)));
        desk.pass(7);
        desk.does("ana", &messages, json!({"text": "Ana here"})).await;
        let answered = desk.see(&path).await;
        assert_eq!((&answered["wait_time_ms"], &answered["assigned_to"]), (&json!(7_000), &json!("ana")));
    }
}
