//! What a request on file cannot show: many small cases, hostile bodies, keys.

use serde_json::{Value, json};

use super::{ADAPTER, MAX_KEPT_BYTES, PHONE_NUMBER_ID};
use crate::providers::meta::{APP_SECRET, VERIFY_TOKEN};
use crate::{Accepted, Account, DeliveryStatus, Event, Kind, Message, Method, Request, Timestamp};

const URL: &str = "https://desk.example/webhooks/x";

fn account() -> Account {
    let account = json!({ PHONE_NUMBER_ID: "1", APP_SECRET: "s", VERIFY_TOKEN: ["new", "old"] });
    Account::for_channel(&ADAPTER, &account).expect("a usable account")
}

fn accept(body: impl Into<Vec<u8>>) -> Accepted {
    let now = Timestamp::from_millis(0).expect("the epoch");
    let mut request = Request::new(Method::Post, URL, Vec::new(), body.into());
    let signed = ADAPTER.verifier.sign(&mut request, &account(), now);
    signed.expect("a signed request");
    ADAPTER.accept(request, &account(), now)
}

fn events(body: impl Into<Vec<u8>>) -> Vec<Event> {
    let Accepted::Understood(_, parsed) = accept(body) else {
        panic!("expected events");
    };
    parsed.events
}

/// The events of one change, given what stands in its value.
fn change(value: &str) -> Vec<Event> {
    events(format!(r#"{{"entry":[{{"changes":[{{"field":"messages","value":{{{value}}}}}]}}]}}"#))
}

/// The events of `messages`, given as the items of the list.
fn messages(items: &str) -> Vec<Message> {
    let said = |event| match event {
        Event::Message(message) => message,
        Event::Status(status) => panic!("expected a message, not {status:?}"),
    };
    let events = change(&format!(r#""messages":[{items}]"#));
    events.into_iter().map(said).collect()
}

fn keys(items: &str) -> Vec<Option<String>> {
    let events = change(items);
    events.iter().map(Event::dedupe_key).collect()
}

#[test]
fn a_handshake_is_answered_only_to_whoever_knows_a_token() {
    let long = "1".repeat(257);
    let cases = [
        ("hub.mode=subscribe&hub.verify_token=new&hub.challenge=7", "7"),
        ("hub.mode=subscribe&hub.verify_token=old&hub.challenge=a%20b", "a b"),
        ("hub.mode=subscribe&hub.verify_token=&hub.challenge=7", "bad_signature"),
        ("hub.mode=subscribe&hub.challenge=7", "bad_signature"),
        ("hub.mode=subscribe&hub.verify_token=ne&hub.challenge=7", "bad_signature"),
        ("hub.mode=subscribe&hub.verify_token=new", "malformed"),
        ("hub.mode=subscribe&hub.verify_token=new&hub.challenge=a%0d%0ab", "malformed"),
        (&format!("hub.mode=subscribe&hub.verify_token=new&hub.challenge={long}"), "malformed"),
        ("hub.mode=unsubscribe&hub.verify_token=new&hub.challenge=7", "malformed"),
        ("", "missing_signature"),
    ];
    for (query, expected) in cases {
        let request = Request::new(Method::Get, format!("{URL}?{query}"), Vec::new(), Vec::new());
        let now = Timestamp::from_millis(0).expect("the epoch");
        let came_to = match ADAPTER.accept(request, &account(), now) {
            Accepted::Handshake(answer) => answer.body.expect("a challenge").into_owned(),
            Accepted::Refused(_, refusal) => refusal.code().to_owned(),
            Accepted::Understood(..) | Accepted::NotUnderstood(..) => panic!("{query} was parsed"),
        };
        assert_eq!(came_to, expected, "{query}");
    }
}

#[test]
fn a_handshake_without_a_configured_token_is_refused() {
    let account = Account::read(&ADAPTER, &json!({ APP_SECRET: "s" })).expect("an account");
    let url = format!("{URL}?hub.mode=subscribe&hub.verify_token=&hub.challenge=7");
    let request = Request::new(Method::Get, url, Vec::new(), Vec::new());
    let now = Timestamp::from_millis(0).expect("the epoch");
    assert!(matches!(ADAPTER.accept(request, &account, now), Accepted::Refused(..)));
}

#[test]
fn only_what_is_no_json_object_is_malformed() {
    for body in ["", "hello", "[]", "7", "null", r#"{"entry":["#] {
        assert!(matches!(accept(body), Accepted::NotUnderstood(..)), "{body}");
    }
    for (body, count) in [
        ("{}", 0),
        (r#"{"entry":7}"#, 0),
        (r#"{"object":"page","entry":[{"messaging":[]}]}"#, 1),
        (r#"{"entry":[null]}"#, 1),
        (r#"{"entry":[{"changes":[{"field":"messages"}]}]}"#, 1),
        (r#"{"entry":[{"changes":[{"field":7,"value":[]}]}]}"#, 1),
    ] {
        assert_eq!(events(body).len(), count, "{body}");
    }
}

#[test]
fn an_odd_field_costs_only_itself() {
    let text = r#""type":"text","text":{"body":"Hi"}"#;
    for odd in [
        r#""timestamp":{}"#,
        r#""context":"none""#,
        r#""context":{"id":["a"]}"#,
        r#""referral":7"#,
        r#""errors":{"code":1e999}"#,
        r#""group_id":"\ud83d""#,
        r#""image":1e999"#,
        r#""edit":{"message":{"edit":7}}"#,
        r#""id":"again""#,
    ] {
        let items = format!(r#"{{"id":"a",{odd},{text}}},{{"id":"b",{text}}}"#);
        let said = messages(&items);
        let texts: Vec<_> = said.iter().map(|said| said.text.as_deref()).collect();
        assert_eq!(texts, [Some("Hi"), Some("Hi")], "{odd}");
    }
}

#[test]
fn an_unreadable_text_keeps_its_id_and_its_neighbors() {
    let said = messages(
        r#"{"id":"a","from":"15550100002","type":"text","text":{"body":"\ud83d"}},
           {"id":"b","type":"text","text":{"body":"Hi"}}"#,
    );
    assert_eq!(said[0].kind, Kind::Other);
    assert_eq!(said[0].id.as_deref(), Some("a"));
    assert!(said[0].sender.is_some());
    assert_eq!(said[1].text.as_deref(), Some("Hi"));
}

#[test]
fn numbers_pass_for_ids_and_times() {
    let said = messages(r#"{"id":12,"from":15550100002,"timestamp":1767225600,"type":"text"}"#);
    assert_eq!(said[0].id.as_deref(), Some("12"));
    assert_eq!(
        said[0].sent_at.map(|at| at.to_string()).as_deref(),
        Some("2026-01-01T00:00:00.000Z")
    );
    let sender = said[0].sender.as_ref().expect("a sender");
    assert_eq!(sender.address.value, "+15550100002");
}

#[test]
fn nul_never_gets_in() {
    let said = messages(
        r#"{"type":"text","text":{"body":"a\u0000b"},"referral":{"a\u0000":"\\u0000 \u0000"}}"#,
    );
    assert_eq!(said[0].text.as_deref(), Some("a\u{fffd}b"));
    assert!(!format!("{:?}", said[0].metadata).contains("\\0"));
}

#[test]
fn a_contact_is_found_by_id_or_by_being_the_only_one_of_the_only_sender() {
    let mara = r#"{"profile":{"name":"Mara"},"wa_id":"555100000002"}"#;
    let bo = r#"{"profile":{"name":"Bo"},"user_id":"SE.2"}"#;
    let cases = [
        (mara.to_owned(), r#"{"from":"555100000002"}"#, vec![Some("Mara")]),
        (mara.to_owned(), r#"{"from":"5551900000002"}"#, vec![Some("Mara")]),
        (
            mara.to_owned(),
            r#"{"from":"5551900000002"},{"from":"5551900000002"}"#,
            vec![Some("Mara"), Some("Mara")],
        ),
        (mara.to_owned(), r#"{"from":"5551900000002"},{"from":"555100000003"}"#, vec![None, None]),
        (
            format!("{mara},{bo}"),
            r#"{"from_user_id":"SE.2"},{"from":"555100000002"},{"from":"15550100009"}"#,
            vec![Some("Bo"), Some("Mara"), None],
        ),
    ];
    for (contacts, items, expected) in cases {
        let events = change(&format!(r#""contacts":[{contacts}],"messages":[{items}]"#));
        let names: Vec<_> = events
            .iter()
            .map(|event| match event {
                Event::Message(message) => message.sender.as_ref()?.name.as_deref(),
                Event::Status(_) => None,
            })
            .collect();
        assert_eq!(names, expected, "{items}");
    }
}

#[test]
fn without_ids_of_its_own_a_message_is_from_its_contact() {
    let cases = [
        (r#"{"wa_id":"15550100002","user_id":"SE.2"}"#, "+15550100002", 1),
        (r#"{"user_id":"SE.2","parent_user_id":"SE.ENT.1"}"#, "SE.2", 1),
    ];
    for (contact, value, alternates) in cases {
        let events = change(&format!(r#""contacts":[{contact}],"messages":[{{"type":"text"}}]"#));
        let [Event::Message(message)] = &events[..] else {
            panic!("expected one message, not {events:?}");
        };
        let sender = message.sender.as_ref().expect("a sender");
        assert_eq!(sender.address.value, value);
        assert_eq!(sender.alternates.len(), alternates);
    }
}

#[test]
fn events_stand_in_payload_order_across_lists() {
    let kinds = |value| -> Vec<_> { change(value).iter().map(Event::kind).collect() };
    assert_eq!(
        kinds(
            r#""statuses":[{"id":"a","status":"read"}],"messages":[{"type":"text","text":{}}],
               "errors":[{}]"#
        ),
        ["status", "message", "other"]
    );
}

#[test]
fn every_status_word_has_its_meaning() {
    for (word, expected) in [
        ("sent", Some(DeliveryStatus::Sent)),
        ("delivered", Some(DeliveryStatus::Delivered)),
        ("read", Some(DeliveryStatus::Read)),
        ("played", Some(DeliveryStatus::Read)),
        ("failed", Some(DeliveryStatus::Failed)),
        ("deleted", None),
        ("warped", None),
    ] {
        let events = change(&format!(r#""statuses":[{{"id":"a","status":"{word}"}}]"#));
        let delivery = match &events[0] {
            Event::Status(status) => Some(status.status),
            Event::Message(message) => {
                let said = message.provider_type.clone();
                assert_eq!(said, Some(format!("status/{word}")));
                None
            }
        };
        assert_eq!(delivery, expected, "{word}");
    }
}

#[test]
fn keys_tell_repeats_from_news() {
    let news = [
        r#""messages":[{"id":"a","type":"text","text":{"body":"Hi"}}]"#,
        r#""messages":[{"id":"a","timestamp":"1","type":"reaction","reaction":{"emoji":"x"}}]"#,
        r#""messages":[{"id":"a","timestamp":"2","type":"reaction","reaction":{}}]"#,
        r#""messages":[{"id":"a","timestamp":"3","type":"reaction","reaction":{"emoji":"x"}}]"#,
        r#""messages":[{"id":"a","type":"revoke","revoke":{}}]"#,
        r#""messages":[{"id":"a","type":"unsupported"}]"#,
        r#""statuses":[{"id":"a","status":"read","recipient_id":"15550100002"}]"#,
        r#""statuses":[{"id":"a","status":"played","recipient_id":"15550100002"}]"#,
        r#""statuses":[{"id":"a","status":"read","recipient_id":"15550100003"}]"#,
        r#""statuses":[{"id":"a","status":"deleted","recipient_id":"15550100002"}]"#,
        r#""statuses":[{"id":"a","status":"warped","recipient_id":"15550100002"}]"#,
        r#""user_preferences":[{"wa_id":"15550100002","value":"stop","timestamp":1}]"#,
        r#""user_preferences":[{"wa_id":"15550100002","value":"resume","timestamp":2}]"#,
        r#""user_preferences":[{"wa_id":"15550100002","value":"stop","timestamp":3}]"#,
    ];
    let mut seen = std::collections::BTreeSet::new();
    for value in news {
        let key = keys(value).remove(0).expect("a key");
        assert_eq!(keys(value), [Some(key.clone())]);
        assert!(seen.insert(key), "{value}");
    }
    assert_eq!(keys(r#""errors":[{"code":1}]"#), [None]);
}

#[test]
fn an_id_in_international_form_is_taken_as_it_stands() {
    for (from, expected) in [
        ("5215512345678", "+5215512345678"),
        ("551155501234", "+551155501234"),
        ("+15550100002", "+15550100002"),
        ("12345", "12345"),
    ] {
        let said = messages(&format!(r#"{{"from":"{from}"}}"#));
        let sender = said[0].sender.as_ref().expect("a sender");
        assert_eq!(sender.address.value, expected);
    }
}

#[test]
fn a_moved_person_is_followed() {
    let cases = [
        (r#""wa_id":"15550100012""#, Some("+15550100012"), 1),
        (r#""new_wa_id":15550100012"#, Some("+15550100012"), 1),
        (r#""user_id":"SE.2","previous_user_id":"SE.1""#, Some("SE.2"), 2),
        (r#""wa_id":"15550100002""#, None, 0),
        (r#""body":"moved""#, None, 0),
    ];
    for (system, new_address, alternates) in cases {
        let said = messages(&format!(
            r#"{{"from":"15550100002","type":"system","system":{{"type":"t",{system}}}}}"#
        ));
        let metadata = said[0].metadata.as_ref().expect("metadata");
        let found = metadata.get("new_address").map(|address| &address["value"]);
        assert_eq!(found.and_then(Value::as_str), new_address, "{system}");
        let sender = said[0].sender.as_ref().expect("a sender");
        assert_eq!(sender.address.value, "+15550100002");
        assert_eq!(sender.alternates.len(), alternates, "{system}");
    }
}

#[test]
fn long_events_without_a_word_are_not_kept_with_it() {
    for (length, kept) in [(10, true), (MAX_KEPT_BYTES, false)] {
        let events = events(format!(
            r#"{{"entry":[{{"changes":[{{"field":"history","value":{{"a":"{}"}}}}]}}]}}"#,
            "x".repeat(length)
        ));
        let [Event::Message(message)] = &events[..] else {
            panic!("expected one event, not {events:?}");
        };
        assert_eq!(message.metadata.is_some(), kept);
    }
}

#[test]
fn hostile_bodies_end_in_events() {
    let deep =
        |open: &str, close: &str| format!("{}1{}", open.repeat(50_000), close.repeat(50_000));
    for item in [
        deep("[", "]"),
        deep(r#"{"edit":{"message":"#, "}}"),
        format!(r#"{{"referral":{}}}"#, deep("[", "]")),
        format!(r#"{{"type":"{}"}}"#, "x".repeat(1_000_000)),
        format!("{{{}}}", r#""text":{"body":"\ud83d"},"#.repeat(50_000) + r#""id":"a""#),
    ] {
        let said =
            messages(&format!(r#"{item},{{"id":"b","type":"text","text":{{"body":"Hi"}}}}"#));
        assert_eq!(said.len(), 2);
        assert_eq!(said[1].text.as_deref(), Some("Hi"));
    }
}
