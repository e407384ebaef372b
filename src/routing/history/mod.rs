//! What became of work items after they were queued: offers, rejections, moves, each with its reason.
//!
//! Rows are only ever added; why an item was queued stands on the item itself.

mod store;

use serde::Serialize;
pub use store::{of_item, record};
use uuid::Uuid;

use crate::{
    audit::{Author, AuthorKind},
    clock,
    db::batch_row,
};

/// What became of a work item, for showing.
#[derive(Clone, Debug, Serialize, sqlx::FromRow, utoipa::ToSchema)]
pub struct ItemEvent {
    /// Opaque id; ids sort in the order things happened.
    pub id: Uuid,
    /// What: `offered`, `accepted`, `rejected`, `timed_out`, `withdrawn`, `overflowed`, `notified`,
    /// `transferred` or `assigned`.
    #[sqlx(rename = "kind")]
    #[serde(rename = "event")]
    pub kind: String,
    /// The agent it is about.
    #[sqlx(rename = "agent_id")]
    pub agent: Option<String>,
    /// The queue it went to.
    #[sqlx(rename = "queue_id")]
    pub queue: Option<String>,
    /// Why.
    pub reason: String,
    /// What did it.
    pub author_kind: AuthorKind,
    /// Who did it.
    pub author: String,
    /// Whether the item is not offered to this agent again.
    pub excludes: bool,
    /// When.
    #[serde(serialize_with = "crate::db::show_required_time")]
    #[schema(value_type = String, format = DateTime)]
    pub at: i64,
}

batch_row! {
    /// Something that became of an item.
    pub struct NewItemEvent {
        /// Opaque id.
        id: Uuid,
        /// The item.
        item: Uuid,
        /// What, in a word.
        kind: &'static str,
        /// The agent it is about.
        agent: Option<String>,
        /// The queue it went to.
        queue: Option<String>,
        /// Why.
        reason: String,
        /// What did it.
        author_kind: &'static str,
        /// Who did it.
        author: String,
        /// Whether the item is not offered to this agent again.
        excludes: bool,
        /// When.
        now: i64,
    }
}

impl NewItemEvent {
    /// Something that `author` did to an item.
    #[must_use]
    pub fn new(item: Uuid, kind: &'static str, reason: &str, author: &Author, now: i64) -> Self {
        Self {
            id: clock::new_id(),
            item,
            kind,
            agent: None,
            queue: None,
            reason: reason.to_owned(),
            author_kind: author.kind.as_str(),
            author: author.id.clone(),
            excludes: false,
            now,
        }
    }

    /// It is about this agent.
    #[must_use]
    pub fn about(self, agent: &str) -> Self {
        Self { agent: Some(agent.to_owned()), ..self }
    }
}
