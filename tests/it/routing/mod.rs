//! Claiming what waits: order, leases, rejections, skills, capacity; many at the same moment.

mod pushing;
mod simulation;
mod waiting;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{Database, Desk, TestGateway, on_both, requests::sms};

/// So many customers write.
pub async fn customers_write(desk: &Desk, count: usize) {
    for number in 0..count {
        desk.accept(sms(&format!("+1555010{number:04}"), &format!("SM{number}"), "Hello")).await;
    }
}

/// What an agent serves, knows and can take.
pub async fn employ(desk: &Desk, agent: &str, how: Value) {
    let (status, answer) = desk.change(agent, &format!("agents/{agent}"), how).await;
    assert_eq!(status, 200, "{answer}");
}

/// A queue as it is set up.
pub async fn set_up(desk: &Desk, queue: &str, settings: Value) {
    let (status, answer) =
        desk.change("ana", &format!("queues/{queue}"), json!({"settings": settings})).await;
    assert_eq!(status, 200, "{answer}");
}

/// An agent says whether they are there.
pub async fn be(desk: &Desk, agent: &str, presence: &str) -> Value {
    desk.does(agent, &format!("agents/{agent}/presence"), json!({"presence": presence})).await
}

async fn claim(desk: &Desk, agent: &str) -> (u16, Value) {
    desk.post(agent, "queues/default/claim", json!({})).await
}

fn id(item: &Value) -> String {
    item["id"].as_str().unwrap_or_else(|| panic!("no item: {item}")).to_owned()
}

async fn history(desk: &Desk, item: &str) -> Vec<String> {
    let shown = desk.see(&format!("work-items/{item}")).await;
    let text = |event: &Value, name: &str| event[name].as_str().unwrap_or("-").to_owned();
    let told = shown["history"].as_array().expect("a list").iter();
    told.map(|event| format!("{} {}", text(event, "event"), text(event, "agent"))).collect()
}

on_both! {
    async fn s04_what_a_route_queues_is_claimed_and_accepted_from_there(database: Database) {
        let desk = Desk::open(&database).await;
        desk.add_route(1, "support", json!({"text": "refund"})).await;
        desk.accept(sms("+15550100002", "SM1", "A refund, please")).await;
        employ(&desk, "ana", json!({"queues": ["support"]})).await;
        let claimed = desk.does("ana", "queues/support/claim", json!({"seconds": 90})).await;
        assert_eq!((&claimed["state"], &claimed["assigned_to"]), (&json!("pending_accept"), &json!("ana")));
        assert_eq!((&claimed["pushed"], &claimed["lease_until"]), (&json!(false), &json!("2026-01-01T00:01:40.000Z")));
        assert_eq!(claimed["reason"], "route to-support matched");
        let path = desk.open_interaction().await;
        assert_eq!(desk.see(&path).await["state"], "new", "an offer assigns nothing yet");
        let item = id(&claimed);
        let accepted = desk.does("ana", &format!("work-items/{item}/accept"), json!({})).await;
        assert_eq!((&accepted["state"], &accepted["lease_until"]), (&json!("accepted"), &Value::Null));
        let taken = desk.see(&path).await;
        assert_eq!((&taken["state"], &taken["assigned_to"]), (&json!("work_in_progress"), &json!("ana")));
        assert_eq!(history(&desk, &item).await, ["offered ana", "accepted ana"]);
        let told = "select type from outbox where type like 'work_item%' order by seq";
        assert_eq!(desk.texts(told).await, ["work_item.queued", "work_item.accepted"]);
        assert_eq!(desk.see("agents/ana").await["load"]["messaging"], 1);
        assert_eq!(desk.post("ana", "queues/support/claim", json!({})).await.0, 204);
    }

    async fn items_are_claimed_in_order_and_position_and_wait_are_shown(database: Database) {
        let desk = Desk::open(&database).await;
        for (agent, queues) in [("ana", json!(["default"])), ("ben", json!(["default"]))] {
            employ(&desk, agent, json!({"queues": queues})).await;
        }
        for number in 0..3 {
            desk.accept(sms(&format!("+155501000{number}"), &format!("SM{number}"), "Hi")).await;
            desk.pass(10);
        }
        let list = desk.see("queues/default/items").await;
        let numbers: Vec<_> = list["data"].as_array().expect("a list").iter().map(|item| {
            (item["interaction"].clone(), item["position"].clone(), item["wait_seconds"].clone())
        }).collect();
        assert_eq!(numbers, [
            (json!("IMS0000001"), json!(1), json!(30)),
            (json!("IMS0000002"), json!(2), json!(20)),
            (json!("IMS0000003"), json!(3), json!(10)),
        ]);
        assert_eq!(claim(&desk, "ana").await.1["interaction"], "IMS0000001");
        let second = claim(&desk, "ben").await.1;
        assert_eq!(second["interaction"], "IMS0000002");
        let last = desk.see(&format!("work-items/{}", id(&list["data"][2]))).await;
        assert_eq!((&last["position"], &last["wait_seconds"]), (&json!(1), &json!(10)));
        // The newest first, from now on: what waits is put in that order.
        desk.does("ben", &format!("work-items/{}/reject", id(&second)), json!({"reason": "busy"})).await;
        set_up(&desk, "default", json!({"sort": ["-queued_at"]})).await;
        assert_eq!(claim(&desk, "ana").await.1["interaction"], "IMS0000003");
        assert_eq!(claim(&desk, "ana").await.1["interaction"], "IMS0000002");
    }

    async fn a_lease_that_runs_out_returns_the_item_with_its_place_kept(database: Database) {
        let desk = Desk::open(&database).await;
        employ(&desk, "ana", json!({"queues": ["default"]})).await;
        employ(&desk, "ben", json!({"queues": ["default"]})).await;
        customers_write(&desk, 2).await;
        let claimed = desk.does("ana", "queues/default/claim", json!({"seconds": 5})).await;
        let item = id(&claimed);
        desk.pass(4);
        let renewed = desk.does("ana", &format!("work-items/{item}/renew"), json!({"seconds": 5})).await;
        assert_eq!(renewed["lease_until"], "2026-01-01T00:00:19.000Z");
        assert_eq!(desk.refused("ben", &format!("work-items/{item}/renew"), json!({})).await, "not_offered");
        assert_eq!(desk.refused("ben", &format!("work-items/{item}/accept"), json!({})).await, "not_offered");
        desk.pass(4);
        assert_eq!(desk.see(&format!("work-items/{item}")).await["state"], "pending_accept");
        desk.pass(1);
        assert_eq!(desk.refused("ana", &format!("work-items/{item}/accept"), json!({})).await, "not_offered");
        assert_eq!(desk.refused("ana", &format!("work-items/{item}/renew"), json!({})).await, "not_offered");
        desk.until(&format!("work-items/{item}"), |item| item["state"] == "queued").await;
        let back = desk.see(&format!("work-items/{item}")).await;
        assert_eq!((&back["position"], &back["queued_at"]), (&json!(1), &claimed["queued_at"]));
        assert_eq!((&back["assigned_to"], &back["lease_until"]), (&Value::Null, &Value::Null));
        assert_eq!(history(&desk, &item).await, ["offered ana", "timed_out ana"]);
        assert_eq!(claim(&desk, "ben").await.1["id"], json!(item));
    }

    async fn rejecting_takes_a_reason_of_the_queue_which_may_be_for_good(database: Database) {
        let desk = Desk::open(&database).await;
        for agent in ["ana", "ben"] {
            employ(&desk, agent, json!({"queues": ["default"]})).await;
        }
        customers_write(&desk, 2).await;
        let first = id(&claim(&desk, "ana").await.1);
        let reject = format!("work-items/{first}/reject");
        assert_eq!(desk.refused("ana", &reject, json!({"reason": "no_mood"})).await, "invalid_body");
        assert_eq!(desk.refused("ben", &reject, json!({"reason": "busy"})).await, "not_offered");
        let back = desk.does("ana", &reject, json!({"reason": "busy"})).await;
        assert_eq!((&back["state"], &back["assigned_to"]), (&json!("queued"), &Value::Null));
        assert_eq!(claim(&desk, "ana").await.1["id"], json!(first), "busy is no reason for good");
        desk.does("ana", &reject, json!({"reason": "wrong_skill"})).await;
        assert_eq!(claim(&desk, "ana").await.1["interaction"], "IMS0000002");
        assert_eq!(claim(&desk, "ben").await.1["id"], json!(first));
        set_up(&desk, "default", json!({"reject_reasons": {}})).await;
        assert_eq!(desk.refused("ben", &reject, json!({"reason": "busy"})).await, "illegal_transition");
        let told = history(&desk, &first).await;
        assert_eq!(told, ["offered ana", "rejected ana", "offered ana", "rejected ana", "offered ben"]);
    }

    async fn an_agent_claims_what_the_queues_and_the_skills_are_for(database: Database) {
        let desk = Desk::open(&database).await;
        let support = json!({"id": "support"});
        desk.does("ana", "queues", support).await;
        let route = json!({"id": "billing", "queue": "support", "skills": ["billing"], "when": {"text": "bill"}});
        desk.does("ana", "routes", route).await;
        desk.does("ana", "routes", json!({"id": "rest", "queue": "support"})).await;
        assert_eq!(desk.refused("ana", "queues/support/claim", json!({})).await, "not_serving");
        assert_eq!(desk.refused("ana", "queues/nothing/claim", json!({})).await, "not_found");
        employ(&desk, "ana", json!({"queues": ["support"]})).await;
        employ(&desk, "ben", json!({"queues": ["support"], "skills": ["billing"]})).await;
        desk.accept(sms("+15550100002", "SM1", "My bill")).await;
        let only = desk.post("ana", "queues/support/claim", json!({})).await;
        assert_eq!(only.0, 204, "{}", only.1);
        desk.accept(sms("+15550100003", "SM2", "Hello")).await;
        let plain = desk.does("ana", "queues/support/claim", json!({})).await;
        assert_eq!((&plain["interaction"], &plain["lane"]), (&json!("IMS0000002"), &json!("messaging")));
        let skilled = desk.does("ben", "queues/support/claim", json!({})).await;
        assert_eq!((&skilled["interaction"], &skilled["lane"]), (&json!("IMS0000001"), &json!("messaging billing")));
        let (status, answer) = desk.change("ana", "agents/ana", json!({"skills": ["Two Words"]})).await;
        assert_eq!((status, &answer["errors"][0]["pointer"]), (422, &json!("/skills/0")));
        let (status, answer) = desk.change("ana", "agents/ana", json!({"queues": ["nowhere"]})).await;
        assert_eq!((status, &answer["errors"][0]["pointer"]), (422, &json!("/queues/0")));
    }

    async fn of_32_accepts_at_the_same_moment_as_many_succeed_as_there_is_room(database: Database) {
        let desk = Desk::open(&database).await;
        // Two instances where there can be two.
        let second = match database.is_sqlite() {
            true => None,
            false => Some(Desk::at(TestGateway::start(&database).await).await),
        };
        customers_write(&desk, 32).await;
        let accept = async |number: usize| {
            let desk = second.as_ref().filter(|_| number.is_multiple_of(2)).unwrap_or(&desk);
            desk.post("ana", &format!("interactions/IMS{number:07}/accept"), json!({})).await
        };
        let answers = futures_util::future::join_all((1..=32).map(accept)).await;
        let accepted = answers.iter().filter(|(status, _)| *status == 200).count();
        let full = answers.iter().filter(|(_, answer)| answer["code"] == "at_capacity").count();
        assert_eq!((accepted, full), (4, 28), "{answers:?}");
        assert_eq!(desk.count("interactions where assigned_to = 'ana'").await, 4);
        assert_eq!(desk.see("agents/ana").await["load"]["messaging"], 4);
        // Past the queue goes past the capacity: a person decided it.
        let left = "select cast(seq as text) from interactions where assigned_to is null order by seq limit 1";
        let left: usize = desk.texts(left).await[0].parse().expect("a number");
        desk.does("ben", &format!("interactions/IMS{left:07}/assign"), json!({"agent": "ana"})).await;
        assert_eq!(desk.see("agents/ana").await["load"]["messaging"], 5);
    }

    async fn of_32_claims_at_the_same_moment_none_shares_an_item_or_exceeds_a_capacity(database: Database) {
        let desk = Desk::open(&database).await;
        let second = match database.is_sqlite() {
            true => None,
            false => Some(Desk::at(TestGateway::start(&database).await).await),
        };
        let room = json!({"messaging": 12, "total": 7});
        employ(&desk, "ana", json!({"queues": ["default"], "capacity": room})).await;
        employ(&desk, "ben", json!({"queues": ["default"], "capacity": {"messaging": 12}})).await;
        customers_write(&desk, 24).await;
        let one = async |number: usize| {
            let desk = second.as_ref().filter(|_| number.is_multiple_of(2)).unwrap_or(&desk);
            claim(desk, ["ana", "ben"][number / 2 % 2]).await
        };
        let answers = futures_util::future::join_all((0..32).map(one)).await;
        let claimed: Vec<&Value> =
            answers.iter().filter(|(status, _)| *status == 200).map(|(_, item)| item).collect();
        let full = answers.iter().filter(|(_, answer)| answer["code"] == "at_capacity").count();
        assert_eq!((claimed.len(), full), (19, 13), "{answers:?}");
        let distinct: BTreeSet<String> = claimed.iter().map(|item| id(item)).collect();
        assert_eq!(distinct.len(), 19, "an item is with two");
        let of = |agent: &str| claimed.iter().filter(|item| item["assigned_to"] == agent).count();
        assert_eq!((of("ana"), of("ben")), (7, 12));
        assert_eq!(desk.count("work_items where state = 'pending_accept'").await, 19);
    }

    async fn what_is_parked_makes_room_and_what_is_wrapped_up_does_not(database: Database) {
        let desk = Desk::open(&database).await;
        let one = json!({"queues": ["default"], "capacity": {"messaging": 1}});
        employ(&desk, "ana", one).await;
        customers_write(&desk, 2).await;
        let first = claim(&desk, "ana").await.1;
        desk.does("ana", &format!("work-items/{}/accept", id(&first)), json!({})).await;
        assert_eq!(claim(&desk, "ana").await.1["code"], "at_capacity");
        let second = desk.refused("ana", "interactions/IMS0000002/accept", json!({})).await;
        assert_eq!(second, "at_capacity");
        let hold = json!({"reason": "waiting_on_customer"});
        desk.does("ana", "interactions/IMS0000001/hold", hold).await;
        assert_eq!(claim(&desk, "ana").await.1["interaction"], "IMS0000002");
        desk.does("ana", "interactions/IMS0000001/resume", json!({})).await;
        assert_eq!(desk.see("agents/ana").await["load"]["messaging"], 2, "it was the agent's all along");
        desk.does("ana", "interactions/IMS0000001/wrap-up", json!({})).await;
        assert_eq!(desk.see("agents/ana").await["load"]["messaging"], 2);
        desk.does("ana", "interactions/IMS0000001/close", json!({"short_description": "Done"})).await;
        assert_eq!(desk.see("agents/ana").await["load"]["messaging"], 1);
    }

    async fn an_offer_is_the_agents_alone_unless_somebody_assigns_the_interaction(database: Database) {
        let desk = Desk::open(&database).await;
        employ(&desk, "ana", json!({"queues": ["default"]})).await;
        customers_write(&desk, 1).await;
        let item = id(&claim(&desk, "ana").await.1);
        let path = desk.open_interaction().await;
        assert_eq!(desk.refused("ben", &format!("{path}/accept"), json!({})).await, "not_offered");
        desk.does("ana", &format!("{path}/assign"), json!({"agent": "ben"})).await;
        assert_eq!(desk.refused("ana", &format!("work-items/{item}/accept"), json!({})).await, "not_offered");
        assert_eq!(history(&desk, &item).await, ["offered ana", "assigned ben"]);
    }

    async fn a_transfer_leaves_its_history_and_frees_who_had_it(database: Database) {
        let desk = Desk::open(&database).await;
        desk.does("ana", "queues", json!({"id": "second-line"})).await;
        employ(&desk, "ana", json!({"queues": ["default"]})).await;
        employ(&desk, "ben", json!({"queues": ["second-line"]})).await;
        customers_write(&desk, 1).await;
        let first = id(&claim(&desk, "ana").await.1);
        desk.does("ana", &format!("work-items/{first}/accept"), json!({})).await;
        let path = desk.open_interaction().await;
        let to = json!({"queue": "second-line"});
        let moved = desk.does("ana", &format!("{path}/transfer"), to).await;
        assert_eq!((&moved["state"], &moved["assigned_to"]), (&json!("on_hold"), &Value::Null));
        assert_eq!(moved["work_item"]["previous_id"], json!(first));
        assert_eq!(history(&desk, &first).await, ["offered ana", "accepted ana", "transferred ana"]);
        assert_eq!(desk.see(&format!("work-items/{first}")).await["state"], "completed");
        assert_eq!(desk.see("agents/ana").await["load"]["messaging"], 0);
        let second = desk.does("ben", "queues/second-line/claim", json!({})).await;
        let second = id(&second);
        desk.does("ben", &format!("work-items/{second}/accept"), json!({})).await;
        let back = desk.does("ben", &format!("{path}/transfer"), json!({"agent": "ana"})).await;
        assert_eq!((&back["assigned_to"], &back["work_item"]["assigned_to"]), (&json!("ana"), &json!("ana")));
        let loads = (desk.see("agents/ana").await["load"]["messaging"].clone(),
            desk.see("agents/ben").await["load"]["messaging"].clone());
        assert_eq!(loads, (json!(1), json!(0)));
        assert_eq!(history(&desk, &second).await, ["offered ben", "accepted ben", "assigned ana"]);
        let kinds: Vec<String> = desk.see(&format!("{path}/timeline")).await["data"].as_array()
            .expect("a list").iter().filter(|entry| entry["kind"] == "offer")
            .map(|entry| entry["event"].as_str().unwrap_or_default().to_owned()).collect();
        assert_eq!(kinds, ["offered", "transferred", "offered"]);
    }
}
