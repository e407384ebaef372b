//! Pushing what waits to who is there, and what time does to it.

use serde_json::{Value, json};

use super::{be, customers_write, employ, history, id, set_up};
use crate::support::{Database, Desk, TestGateway, on_both, requests::sms};

const TO_EVERYBODY: &str = r#"{"pools": [{}], "offer_seconds": 20}"#;

fn everybody() -> Value {
    serde_json::from_str(TO_EVERYBODY).expect("JSON")
}

/// What is offered to an agent, once so many items are.
pub async fn offers(desk: &Desk, agent: &str, count: usize) -> Vec<Value> {
    let path = format!("work-items?agent={agent}&state=pending_accept");
    let is = |list: &Value| list["data"].as_array().is_some_and(|items| items.len() == count);
    desk.until(&path, is).await["data"].as_array().cloned().unwrap_or_default()
}

/// Agents who serve the default queue, whose items are pushed.
async fn ready(desk: &Desk, agents: &[&str]) {
    set_up(desk, "default", everybody()).await;
    for agent in agents {
        employ(desk, agent, json!({"queues": ["default"], "capacity": {"messaging": 1}})).await;
        be(desk, agent, "available").await;
    }
}

on_both! {
    async fn a_message_finds_whoever_is_there_and_finishing_makes_room_for_the_next(database: Database) {
        let desk = Desk::open(&database).await;
        ready(&desk, &["ana"]).await;
        customers_write(&desk, 2).await;
        let first = offers(&desk, "ana", 1).await.remove(0);
        assert_eq!((&first["interaction"], &first["pushed"]), (&json!("IMS0000001"), &json!(true)));
        assert_eq!(first["lease_until"], "2026-01-01T00:00:30.000Z");
        let first = id(&first);
        desk.does("ana", &format!("work-items/{first}/accept"), json!({})).await;
        let told = desk.see(&format!("work-items/{first}")).await["history"][0].clone();
        assert_eq!((&told["author_kind"], &told["author"]), (&json!("system"), &json!("assignment")));
        assert_eq!(told["reason"], "most room (1), then longest without new work");
        assert_eq!(desk.see("queues/default/items").await["data"][0]["interaction"], "IMS0000002");
        desk.does("ana", "interactions/IMS0000001/close", json!({"short_description": "Done"})).await;
        assert_eq!(offers(&desk, "ana", 1).await[0]["interaction"], "IMS0000002");
    }

    async fn who_comes_is_given_what_waited_and_who_leaves_gives_it_back(database: Database) {
        let desk = Desk::open(&database).await;
        ready(&desk, &[]).await;
        for agent in ["ana", "ben"] {
            employ(&desk, agent, json!({"queues": ["default"]})).await;
        }
        customers_write(&desk, 1).await;
        be(&desk, "ana", "available").await;
        let item = id(&offers(&desk, "ana", 1).await[0]);
        be(&desk, "ben", "available").await;
        assert_eq!(be(&desk, "ana", "busy").await["presence"], "busy");
        assert_eq!(id(&offers(&desk, "ben", 1).await[0]), item);
        assert_eq!(history(&desk, &item).await, ["offered ana", "withdrawn ana", "offered ben"]);
        let audit = desk.see("audit?subject_kind=agent&subject=ana&limit=1").await["data"][0].clone();
        let changes = json!([{"field": "presence", "from": "available", "to": "busy"}]);
        assert_eq!((&audit["action"], &audit["changes"]), (&json!("presence"), &changes));
    }

    async fn an_offer_that_runs_out_goes_to_the_next_and_its_agent_is_away(database: Database) {
        let desk = Desk::open(&database).await;
        ready(&desk, &["ana"]).await;
        customers_write(&desk, 1).await;
        let item = id(&offers(&desk, "ana", 1).await[0]);
        employ(&desk, "ben", json!({"queues": ["default"]})).await;
        be(&desk, "ben", "available").await;
        desk.pass(20);
        assert_eq!(id(&offers(&desk, "ben", 1).await[0]), item);
        assert_eq!(desk.see("agents/ana").await["presence"], "away");
        assert_eq!(history(&desk, &item).await, ["offered ana", "timed_out ana", "offered ben"]);
    }

    async fn a_pool_widens_with_the_time_an_item_has_waited(database: Database) {
        let desk = Desk::open(&database).await;
        let pools = json!([{"skills": ["billing"]}, {"after_seconds": 60, "agents": ["ben"]}]);
        set_up(&desk, "default", json!({"pools": pools})).await;
        be(&desk, "ben", "available").await;
        customers_write(&desk, 1).await;
        desk.pass(59);
        desk.does("ana", "queues", json!({"id": "anything"})).await;
        assert_eq!(desk.refused("ana", "queues/default/claim", json!({})).await, "not_serving");
        let waits = desk.see("queues/default/items").await;
        assert_eq!(waits["data"][0]["wait_seconds"], 59);
        desk.pass(1);
        offers(&desk, "ben", 1).await;
    }

    async fn the_agent_of_the_last_conversation_is_asked_first(database: Database) {
        let desk = Desk::open(&database).await;
        customers_write(&desk, 1).await;
        desk.does("ben", "interactions/IMS0000001/accept", json!({})).await;
        desk.does("ben", "interactions/IMS0000001/close", json!({"short_description": "Done"})).await;
        set_up(&desk, "default", everybody()).await;
        for agent in ["ana", "ben"] {
            employ(&desk, agent, json!({"queues": ["default"]})).await;
        }
        employ(&desk, "ben", json!({"capacity": {"messaging": 1}})).await;
        be(&desk, "ana", "available").await;
        be(&desk, "ben", "available").await;
        desk.accept(sms("+15550100000", "SM9", "Hello again")).await;
        let item = id(&offers(&desk, "ben", 1).await[0]);
        let told = desk.see(&format!("work-items/{item}")).await;
        assert_eq!(told["history"][0]["reason"], "had the customer's previous conversation");
    }

    async fn who_rejects_or_gives_away_comes_after_the_others(database: Database) {
        let desk = Desk::open(&database).await;
        customers_write(&desk, 1).await;
        desk.does("ben", "interactions/IMS0000001/accept", json!({})).await;
        desk.does("ben", "interactions/IMS0000001/close", json!({"short_description": "Done"})).await;
        ready(&desk, &["ana", "ben"]).await;
        desk.accept(sms("+15550100000", "SM9", "Hello again")).await;
        let item = id(&offers(&desk, "ben", 1).await[0]);
        desk.does("ben", &format!("work-items/{item}/reject"), json!({"reason": "busy"})).await;
        assert_eq!(id(&offers(&desk, "ana", 1).await[0]), item);
        assert_eq!(history(&desk, &item).await, ["offered ben", "rejected ben", "offered ana"]);
        desk.does("ana", &format!("work-items/{item}/accept"), json!({})).await;
        // Ana has room for more than Ben, and would be asked again before him.
        employ(&desk, "ana", json!({"capacity": {"messaging": 4}})).await;
        let path = desk.open_interaction().await;
        desk.does("ana", &format!("{path}/transfer"), json!({"queue": "default"})).await;
        let next = offers(&desk, "ben", 1).await.remove(0);
        assert_eq!(next["previous_id"], json!(item));
        assert_eq!((&next["route"], &next["unrouted"]), (&Value::Null, &json!(false)));
        let told = desk.see("explain/IMS0000002").await.to_string();
        assert!(told.contains("put there") && told.matches("\"unrouted\"").count() == 1, "{told}");
    }

    async fn who_is_let_go_is_offline_and_nothing_is_offered_to_them(database: Database) {
        let desk = Desk::open(&database).await;
        ready(&desk, &["ana"]).await;
        employ(&desk, "ana", json!({"capacity": {"messaging": 2}})).await;
        be(&desk, "ana", "busy").await;
        customers_write(&desk, 1).await;
        let claimed = id(&desk.does("ana", "queues/default/claim", json!({"seconds": 3600})).await);
        be(&desk, "ana", "available").await;
        desk.accept(sms("+15550100077", "SM77", "Hello")).await;
        offers(&desk, "ana", 2).await;
        employ(&desk, "ana", json!({"active": false})).await;
        assert_eq!(offers(&desk, "ana", 0).await, Vec::<Value>::new());
        assert_eq!(history(&desk, &claimed).await, ["offered ana", "withdrawn ana"]);
        let (status, _) = desk.change("ben", "agents/ana", json!({"active": true})).await;
        assert_eq!(status, 200);
        assert_eq!(desk.see("agents/ana").await["presence"], "offline");
        assert_eq!(desk.see("queues/default/items").await["data"].as_array().map(Vec::len), Some(2));
    }

    async fn work_stays_with_who_goes_offline_unless_it_is_to_be_reassigned(database: Database) {
        let desk = Desk::open(&database).await;
        ready(&desk, &["ana"]).await;
        customers_write(&desk, 1).await;
        let item = id(&offers(&desk, "ana", 1).await[0]);
        desk.does("ana", &format!("work-items/{item}/accept"), json!({})).await;
        be(&desk, "ana", "offline").await;
        employ(&desk, "ben", json!({"queues": ["default"]})).await;
        be(&desk, "ben", "available").await;
        desk.accept(sms("+15550100099", "SM99", "Another")).await;
        offers(&desk, "ben", 1).await;
        assert_eq!(desk.see("interactions/IMS0000001").await["assigned_to"], "ana");
        desk.gateway.stop().await;
        let with = TestGateway::with(&database, |config| config.routing.reassign_when_offline = true);
        let desk = Desk::at(with.await).await;
        let handed_on = offers(&desk, "ben", 2).await;
        assert!(handed_on.iter().any(|item| item["interaction"] == "IMS0000001"), "{handed_on:?}");
        let left = desk.see("interactions/IMS0000001").await;
        assert_eq!((&left["state"], &left["assigned_to"]), (&json!("on_hold"), &Value::Null));
        assert_eq!(left["work_item"]["reason"], "the agent went offline");
        assert_eq!(left["work_item"]["unrouted"], false);
        // What somebody takes who is offline, they take knowing.
        desk.pass(1);
        desk.does("ben", "interactions/IMS0000001/assign", json!({"agent": "ana"})).await;
        be(&desk, "ben", "busy").await;
        be(&desk, "ben", "available").await;
        let sweeps = "work_items where state = 'pending_accept' and assigned_to = 'ben'";
        desk.until_count(sweeps, 1).await;
        assert_eq!(desk.see("interactions/IMS0000001").await["assigned_to"], "ana");
    }

    async fn two_instances_offer_each_item_once_and_exceed_no_capacity(database: Database) {
        let desk = Desk::open(&database).await;
        let second = match database.is_sqlite() {
            true => None,
            false => Some(Desk::at(TestGateway::start(&database).await).await),
        };
        set_up(&desk, "default", everybody()).await;
        for number in 0..8 {
            let agent = json!({"id": format!("a{number}"), "name": "A", "queues": ["default"],
                "capacity": {"messaging": 3}});
            desk.does("ana", "agents", agent).await;
        }
        let come = async |number: usize| {
            let desk = second.as_ref().filter(|_| number.is_multiple_of(2)).unwrap_or(&desk);
            be(desk, &format!("a{number}"), "available").await;
        };
        let write = async |number: usize| {
            let desk = second.as_ref().filter(|_| number % 2 == 1).unwrap_or(&desk);
            let (from, id) = (format!("+1555010{number:04}"), format!("SM{number}"));
            desk.accept(sms(&from, &id, "Hello")).await;
        };
        let (coming, writing) = ((0..8).map(come), (0..30).map(write));
        futures_util::future::join(
            futures_util::future::join_all(coming),
            futures_util::future::join_all(writing),
        ).await;
        desk.until_count("work_items where state = 'pending_accept'", 24).await;
        assert_eq!(desk.count("work_items where state = 'queued'").await, 6);
        let most = "select cast(max(n) as text) from (select count(*) as n from work_items \
            where state = 'pending_accept' group by assigned_to) loads";
        assert_eq!(desk.texts(most).await, ["3"]);
        assert_eq!(desk.count("work_item_events where kind = 'offered'").await, 24);
    }
}
