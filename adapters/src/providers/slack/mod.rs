//! Slack: Events API, interactivity and slash commands.
//!
//! Wire format: <https://docs.slack.dev/apis/events-api/>,
//! <https://docs.slack.dev/reference/events/message/>,
//! <https://docs.slack.dev/reference/interaction-payloads/>,
//! <https://docs.slack.dev/authentication/verifying-requests-from-slack/>
//!
//! - One event a request. All three kinds share one signature; the last two are forms.
//! - A message is known by its channel and `ts`, which is text: as a number it loses digits. An app
//!   that listens to messages and mentions hears of one message twice, with the same `ts`.
//! - `message_changed` is also said when a link is unfurled or a reply arrives: then the text is the
//!   same, and it is no edit. A deleted message with replies becomes a `tombstone`.
//! - `&`, `<` and `>` come as entities; what stands in angle brackets is Slack's markup, kept as it
//!   is, since a mention means nothing without its id.
//! - In shared channels the author's workspace is `user_team` or `team`, not the envelope's.
//! - Bots, ours and others, are our own side: nothing they say is a customer's.
//! - Files need the bot's token, and `files.info` first where only an id is given.
//! - Reactions are something else to us, with `target` and `emoji`: who reacts in a workspace is as
//!   often a colleague.
//! - 2xx must come within three seconds; it is repeated at once, after one and after five minutes.
//!   A body that answers a command or a form would be shown to the person, so there is none.
//!
//! Unconfirmed: which other subtypes people cause; those we have no words for are recorded as
//! something else.

mod interactions;
mod message;

use serde_json::{Value, json};

use crate::{
    Account, Adapter, Address, Answer, Event, Field, Handshake, Malformed, Medium, Message, Parsed,
    Recorded, Request, Sample, Timestamp, Verified,
    json::{self as read, Json},
    verify::Slack,
};

/// Slack.
pub const ADAPTER: Adapter = Adapter {
    provider: "slack",
    aliases: &[],
    title: "Slack",
    receives: "messages, files, edits, deletions, mentions, buttons, forms, slash commands",
    medium: Medium::Slack,
    account: &[Field {
        name: "signing_secret",
        secret: true,
        required: true,
        help: "the Signing Secret, under Basic Information, App Credentials of the app",
    }],
    verifier: &Slack { secret: "signing_secret" },
    handshake: Handshake::None,
    parse,
    acknowledge,
    sample,
};

fn parse(request: &Request<Verified>, _account: &Account) -> Result<Parsed, Malformed> {
    if request.is_form() {
        return interactions::read(&read::parameters(request)?);
    }
    let body = read::object(request)?;
    let envelope = Json::from(&body);
    Ok(match envelope.at("type").str() {
        // Signed like everything else, so it is answered only where the secret is right.
        Some("url_verification") => Parsed {
            answer: envelope
                .text("challenge")
                .map(|challenge| Answer::with_body(200, "text/plain", challenge)),
            ..Parsed::default()
        },
        Some("event_callback") => vec![Event::Message(message::read(envelope))].into(),
        word => {
            let other = Message {
                recipient: workspace(envelope),
                metadata: envelope.pick(&["api_app_id", "minute_rate_limited"]),
                ..Message::other(word.unwrap_or_default())
            };
            vec![Event::Message(other)].into()
        }
    })
}

/// The same for what we cannot read: Slack would only repeat it.
fn acknowledge(recorded: Recorded<'_>) -> Answer {
    recorded.wanted().unwrap_or(Answer::empty(200))
}

fn sample(sample: &Sample<'_>) -> Request {
    let ts = format!("{}.{:06}", sample.now.as_seconds(), sample.now.as_millis() % 1000 * 1000);
    let event: Value = json!({
        "type": "message",
        "channel": "D0FRONTDESK",
        "channel_type": "im",
        "user": sample.from.unwrap_or("U0FICTIONAL"),
        "text": escape(sample.text),
        "ts": ts,
        "event_ts": ts,
        "team": sample.address,
    });
    sample.json(&json!({
        "type": "event_callback",
        "team_id": sample.address,
        "api_app_id": "A0FRONTDESK",
        "event": event,
        "event_id": format!("Ev{}", sample.id),
        "event_time": sample.now.as_seconds(),
    }))
}

/// The workspace that installed the app: our side.
fn workspace(envelope: Json<'_>) -> Option<crate::Recipient> {
    envelope.text("team_id").map(|team| Address::user(team).into())
}

/// A person, within the workspace that knows the id.
fn person(id: Option<String>, team: Option<String>) -> Option<Address> {
    Some(Address { scope: team, ..Address::user(id?) })
}

/// `1767225600.000200` to the millisecond.
fn time(ts: Option<&str>) -> Option<Timestamp> {
    let (seconds, fraction) = ts?.split_once('.').unwrap_or((ts?, ""));
    let millis = fraction.get(..3).unwrap_or_default();
    let millis: i64 = if millis.is_empty() { 0 } else { millis.parse().ok()? };
    Timestamp::from_millis(seconds.parse::<i64>().ok()?.checked_mul(1000)?.checked_add(millis)?)
}

/// Text as a person sees it.
fn unescape(text: &str) -> String {
    match text.contains('&') {
        true => text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"),
        false => text.to_owned(),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
