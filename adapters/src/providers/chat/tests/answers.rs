//! What the back end hears, also where a fixture has no say in it.

use serde_json::{Value, json};

use super::{ADAPTER, accept, created, parse};
use crate::{Accepted, Account, Answer, Outcome, Recorded, Verdict};

fn outcome(verdict: Verdict, id: &str) -> Outcome {
    let id = Some(id.to_owned());
    Outcome { id, verdict }
}

fn body(answer: &Answer) -> Value {
    assert_eq!(answer.content_type.as_deref(), Some("application/json"));
    serde_json::from_str(answer.body.as_deref().expect("a body")).expect("JSON")
}

#[test]
fn one_event_hears_what_became_of_it() {
    let parsed = parse(&created(json!({})));
    for (verdict, status, word) in [
        (Verdict::Accepted, 202, "accepted"),
        (Verdict::Duplicate, 200, "duplicate"),
        (Verdict::Conflict, 409, "conflict"),
    ] {
        let outcomes = [outcome(verdict, "01F")];
        let answer =
            (ADAPTER.acknowledge)(Recorded::Understood(&parsed, &outcomes, &Account::default()));
        assert_eq!(answer.status, status);
        assert_eq!(body(&answer), json!({"status": word, "id": "01F"}));
    }
}

#[test]
fn an_event_that_is_not_stored_is_accepted_without_an_id() {
    let typing = json!({"type": "typing", "data": {
        "conversation": {"id": "c-1"}, "sender": {"id": "u-1"}, "active": true}});
    let parsed = parse(&typing);
    let outcomes = [Outcome { id: None, verdict: Verdict::Accepted }];
    let answer =
        (ADAPTER.acknowledge)(Recorded::Understood(&parsed, &outcomes, &Account::default()));
    assert_eq!(answer.status, 202);
    assert_eq!(body(&answer), json!({"status": "accepted", "id": null}));
}

#[test]
fn a_wrong_event_hears_what_is_wrong_and_nothing_it_said() {
    let parsed = parse(&created(json!({"id": "", "text": 4711})));
    let outcomes = [outcome(Verdict::Accepted, "unused")];
    let answer =
        (ADAPTER.acknowledge)(Recorded::Understood(&parsed, &outcomes, &Account::default()));
    assert_eq!(answer.status, 422);
    assert_eq!(
        body(&answer),
        json!({"errors": [
            {"path": "/data/id", "code": "required", "message": "is required"},
            {"path": "/data/text", "code": "invalid_type", "message": "must be text"},
        ]})
    );
}

#[test]
fn a_batch_hears_about_each_of_its_events_in_order() {
    let event = created(json!({}));
    let parsed = parse(&json!({"events": [event, event, {}, event]}));
    let outcomes = [
        outcome(Verdict::Accepted, "01A"),
        outcome(Verdict::Duplicate, "01A"),
        outcome(Verdict::Accepted, "unused"),
        outcome(Verdict::Conflict, "01A"),
    ];
    let answer =
        (ADAPTER.acknowledge)(Recorded::Understood(&parsed, &outcomes, &Account::default()));
    assert_eq!(answer.status, 207);
    let missing = json!({"path": "/type", "code": "required", "message": "is required"});
    assert_eq!(
        body(&answer),
        json!({"results": [
            {"status": 202, "id": "01A"},
            {"status": 200, "id": "01A"},
            {"status": 422, "errors": [missing]},
            {"status": 409, "id": "01A"},
        ]})
    );
}

#[test]
fn an_empty_batch_is_answered_with_no_results() {
    let parsed = parse(&json!({"events": []}));
    let answer = (ADAPTER.acknowledge)(Recorded::Understood(&parsed, &[], &Account::default()));
    assert_eq!(answer.status, 207);
    assert_eq!(body(&answer), json!({"results": []}));
}

#[test]
fn a_malformed_body_hears_where_it_broke() {
    let Accepted::NotUnderstood(_, malformed) = accept(b"{\"type\": secret}", None) else {
        panic!("understood");
    };
    let answer = (ADAPTER.acknowledge)(Recorded::NotUnderstood(&malformed, &Account::default()));
    assert_eq!(answer.status, 400);
    let body = body(&answer);
    assert_eq!(body["errors"][0]["code"], "malformed");
    assert!(!body.to_string().contains("secret"));
}

#[test]
fn a_body_of_more_than_256_kib_is_too_large_alone_or_as_a_batch() {
    let sized = |mut body: Value, length: usize| {
        let rest = length - body.to_string().len();
        let meta = body.get_mut("events").map_or("meta", |_| "more");
        body[meta] = "x".repeat(rest - r#","meta":"""#.len()).into();
        let body = body.to_string();
        assert_eq!(body.len(), length);
        body
    };
    for body in [created(json!({})), json!({"events": [created(json!({}))]})] {
        for (length, too_large) in [(262_144, false), (262_145, true), (4_000_000, true)] {
            let accepted = accept(sized(body.clone(), length).as_bytes(), None);
            let Accepted::Understood(_, parsed) = accepted else { panic!("{accepted:?}") };
            let outcomes = [outcome(Verdict::Accepted, "01F")];
            let recorded = Recorded::Understood(&parsed, &outcomes, &Account::default());
            let answer = (ADAPTER.acknowledge)(recorded);
            assert_eq!(answer.status == 413, too_large, "{length}: {answer:?}");
            if too_large {
                let said = answer.body.expect("a body");
                assert!(said.contains(r#""code":"too_large""#), "{said}");
                assert!(said.contains("256 KiB"), "{said}");
                assert_eq!(parsed.events[0].kind(), "other");
            }
        }
    }
}
