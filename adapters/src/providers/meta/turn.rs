//! Turn.io, a partner of Meta for WhatsApp.
//!
//! Wire format: <https://whatsapp.turn.io/docs/api/webhooks>
//!
//! - The header `X-Turn-Hook-Subscription` says what a request is: `whatsapp` brings messages and
//!   statuses, without the Cloud API's envelope; `turn` a message as an application has handed it to
//!   Turn's API, whose id is in `X-WhatsApp-Id`: an echo. Events Turn itself makes
//!   (`X-Turn-Event: 1`) look like WhatsApp's.
//! - A request does not tell our number; the account may.
//! - The same message may come twice. A 4xx ends repetition.
//!
//! Unconfirmed: how long Turn waits and repeats, and what `journey_outbound` brings: it is
//! [`Kind::Other`](crate::Kind::Other) under that name.

use serde_json::json;

use super::{acknowledge, whatsapp};
use crate::{
    Account, Adapter, Address, Event, Field, Handshake, Malformed, Medium, Message, Parsed,
    Recipient, Request, Sample, Verified,
    verify::{BodyHmac, Encoding},
};

/// Turn.io.
pub const ADAPTER: Adapter = Adapter {
    provider: "turn",
    aliases: &["turn.io", "turnio"],
    title: "Turn.io (WhatsApp)",
    receives: "WhatsApp: messages, media, reactions, statuses, echoes of what applications send",
    medium: Medium::Whatsapp,
    account: &[
        Field {
            name: "number",
            secret: false,
            required: false,
            help: "the WhatsApp number with + and country code; requests do not tell it",
        },
        Field {
            name: "hmac_secret",
            secret: true,
            required: true,
            help: "the HMAC secret of the webhook, shown where it is set up in Turn",
        },
    ],
    verifier: &BodyHmac {
        header: "x-turn-hook-signature",
        prefix: "",
        encoding: Encoding::Base64,
        secret: "hmac_secret",
        also_escaped: false,
    },
    handshake: Handshake::None,
    parse,
    acknowledge,
    sample,
};

fn parse(request: &Request<Verified>, account: &Account) -> Result<Parsed, Malformed> {
    let number = account.get("number").and_then(|number| Address::telephone(number, None));
    let ours = number.map(Recipient::from);
    let subscription = request.header("x-turn-hook-subscription").unwrap_or("whatsapp");
    let is_event = request.header("x-turn-event") == Some("1");
    if subscription == "turn" && !is_event {
        let sent = whatsapp::sent(request, request.header("x-whatsapp-id"), ours)?;
        return Ok(vec![Event::Message(sent)].into());
    }
    let mut events = whatsapp::passed_on(request, account, ours.as_ref())?;
    if events.is_empty() {
        events.push(Event::Message(Message { recipient: ours, ..Message::other(subscription) }));
    }
    Ok(events.into())
}

fn sample(sample: &Sample<'_>) -> Request {
    let from = sample.from.unwrap_or("+15550100002").trim_start_matches('+');
    let mut request = sample.json(&json!({
        "contacts": [{"profile": {"name": "Ana Prado"}, "wa_id": from}],
        "messages": [{
            "from": from,
            "id": format!("wamid.{}", sample.id),
            "timestamp": sample.now.as_seconds().to_string(),
            "type": "text",
            "text": {"body": sample.text},
        }],
    }));
    request.headers.push(("x-turn-hook-subscription".to_owned(), "whatsapp".to_owned()));
    request
}
