//! Jasmin, the open-source SMS gateway.
//!
//! Wire format: <https://docs.jasminsms.com/en/latest/apis/ja-http/index.html>
//!
//! - Messages and receipts are forms, or queries; a receipt has `message_status`.
//! - The answer has to be 200 and `ACK/Jasmin`, or it comes again: three times, 30 seconds apart.
//! - `content` is bytes in the network's coding; `binary` has the same bytes in hexadecimal, which
//!   nothing on the way can damage. Coding 0 is the network's default alphabet, usually GSM 03.38.
//! - Receipts of level 1 are from the network's center, with an SMPP error word; those of level 2 and
//!   3 are about the phone. Both have the id that sending returned.
//! - Addresses are as the network gives them.
//!
//! Unconfirmed: whether 404 stops the repeating.

use crate::{
    Account, Adapter, Address, Answer, DeliveryError, DeliveryStatus, Event, Field, Handshake,
    Kind, Malformed, Medium, Message, Parsed, Recorded, Request, Sample, Timestamp, Verified,
    charset,
    event::{self, Report},
    json::{self, Json},
    verify::{Endpoint, unhex_any},
};

/// Jasmin.
pub const ADAPTER: Adapter = Adapter {
    provider: "jasmin",
    aliases: &[],
    title: "Jasmin SMS gateway",
    receives: "SMS, delivery receipts",
    medium: Medium::Sms,
    account: &[
        Field::TOKEN,
        Field::USERNAME,
        Field::PASSWORD,
        Field {
            name: "default_alphabet",
            secret: false,
            required: false,
            help: "what the network means by coding 0: GSM, which it is without, ISO-8859-1 or \
                   UTF-8",
        },
    ],
    verifier: &Endpoint::USUAL,
    handshake: Handshake::None,
    parse,
    acknowledge,
    sample,
};

fn parse(request: &Request<Verified>, account: &Account) -> Result<Parsed, Malformed> {
    let body = json::parameters(request)?;
    let body = Json::from(&body);
    let event = if let Some(word) = body.text("message_status") {
        receipt(&word, body)
    } else if body.first_text(&["from", "From", "content", "binary"]).is_some() {
        message(request, body, account)
    } else {
        Event::Message(Message { metadata: body.kept(), ..Message::other("") })
    };
    Ok(vec![event].into())
}

fn acknowledge(_: Recorded<'_>) -> Answer {
    Answer::constant(200, "text/plain", "ACK/Jasmin")
}

fn sample(sample: &Sample<'_>) -> Request {
    let units = sample.text.encode_utf16().flat_map(u16::to_be_bytes);
    let binary: String = units.map(|byte| format!("{byte:02x}")).collect();
    sample.form(&[
        ("id", sample.id),
        ("from", sample.sender()),
        ("to", sample.address),
        ("origin-connector", "frontdesk"),
        ("coding", "8"),
        ("content", sample.text),
        ("binary", &binary),
    ])
}

fn address(body: Json<'_>, names: &[&str]) -> Option<Address> {
    Address::telephone(&body.first_text(names)?, None)
}

fn message(request: &Request<Verified>, body: Json<'_>, account: &Account) -> Event {
    let coding = body.text("coding").unwrap_or_default();
    let bytes = body.text("binary").and_then(|hex| unhex_any(&hex));
    let bytes = bytes.or_else(|| request.parameter_bytes("content")).unwrap_or_default();
    let text = match coding.as_str() {
        "" | "0" => charset::named(account.get("default_alphabet").unwrap_or("GSM"), &bytes),
        "1" => charset::utf8_or_latin1(&bytes),
        "3" => charset::latin1(&bytes),
        "8" => charset::utf16(&bytes),
        // Other national codings, or no text at all: what Jasmin itself makes of it.
        _ => body.text("content").unwrap_or_default(),
    };
    Event::Message(Message {
        kind: Kind::Message,
        id: body.text("id"),
        sender: address(body, &["from", "From"]).map(Into::into),
        recipient: address(body, &["to", "To"]).map(Into::into),
        text: event::text(text),
        metadata: body.pick(&["origin-connector"]),
        ..Message::default()
    })
}

fn receipt(word: &str, body: Json<'_>) -> Event {
    let meaning = match word {
        "ESME_ROK" | "ACCEPTD" | "ENROUTE" => Some(DeliveryStatus::Sent),
        "DELIVRD" => Some(DeliveryStatus::Delivered),
        "UNDELIV" | "DELETED" => Some(DeliveryStatus::Undelivered),
        "EXPIRED" => Some(DeliveryStatus::Expired),
        "REJECTD" => Some(DeliveryStatus::Rejected),
        word if word.starts_with("ESME_") => Some(DeliveryStatus::Rejected),
        _ => None,
    };
    let refused = (word.starts_with("ESME_") && word != "ESME_ROK").then(|| word.to_owned());
    let err = body.text("err").filter(|code| !code.trim_matches('0').is_empty());
    let minute = |name: &str| Timestamp::parse_minute(&body.text(name)?);
    let report = Report {
        id: body.text("id"),
        at: minute("donedate").or_else(|| body.time("donedate")),
        error: DeliveryError::of(refused.or(err), None),
        ..Report::default()
    };
    report.event(word, meaning)
}
