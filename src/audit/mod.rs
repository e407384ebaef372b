//! Who changed what, from what to what: one row for every change by a person or a key.
//!
//! Whoever makes a change records it in the same transaction, so that there is no change without
//! its row and no row without its change. Rows are only ever added, and triggers see to it: nothing is
//! deleted, and only values may be forgotten. What intake does by itself is not here: messages carry
//! their own decisions.

mod store;
#[cfg(test)]
mod tests;

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
pub use store::{Filter, list, record, record_all};
use uuid::Uuid;

/// Who did something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// What the author is.
    pub kind: AuthorKind,
    /// The agent's id, the key's id, or a word for what it is.
    pub id: String,
    /// The key it was done with.
    pub key: Option<Uuid>,
}

/// What an author is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum AuthorKind {
    /// Somebody who works here.
    Agent,
    /// A program with a key of its own.
    Key,
    /// Somebody at the command line.
    Command,
    /// The customer.
    Requester,
    /// Rules and timers.
    System,
}

impl AuthorKind {
    /// The word in JSON and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Key => "key",
            Self::Command => "command",
            Self::Requester => "requester",
            Self::System => "system",
        }
    }
}

impl Author {
    /// Somebody who works here, by the agent's id.
    #[must_use]
    pub fn agent(id: &str, key: Option<Uuid>) -> Self {
        Self { kind: AuthorKind::Agent, id: id.to_owned(), key }
    }

    /// A program with a key of its own.
    #[must_use]
    pub fn key(key: Uuid) -> Self {
        Self { kind: AuthorKind::Key, id: key.to_string(), key: Some(key) }
    }

    /// Somebody at the command line, who ran the command `name`.
    #[must_use]
    pub fn command(name: &str) -> Self {
        Self { kind: AuthorKind::Command, id: name.to_owned(), key: None }
    }

    /// The customer.
    #[must_use]
    pub fn requester() -> Self {
        Self { kind: AuthorKind::Requester, id: "requester".to_owned(), key: None }
    }

    /// A rule or timer, by a word for it.
    #[must_use]
    pub fn system(rule: &str) -> Self {
        Self { kind: AuthorKind::System, id: rule.to_owned(), key: None }
    }

    /// The agent, where it is one.
    #[must_use]
    pub fn as_agent(&self) -> Option<&str> {
        (self.kind == AuthorKind::Agent).then_some(self.id.as_str())
    }
}

/// As stored in `opened_by` and `closed_by`: `requester`, `system`, `agent:ana`, `key:…`.
impl fmt::Display for Author {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            AuthorKind::Requester | AuthorKind::System => f.write_str(self.kind.as_str()),
            AuthorKind::Agent | AuthorKind::Key | AuthorKind::Command => {
                write!(f, "{}:{}", self.kind.as_str(), self.id)
            }
        }
    }
}

/// What a change was made to: a kind in the words of the API, and what the API knows it by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Such as `interaction` or `profile`.
    pub kind: &'static str,
    /// Such as `IMS0000001` or a profile's id.
    pub id: String,
}

impl Subject {
    /// A subject.
    #[must_use]
    pub fn new(kind: &'static str, id: impl fmt::Display) -> Self {
        Self { kind, id: id.to_string() }
    }
}

/// One field's change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Change {
    /// The field, as the API names it.
    pub field: String,
    /// Its value before; `null` when it had none.
    #[schema(value_type = Value)]
    pub from: Value,
    /// Its value after; `null` when it has none.
    #[schema(value_type = Value)]
    pub to: Value,
}

impl Change {
    /// A change of one field.
    #[must_use]
    pub fn new(field: &str, from: impl Into<Value>, to: impl Into<Value>) -> Self {
        Self { field: field.to_owned(), from: from.into(), to: to.into() }
    }
}

/// The fields that differ between two states of one thing, as the API shows it.
///
/// Counters and times of change say nothing by themselves and are left out. A thing that is new
/// is compared with `null`.
///
/// # Panics
///
/// When something has map keys that are not text, which nothing the API shows has.
#[must_use]
pub fn differences(before: &impl Serialize, after: &impl Serialize) -> Vec<Change> {
    const BOOKKEEPING: [&str; 3] = ["version", "changed_at", "created_at"];
    let (before, after) = (fields(before), fields(after));
    let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let value = |fields: &serde_json::Map<String, Value>, name: &str| {
        fields.get(name).cloned().unwrap_or(Value::Null)
    };
    let changed = names.into_iter().filter(|name| !BOOKKEEPING.contains(&name.as_str()));
    changed
        .map(|name| Change::new(name, value(&before, name), value(&after, name)))
        .filter(|change| change.from != change.to)
        .collect()
}

fn fields(state: &impl Serialize) -> serde_json::Map<String, Value> {
    match serde_json::to_value(state).expect("our types have text keys") {
        Value::Object(fields) => fields,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            serde_json::Map::new()
        }
    }
}

/// A recorded change, for showing.
#[derive(Clone, Debug, Serialize, sqlx::FromRow, utoipa::ToSchema)]
#[schema(as = AuditEntry)]
pub struct Entry {
    /// Opaque id; ids sort in the order things happened.
    pub id: Uuid,
    /// What the author is.
    pub author_kind: AuthorKind,
    /// The agent's id, the key's id, or a word for what it is.
    pub author: String,
    /// The key it was done with.
    pub key_id: Option<Uuid>,
    /// What was done, such as `create` or `verify`.
    pub action: String,
    /// What it was done to, such as `interaction`.
    pub subject_kind: String,
    /// What the API knows it by, such as `IMS0000001`.
    pub subject: String,
    /// The fields that changed.
    #[schema(value_type = Vec<Change>)]
    pub changes: sqlx::types::Json<Vec<Change>>,
    /// When.
    #[serde(serialize_with = "crate::db::show_required_time")]
    #[schema(value_type = String, format = DateTime)]
    pub at: i64,
}
