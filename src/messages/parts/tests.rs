//! What belongs together, and what it becomes.

use frontdesk_adapters::{Kind, Message};
use sqlx::types::Json;
use uuid::Uuid;

use super::*;

fn piece(place: i32, text: &str) -> Piece {
    let message = Message {
        kind: Kind::Message,
        id: Some(format!("m{place}")),
        text: Some(text.to_owned()),
        ..Message::default()
    };
    Piece { place, request_id: Uuid::nil(), message: Json(message) }
}

fn text(pieces: &[Piece], total: i32) -> (String, serde_json::Value) {
    let whole = join(pieces, total).expect("a message");
    let parts = whole.metadata.and_then(|metadata| metadata.get("parts").cloned());
    (whole.text.unwrap_or_default(), parts.unwrap_or_default())
}

#[test]
fn parts_are_joined_in_their_places() {
    let all = [piece(1, "a"), piece(2, "b"), piece(3, "c")];
    assert_eq!(text(&all, 3), ("abc".to_owned(), json!(null)));
    assert_eq!(join(&all, 3).expect("a message").id.as_deref(), Some("m1"));
    assert!(join(&[], 3).is_none());
}

#[test]
fn what_is_missing_is_marked() {
    for (there, total, expected, missing) in [
        (vec![piece(1, "a"), piece(3, "c")], 3, "a…c", json!([2])),
        (vec![piece(2, "b")], 3, "…b…", json!([1, 3])),
        (vec![piece(1, "a")], 4, "a…", json!([2, 3, 4])),
        (vec![piece(4, "d")], 4, "…d", json!([1, 2, 3])),
    ] {
        let parts = json!({"total": total, "missing": missing});
        assert_eq!(text(&there, total), (expected.to_owned(), parts));
    }
}

#[test]
fn a_reference_used_again_is_another_message() {
    let there = [piece(1, "a"), piece(2, "b")];
    for (place, text, after, expected) in [
        (3, "c", 1_000, Fit::Missing),
        (2, "b", 1_000, Fit::Known),
        (2, "x", 1_000, Fit::Another),
        (3, "c", REFERENCE_MILLIS, Fit::Missing),
        (3, "c", REFERENCE_MILLIS + 1, Fit::Another),
        (2, "b", REFERENCE_MILLIS + 1, Fit::Another),
    ] {
        assert_eq!(
            fit(5, &there, place, Some(text), 5 + after),
            expected,
            "{place} {text} {after}"
        );
    }
}
