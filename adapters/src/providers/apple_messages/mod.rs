//! Apple Messages for Business.
//!
//! Wire format: <https://register.apple.com/resources/messages/msp-rest-api/>
//!
//! - Apple posts to `/message` below the address we give it. The body may be compressed.
//! - Sender, recipient and id stand in the headers and mostly in the body too; the id in the header
//!   is what a repeat keeps.
//! - A person is an opaque id, different for each business. There is no name and no number.
//! - U+FFFC in the text marks where an attachment stands, and is left out of it.
//! - Attachments are encrypted, and have to be announced to Apple before they can be fetched: what
//!   that takes is in the metadata, the key included.
//! - What is chosen in a list or a form comes back as `interactive`, or only as a reference to it.
//! - `close` says that the person has ended the conversation: nothing can be sent until they write
//!   again. It is no opt-out, which would hold back the next answer.
//!
//! Unconfirmed: how long a token is good (an hour is our own choice), when and how long a request is
//! repeated, and the shape of tapbacks, which are recorded as something else.

mod gzip;

use std::borrow::Cow;

use serde_json::json;

use crate::{
    Account, Adapter, Address, Answer, Attachment, AttachmentKind, Event, Field, Handshake, Kind,
    Malformed, Medium, Message, Parsed, Recorded, Request, Sample, Verified, event,
    json::{self as read, Json},
    verify::Apple,
};

/// Apple Messages for Business.
pub const ADAPTER: Adapter = Adapter {
    provider: "apple-messages",
    aliases: &["apple", "apple-business-chat"],
    title: "Apple Messages for Business",
    receives: "messages, files, choices from lists and forms, typing, the end of conversations",
    medium: Medium::AppleMessages,
    account: &[
        Field {
            name: "api_secret",
            secret: true,
            required: true,
            help: "the API secret of the messaging service provider, in base64, from Apple \
                   Business Register",
        },
        Field {
            name: "msp_id",
            secret: false,
            required: true,
            help: "the id of the messaging service provider, to which Apple makes tokens out",
        },
    ],
    verifier: &Apple { secret: "api_secret", audience: "msp_id" },
    handshake: Handshake::None,
    parse,
    acknowledge,
    sample,
};

fn parse(request: &Request<Verified>, _account: &Account) -> Result<Parsed, Malformed> {
    let is_packed = request.body.starts_with(&gzip::MAGIC);
    let body = match is_packed {
        true => Cow::Owned(gzip::unpack(&request.body)?),
        false => Cow::Borrowed(request.body.as_slice()),
    };
    let body = read::object_in(&body)?;
    let body = Json::from(&body);
    let either = |member: &str, header: &str| {
        body.text(member).or_else(|| event::text(request.header(header)?))
    };
    let business = either("destinationId", "destination-id");
    let person = either("sourceId", "source-id");
    let message = Message {
        id: event::text(request.header("id").unwrap_or_default()).or_else(|| body.text("id")),
        sender: person
            .map(|person| Address { scope: business.clone(), ..Address::user(person) }.into()),
        recipient: business.map(|business| Address::user(business).into()),
        language: body.text("locale").map(|locale| locale.replace('_', "-")),
        metadata: body.pick(&["intent", "group"]),
        ..Message::default()
    };
    Ok(vec![Event::Message(read(message, body))].into())
}

fn acknowledge(_: Recorded<'_>) -> Answer {
    Answer::empty(200)
}

fn sample(sample: &Sample<'_>) -> Request {
    let person = sample.from.unwrap_or("urn:mbid:fictional");
    let mut request = sample.json(&json!({
        "v": 1,
        "type": "text",
        "id": sample.id,
        "sourceId": person,
        "destinationId": sample.address,
        "locale": "en_US",
        "body": sample.text,
    }));
    request.url = format!("{}/message", sample.url);
    for (name, value) in
        [("id", sample.id), ("source-id", person), ("destination-id", sample.address)]
    {
        request.headers.push((name.to_owned(), value.to_owned()));
    }
    request
}

fn read(mut message: Message, body: Json<'_>) -> Message {
    let word = body.text("type").unwrap_or_default();
    match word.as_str() {
        "text" => {
            message.text =
                body.text("body").and_then(|text| event::text(text.replace('\u{fffc}', "").trim()));
            message.attachments = body.at("attachments").items().filter_map(file).collect();
            message.kind = Kind::Message;
        }
        "interactive" => chosen(&mut message, body),
        "typing_start" | "typing_end" => {
            message.kind = Kind::Typing;
            message.provider_type = Some(word);
        }
        _ => {
            message.provider_type = event::text(word);
            message.metadata = body.kept();
        }
    }
    message
}

/// What was picked: its words are said, its identifiers are data.
fn chosen(message: &mut Message, body: Json<'_>) {
    let interactive = body.at("interactiveData");
    let data = interactive.at("data");
    let quick = data.at("quick-reply");
    let shown = data.at("replyMessage");
    let identifier = quick.text("selectedIdentifier");
    let label = quick.at("items").items().find(|item| item.text("identifier") == identifier);
    let sections = data.at("listPicker").at("sections").items();
    let picked: Vec<_> = sections
        .flat_map(|section| section.at("items").items())
        .filter(|_| shown.value().is_none() || identifier.is_none())
        .collect();
    let titles: Vec<_> = picked.iter().filter_map(|item| item.text("title")).collect();
    let identifiers: Vec<_> = picked.iter().filter_map(|item| item.text("identifier")).collect();
    message.kind = Kind::Message;
    message.text = label
        .filter(|_| identifier.is_some())
        .and_then(|label| label.text("title"))
        .or_else(|| event::text(titles.join(", ")))
        .or_else(|| shown.text("title"));
    message.payload = identifier.or_else(|| event::text(identifiers.join(",")));
    message.reply_to = data.text("requestIdentifier");
    let mut metadata = interactive.kept();
    if metadata.is_none() {
        metadata = body.pick(&["interactiveDataRef"]);
    }
    if let Some(metadata) = metadata {
        message.metadata.get_or_insert_default().extend(metadata);
    }
    if message.text.is_none() {
        message.kind = Kind::Postback;
    }
}

fn file(file: Json<'_>) -> Option<Attachment> {
    let content_type = file.text("mimeType");
    let kind = content_type.as_deref().map(AttachmentKind::from_content_type);
    Some(Attachment {
        reference: Some(file.text("url")?),
        content_type,
        filename: file.text("name"),
        metadata: file.pick(&["owner", "signature-base64", "key", "size"]),
        ..Attachment::new(kind.unwrap_or(AttachmentKind::File))
    })
}
