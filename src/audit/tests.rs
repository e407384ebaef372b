//! What counts as a difference.

use serde_json::{Value, json};

use super::{Author, Change, differences};

#[test]
fn only_fields_that_say_something_are_differences() {
    let before = json!({"name": "Ana", "email": null, "version": 1, "changed_at": "a", "gone": 1});
    let after = json!({"name": "Ana P.", "email": null, "version": 2, "changed_at": "b", "new": 2});
    let expected = vec![
        Change::new("gone", 1, Value::Null),
        Change::new("name", "Ana", "Ana P."),
        Change::new("new", Value::Null, 2),
    ];
    assert_eq!(differences(&before, &after), expected);
    assert_eq!(differences(&after, &after), []);
    assert_eq!(differences(&None::<u8>, &json!({"id": 1})), [Change::new("id", Value::Null, 1)]);
}

#[test]
fn authors_are_written_as_records_store_them() {
    assert_eq!(Author::agent("ana", None).to_string(), "agent:ana");
    assert_eq!(Author::system("idle").to_string(), "system");
    assert_eq!(Author::requester().to_string(), "requester");
    assert_eq!(Author::command("apply").to_string(), "command:apply");
}
