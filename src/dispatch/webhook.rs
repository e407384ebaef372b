//! Telling events by HTTP, as Standard Webhooks has it.
//!
//! Specification: <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>
//!
//! Any 2xx is acceptance, whatever becomes of the rest of the answer. 410 means: never again.

use std::time::Duration;

use frontdesk_adapters::Method;
use uuid::Uuid;

use super::send::Outcome;
use crate::{
    egress::{Answer, Call, Egress},
    sinks::{Secrets, Sink},
};

/// Nobody reads what a receiver answers; this much is taken before the call ends.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// Tells one event.
pub(super) async fn tell(
    egress: &Egress,
    timeout: Duration,
    (sink, secrets): (&Sink, &Secrets),
    id: Uuid,
    body: &[u8],
    now: i64,
) -> Outcome {
    let (id, seconds) = (id.to_string(), now.div_euclid(1000));
    let signature = secrets.sign(&id, seconds, body, now);
    let seconds = seconds.to_string();
    let call = Call {
        method: Method::Post,
        url: &sink.url,
        headers: &[
            ("content-type", "application/json"),
            ("webhook-id", &id),
            ("webhook-timestamp", &seconds),
            ("webhook-signature", &signature),
        ],
        body,
        timeout,
        max_answer_bytes: MAX_ANSWER_BYTES,
    };
    // Whatever it has to say beyond its status, nobody reads.
    match egress.call(call).await {
        Ok(Answer { status: status @ 200..300, .. }) => Outcome::Accepted { status: Some(status) },
        Ok(Answer { status: 410, .. }) => Outcome::Gone,
        Ok(answer) => Outcome::Failed {
            status: Some(answer.status),
            error: format!("answered {}", answer.status),
            retry_after: retry_after(&answer),
        },
        Err(error) => Outcome::Failed { status: None, error: error.to_string(), retry_after: None },
    }
}

/// What the receiver asks to be left alone for; a date is not waited for.
fn retry_after(answer: &Answer) -> Option<Duration> {
    let seconds = answer.header("retry-after")?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}
