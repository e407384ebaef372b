//! What is said, digests and keys.

use serde_json::{Value, json};

use super::{accept, created, only, parse};
use crate::{Accepted, Event};

#[test]
fn only_a_body_that_is_no_json_object_is_malformed() {
    for body in ["", "[]", "[{\"type\":\"typing\"}]", "null", "\"x\"", "{", "{}x", "type=typing"] {
        let accepted = accept(body.as_bytes(), None);
        assert!(matches!(accepted, Accepted::NotUnderstood(..)), "{body}: {accepted:?}");
    }
    assert!(matches!(accept(b"{\"type\":\"\xff\"}", None), Accepted::NotUnderstood(..)));
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
        "status": "read", "up_to_message_id": "o-1", "text": "Hi", "from_id": "a", "to_id": "b"});
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
fn an_edit_tells_a_text_that_stays_from_one_that_is_cleared() {
    let file = json!({"url": "https://files.example/1"});
    for (changes, text, files) in [
        (json!({"text": "Bye"}), Some("Bye"), 0),
        (json!({"text": ""}), Some(""), 0),
        (json!({"text": "", "attachments": [file]}), Some(""), 1),
        (json!({"attachments": [file]}), None, 1),
        (json!({"text": null, "attachments": [file]}), None, 1),
    ] {
        let mut data = changes.clone();
        data["id"] = "m-1".into();
        let message = only(&json!({"type": "message.updated", "data": data}));
        assert_eq!(message.problems, []);
        assert_eq!(
            (message.text.as_deref(), message.attachments.len()),
            (text, files),
            "{changes}"
        );
    }
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
