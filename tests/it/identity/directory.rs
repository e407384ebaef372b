//! A change of the directory, and the senders who wait.

use serde_json::{Value, json};

use super::{NUMBER, id, person, profile};
use crate::support::{Database, Desk, on_both, requests::sms};

on_both! {
    async fn whoever_is_entered_may_be_a_guest_who_waits(database: Database) {
        let desk = Desk::open(&database).await;
        desk.accept(sms(NUMBER, "SM1", "Closed before")).await;
        desk.does("ana", "interactions/IMS0000001/close", json!({"short_description": "Before"})).await;
        desk.accept(sms(NUMBER, "SM2", "Waiting")).await;
        // Row 8: exactly one.
        let bea = person(&desk, "consumer", "Bea", &[NUMBER]).await;
        let linked = profile(&desk, NUMBER).await;
        assert_eq!((&linked["person_id"], &linked["match_outcome"]), (&json!(bea), &json!("guest_linked")));
        let open = desk.see("interactions/IMS0000002").await;
        assert_eq!((&open["opened_for"], &open["consumer"], &open["verified"]), (&json!(bea), &json!(bea), &json!(false)));
        assert_eq!(open["match_outcome"], "guest_linked");
        assert_eq!(desk.see("interactions/IMS0000001").await["opened_for"], Value::Null);
        let audit = desk.see(&format!("audit?subject_kind=profile&subject={}", id(&linked))).await;
        assert_eq!((&audit["data"][0]["action"], &audit["data"][0]["author"]), (&json!("match"), &json!("ana")));
        let audit = desk.see("audit?subject_kind=interaction&subject=IMS0000002").await;
        assert_eq!(audit["data"][0]["action"], "edit");
        let audit = desk.see(&format!("audit?subject_kind=person&subject={bea}")).await;
        assert_eq!(audit["data"][0]["action"], "create");
    }

    async fn a_guest_with_a_number_of_two_people_is_shown_both(database: Database) {
        let desk = Desk::open(&database).await;
        // The directory writes Brazilian mobiles with their ninth digit; this sender does not.
        let (listed, written) = ("+5511961234567", "+551161234567");
        desk.accept(sms(written, "SM1", "Oi")).await;
        let one = json!([{"kind": "user", "name": "Bia", "phones": []}, {"kind": "user", "name": "Caio", "phones": [listed]}]);
        let bia = id(&desk.does("ana", "people", one[0].clone()).await);
        // Two at once: each change alone decides.
        let caio = id(&desk.does("ana", "people", one[1].clone()).await);
        assert_eq!(profile(&desk, written).await["person_id"], json!(caio), "one spelling finds the other");
        let path = format!("profiles/{}/link", id(&profile(&desk, written).await));
        desk.does("ana", &path, json!({"person": null})).await;
        // Row 9: two or more.
        let (status, _) = desk.change("ana", &format!("people/{bia}"), json!({"phones": [listed]})).await;
        assert_eq!(status, 200);
        let found = profile(&desk, written).await;
        assert_eq!((&found["person_id"], &found["match_outcome"]), (&Value::Null, &json!("guest_ambiguous")));
        let open = desk.see("interactions/IMS0000001").await;
        let names: Vec<_> = open["people"].as_array().expect("a list").iter().map(|one| one["name"].clone()).collect();
        assert_eq!(names, ["Bia", "Caio"]);
        assert_eq!(open["match_outcome"], "guest_ambiguous");
        assert_eq!(desk.see("profiles?undecided=true").await["data"][0]["id"], found["id"]);
        // One of them leaves: the other is meant.
        let (status, _) = desk.change("ana", &format!("people/{bia}"), json!({"active": false})).await;
        assert_eq!(status, 200);
        let found = profile(&desk, written).await;
        assert_eq!((&found["person_id"], &found["candidates"]), (&json!(caio), &json!([])));
        assert_eq!(desk.see("interactions/IMS0000001").await["opened_for"], json!(caio));
        assert_eq!(desk.see("profiles?undecided=true").await["data"], json!([]));
        // Row 11: the person leaves; who came after is shown, and nobody is cut off.
        let dora = json!({"kind": "user", "name": "Dora", "phones": [written]});
        let dora = id(&desk.does("ana", "people", dora).await);
        desk.change("ana", &format!("people/{caio}"), json!({"active": false})).await;
        let open = desk.see("interactions/IMS0000001").await;
        assert_eq!((&open["match_outcome"], &open["opened_for"]), (&json!("person_inactive"), &json!(caio)));
        assert_eq!(open["candidates"], json!([{"kind": "user", "id": dora}]));
        assert_eq!(profile(&desk, written).await["match_outcome"], "person_inactive");
    }

    async fn a_number_that_somebody_else_gets_is_a_conflict_and_the_person_stays(database: Database) {
        let desk = Desk::open(&database).await;
        let ana = person(&desk, "user", "Ana", &[NUMBER]).await;
        desk.accept(sms(NUMBER, "SM1", "Hello")).await;
        desk.change("ana", &format!("people/{ana}"), json!({"phones": []})).await;
        assert_eq!(profile(&desk, NUMBER).await["match_outcome"], "new_linked", "row 4 is no news");
        let ben = person(&desk, "user", "Ben", &[NUMBER]).await;
        let open = desk.see("interactions/IMS0000001").await;
        assert_eq!((&open["match_outcome"], &open["opened_for"]), (&json!("conflict"), &json!(ana)));
        assert_eq!(open["candidates"][0]["id"], json!(ben));
        desk.change("ana", &format!("people/{ben}"), json!({"phones": []})).await;
        let open = desk.see("interactions/IMS0000001").await;
        assert_eq!((&open["match_outcome"], &open["candidates"]), (&json!("known_unlisted"), &json!([])));
    }

    async fn no_two_people_have_one_external_id(database: Database) {
        let desk = Desk::open(&database).await;
        let crm = |name: &str, external: &str| json!({"kind": "user", "name": name, "external_id": external});
        let ana = desk.does("ana", "people", crm("Ana", " C-1 ")).await;
        assert_eq!(ana["external_id"], "C-1");
        assert_eq!(desk.refused("ana", "people", crm("Ben", "C-1")).await, "exists");
        assert_eq!(desk.refused("ana", "people", crm("Ben", " ")).await, "invalid_body");
        let (status, free) = desk.change("ana", &format!("people/{}", id(&ana)), json!({"external_id": null})).await;
        assert_eq!((status, &free["external_id"]), (200, &Value::Null));
        desk.does("ana", "people", crm("Ben", "C-1")).await;
    }
}
