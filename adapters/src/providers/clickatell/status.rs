//! What became of a message, by code: the same codes in all generations, Central's with zeros.

use super::number;
use crate::{DeliveryError, DeliveryStatus, Event, event::Report, json::Json};

pub(super) fn read(body: Json<'_>) -> Event {
    let given = body.first_text(&["statusCode", "status"]).unwrap_or_default();
    let code = given.trim_start_matches('0');
    let name = body.text("status").filter(|name| !name.bytes().all(|byte| byte.is_ascii_digit()));
    let meaning = by_code(code).or_else(|| by_name(name.as_deref()?));
    let is_failure = meaning.is_some_and(|meaning| {
        meaning > DeliveryStatus::Delivered && meaning != DeliveryStatus::Read
    });
    let given = body.at("error");
    let text = body.text("statusDescription").or_else(|| given.text("description"));
    let error = is_failure.then(|| DeliveryError {
        code: given.text("code").or_else(|| Some(code.to_owned())),
        text: text.or_else(|| body.text("error")),
    });
    let report = Report {
        id: body.first_text(&["messageId", "apiMsgId"]),
        at: body.time("timestamp"),
        recipient: number(body, "to"),
        sender: number(body, "from"),
        error,
        medium: super::one::medium(body),
    };
    report.event(name.as_deref().unwrap_or(code), meaning)
}

fn by_code(code: &str) -> Option<DeliveryStatus> {
    Some(match code {
        "2" | "11" => DeliveryStatus::Queued,
        "3" | "8" => DeliveryStatus::Sent,
        "4" => DeliveryStatus::Delivered,
        "7" | "9" => DeliveryStatus::Undelivered,
        // Message unknown, an error with it, canceled twice, out of credit.
        "1" | "5" | "6" | "12" | "13" => DeliveryStatus::Failed,
        "14" => DeliveryStatus::Rejected,
        "10" => DeliveryStatus::Expired,
        _ => return None,
    })
}

fn by_name(name: &str) -> Option<DeliveryStatus> {
    Some(match name {
        "QUEUED" => DeliveryStatus::Queued,
        "DELIVERED_TO_GATEWAY" | "SENT_TO_SUPPLIER" | "SENT" => DeliveryStatus::Sent,
        "DEVICE_ACK" | "RECEIVED_BY_RECIPIENT" | "DELIVERED" => DeliveryStatus::Delivered,
        "READ" => DeliveryStatus::Read,
        "DELIVERY_FAILURE" | "ROUTING_ERROR" => DeliveryStatus::Undelivered,
        "EXPIRED" | "MESSAGE_EXPIRED" => DeliveryStatus::Expired,
        "REJECTED" => DeliveryStatus::Rejected,
        _ => return None,
    })
}
