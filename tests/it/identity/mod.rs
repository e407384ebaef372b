//! Who a sender is, as agents decide it.

mod consent;
mod directory;
mod import;
mod merges;

use frontdesk::profiles::people::PersonKind;
use serde_json::{Value, json};

use crate::support::{
    Database, Desk, on_both,
    requests::{OURS, sms},
};

const NUMBER: &str = "+12125550123";

/// The active profile of an address.
async fn profile(desk: &Desk, address: &str) -> Value {
    let list = desk.see(&format!("profiles?address=%2B{}", &address[1..])).await;
    let list = list["data"].as_array().expect("a list").clone();
    let mut active = list.into_iter().filter(|profile| profile["active"] == true);
    let profile = active.next().expect("a profile");
    assert!(active.next().is_none(), "two active profiles of {address}");
    profile
}

fn id(thing: &Value) -> String {
    thing["id"].as_str().expect("an id").to_owned()
}

async fn person(desk: &Desk, kind: &str, name: &str, phones: &[&str]) -> String {
    id(&desk.does("ana", "people", json!({"kind": kind, "name": name, "phones": phones})).await)
}

on_both! {
    async fn s01_customer_information_is_created_or_referred_to_on_an_interaction(
        database: Database
    ) {
        let desk = Desk::open(&database).await;
        desk.accept(sms(NUMBER, "SM1", "A first question")).await;
        let text = json!({"short_description": "A question"});
        desk.does("ana", "interactions/IMS0000001/close", text.clone()).await;
        desk.accept(sms(NUMBER, "SM2", "Another one")).await;
        let path = "interactions/IMS0000002";
        let bea = person(&desk, "contact", "Bea", &[]).await;

        let (status, refused) = desk.change("ana", path, json!({"opened_for": bea})).await;
        assert_eq!((status, &refused["code"]), (409, &json!("short_description_needed")));
        let refer = json!({"opened_for": bea, "short_description": "Another question"});
        let (status, referred) = desk.change("ana", path, refer).await;
        assert_eq!(status, 200, "{referred}");
        assert_eq!((&referred["opened_for"], &referred["opened_for_kind"]), (&json!(bea), &json!("contact")));
        assert_eq!((&referred["contact"], &referred["consumer"]), (&json!(bea), &Value::Null));
        assert_eq!(referred["verified"], false, "naming somebody confirms nobody");
        assert_eq!(referred["people"], json!([{"kind": "contact", "id": bea, "name": "Bea"}]));
        // The profile follows, closed history does not.
        assert_eq!(profile(&desk, NUMBER).await["person_id"], json!(bea));
        assert_eq!(desk.see("interactions/IMS0000001").await["opened_for"], Value::Null);
        let (status, closed) = desk.change("ana", "interactions/IMS0000001", json!({"opened_for": bea})).await;
        assert_eq!((status, &closed["code"]), (409, &json!("illegal_transition")));

        let carl = json!({"kind": "consumer", "name": "Carl"});
        let created = desk.does("ana", &format!("{path}/person"), carl).await;
        assert_eq!(created["people"][0]["name"], "Carl");
        assert_eq!((&created["consumer"], &created["contact"]), (&created["opened_for"], &Value::Null));
        assert_eq!(profile(&desk, NUMBER).await["person_id"], created["opened_for"]);
        let (_, guest) = desk.change("ana", path, json!({"opened_for": null})).await;
        assert_eq!((&guest["opened_for_kind"], &guest["opened_for"]), (&json!("guest"), &Value::Null));
        assert_eq!(profile(&desk, NUMBER).await["person_id"], Value::Null);
        let audit = desk.see(&format!("audit?subject_kind=profile&subject={}", id(&profile(&desk, NUMBER).await))).await;
        let actions: Vec<_> = audit["data"].as_array().expect("a list").iter().map(|e| &e["action"]).collect();
        assert_eq!(actions, ["link", "link", "link"]);
    }

    async fn a_profile_is_linked_to_a_person_or_to_nobody(database: Database) {
        let desk = Desk::open(&database).await;
        desk.accept(sms(NUMBER, "SM1", "Hello")).await;
        let (bea, carl) = (person(&desk, "user", "Bea", &[]).await, person(&desk, "user", "Carl", &[]).await);
        let path = format!("profiles/{}", id(&profile(&desk, NUMBER).await));
        let linked = desk.does("ana", &format!("{path}/link"), json!({"person": bea})).await;
        assert_eq!((&linked["person_id"], &linked["match_outcome"]), (&json!(bea), &json!("chosen")));
        assert_eq!(linked["matching"]["outcome"], "known_unlisted");
        assert_eq!(desk.see("interactions/IMS0000001").await["opened_for"], json!(bea));
        assert_eq!(desk.refused("ana", &format!("{path}/link"), json!({"person": carl})).await, "held_by_other");
        assert_eq!(desk.refused("ana", &format!("{path}/link"), json!({})).await, "invalid_body");
        let nobody = desk.does("ana", &format!("{path}/link"), json!({"person": null})).await;
        assert_eq!(nobody["person_id"], Value::Null);
        assert_eq!(desk.see("interactions/IMS0000001").await["opened_for_kind"], "guest");

        // Of two agents who know better, one does.
        let link = |person: &str| {
            let (path, body) = (format!("{path}/link"), json!({"person": person}));
            let desk = &desk;
            async move { desk.post("ana", &path, body).await }
        };
        let (one, other) = tokio::join!(link(&bea), link(&carl));
        let mut statuses = [one.0, other.0];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409], "{one:?} {other:?}");
        let now = profile(&desk, NUMBER).await["person_id"].clone();
        assert_eq!(desk.see("interactions/IMS0000001").await["opened_for"], now);
    }

    async fn a_person_is_confirmed_on_what_is_open_and_then_on_the_profile(database: Database) {
        let desk = Desk::open(&database).await;
        let ana = person(&desk, "consumer", "Ana", &[NUMBER]).await;
        desk.accept(sms(NUMBER, "SM1", "Hello")).await;
        let found = profile(&desk, NUMBER).await;
        assert_eq!((&found["person_id"], &found["verified_at"]), (&json!(ana), &Value::Null));
        let path = format!("profiles/{}/verify", id(&found));
        let once = desk.does("ana", &path, json!({"method": "callback", "account": "K-17"})).await;
        assert_eq!(once["verified_at"], Value::Null, "nobody asked the profile to remember");
        let open = desk.see("interactions/IMS0000001").await;
        assert_eq!((&open["verified"], &open["account"], &open["consumer"]), (&json!(true), &json!("K-17"), &json!(ana)));
        let kept = desk.does("ben", &path, json!({"method": "callback", "confirm": true})).await;
        assert_eq!((&kept["verified_by"], &kept["verified_method"]), (&json!("agent:ben"), &json!("callback")));
        assert_eq!(kept["verified_at"], "2026-01-01T00:00:10.000Z");

        let eve = person(&desk, "user", "Eve", &[]).await;
        let other = json!({"person": eve, "method": "passport", "confirm": true});
        assert_eq!(desk.refused("ana", &path, other.clone()).await, "held_by_other");
        assert_eq!(desk.see("interactions/IMS0000001").await["opened_for"], json!(ana), "nothing was changed");
        // On one interaction alone it may be somebody else.
        let on_one = json!({"person": eve, "method": "passport"});
        let on_one = desk.does("ana", "interactions/IMS0000001/verify", on_one).await;
        assert_eq!((&on_one["opened_for"], &on_one["verified"]), (&json!(eve), &json!(true)));
        let text = json!({"short_description": "Hello"});
        desk.does("ana", "interactions/IMS0000001/close", text).await;
        let late = desk.refused("ana", "interactions/IMS0000001/verify", json!({"method": "callback"})).await;
        assert_eq!(late, "illegal_transition");
        let walk_up = desk.does("ana", "interactions", json!({"type": "walk_up"})).await;
        let walk_up = format!("interactions/{}/verify", walk_up["number"].as_str().expect("a number"));
        assert_eq!(desk.refused("ana", &walk_up, json!({"method": "passport"})).await, "invalid_body");
        let known = desk.does("ana", &walk_up, json!({"method": "passport", "person": eve, "confirm": true})).await;
        assert_eq!(known["verified"], true);
    }

    async fn a_number_that_changed_hands_gets_another_profile(database: Database) {
        let desk = Desk::open(&database).await;
        let ana = desk.add_person(PersonKind::User, "Ana", &[NUMBER]).await.to_string();
        desk.accept(sms(NUMBER, "SM1", "I am Ana")).await;
        desk.does("ana", "interactions/IMS0000001/close", json!({"short_description": "Hello"})).await;
        // The directory gives the number to Ben since.
        desk.execute(&format!("delete from person_phones where phone = '{NUMBER}'")).await;
        let ben = desk.add_person(PersonKind::Contact, "Ben", &[NUMBER]).await.to_string();
        desk.accept(sms(NUMBER, "SM2", "I am Ben")).await;
        let conflict = desk.see("interactions/IMS0000002").await;
        assert_eq!((&conflict["match_outcome"], &conflict["opened_for"]), (&json!("conflict"), &json!(ana)));
        let names: Vec<_> = conflict["people"].as_array().expect("a list").iter().map(|one| &one["name"]).collect();
        assert_eq!(names, ["Ana", "Ben"]);
        let before = profile(&desk, NUMBER).await;
        let shown = desk.see(&format!("profiles/{}", id(&before))).await;
        assert_eq!((&shown["matching"]["outcome"], &shown["matching"]["candidates"][0]["id"]), (&json!("conflict"), &json!(ben)));

        let path = format!("profiles/{}/reassociate", id(&before));
        let after = desk.does("ana", &path, json!({"person": ben})).await;
        assert_eq!((&after["person_id"], &after["active"]), (&json!(ben), &json!(true)));
        assert_ne!(after["id"], before["id"]);
        let gone = desk.see(&format!("profiles/{}", id(&before))).await;
        assert_eq!((&gone["active"], &gone["person_id"], &gone["expired_at"]),
            (&json!(false), &json!(ana), &json!("2026-01-01T00:00:10.000Z")));
        let open = desk.see("interactions/IMS0000002").await;
        assert_eq!((&open["opened_for"], &open["profile_id"]), (&json!(ben), &after["id"]));
        assert_eq!((&open["contact"], &open["candidates"]), (&json!(ben), &json!([])));
        let closed = desk.see("interactions/IMS0000001").await;
        assert_eq!((&closed["opened_for"], &closed["profile_id"]), (&json!(ana), &before["id"]));
        assert_eq!(desk.refused("ana", &path, json!({"person": ana})).await, "given_up");
        desk.accept(sms(NUMBER, "SM3", "Still Ben")).await;
        let messages = desk.see("interactions/IMS0000002/messages").await;
        assert_eq!(messages["data"].as_array().map(Vec::len), Some(2));
    }

    async fn what_a_blocked_sender_writes_is_kept_and_nothing_comes_of_it(database: Database) {
        let desk = Desk::open(&database).await;
        desk.accept(sms(NUMBER, "SM1", "Buy my pills")).await;
        let path = format!("profiles/{}", id(&profile(&desk, NUMBER).await));
        let blocked = desk.does("ana", &format!("{path}/block"), json!({"reason": "Spam"})).await;
        assert_eq!((&blocked["blocked_by"], &blocked["blocked_reason"]), (&json!("agent:ana"), &json!("Spam")));
        assert_eq!(desk.see("profiles?blocked=true").await["data"][0]["id"], blocked["id"]);
        let reply = json!({"text": "No, thank you"});
        assert_eq!(desk.refused("ana", "interactions/IMS0000001/messages", reply.clone()).await, "blocked");
        desk.does("ana", "interactions/IMS0000001/close", json!({"short_description": "Spam"})).await;
        assert!(desk.accept(sms(NUMBER, "SM2", "Buy my pills")).await.is_success());
        assert_eq!(desk.count("interactions").await, 1);
        assert_eq!(desk.count("messages").await, 1);
        assert_eq!(desk.count("events where kind = 'message'").await, 1, "it is kept");
        assert_eq!(desk.count("requests where outcome = 'accepted'").await, 2);
        let first = json!({"type": "messaging", "channel": "twilio-main", "to": NUMBER, "text": "Hello"});
        assert_eq!(desk.refused("ana", "interactions", first).await, "blocked");

        let free = desk.does("ana", &format!("{path}/unblock"), json!({})).await;
        assert_eq!((&free["blocked_at"], &free["blocked_reason"]), (&Value::Null, &Value::Null));
        desk.accept(sms(NUMBER, "SM3", "Sorry")).await;
        desk.does("ana", "interactions/IMS0000002/messages", reply).await;
    }

    async fn a_profile_that_was_given_up_is_never_taken_up_again(database: Database) {
        let desk = Desk::open(&database).await;
        desk.accept(sms(NUMBER, "SM1", "Hello")).await;
        let before = profile(&desk, NUMBER).await;
        let path = format!("profiles/{}", id(&before));
        let gone = desk.does("ana", &format!("{path}/deactivate"), json!({})).await;
        assert_eq!((&gone["active"], &gone["expired_at"]), (&json!(false), &json!("2026-01-01T00:00:10.000Z")));
        for (action, body) in [("deactivate", json!({})), ("block", json!({"reason": "Spam"})), ("unblock", json!({}))] {
            assert_eq!(desk.refused("ana", &format!("{path}/{action}"), body).await, "given_up", "{action}");
        }
        let stale = desk.call(Some("ana"), "POST", &format!("{path}/deactivate"), Some(1), Some(json!({}))).await;
        assert_eq!(stale.0, 412);
        desk.accept(sms(NUMBER, "SM2", "Hello again")).await;
        let after = profile(&desk, NUMBER).await;
        assert_ne!(after["id"], before["id"]);
        assert_eq!(desk.see("interactions/IMS0000002").await["profile_id"], after["id"]);
    }

    async fn an_agent_who_writes_to_somebody_elses_number_is_warned_and_may_take_it_over(
        database: Database
    ) {
        let desk = Desk::open(&database).await;
        desk.add_person(PersonKind::User, "Ana", &[NUMBER]).await;
        let ben = desk.add_person(PersonKind::Contact, "Ben", &[]).await.to_string();
        desk.accept(sms(NUMBER, "SM1", "I am Ana")).await;
        let before = profile(&desk, NUMBER).await;
        let write = |more: Value| {
            let mut body = json!({"type": "messaging", "channel": "twilio-main", "to": NUMBER,
                "text": "Hello Ben", "person": ben, "short_description": "A delivery"});
            body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            body
        };
        let (status, warned) = desk.post("ben", "interactions", write(json!({}))).await;
        assert_eq!((status, &warned["code"]), (409, &json!("held_by_other")));
        assert!(warned["detail"].as_str().expect("a sentence").contains("\"take_over\": true"));
        assert_eq!(desk.see("interactions/IMS0000001").await["state"], "new", "nothing was sent or closed");

        let opened = desk.does("ben", "interactions", write(json!({"take_over": true}))).await;
        assert_eq!((&opened["assigned_to"], &opened["opened_for"], &opened["state"]),
            (&json!("ben"), &json!(ben), &json!("work_in_progress")));
        assert_eq!((&opened["direction"], &opened["our_address"]), (&json!("outbound"), &json!(OURS)));
        let theirs = desk.see("interactions/IMS0000001").await;
        assert_eq!((&theirs["state"], &theirs["state_reason"]), (&json!("closed_complete"), &json!("superseded")));
        assert_eq!(theirs["work_item"]["state"], "canceled");
        let after = profile(&desk, NUMBER).await;
        assert_eq!((&after["id"], &after["person_id"]), (&opened["profile_id"], &json!(ben)));
        assert_ne!(after["id"], before["id"]);
        assert_eq!(desk.see(&format!("profiles/{}", id(&before))).await["active"], false);
        desk.accept(sms(NUMBER, "SM2", "This is Ben")).await;
        let messages = desk.see(&format!("interactions/{}/messages", opened["number"].as_str().expect("a number"))).await;
        assert_eq!(messages["data"].as_array().map(Vec::len), Some(2), "the answer joins it");
        let nobody = json!({"type": "messaging", "channel": "twilio-main", "to": NUMBER, "text": "Hi", "take_over": true});
        assert_eq!(desk.refused("ben", "interactions", nobody).await, "invalid_body");
    }
}
