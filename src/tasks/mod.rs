//! Incidents, cases and requests: what remains to be done after somebody has been in contact.
//!
//! Each kind has numbers of its own. [`MOVES`] is the whole table of states; whatever it does not
//! list is refused, with the legal ones named. What an interaction has to do with tasks, and with
//! records of other systems, is in [`related`]. Working a task off in detail is left to the systems
//! that are made for it.

pub mod related;
mod store;
#[cfg(test)]
mod tests;

use std::fmt;

use serde::{Deserialize, Serialize};
pub use store::{Filter, get, insert, list, next_number, sole, update};
use uuid::Uuid;

use crate::interactions::Number;

/// What a task is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[schema(as = TaskKind)]
pub enum Kind {
    /// Something is broken.
    Incident,
    /// A customer's matter.
    Case,
    /// Somebody wants something.
    Request,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Incident, Self::Case, Self::Request];

    /// The word in JSON, in the database, and as the table of its documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Incident => "incident",
            Self::Case => "case",
            Self::Request => "request",
        }
    }

    /// What its numbers begin with.
    #[must_use]
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Incident => "INC",
            Self::Case => "CS",
            Self::Request => "REQ",
        }
    }

    /// The number people use, such as `INC0000001`.
    #[must_use]
    pub fn number(self, seq: i64) -> String {
        format!("{}{seq:07}", self.prefix())
    }
}

/// The number as it is stored, in whatever case it was typed; `None` when it is none.
#[must_use]
pub fn parse_number(typed: &str) -> Option<String> {
    let typed = typed.to_ascii_uppercase();
    let is_number = |kind: Kind| {
        let digits = typed.strip_prefix(kind.prefix()).unwrap_or_default();
        (7..=18).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    Kind::ALL.into_iter().any(is_number).then_some(typed)
}

/// The task numbers that a text mentions, each once, in order.
#[must_use]
pub fn mentions(text: &str) -> Vec<String> {
    let mut numbers = Vec::new();
    for word in text.split(|c: char| !c.is_alphanumeric()) {
        if let Some(number) = parse_number(word)
            && !numbers.contains(&number)
        {
            numbers.push(number);
        }
    }
    numbers
}

/// Where a task stands.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[schema(as = TaskState)]
pub enum State {
    /// Nobody has begun.
    New,
    /// Somebody works on it.
    InProgress,
    /// It waits for something.
    OnHold,
    /// Done, as far as we know; it can be taken up again.
    Resolved,
    /// Done.
    Closed,
    /// Not to be done.
    Canceled,
}

use State::{Canceled, Closed, InProgress, New, OnHold, Resolved};

/// Every legal move.
pub const MOVES: [(State, State); 12] = [
    (New, InProgress),
    (New, OnHold),
    (New, Resolved),
    (New, Canceled),
    (InProgress, OnHold),
    (InProgress, Resolved),
    (InProgress, Canceled),
    (OnHold, InProgress),
    (OnHold, Resolved),
    (OnHold, Canceled),
    (Resolved, InProgress),
    (Resolved, Closed),
];

impl State {
    /// The word in JSON and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::InProgress => "in_progress",
            Self::OnHold => "on_hold",
            Self::Resolved => "resolved",
            Self::Closed => "closed",
            Self::Canceled => "canceled",
        }
    }

    /// Whether nothing about the task changes any more.
    #[must_use]
    pub fn is_final(self) -> bool {
        self.next().is_empty()
    }

    /// Where it may go from here.
    #[must_use]
    pub fn next(self) -> Vec<Self> {
        MOVES.into_iter().filter(|(from, _)| *from == self).map(|(_, to)| to).collect()
    }

    /// Permits a move, or names the legal ones. To stay is no move.
    pub fn permit(self, to: Self) -> Result<(), IllegalMove> {
        if self == to || MOVES.contains(&(self, to)) {
            return Ok(());
        }
        Err(IllegalMove { from: self, to, legal: self.next() })
    }
}

/// A move the table does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct IllegalMove {
    /// From where.
    pub from: State,
    /// To where.
    pub to: State,
    /// Where it could go instead.
    pub legal: Vec<State>,
}

impl fmt::Display for IllegalMove {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, to) = (self.from.as_str(), self.to.as_str());
        write!(f, "a task does not go from {from} to {to}; from here it goes ")?;
        match self.legal.as_slice() {
            [] => f.write_str("nowhere"),
            legal => {
                let legal: Vec<_> = legal.iter().map(|state| state.as_str()).collect();
                write!(f, "to {}", legal.join(", "))
            }
        }
    }
}

/// The least urgent.
pub const LOWEST_PRIORITY: i64 = 5;
/// What a task is unless somebody says otherwise.
pub const DEFAULT_PRIORITY: i64 = 4;

/// An incident, case or request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow, utoipa::ToSchema)]
pub struct Task {
    /// The number people use, such as `INC0000001`.
    pub number: String,
    /// Opaque id; ids sort in the order tasks were opened.
    pub id: Uuid,
    /// What it is.
    pub kind: Kind,
    /// What it is about.
    pub short_description: String,
    /// The whole story.
    pub description: Option<String>,
    /// Where it stands.
    pub state: State,
    /// 1 (critical) to 5 (whenever there is time).
    pub priority: i64,
    /// `user`, `contact`, `consumer`, `employee` or `guest`.
    pub opened_for_kind: String,
    /// The person; `null` for a guest.
    pub opened_for: Option<Uuid>,
    /// The profile the customer wrote with, by which a guest is known.
    pub profile_id: Option<Uuid>,
    /// The customer's account, as your own systems name it.
    pub account: Option<String>,
    /// The customer's contact, where the person is one.
    pub contact: Option<Uuid>,
    /// The customer, where the person is a consumer.
    pub consumer: Option<Uuid>,
    /// The agent who is to do it.
    pub assigned_to: Option<String>,
    /// The number of the interaction it was created on.
    #[sqlx(try_from = "Option<i64>")]
    #[schema(value_type = Option<String>)]
    pub interaction: CreatedOn,
    /// The id of that interaction.
    pub interaction_id: Option<Uuid>,
    /// Whether it is the only one of its kind that its interaction may have.
    #[serde(skip)]
    pub sole: bool,
    /// When it was opened.
    #[serde(serialize_with = "crate::db::show_required_time")]
    #[schema(value_type = String, format = DateTime)]
    pub opened_at: i64,
    /// Who opened it, such as `agent:ana`.
    pub opened_by: String,
    /// When it was last resolved.
    #[serde(serialize_with = "crate::db::show_time")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub resolved_at: Option<i64>,
    /// When it was closed or canceled.
    #[serde(serialize_with = "crate::db::show_time")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub closed_at: Option<i64>,
    /// Who closed or canceled it.
    pub closed_by: Option<String>,
    /// When it last changed.
    #[serde(serialize_with = "crate::db::show_required_time")]
    #[schema(value_type = String, format = DateTime)]
    pub changed_at: i64,
    /// Counts changes.
    pub version: i64,
}

/// The place of the interaction a task was created on, shown as `IMS0000001`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct CreatedOn(pub Option<Number>);

impl From<Option<i64>> for CreatedOn {
    fn from(seq: Option<i64>) -> Self {
        Self(seq.map(Number))
    }
}

/// The task in its new state: what coming there takes along.
///
/// `closed_by` is whoever closes it.
#[must_use]
pub fn carry(mut task: Task, to: State, closed_by: &str, now: i64) -> Task {
    if task.state == to {
        return task;
    }
    task.state = to;
    match to {
        New | InProgress | OnHold => task.resolved_at = None,
        Resolved => task.resolved_at = Some(now),
        Closed | Canceled => {
            task.closed_at = Some(now);
            task.closed_by = Some(closed_by.to_owned());
        }
    }
    task
}
