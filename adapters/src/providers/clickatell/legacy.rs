//! Central: the HTTP API before the platform.

use super::{number, text};
use crate::{Event, Kind, Message, Request, Timestamp, Verified, json::Json};

/// Central's clocks run two hours ahead of UTC.
const ZONE: &str = "+02:00";

pub(super) fn message(request: &Request<Verified>, body: Json<'_>) -> Event {
    let time = body.text("timestamp");
    let time = time.and_then(|time| {
        Timestamp::parse(&format!("{time}{ZONE}")).or_else(|| Timestamp::parse(&time))
    });
    Event::Message(Message {
        kind: Kind::Message,
        id: body.text("moMsgId"),
        sender: number(body, "from").map(Into::into),
        recipient: number(body, "to").map(Into::into),
        sent_at: time,
        text: text(request, body, "text"),
        metadata: body.pick(&["udh"]),
        ..Message::default()
    })
}
