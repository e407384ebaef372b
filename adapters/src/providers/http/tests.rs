//! Accounts that cannot be understood, and samples in every format.

use serde_json::{Value, json};

use super::ADAPTER;
use crate::{
    Account, AccountError, Decoded, Event, Method, Request, Sample, Timestamp, decode, fixture,
};

const TOKEN: &str = "fictionaltoken0123456789ab";

fn account(values: &[(&str, &str)]) -> Result<Account, AccountError> {
    let mut account =
        json!({"token": TOKEN, "id": "id", "from": "from", "to": "to", "text": "text"});
    for (name, value) in values {
        account[*name] = Value::from(*value);
    }
    Account::for_channel(&ADAPTER, &account)
}

#[test]
fn a_bad_description_is_refused_by_field_when_the_channel_is_made() {
    for (field, value) in [
        ("text", "a//b"),
        ("items", "query:list"),
        ("media", "header:X-Media"),
        ("format", "yaml"),
        ("numbers", "national"),
        ("medium", "pigeon"),
        ("status_map", "DELIVRD=arrived"),
        ("time_format", "%Q"),
        ("time_format", "%H:%M"),
        ("time_format", "iso"),
        ("time_zone", "Lisbon"),
        ("answer_status", "500"),
        ("answer_status", "ok"),
        ("answer_type", "text"),
    ] {
        let error = account(&[(field, value)]).expect_err(value);
        let AccountError::Invalid { field: named, .. } = error else { panic!("{value}: {error}") };
        assert_eq!(named, field, "{value}");
    }
    for (field, value) in [
        ("hmac_algorithm", "crc32"),
        ("hmac_encoding", "base58"),
        ("hmac_over", "{body"),
        ("hmac_over", "nothing"),
        ("hmac_over", "{header:X Y}{body}"),
        ("hmac_time_header", "X-Time"),
        ("hmac_max_age_seconds", "soon"),
        ("hmac_header", "X Y"),
        ("header_name", "X:"),
    ] {
        let signing = [("hmac_secret", "k"), ("hmac_header", "X-Sign"), (field, value)];
        let error = account(&signing).expect_err(value);
        assert!(matches!(error, AccountError::Unusable(named, _) if named == field), "{error}");
    }
}

#[test]
fn a_description_with_a_gap_says_what_is_missing() {
    let missing = |values: &[(&str, &str)]| match account(values) {
        Err(AccountError::Missing { field, .. }) => Some(field),
        Ok(_) | Err(_) => None,
    };
    assert_eq!(missing(&[("text", "")]), Some("text"));
    assert_eq!(missing(&[("from", "")]), Some("from"));
    assert_eq!(missing(&[("status", "status"), ("id", "")]), Some("status_id"));
    assert_eq!(missing(&[("type", "kind")]), Some("message_types"));
    assert_eq!(missing(&[("message_types", "mo")]), Some("type"));
    assert_eq!(missing(&[("type", "kind"), ("status_types", "dlr")]), Some("status"));
    assert_eq!(missing(&[("answer_type", "text/xml")]), Some("answer_body"));
    assert_eq!(missing(&[("hmac_secret", "k")]), Some("hmac_header"));
    assert_eq!(missing(&[("token", "")]), Some("token"));
    assert_eq!(missing(&[]), None);
}

#[test]
fn a_channel_can_be_tried_in_every_format() {
    let now = Timestamp::parse_rfc3339("2026-01-01T00:00:00Z").expect("a time");
    for (values, method) in [
        (&[("format", "query")][..], Method::Get),
        (&[("format", "form"), ("time", "at"), ("time_format", "%d.%m.%Y %H:%M:%S")], Method::Post),
        (
            &[("text", "body/0/parts/text"), ("time", "/sent"), ("time_format", "milliseconds")],
            Method::Post,
        ),
        (&[("format", "json"), ("items", "/results/list"), ("from", "who/number")], Method::Post),
        (&[("format", "json"), ("items", "/")], Method::Post),
        (
            &[
                ("format", "xml"),
                ("items", "sms"),
                ("id", "@id"),
                ("text", "body/$text"),
                ("from", "body/@by"),
            ],
            Method::Post,
        ),
        (&[("to", "query:to"), ("from", "header:X-From"), ("numbers", "as-is")], Method::Post),
        (&[("type", "kind"), ("message_types", "mo, mms"), ("to", "=+15005550006")], Method::Post),
    ] {
        let account = account(values).expect("a usable account");
        let request = (ADAPTER.sample)(&Sample {
            url: "https://desk.example/webhooks/x",
            address: "+15005550006",
            account: &account,
            from: None,
            text: "Olá & <more>",
            id: "0123",
            now,
        });
        assert_eq!(request.method, method, "{values:?}");
        let request = fixture::signed(request, &ADAPTER, &account, now).expect("a signed request");
        let decoded = decode(&ADAPTER, &account, request, now);
        let Decoded::Verified { events, .. } = &decoded else { panic!("{values:?}: {decoded:?}") };
        let [Event::Message(message)] = events.as_slice() else { panic!("{values:?}: {events:?}") };
        assert_eq!(message.text.as_deref(), Some("Olá & <more>"), "{values:?}");
        assert_eq!(message.id.as_deref(), Some("0123"), "{values:?}");
        let sender = message.sender.as_ref().map(|sender| sender.address.value.as_str());
        assert_eq!(sender, Some("+15550100002"), "{values:?}");
        let ours = message.recipient.as_ref().map(|ours| ours.value.as_str());
        assert_eq!(ours, Some("+15005550006"), "{values:?}");
        let is_timed = values.iter().any(|(name, _)| *name == "time");
        assert_eq!(message.sent_at, is_timed.then_some(now), "{values:?}");
    }
}

#[test]
fn no_account_and_no_body_takes_long_or_panics() {
    let long = format!("{{\"a\":[{}0]}}", "[0],".repeat(9_000));
    let many = format!("[{}0]", format!("[{}0],", "0,".repeat(9_000)).repeat(20));
    for (values, body) in [
        (&[("items", "a"), ("text", "/a/a/a"), ("media", "a | a/a")][..], &long),
        (&[("text", "a/a/a"), ("media", "a")], &long),
        (&[("items", "/")], &many),
        (&[("items", "x | y | /"), ("text", "0/0/0/0")], &many),
    ] {
        let account = account(values).expect("a usable account");
        let url = format!("https://desk.example/webhooks/x/{TOKEN}");
        let request = Request::new(Method::Post, url, Vec::new(), body.clone().into_bytes());
        let decoded = decode(&ADAPTER, &account, request, Timestamp::from_millis(0).expect("0"));
        assert!(matches!(decoded, Decoded::Verified { .. }), "{values:?}");
    }
    // Not every account comes by way of a channel.
    let account = Account::read(&ADAPTER, &json!({"token": TOKEN, "text": "//"})).expect("fields");
    let url = format!("https://desk.example/webhooks/x/{TOKEN}");
    let request = Request::new(Method::Post, url, Vec::new(), b"{}".to_vec());
    let decoded = decode(&ADAPTER, &account, request, Timestamp::from_millis(0).expect("0"));
    assert!(matches!(decoded, Decoded::Verified { malformed: Some(_), .. }), "{decoded:?}");
}
