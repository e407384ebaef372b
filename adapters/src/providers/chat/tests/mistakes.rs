//! What is refused, with its place, and where the limits are.

use serde_json::{Value, json};

use super::{created, only, parse};
use crate::Kind;

fn places(body: &Value) -> Vec<(String, &'static str)> {
    let message = only(body);
    assert_eq!((message.kind, &message.key), (Kind::Other, &None));
    let problems = message.problems.into_iter();
    problems.map(|problem| (problem.path, problem.code)).collect()
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
            json!({"type": "conversation.started", "data": {"sender": {"id": "u-1"}, "reason": 1}}),
            vec![("/data/conversation", "required"), ("/data/reason", "invalid_type")],
        ),
        (
            json!({"type": "conversation.closed", "data": {"conversation": "x", "sender": "x"}}),
            vec![("/data/conversation", "invalid_type"), ("/data/sender", "invalid_type")],
        ),
        (
            json!({"type": "conversation.closed", "data": {"sender": {}, "reason": []}}),
            vec![
                ("/data/conversation", "required"),
                ("/data/reason", "invalid_type"),
                ("/data/sender/id", "required"),
            ],
        ),
        (json!({"type": "contact.updated", "data": {}}), vec![("/data/sender", "required")]),
        (
            json!({"type": "contact.updated", "data": {"sender": "x"}}),
            vec![("/data/sender", "invalid_type")],
        ),
        (
            json!({"type": "contact.merged", "data": {"from_id": 1}}),
            vec![("/data/from_id", "invalid_type"), ("/data/to_id", "required")],
        ),
        (json!({"type": "contact.merged"}), vec![("/data", "required")]),
        (
            json!({"type": "message.updated", "data": {"id": "m-1"}}),
            vec![("/data/text", "required")],
        ),
        (
            json!({"type": "message.updated", "data": {
                "id": "m-1", "text": null, "attachments": []}}),
            vec![("/data/text", "required")],
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
