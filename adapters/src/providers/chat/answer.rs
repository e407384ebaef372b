//! What the back end hears.

use serde::Serialize;
use serde_json::json;

use crate::{Answer, Event, Outcome, Problem, Recorded, Verdict};

/// The answer to an event of its own.
#[derive(Serialize)]
struct Result<'a> {
    status: &'static str,
    id: Option<&'a str>,
}

#[derive(Serialize)]
struct Results<'a> {
    results: Vec<ItemResult<'a>>,
}

/// The answer to one event of a batch: its own HTTP status, and an id or errors.
#[derive(Serialize)]
struct ItemResult<'a> {
    status: u16,
    #[serde(flatten)]
    detail: Detail<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Detail<'a> {
    Recorded { id: Option<&'a str> },
    Refused(Errors<'a>),
}

#[derive(Serialize)]
struct Errors<'a> {
    errors: &'a [Problem],
}

/// What to do about a body that is too large.
pub(super) const TOO_LARGE: &str = "a body may have 256 KiB; send fewer events at a time";

/// The answer to a body that is too large, in the form of the gateway's own.
pub(super) fn too_large() -> Answer {
    let body = json!({"status": 413, "code": "too_large", "detail": TOO_LARGE});
    Answer::with_body(413, "application/problem+json", body.to_string())
}

pub(super) fn acknowledge(recorded: Recorded<'_>) -> Answer {
    if let Some(answer) = recorded.wanted() {
        return answer;
    }
    match recorded {
        Recorded::Understood(parsed, outcomes, _) if parsed.batch => {
            let results = parsed.events.iter().zip(outcomes);
            let results = results.map(|(event, outcome)| item(event, outcome)).collect();
            written(207, &Results { results })
        }
        Recorded::Understood(parsed, outcomes, _) => {
            match parsed.events.first().zip(outcomes.first()) {
                Some((event, outcome)) => single(event, outcome),
                None => Answer::empty(202),
            }
        }
        Recorded::NotUnderstood(malformed, _) => {
            let problem =
                Problem { path: String::new(), code: "malformed", message: malformed.to_string() };
            written(400, &Errors { errors: &[problem] })
        }
    }
}

fn single(event: &Event, outcome: &Outcome) -> Answer {
    if let Some(errors) = problems(event) {
        return written(422, &Errors { errors });
    }
    let (code, status) = match outcome.verdict {
        Verdict::Accepted => (202, "accepted"),
        Verdict::Duplicate => (200, "duplicate"),
        Verdict::Conflict => (409, "conflict"),
    };
    let id = outcome.id.as_deref();
    written(code, &Result { status, id })
}

fn item<'a>(event: &'a Event, outcome: &'a Outcome) -> ItemResult<'a> {
    if let Some(errors) = problems(event) {
        return ItemResult { status: 422, detail: Detail::Refused(Errors { errors }) };
    }
    ItemResult {
        status: match outcome.verdict {
            Verdict::Accepted => 202,
            Verdict::Duplicate => 200,
            Verdict::Conflict => 409,
        },
        detail: Detail::Recorded { id: outcome.id.as_deref() },
    }
}

fn problems(event: &Event) -> Option<&[Problem]> {
    match event {
        Event::Message(message) => Some(message.problems.as_slice()).filter(|all| !all.is_empty()),
        Event::Status(_) => None,
    }
}

fn written(status: u16, body: &impl Serialize) -> Answer {
    let body = serde_json::to_string(body).expect("texts and numbers can always be written");
    Answer::with_body(status, "application/json", body)
}
