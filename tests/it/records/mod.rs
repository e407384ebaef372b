//! The interaction record as agents work with it, rule by rule.

mod beside;
mod clocks;

use serde_json::{Value, json};

use crate::support::{
    Database, Desk, TestGateway, on_both,
    requests::{OURS, chat_message, sms},
};

const ANA: &str = "+15550100002";

on_both! {
    async fn s05_an_interaction_is_assigned_directly_past_its_queue(database: Database) {
        let desk = Desk::open(&database).await;
        desk.accept(sms(ANA, "SM1", "Hello")).await;
        let path = desk.open_interaction().await;
        let assigned = desk.does("ana", &format!("{path}/assign"), json!({"agent": "ben"})).await;
        assert_eq!((&assigned["state"], &assigned["assigned_to"]), (&json!("work_in_progress"), &json!("ben")));
        assert_eq!(assigned["work_item"]["state"], "accepted");
        assert_eq!(assigned["work_item"]["assigned_to"], "ben");
        assert_eq!(desk.see("queues/default/items").await["data"], json!([]));
        let unknown = desk.refused("ana", &format!("{path}/assign"), json!({"agent": "eve"})).await;
        assert_eq!(unknown, "invalid_body");
    }

    async fn s06_what_was_settled_at_once_closes_without_a_task(database: Database) {
        let desk = Desk::open(&database).await;
        desk.accept(sms(ANA, "SM1", "When do you open?")).await;
        let path = desk.open_interaction().await;
        desk.does("ana", &format!("{path}/accept"), json!({})).await;
        let end = json!({"short_description": "Opening hours"});
        let closed = desk.does("ana", &format!("{path}/close"), end).await;
        assert_eq!((&closed["state"], &closed["state_reason"]), (&json!("closed_complete"), &json!("agent_ended")));
        assert_eq!((&closed["active"], &closed["closed_by"]), (&json!(false), &json!("agent:ana")));
        assert_eq!(closed["work_item"]["state"], "completed");
        assert_eq!(desk.refused("ana", &format!("{path}/accept"), json!({})).await, "illegal_transition");
    }

    async fn s09_the_details_view_has_what_an_agent_needs(database: Database) {
        let desk = Desk::open(&database).await;
        desk.accept(sms(ANA, "SM1", "Hello")).await;
        let details = desk.see(&desk.open_interaction().await).await;
        for (field, value) in [
            ("number", json!("IMS0000001")),
            ("type", json!("messaging")),
            ("subtype", json!("sms")),
            ("direction", json!("inbound")),
            ("initiated_by", json!("requester")),
            ("state", json!("new")),
            ("state_reason", Value::Null),
            ("opened_for_kind", json!("guest")),
            ("verified", json!(false)),
            ("our_address", json!(OURS)),
            ("assigned_to", Value::Null),
            ("opened_by", json!("requester")),
            ("opened_at", json!("2026-01-01T00:00:10.000Z")),
            ("closed_at", Value::Null),
            ("wait_time_ms", Value::Null),
            ("duration_ms", json!(0)),
            ("short_description", Value::Null),
            ("next_states", json!(["work_in_progress", "closed_complete", "closed_abandoned", "new"])),
        ] {
            if field == "next_states" {
                let mut next: Vec<_> = details[field].as_array().expect("a list").clone();
                next.sort_by_key(Value::to_string);
                let mut expected = value.as_array().expect("a list").clone();
                expected.sort_by_key(Value::to_string);
                assert_eq!(next, expected);
            } else {
                assert_eq!(details[field], value, "{field}");
            }
        }
        assert_eq!(details["work_item"]["queue"], "default");
    }

    async fn s11_a_persons_interactions_are_listed_and_a_guests_by_profile(database: Database) {
        let desk = Desk::open(&database).await;
        let person = json!({"kind": "user", "name": "Ana Prado", "phones": [ANA]});
        let person = desk.does("ana", "people", person).await;
        let guest = "+15550100777";
        for (from, id) in [(ANA, "SM1"), (guest, "SM2")] {
            desk.accept(sms(from, id, "Hello")).await;
        }
        let numbers = async |path: String| {
            let list = desk.see(&path).await;
            let list = list["data"].as_array().expect("a list").clone();
            list.iter().map(|one| one["number"].clone()).collect::<Vec<_>>()
        };
        let first = json!({"short_description": "Hello"});
        desk.does("ana", "interactions/IMS0000001/close", first).await;
        desk.accept(sms(ANA, "SM3", "Hello again")).await;
        let id = person["id"].as_str().expect("an id");
        assert_eq!(numbers(format!("people/{id}/interactions")).await, ["IMS0000003", "IMS0000001"]);
        let profiles = desk.see(&format!("profiles?address=%2B{}", &guest[1..])).await;
        let profile = profiles["data"][0]["id"].as_str().expect("an id");
        assert_eq!(numbers(format!("interactions?profile={profile}")).await, ["IMS0000002"]);
    }

    async fn s12_every_interaction_has_a_number_of_its_own(database: Database) {
        let desk = Desk::open(&database).await;
        for from in 0..20 {
            desk.accept(sms(&format!("+155501001{from:02}"), &format!("SM{from}"), "Hi")).await;
        }
        for _ in 0..3 {
            desk.does("ana", "interactions", json!({"type": "walk_up"})).await;
        }
        let numbers = desk.texts("select distinct cast(seq as text) from interactions").await;
        assert_eq!(numbers.len(), 23);
        let shown = desk.see("interactions/IMS0000023").await;
        assert_eq!(shown["number"], "IMS0000023");
    }

    async fn s13_each_medium_and_each_entered_contact_has_its_type(database: Database) {
        let desk = Desk::open(&database).await;
        desk.accept(sms(ANA, "SM1", "Hello")).await;
        desk.accept(chat_message("visitor-1", "m1", "Hello")).await;
        desk.does("ana", "interactions", json!({"type": "walk_up"})).await;
        desk.does("ana", "interactions", json!({"type": "chat"})).await;
        let types = desk.texts("select type || ' ' || subtype from interactions order by seq").await;
        assert_eq!(types, ["messaging sms", "chat chat", "walk_up walk_up", "chat chat"]);
        let nobody = desk.call(None, "POST", "interactions", None, Some(json!({"type": "walk_up"}))).await;
        assert_eq!(nobody.1["code"], "unknown_agent", "somebody must have met the customer");
    }

    async fn s14_contacts_by_telephone_are_entered_only_where_telephony_is_on(database: Database) {
        let desk = Desk::open(&database).await;
        let call = json!({"type": "phone", "short_description": "A call"});
        assert_eq!(desk.refused("ana", "interactions", call.clone()).await, "telephony_off");
        desk.gateway.stop().await;
        let gateway = TestGateway::with(&database, |config| config.desk.telephony = true).await;
        let desk = Desk::at(gateway).await;
        let entered = desk.does("ana", "interactions", call).await;
        assert_eq!((&entered["type"], &entered["state"]), (&json!("phone"), &json!("work_in_progress")));
        assert_eq!(entered["opened_by"], "agent:ana");
    }

    async fn s15_an_interaction_goes_through_all_its_states(database: Database) {
        let desk = Desk::open(&database).await;
        desk.accept(sms(ANA, "SM1", "Hello")).await;
        let path = desk.open_interaction().await;
        let state = async |action: &str, body: Value| {
            desk.does("ana", &format!("{path}/{action}"), body).await["state"].clone()
        };
        assert_eq!(desk.see(&path).await["state"], "new");
        assert_eq!(state("accept", json!({})).await, "work_in_progress");
        assert_eq!(state("hold", json!({"reason": "waiting_internal"})).await, "on_hold");
        assert_eq!(state("resume", json!({})).await, "work_in_progress");
        let refused = desk.refused("ana", &format!("{path}/resume"), json!({})).await;
        assert_eq!(refused, "illegal_transition");
        let end = json!({"short_description": "Wrong number", "reason": "no_user_response"});
        assert_eq!(state("abandon", end).await, "closed_abandoned");
        let moves = "select from_state || ' ' || to_state || ' ' || cause || ' ' || author \
            from interaction_transitions order by id";
        assert_eq!(desk.texts(moves).await, [
            "new work_in_progress accepted ana",
            "work_in_progress on_hold held ana",
            "on_hold work_in_progress resumed ana",
            "work_in_progress closed_abandoned abandoned ana",
        ]);
        // Who writes again gets a new one, which names the one before.
        desk.accept(sms(ANA, "SM2", "Hello again")).await;
        let next = desk.see(&desk.open_interaction().await).await;
        assert_eq!(next["number"], "IMS0000002");
        assert_eq!(next["parent_id"], desk.see(&path).await["id"]);
    }

    async fn s16_a_parked_interaction_says_what_it_waits_for_and_then_no_more(database: Database) {
        let desk = Desk::open(&database).await;
        desk.accept(sms(ANA, "SM1", "Hello")).await;
        let path = desk.open_interaction().await;
        let accepted = desk.does("ana", &format!("{path}/accept"), json!({})).await;
        assert_eq!(accepted["state_reason"], Value::Null);
        for reason in ["waiting_internal", "waiting_on_customer"] {
            let held = desk.does("ana", &format!("{path}/hold"), json!({"reason": reason})).await;
            assert_eq!((&held["state_reason"], &held["assigned_to"]), (&json!(reason), &json!("ana")));
        }
        // The customer's answer takes it up again, by itself.
        desk.accept(sms(ANA, "SM2", "Here is my address")).await;
        let resumed = desk.see(&path).await;
        assert_eq!((&resumed["state"], &resumed["state_reason"]), (&json!("work_in_progress"), &Value::Null));
        assert_eq!(resumed["assigned_to"], "ana");
    }

    async fn s17_only_messaging_is_parked_with_a_reason(database: Database) {
        let desk = Desk::open(&database).await;
        desk.accept(sms(ANA, "SM1", "Hello")).await;
        let messaging = desk.open_interaction().await;
        desk.does("ana", &format!("{messaging}/accept"), json!({})).await;
        let without = desk.refused("ana", &format!("{messaging}/hold"), json!({})).await;
        assert_eq!(without, "invalid_body");
        let entered = desk.does("ana", "interactions", json!({"type": "chat"})).await;
        let chat = format!("interactions/{}", entered["number"].as_str().expect("a number"));
        let reason = json!({"reason": "waiting_on_customer"});
        assert_eq!(desk.refused("ana", &format!("{chat}/hold"), reason).await, "invalid_body");
        let held = desk.does("ana", &format!("{chat}/hold"), json!({})).await;
        assert_eq!((&held["state"], &held["state_reason"]), (&json!("on_hold"), &Value::Null));
    }

    async fn s18_opened_for_is_the_customer_whoever_wrote_first(database: Database) {
        let desk = Desk::open(&database).await;
        let person = json!({"kind": "consumer", "name": "Ana Prado", "phones": [ANA]});
        let person = desk.does("ana", "people", person).await["id"].clone();
        desk.accept(sms(ANA, "SM1", "Hello")).await;
        let inbound = desk.see(&desk.open_interaction().await).await;
        assert_eq!((&inbound["opened_for"], &inbound["consumer"]), (&person, &person));
        let end = json!({"short_description": "Hello"});
        let number = inbound["number"].as_str().expect("a number");
        desk.does("ana", &format!("interactions/{number}/close"), end).await;

        let first = json!({"type": "messaging", "channel": "twilio-main", "to": ANA, "text": "Hi Ana"});
        let outbound = desk.does("ben", "interactions", first.clone()).await;
        assert_eq!((&outbound["opened_for"], &outbound["direction"]), (&person, &json!("outbound")));
        assert_eq!((&outbound["initiated_by"], &outbound["assigned_to"]), (&json!("agent"), &json!("ben")));
        assert_eq!((&outbound["state"], &outbound["work_item"]), (&json!("work_in_progress"), &Value::Null));
        assert_eq!(outbound["wait_time_ms"], Value::Null);
        // The answer joins it, and so does a colleague's message.
        desk.accept(sms(ANA, "SM2", "Hi Ben")).await;
        let again = desk.does("ana", "interactions", first).await;
        assert_eq!((&again["number"], &again["assigned_to"]), (&outbound["number"], &json!("ben")));
        assert_eq!(desk.count("interactions").await, 2);
        let directions = desk.texts("select direction from messages order by id").await;
        assert_eq!(directions, ["inbound", "outbound", "inbound", "outbound"]);
        let other = json!({"kind": "user", "name": "Eve"});
        let other = desk.does("ana", "people", other).await["id"].clone();
        let wrong = json!({"type": "messaging", "channel": "twilio-main", "to": ANA, "text": "Hi Eve",
            "person": other});
        assert_eq!(desk.refused("ben", "interactions", wrong).await, "held_by_other");
    }

    async fn s22_a_short_description_is_empty_until_somebody_writes_one(database: Database) {
        let desk = Desk::open(&database).await;
        desk.accept(sms(ANA, "SM1", "Hello")).await;
        let path = desk.open_interaction().await;
        assert_eq!(desk.see(&path).await["short_description"], Value::Null);
        let (status, saved) =
            desk.change("ana", &path, json!({"short_description": " A parcel "})).await;
        assert_eq!((status, &saved["short_description"]), (200, &json!("A parcel")));
        assert_eq!(saved["description_generated"], false);
    }

    async fn s23_closing_is_refused_while_nobody_said_what_it_is_about(database: Database) {
        let desk = Desk::open(&database).await;
        desk.accept(sms(ANA, "SM1", "Hello")).await;
        let path = desk.open_interaction().await;
        for action in ["close", "abandon"] {
            let refused = desk.refused("ana", &format!("{path}/{action}"), json!({})).await;
            assert_eq!(refused, "short_description_needed");
            let empty = json!({"short_description": "  "});
            let refused = desk.refused("ana", &format!("{path}/{action}"), empty).await;
            assert_eq!(refused, "invalid_body");
        }
        assert_eq!(desk.see(&path).await["state"], "new", "nothing was changed");
    }

    async fn s24_saving_is_refused_while_nobody_said_what_it_is_about(database: Database) {
        let desk = Desk::open(&database).await;
        desk.accept(sms(ANA, "SM1", "Hello")).await;
        let path = desk.open_interaction().await;
        let (status, problem) = desk.change("ana", &path, json!({"location": "Lisbon"})).await;
        assert_eq!((status, &problem["code"]), (409, &json!("short_description_needed")));
        let both = json!({"location": "Lisbon", "short_description": "A parcel"});
        let (status, saved) = desk.change("ana", &path, both).await;
        assert_eq!((status, &saved["location"]), (200, &json!("Lisbon")));
        // What the system writes is exempt: a message joins, whatever is said about it.
        desk.accept(sms(ANA, "SM2", "Hello?")).await;
    }

    async fn s26_what_closes_by_itself_is_described_in_the_customers_words(database: Database) {
        let desk = Desk::open(&database).await;
        desk.accept(sms(ANA, "SM1", "My parcel is late")).await;
        let path = desk.open_interaction().await;
        let close = "update channels set settings = '{\"continuation\":\"never\"}', \
            changed_at = changed_at + 1, version = version + 1 where id = 'twilio-main'";
        desk.execute(close).await;
        desk.ingest.refresh().await.expect("channels that load");
        desk.accept(sms(ANA, "SM2", "Another thing")).await;
        let closed = desk.see(&path).await;
        assert_eq!((&closed["state"], &closed["state_reason"]), (&json!("closed_complete"), &json!("superseded")));
        assert_eq!(closed["short_description"], "My parcel is late");
        assert_eq!(closed["description_generated"], true);
        let undescribed = "interactions where not active and short_description is null";
        assert_eq!(desk.count(undescribed).await, 0);
    }
}
