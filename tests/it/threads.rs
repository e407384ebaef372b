//! Conversations that providers name: whose they are, and in which one our side speaks.

use frontdesk_adapters::Request;
use serde_json::{Value, json};

use crate::support::{
    Database, Desk, TestGateway, on_both,
    requests::{self, chat},
};

/// What was said, in order of arrival.
const SAID: &str = "select direction || ' ' || coalesce(conversation, '-') || ': ' || text || ', ' \
    || decision from messages order by id";

fn said(kind: &str, sender: &str, conversation: &str, id: &str) -> Value {
    json!({
        "id": id, "conversation": {"id": conversation}, "sender": {"id": sender, "kind": kind},
        "text": id,
    })
}

fn says(kind: &str, sender: &str, conversation: &str, id: &str) -> Request {
    chat("message.created", said(kind, sender, conversation, id))
}

on_both! {
    async fn what_our_own_side_says_elsewhere_joins_the_conversation_it_names(database: Database) {
        let gateway = TestGateway::start(&database).await;
        gateway.accept(says("visitor", "u-1", "c-1", "hello")).await;
        gateway.accept(says("visitor", "u-2", "c-2", "hi")).await;
        // An agent may have the number of a visitor.
        gateway.accept(says("agent", "u-2", "c-1", "good day")).await;
        gateway.accept(says("bot", "b-1", "c-2", "beep")).await;
        gateway.accept(says("visitor", "u-1", "c-3", "over here")).await;
        gateway.accept(says("system", "s-1", "c-3", "joined")).await;
        gateway.accept(says("agent", "u-2", "c-9", "who is this")).await;
        assert_eq!(gateway.texts(SAID).await, [
            "inbound c-1: hello, opened",
            "inbound c-2: hi, opened",
            "outbound c-1: good day, noted",
            "outbound c-2: beep, noted",
            "inbound c-3: over here, continued",
            "outbound c-3: joined, noted",
        ]);
        let ours = "messages o join messages i on i.interaction_id = o.interaction_id \
            and i.profile_id = o.profile_id where o.direction = 'outbound' \
            and i.direction = 'inbound' and i.conversation = o.conversation";
        assert_eq!(gateway.count(ours).await, 3);
        assert_eq!(gateway.count("profiles").await, 2);
        assert_eq!(gateway.count("events where kind = 'message'").await, 1);

        // What is over is not taken up again by our own words.
        gateway.execute("update interactions set active = false, state = 'closed_complete'").await;
        gateway.accept(says("agent", "u-2", "c-1", "goodbye")).await;
        assert_eq!(gateway.count("messages").await, 6);
        assert_eq!(gateway.count("events where kind = 'message'").await, 2);
    }

    async fn a_conversation_that_begins_in_the_same_request_is_known(database: Database) {
        let gateway = TestGateway::start(&database).await;
        let created = |data: Value| json!({"type": "message.created", "data": data});
        let events = [
            created(said("agent", "a-1", "c-1", "too early")),
            created(said("visitor", "u-1", "c-1", "hello")),
            created(said("agent", "a-1", "c-1", "good day")),
            created(said("agent", "a-1", "c-2", "elsewhere")),
        ];
        gateway.accept(requests::json("chat", &json!({"events": events}))).await;
        assert_eq!(gateway.texts(SAID).await, [
            "inbound c-1: hello, opened",
            "outbound c-1: good day, noted",
        ]);
        let sender = "select channel_metadata ->> 'conversation' || ' ' \
            || cast(channel_metadata -> 'sender' as text) from interactions";
        let sender = gateway.texts(sender).await.remove(0);
        assert!(sender.starts_with("c-1 ") && sender.contains("u-1"), "{sender}");
        assert_eq!(gateway.count("profiles").await, 1);
    }

    async fn an_agents_answer_elsewhere_ends_the_wait_and_a_bots_does_not(database: Database) {
        let desk = Desk::open(&database).await;
        desk.accept(says("visitor", "u-1", "c-1", "hello")).await;
        let path = desk.open_interaction().await;
        desk.pass(10);
        desk.accept(says("bot", "b-1", "c-1", "beep")).await;
        assert_eq!(desk.see(&path).await["wait_time_ms"], Value::Null);
        desk.pass(20);
        desk.accept(says("agent", "a-1", "c-1", "good day")).await;
        desk.accept(says("agent", "a-1", "c-1", "how can I help")).await;
        assert_eq!(desk.see(&path).await["wait_time_ms"], 30_000);
        desk.pass(5);
        desk.accept(says("visitor", "u-1", "c-1", "my parcel")).await;
        desk.pass(10);
        desk.accept(says("agent", "a-1", "c-1", "it is here")).await;
        let details = desk.see(&path).await;
        assert_eq!((&details["wait_time_ms"], &details["agent_avg_response_ms"]),
            (&json!(30_000), &json!(20_000)));
    }

    async fn a_reply_goes_into_the_conversation_the_customer_last_wrote_in(database: Database) {
        let desk = Desk::open(&database).await;
        desk.accept(says("visitor", "u-1", "c-1", "hello")).await;
        let path = desk.open_interaction().await;
        let reply = async |text: &str| {
            desk.does("ana", &format!("{path}/messages"), json!({"text": text})).await;
        };
        reply("to the first").await;
        desk.accept(says("visitor", "u-1", "c-2", "over here")).await;
        reply("to the second").await;
        assert_eq!(desk.count("interactions").await, 1);
        assert_eq!(desk.texts(SAID).await, [
            "inbound c-1: hello, opened",
            "outbound c-1: to the first, continued",
            "inbound c-2: over here, continued",
            "outbound c-2: to the second, continued",
        ]);
    }
}
