//! What a group's events tell the world outside: snapshots for the outbox.

use frontdesk_adapters::Event;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Fresh, Known, consents, queueing::Queued};
use crate::{
    interactions::Continued,
    outbox::{EventType, NewEvent},
};

/// Everything to be told, in the order it happened.
pub(super) fn events(
    fresh: &[Fresh<'_>],
    known: &Known,
    queued: &[Queued],
    superseded: &[Uuid],
    now: i64,
) -> Vec<NewEvent> {
    let mut told = Vec::new();
    for id in superseded {
        let closed = json!({"id": id, "state": "closed_complete", "state_reason": "superseded"});
        told.push(NewEvent::new(EventType::InteractionClosed, Some(*id), &closed, now));
    }
    for (sender, profile) in known.created() {
        let created = json!({
            "id": profile.profile_id,
            "address": sender.key,
            "name": sender.name,
            "person": profile.decision.link,
            "match_outcome": profile.decision.outcome,
        });
        told.push(NewEvent::new(EventType::ProfileCreated, None, &created, now));
    }
    let mut queued = queued.iter().peekable();
    for (place, fresh) in fresh.iter().enumerate() {
        let at = fresh.arrived.received_at;
        if let Some(continued) = &fresh.continued {
            let id = Some(continued.interaction_id);
            let event_type = match continued.opened {
                true => EventType::InteractionOpened,
                false => EventType::InteractionContinued,
            };
            told.push(NewEvent::new(event_type, id, &interaction(fresh, known, continued), at));
            told.push(NewEvent::new(
                EventType::MessageReceived,
                id,
                &message(fresh, continued),
                at,
            ));
            if let Some(queued) = queued.next_if(|queued| queued.place == place) {
                let item = work_item(queued, continued);
                told.push(NewEvent::new(EventType::WorkItemQueued, id, &item, at));
            }
        }
        if let Event::Status(status) = &fresh.arrived.event {
            let channel = &fresh.arrived.channel.id;
            let data = json!({"id": fresh.arrived.id, "channel": channel, "event": status});
            told.push(NewEvent::new(EventType::MessageStatus, None, &data, at));
        }
        if let Some(consent) = consents::consent(fresh) {
            let sender = fresh.message().and_then(|message| message.sender.as_ref());
            let data = json!({
                "sender": sender.map(|sender| &sender.address),
                "our_address": fresh.arrived.our_address,
                "state": consent.as_str(),
            });
            told.push(NewEvent::new(EventType::ConsentChanged, None, &data, at));
        }
    }
    told
}

fn interaction(fresh: &Fresh<'_>, known: &Known, continued: &Continued) -> Value {
    let profile = known.profile(fresh);
    json!({
        "number": continued.number(),
        "id": continued.interaction_id,
        "channel": fresh.arrived.channel.id,
        "our_address": fresh.arrived.our_address,
        "profile": profile.map(|profile| profile.profile_id),
        "opened_for": profile.and_then(|profile| profile.decision.opened_for),
        "reason": continued.reason,
        "message": fresh.arrived.id,
    })
}

fn message(fresh: &Fresh<'_>, continued: &Continued) -> Value {
    json!({
        "id": fresh.arrived.id,
        "interaction": continued.number(),
        "channel": fresh.arrived.channel.id,
        "event": fresh.message(),
    })
}

fn work_item(queued: &Queued, continued: &Continued) -> Value {
    json!({
        "id": queued.id,
        "interaction": continued.number(),
        "queue": queued.decision.queue,
        "priority": queued.decision.priority,
        "route": queued.decision.route,
        "reason": queued.decision.reason,
    })
}
