//! What fixtures cannot show: keys, limits, and fields that are not what they should be.

use serde_json::{Value, json};

use super::ADAPTER;
use crate::{
    Accepted, Account, Answer, Event, Kind, Message, Method, Recorded, Request, Timestamp,
};

fn accept(body: &str, bot_id: Option<&str>) -> Accepted {
    let account = json!({"secret_token": "fictional", "bot_id": bot_id});
    let account = Account::for_channel(&ADAPTER, &account).expect("a usable account");
    let token = "x-telegram-bot-api-secret-token".to_owned();
    let request = Request::new(
        Method::Post,
        "https://desk.example/webhooks/telegram",
        vec![(token, "fictional".to_owned())],
        body.as_bytes().to_vec(),
    );
    let now = Timestamp::from_millis(0).expect("the epoch");
    ADAPTER.accept(request, &account, now)
}

fn events(body: &str) -> Vec<Event> {
    let Accepted::Understood(_, parsed) = accept(body, Some("7000000001")) else {
        panic!("not understood: {body}");
    };
    parsed.events
}

fn messages(body: &Value) -> Vec<Message> {
    let messages = events(&body.to_string()).into_iter().map(|event| match event {
        Event::Message(message) => message,
        Event::Status(status) => panic!("Telegram has no statuses: {status:?}"),
    });
    messages.collect()
}

fn message(body: &Value) -> Message {
    let mut messages = messages(body);
    assert_eq!(messages.len(), 1, "{body}");
    messages.remove(0)
}

fn keys(body: &Value) -> Vec<Option<String>> {
    let events = events(&body.to_string());
    events.iter().map(Event::dedupe_key).collect()
}

/// A private message with `more` in it.
fn private(more: Value) -> Value {
    let mut message = json!({
        "message_id": 7,
        "from": {"id": 42, "is_bot": false, "first_name": "Tom"},
        "chat": {"id": 42, "type": "private"},
        "date": 1767225600,
    });
    let Value::Object(more) = more else {
        panic!("fields expected");
    };
    message.as_object_mut().expect("an object").extend(more);
    message
}

#[test]
fn keys_tell_repeats_from_new_events() {
    let text = private(json!({"text": "hi"}));
    let business = private(json!({"text": "hi", "business_connection_id": "b"}));
    let edit = private(json!({"text": "ho", "edit_date": 1767225601}));
    let reactions = json!([{"type": "emoji", "emoji": "👍"}, {"type": "emoji", "emoji": "🎉"}]);
    let reaction = json!({
        "chat": {"id": 42}, "message_id": 7, "user": {"id": 42}, "date": 1767225600,
        "old_reaction": [], "new_reaction": reactions,
    });
    let deleted = json!({"business_connection_id": "b", "chat": {"id": 42}, "message_ids": [7, 8]});
    let button = json!({"id": "c", "from": {"id": 42}, "data": "x"});
    let cases = [
        (json!({"update_id": 1, "message": text}), vec!["message:42:7"]),
        (json!({"update_id": 2, "message": text}), vec!["message:42:7"]),
        (json!({"update_id": 3, "channel_post": text}), vec!["message:42:7"]),
        (json!({"update_id": 4, "business_message": business}), vec!["business_message:b:42:7"]),
        (json!({"update_id": 5, "edited_message": edit}), vec!["edited_message:5:1767225601"]),
        (json!({"update_id": 6, "edited_message": edit}), vec!["edited_message:6:1767225601"]),
        (
            json!({"update_id": 7, "message_reaction": reaction}),
            vec!["message_reaction:7:0", "message_reaction:7:1"],
        ),
        (
            json!({"update_id": 8, "deleted_business_messages": deleted}),
            vec!["deleted_business_messages:8:0", "deleted_business_messages:8:1"],
        ),
        (json!({"update_id": 9, "callback_query": button}), vec!["callback_query:9"]),
        (json!({"update_id": 10, "poll": {"id": "1"}}), vec!["poll:10"]),
        (json!({"update_id": 11}), vec!["update:11"]),
    ];
    for (body, expected) in cases {
        let expected: Vec<_> = expected.into_iter().map(|key| Some(key.to_owned())).collect();
        assert_eq!(keys(&body), expected, "{body}");
    }
    assert_eq!(keys(&json!({"poll": {"id": "1"}})), [None]);
}

#[test]
fn an_odd_field_never_loses_the_text() {
    let fields = [
        "update_id",
        "date",
        "edit_date",
        "from",
        "sender_chat",
        "caption",
        "photo",
        "live_photo",
        "animation",
        "document",
        "video",
        "video_note",
        "audio",
        "voice",
        "sticker",
        "location",
        "venue",
        "contact",
        "reply_to_message",
        "external_reply",
        "quote",
        "forward_origin",
        "media_group_id",
        "message_thread_id",
        "business_connection_id",
        "guest_query_id",
        "author_signature",
        "migrate_to_chat_id",
        "entities",
    ];
    let odd = [
        json!(null),
        json!(true),
        json!(-1),
        json!(1.5),
        json!(u64::MAX),
        json!("odd"),
        json!(""),
        json!([]),
        json!([null, [1], {"file_id": 7}]),
        json!({}),
        json!({"id": {}, "photo": [[]]}),
    ];
    for field in fields {
        for value in &odd {
            let body =
                json!({"update_id": 1, "message": private(json!({"text": "hi", field: value}))});
            let message = message(&body);
            assert_eq!(message.kind, Kind::Message, "{body}");
            assert_eq!(message.text.as_deref(), Some("hi"), "{body}");
            assert_eq!(message.id.as_deref(), Some("42:7"), "{body}");
        }
    }
}

#[test]
fn what_is_not_an_update_is_malformed_and_still_answered_with_success() {
    for body in ["", "hello", "null", "7", "\"x\"", "[]", "[{\"update_id\":1}]", "{", "{}{}", "a=b"]
    {
        let Accepted::NotUnderstood(_, malformed) = accept(body, None) else {
            panic!("understood: {body}");
        };
        let answer =
            (ADAPTER.acknowledge)(Recorded::NotUnderstood(&malformed, &Account::default()));
        assert_eq!(answer, Answer::empty(200));
    }
}

#[test]
fn every_other_object_is_at_least_one_event() {
    for body in [
        json!({}),
        json!({"update_id": "x"}),
        json!({"message": null}),
        json!({"message": 7}),
        json!({"message": [7]}),
        json!({"message": {}}),
        json!({"edited_message": {"text": "hi"}}),
        json!({"edited_message": {"chat": {"id": 42}, "text": "hi"}}),
        json!({"callback_query": {"data": "x"}}),
        json!({"message_reaction": {"chat": {"id": 42}, "message_id": 7}}),
        json!({"deleted_business_messages": {"message_ids": []}}),
        json!({"deleted_business_messages": {"message_ids": vec![1; super::events::MOST_DELETED + 1]}}),
        json!({"my_chat_member": []}),
    ] {
        assert_eq!(message(&body).kind, Kind::Other, "{body}");
    }
}

#[test]
fn nesting_without_end_costs_nothing() {
    let deep = |unit: &str, end: &str| unit.repeat(200_000) + &end.repeat(200_000);
    for (field, value) in [
        ("unknown", deep("[", "]")),
        ("text", deep("[", "]")),
        ("photo", deep("[", "]")),
        ("reply_to_message", deep("{\"reply_to_message\":", "") + "1" + &"}".repeat(200_000)),
        ("live_photo", deep("{\"photo\":[", "") + &"]}".repeat(200_000)),
    ] {
        let body =
            format!(r#"{{"message":{{"chat":{{"id":42}},"caption":"hi","{field}":{value}}}}}"#);
        let events = events(&body);
        let [Event::Message(message)] = events.as_slice() else {
            panic!("one message expected");
        };
        assert_eq!(message.text.as_deref(), Some("hi"), "{field}");
    }
}

#[test]
fn numbers_beyond_reason_are_absent() {
    let size = |id: &str, side: i64| json!({"file_id": id, "width": side, "height": side});
    let body = json!({"message": private(json!({
        "date": i64::MAX,
        "photo": [size("a", 0), size("b", i64::MAX), size("c", -1)],
    }))});
    let message = message(&body);
    assert_eq!(message.sent_at, None);
    let [image] = message.attachments.as_slice() else {
        panic!("one image expected");
    };
    assert_eq!(image.reference.as_deref(), Some("b"));
}

#[test]
fn empty_texts_are_absent_and_nul_is_replaced() {
    let empty = message(&json!({"message": private(json!({"text": "", "media_group_id": ""}))}));
    assert_eq!((empty.kind, empty.text, empty.metadata), (Kind::Other, None, None));
    let nul =
        message(&json!({"message": private(json!({"text": "a\0b", "media_group_id": "\0"}))}));
    assert_eq!(nul.text.as_deref(), Some("a\u{fffd}b"));
    assert_eq!(nul.metadata.expect("an album")["media_group_id"], "\u{fffd}");
}

#[test]
fn only_a_start_command_with_data_in_a_private_chat_is_a_deep_link() {
    let payload = |text: &str| message(&json!({"message": private(json!({"text": text}))})).payload;
    for (text, expected) in [
        ("/start abc_-1", Some("abc_-1")),
        ("/start  abc ", Some("abc")),
        ("/start", None),
        ("/start ", None),
        ("/started abc", None),
        ("please /start abc", None),
    ] {
        assert_eq!(payload(text).as_deref(), expected, "{text}");
    }
    let group = private(json!({"text": "/start abc", "chat": {"id": -5, "type": "group"}}));
    assert_eq!(message(&json!({"message": group})).payload, None);
}

#[test]
fn names_are_joined_from_what_there_is() {
    for (from, expected) in [
        (json!({"id": 42, "first_name": "Ada", "last_name": "Example"}), Some("Ada Example")),
        (json!({"id": 42, "first_name": "Ada"}), Some("Ada")),
        (json!({"id": 42, "first_name": "", "last_name": "Example"}), Some("Example")),
        (json!({"id": 42, "first_name": "Ada", "last_name": ""}), Some("Ada")),
        (json!({"id": 42, "first_name": "", "last_name": 7}), None),
    ] {
        let message = message(&json!({"message": private(json!({"text": "hi", "from": from}))}));
        let sender = message.sender.expect("a sender");
        assert_eq!(sender.name.as_deref(), expected, "{from}");
    }
}

#[test]
fn without_a_bot_id_there_is_no_recipient_and_every_bot_is_another() {
    let from = json!({"id": 7000000001_i64, "is_bot": true, "first_name": "Desk"});
    let body = json!({"message": private(json!({"text": "hi", "from": from}))});
    let Accepted::Understood(_, parsed) = accept(&body.to_string(), None) else {
        panic!("not understood");
    };
    let [Event::Message(message)] = parsed.events.as_slice() else {
        panic!("one message expected");
    };
    assert_eq!((message.kind, message.from_business), (Kind::Other, false));
    assert_eq!(message.recipient, None);
}

#[test]
fn several_kinds_in_one_update_are_told_in_order() {
    let body = r#"{"update_id":1,"callback_query":{"id":"c","from":{"id":42},"data":"x"},
        "new_field":{},"message":{"chat":{"id":42},"text":"hi"}}"#;
    let kinds: Vec<_> = events(body).iter().map(Event::kind).collect();
    assert_eq!(kinds, ["postback", "message"]);
}
