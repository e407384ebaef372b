//! 46elks: SMS and MMS.
//!
//! Wire format: <https://46elks.com/docs/receive-sms>, <https://46elks.com/docs/receive-mms>,
//! <https://46elks.com/docs/sms-delivery-reports>
//!
//! - Messages and delivery reports are forms; a report has a `status`.
//! - What the answer to a message says is sent to the person: ours is empty.
//! - Pictures of an MMS are `image`, `image2`, `image3` and so on.
//! - Times are UTC and have no zone; a report has one only when the message arrived.
//! - Anything but 200 to 204 is repeated, at least five times over at least six hours.
//!
//! Unconfirmed: `images[]` as another name of several pictures, and that credentials are asked for
//! when they are fetched.

use crate::{
    Account, Adapter, Address, Answer, Attachment, AttachmentKind, DeliveryStatus, Event, Field,
    Handshake, Kind, Malformed, Medium, Message, Parsed, Recorded, Request, Sample, Verified,
    event::{self, Report},
    json::{self, Json},
    verify::Endpoint,
};

/// 46elks.
pub const ADAPTER: Adapter = Adapter {
    provider: "46elks",
    aliases: &["elks"],
    title: "46elks SMS and MMS",
    receives: "SMS, MMS, delivery reports",
    medium: Medium::Sms,
    account: &[Field::TOKEN, Field::USERNAME, Field::PASSWORD],
    verifier: &Endpoint::USUAL,
    handshake: Handshake::None,
    parse,
    acknowledge,
    sample,
};

fn parse(request: &Request<Verified>, _account: &Account) -> Result<Parsed, Malformed> {
    let body = json::parameters(request)?;
    let body = Json::from(&body);
    let event = if let Some(word) = body.text("status") {
        report(&word, body)
    } else if body.first_text(&["from", "message", "direction"]).is_some() {
        Event::Message(Message { attachments: images(request), ..message(body) })
    } else {
        Event::Message(Message { metadata: body.kept(), ..Message::other("") })
    };
    Ok(vec![event].into())
}

fn acknowledge(_: Recorded<'_>) -> Answer {
    Answer::empty(200)
}

fn sample(sample: &Sample<'_>) -> Request {
    let created = sample.now.to_string();
    sample.form(&[
        ("direction", "incoming"),
        ("id", sample.id),
        ("from", sample.sender()),
        ("to", sample.address),
        ("created", created.trim_end_matches('Z')),
        ("message", sample.text),
    ])
}

fn message(body: Json<'_>) -> Message {
    let address = |name: &str| Address::telephone(&body.text(name)?, None);
    Message {
        kind: Kind::Message,
        id: body.text("id"),
        sender: address("from").map(Into::into),
        recipient: address("to").map(Into::into),
        sent_at: body.time("created"),
        text: body.text("message"),
        from_business: body.at("direction").str() == Some("outgoing"),
        ..Message::default()
    }
}

/// `image`, `image2`, … and `images[]`, in the order they came.
fn images(request: &Request<Verified>) -> Vec<Attachment> {
    let is_image = |name: &str| {
        let rest = name.strip_prefix("image");
        rest.is_some_and(|rest| {
            rest == "s" || rest == "s[]" || rest.bytes().all(|byte| byte.is_ascii_digit())
        })
    };
    let addresses = request.decoded_form().pairs().filter(|(name, _)| is_image(name));
    let attachment =
        |url: String| Attachment { url: Some(url), ..Attachment::new(AttachmentKind::Image) };
    addresses.filter_map(|(_, url)| event::text(url)).map(attachment).collect()
}

fn report(word: &str, body: Json<'_>) -> Event {
    let meaning = match word {
        "created" => Some(DeliveryStatus::Queued),
        "sent" => Some(DeliveryStatus::Sent),
        "delivered" => Some(DeliveryStatus::Delivered),
        "failed" => Some(DeliveryStatus::Undelivered),
        _ => None,
    };
    let report = Report { id: body.text("id"), at: body.time("delivered"), ..Report::default() };
    report.event(word, meaning)
}
