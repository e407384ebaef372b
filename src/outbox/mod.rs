//! What must be told onward, written in the transaction that caused it.
//!
//! An event names the record it is about; whoever tells it reads the record then. What a person
//! wrote stands in one place, and a message costs intake two short rows.

use uuid::Uuid;

use crate::{
    clock,
    db::{Statement, StoreError, Tx, batch_row},
};

/// The types of events, in the words consumers rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventType {
    /// A message opened an interaction.
    InteractionOpened,
    /// A message continued an interaction.
    InteractionContinued,
    /// Somebody changed an interaction.
    InteractionChanged,
    /// An interaction closed.
    InteractionClosed,
    /// An interaction waits in a queue.
    WorkItemQueued,
    /// An agent took an interaction.
    WorkItemAccepted,
    /// Somebody said something.
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
            Self::InteractionContinued => "interaction.continued",
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

/// Writes events into the outbox, in order.
pub async fn enqueue(tx: &mut Tx, events: Vec<NewEvent>) -> Result<(), StoreError> {
    static INSERT: Statement<NewEvent> = Statement::new(
        "insert into outbox (id, type, interaction_id, record_id, created_at) \
         select r.id, r.event_type, r.interaction_id, r.record_id, r.now from {rows} order by r.ord",
    );
    INSERT.execute(tx, events).await?;
    Ok(())
}
