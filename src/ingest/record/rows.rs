//! Rows of messages, events and requests.

use frontdesk_adapters::{Event, Kind, Medium, Message, Outcome, Timestamp, Verdict};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{Fresh, Known};
use crate::{
    db::JsonText,
    ingest::commit::Submission,
    interactions::Continued,
    messages::{NewEvent, NewMessage, NewRequest, RequestOutcome, changes::Edit},
    profiles::Resolved,
};

/// The messages among the new events: those that found a conversation.
pub(super) fn messages(fresh: &[Fresh<'_>], known: &Known) -> Vec<NewMessage> {
    let said = fresh.iter().filter_map(|fresh| {
        let profile = known.profile(fresh)?;
        message(fresh, fresh.continued.as_ref()?, profile)
    });
    said.collect()
}

fn message(fresh: &Fresh<'_>, continued: &Continued, profile: &Resolved) -> Option<NewMessage> {
    let message = fresh.message()?;
    let mut details = details(message);
    if profile.by_alias {
        details["from"] = message.sender.as_ref()?.address.value.as_str().into();
    }
    let arrived = fresh.arrived;
    let id = if fresh.adopted { &message.target } else { &message.id };
    Some(NewMessage {
        id: arrived.id,
        request_id: arrived.request_id,
        channel_id: arrived.channel.id.clone(),
        interaction_id: continued.interaction_id,
        profile_id: profile.profile_id,
        direction: if message.from_business { "outbound" } else { "inbound" },
        kind: message.kind.as_str(),
        provider_message_id: id.clone(),
        text: message.text.clone(),
        attachments: JsonText::of(&message.attachments),
        reply_to: message.reply_to.clone(),
        conversation: message.conversation.clone(),
        details: JsonText::of(&details),
        sent_at: message.sent_at.map(Timestamp::as_millis),
        received_at: arrived.received_at,
        decision: continued.decision(),
        reason: continued.reason.as_str(),
        // What was sent by SMS stays as it was sent.
        can_be_changed: fresh.medium() != Medium::Sms,
    })
}

/// What else the provider said about a message.
pub(super) fn details(message: &Message) -> Value {
    let details = [
        ("payload", message.payload.clone().map(Value::from)),
        ("type", message.provider_type.clone().map(Value::from)),
        ("metadata", message.metadata.clone().map(Value::from)),
    ];
    let details = details.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    details.collect::<Map<_, _>>().into()
}

/// Everything else among the new events.
pub(super) fn events(fresh: &[Fresh<'_>], known: &Known) -> Vec<NewEvent> {
    let beside =
        fresh.iter().filter(|fresh| fresh.continued.is_none() || known.profile(fresh).is_none());
    beside.map(event).collect()
}

fn event(fresh: &Fresh<'_>) -> NewEvent {
    let arrived = fresh.arrived;
    let (provider_type, at) = match arrived.event() {
        Event::Message(message) => (message.provider_type.clone(), message.sent_at),
        Event::Status(status) => (status.provider_type.clone(), status.at),
    };
    NewEvent {
        id: arrived.id,
        request_id: arrived.request_id,
        channel_id: arrived.channel.id.clone(),
        kind: arrived.event().kind(),
        provider_type,
        target: fresh.target_id().map(str::to_owned),
        message_id: fresh.target,
        data: JsonText::of(arrived.event()),
        at: at.map(Timestamp::as_millis),
        received_at: arrived.received_at,
    }
}

/// Edits of messages we have. One that says neither text nor parts anew changes nothing.
pub(super) fn edits(fresh: &[Fresh<'_>]) -> impl Iterator<Item = Edit> {
    let edits = fresh.iter().filter(|fresh| fresh.kind() == Some(Kind::MessageEdited));
    edits.filter_map(|fresh| {
        let message = fresh.message()?;
        let parts = Some(&message.attachments).filter(|parts| !parts.is_empty());
        if message.text.is_none() && parts.is_none() {
            return None;
        }
        let edited_at = message.sent_at.map(Timestamp::as_millis);
        // One that stands for its message is an edit of itself.
        let itself = fresh.adopted.then_some(fresh.arrived.id);
        Some(Edit {
            id: fresh.target.or(itself)?,
            text: message.text.clone(),
            attachments: parts.map(JsonText::of),
            at: edited_at.unwrap_or(fresh.arrived.received_at),
            timed: edited_at.is_some(),
        })
    })
}

/// Deletions of messages we have: id, when.
pub(super) fn deletions(fresh: &[Fresh<'_>]) -> impl Iterator<Item = (Uuid, i64)> {
    let deleted = fresh.iter().filter(|fresh| fresh.kind() == Some(Kind::MessageDeleted));
    deleted.filter_map(|fresh| Some((fresh.target?, fresh.arrived.received_at)))
}

/// The outcomes, given back to the submissions they belong to.
pub(super) fn per_submission(
    group: &[Submission],
    outcomes: Vec<Outcome>,
) -> Vec<Vec<(usize, Outcome)>> {
    let mut outcomes = outcomes.into_iter();
    let own = |submission: &Submission| {
        let places = submission.events.iter().map(|arrived| arrived.place);
        places.zip(&mut outcomes).collect()
    };
    group.iter().map(own).collect()
}

/// The requests for the archive.
pub(super) fn requests(
    group: &[Submission],
    outcomes: &[Vec<(usize, Outcome)>],
) -> Vec<NewRequest> {
    let mut rows = Vec::new();
    for (submission, outcomes) in group.iter().zip(outcomes) {
        let Some(request) = &submission.request else { continue };
        let known = outcomes.iter().filter(|(_, outcome)| outcome.verdict != Verdict::Accepted);
        let mut request = request.clone();
        request.duplicates = i32::try_from(known.count()).unwrap_or(i32::MAX);
        if request.events > 0 && request.duplicates == request.events {
            request.outcome = RequestOutcome::Duplicate.as_str();
        }
        rows.push(request);
    }
    rows
}
