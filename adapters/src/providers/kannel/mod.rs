//! Kannel, the open-source SMS gateway: whatever its operator's `get-url` and `dlr-url` say.
//!
//! Wire format: <https://www.kannel.org/download/1.4.5/userguide-1.4.5/userguide.html>
//!
//! - The operator writes the address with escape codes, so the account can name every parameter; the
//!   usual template needs nothing: `id=%I&ts=%T&message=%a&sender=%p&to=%P&coding=%c&charset=%C`,
//!   and for reports `id=<yours>&status=%d`.
//! - With `post-url`, the text is the body, and the rest is in `X-Kannel-` headers.
//! - What the answer says is sent to the person: ours is empty.
//! - Addresses are as the network gives them: national, with `+` or `00`, or a name. The channel's
//!   region says where national numbers are at home.
//! - A report has no id but the one put into its address; its type is a bit, 32 (an intermediate
//!   notice) moves nothing.
//! - Long texts are joined by bearerbox. Whether a failed call is repeated is up to the operator.
//!
//! Unconfirmed: the escape codes beyond those above. `post-xml` is kept but not understood.

use serde_json::Value;

use crate::{
    Account, Adapter, Address, Answer, DeliveryError, DeliveryStatus, Event, Field, Handshake,
    Kind, Malformed, Medium, Message, Method, Parsed, Recorded, Request, Sample, Timestamp,
    Verified, charset,
    event::{self, Report},
    json::{self, Json},
    verify::Endpoint,
};

/// Kannel.
pub const ADAPTER: Adapter = Adapter {
    provider: "kannel",
    aliases: &[],
    title: "Kannel",
    receives: "SMS, delivery reports",
    medium: Medium::Sms,
    account: &[
        Field::TOKEN,
        Field::USERNAME,
        Field::PASSWORD,
        parameter("id_parameter", "the parameter with the id (%I, %F); id without it"),
        parameter("sender_parameter", "the parameter with the sender (%p); sender without it"),
        parameter("recipient_parameter", "the parameter with our number (%P); to without it"),
        parameter("text_parameter", "the parameter with the text (%a, %b); message without it"),
        parameter("time_parameter", "the parameter with the time (%T, %t); ts without it"),
        parameter("status_parameter", "the parameter with a report's type (%d); status without it"),
        parameter(
            "reply_parameter",
            "the parameter with the network's reply (%A); reply without it",
        ),
    ],
    verifier: &Endpoint::USUAL,
    handshake: Handshake::None,
    parse,
    acknowledge,
    sample,
};

const fn parameter(name: &'static str, help: &'static str) -> Field {
    Field { name, secret: false, required: false, help }
}

/// What is found in a parameter: the account's field with its name, and the names it has without.
type Part = (&'static str, &'static [&'static str]);

const ID: Part = ("id_parameter", &["id", "uuid"]);
const SENDER: Part = ("sender_parameter", &["sender", "from"]);
const RECIPIENT: Part = ("recipient_parameter", &["to", "receiver", "recipient"]);
const TEXT: Part = ("text_parameter", &["message", "text"]);
const TIME: Part = ("time_parameter", &["ts", "time", "timestamp"]);
const STATUS: Part = ("status_parameter", &["status"]);
const REPLY: Part = ("reply_parameter", &["reply", "answer"]);

/// A request and what its operator calls its parameters.
struct Call<'a> {
    request: &'a Request<Verified>,
    account: &'a Account,
    parameters: Value,
}

impl Call<'_> {
    /// The parameter for `part`: the one the account names, else the first usual one that is there.
    fn text(&self, part: Part) -> Option<String> {
        self.names(part).find_map(|name| Json::from(&self.parameters).text(name))
    }

    fn bytes(&self, part: Part) -> Option<Vec<u8>> {
        self.names(part).find_map(|name| self.request.parameter_bytes(name))
    }

    fn names(&self, (field, usual): Part) -> impl Iterator<Item = &str> {
        let chosen = self.account.get(field);
        let usual = if chosen.is_some() { &[] } else { usual };
        chosen.into_iter().chain(usual.iter().copied())
    }

    fn plain(&self, name: &str) -> Option<String> {
        Json::from(&self.parameters).text(name)
    }
}

fn parse(request: &Request<Verified>, account: &Account) -> Result<Parsed, Malformed> {
    if request.header("x-kannel-from").is_some() {
        return Ok(vec![Event::Message(posted(request))].into());
    }
    let parameters = match request.method {
        // Reports are GET also where the operator posts messages, and may post nothing at all.
        Method::Post | Method::Put if !request.is_form() && request.body.is_empty() => {
            json::query(request)
        }
        Method::Get | Method::Post | Method::Put | Method::Options => json::parameters(request)?,
    };
    let call = Call { request, account, parameters };
    let event = if call.text(SENDER).is_some() || call.bytes(TEXT).is_some() {
        Event::Message(message(&call))
    } else if let Some(word) = call.text(STATUS) {
        report(&call, &word)
    } else {
        let metadata = Json::from(&call.parameters).kept();
        Event::Message(Message { metadata, ..Message::other("") })
    };
    Ok(vec![event].into())
}

fn acknowledge(_: Recorded<'_>) -> Answer {
    Answer::empty(200)
}

fn sample(sample: &Sample<'_>) -> Request {
    let name = |(field, usual): Part| sample.account.get(field).unwrap_or(usual[0]);
    sample.query(&[
        (name(ID), sample.id),
        (name(TIME), &sample.now.as_seconds().to_string()),
        (name(TEXT), sample.text),
        (name(SENDER), sample.sender()),
        (name(RECIPIENT), sample.address),
    ])
}

/// An address in any form; `00` is the other way to write `+`.
fn address(raw: &str) -> Option<Address> {
    match raw.strip_prefix("00") {
        Some(rest) if rest.len() > 6 => Address::telephone(&format!("+{rest}"), None),
        Some(_) | None => Address::telephone(raw, None),
    }
}

fn time(text: &str) -> Option<Timestamp> {
    // %t has no seconds.
    Timestamp::parse(text).or_else(|| Timestamp::parse(&format!("{text}:00")))
}

fn decode(bytes: &[u8], charset: &str, coding: &str) -> Option<String> {
    let is_ucs2 = coding == "2" && (charset.is_empty() || !bytes.is_ascii() || bytes.contains(&0));
    let is_utf8 = std::str::from_utf8(bytes).is_ok() && !bytes.contains(&0);
    // Smsbox usually converts to UTF-8 and still says what the text was in before.
    event::text(match (is_utf8, is_ucs2) {
        (true, _) => charset::utf8_or_latin1(bytes),
        (false, true) => charset::utf16(bytes),
        (false, false) => charset::named(charset, bytes),
    })
}

fn message(call: &Call<'_>) -> Message {
    let text = call.bytes(TEXT);
    let (charset, coding) = (call.plain("charset"), call.plain("coding"));
    let text = text.and_then(|bytes| {
        decode(&bytes, &charset.unwrap_or_default(), &coding.unwrap_or_default())
    });
    Message {
        kind: Kind::Message,
        id: call.text(ID),
        sender: call.text(SENDER).and_then(|raw| address(&raw)).map(Into::into),
        recipient: call.text(RECIPIENT).and_then(|raw| address(&raw)).map(Into::into),
        sent_at: call.text(TIME).and_then(|text| time(&text)),
        text: text.or_else(|| call.text(TEXT)),
        metadata: Json::from(&call.parameters).pick(&["smsc", "udh"]),
        ..Message::default()
    }
}

/// A message by `post-url`.
fn posted(request: &Request<Verified>) -> Message {
    let header = |name: &str| request.header(name);
    let content_type = header("content-type").unwrap_or_default();
    let charset = content_type.split_once("charset=").map_or("", |(_, name)| name);
    let coding = header("x-kannel-coding").unwrap_or_default();
    Message {
        kind: Kind::Message,
        id: header("x-kannel-id").map(str::to_owned),
        sender: header("x-kannel-from").and_then(address).map(Into::into),
        recipient: header("x-kannel-to").and_then(address).map(Into::into),
        sent_at: header("x-kannel-time").and_then(time),
        text: decode(&request.body, charset.trim_matches('"'), coding),
        ..Message::default()
    }
}

fn report(call: &Call<'_>, word: &str) -> Event {
    let meaning = match word {
        "1" => Some(DeliveryStatus::Delivered),
        "2" => Some(DeliveryStatus::Undelivered),
        "4" => Some(DeliveryStatus::Queued),
        "8" => Some(DeliveryStatus::Sent),
        "16" => Some(DeliveryStatus::Rejected),
        _ => None,
    };
    let is_failure = matches!(word, "2" | "16");
    let reply = call.text(REPLY).filter(|_| is_failure);
    let code = reply.as_deref().and_then(|reply| reply.split("err:").nth(1));
    let code = code.and_then(|rest| rest.split_whitespace().next()).map(str::to_owned);
    let report = Report {
        id: call.text(ID),
        at: call.text(TIME).and_then(|text| time(&text)),
        recipient: call.text(RECIPIENT).and_then(|raw| address(&raw)),
        error: DeliveryError::of(code, reply),
        ..Report::default()
    };
    report.event(word, meaning)
}
