//! What happened to an interaction: its moves, and what people noted beside it.
//!
//! Both are only ever added to. The first move is the interaction's own opening and is not repeated
//! here.

mod store;

use serde::Serialize;
pub use store::{first_unanswered, insert_note, insert_transition, moved_into, notes, transitions};
use uuid::Uuid;

use super::{State, StateReason};
use crate::audit::AuthorKind;

/// One move of an interaction, for showing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow, utoipa::ToSchema)]
pub struct Transition {
    /// Opaque id; ids sort in the order things happened.
    pub id: Uuid,
    /// From where.
    pub from_state: State,
    /// Why it stood there.
    pub from_reason: Option<StateReason>,
    /// To where.
    pub to_state: State,
    /// Why it stands there.
    pub to_reason: Option<StateReason>,
    /// What moved it, in a word such as `accepted` or `customer_wrote`.
    pub cause: String,
    /// What moved it.
    pub author_kind: AuthorKind,
    /// Who moved it.
    pub author: String,
    /// Who works on it then.
    pub assigned_to: Option<String>,
    /// When.
    #[serde(serialize_with = "crate::db::show_required_time")]
    #[schema(value_type = String, format = DateTime)]
    pub at: i64,
}

/// What somebody on our side noted, never seen by the customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow, utoipa::ToSchema)]
pub struct Note {
    /// Opaque id; ids sort in the order things happened.
    pub id: Uuid,
    /// What the author is.
    pub author_kind: AuthorKind,
    /// Who wrote it.
    pub author: String,
    /// The note.
    pub text: String,
    /// When.
    #[serde(serialize_with = "crate::db::show_required_time")]
    #[schema(value_type = String, format = DateTime)]
    pub at: i64,
}
