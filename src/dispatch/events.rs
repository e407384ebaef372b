//! Rows of the outbox as the events they stand for.

use std::collections::HashMap;

use uuid::Uuid;

use crate::{
    db::{StoreError, Tx},
    interactions,
    messages::{self, Origin},
    outbox::{Row, TYPES},
};

/// Something to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its place among all events: twice the row's, since a row may stand for two.
    pub position: i64,
    /// Stable across every attempt to tell it, and the same for everybody.
    pub id: Uuid,
    /// Its type.
    pub event_type: &'static str,
    /// The interaction it belongs to: events of one are told in order.
    pub interaction_id: Option<Uuid>,
    /// What it is about.
    pub record_id: Uuid,
    /// The channel it came by, where that is known without looking further.
    pub channel_id: Option<String>,
    /// When it happened, in Unix milliseconds.
    pub created_at: i64,
}

impl Event {
    /// What it keeps its order with.
    pub fn lane(&self) -> Uuid {
        self.interaction_id.unwrap_or(self.record_id)
    }
}

/// Fills in the channels of profiles that were created: those of their first interactions, which are
/// opened with them.
pub(super) async fn look_for_channels(tx: &mut Tx, events: &mut [Event]) -> Result<(), StoreError> {
    let created = |event: &&mut Event| event.event_type == "profile.created";
    let profiles: Vec<_> = events.iter_mut().filter(created).map(|event| event.record_id).collect();
    let mut channels = interactions::store::first_channels(tx, &profiles).await?;
    for event in events.iter_mut().filter(created) {
        event.channel_id = channels.remove(&event.record_id);
    }
    Ok(())
}

/// The events that `rows` stand for, in order: a message that opened or continued an interaction is
/// told as that first.
pub(super) async fn of(tx: &mut Tx, rows: Vec<Row>) -> Result<Vec<Event>, StoreError> {
    let has_origin =
        |row: &&Row| row.event_type.starts_with("message.") || row.event_type == "consent.changed";
    let ids: Vec<_> = rows.iter().filter(has_origin).map(|row| row.record_id).collect();
    let origins = messages::origins(tx, &ids).await?;
    let mut events = Vec::with_capacity(rows.len() * 2);
    for row in rows {
        expand(row, &origins, &mut events);
    }
    Ok(events)
}

fn expand(row: Row, origins: &HashMap<Uuid, Origin>, events: &mut Vec<Event>) {
    // A type of a later version, which another instance already is: it tells it, too.
    let Some(event_type) = TYPES.into_iter().find(|known| *known == row.event_type) else {
        return;
    };
    let origin = origins.get(&row.record_id);
    let event = Event {
        position: row.seq * 2 + 1,
        id: row.id,
        event_type,
        interaction_id: row.interaction_id.or_else(|| origin.and_then(|of| of.interaction_id)),
        record_id: row.record_id,
        channel_id: origin.map(|of| of.channel_id.clone()),
        created_at: row.created_at,
    };
    let did = match origin.and_then(|of| of.decision.as_deref()) {
        Some("opened") => Some("interaction.opened"),
        Some("continued") => Some("interaction.continued"),
        Some(_) | None => None,
    };
    if event_type == "message.received"
        && let Some(did) = did
    {
        let (id, position) = (sibling(event.id), event.position - 1);
        events.push(Event { id, position, event_type: did, ..event.clone() });
    }
    events.push(event);
}

/// The id of what a message did to its interaction: that of the message's own event but for the last
/// bit, which is as random as those before it.
fn sibling(id: Uuid) -> Uuid {
    Uuid::from_u128(id.as_u128() ^ 1)
}
