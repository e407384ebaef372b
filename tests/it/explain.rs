//! How something came to be, told step by step.

use serde_json::{Value, json};

use crate::support::{
    Database, Desk, on_both,
    requests::{self, sms},
};

/// The steps of a story, as words.
fn steps(story: &Value) -> Vec<&str> {
    let steps = story["steps"].as_array().expect("steps");
    steps.iter().map(|step| step["step"].as_str().expect("a word")).collect()
}

/// What is said of a message's id at its provider.
fn provider_id(story: &Value) -> &str {
    let steps = story["steps"].as_array().expect("steps");
    let understood = steps.iter().find(|step| step["step"] == "understood").expect("a step");
    understood["reason"].as_str().expect("a sentence")
}

on_both! {
    async fn each_step_from_bytes_to_agent_is_told_with_its_rule_and_reason(database: Database) {
        let desk = Desk::open(&database).await;
        desk.add_route(1, "support", json!({"text": "refund"})).await;
        desk.accept(sms("+15550100002", "SM1", "A refund, please")).await;
        desk.pass(60);
        desk.does("ana", "interactions/IMS0000001/accept", json!({})).await;

        let told = desk.see("explain/IMS0000001").await;
        let [interaction, message] = told["stories"].as_array().expect("stories").as_slice() else {
            panic!("{told}");
        };
        assert_eq!(interaction["title"], "interaction IMS0000001");
        assert_eq!(steps(interaction), ["opened", "queue", "agent"]);
        let [opened, queue, agent] = [0, 1, 2].map(|place| &interaction["steps"][place]);
        assert_eq!((&opened["rule"], &opened["at"]), (&json!("new_guest"), &json!("2026-01-01T00:00:10.000Z")));
        assert_eq!((&queue["rule"], &queue["what"]), (&json!("to-support"), &json!("accepted in support, priority 1")));
        assert_eq!(agent["what"], "new to work_in_progress, with ana");
        assert_eq!((&agent["rule"], &agent["reason"]), (&json!("accepted"), &json!("by agent ana")));
        assert_eq!(agent["at"], "2026-01-01T00:01:10.000Z");

        assert_eq!(steps(message), ["received", "understood", "sender", "interaction"]);
        let id = message["title"].as_str().and_then(|title| title.strip_prefix("message "));
        let whole = desk.see(&format!("explain/{}", id.expect("an id"))).await;
        let way = ["received", "understood", "sender", "interaction", "queue", "agent"];
        assert_eq!(steps(&whole["stories"][0]), way);

        let request = desk.texts("select cast(count(*) as text) from requests").await;
        assert_eq!(request, ["1"]);
        let request = desk.see("requests").await["data"][0]["id"].clone();
        let request = desk.see(&format!("explain/{}", request.as_str().expect("an id"))).await;
        assert_eq!(request, whole);
        let item = desk.see("interactions/IMS0000001").await["work_item"]["id"].clone();
        let item = desk.see(&format!("explain/{}", item.as_str().expect("an id"))).await;
        assert_eq!(item, told);

        for nothing in ["IMS0000009", "0198c6a2-7b1e-7000-8000-000000000001", "odd"] {
            let (status, problem) =
                desk.call(None, "GET", &format!("explain/{nothing}"), None, None).await;
            assert_eq!((status, &problem["code"]), (404, &json!("not_found")));
        }
        desk.gateway.stop().await;
    }

    async fn of_many_messages_the_last_are_told_and_the_others_counted(database: Database) {
        let desk = Desk::open(&database).await;
        for number in 1..=53 {
            desk.accept(sms("+15550100002", &format!("SM{number}"), "Hello?")).await;
            desk.pass(1);
        }
        let told = desk.see("explain/IMS0000001").await;
        let stories = told["stories"].as_array().expect("stories");
        assert_eq!((stories.len(), &told["left_out"]), (51, &json!(3)));
        assert_eq!(steps(&stories[0])[0], "opened");
        let ids: Vec<_> = stories[1..].iter().map(provider_id).collect();
        let last: Vec<_> = (4..=53).map(|number| format!("the provider's id is SM{number}")).collect();
        assert_eq!(ids, last);

        // One request may bring more than is told of, too.
        let messages = (0..52).map(|number| json!({"id": format!("wamid.{number}"),
            "from": "15550100002", "timestamp": "1767225600", "type": "text", "text": {"body": "Hi"}}));
        let statuses = (0..51).map(|number| json!({"id": format!("wamid.S{number}"),
            "recipient_id": "15550100003", "timestamp": "1767225600", "status": "sent"}));
        let change = json!({"field": "messages", "value": {
            "messaging_product": "whatsapp",
            "metadata": {"display_phone_number": "15005550006", "phone_number_id": "106540352242900"},
            "contacts": [{"wa_id": "15550100002"}],
            "messages": messages.collect::<Value>(),
            "statuses": statuses.collect::<Value>(),
        }});
        let entry = json!([{"id": "1", "changes": [change]}]);
        let body = json!({"object": "whatsapp_business_account", "entry": entry});
        desk.accept(requests::json("whatsapp-demo", &body)).await;
        let request = desk.see("requests?limit=1").await["data"][0]["id"].clone();
        let told = desk.see(&format!("explain/{}", request.as_str().expect("an id"))).await;
        let stories = told["stories"].as_array().expect("stories");
        assert_eq!((stories.len(), &told["left_out"]), (100, &json!(3)));
        assert_eq!(provider_id(&stories[0]), "the provider's id is wamid.2");
        assert_eq!(provider_id(&stories[49]), "the provider's id is wamid.51");
        desk.gateway.stop().await;
    }
}
