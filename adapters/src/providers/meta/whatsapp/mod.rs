//! WhatsApp Cloud API (Meta).
//!
//! Wire format: <https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks>
//!
//! - One request may bring several numbers, told apart by `phone_number_id`.
//! - Up to 1,000 updates come in one request, in any order, and repeatedly for up to seven days.
//! - A person with a user name has no number, only a business-scoped user id (BSUID).
//! - `read` comes without `delivered` when both happen at once. `played` is said of voice messages.
//! - A reaction without emoji takes the former one back.
//! - After a change of number, `from` is the old one. Such system messages bring no contacts.
//! - In an echo (`smb_message_echoes`), our own side spoke in the WhatsApp Business app: `from` is
//!   we, so the sender of the event is `to`, whose conversation it is, and `from_business` is set.
//! - `user_preferences` stop or resume marketing only; service messages go on. That is why they are
//!   no opt-out here: an opt-out would also hold back the answer somebody waits for.
//! - `standby`, `history` and `calls` are kept as one event per change: nothing in them waits for
//!   an answer from us.
//!
//! Unconfirmed: the status `deleted`, and whether `from_user_id` of a `user_changed_user_id` is the old or the new id.

mod content;
mod lenient;
mod message;
mod people;
mod status;
#[cfg(test)]
mod tests;
mod wire;

use serde_json::{Map, Value, json, value::RawValue};

use super::{APP_SECRET_FIELD, VERIFIER, VERIFY_TOKEN_FIELD, acknowledge, handshake};
use crate::{
    Account, Adapter, Event, Field, Handshake, Kind, Malformed, Medium, Message, Parsed, Recipient,
    Request, Sample, Timestamp, Verified, event,
};

use self::{
    lenient::{Word, item, kept},
    people::People,
    wire::List,
};

/// The adapter.
pub const ADAPTER: Adapter = Adapter {
    provider: "whatsapp",
    aliases: &["whatsapp-cloud"],
    title: "WhatsApp Cloud API",
    receives: "messages, media, reactions, edits, statuses, echoes, account events",
    medium: Medium::Whatsapp,
    account: &[
        Field {
            name: PHONE_NUMBER_ID,
            secret: false,
            required: true,
            help: "the id (not the number) of the business phone number; App Dashboard, WhatsApp, \
                   API Setup",
        },
        APP_SECRET_FIELD,
        VERIFY_TOKEN_FIELD,
    ],
    verifier: &VERIFIER,
    handshake: Handshake::Answer(handshake),
    parse,
    acknowledge,
    sample,
};

const PHONE_NUMBER_ID: &str = "phone_number_id";

/// How much of an event we have no words for is kept with it. Histories may take megabytes.
const MAX_KEPT_BYTES: usize = 4096;

pub(super) fn parse(request: &Request<Verified>, _account: &Account) -> Result<Parsed, Malformed> {
    let webhook: lenient::Maybe<wire::Webhook<'_>> = request.json()?;
    let Some(webhook) = webhook.0 else {
        return Err(Malformed("the body is not a JSON object".to_owned()));
    };
    let mut events = Vec::new();
    for entry in webhook.entry.0 {
        let entry = entry.0.unwrap_or_default();
        if entry.changes.0.is_empty() {
            events.push(Event::Message(plain(webhook.object.0.clone(), None)));
        }
        for change in entry.changes.0 {
            changed(&mut events, change.0.unwrap_or_default(), &entry.time);
        }
    }
    Ok(events.into())
}

/// Reads what a partner of Meta passes on: the Cloud API's requests, or those of the API before it,
/// which have no envelope and do not tell our number.
pub(super) fn passed_on(
    request: &Request<Verified>,
    account: &Account,
    ours: Option<&Recipient>,
) -> Result<Vec<Event>, Malformed> {
    let mut events = parse(request, account)?.events;
    if events.is_empty() {
        items(&mut events, &request.json()?, ours);
    }
    Ok(events)
}

/// Reads a message as it was handed to the API, under the id it got there.
pub(super) fn sent(
    request: &Request<Verified>,
    id: Option<&str>,
    ours: Option<Recipient>,
) -> Result<Message, Malformed> {
    let mut message: wire::Message = item(request.json()?);
    message.id = Word(id.and_then(event::text));
    // The type of a text may be left out.
    if message.kind.0.is_none() && message.text.0.is_some() {
        message.kind = Word(Some("text".to_owned()));
    }
    Ok(echo(message, ours, &People::new(&[], &[])))
}

/// A request of the Cloud API, as Meta itself or a partner of Meta sends it.
pub(super) fn sample(sample: &Sample<'_>) -> Request {
    let from = sample.from.unwrap_or("+15550100002").trim_start_matches('+');
    let value = json!({
        "messaging_product": "whatsapp",
        "metadata": {
            "display_phone_number": sample.address.trim_start_matches('+'),
            "phone_number_id": sample.account.get(PHONE_NUMBER_ID),
        },
        "contacts": [{"profile": {"name": "Ana Prado"}, "wa_id": from}],
        "messages": [{
            "from": from,
            "id": format!("wamid.{}", sample.id),
            "timestamp": sample.now.as_seconds().to_string(),
            "type": "text",
            "text": {"body": sample.text},
        }],
    });
    sample.json(&json!({
        "object": "whatsapp_business_account",
        "entry": [{"id": "0", "changes": [{"field": "messages", "value": value}]}],
    }))
}

fn changed(events: &mut Vec<Event>, change: wire::Change<'_>, time: &Word) {
    let value: wire::Value<'_> =
        change.value.and_then(|value| serde_json::from_str(value.get()).ok()).unwrap_or_default();
    let ours = value.metadata.and_then(people::ours);
    let read_items = match change.field.0.as_deref() {
        // Seen without a field, too.
        Some("messages" | "smb_message_echoes" | "user_preferences") | None => true,
        Some(_) => false,
    };
    if !read_items || value.items.is_empty() {
        let mut event = plain(change.field.0, ours);
        event.sent_at = seconds(time);
        event.metadata = change.value.and_then(rest);
        events.push(Event::Message(event));
        return;
    }
    items(events, &value, ours.as_ref());
}

/// The items of a change, or of a request that is nothing but one, as before the Cloud API.
fn items(events: &mut Vec<Event>, value: &wire::Value<'_>, ours: Option<&Recipient>) {
    let contacts: Vec<wire::Contact> = value.contacts.iter().map(|raw| item(raw)).collect();
    let people = People::new(&contacts, &value.items);
    events.reserve(value.items.len());
    for (list, raw) in &value.items {
        events.push(match list {
            List::Messages => {
                Event::Message(message::read(item(raw), "messages", ours.cloned(), &people))
            }
            List::MessageEchoes => Event::Message(echo(item(raw), ours.cloned(), &people)),
            List::Statuses => status::read(item(raw), ours),
            List::Errors => {
                let mut event = plain(Some("errors".to_owned()), ours.cloned());
                event.metadata = object(raw);
                Event::Message(event)
            }
            List::UserPreferences => Event::Message(preference(raw, ours.cloned(), &people)),
        });
    }
}

/// Turned around before it is read, so that it belongs to the conversation with the person.
fn echo(mut message: wire::Message, ours: Option<Recipient>, people: &People<'_>) -> Message {
    message.from = std::mem::take(&mut message.to);
    message.from_user_id = std::mem::take(&mut message.to_user_id);
    message.from_parent_user_id = std::mem::take(&mut message.to_parent_user_id);
    let mut event = message::read(message, "message_echoes", ours, people);
    event.from_business = true;
    event
}

fn preference(raw: &RawValue, ours: Option<Recipient>, people: &People<'_>) -> Message {
    let preference: wire::Preference = item(raw);
    let mut event = plain(Some("user_preferences".to_owned()), ours);
    event.sender =
        people.sender(&preference.wa_id, &preference.user_id, &preference.parent_user_id);
    event.sent_at = seconds(&preference.timestamp);
    event.metadata = object(raw);
    event.key = event.sender.as_ref().map(|sender| {
        let part = |word: &Word| word.0.clone().unwrap_or_default();
        format!(
            "user_preferences:{}:{}:{}:{}",
            sender.address.value,
            part(&preference.category),
            part(&preference.value),
            part(&preference.timestamp)
        )
    });
    event
}

/// An event we have no words for.
fn plain(word: Option<String>, ours: Option<Recipient>) -> Message {
    Message { kind: Kind::Other, recipient: ours, provider_type: word, ..Message::default() }
}

/// What a change says beyond what every change says.
fn rest(value: &RawValue) -> Option<Map<String, Value>> {
    let mut rest = object(value)?;
    rest.remove("messaging_product");
    rest.remove("metadata");
    (!rest.is_empty()).then_some(rest)
}

/// An object as it came, unless it is long or empty.
fn object(raw: &RawValue) -> Option<Map<String, Value>> {
    if raw.get().len() > MAX_KEPT_BYTES {
        return None;
    }
    let object = serde_json::from_value(kept(raw)?).ok();
    object.filter(|object: &Map<_, _>| !object.is_empty())
}

fn seconds(time: &Word) -> Option<Timestamp> {
    Timestamp::from_seconds(time.0.as_deref()?.parse().ok()?)
}
