//! Requests as providers would make them, unsigned.

use frontdesk_adapters::{Method, Request};
use serde_json::{Value, json};

use super::gateway::PUBLIC_URL;

/// Our number on the Twilio fixture channel.
pub const OURS: &str = "+15005550006";

/// An SMS to the Twilio fixture channel.
pub fn sms(from: &str, id: &str, text: &str) -> Request {
    sms_to("twilio-main", OURS, from, id, text)
}

/// An SMS to another channel.
pub fn sms_to(channel: &str, to: &str, from: &str, id: &str, text: &str) -> Request {
    twilio(channel, &[("To", to), ("From", from), ("MessageSid", id), ("Body", text)])
}

/// Whatever Twilio posts as a form.
pub fn twilio(channel: &str, parameters: &[(&str, &str)]) -> Request {
    let url = reqwest::Url::parse_with_params("http://form", parameters).expect("a form");
    let body = url.query().unwrap_or_default().as_bytes().to_vec();
    post(channel, "application/x-www-form-urlencoded", body)
}

/// An event of a chat widget's back end.
pub fn chat(event_type: &str, data: Value) -> Request {
    json(
        "chat",
        &json!({"type": event_type, "timestamp": "2026-01-01T00:00:00.000Z", "data": data}),
    )
}

/// A message of a visitor of ours.
pub fn chat_message(sender: &str, id: &str, text: &str) -> Request {
    chat(
        "message.created",
        json!({
            "id": id, "sender": {"id": sender, "kind": "visitor"}, "text": text,
        }),
    )
}

/// One message to each of these phone number ids, in one WhatsApp request.
pub fn whatsapp(channel: &str, messages: &[(&str, &str, &str, &str)]) -> Request {
    let change = |(ours, from, id, text): &(&str, &str, &str, &str)| {
        json!({"field": "messages", "value": {
            "messaging_product": "whatsapp",
            "metadata": {"display_phone_number": "15005550006", "phone_number_id": ours},
            "contacts": [{"wa_id": from}],
            "messages": [{"from": from, "id": id, "timestamp": "1767225600", "type": "text",
                "text": {"body": text}}],
        }})
    };
    let changes: Vec<Value> = messages.iter().map(change).collect();
    json(
        channel,
        &json!({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": changes}]}),
    )
}

/// JSON for a channel.
pub fn json(channel: &str, body: &Value) -> Request {
    post(channel, "application/json", body.to_string().into_bytes())
}

/// Anything for a channel.
pub fn post(channel: &str, content_type: &str, body: Vec<u8>) -> Request {
    let headers = vec![("content-type".to_owned(), content_type.to_owned())];
    Request::new(Method::Post, format!("{PUBLIC_URL}/webhooks/{channel}"), headers, body)
}
