//! What follows the end of a conversation.

use serde_json::{Value, json};

use crate::support::{
    Database, Desk, on_both,
    requests::{chat_message, sms},
};

const ANA: &str = "+15550100002";

/// A conversation that `ana` works on.
async fn at_work(desk: &Desk) -> String {
    desk.accept(sms(ANA, "SM1", "My parcel is late")).await;
    let path = desk.open_interaction().await;
    desk.does("ana", &format!("{path}/accept"), json!({})).await;
    path
}

async fn configure(desk: &Desk, configuration: Value) {
    desk.does("ana", "wrap-up-configurations", configuration).await;
}

on_both! {
    async fn where_no_configuration_matches_a_conversation_closes_at_once(database: Database) {
        let desk = Desk::open(&database).await;
        configure(&desk, json!({"id": "chats", "when": {"type": "chat"}})).await;
        configure(&desk, json!({"id": "later", "active": false})).await;
        let path = at_work(&desk).await;
        let end = format!("{path}/end");
        assert_eq!(desk.refused("ana", &end, json!({})).await, "short_description_needed");
        let ended = desk.does("ana", &end, json!({"short_description": "A parcel"})).await;
        assert_eq!((&ended["state"], &ended["state_reason"]), (&json!("closed_complete"), &json!("agent_ended")));
        assert_eq!(ended["wrap_up_configuration"], Value::Null);
    }

    async fn the_lowest_configuration_that_matches_decides(database: Database) {
        let desk = Desk::open(&database).await;
        configure(&desk, json!({"id": "all"})).await;
        configure(&desk, json!({"id": "sms", "order": 50, "when": {"subtype": "sms"}, "enforced": true})).await;
        configure(&desk, json!({"id": "chat", "order": 10, "when": {"subtype": "chat"}})).await;
        let path = at_work(&desk).await;
        let ended = desk.does("ana", &format!("{path}/end"), json!({})).await;
        assert_eq!((&ended["state"], &ended["wrap_up_configuration"]), (&json!("wrap_up"), &json!("sms")));
        assert_eq!(ended["wrap_up_ends_at"], "2026-01-01T00:01:10.000Z", "60 s is the usual duration");
        assert_eq!(ended["work_item"]["state"], "accepted", "its agent is not free yet");
        desk.accept(chat_message("visitor-1", "m1", "Hello")).await;
        desk.does("ana", "interactions/IMS0000002/accept", json!({})).await;
        let ended = desk.does("ana", "interactions/IMS0000002/end", json!({})).await;
        assert_eq!((&ended["wrap_up_configuration"], &ended["wrap_up_ends_at"]), (&json!("chat"), &Value::Null));
    }

    async fn an_enforced_wrap_up_ends_by_itself_with_the_default_code(database: Database) {
        let desk = Desk::open(&database).await;
        configure(&desk, json!({"id": "desk", "enforced": true, "duration_seconds": 30,
            "codes": [{"code": "refund", "label": "Refund"}, {"code": "other", "label": "Something else"}],
            "default_code": "other"})).await;
        let path = at_work(&desk).await;
        desk.does("ana", &format!("{path}/end"), json!({})).await;
        assert_eq!(desk.pass_and_sweep(29).await.fired, 0);
        assert_eq!(desk.see(&path).await["state"], "wrap_up");
        assert_eq!(desk.pass_and_sweep(1).await.fired, 1);
        assert_eq!(desk.sweep().await.fired, 0);
        let closed = desk.see(&path).await;
        assert_eq!((&closed["state"], &closed["state_reason"]), (&json!("closed_complete"), &json!("agent_ended")));
        assert_eq!((&closed["system_wrap_up"], &closed["closed_by"]), (&json!(true), &json!("system")));
        assert_eq!(closed["wrap_up_duration_ms"], 30_000);
        assert_eq!((&closed["wrap_up_codes"], &closed["wrap_up_ends_at"]), (&json!(["other"]), &Value::Null));
        assert_eq!((&closed["short_description"], &closed["description_generated"]), (&json!("My parcel is late"), &json!(true)));
        assert_eq!(closed["work_item"]["state"], "completed");
        let last = "select cause || ' ' || author_kind || ' ' || author from interaction_transitions order by id desc limit 1";
        assert_eq!(desk.texts(last).await, ["closed system wrap_up_timer"]);
    }

    async fn a_wrap_up_that_nobody_ends_lasts_until_the_limit_for_all(database: Database) {
        let desk = Desk::open(&database).await;
        configure(&desk, json!({"id": "desk", "duration_seconds": 30})).await;
        let path = at_work(&desk).await;
        desk.does("ana", &format!("{path}/end"), json!({})).await;
        desk.pass_and_sweep(15 * 60 - 1).await;
        assert_eq!(desk.see(&path).await["state"], "wrap_up");
        desk.pass_and_sweep(1).await;
        let closed = desk.see(&path).await;
        assert_eq!((&closed["state"], &closed["system_wrap_up"]), (&json!("closed_complete"), &json!(true)));
        let author = "select author from interaction_transitions order by id desc limit 1";
        assert_eq!(desk.texts(author).await, ["wrap_up_limit"]);
    }

    async fn an_agent_who_ends_wrap_up_chooses_codes_of_its_configuration(database: Database) {
        let desk = Desk::open(&database).await;
        let codes = json!([{"code": "refund", "label": "Refund"}, {"code": "late", "label": "Late"}]);
        configure(&desk, json!({"id": "desk", "codes": codes, "default_code": "late"})).await;
        let path = at_work(&desk).await;
        desk.does("ana", &format!("{path}/end"), json!({"short_description": "A parcel"})).await;
        let close = format!("{path}/close");
        let (status, problem) = desk.post("ana", &close, json!({"codes": ["lost"]})).await;
        assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!("/codes/0")));
        let (status, changed) = desk.change("ana", &path, json!({"wrap_up_codes": ["refund", "refund"]})).await;
        assert_eq!((status, &changed["wrap_up_codes"]), (200, &json!(["refund"])));
        let closed = desk.does("ana", &close, json!({})).await;
        assert_eq!((&closed["wrap_up_codes"], &closed["system_wrap_up"]), (&json!(["refund"]), &json!(false)));
        assert_eq!(closed["closed_by"], "agent:ana");
        desk.sweep().await;
        assert_eq!(desk.see(&path).await["version"], closed["version"], "there is nothing left to end");
    }

    async fn a_customer_who_writes_in_wrap_up_pauses_it(database: Database) {
        let desk = Desk::open(&database).await;
        configure(&desk, json!({"id": "desk", "enforced": true})).await;
        let path = at_work(&desk).await;
        desk.does("ana", &format!("{path}/end"), json!({})).await;
        desk.pass(45);
        desk.accept(sms(ANA, "SM2", "One more thing")).await;
        let resumed = desk.see(&path).await;
        assert_eq!((&resumed["state"], &resumed["assigned_to"]), (&json!("work_in_progress"), &json!("ana")));
        assert_eq!(resumed["wrap_up_ends_at"], Value::Null);
        assert_eq!(desk.pass_and_sweep(600).await.fired, 0, "it is not in wrap-up any more");
        assert_eq!(desk.see(&path).await["state"], "work_in_progress");
        let again = desk.does("ana", &format!("{path}/end"), json!({})).await;
        assert_eq!(again["wrap_up_ends_at"], "2026-01-01T00:11:10.000Z", "15 s were left of it");
        desk.pass_and_sweep(14).await;
        assert_eq!(desk.see(&path).await["state"], "wrap_up");
        desk.pass_and_sweep(1).await;
        let closed = desk.see(&path).await;
        assert_eq!((&closed["state"], &closed["wrap_up_duration_ms"]), (&json!("closed_complete"), &json!(60_000)));
    }

    async fn a_configuration_that_cannot_be_kept_is_refused(database: Database) {
        let desk = Desk::open(&database).await;
        let long = json!({"id": "long", "enforced": true, "duration_seconds": 900});
        let (status, problem) = desk.post("ana", "wrap-up-configurations", long).await;
        assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!("/duration_seconds")));
        configure(&desk, json!({"id": "long", "duration_seconds": 900})).await;
        let enforced = json!({"enforced": true});
        let (status, _) = desk.change("ana", "wrap-up-configurations/long", enforced).await;
        assert_eq!(status, 422, "the limit for all would come first");
        let twice = desk.refused("ana", "wrap-up-configurations", json!({"id": "long"})).await;
        assert_eq!(twice, "exists");
        let odd = json!({"id": "odd", "colour": "red"});
        assert_eq!(desk.refused("ana", "wrap-up-configurations", odd).await, "invalid_body");
        let audit = desk.see("audit?subject_kind=wrap_up_configuration&subject=long").await;
        assert_eq!((&audit["data"][0]["action"], &audit["data"][0]["author"]), (&json!("create"), &json!("ana")));
    }
}
