//! ClickSend: SMS and MMS.
//!
//! Wire format: <https://developers.clicksend.com/docs/automations/sms/other/view-sms-inbound-automation>
//!
//! - A rule posts a form, a query or JSON, as set in the dashboard; the parameters are the same.
//! - A message repeats itself under older names: `message` is `body`, `sms` is `from`.
//! - `original_message_id` is the message of ours it answers, as far as ClickSend can tell.
//! - A receipt tells by `status` or by `status_code`; the text counts where both are there.
//! - Numbers come with and without `+`; times are Unix seconds.
//!
//! Unconfirmed: nearly everything but `from` and `body`: the names of the other parameters, the
//! codes (201 delivered, 200 sent, 300 to 302 failures of growing certainty), and whether requests
//! are repeated. A message without `message_id` is known again by its bytes.

use crate::{
    Account, Adapter, Address, Answer, Attachment, AttachmentKind, DeliveryError, DeliveryStatus,
    Event, Field, Handshake, Kind, Malformed, Medium, Message, Parsed, Recorded, Request, Sample,
    Verified, digits,
    event::Report,
    json::{self, Json},
    verify::Endpoint,
};

/// ClickSend.
pub const ADAPTER: Adapter = Adapter {
    provider: "clicksend",
    aliases: &[],
    title: "ClickSend SMS and MMS",
    receives: "SMS, MMS, delivery receipts",
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
    let says_something = ["body", "message", "media_file_url"];
    let event = if body.first_text(&says_something).is_some() {
        message(body)
    } else if body.first_text(&["status", "status_code", "status_text"]).is_some() {
        receipt(body)
    } else if body.first_text(&["from", "sms"]).is_some() {
        message(body)
    } else {
        Event::Message(Message { metadata: body.kept(), ..Message::other("") })
    };
    Ok(vec![event].into())
}

fn acknowledge(_: Recorded<'_>) -> Answer {
    Answer::empty(200)
}

fn sample(sample: &Sample<'_>) -> Request {
    sample.form(&[
        ("from", digits(sample.sender())),
        ("to", digits(sample.address)),
        ("body", sample.text),
        ("message", sample.text),
        ("message_id", sample.id),
        ("timestamp", &sample.now.as_seconds().to_string()),
    ])
}

fn address(body: Json<'_>, names: &[&str]) -> Option<Address> {
    Address::international(&body.first_text(names)?)
}

fn message(body: Json<'_>) -> Event {
    let attachment = body.text("media_file_url").map(|url| {
        let kind = AttachmentKind::from_url(&url);
        Attachment { url: Some(url), ..Attachment::new(kind) }
    });
    Event::Message(Message {
        kind: Kind::Message,
        id: body.text("message_id"),
        sender: address(body, &["from", "sms"]).map(Into::into),
        recipient: address(body, &["to"]).map(Into::into),
        sent_at: body.time("timestamp").or_else(|| body.time("timestamp_send")),
        text: body.first_text(&["body", "message"]),
        reply_to: body.first_text(&["original_message_id", "originalmessageid"]),
        attachments: attachment.into_iter().collect(),
        metadata: body.pick(&["custom_string"]),
        ..Message::default()
    })
}

fn receipt(body: Json<'_>) -> Event {
    let code = body.text("status_code");
    let word = body.text("status").or_else(|| code.clone()).or_else(|| body.text("status_text"));
    let word = word.unwrap_or_default();
    let by_text = match word.to_ascii_lowercase().as_str() {
        "queued" | "scheduled" | "waitapproval" => Some(DeliveryStatus::Queued),
        "sent" => Some(DeliveryStatus::Sent),
        "completed" | "delivered" => Some(DeliveryStatus::Delivered),
        "undelivered" => Some(DeliveryStatus::Undelivered),
        "cancelled" | "cancelledafterreview" | "failed" => Some(DeliveryStatus::Failed),
        "expired" => Some(DeliveryStatus::Expired),
        _ => None,
    };
    let by_code = || match code.as_deref()? {
        "200" => Some(DeliveryStatus::Sent),
        "201" => Some(DeliveryStatus::Delivered),
        "301" => Some(DeliveryStatus::Undelivered),
        "302" => Some(DeliveryStatus::Failed),
        // 300 is a failure that may yet turn out well: it moves nothing.
        _ => None,
    };
    let report = Report {
        id: body.text("message_id"),
        at: body.time("timestamp").or_else(|| body.time("timestamp_send")),
        recipient: address(body, &["to"]),
        sender: address(body, &["from"]),
        error: DeliveryError::of(body.text("error_code"), body.text("error_text")),
        medium: None,
    };
    report.event(&word, by_text.or_else(by_code))
}
