//! Burst SMS, now Kudosity: the Transmit SMS API and the Transmit Message API.
//!
//! Wire format: <https://developers.kudosity.com/reference/about-webhooks>,
//! <https://developers.kudosity.com/reference/troubleshooting>
//!
//! - Version 1 calls back with a query: a receipt has `status`, a reply `response`. A reply is known
//!   by its `response_id`; `message_id` is the message of ours it answers.
//! - Version 2 posts JSON with an `event_type`, whose content is in `mo`, `status`, `opt_out` or
//!   `link_hit`. Statuses come in any number.
//! - An opt-out names the message of ours that led to it: its recipient is who opted out.
//! - Numbers have no `+`; senders may be names. Times are UTC, with or without a zone.
//! - `pending` means that the network has sent no receipt: no more than `sent`.
//! - A failed call of version 1 comes again after a minute, five minutes, an hour and a day.
//!
//! Unconfirmed: what exactly `x-transmitsms-signature` covers and how it is written (it is taken for
//! an HMAC-SHA256 of the body with the API secret, in either encoding), and the content of incoming
//! MMS, WhatsApp and RCS messages.

use crate::{
    Account, Adapter, Address, Answer, Event, Field, Handshake, Malformed, Medium, Message, Parsed,
    Recorded, Request, Sample, Verified, digits,
    json::{self, Json},
    verify::{ChosenHmac, Endpoint},
};

mod callbacks;
mod webhooks;

/// Burst SMS and Kudosity.
pub const ADAPTER: Adapter = Adapter {
    provider: "burst-sms",
    aliases: &["burstsms", "kudosity", "transmitsms"],
    title: "Burst SMS (Kudosity)",
    receives: "SMS and MMS, replies, delivery statuses, opt-outs, link hits",
    medium: Medium::Sms,
    account: &[
        Field::TOKEN,
        Field::USERNAME,
        Field::PASSWORD,
        Field {
            name: "api_secret",
            secret: true,
            required: false,
            help: "the API secret under Settings, API Settings, if webhooks are signed",
        },
        Field {
            name: "signature_header",
            secret: false,
            required: false,
            help: "the header with the signature; X-Transmitsms-Signature without it",
        },
        Field {
            name: "signature_algorithm",
            secret: false,
            required: false,
            help: "the hash under the HMAC; SHA-256 without it",
        },
    ],
    verifier: &ChosenHmac {
        secret: "api_secret",
        header: "signature_header",
        usual_header: Some("x-transmitsms-signature"),
        hash: "signature_algorithm",
        endpoint: Endpoint::USUAL,
    },
    handshake: Handshake::None,
    parse,
    acknowledge,
    sample,
};

fn parse(request: &Request<Verified>, _account: &Account) -> Result<Parsed, Malformed> {
    let body = json::parameters(request)?;
    let body = Json::from(&body);
    let events = match body.text("event_type") {
        Some(word) => webhooks::read(&word, body),
        None => callbacks::read(body),
    };
    Ok(events.into())
}

fn acknowledge(_: Recorded<'_>) -> Answer {
    Answer::empty(200)
}

fn sample(sample: &Sample<'_>) -> Request {
    sample.query(&[
        ("mobile", digits(sample.sender())),
        ("longcode", digits(sample.address)),
        ("response", sample.text),
        ("response_id", sample.id),
        ("datetime_entry", &sample.now.to_string()),
    ])
}

fn number(body: Json<'_>, names: &[&str]) -> Option<Address> {
    Address::international(&body.first_text(names)?)
}

fn other(word: &str, body: Json<'_>) -> Event {
    Event::Message(Message {
        sent_at: body.time("timestamp"),
        metadata: body.kept(),
        ..Message::other(word)
    })
}
