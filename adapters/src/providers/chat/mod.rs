//! A chat widget's back end: our own protocol over Standard Webhooks.
//!
//! Signature: <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>.
//! The body is `{"type", "timestamp", "data"}`, or `{"events": […]}` for up to 100 of them, which
//! is answered item by item. Since it is our own word that counts here, nothing stays unconfirmed.
//!
//! - `data.id` identifies a message and nothing else: an edit, a deletion or a typing notice is told
//!   from its repeat by `webhook-id`, which survives retries, and its place in the batch.
//! - The same `data.id` with other content is a conflict, so `message.created` carries a digest.
//! - An item with wrong fields is refused by name and place and leaves its neighbors alone. An
//!   unknown type is recorded as it came.
//! - What we have no field for becomes metadata, under the name and nesting it came with.
//! - A visitor can type any e-mail address or phone number into a form. Both count as the sender's
//!   only with `"verified": true`; claims stay in the metadata, where nothing is matched by them.

mod answer;
mod attachments;
mod body;
mod content;
mod events;
mod fields;
mod tree;

use serde_json::json;

use self::{body::Body, fields::Fields};
use crate::{
    Account, Adapter, Field, Handshake, Malformed, Medium, Parsed, Request, Sample, Verified,
    verify::StandardWebhooks,
};

/// The chat-widget back end.
pub const ADAPTER: Adapter = Adapter {
    provider: "chat",
    aliases: &["chat-widget", "standard-webhooks"],
    title: "Chat widget back end (Standard Webhooks)",
    receives: "messages, edits, deletions, files, typing, reads, statuses, contacts; in batches, too",
    medium: Medium::Chat,
    account: &[
        Field {
            name: "site",
            secret: false,
            required: false,
            help: "A name for where the widget lives, such as shop.example: user ids are unique \
                   within it. Leave it out when ids are unique across all your sites.",
        },
        Field {
            name: "secret",
            secret: true,
            required: false,
            help: "The symmetric signing key, whsec_ and base64 of 24 to 64 random bytes; your back \
                   end signs with the same. Two at a time while you rotate it.",
        },
        Field {
            name: "public_key",
            // Nothing secret about it, but only secret fields take several values for rotation.
            secret: true,
            required: false,
            help: "Instead of a secret: the Ed25519 key your back end publishes, whpk_ and base64 \
                   of 32 bytes. It signs with the whsk_ key that belongs to it.",
        },
    ],
    verifier: &StandardWebhooks { secret: "secret", public_key: "public_key" },
    handshake: Handshake::None,
    parse,
    acknowledge: answer::acknowledge,
    sample,
};

/// The most events of one request.
const MAX_EVENTS: usize = 100;

/// Bytes of a request's body; the gateway's own limit is for all providers and may be higher.
const MAX_BODY: usize = 256 * 1024;

fn parse(request: &Request<Verified>, account: &Account) -> Result<Parsed, Malformed> {
    if request.body.len() > MAX_BODY {
        let refused = refused("", "too_large", answer::TOO_LARGE);
        return Ok(Parsed { answer: Some(answer::too_large()), ..refused });
    }
    let reading = events::Reading {
        webhook_id: request.header("webhook-id").unwrap_or_default(),
        site: account.get("site"),
    };
    let items = match body::read(request)? {
        Body::Single(event) => return Ok(vec![reading.event(0, event)].into()),
        Body::Batch(items) => items,
    };
    let Some(items) = items else {
        return Ok(refused("events", "invalid_type", "must be a list of events"));
    };
    if items.len() > MAX_EVENTS {
        let message = "takes at most 100 events; send the rest separately";
        return Ok(refused("events", "too_many", message));
    }
    let events = items.iter().enumerate();
    let events =
        events.map(|(index, item)| reading.event(index, serde_json::from_str(item.get()).ok()));
    Ok(Parsed { events: events.collect(), batch: true, ..Parsed::default() })
}

/// What cannot be answered item by item is answered as one.
fn refused(name: &str, code: &'static str, message: &str) -> Parsed {
    let mut body = Fields::default();
    body.problem(name, code, message);
    vec![events::refused(None, body)].into()
}

fn sample(sample: &Sample<'_>) -> Request {
    sample.json(&json!({
        "type": "message.created",
        "timestamp": sample.now,
        "data": {
            "id": sample.id,
            "sender": {
                "id": sample.from.unwrap_or("u-42"),
                "kind": "visitor",
                "name": "Ana Prado",
            },
            "text": sample.text,
        },
    }))
}

#[cfg(test)]
mod tests;
