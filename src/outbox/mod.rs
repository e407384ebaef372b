//! What must be told onward, written in the transaction that caused it.
//!
//! An event names the record it is about; whoever tells it reads the record then, so that what a
//! person wrote stands in one place. A message costs intake one short row: its own decision says
//! whether `interaction.opened` or `interaction.continued` is told before `message.received`.

mod bell;
mod store;

use serde::Serialize;
use uuid::Uuid;

pub use bell::{Bell, Ear};
pub use store::{Horizon, after, enqueue, is_kept, is_past, newest, tip, trim};

use crate::{clock, db::batch_row};

/// Every type of event that is told, in the words consumers rely on.
pub const TYPES: [&str; 10] = [
    "interaction.opened",
    "interaction.continued",
    "interaction.changed",
    "interaction.closed",
    "work_item.queued",
    "work_item.accepted",
    "message.received",
    "message.status",
    "profile.created",
    "consent.changed",
];

/// A row of the outbox: what must be told, in the order of `seq`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct Row {
    /// Its place. Numbers may be missing.
    pub seq: i64,
    /// The event's id.
    pub id: Uuid,
    /// Its type.
    #[sqlx(rename = "type")]
    pub event_type: String,
    /// The interaction it belongs to: events of one are told in order.
    pub interaction_id: Option<Uuid>,
    /// The message, event, profile, work item or interaction it is about.
    pub record_id: Uuid,
    /// When it happened, in Unix milliseconds.
    pub created_at: i64,
}

/// The types of events, in the words consumers rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventType {
    /// An interaction was opened without a message.
    InteractionOpened,
    /// Somebody changed an interaction.
    InteractionChanged,
    /// An interaction closed.
    InteractionClosed,
    /// An interaction waits in a queue.
    WorkItemQueued,
    /// An agent took an interaction.
    WorkItemAccepted,
    /// Somebody said something, which opened or continued an interaction.
    MessageReceived,
    /// Something became of a message of ours.
    MessageStatus,
    /// A sender got a profile.
    ProfileCreated,
    /// A sender opted out or in.
    ConsentChanged,
}

impl EventType {
    /// The word in JSON and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InteractionOpened => "interaction.opened",
            Self::InteractionChanged => "interaction.changed",
            Self::InteractionClosed => "interaction.closed",
            Self::WorkItemQueued => "work_item.queued",
            Self::WorkItemAccepted => "work_item.accepted",
            Self::MessageReceived => "message.received",
            Self::MessageStatus => "message.status",
            Self::ProfileCreated => "profile.created",
            Self::ConsentChanged => "consent.changed",
        }
    }
}

batch_row! {
    /// An event to be told.
    pub struct NewEvent {
        /// Stable across every attempt to tell it.
        id: Uuid,
        /// Its type.
        event_type: &'static str,
        /// The interaction it belongs to: events of one are told in order.
        interaction_id: Option<Uuid>,
        /// The message, event, profile, work item or interaction it is about.
        record_id: Uuid,
        /// When.
        now: i64,
    }
}

impl NewEvent {
    /// An event with a new id.
    #[must_use]
    pub fn new(
        event_type: EventType,
        interaction_id: Option<Uuid>,
        record_id: Uuid,
        now: i64,
    ) -> Self {
        let event_type = event_type.as_str();
        Self { id: clock::new_id(), event_type, interaction_id, record_id, now }
    }
}
