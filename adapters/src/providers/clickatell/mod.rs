//! Clickatell: the platform's SMS API, the One API, and the HTTP API of Central before them.
//!
//! Wire format: <https://www.clickatell.com/developers/api-documentation/http-api-reply-callback/>,
//! <https://www.clickatell.com/developers/api-documentation/rest-api-status-callback/>
//!
//! - What a request is from is told by its fields: `event` (One API), `moMsgId` or `apiMsgId`
//!   (Central), `fromNumber` (a message), `statusCode` (a status). All may come as JSON or query.
//! - Outside UTF-8, a text is percent-encoded bytes in the charset that stands beside it, also
//!   within JSON.
//! - Numbers have no `+`; times are Unix milliseconds, in Central Unix seconds or two hours ahead of
//!   UTC.
//! - A status is known by its code; the One API adds words of its own.
//! - Anything but 2xx is repeated, and so is what is answered slowly.
//!
//! Unconfirmed: what tells replies to one message apart. The documentation calls `messageId` the
//! message that was answered and `replyMessageId` the reply, gateways read them the other way
//! round; both together know a message again. Also the One API's names for messages, the words of
//! its statuses, and Central as a whole.

use serde_json::json;

use crate::{
    Account, Adapter, Address, Answer, Field, Handshake, Malformed, Medium, Message, Parsed,
    Recorded, Request, Sample, Verified, charset, digits,
    event::{self, Event},
    json::{self, Json},
    verify::Endpoint,
};

mod legacy;
mod one;
mod status;

/// Clickatell.
pub const ADAPTER: Adapter = Adapter {
    provider: "clickatell",
    aliases: &["clickatell-one"],
    title: "Clickatell SMS API, One API and Central",
    receives: "SMS of the platform, the One API and Central; WhatsApp; statuses; batches",
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
    let events = if body.at("event").value().is_some() {
        one::read(body.at("event"))
    } else if body.text("moMsgId").is_some() {
        vec![legacy::message(request, body)]
    } else if body.first_text(&["statusCode", "status"]).is_some() {
        vec![status::read(body)]
    } else if body.first_text(&["fromNumber", "text"]).is_some() {
        vec![message(request, body)]
    } else {
        vec![Event::Message(Message { metadata: body.kept(), ..Message::other("") })]
    };
    Ok(events.into())
}

fn acknowledge(_: Recorded<'_>) -> Answer {
    Answer::empty(200)
}

fn sample(sample: &Sample<'_>) -> Request {
    sample.json(&json!({
        "messageId": sample.id,
        "replyMessageId": "",
        "fromNumber": digits(sample.sender()),
        "toNumber": digits(sample.address),
        "timestamp": sample.now.as_millis(),
        "text": sample.text,
        "charset": "UTF-8",
    }))
}

fn number(body: Json<'_>, name: &str) -> Option<Address> {
    Address::international(&body.text(name)?)
}

fn message(request: &Request<Verified>, body: Json<'_>) -> Event {
    let id = body.text("messageId");
    let reply_to = body.text("replyMessageId");
    let key = id.as_ref().zip(reply_to.as_ref()).map(|(id, reply)| format!("message:{id}:{reply}"));
    Event::Message(Message {
        kind: crate::Kind::Message,
        id,
        sender: number(body, "fromNumber").map(Into::into),
        recipient: number(body, "toNumber").map(Into::into),
        sent_at: body.time("timestamp"),
        text: text(request, body, "text"),
        reply_to,
        metadata: body.pick(&["keyword", "network", "udh"]),
        key,
        ..Message::default()
    })
}

/// The text of `name` in the charset beside it: as it is in UTF-8, else percent-encoded bytes.
fn text(request: &Request<Verified>, body: Json<'_>, name: &str) -> Option<String> {
    let text = body.text(name)?;
    let charset = body.text("charset").unwrap_or_default();
    if charset.is_empty() || charset.eq_ignore_ascii_case("utf-8") {
        return Some(text);
    }
    // A query or a form is percent-encoded anyway; within JSON, only this text is.
    let bytes = request.parameter_bytes(name);
    let bytes =
        bytes.or_else(|| is_encoded(&text).then(|| charset::percent_decoded(text.as_bytes())));
    match bytes {
        Some(bytes) => event::text(charset::named(&charset, &bytes)),
        None => Some(text),
    }
}

/// A text with a space in it is not: `+` stands for it.
fn is_encoded(text: &str) -> bool {
    text.is_ascii() && !text.contains(' ') && text.contains(['%', '+'])
}
