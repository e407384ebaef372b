//! Finding interactions by what was said, by whom, and by where they stand.

use frontdesk::search;
use serde_json::{Value, json};

use crate::support::{
    Database, Desk, on_both,
    requests::{chat, chat_message, sms},
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
    of_each(list, "number")
}

fn of_each(list: &Value, field: &str) -> Vec<String> {
    let list = list["data"].as_array().expect("a list");
    list.iter().map(|one| one[field].as_str().expect("a text").to_owned()).collect()
}

/// What those of a list are called, in order of the alphabet.
async fn names(desk: &Desk, list: &str, field: &str, query: &str) -> Vec<String> {
    search::catch_up(&desk.store).await.expect("an index");
    let mut names = of_each(&desk.see(&format!("{list}?{query}")).await, field);
    names.sort();
    names
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

    async fn a_page_that_looked_at_thousands_says_where_to_go_on(database: Database) {
        let desk = Desk::open(&database).await;
        let message = |place: u32| json!({
            "type": "message.created", "timestamp": "2026-01-01T00:00:00.000Z",
            "data": {"id": format!("m{place}"), "sender": {"id": format!("v{place}"), "kind": "visitor"},
                "text": "Hello"},
        });
        for hundred in 0..21 {
            let events: Vec<Value> = (hundred * 100..(hundred + 1) * 100).map(message).collect();
            desk.accept(crate::support::requests::json("chat", &json!({"events": events}))).await;
        }
        desk.execute("update interactions set active = false, state = 'closed_complete' where seq = 1").await;
        let (list, mut found, mut pages) = ("interactions?active=false", Vec::new(), 0);
        let mut after = String::new();
        loop {
            let page = desk.see(&format!("{list}{after}")).await;
            found.extend(listed(&page));
            pages += 1;
            let Some(next) = page["next"].as_str() else { break };
            after = format!("&after={next}");
        }
        assert_eq!((found, pages), (vec!["IMS0000001".to_owned()], 3));
        let page = desk.see("work-items?state=canceled").await;
        assert_eq!(page["data"], json!([]));
        assert!(page["next"].is_string(), "there are more");
        desk.gateway.stop().await;
    }

    async fn what_was_said_is_looked_for_in_ones_own_interactions_alone(database: Database) {
        let desk = Desk::open(&database).await;
        for place in 0..3 {
            desk.accept(sms(ANA, &format!("SMa{place}"), "refund")).await;
            desk.accept(sms(BEN, &format!("SMb{place}"), "refund")).await;
        }
        let ben = desk.see("interactions?address=%2B15550100003").await;
        let profile = ben["data"][0]["profile"]["id"].as_str().or(ben["data"][0]["profile_id"].as_str());
        let profile = profile.expect("a profile");
        assert_eq!(numbers(&desk, &format!("text=refund&profile={profile}")).await, ["IMS0000002"]);
        assert_eq!(numbers(&desk, "text=refund&address=%2B15550100002").await, ["IMS0000001"]);
        assert_eq!(numbers(&desk, &format!("text=parcel&profile={profile}")).await, [""; 0]);
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

    async fn people_are_found_by_the_words_of_their_names(database: Database) {
        let desk = Desk::open(&database).await;
        for (name, email, phone) in [
            ("Zoë Prado-Lima", "zoe@example.com", ANA),
            ("Ben Prado", "b.lima@example.org", BEN),
            ("Prada Weber", "w@example.net", "+15550100004"),
        ] {
            let person = json!({"kind": "user", "name": name, "email": email, "phones": [phone]});
            desk.does("ana", "people", person).await;
        }
        for (query, expected) in [
            ("name=PRADO", ["Ben Prado", "Zoë Prado-Lima"].as_slice()),
            ("name=lima%20prado", &["Ben Prado", "Zoë Prado-Lima"]),
            ("name=zoe%20example", &["Zoë Prado-Lima"]),
            // Only the last word may be begun.
            ("name=prad", &["Ben Prado", "Prada Weber", "Zoë Prado-Lima"]),
            ("name=prad%20ben", &[]),
            ("name=prado&phone=%2B15550100003", &["Ben Prado"]),
            ("name=weber&phone=%2B15550100003", &[]),
        ] {
            assert_eq!(names(&desk, "people", "name", query).await, expected, "{query}");
        }
        let (status, problem) = desk.call(None, "GET", "people?name=%3F", None, None).await;
        assert_eq!((status, &problem["errors"][0]["parameter"]), (400, &json!("name")));
        desk.gateway.stop().await;
    }

    async fn profiles_are_found_by_what_they_call_themselves(database: Database) {
        let desk = Desk::open(&database).await;
        for (id, name) in [("u-1", "Zoë Prado"), ("u-2", "Ben Weber"), ("u-3", "Prado Ben")] {
            let sender = json!({"id": id, "kind": "visitor", "name": name});
            let message = json!({"id": format!("m-{id}"), "sender": sender, "text": "Hello"});
            desk.accept(chat("message.created", message)).await;
        }
        desk.accept(sms(ANA, "SM1", "Hello")).await;
        for (query, expected) in [
            ("name=prado", ["Prado Ben", "Zoë Prado"].as_slice()),
            ("name=zoe%20p", &["Zoë Prado"]),
            ("name=ben", &["Ben Weber", "Prado Ben"]),
            ("name=ben&address=u-2", &["Ben Weber"]),
            ("name=zoe&blocked=true", &[]),
            ("name=nobody", &[]),
        ] {
            assert_eq!(names(&desk, "profiles", "display_name", query).await, expected, "{query}");
        }
        // What is called otherwise is found otherwise.
        desk.execute("update profiles set display_name = 'Zoe Lima' where value = 'u-1'").await;
        assert_eq!(names(&desk, "profiles", "display_name", "name=zoe%20prado").await, [""; 0]);
        assert_eq!(names(&desk, "profiles", "display_name", "name=zoe%20lima").await, ["Zoe Lima"]);
        desk.gateway.stop().await;
    }

    async fn pages_by_name_hold_each_once(database: Database) {
        let desk = Desk::open(&database).await;
        for nth in 0..7 {
            let person = json!({"kind": "user", "name": format!("Ana {nth}"), "phones": []});
            desk.does("ana", "people", person).await;
        }
        search::catch_up(&desk.store).await.expect("an index");
        let (mut seen, mut after) = (Vec::new(), String::new());
        loop {
            let page = desk.see(&format!("people?name=ana&limit=3{after}")).await;
            assert!(page["data"].as_array().expect("a list").len() <= 3);
            seen.extend(of_each(&page, "name"));
            let Some(next) = page["next"].as_str() else { break };
            after = format!("&after={next}");
        }
        seen.sort();
        let expected: Vec<_> = (0..7).map(|nth| format!("Ana {nth}")).collect();
        assert_eq!(seen, expected);
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
