//! From items to events.

use serde_json::Value;

use super::{
    config::{Config, Numbers},
    paths::{self, Lookup, Path, Place},
};
use crate::{
    Address, Attachment, AttachmentKind, DeliveryError, Event, Kind, Malformed, Message, Request,
    Sender, Timestamp, Verified,
    event::{self, Report},
    json::Json,
};

/// More items than any aggregator sends at once.
const MAX_ITEMS: usize = 10_000;

/// More media than one message has.
const MAX_MEDIA: usize = 100;

pub(super) fn read(
    config: &Config<'_>,
    request: &Request<Verified>,
    top: &Value,
) -> Result<Vec<Event>, Malformed> {
    let items = items(config, top)?;
    let reader = Reader::new(config, request, top);
    Ok(items.into_iter().map(|item| reader.event(item)).collect())
}

/// The items of every list the account names; without one, the body is the item.
fn items<'v>(config: &Config<'_>, top: &'v Value) -> Result<Vec<&'v Value>, Malformed> {
    let mut items: Vec<&Value> = Vec::new();
    let mut is_there = false;
    let none = Path(vec![Place::Top(Vec::new())]);
    let path = config.path("items").unwrap_or(&none);
    for place in &path.0 {
        let (Place::Item(steps) | Place::Top(steps)) = place else { continue };
        paths::walk(top, steps, &mut |value| {
            is_there = true;
            if !value.is_null() {
                items.extend(Json::from(value).each().filter_map(Json::value));
            }
            items.len() > MAX_ITEMS
        });
    }
    if items.len() > MAX_ITEMS {
        return Err(Malformed(format!("the body has more than {MAX_ITEMS} items")));
    }
    // Another kind of request than the lists are for is one thing, too.
    if !is_there {
        items.push(top);
    }
    Ok(items)
}

/// All the paths, those outside of the items already followed.
struct Reader<'c> {
    config: &'c Config<'c>,
    lookups: Vec<(&'static str, Lookup<'c>)>,
}

impl<'c> Reader<'c> {
    fn new(config: &'c Config<'c>, request: &Request<Verified>, top: &Value) -> Self {
        let lookup =
            |(name, path): &'c (&'static str, Path)| (*name, Lookup::new(path, request, top));
        Self { config, lookups: config.paths.iter().map(lookup).collect() }
    }

    fn text(&self, field: &str, item: &Value) -> Option<String> {
        self.lookups.iter().find(|(name, _)| *name == field)?.1.text(item)
    }

    /// The text of `field`, or of `usual` where the account does not name `field`.
    fn named_or(&self, field: &str, usual: &str, item: &Value) -> Option<String> {
        self.text(if self.config.path(field).is_some() { field } else { usual }, item)
    }

    fn event(&self, item: &Value) -> Event {
        let word = self.text("type", item);
        if let Some(kind) = word.as_deref().and_then(|word| self.config.kind(word)) {
            return match kind {
                super::config::Means::Status => self.status(item),
                super::config::Means::Event(kind) => {
                    let message = self.message(item);
                    Event::Message(Message { kind, ..message })
                }
            };
        }
        let status = self.text("status", item);
        let message = self.message(item);
        let says_something = message.text.is_some() || !message.attachments.is_empty();
        match (status, self.config.has_types() && word.is_some()) {
            // Of the types that the account tells apart, it is none.
            (_, true) => self.other(word, message, item),
            (Some(_), false) if !says_something => self.status(item),
            (_, false) if says_something || message.sender.is_some() => Event::Message(message),
            (_, false) => self.other(word, message, item),
        }
    }

    fn address(&self, raw: Option<String>) -> Option<Address> {
        let raw = raw?;
        match self.config.numbers {
            Numbers::International => Address::international(&raw),
            Numbers::AsIs => Address::telephone(&raw, None),
            Numbers::Ids => Some(Address::user(raw)),
        }
    }

    fn time(&self, raw: Option<String>) -> Option<Timestamp> {
        self.config.time.read_text(&raw?)
    }

    fn message(&self, item: &Value) -> Message {
        let ours = self.address(self.text("to", item));
        let name = self.text("name", item);
        let sender = self.address(self.text("from", item)).map(|mut address| {
            // An id means something to whom it was said to only.
            if self.config.numbers == Numbers::Ids {
                address.scope = ours.as_ref().map(|ours| ours.value.clone());
            }
            Sender { name, ..Sender::from(address) }
        });
        Message {
            kind: Kind::Message,
            id: self.text("id", item),
            sender,
            recipient: ours.map(Into::into),
            conversation: self.text("conversation", item),
            sent_at: self.time(self.text("time", item)),
            text: self.text("text", item),
            reply_to: self.text("reply_to", item),
            attachments: self.media(item),
            medium: self.config.medium,
            ..Message::default()
        }
    }

    fn other(&self, word: Option<String>, message: Message, item: &Value) -> Event {
        let id = message.id;
        Event::Message(Message {
            key: id
                .as_ref()
                .map(|id| format!("other:{id}:{}", word.as_deref().unwrap_or_default())),
            id,
            sent_at: message.sent_at,
            medium: message.medium,
            metadata: Json::from(item).kept(),
            ..Message::other(word.unwrap_or_default())
        })
    }

    fn status(&self, item: &Value) -> Event {
        let word = self.text("status", item).unwrap_or_default();
        // Where the account says who a status went to, `from` is no longer us by itself.
        let ours = match self.config.path("status_to") {
            Some(_) => self.text("status_from", item),
            None => self.named_or("status_from", "from", item),
        };
        let report = Report {
            id: self.named_or("status_id", "id", item),
            at: self.time(self.named_or("status_time", "time", item)),
            recipient: self.address(self.named_or("status_to", "to", item)),
            sender: self.address(ours),
            error: DeliveryError::of(self.text("error_code", item), self.text("error_text", item)),
            medium: self.config.medium,
        };
        report.event(&word, self.config.words.meaning(&word))
    }

    /// Media are addresses, or objects with an address and a media type.
    fn media(&self, item: &Value) -> Vec<Attachment> {
        let mut media = Vec::new();
        let path = self.config.path("media");
        for place in path.map_or(&[][..], |path| &path.0) {
            let Place::Item(steps) = place else { continue };
            paths::walk(item, steps, &mut |value| {
                media.extend(Json::from(value).each().filter_map(Json::value).take(MAX_MEDIA));
                media.len() > MAX_MEDIA
            });
        }
        media.into_iter().filter_map(|part| self.attachment(part, item)).collect()
    }

    /// A medium that is nothing but its address may have its type beside it.
    fn attachment(&self, part: &Value, item: &Value) -> Option<Attachment> {
        let text = |field: &str, usual: &str| match self.config.path(field) {
            Some(_) => self.text(field, if part.is_object() { part } else { item }),
            None => part.get(usual).and_then(paths::text_of),
        };
        let url = match part {
            Value::Object(_) => text("media_url", "url").or_else(|| paths::text_of(part))?,
            Value::String(url) => event::text(url.as_str())?,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => return None,
        };
        let content_type = text("media_type", "type").filter(|word| word.contains('/'));
        let kind = match &content_type {
            Some(content_type) => AttachmentKind::from_content_type(content_type),
            None => AttachmentKind::from_url(&url),
        };
        let filename = text("media_name", "name");
        Some(Attachment { url: Some(url), content_type, filename, ..Attachment::new(kind) })
    }
}
