//! What fixtures cannot show.

use serde_json::{Value, json};

use super::ADAPTER;
use crate::{Accepted, Account, Event, Message, Method, Parsed, Request, Timestamp};

mod answers;
mod mistakes;
mod reading;
mod signatures;

const SECRET: &str = "whsec_ZnJvbnRkZXNrLWZpY3Rpb25hbC1rZXktMDAwMQ==";

fn now() -> Timestamp {
    Timestamp::from_seconds(1_767_225_610).expect("a time")
}

fn account(values: Value) -> Account {
    Account::for_channel(&ADAPTER, &values).expect("a usable account")
}

fn request(id: &str, timestamp: &str, signature: &str, body: &[u8]) -> Request {
    let headers =
        [("webhook-id", id), ("webhook-timestamp", timestamp), ("webhook-signature", signature)];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let url = "https://desk.example/webhooks/chat";
    Request::new(Method::Post, url, headers.to_vec(), body.to_vec())
}

fn accept(body: &[u8], site: Option<&str>) -> Accepted {
    let account = account(json!({"secret": SECRET, "site": site}));
    let mut request = request("msg_1", "0", "", body);
    ADAPTER.verifier.sign(&mut request, &account, now()).expect("a signed request");
    ADAPTER.accept(request, &account, now())
}

fn parse(body: &Value) -> Parsed {
    let accepted = accept(body.to_string().as_bytes(), None);
    let Accepted::Understood(_, parsed) = accepted else {
        panic!("{body} became {accepted:?}");
    };
    parsed
}

/// The message event that is all of `body`.
fn only(body: &Value) -> Message {
    let mut parsed = parse(body);
    assert_eq!(parsed.events.len(), 1);
    match parsed.events.remove(0) {
        Event::Message(message) => message,
        Event::Status(status) => panic!("{status:?}"),
    }
}

/// `message.created` with `changes` made to its data.
fn created(changes: Value) -> Value {
    let mut data = json!({"id": "m-1", "sender": {"id": "u-1"}, "text": "Hello"});
    for (name, value) in changes.as_object().expect("changes") {
        data[name] = value.clone();
    }
    json!({"type": "message.created", "timestamp": "2026-01-01T00:00:00Z", "data": data})
}
