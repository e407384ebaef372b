//! Africa's Talking SMS.
//!
//! Wire format: <https://docs.africastalking.com/sms/notifications>,
//! <https://docs.africastalking.com/sms/deliveryreports>
//!
//! - Everything is a form, and only its parameters tell what it is about: a report has a `status`,
//!   an opt-out a `senderId`, a premium subscription an `updateType`.
//! - A report names the person, not the number or sender name it was sent from.
//! - Times come as RFC 3339 or with a space in the middle, and are UTC.
//! - Premium messages keep their keyword in the text; `linkId` has to be given back in the answer.
//! - `UserInBlackList` says that the person has opted out: an opt-out as well.
//!
//! Unconfirmed: the parameters of opt-outs and subscriptions, `Expired` and `AbsentSubscriber`,
//! whether the list of reasons is complete, and whether requests are repeated.

use crate::{
    Account, Adapter, Address, Answer, DeliveryError, DeliveryStatus, Event, Field, Handshake,
    Kind, Malformed, Medium, Message, Parsed, Recorded, Request, Sample, Verified,
    event::Report,
    json::{self, Json},
    verify::Endpoint,
};

/// Africa's Talking.
pub const ADAPTER: Adapter = Adapter {
    provider: "africas-talking",
    aliases: &["africastalking"],
    title: "Africa's Talking SMS",
    receives: "SMS, delivery reports, opt-outs, premium subscriptions",
    medium: Medium::Sms,
    account: &[Field::TOKEN, Field::USERNAME, Field::PASSWORD],
    verifier: &Endpoint::USUAL,
    handshake: Handshake::None,
    parse,
    acknowledge,
    sample,
};

/// Opt-outs and subscriptions have neither id nor time. Leaving twice does no harm, while joining
/// again after having left must be meant.
const LEAVES_AGAIN_AFTER_MILLIS: u32 = 60 * 1000;
const JOINS_AGAIN_AFTER_MILLIS: u32 = 24 * 60 * 60 * 1000;

/// The person has opted out of our sender name.
const BLACKLISTED: &str = "UserInBlackList";

fn parse(request: &Request<Verified>, _account: &Account) -> Result<Parsed, Malformed> {
    let body = json::parameters(request)?;
    let body = Json::from(&body);
    let events = if let Some(word) = body.text("status") {
        report(&word, body)
    } else if let Some(word) = body.text("updateType") {
        vec![subscription(&word, body)]
    } else if body.text("senderId").is_some() {
        vec![opt_out(body)]
    } else if body.first_text(&["from", "text"]).is_some() {
        vec![message(body)]
    } else {
        vec![Event::Message(Message { metadata: body.kept(), ..Message::other("") })]
    };
    Ok(events.into())
}

fn acknowledge(_: Recorded<'_>) -> Answer {
    Answer::empty(200)
}

fn sample(sample: &Sample<'_>) -> Request {
    sample.form(&[
        ("id", sample.id),
        ("from", sample.sender()),
        ("to", sample.address),
        ("text", sample.text),
        ("date", &sample.now.to_string()),
    ])
}

fn address(body: Json<'_>, name: &str) -> Option<Address> {
    Address::telephone(&body.text(name)?, None)
}

fn message(body: Json<'_>) -> Event {
    Event::Message(Message {
        kind: Kind::Message,
        id: body.text("id"),
        sender: address(body, "from").map(Into::into),
        recipient: address(body, "to").map(Into::into),
        sent_at: body.time("date"),
        text: body.text("text"),
        metadata: body.pick(&["linkId"]),
        ..Message::default()
    })
}

fn report(word: &str, body: Json<'_>) -> Vec<Event> {
    let meaning = match word {
        "Buffered" => Some(DeliveryStatus::Queued),
        "Sent" | "Submitted" => Some(DeliveryStatus::Sent),
        "Success" => Some(DeliveryStatus::Delivered),
        "Failed" | "AbsentSubscriber" => Some(DeliveryStatus::Undelivered),
        "Rejected" => Some(DeliveryStatus::Rejected),
        "Expired" => Some(DeliveryStatus::Expired),
        _ => None,
    };
    let reason = body.text("failureReason");
    let has_opted_out = reason.as_deref() == Some(BLACKLISTED);
    let report = Report {
        id: body.text("id"),
        recipient: address(body, "phoneNumber"),
        error: DeliveryError::of(reason, None),
        ..Report::default()
    };
    let opt_out = has_opted_out.then(|| report.opt_out()).flatten();
    let mut events = vec![report.event(word, meaning)];
    events.extend(opt_out);
    events
}

fn opt_out(body: Json<'_>) -> Event {
    Event::Message(Message {
        kind: Kind::OptOut,
        sender: address(body, "phoneNumber").map(Into::into),
        recipient: address(body, "senderId").map(Into::into),
        repeats_within: Some(LEAVES_AGAIN_AFTER_MILLIS),
        ..Message::default()
    })
}

/// Somebody joins or leaves a premium service.
fn subscription(word: &str, body: Json<'_>) -> Event {
    let (kind, again) = match word.to_ascii_lowercase().as_str() {
        "addition" => (Kind::OptIn, Some(JOINS_AGAIN_AFTER_MILLIS)),
        "deletion" => (Kind::OptOut, Some(LEAVES_AGAIN_AFTER_MILLIS)),
        _ => (Kind::Other, None),
    };
    Event::Message(Message {
        kind,
        sender: address(body, "phoneNumber").map(Into::into),
        recipient: address(body, "shortCode").map(Into::into),
        metadata: body.pick(&["keyword"]),
        repeats_within: again,
        ..Message::other(format!("subscription/{word}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Accepted, Method, Timestamp};

    #[test]
    fn who_opts_out_again_later_means_it() {
        let window = |form: &str| {
            let kind = "application/x-www-form-urlencoded".to_owned();
            let headers = vec![("content-type".to_owned(), kind)];
            let request =
                Request::new(Method::Post, "https://desk.example/a", headers, form.into());
            let now = Timestamp::from_millis(0).expect("the epoch");
            let watched = ADAPTER.watch(request, &Account::default(), now).0;
            let Accepted::Understood(_, parsed) = watched else { panic!("{watched:?}") };
            parsed.events[0].repeats_within()
        };
        let leaves = window("senderId=ACME&phoneNumber=%2B254711000001").expect("a window");
        let joins = window("phoneNumber=%2B254711000001&shortCode=21512&updateType=addition");
        assert!(joins.expect("a window") > leaves);
        assert_eq!(window("id=1&from=%2B254711000001&to=21512&text=Hi"), None);
    }
}
