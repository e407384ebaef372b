//! AWS End User Messaging SMS (two-way SMS), by way of Amazon SNS.
//!
//! Wire format: <https://docs.aws.amazon.com/sms-voice/latest/userguide/two-way-sms-payload.html>,
//! <https://docs.aws.amazon.com/sms-voice/latest/userguide/configuration-sets-event-types.html>,
//! <https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html>
//!
//! - The body is JSON whatever its content type says, and what AWS tells is JSON again, as text in
//!   its `Message`; with raw delivery it is the body itself. SNS's headers are not signed.
//! - A subscription starts with a message whose `SubscribeURL` must be called. Since that is a
//!   request of ours, it is only asked for here; the end of a subscription is recorded, not undone.
//! - An inbound text carries no time: the envelope's is the nearest.
//! - `TEXT_SUCCESSFUL` is final only where the carrier sends no receipts.
//! - AWS itself answers its opt-out keywords and still tells of them, with the keyword it matched.
//! - Texts come joined; there is no two-way MMS. What else is published to the topic is kept as
//!   something else.
//! - 2xx must come within 15 seconds; three retries, 20 seconds apart, unless the subscription says
//!   otherwise. A 4xx may be final, so trouble of ours is a 5xx.
//!
//! Unconfirmed: the timeout, how long a subscription can be confirmed, and the statuses' fields
//! beyond those that the user guide shows.

use serde_json::{Value, json};

use crate::{
    Account, Adapter, Address, Answer, DeliveryError, DeliveryStatus, Event, Field, Handshake,
    Kind, Malformed, Medium, Message, Parsed, Recorded, Request, Sample, Timestamp, Verified,
    event::Report,
    json::{self as read, Json},
    verify::{Endpoint, Sns, is_envelope, is_on_host},
};

/// AWS.
pub const ADAPTER: Adapter = Adapter {
    provider: "aws-sns",
    aliases: &["aws", "sns", "aws-end-user-messaging"],
    title: "AWS End User Messaging (SNS)",
    receives: "SMS messages, delivery statuses, opt-outs; subscriptions",
    medium: Medium::Sms,
    account: &[
        Field {
            name: "topic_arn",
            secret: false,
            required: true,
            help: "the ARN of the topic; several with a space between",
        },
        Field {
            name: "token",
            secret: true,
            required: false,
            help: "for raw message delivery: at least 22 random letters and digits, which end the \
                   address you give to SNS",
        },
        Field {
            name: "username",
            secret: false,
            required: false,
            help: "for raw message delivery: the user name in the subscription's address",
        },
        Field {
            name: "password",
            secret: true,
            required: false,
            help: "for raw message delivery: the password in the subscription's address",
        },
        Field {
            name: "signature_version",
            secret: false,
            required: false,
            help: "`2` refuses signatures with SHA-1; set the topic's SignatureVersion to 2 first",
        },
        Field {
            name: "max_age_seconds",
            secret: false,
            required: false,
            help: "refuses what was signed longer ago; more than your retries take, such as 3600",
        },
        Field {
            name: "certificate_pem",
            secret: false,
            required: false,
            help: "a certificate that is used instead of fetching certificate_url",
        },
        Field {
            name: "certificate_url",
            secret: false,
            required: false,
            help: "the address on Amazon's host that certificate_pem stands for",
        },
        Field {
            name: "private_key",
            secret: true,
            required: false,
            help: "only for trying the channel: the private key to a certificate_pem of your own",
        },
    ],
    verifier: &Sns {
        topics: "topic_arn",
        certificate: ("certificate_pem", "certificate_url"),
        private_key: "private_key",
        max_age: "max_age_seconds",
        signature_version: "signature_version",
        endpoint: Endpoint {
            token: "token",
            credentials: &[("username", "password")],
            main: "token",
        },
    },
    handshake: Handshake::None,
    parse,
    acknowledge,
    sample,
};

/// AWS's words for opting out, as it matches them by itself.
const OPT_OUT_KEYWORDS: &[&str] =
    &["ARRET", "CANCEL", "END", "OPT-OUT", "OPTOUT", "QUIT", "REMOVE", "STOP", "TD", "UNSUBSCRIBE"];

fn parse(request: &Request<Verified>, account: &Account) -> Result<Parsed, Malformed> {
    let body = read::object(request)?;
    let envelope = Json::from(&body);
    if !is_envelope(&body) {
        return Ok(vec![told(envelope, None, request.header("x-amz-sns-message-id"))].into());
    }
    let id = envelope.text("MessageId");
    let sent_at = envelope.time("Timestamp");
    if let Some(word) = envelope.text("Type").filter(|word| word != "Notification") {
        // What the account's own certificate signs is a trial: there is nothing to confirm.
        let is_trial = envelope.at("SigningCertURL").str() == account.get("certificate_url");
        let confirms = word == "SubscriptionConfirmation" && !is_trial;
        let address = envelope.text("SubscribeURL").filter(|url| confirms && is_on_host(url));
        let event = Event::Message(Message {
            key: id.map(|id| format!("sns:{id}")),
            sent_at,
            metadata: envelope.pick(&["TopicArn"]),
            ..Message::other(word)
        });
        return Ok(Parsed { confirm: address, ..vec![event].into() });
    }
    let message = envelope.text("Message").unwrap_or_default();
    let message = read::peek(message.as_bytes());
    let message = if message.is_object() { message } else { Value::Null };
    Ok(vec![told(Json::from(&message), sent_at, id.as_deref())].into())
}

fn acknowledge(_: Recorded<'_>) -> Answer {
    Answer::empty(200)
}

fn sample(sample: &Sample<'_>) -> Request {
    let message = json!({
        "originationNumber": sample.from.unwrap_or("+15550100002"),
        "destinationNumber": sample.address,
        "messageKeyword": "KEYWORD_123456789012",
        "messageBody": sample.text,
        "inboundMessageId": sample.id,
    });
    sample.json(&json!({
        "Type": "Notification",
        "MessageId": sample.id,
        "Message": message.to_string(),
        "Timestamp": sample.now.to_string(),
    }))
}

/// What AWS says through the topic.
fn told(said: Json<'_>, sent_at: Option<Timestamp>, envelope: Option<&str>) -> Event {
    let word = said.text("eventType").unwrap_or_default();
    if said.text("inboundMessageId").or_else(|| said.text("originationNumber")).is_some() {
        return inbound(said, sent_at, envelope);
    }
    match word.split_once('_') {
        Some(("TEXT" | "MEDIA", suffix)) => status(said, &word, suffix),
        Some(_) | None => Event::Message(Message {
            key: envelope.map(|id| format!("sns:{id}")),
            sent_at,
            metadata: said.kept(),
            ..Message::other(if word.is_empty() { "notification" } else { &word })
        }),
    }
}

fn inbound(said: Json<'_>, sent_at: Option<Timestamp>, envelope: Option<&str>) -> Event {
    let keyword = said.text("messageKeyword").unwrap_or_default().to_ascii_uppercase();
    let kind = match keyword.as_str() {
        "HELP" => Kind::Help,
        keyword if OPT_OUT_KEYWORDS.contains(&keyword) => Kind::OptOut,
        _ => Kind::Message,
    };
    Event::Message(Message {
        kind,
        id: said.text("inboundMessageId").or_else(|| envelope.map(str::to_owned)),
        sender: number(said, "originationNumber").map(Into::into),
        recipient: number(said, "destinationNumber").map(Into::into),
        sent_at,
        text: said.text("messageBody"),
        reply_to: said.text("previousPublishedMessageId"),
        ..Message::default()
    })
}

fn status(said: Json<'_>, word: &str, suffix: &str) -> Event {
    let meaning = match suffix {
        "QUEUED" | "PENDING" => Some(DeliveryStatus::Queued),
        "SENT" => Some(DeliveryStatus::Sent),
        "SUCCESSFUL" if said.at("isFinal").value() == Some(&Value::Bool(true)) => {
            Some(DeliveryStatus::Delivered)
        }
        "SUCCESSFUL" => Some(DeliveryStatus::Sent),
        "DELIVERED" => Some(DeliveryStatus::Delivered),
        "TTL_EXPIRED" => Some(DeliveryStatus::Expired),
        "INVALID" | "INVALID_MESSAGE" => Some(DeliveryStatus::Failed),
        "UNREACHABLE" | "CARRIER_UNREACHABLE" | "UNKNOWN" => Some(DeliveryStatus::Undelivered),
        "BLOCKED" | "CARRIER_BLOCKED" | "SPAM" | "PROTECT_BLOCKED" => {
            Some(DeliveryStatus::Rejected)
        }
        _ => None,
    };
    let failed = meaning.is_some_and(|meaning| {
        matches!(
            meaning,
            DeliveryStatus::Undelivered
                | DeliveryStatus::Failed
                | DeliveryStatus::Rejected
                | DeliveryStatus::Expired
        )
    });
    let report = Report {
        id: said.text("messageId"),
        at: said.time("eventTimestamp"),
        recipient: number(said, "destinationPhoneNumber"),
        sender: number(said, "originationPhoneNumber"),
        error: DeliveryError::of(said.text("messageStatus"), said.text("messageStatusDescription"))
            .filter(|_| failed),
        medium: None,
    };
    report.event(word, meaning)
}

fn number(said: Json<'_>, name: &str) -> Option<Address> {
    Address::telephone(&said.text(name)?, None)
}
