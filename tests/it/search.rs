//! Finding interactions by what was said, by whom, and by where they stand.

use frontdesk::search;
use serde_json::{Value, json};

use crate::support::{
    Database, Desk, on_both,
    requests::{chat_message, sms},
};

const ANA: &str = "+15550100002";
const BEN: &str = "+15550100003";

/// The numbers of a list, once the index has caught up.
async fn numbers(desk: &Desk, query: &str) -> Vec<String> {
    search::catch_up(&desk.store).await.expect("an index");
    let list = desk.see(&format!("interactions?{query}")).await;
    listed(&list)
}

fn listed(list: &Value) -> Vec<String> {
    let list = list["data"].as_array().expect("a list");
    list.iter().map(|one| one["number"].as_str().expect("a number").to_owned()).collect()
}

on_both! {
    async fn an_interaction_is_found_by_what_was_said_in_it(database: Database) {
        let desk = Desk::open(&database).await;
        desk.accept(sms(ANA, "SM1", "Où est mon remboursement ?")).await;
        desk.accept(sms(BEN, "SM2", "I want a REFUND, order #10-55")).await;
        desk.accept(chat_message("visitor-1", "m1", "refund and order")).await;
        assert_eq!(numbers(&desk, "text=ou%20rembours%C3%A9ment").await, ["IMS0000001"]);
        assert_eq!(numbers(&desk, "text=refund").await, ["IMS0000003", "IMS0000002"]);
        assert_eq!(numbers(&desk, "text=order%20refund%2055").await, ["IMS0000002"]);
        assert_eq!(numbers(&desk, "text=refun").await, [""; 0]);
        // The newest mention comes first, and an interaction once.
        desk.accept(sms(BEN, "SM3", "The refund?")).await;
        assert_eq!(numbers(&desk, "text=refund").await, ["IMS0000002", "IMS0000003"]);
        // With anything else a list may be narrowed down by.
        assert_eq!(numbers(&desk, "text=refund&type=chat").await, ["IMS0000003"]);
        assert_eq!(numbers(&desk, "text=refund&channel=twilio-main&active=true").await, ["IMS0000002"]);
        assert_eq!(numbers(&desk, "text=refund&state=on_hold").await, [""; 0]);
        let (status, problem) = desk.call(None, "GET", "interactions?text=%3F", None, None).await;
        assert_eq!((status, &problem["errors"][0]["parameter"]), (400, &json!("text")));
        desk.gateway.stop().await;
    }

    async fn pages_of_a_search_hold_each_interaction_once_while_messages_come(database: Database) {
        let desk = Desk::open(&database).await;
        for place in 0..7 {
            for said in 0..3 {
                let from = format!("+1555010010{place}");
                desk.accept(sms(&from, &format!("SM{place}-{said}"), "refund please")).await;
            }
        }
        search::catch_up(&desk.store).await.expect("an index");
        let mut seen = Vec::new();
        let mut after = String::new();
        loop {
            let page = desk.see(&format!("interactions?text=refund&limit=2{after}")).await;
            seen.extend(listed(&page));
            // Somebody who was listed writes again, and somebody new.
            let id = seen.len();
            desk.accept(sms("+15550100106", &format!("SMx{id}"), "refund again")).await;
            desk.accept(sms(&format!("+155501002{id:02}"), &format!("SMy{id}"), "refund too")).await;
            search::catch_up(&desk.store).await.expect("an index");
            let Some(next) = page["next"].as_str() else { break };
            after = format!("&after={next}");
        }
        let expected: Vec<_> = (1..=7).rev().map(|number| format!("IMS000000{number}")).collect();
        assert_eq!(seen, expected);
        desk.gateway.stop().await;
    }

    async fn what_is_edited_or_erased_is_found_no_more(database: Database) {
        let desk = Desk::open(&database).await;
        desk.accept(sms(ANA, "SM1", "My card is 4111")).await;
        desk.accept(sms(BEN, "SM2", "My card is 4222")).await;
        assert_eq!(numbers(&desk, "text=card").await.len(), 2);
        desk.execute("update messages set text = 'never mind' where provider_message_id = 'SM1'").await;
        desk.execute("delete from messages where provider_message_id = 'SM2'").await;
        assert_eq!(numbers(&desk, "text=card").await, [""; 0]);
        assert_eq!(numbers(&desk, "text=mind").await, ["IMS0000001"]);
        assert_eq!(desk.count("search_messages").await, 1);
        desk.gateway.stop().await;
    }

    async fn an_interaction_is_found_by_whose_it_is(database: Database) {
        let desk = Desk::open(&database).await;
        let person = json!({"kind": "user", "name": "Zoë Prado-Lima", "phones": [ANA]});
        let person = desk.does("ana", "people", person).await;
        desk.accept(sms(ANA, "SM1", "Hello")).await;
        desk.accept(sms(BEN, "SM2", "Hello")).await;
        assert_eq!(numbers(&desk, "name=zoe%20pra").await, ["IMS0000001"]);
        assert_eq!(numbers(&desk, "name=zoe&text=hello").await, ["IMS0000001"]);
        assert_eq!(numbers(&desk, "name=nobody").await, [""; 0]);
        assert_eq!(numbers(&desk, "address=%2B15550100003").await, ["IMS0000002"]);
        assert_eq!(numbers(&desk, "address=%2B15550100003&name=zoe").await, [""; 0]);
        let path = format!("people/{}", person["id"].as_str().expect("an id"));
        let (status, _) = desk.change("ana", &path, json!({"name": "Ana Prado"})).await;
        assert_eq!(status, 200);
        assert_eq!(numbers(&desk, "name=zoe").await, [""; 0]);
        assert_eq!(numbers(&desk, "name=ana").await, ["IMS0000001"]);
        desk.gateway.stop().await;
    }

    async fn an_interaction_is_found_by_where_it_stands(database: Database) {
        let desk = Desk::open(&database).await;
        desk.add_route(1, "refunds", json!({"text": "refund"})).await;
        for (from, id, text) in [(ANA, "SM1", "A refund"), (BEN, "SM2", "Hello")] {
            desk.accept(sms(from, id, text)).await;
            desk.pass(60);
        }
        desk.does("ben", "interactions/IMS0000001/accept", json!({})).await;
        for (query, expected) in [
            ("number=IMS0000002", ["IMS0000002"].as_slice()),
            ("queue=refunds", &["IMS0000001"]),
            ("queue=default", &["IMS0000002"]),
            ("agent=ben", &["IMS0000001"]),
            ("agent=ana", &[]),
            ("state=new", &["IMS0000002"]),
            ("since=2026-01-01T00:01:00Z", &["IMS0000002"]),
            ("until=2026-01-01T00:01:00Z", &["IMS0000001"]),
            ("type=messaging&agent=ben&queue=refunds&active=true", &["IMS0000001"]),
        ] {
            assert_eq!(numbers(&desk, query).await, expected, "{query}");
        }
        desk.gateway.stop().await;
    }
}
