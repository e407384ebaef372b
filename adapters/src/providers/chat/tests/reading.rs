//! Mistakes, limits, digests and keys.

use serde_json::{Value, json};

use super::{accept, created, parse};
use crate::{Accepted, Event, Kind, Message};

fn only(body: &Value) -> Message {
    let mut parsed = parse(body);
    assert_eq!(parsed.events.len(), 1);
    match parsed.events.remove(0) {
        Event::Message(message) => message,
        Event::Status(status) => panic!("{status:?}"),
    }
}

fn places(body: &Value) -> Vec<(String, &'static str)> {
    let message = only(body);
    assert_eq!((message.kind, &message.key), (Kind::Other, &None));
    let problems = message.problems.into_iter();
    problems.map(|problem| (problem.path, problem.code)).collect()
}

#[test]
fn only_a_body_that_is_no_json_object_is_malformed() {
    for body in ["", "[]", "[{\"type\":\"typing\"}]", "null", "\"x\"", "{", "{}x", "type=typing"] {
        let accepted = accept(body.as_bytes(), None);
        assert!(matches!(accepted, Accepted::NotUnderstood(..)), "{body}: {accepted:?}");
    }
    assert!(matches!(accept(b"{\"type\":\"\xff\"}", None), Accepted::NotUnderstood(..)));
}

#[test]
fn every_mistake_is_named_with_its_place() {
    let file = json!({"url": "https://files.example/1"});
    let long = "ü".repeat(32_001);
    for (body, expected) in [
        (json!({}), vec![("/type", "required")]),
        (json!({"test": 2_432_232_314_u32}), vec![("/type", "required")]),
        (json!({"type": 1}), vec![("/type", "invalid_type")]),
        (json!({"type": "t".repeat(256)}), vec![("/type", "too_long")]),
        (json!({"type": "typing"}), vec![("/data", "required")]),
        (json!({"type": "typing", "data": []}), vec![("/data", "invalid_type")]),
        (
            json!({"type": "message.created", "data": {}}),
            vec![
                ("/data/id", "required"),
                ("/data/sender", "required"),
                ("/data/text", "required"),
            ],
        ),
        (created(json!({"id": ""})), vec![("/data/id", "required")]),
        (created(json!({"id": 81})), vec![("/data/id", "invalid_type")]),
        (created(json!({"id": "m".repeat(256)})), vec![("/data/id", "too_long")]),
        (created(json!({"text": long})), vec![("/data/text", "too_long")]),
        (created(json!({"text": ["a"]})), vec![("/data/text", "invalid_type")]),
        (created(json!({"sender": "u-1"})), vec![("/data/sender", "invalid_type")]),
        (created(json!({"sender": {"name": "Ana"}})), vec![("/data/sender/id", "required")]),
        (
            created(json!({"sender": {"id": "u-1", "kind": "operator"}})),
            vec![("/data/sender/kind", "invalid")],
        ),
        (created(json!({"conversation": {}})), vec![("/data/conversation/id", "required")]),
        (
            created(json!({"attachments": vec![file.clone(); 21]})),
            vec![("/data/attachments", "too_many")],
        ),
        (created(json!({"attachments": {"0": file}})), vec![("/data/attachments", "invalid_type")]),
        (
            created(
                json!({"attachments": [file, "x", {"name": 1}, {"url": "javascript:alert(1)"}]}),
            ),
            vec![
                ("/data/attachments/1", "invalid_type"),
                ("/data/attachments/2/url", "required"),
                ("/data/attachments/2/name", "invalid_type"),
                ("/data/attachments/3/url", "invalid"),
            ],
        ),
        (
            json!({"type": "message.status", "data": {"status": "read"}}),
            vec![("/data/id", "required")],
        ),
        (
            json!({"type": "message.status", "data": {"id": "o-1"}}),
            vec![("/data/status", "required")],
        ),
        (
            json!({"type": "message.status", "data": {"id": "o-1", "status": "xx"}}),
            vec![("/data/status", "invalid")],
        ),
        (
            json!({"type": "message.status", "data": {"status": 1}}),
            vec![("/data/status", "invalid_type"), ("/data/id", "required")],
        ),
        (
            json!({"type": "typing", "data": {
                "conversation": {"id": "c-1"}, "sender": {"id": "u-1"}, "active": "yes"}}),
            vec![("/data/active", "invalid_type")],
        ),
        (created(json!({"text": null})), vec![("/data/text", "required")]),
        (created(json!({"text": "", "attachments": []})), vec![("/data/text", "required")]),
        (
            created(json!({"sender": {"id": "u-1", "verified": "true"}})),
            vec![("/data/sender/verified", "invalid_type")],
        ),
        (
            created(json!({"sender": {"id": "u-1", "verified": 1, "phone": "555-010-0002"}})),
            vec![("/data/sender/verified", "invalid_type")],
        ),
        (
            json!({"type": "read", "data": {"sender": {"id": "u-1"}}}),
            vec![("/data/up_to_message_id", "required")],
        ),
        (
            json!({"type": "message.deleted", "timestamp": "yesterday", "data": {"id": "m-1"}}),
            vec![("/timestamp", "invalid")],
        ),
    ] {
        let places = places(&body);
        let places: Vec<_> = places.iter().map(|(path, code)| (path.as_str(), *code)).collect();
        assert_eq!(places, expected, "{body}");
    }
}

#[test]
fn the_limits_themselves_are_allowed() {
    let text = "ü".repeat(32_000);
    let files = vec![json!({"url": "http://files.example/1"}); 20];
    let message = only(&created(json!({"text": text, "attachments": files})));
    assert_eq!(message.problems, []);
    assert_eq!(message.text, Some(text));
    assert_eq!(message.attachments.len(), 20);
    let hundred = json!({"events": vec![created(json!({})); 100]});
    assert_eq!(parse(&hundred).events.len(), 100);
    let more = json!({"events": vec![created(json!({})); 101]});
    assert_eq!(places(&more), [("/events".to_owned(), "too_many")]);
    assert_eq!(places(&json!({"events": {}})), [("/events".to_owned(), "invalid_type")]);
}

#[test]
fn an_unreadable_item_leaves_its_neighbors_alone() {
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let odd = [
        "1",
        "null",
        "[]",
        r#"{"type":"typing","data":1e999}"#,
        r#"{"type":"x","data":"\ud800"}"#,
        &format!(r#"{{"type":"x","data":{deep}}}"#),
        r#"{"type":"message.created","data":{"id":{},"sender":[]}}"#,
    ];
    let good = created(json!({}));
    for odd in odd {
        let body = format!(r#"{{"events":[{good},{odd},{good}]}}"#);
        let Accepted::Understood(_, parsed) = accept(body.as_bytes(), None) else {
            panic!("{body}");
        };
        assert!(parsed.batch);
        let kinds: Vec<_> = parsed.events.iter().map(Event::kind).collect();
        assert_eq!(kinds, ["message", "other", "message"], "{odd}");
    }
}

#[test]
fn a_type_beside_events_makes_an_event_of_its_own() {
    let parsed = parse(&json!({"type": "sync.done", "events": [1, 2]}));
    assert!(!parsed.batch);
    assert_eq!(parsed.events[0].kind(), "other");
}

#[test]
fn the_same_content_has_the_same_digest_and_other_content_another() {
    let content = |body: &str| {
        let body: Value = serde_json::from_str(body).expect("JSON");
        only(&body).content.expect("a digest")
    };
    let data = |data: &str| content(&format!(r#"{{"type":"message.created","data":{data}}}"#));
    let base = data(r#"{"id":"m","sender":{"id":"u"},"text":"Hi","attachments":[]}"#);
    assert_eq!(
        base,
        data(r#"{"text":"Hi","reply_to":null,"sender":{"name":"","id":"u"},"id":"m"}"#)
    );
    assert_eq!(
        base,
        content(
            r#"{"timestamp":"2026-01-01T00:00:09Z","type":"message.created","data":{"id":"m","sender":{"id":"u"},"text":"\u0048i","attachments":[]}}"#
        )
    );
    // Stored digests outlive a release.
    assert_eq!(base, -7_452_952_142_001_184_388);
    let file =
        |file: &str| data(&format!(r#"{{"id":"m","sender":{{"id":"u"}},"attachments":[{file}]}}"#));
    assert_eq!(
        file(r#"{"id":"f","url":"https://files.example/x?sig=1"}"#),
        file(
            r#"{"id":"f","url":"https://files.example/x?sig=2","expires_at":"2026-01-02T00:00:00Z"}"#
        )
    );
    let different = [
        base,
        data(r#"{"id":"m","sender":{"id":"u"},"text":"Hi!","attachments":[]}"#),
        data(r#"{"id":"m","sender":{"id":"u","name":"texts"},"text":"Hi","attachments":[]}"#),
        data(
            r#"{"id":"m","sender":{"id":"u"},"text":"Hi","attachments":[],"metadata":{"a":{"b":1}}}"#,
        ),
        data(
            r#"{"id":"m","sender":{"id":"u"},"text":"Hi","attachments":[],"metadata":{"a":{},"b":1}}"#,
        ),
        file(r#"{"url":"https://files.example/x?sig=1"}"#),
        file(r#"{"url":"https://files.example/x?sig=2"}"#),
        file(r#"{"id":"f","url":"https://files.example/x"}"#),
        file(r#"{"id":"g","url":"https://files.example/x"}"#),
    ];
    let distinct: std::collections::BTreeSet<_> = different.iter().collect();
    assert_eq!(distinct.len(), different.len());
}

#[test]
fn only_what_can_contradict_carries_a_digest() {
    for word in ["message.updated", "message.deleted", "typing", "contact.updated"] {
        let mut body = created(json!({"conversation": {"id": "c-1"}}));
        body["type"] = word.into();
        assert_eq!(only(&body).content, None, "{word}");
    }
}

#[test]
fn keys_tell_repeats_from_new_events() {
    let sender = json!({"id": "u-1"});
    let conversation = json!({"id": "c-1"});
    let data = json!({"id": "m-1", "sender": sender, "conversation": conversation,
        "status": "read", "up_to_message_id": "o-1", "text": "Hi"});
    let batch = |words: &[&str]| {
        let events: Vec<_> = words.iter().map(|word| json!({"type": word, "data": data})).collect();
        let events = parse(&json!({"events": events})).events;
        events.iter().map(|event| event.dedupe_key().expect("a key")).collect::<Vec<_>>()
    };
    assert_eq!(
        batch(&[
            "message.created",
            "message.created",
            "message.updated",
            "message.updated",
            "message.deleted",
            "message.status",
            "read",
            "conversation.started",
            "conversation.closed",
            "contact.merged",
        ]),
        [
            "message:m-1",
            "message:m-1",
            "msg_1:2:message.updated",
            "msg_1:3:message.updated",
            "msg_1:4:message.deleted",
            "status:m-1:read:",
            "status:o-1:read:u-1",
            "msg_1:7:conversation.started",
            "msg_1:8:conversation.closed",
            "msg_1:9:contact.merged",
        ]
    );
}

#[test]
fn a_claimed_address_is_no_address_until_the_site_vouches_for_it() {
    let sender = |verified: Value| {
        let message = only(&created(json!({"sender": {
            "id": "u-1", "email": "Ana@Example.com", "phone": "+1 500 555 0006", "verified": verified,
        }})));
        let alternates = message.sender.expect("a sender").alternates.into_iter();
        let alternates: Vec<_> = alternates.map(|address| address.value).collect();
        (alternates, message.metadata.expect("metadata")["sender"].clone())
    };
    let (alternates, rest) = sender(json!(true));
    assert_eq!(alternates, ["+15005550006", "ana@example.com"]);
    assert_eq!(rest, json!({"verified": true}));
    for claim in [json!(false), json!(null)] {
        let (alternates, rest) = sender(claim);
        assert_eq!(alternates, [""; 0]);
        assert_eq!(rest["email"], "Ana@Example.com");
        assert_eq!(rest["phone"], "+1 500 555 0006");
    }
}

#[test]
fn an_address_the_site_vouches_for_must_be_one() {
    for (name, value, expected) in [
        ("phone", json!("12345"), "write it as +12125550123"),
        ("phone", json!("555-010-0002"), "write it as +12125550123"),
        ("phone", json!("call me"), "write it as +12125550123"),
        ("phone", json!(15005550006_u64), "must be text"),
        ("email", json!("ana at example.com"), "write it as ana@example.com"),
        ("email", json!("a\u{0}@example.com"), "write it as ana@example.com"),
        ("email", json!(format!("{}@example.com", "a".repeat(300))), "write it as ana@example.com"),
    ] {
        let sender =
            |verified| created(json!({"sender": {"id": "u-1", "verified": verified, name: value}}));
        let problems = only(&sender(true)).problems.into_iter();
        let problems: Vec<_> = problems.map(|problem| (problem.path, problem.message)).collect();
        assert_eq!(problems, [(format!("/data/sender/{name}"), expected.to_owned())], "{value}");
        // A visitor may type whatever they like.
        let message = only(&sender(false));
        assert_eq!(message.problems, []);
        assert_eq!(message.sender.expect("a sender").alternates, []);
        assert_eq!(message.metadata.expect("metadata")["sender"][name], value);
    }
    let empty = json!({"sender": {"id": "u-1", "verified": true, "phone": "", "email": null}});
    assert_eq!(only(&created(empty)).problems, []);
}

#[test]
fn only_visitors_and_contacts_are_customers() {
    for (kind, from_business) in [
        (json!("visitor"), false),
        (json!("contact"), false),
        (json!(null), false),
        (json!("agent"), true),
        (json!("bot"), true),
        (json!("system"), true),
    ] {
        let message = only(&created(json!({"sender": {"id": "u-1", "kind": kind}})));
        assert_eq!(message.from_business, from_business, "{kind}");
    }
}

#[test]
fn a_site_is_the_scope_of_its_users_and_the_address_they_write_to() {
    let body = created(json!({})).to_string();
    let Accepted::Understood(_, parsed) = accept(body.as_bytes(), Some("shop")) else {
        panic!("not understood");
    };
    let Event::Message(message) = &parsed.events[0] else {
        panic!("no message");
    };
    let sender = message.sender.as_ref().expect("a sender");
    assert_eq!(sender.address.scope.as_deref(), Some("shop"));
    assert_eq!(parsed.events[0].our_address(), Some("shop"));
    assert_eq!(parse(&created(json!({}))).events[0].our_address(), None);
}

#[test]
fn nul_is_replaced_in_every_text() {
    let message = only(&created(json!({"text": "a\0b", "sender": {"id": "u\0", "name": "\0"}})));
    assert_eq!(message.text.as_deref(), Some("a\u{fffd}b"));
    assert_eq!(message.sender.expect("a sender").address.value, "u\u{fffd}");
}

#[test]
fn the_largest_bodies_are_read_whatever_they_are_made_of() {
    let size = 260_000;
    let bodies = [
        format!(r#"{{"events":[{}1]}}"#, "{},".repeat(size / 3)),
        format!(r#"{{"type":"x","data":{}{}}}"#, "[".repeat(size / 2), "]".repeat(size / 2)),
        format!(r#"{{"type":"x","data":[{}1]}}"#, "1,".repeat(size / 2)),
        created(json!({"text": "\\\"".repeat(size / 4)})).to_string(),
        created(json!({"attachments": vec![json!({}); size / 3]})).to_string(),
        format!(r#"{{"type":"x"{}}}"#, r#","type":"x""#.repeat(size / 11)),
    ];
    for body in bodies {
        let accepted = accept(body.as_bytes(), None);
        let Accepted::Understood(_, parsed) = accepted else {
            assert!(matches!(accepted, Accepted::NotUnderstood(..)));
            continue;
        };
        assert_eq!(parsed.answer, None);
    }
}
