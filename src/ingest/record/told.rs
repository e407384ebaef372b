//! What a group's events tell the world outside: rows for the outbox.

use frontdesk_adapters::Event;
use uuid::Uuid;

use super::{Fresh, Known, consents, queueing::Queued};
use crate::outbox::{EventType, NewEvent};

/// Everything to be told, in the order it happened.
pub(super) fn events(
    fresh: &[Fresh<'_>],
    known: &Known,
    queued: &[Queued],
    superseded: &[Uuid],
    now: i64,
) -> Vec<NewEvent> {
    let mut told = Vec::with_capacity(fresh.len() * 2);
    for id in superseded {
        told.push(NewEvent::new(EventType::InteractionClosed, Some(*id), *id, now));
    }
    for profile in known.created() {
        told.push(NewEvent::new(EventType::ProfileCreated, None, profile.profile_id, now));
    }
    let mut queued = queued.iter().peekable();
    for (place, fresh) in fresh.iter().enumerate() {
        let (record, at) = (fresh.arrived.id, fresh.arrived.received_at);
        if let Some(continued) = &fresh.continued {
            let interaction = Some(continued.interaction_id);
            told.push(NewEvent::new(EventType::MessageReceived, interaction, record, at));
            if let Some(queued) = queued.next_if(|queued| queued.place == place) {
                told.push(NewEvent::new(EventType::WorkItemQueued, interaction, queued.id, at));
            }
        }
        if matches!(fresh.arrived.event(), Event::Status(_)) {
            told.push(NewEvent::new(EventType::MessageStatus, None, record, at));
        }
        if consents::consent(fresh).is_some() {
            told.push(NewEvent::new(EventType::ConsentChanged, None, record, at));
        }
    }
    told
}
