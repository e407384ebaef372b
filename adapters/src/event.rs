//! What a request says, in one vocabulary for all providers.
//!
//! The JSON form is the product's decoded format: absent is `null`, never an empty string. Fields
//! that only some events have (`type`, `target`, `emoji`, …) appear only where they have a value.

use serde::{Deserialize, Serialize};

use crate::{Answer, Timestamp, phone};

mod report;
mod status;

pub(crate) use report::Report;
pub use status::{DeliveryError, DeliveryStatus, Status};

/// The events of one request, in the order they stood there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parsed {
    /// The events.
    pub events: Vec<Event>,
    /// Whether the provider wants one result per event.
    pub batch: bool,
    /// What this request wants to hear, where it is not what every other hears.
    pub answer: Option<Answer>,
    /// An address of the provider's to be called once, after the answer: it confirms a subscription.
    pub confirm: Option<String>,
}

impl From<Vec<Event>> for Parsed {
    fn from(events: Vec<Event>) -> Self {
        Self { events, ..Self::default() }
    }
}

/// One thing a provider tells us.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
#[expect(clippy::large_enum_variant, reason = "nearly every event is a message")]
pub enum Event {
    /// Somebody said or did something.
    Message(Message),
    /// Something became of a message of ours.
    Status(Status),
}

/// What somebody said or did.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Message {
    /// What kind of event it is.
    pub kind: Kind,
    /// The provider's id of the message.
    pub id: Option<String>,
    /// Who said it.
    pub sender: Option<Sender>,
    /// Our address it was said to.
    pub recipient: Option<Recipient>,
    /// The provider's id of the conversation, where it has any.
    pub conversation: Option<String>,
    /// When the provider says it was sent.
    pub sent_at: Option<Timestamp>,
    /// The text: body, else media caption, else the title of the button that was pressed. An edit
    /// without one leaves the text as it was; one with an empty text clears it.
    pub text: Option<String>,
    /// The provider's id of the message this one answers.
    pub reply_to: Option<String>,
    /// Whether our own side said it (echo, bot, agent): never customer text.
    pub from_business: bool,
    /// Media and other parts, in order.
    pub attachments: Vec<Attachment>,
    /// The provider's own word for the event, where ours says less.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub provider_type: Option<String>,
    /// The provider's id of the message that was edited, deleted or reacted to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The reaction; `None` with [`Kind::Reaction`] means it was taken back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub emoji: Option<String>,
    /// The data behind a pressed button or a filled form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<String>,
    /// The medium, where it is not the adapter's usual one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub medium: Option<Medium>,
    /// The sender's language (BCP 47), where the provider tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// What else the provider says about it, kept as it came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<serde_json::Map<String, serde_json::Value>>,
    /// Which part of a longer message this is, where the provider leaves joining to us.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<Part>,
    /// What is wrong with it: such an item is answered, not recorded.
    #[serde(skip_serializing_if = "Vec::is_empty", skip_deserializing)]
    pub problems: Vec<Problem>,
    /// What tells a repeat of this event from a new one, where its id does not.
    #[serde(skip)]
    pub key: Option<String>,
    /// A digest of the content, where the same id with other content is a conflict.
    #[serde(skip)]
    pub content: Option<i64>,
    /// Milliseconds within which the same request is a repeat, where it holds neither id nor time: said
    /// again later, the same is something new.
    #[serde(skip)]
    pub repeats_within: Option<u32>,
}

/// One of several parts of a message, in any order.
///
/// Parts belong together by sender, recipient and reference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// What the parts of one message share; used again after a while.
    pub reference: String,
    /// Its place, from 1.
    pub index: u32,
    /// How many there are.
    pub total: u32,
}

/// The kinds of [`Message`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Something said.
    Message,
    /// New content for `target`.
    MessageEdited,
    /// `target` was taken back.
    MessageDeleted,
    /// `emoji` put on `target`, or taken off.
    Reaction,
    /// A button pressed that says nothing by itself.
    Postback,
    /// The sender wants no more messages from us.
    OptOut,
    /// The sender wants messages again.
    OptIn,
    /// The sender asked what this is.
    Help,
    /// The sender opened the conversation without saying anything yet.
    ConversationStarted,
    /// The sender is typing; never stored.
    Typing,
    /// Anything we have no word for.
    #[default]
    Other,
}

/// What an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AddressKind {
    /// A phone number in E.164.
    Phone,
    /// A short code; digits, valid within one country.
    ShortCode,
    /// A sender name; cannot be answered.
    Alphanumeric,
    /// An e-mail address.
    Email,
    /// A provider's opaque id, meaningful within its scope.
    User,
}

impl AddressKind {
    /// The word in JSON and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::ShortCode => "short_code",
            Self::Alphanumeric => "alphanumeric",
            Self::Email => "email",
            Self::User => "user",
        }
    }
}

/// Where somebody can be reached, or at least told apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Address {
    /// What it is.
    pub kind: AddressKind,
    /// The address itself.
    pub value: String,
    /// Within what an opaque id is unique: page, bot, workspace, site.
    #[serde(default)]
    pub scope: Option<String>,
}

impl Address {
    /// A provider's opaque id.
    pub fn user(value: impl Into<String>) -> Self {
        Self { kind: AddressKind::User, value: value.into(), scope: None }
    }

    /// A provider's opaque id within `scope`.
    pub fn scoped_user(value: impl Into<String>, scope: impl Into<String>) -> Self {
        Self { kind: AddressKind::User, value: value.into(), scope: Some(scope.into()) }
    }

    /// An e-mail address, lower-cased; `None` when it is none.
    pub fn email(raw: &str) -> Option<Self> {
        let raw = raw.trim();
        let (name, domain) = raw.rsplit_once('@')?;
        let plausible =
            !name.is_empty() && domain.contains('.') && !raw.contains(char::is_whitespace);
        plausible.then(|| Self { kind: AddressKind::Email, value: raw.to_lowercase(), scope: None })
    }

    /// What a telephone network gives as a sender or recipient: see [`phone::address`].
    pub fn telephone(raw: &str, home: Option<phone::Region>) -> Option<Self> {
        phone::address(raw, home)
    }

    /// A number in international form whose provider leaves out the `+`.
    pub fn international(digits: &str) -> Option<Self> {
        phone::international_address(digits)
    }

    /// Whether a message can be sent to it: sender names take no answers.
    pub fn answerable(&self) -> bool {
        self.kind != AddressKind::Alphanumeric
    }
}

/// Who said something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sender {
    /// The address that identifies the sender.
    #[serde(flatten)]
    pub address: Address,
    /// The name the provider gives, for showing.
    pub name: Option<String>,
    /// Other addresses of the same sender, strongest first.
    pub alternates: Vec<Address>,
}

impl From<Address> for Sender {
    fn from(address: Address) -> Self {
        Self { address, name: None, alternates: Vec::new() }
    }
}

/// Our address something was said to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipient {
    /// What it is.
    pub kind: AddressKind,
    /// The address by which the provider tells our numbers, pages or bots apart.
    pub value: String,
    /// Other forms of the same address, such as the number people see.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alternates: Vec<Address>,
}

impl From<Address> for Recipient {
    fn from(address: Address) -> Self {
        Self { kind: address.kind, value: address.value, alternates: Vec::new() }
    }
}

/// A part of a message that is not text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attachment {
    /// What it is.
    pub kind: AttachmentKind,
    /// Where it can be fetched directly.
    pub url: Option<String>,
    /// What the provider's API needs to fetch it.
    #[serde(rename = "ref")]
    pub reference: Option<String>,
    /// Media type.
    pub content_type: Option<String>,
    /// File name.
    pub filename: Option<String>,
    /// Degrees, for a location.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latitude: Option<f64>,
    /// Degrees, for a location.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longitude: Option<f64>,
    /// The name of a place or a contact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The street address of a place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The phone numbers of a contact, as the sender has them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phones: Vec<String>,
    /// What else the provider says about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<serde_json::Map<String, serde_json::Value>>,
}

impl Attachment {
    /// An attachment of which nothing is known yet but its kind.
    pub fn new(kind: AttachmentKind) -> Self {
        Self {
            kind,
            url: None,
            reference: None,
            content_type: None,
            filename: None,
            latitude: None,
            longitude: None,
            name: None,
            address: None,
            phones: Vec::new(),
            metadata: None,
        }
    }
}

/// The kinds of [`Attachment`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttachmentKind {
    /// A picture.
    Image,
    /// Sound.
    Audio,
    /// Sound recorded as a message.
    Voice,
    /// Moving pictures.
    Video,
    /// A document.
    File,
    /// A sticker.
    Sticker,
    /// A place.
    Location,
    /// Somebody's contact details.
    Contact,
    /// Anything else.
    Other,
}

impl AttachmentKind {
    /// The kind that goes with a media type; a file where it says nothing.
    pub fn from_content_type(content_type: &str) -> Self {
        let content_type = content_type.to_ascii_lowercase();
        let main = content_type.split('/').next().unwrap_or_default();
        match main {
            "image" => Self::Image,
            "audio" => Self::Audio,
            "video" => Self::Video,
            "text" if content_type.contains("vcard") => Self::Contact,
            _ => Self::File,
        }
    }

    /// The kind that goes with the file's ending, where an address is all there is.
    pub(crate) fn from_url(url: &str) -> Self {
        let path = url.split(['?', '#']).next().unwrap_or_default();
        let name = path.rsplit('/').next().unwrap_or_default();
        let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
        match ending.to_ascii_lowercase().as_str() {
            "jpg" | "jpeg" | "png" | "gif" | "webp" | "heic" | "bmp" => Self::Image,
            "mp3" | "m4a" | "aac" | "amr" | "ogg" | "opus" | "wav" => Self::Audio,
            "mp4" | "3gp" | "3gpp" | "mov" | "webm" => Self::Video,
            "vcf" => Self::Contact,
            _ => Self::File,
        }
    }
}

/// What is wrong with one item of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Where in the item, as a JSON pointer.
    pub path: String,
    /// A stable word.
    pub code: &'static str,
    /// A sentence that says what to do.
    pub message: String,
}

/// What carries a message: together with an address, it tells profiles apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Medium {
    /// SMS and MMS.
    Sms,
    /// WhatsApp, whoever connects us to it.
    Whatsapp,
    /// RCS.
    Rcs,
    /// Facebook Messenger.
    Messenger,
    /// Telegram.
    Telegram,
    /// Instagram.
    Instagram,
    /// LINE.
    Line,
    /// Viber.
    Viber,
    /// Slack.
    Slack,
    /// Microsoft Teams.
    Teams,
    /// Discord.
    Discord,
    /// WeChat.
    Wechat,
    /// JioChat.
    Jiochat,
    /// VK.
    Vk,
    /// Matrix.
    Matrix,
    /// Apple Messages for Business.
    AppleMessages,
    /// KakaoTalk.
    Kakaotalk,
    /// Zalo.
    Zalo,
    /// A chat widget.
    Chat,
}

impl Medium {
    /// Whether people are reached by their phone number.
    pub fn has_numbers(self) -> bool {
        matches!(self, Self::Sms | Self::Whatsapp | Self::Rcs)
    }

    /// The word in JSON and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Whatsapp => "whatsapp",
            Self::Rcs => "rcs",
            Self::Messenger => "messenger",
            Self::Telegram => "telegram",
            Self::Instagram => "instagram",
            Self::Line => "line",
            Self::Viber => "viber",
            Self::Slack => "slack",
            Self::Teams => "teams",
            Self::Discord => "discord",
            Self::Wechat => "wechat",
            Self::Jiochat => "jiochat",
            Self::Vk => "vk",
            Self::Matrix => "matrix",
            Self::AppleMessages => "apple_messages",
            Self::Kakaotalk => "kakaotalk",
            Self::Zalo => "zalo",
            Self::Chat => "chat",
        }
    }
}

impl Kind {
    /// The word in JSON and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::MessageEdited => "message_edited",
            Self::MessageDeleted => "message_deleted",
            Self::Reaction => "reaction",
            Self::Postback => "postback",
            Self::OptOut => "opt_out",
            Self::OptIn => "opt_in",
            Self::Help => "help",
            Self::ConversationStarted => "conversation_started",
            Self::Typing => "typing",
            Self::Other => "other",
        }
    }
}

impl Message {
    /// An event we have no word for.
    pub(crate) fn other(provider_type: impl Into<String>) -> Self {
        Self { kind: Kind::Other, provider_type: text(provider_type), ..Self::default() }
    }
}

impl Event {
    /// What tells a repeat of this event from a new one, within its channel.
    ///
    /// `None` when the provider gives nothing to go by: the caller then falls back on the bytes.
    pub fn dedupe_key(&self) -> Option<String> {
        match self {
            Self::Message(message) => {
                if let Some(key) = &message.key {
                    return Some(key.clone());
                }
                let id = message.id.as_ref()?;
                Some(match message.kind {
                    Kind::Message | Kind::Postback | Kind::OptOut | Kind::OptIn | Kind::Help => {
                        format!("message:{id}")
                    }
                    Kind::MessageEdited
                    | Kind::MessageDeleted
                    | Kind::Reaction
                    | Kind::ConversationStarted
                    | Kind::Typing
                    | Kind::Other => format!("{}:{id}", message.kind.as_str()),
                })
            }
            Self::Status(status) => status.dedupe_key(),
        }
    }

    /// Milliseconds within which the same bytes are the same event, where they may come again and
    /// mean something new.
    pub fn repeats_within(&self) -> Option<u32> {
        match self {
            Self::Message(message) => message.repeats_within.filter(|millis| *millis > 0),
            Self::Status(_) => None,
        }
    }

    /// The address on our side: the recipient of a message, the sender of a status.
    pub fn our_address(&self) -> Option<&str> {
        match self {
            Self::Message(message) => message.recipient.as_ref().map(|ours| ours.value.as_str()),
            Self::Status(status) => status.sender.as_ref().map(|ours| ours.value.as_str()),
        }
    }

    /// The word of its kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Message(message) => message.kind.as_str(),
            Self::Status(_) => "status",
        }
    }
}

/// Text worth keeping: `None` when there is none. NUL cannot be stored everywhere and says nothing.
pub(crate) fn text(raw: impl Into<String>) -> Option<String> {
    let raw = raw.into();
    let text = if raw.as_bytes().contains(&0) { raw.replace('\0', "\u{fffd}") } else { raw };
    (!text.is_empty()).then_some(text)
}
