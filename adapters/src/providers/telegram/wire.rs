//! The parts of an update we read, as Telegram writes them.
//!
//! Every field stands in a [`Maybe`], so a field of an unexpected type costs itself and nothing
//! else. What is not listed here is skipped without being built.

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{
        Error, IgnoredAny, IntoDeserializer, MapAccess, SeqAccess, Visitor,
        value::{MapAccessDeserializer, SeqAccessDeserializer},
    },
};
use serde_json::value::RawValue;

use super::message_id;

/// A field that is as documented, or counts as absent.
pub(super) struct Maybe<T>(pub(super) Option<T>);

impl<T> Default for Maybe<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Maybe<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MaybeVisitor(PhantomData))
    }
}

/// Offers whatever stands there to `T`, and skips what `T` does not take.
struct MaybeVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for MaybeVisitor<T> {
    type Value = Maybe<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        Ok(offer(IntoDeserializer::<E>::into_deserializer(value)))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        Ok(offer(IntoDeserializer::<E>::into_deserializer(value)))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        Ok(offer(IntoDeserializer::<E>::into_deserializer(value)))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
        Ok(offer(IntoDeserializer::<E>::into_deserializer(value)))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
        Ok(offer(IntoDeserializer::<E>::into_deserializer(value)))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Maybe(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let value = offer(MapAccessDeserializer::new(&mut map));
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(value)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let value = offer(SeqAccessDeserializer::new(&mut list));
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(value)
    }
}

fn offer<'de, T: Deserialize<'de>>(value: impl Deserializer<'de>) -> Maybe<T> {
    Maybe(T::deserialize(value).ok())
}

/// A list whose odd items are absent.
pub(super) type List<T> = Maybe<Vec<Maybe<T>>>;

/// An update: its number and, under the names of their kinds, what it brings (in practice one).
pub(super) struct Update<'a> {
    pub(super) id: Option<i64>,
    pub(super) kinds: Vec<(Cow<'a, str>, &'a RawValue)>,
}

impl<'de> Deserialize<'de> for Update<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(UpdateVisitor)
    }
}

struct UpdateVisitor;

#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Visitor<'de> for UpdateVisitor {
    type Value = Update<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an update")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut update = Update { id: None, kinds: Vec::new() };
        while let Some((Name(name), value)) = map.next_entry::<_, &RawValue>()? {
            if name == "update_id" {
                update.id = serde_json::from_str(value.get()).ok();
            } else if value.get() != "null" {
                update.kinds.push((name, value));
            }
        }
        Ok(update)
    }
}

/// `Message`. Boxed is what few messages have, so that the others are cheap to move.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Message {
    pub(super) message_id: Maybe<i64>,
    pub(super) date: Maybe<i64>,
    pub(super) edit_date: Maybe<i64>,
    pub(super) from: Maybe<Peer>,
    pub(super) sender_chat: Maybe<Box<Peer>>,
    pub(super) sender_business_bot: Maybe<IgnoredAny>,
    pub(super) chat: Maybe<Chat>,
    pub(super) text: Maybe<String>,
    pub(super) caption: Maybe<String>,
    pub(super) photo: List<File>,
    pub(super) live_photo: Maybe<Box<LivePhoto>>,
    pub(super) animation: Maybe<Box<File>>,
    pub(super) document: Maybe<Box<File>>,
    pub(super) video: Maybe<Box<File>>,
    pub(super) video_note: Maybe<Box<File>>,
    pub(super) audio: Maybe<Box<File>>,
    pub(super) voice: Maybe<Box<File>>,
    pub(super) sticker: Maybe<Box<File>>,
    pub(super) location: Maybe<Location>,
    pub(super) venue: Maybe<Box<Venue>>,
    pub(super) contact: Maybe<Box<Contact>>,
    pub(super) web_app_data: Maybe<Box<WebAppData>>,
    pub(super) reply_to_message: Maybe<Box<Referred>>,
    pub(super) external_reply: Maybe<Box<Referred>>,
    pub(super) quote: Maybe<Quote>,
    pub(super) forward_origin: Maybe<Origin>,
    pub(super) media_group_id: Maybe<String>,
    pub(super) message_thread_id: Maybe<i64>,
    pub(super) business_connection_id: Maybe<String>,
    pub(super) guest_query_id: Maybe<String>,
    pub(super) author_signature: Maybe<String>,
    pub(super) migrate_to_chat_id: Maybe<i64>,
    pub(super) migrate_from_chat_id: Maybe<i64>,
}

/// `Chat`, where something is said.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Chat {
    pub(super) id: Maybe<i64>,
    #[serde(rename = "type")]
    pub(super) kind: Maybe<String>,
    pub(super) title: Maybe<String>,
}

/// `User` or `Chat`, as the one who speaks.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Peer {
    pub(super) id: Maybe<i64>,
    pub(super) is_bot: Maybe<bool>,
    pub(super) title: Maybe<String>,
    pub(super) first_name: Maybe<String>,
    pub(super) last_name: Maybe<String>,
    pub(super) username: Maybe<String>,
    pub(super) language_code: Maybe<String>,
}

/// Whatever `getFile` can fetch.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct File {
    pub(super) file_id: Maybe<String>,
    pub(super) mime_type: Maybe<String>,
    pub(super) file_name: Maybe<String>,
    pub(super) file_size: Maybe<i64>,
    pub(super) width: Maybe<i64>,
    pub(super) height: Maybe<i64>,
    /// What a sticker stands for.
    pub(super) emoji: Maybe<String>,
}

/// `LivePhoto`: the moving part, and sizes of the still one.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct LivePhoto {
    pub(super) file_id: Maybe<String>,
    pub(super) mime_type: Maybe<String>,
    pub(super) file_size: Maybe<i64>,
    pub(super) photo: List<File>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Location {
    pub(super) latitude: Maybe<f64>,
    pub(super) longitude: Maybe<f64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Venue {
    pub(super) location: Maybe<Location>,
    pub(super) title: Maybe<String>,
    pub(super) address: Maybe<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Contact {
    pub(super) phone_number: Maybe<String>,
    pub(super) first_name: Maybe<String>,
    pub(super) last_name: Maybe<String>,
    pub(super) user_id: Maybe<i64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct WebAppData {
    pub(super) data: Maybe<String>,
    pub(super) button_text: Maybe<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Quote {
    pub(super) text: Maybe<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Origin {
    #[serde(rename = "type")]
    pub(super) kind: Maybe<String>,
}

/// A message something else is about, possibly no longer accessible (its date is then 0).
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Referred {
    pub(super) message_id: Maybe<i64>,
    pub(super) chat: Maybe<Chat>,
    pub(super) message_thread_id: Maybe<i64>,
    pub(super) business_connection_id: Maybe<String>,
    pub(super) reply_markup: Maybe<Keyboard>,
}

impl Referred {
    pub(super) fn id(&self) -> Option<String> {
        let chat = self.chat.0.as_ref()?;
        message_id(chat.id.0, self.message_id.0)
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Keyboard {
    pub(super) inline_keyboard: List<Vec<Maybe<Button>>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Button {
    pub(super) text: Maybe<String>,
    pub(super) callback_data: Maybe<String>,
}

/// `CallbackQuery`.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Callback {
    pub(super) id: Maybe<String>,
    pub(super) from: Maybe<Peer>,
    pub(super) message: Maybe<Referred>,
    pub(super) inline_message_id: Maybe<String>,
    pub(super) data: Maybe<String>,
    pub(super) game_short_name: Maybe<String>,
}

/// `MessageReactionUpdated`.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Reactions {
    pub(super) chat: Maybe<Chat>,
    pub(super) message_id: Maybe<i64>,
    pub(super) user: Maybe<Peer>,
    pub(super) actor_chat: Maybe<Peer>,
    pub(super) date: Maybe<i64>,
    pub(super) old_reaction: List<Reaction>,
    pub(super) new_reaction: List<Reaction>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Reaction {
    #[serde(rename = "type")]
    pub(super) kind: Maybe<String>,
    pub(super) emoji: Maybe<String>,
    pub(super) custom_emoji_id: Maybe<String>,
}

/// `BusinessMessagesDeleted`.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Deleted {
    pub(super) business_connection_id: Maybe<String>,
    pub(super) chat: Maybe<Chat>,
    pub(super) message_ids: List<i64>,
}

/// `ChatMemberUpdated`.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Membership {
    pub(super) chat: Maybe<Chat>,
    pub(super) from: Maybe<Peer>,
    pub(super) date: Maybe<i64>,
    pub(super) old_chat_member: Maybe<Member>,
    pub(super) new_chat_member: Maybe<Member>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Member {
    pub(super) status: Maybe<String>,
}
