//! Plivo: SMS, MMS and WhatsApp.
//!
//! Wire format: <https://www.plivo.com/docs/messaging/api/message/handling-incoming>,
//! <https://www.plivo.com/docs/messaging/api/message/message-status-callbacks>,
//! <https://www.plivo.com/docs/messaging/concepts/signature-validation>
//!
//! - One request is one event: a form, or a GET with the same parameters in its query.
//! - Only a status callback has `Status`. A message has no time.
//! - Text is `Text` in an SMS, and `Body` beside media and on WhatsApp.
//! - Numbers come with and without `+`. Long texts are joined before they come.
//! - Media are numbered from 0 or from 1.
//! - Messages are signed with V2, which covers the address only; see the scheme.
//! - A body in the answer to a message may send another message: we answer empty XML.
//!
//! Unconfirmed: the error codes (200, blocked by STOP, is taken for an opt-out), how often requests
//! are repeated, and the names of WhatsApp's own parameters beside `Body` and `Media`.

use serde_json::Value;

use crate::{
    Account, Adapter, Address, Answer, Attachment, AttachmentKind, DeliveryError, DeliveryStatus,
    Event, Field, Handshake, Kind, Malformed, Medium, Message, Method, Parsed, Recorded, Request,
    Sample, Verified,
    event::Report,
    json::{self, Json},
    verify::Plivo,
};

/// Plivo.
pub const ADAPTER: Adapter = Adapter {
    provider: "plivo",
    aliases: &[],
    title: "Plivo Messaging",
    receives: "SMS, MMS and WhatsApp messages, delivery statuses, opt-outs",
    medium: Medium::Sms,
    account: &[
        Field {
            name: "auth_id",
            secret: false,
            required: false,
            help: "the Auth ID (MA… or SA…), on the overview page of the Plivo console",
        },
        Field {
            name: "auth_token",
            secret: true,
            required: true,
            help: "the Auth Token of the account or sub-account, on the overview page of the \
                   Plivo console",
        },
    ],
    verifier: &Plivo { secret: "auth_token" },
    handshake: Handshake::None,
    parse,
    acknowledge,
    sample,
};

/// The person has sent STOP to our number.
const BLOCKED: &str = "200";

/// More media than one message has.
const MAX_MEDIA: usize = 20;

fn parse(request: &Request<Verified>, _account: &Account) -> Result<Parsed, Malformed> {
    let parameters = json::parameters(request)?;
    let parameters = Json::from(&parameters);
    if let Some(word) = parameters.text("Status") {
        return Ok(status(&word, parameters).into());
    }
    let is_message = ["MessageUUID", "Text", "Body"];
    let event = if parameters.first_text(&is_message).is_some() {
        message(parameters)
    } else {
        let word = parameters.first_text(&["Event", "CallStatus", "Type"]);
        Message { metadata: parameters.kept(), ..Message::other(word.unwrap_or_default()) }
    };
    Ok(vec![Event::Message(event)].into())
}

fn acknowledge(_: Recorded<'_>) -> Answer {
    Answer::constant(200, "application/xml", "<Response/>")
}

fn sample(sample: &Sample<'_>) -> Request {
    let digits = |address: &str| address.trim_start_matches('+').to_owned();
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("From", &digits(sample.from.unwrap_or("+15550100002")));
    form.append_pair("To", &digits(sample.address));
    form.append_pair("Text", sample.text);
    form.append_pair("Type", "sms");
    form.append_pair("Units", "1");
    form.append_pair("MessageUUID", sample.id);
    let content_type = "application/x-www-form-urlencoded".to_owned();
    let headers = vec![("content-type".to_owned(), content_type)];
    Request::new(Method::Post, sample.url, headers, form.finish().into_bytes())
}

fn address(parameters: Json<'_>, name: &str) -> Option<Address> {
    Address::international(&parameters.text(name)?)
}

fn medium(parameters: Json<'_>) -> Option<Medium> {
    (parameters.at("Type").str() == Some("whatsapp")).then_some(Medium::Whatsapp)
}

fn message(parameters: Json<'_>) -> Message {
    let kind = match parameters.at("MessageIntent").str() {
        Some("optout") => Kind::OptOut,
        Some("optin") => Kind::OptIn,
        Some("help") => Kind::Help,
        Some(_) | None => Kind::Message,
    };
    let mut attachments = media(parameters);
    attachments.extend(location(parameters));
    let mut message = Message {
        kind,
        id: parameters.text("MessageUUID"),
        sender: address(parameters, "From").map(Into::into),
        recipient: address(parameters, "To").map(Into::into),
        text: parameters.first_text(&["Text", "Body", "Caption", "ButtonText", "ListTitle"]),
        payload: parameters.first_text(&["ButtonPayload", "ListId"]),
        attachments,
        medium: medium(parameters),
        ..Message::default()
    };
    let says_nothing = message.text.is_none()
        && message.payload.is_none()
        && message.attachments.is_empty()
        && message.kind == Kind::Message;
    // Content we are not shown: all but text is named in `ContentType`.
    if says_nothing && let Some(word) = parameters.text("ContentType").filter(|word| word != "text")
    {
        message.kind = Kind::Other;
        message.provider_type = Some(word);
        message.metadata = parameters.kept();
    }
    message
}

fn media(parameters: Json<'_>) -> Vec<Attachment> {
    // Most messages have none: twenty names need not be looked for.
    let names = parameters.value().and_then(Value::as_object).into_iter().flatten();
    if !names.map(|(name, _)| name).any(|name| name.starts_with("Media")) {
        return Vec::new();
    }
    let numbered = (0..MAX_MEDIA).map(|number| format!("Media{number}"));
    let names = std::iter::once("Media".to_owned()).chain(numbered);
    let attachment = |name: String| {
        let url = parameters.text(&name)?;
        let content_type = parameters.text(&name.replace("Media", "MediaContentType"));
        let kind = content_type.as_deref().map(AttachmentKind::from_content_type);
        let kind = kind.unwrap_or_else(|| AttachmentKind::from_url(&url));
        Some(Attachment { url: Some(url), content_type, ..Attachment::new(kind) })
    };
    names.filter_map(attachment).collect()
}

fn location(parameters: Json<'_>) -> Option<Attachment> {
    let (latitude, longitude) = (parameters.number("Latitude"), parameters.number("Longitude"));
    (latitude.is_some() && longitude.is_some()).then(|| Attachment {
        latitude,
        longitude,
        name: parameters.text("LocationName"),
        address: parameters.text("LocationAddress"),
        ..Attachment::new(AttachmentKind::Location)
    })
}

fn status(word: &str, parameters: Json<'_>) -> Vec<Event> {
    let (meaning, time) = match word {
        "queued" => (Some(DeliveryStatus::Queued), "QueuedTime"),
        "sent" => (Some(DeliveryStatus::Sent), "SentTime"),
        "delivered" => (Some(DeliveryStatus::Delivered), "DeliveryReportTime"),
        "undelivered" => (Some(DeliveryStatus::Undelivered), "DeliveryReportTime"),
        "failed" => (Some(DeliveryStatus::Failed), "DeliveryReportTime"),
        "rejected" => (Some(DeliveryStatus::Rejected), "DeliveryReportTime"),
        "read" => (Some(DeliveryStatus::Read), "DeliveryReportTime"),
        _ => (None, "DeliveryReportTime"),
    };
    let code = parameters.text("ErrorCode").filter(|code| !code.trim_matches('0').is_empty());
    let report = Report {
        // Parts of one text had ids of their own once; the parent's is what sending returned.
        id: parameters.first_text(&["ParentMessageUUID", "MessageUUID"]),
        at: parameters.time(time),
        recipient: address(parameters, "To"),
        sender: address(parameters, "From"),
        error: DeliveryError::of(code.clone(), None),
        medium: medium(parameters),
    };
    let is_blocked = code.as_deref() == Some(BLOCKED);
    let opt_out = is_blocked.then(|| report.opt_out()).flatten();
    let mut events = vec![report.event(word, meaning)];
    events.extend(opt_out);
    events
}
