//! The people who work here: to whom interactions are assigned, and who change them.
//!
//! Presence, capacity and skills belong to routing; this is who there is.

mod store;

use serde::Serialize;
pub use store::{get, insert, list, update};

/// Somebody who works here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow, utoipa::ToSchema)]
pub struct Agent {
    /// The agent's name in configuration, such as `ana`.
    pub id: String,
    /// The agent's name for people.
    pub name: String,
    /// Whether work can be assigned to the agent.
    pub active: bool,
    /// When the agent was entered.
    #[serde(serialize_with = "crate::db::show_required_time")]
    #[schema(value_type = String, format = DateTime)]
    pub created_at: i64,
    /// When the agent last changed.
    #[serde(serialize_with = "crate::db::show_required_time")]
    #[schema(value_type = String, format = DateTime)]
    pub changed_at: i64,
    /// Counts changes.
    pub version: i64,
}

/// Why an agent was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AgentError {
    /// The id would not fit into an address.
    #[error("an id is 1 to 64 lower-case letters, digits, hyphens, dots or underscores")]
    Id,
    /// No name.
    #[error("an agent needs a name")]
    Name,
}

/// Checks an agent's id and name.
pub fn check(id: &str, name: &str) -> Result<(), AgentError> {
    let well_formed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.');
    if !(1..=64).contains(&id.len()) || !id.bytes().all(well_formed) {
        return Err(AgentError::Id);
    }
    if name.trim().is_empty() { Err(AgentError::Name) } else { Ok(()) }
}
