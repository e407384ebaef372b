//! What Meta sends, as far as it is read. Every field may be absent or of another type.

use serde::{Deserialize, Deserializer, de::MapAccess};
use serde_json::value::RawValue;

use super::lenient::{Degrees, Flag, Lenient, Many, Maybe, Word, anything};

/// A value kept as it came.
pub(super) type Kept = Option<Box<RawValue>>;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Webhook<'a> {
    pub object: Word,
    #[serde(borrow)]
    pub entry: Many<Maybe<Entry<'a>>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Entry<'a> {
    /// Unix seconds; absent for messages.
    pub time: Word,
    #[serde(borrow)]
    pub changes: Many<Maybe<Change<'a>>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Change<'a> {
    pub field: Word,
    #[serde(borrow)]
    pub value: Option<&'a RawValue>,
}

/// The value of a change: its items, of all lists, in payload order.
#[derive(Default)]
pub(super) struct Value<'a> {
    pub metadata: Option<&'a RawValue>,
    pub contacts: Vec<&'a RawValue>,
    pub items: Vec<(List, &'a RawValue)>,
}

/// The lists whose items are events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum List {
    Messages,
    MessageEchoes,
    Statuses,
    Errors,
    UserPreferences,
}

impl<'de> Lenient<'de> for Value<'de> {
    fn object<A: MapAccess<'de>>(mut object: A) -> Result<Self, A::Error> {
        let mut value = Self::default();
        while let Some(Word(name)) = object.next_key()? {
            let list = match name.as_deref() {
                Some("messages") => List::Messages,
                Some("message_echoes") => List::MessageEchoes,
                Some("statuses") => List::Statuses,
                Some("errors") => List::Errors,
                Some("user_preferences") => List::UserPreferences,
                Some("contacts") => {
                    value.contacts = object.next_value::<Many<_>>()?.0;
                    continue;
                }
                name => {
                    let member = object.next_value()?;
                    if name == Some("metadata") {
                        value.metadata = Some(member);
                    }
                    continue;
                }
            };
            let Many(items) = object.next_value()?;
            value.items.extend(items.into_iter().map(|item| (list, item)));
        }
        Ok(value)
    }
}

impl<'de> Deserialize<'de> for Value<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        anything(deserializer)
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Metadata {
    pub display_phone_number: Word,
    pub phone_number_id: Word,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Contact {
    pub wa_id: Word,
    pub user_id: Word,
    pub parent_user_id: Word,
    pub profile: Maybe<Profile>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Profile {
    pub name: Word,
    pub username: Word,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Message {
    pub id: Word,
    pub from: Word,
    pub from_user_id: Word,
    pub from_parent_user_id: Word,
    pub to: Word,
    pub to_user_id: Word,
    pub to_parent_user_id: Word,
    pub group_id: Word,
    /// Unix seconds, as text.
    pub timestamp: Word,
    #[serde(rename = "type")]
    pub kind: Word,
    pub context: Maybe<Context>,
    pub referral: Kept,
    pub errors: Kept,
    pub text: Maybe<Text>,
    pub image: Maybe<Media>,
    pub video: Maybe<Media>,
    pub audio: Maybe<Media>,
    /// Before the Cloud API, a voice message was a type of its own.
    pub voice: Maybe<Media>,
    pub document: Maybe<Media>,
    pub sticker: Maybe<Media>,
    pub location: Maybe<Location>,
    pub contacts: Many<Box<RawValue>>,
    pub interactive: Kept,
    pub button: Maybe<Button>,
    pub reaction: Maybe<Reaction>,
    pub order: Maybe<Order>,
    pub system: Kept,
    pub identity: Kept,
    pub edit: Maybe<Edit>,
    pub revoke: Maybe<Revoke>,
    pub unsupported: Kept,
}

/// Of any item, only whom it is from or to.
#[derive(Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct Parties {
    pub from: Word,
    pub from_user_id: Word,
    pub to: Word,
    pub to_user_id: Word,
    pub wa_id: Word,
    pub user_id: Word,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Context {
    pub id: Word,
    pub forwarded: Flag,
    pub frequently_forwarded: Flag,
    pub referred_product: Kept,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Text {
    pub body: Word,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Media {
    pub id: Word,
    pub url: Word,
    pub mime_type: Word,
    pub sha256: Word,
    pub caption: Word,
    pub filename: Word,
    pub voice: Flag,
    pub animated: Flag,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Location {
    pub latitude: Degrees,
    pub longitude: Degrees,
    pub name: Word,
    pub address: Word,
    pub url: Word,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct SharedContact {
    pub name: Maybe<SharedName>,
    pub phones: Many<Maybe<SharedPhone>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct SharedName {
    pub formatted_name: Word,
    pub first_name: Word,
    pub last_name: Word,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct SharedPhone {
    pub phone: Word,
    pub wa_id: Word,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Interactive {
    #[serde(rename = "type")]
    pub kind: Word,
    pub button_reply: Maybe<Choice>,
    pub list_reply: Maybe<Choice>,
    pub nfm_reply: Maybe<Form>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Choice {
    pub id: Word,
    pub title: Word,
    pub description: Word,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Form {
    pub name: Word,
    pub body: Word,
    pub response_json: Word,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Button {
    pub payload: Word,
    pub text: Word,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Reaction {
    pub message_id: Word,
    pub emoji: Word,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Order {
    pub catalog_id: Word,
    pub text: Word,
    pub product_items: Kept,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct System {
    #[serde(rename = "type")]
    pub kind: Word,
    pub wa_id: Word,
    /// The name of `wa_id` before Graph v12.
    pub new_wa_id: Word,
    pub user_id: Word,
    pub parent_user_id: Word,
    pub previous_user_id: Word,
    pub previous_parent_user_id: Word,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Edit {
    pub original_message_id: Word,
    /// A message; unread, lest edits of edits of edits fill the stack.
    pub message: Kept,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Revoke {
    pub original_message_id: Word,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Status {
    pub id: Word,
    pub status: Word,
    pub timestamp: Word,
    pub recipient_type: Word,
    pub recipient_id: Word,
    pub recipient_user_id: Word,
    pub recipient_participant_id: Word,
    pub recipient_participant_user_id: Word,
    pub errors: Many<Maybe<Failure>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Failure {
    pub code: Word,
    pub title: Word,
    pub message: Word,
    pub error_data: Maybe<FailureData>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct FailureData {
    pub details: Word,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Preference {
    pub wa_id: Word,
    pub user_id: Word,
    pub parent_user_id: Word,
    pub category: Word,
    pub value: Word,
    /// Unix seconds, as a number.
    pub timestamp: Word,
}
