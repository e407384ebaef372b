//! What Messenger and Instagram send: entries of a page or an account, each with events.
//!
//! An entry is about one page or account, whose id routes it; the person is whoever else takes part.
//! Where our own side speaks (an echo), the event still belongs to the conversation with the person.

mod content;

use serde_json::{Map, Value, json};

use crate::{
    Address, DeliveryStatus, Event, Kind, Malformed, Message, Parsed, Recipient, Request, Sample,
    Status, Timestamp, Verified, event,
    json::{self as read, Json},
};

pub(super) fn parse(request: &Request<Verified>) -> Result<Parsed, Malformed> {
    let body = read::object(request)?;
    let body = Json::from(&body);
    let mut events = Vec::new();
    for entry in body.at("entry").items() {
        let before = events.len();
        // In standby, another app holds the conversation and answers.
        for list in ["messaging", "standby"] {
            let items = entry.at(list).items();
            events.extend(items.flat_map(|item| Item::new(entry, item, list).events()));
        }
        // The dashboard's test button puts the change into the entry itself.
        let flat = Some(entry).filter(|entry| entry.at("field").value().is_some());
        events
            .extend(entry.at("changes").items().chain(flat).flat_map(|item| changed(entry, item)));
        if events.len() == before {
            let word = body.text("object").unwrap_or_default();
            events.push(Event::Message(Message { recipient: ours(entry), ..Message::other(word) }));
        }
    }
    Ok(events.into())
}

/// A text from `somebody` to the page or account in the field `ours`.
pub(super) fn sample(sample: &Sample<'_>, object: &str, ours: &str, somebody: &str) -> Request {
    let ours = sample.account.get(ours).unwrap_or(sample.address);
    sample.json(&json!({
        "object": object,
        "entry": [{
            "id": ours,
            "time": sample.now.as_millis(),
            "messaging": [{
                "sender": {"id": sample.from.unwrap_or(somebody)},
                "recipient": {"id": ours},
                "timestamp": sample.now.as_millis(),
                "message": {"mid": format!("m_{}", sample.id), "text": sample.text},
            }],
        }],
    }))
}

/// A change of a field that is not about messages, or a test that wraps a message like one.
fn changed(entry: Json<'_>, change: Json<'_>) -> Vec<Event> {
    let value = change.at("value");
    let word = change.text("field").unwrap_or_default();
    if value.at("sender").value().is_some() && value.at("recipient").value().is_some() {
        return Item::new(entry, value, &word).events();
    }
    let from = value.at("from");
    let mut message = Message {
        id: value.first_text(&["id", "comment_id"]),
        recipient: ours(entry),
        sender: from.text("id").map(|id| person(&id, entry.text("id").as_deref()).into()),
        text: value.first_text(&["text", "message"]),
        metadata: value.kept(),
        ..Message::other(word.as_str())
    };
    if let Some(sender) = &mut message.sender {
        sender.name = from.first_text(&["name", "username"]);
    }
    message.key = message.id.as_ref().map(|id| format!("{word}:{id}"));
    vec![Event::Message(message)]
}

fn ours(entry: Json<'_>) -> Option<Recipient> {
    Some(Address::user(entry.text("id")?).into())
}

/// A person's id is another one for every page and account.
fn person(id: &str, ours: Option<&str>) -> Address {
    match ours {
        Some(ours) => Address::scoped_user(id, ours),
        None => Address::user(id),
    }
}

/// One side of an event. A guest of a plug-in has a reference of the site's own, which is no id.
fn party(party: Json<'_>, ours: Option<&str>) -> Option<Address> {
    let guest = || {
        let ours = ours.unwrap_or_default();
        Some(Address::scoped_user(party.text("user_ref")?, format!("{ours}/user_ref")))
    };
    party.text("id").map(|id| person(&id, ours)).or_else(guest)
}

/// Members that every event may have beside what it is about.
const ENVELOPE: &[&str] =
    &["sender", "recipient", "timestamp", "prior_message", "hop_context", "is_echo", "mid"];

/// One event of an entry.
struct Item<'a> {
    item: Json<'a>,
    list: &'a str,
    ours: Option<String>,
    person: Option<Address>,
    from_business: bool,
    at: Option<Timestamp>,
}

impl<'a> Item<'a> {
    fn new(entry: Json<'_>, item: Json<'a>, list: &'a str) -> Self {
        // The dashboard's test button gives 0.
        let ours = entry.text("id").filter(|id| id != "0");
        let is_echo = item.at("message").at("is_echo").bool();
        let (sender, recipient) = (item.at("sender"), item.at("recipient"));
        // An echo is from us also under another id of ours.
        let is = |side: Json<'_>| ours.is_some() && side.text("id") == ours;
        let is_from_us = is(sender) || is_echo && !is(recipient);
        let (other, our_side) = if is_from_us { (recipient, sender) } else { (sender, recipient) };
        let ours = ours.or_else(|| our_side.text("id"));
        Self {
            person: party(other, ours.as_deref()),
            ours,
            item,
            list,
            from_business: is_from_us || is_echo,
            at: item.text("timestamp").and_then(|time| Timestamp::from_millis(time.parse().ok()?)),
        }
    }

    fn events(self) -> Vec<Event> {
        let item = self.item;
        let has = |name: &str| item.at(name).value().is_some_and(Value::is_object);
        let message = if has("message") {
            self.message(item.at("message"))
        } else if has("message_edit") {
            self.edit(item.at("message_edit"))
        } else if has("reaction") {
            self.reaction(item.at("reaction"))
        } else if has("postback") {
            self.postback(item.at("postback"))
        } else if has("delivery") {
            return self.statuses(item.at("delivery"), "delivery", DeliveryStatus::Delivered);
        } else if has("read") {
            return self.statuses(item.at("read"), "read", DeliveryStatus::Read);
        } else {
            self.other()
        };
        vec![Event::Message(message)]
    }

    /// An event of which only the parties are known.
    fn event(&self, kind: Kind) -> Message {
        Message {
            kind,
            sender: self.person.clone().map(Into::into),
            recipient: self.ours.as_deref().map(|ours| Address::user(ours).into()),
            sent_at: self.at,
            from_business: self.from_business,
            ..Message::default()
        }
    }

    fn metadata(&self, details: Option<Map<String, Value>>) -> Option<Map<String, Value>> {
        let mut metadata = details.unwrap_or_default();
        if self.list == "standby" {
            metadata.insert("standby".to_owned(), true.into());
        }
        metadata.extend(self.item.pick(&["prior_message"]).unwrap_or_default());
        (!metadata.is_empty()).then_some(metadata)
    }

    fn message(&self, message: Json<'_>) -> Message {
        let mid = message.text("mid");
        if message.at("is_deleted").bool() {
            return Message {
                key: mid.as_ref().map(|mid| format!("message_deleted:{mid}")),
                target: mid,
                metadata: self.metadata(None),
                ..self.event(Kind::MessageDeleted)
            };
        }
        let mut details = message.pick(content::NOTED).unwrap_or_default();
        if let Some(story) = message.at("reply_to").pick(&["story"]) {
            details.extend(story);
        }
        let key = mid.is_none().then(|| self.key("message", message.first_text(&["text"])));
        Message {
            id: mid,
            text: message.text("text"),
            reply_to: message.at("reply_to").text("mid"),
            payload: message.at("quick_reply").text("payload"),
            attachments: message.at("attachments").items().map(content::attachment).collect(),
            metadata: self.metadata(Some(details)),
            key: key.flatten(),
            ..self.event(Kind::Message)
        }
    }

    fn edit(&self, edit: Json<'_>) -> Message {
        let mid = edit.text("mid");
        let number = edit.text("num_edit").unwrap_or_default();
        Message {
            key: mid.as_ref().map(|mid| format!("message_edited:{mid}:{number}")),
            target: mid,
            text: edit.text("text"),
            metadata: self.metadata(edit.pick(&["num_edit"])),
            ..self.event(Kind::MessageEdited)
        }
    }

    fn reaction(&self, reaction: Json<'_>) -> Message {
        let mid = reaction.text("mid");
        let taken_back = reaction.at("action").str() == Some("unreact");
        let emoji = reaction.first_text(&["emoji", "reaction"]).filter(|_| !taken_back);
        let put = emoji.as_deref().unwrap_or_default();
        let detail = mid.as_ref().map(|mid| format!("{mid}:{put}"));
        Message {
            key: self.key("reaction", detail),
            reply_to: mid.clone(),
            target: mid,
            emoji,
            metadata: self.metadata(reaction.pick(&["reaction"])),
            ..self.event(Kind::Reaction)
        }
    }

    fn postback(&self, postback: Json<'_>) -> Message {
        let id = postback.text("mid");
        let payload = postback.text("payload");
        let key = id.is_none().then(|| self.key("postback", payload.clone())).flatten();
        Message {
            id,
            text: postback.text("title"),
            payload,
            metadata: self.metadata(postback.pick(&["referral"])),
            key,
            ..self.event(Kind::Postback)
        }
    }

    /// Messages by id where the provider tells them, else all up to a time.
    fn statuses(&self, report: Json<'_>, word: &str, status: DeliveryStatus) -> Vec<Event> {
        let watermark = report.text("watermark");
        let watermark = watermark.and_then(|time| Timestamp::from_millis(time.parse().ok()?));
        let ids = report.at("mids").items().filter_map(|mid| mid.str().map(str::to_owned));
        let ids: Vec<_> = ids.chain(report.text("mid")).collect();
        let known = |status: Status| {
            Event::Status(Status {
                at: self.at.or(watermark),
                recipient: self.person.clone(),
                sender: self.ours.as_deref().map(Address::user),
                ..status
            })
        };
        if ids.is_empty() {
            return vec![match watermark {
                Some(watermark) => known(Status::up_to(watermark, status)),
                None => Event::Message(Message {
                    provider_type: event::text(word),
                    metadata: self.metadata(report.kept()),
                    ..self.event(Kind::Other)
                }),
            }];
        }
        ids.into_iter().map(|id| known(Status::new(id, status))).collect()
    }

    fn other(&self) -> Message {
        let members = self.item.value().and_then(Value::as_object);
        let mut names = members.into_iter().flat_map(Map::keys);
        let word = names.find(|name| !ENVELOPE.contains(&name.as_str()));
        let word = word.map_or(self.list, String::as_str);
        let said = self.item.pick(&[word]).map(Value::from);
        Message {
            key: self.key(word, None),
            provider_type: event::text(word),
            metadata: self.metadata(said.and_then(|said| Json::from(&said).kept())),
            ..self.event(Kind::Other)
        }
    }

    /// The key of an event that has no id: no two happen to a person in the same millisecond.
    fn key(&self, word: &str, detail: Option<String>) -> Option<String> {
        let at = self.at?.as_millis();
        let person = self.person.as_ref().map_or("", |person| &person.value);
        Some(format!("{word}:{person}:{at}:{}", detail.unwrap_or_default()))
    }
}
