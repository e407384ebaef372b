//! What an interaction has to do with tasks and with records of other systems.
//!
//! One row per interaction and document, with the strongest of what was done to the document
//! ([`Operation::strength`] is the one place that orders them); none where somebody associated it
//! by hand. What is logged by itself is a question of policy: per table, a specific table before
//! the default of its family, and one switch for all. Associating by hand is never a question of
//! policy.

mod store;

use serde::{Deserialize, Serialize};
use sqlx::types::Json;
pub use store::{
    Cursor, delete, find, get, holds_for, insert, list, policies, policy, save_policy, save_switch,
    strengthen, switch,
};
use uuid::Uuid;

use super::{Kind, State, Task};
use crate::audit::AuthorKind;

/// What was done to a document while somebody was on an interaction.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Operation {
    /// It was created.
    Insert,
    /// It was changed.
    Update,
    /// Its number was written in a message or a note.
    Mention,
    /// It was looked at.
    Open,
    /// Something else.
    Unknown,
}

impl Operation {
    /// All of them, the strongest first.
    pub const ALL: [Self; 5] =
        [Self::Insert, Self::Update, Self::Mention, Self::Open, Self::Unknown];

    /// How much was done; the strongest is kept. To associate by hand does nothing to a document.
    #[must_use]
    pub fn strength(operation: Option<Self>) -> i64 {
        match operation {
            Some(Self::Insert) => 5,
            Some(Self::Update) => 4,
            Some(Self::Mention) => 3,
            Some(Self::Open) => 2,
            Some(Self::Unknown) => 1,
            None => 0,
        }
    }
}

/// Each operation once, the strongest first.
#[must_use]
pub fn in_order(wanted: Vec<Operation>) -> Vec<Operation> {
    Operation::ALL.into_iter().filter(|operation| wanted.contains(operation)).collect()
}

/// The default of the tables of our own tasks.
pub const TASK: &str = "task";
/// The default of the tables of other systems.
pub const LINK: &str = "link";

/// The default that a table follows where it says nothing itself.
#[must_use]
pub fn family(table: &str) -> &'static str {
    let own = table == TASK || Kind::ALL.into_iter().any(|kind| kind.as_str() == table);
    if own { TASK } else { LINK }
}

/// Whether a table can have this name.
#[must_use]
pub fn is_table(name: &str) -> bool {
    let well_formed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.');
    (1..=64).contains(&name.len()) && name.bytes().all(well_formed)
}

/// What holds for the documents of a table, as far as somebody said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Policy {
    /// The table: a kind of task or of link, or the default of either.
    pub table: String,
    /// What is logged by itself; `None` follows the default.
    pub operations: Option<Vec<Operation>>,
    /// Whether at most one is created per interaction; `None` follows the default.
    pub one_per_interaction: Option<bool>,
    /// Counts changes; 0 where nobody said anything.
    pub version: i64,
}

impl Policy {
    /// The policy of a table nobody said anything about.
    #[must_use]
    pub fn unset(table: &str) -> Self {
        Self { table: table.to_owned(), operations: None, one_per_interaction: None, version: 0 }
    }
}

/// What holds for the documents of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = EffectivePolicy)]
pub struct Effective {
    /// What is logged by itself.
    pub operations: Vec<Operation>,
    /// Whether at most one is created per interaction. A canceled one makes room.
    pub one_per_interaction: bool,
}

impl Effective {
    /// Whether an operation is logged.
    #[must_use]
    pub fn logs(&self, operation: Operation) -> bool {
        self.operations.contains(&operation)
    }
}

/// What holds: the table's own word, else what it comes with, else its default's, else everything
/// is logged.
///
/// An interaction is one request for help, so requests come with one per interaction.
#[must_use]
pub fn effective(own: &Policy, default: &Policy) -> Effective {
    let comes_with = (own.table == Kind::Request.as_str()).then_some(true);
    let operations = own.operations.clone().or_else(|| default.operations.clone());
    let one = own.one_per_interaction.or(comes_with).or(default.one_per_interaction);
    Effective {
        operations: operations.unwrap_or_else(|| Operation::ALL.to_vec()),
        one_per_interaction: one.unwrap_or(false),
    }
}

/// A record of another system.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// What it is, such as `order` or `article`; with the system, where there are several.
    pub kind: String,
    /// What the other system knows it by.
    pub id: String,
    /// Where it is shown: an `http` or `https` address.
    pub url: String,
}

/// Why a link was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// The kind would not fit into an address.
    #[error("a kind is 1 to 64 lower-case letters, digits, hyphens, dots or underscores")]
    Kind,
    /// The kind is one of ours.
    #[error("this kind is our own; name the other system too, such as servicedesk_incident")]
    OwnKind,
    /// No id.
    #[error("say in 1 to 200 characters what the other system knows it by")]
    Id,
    /// Not an address, or not one to follow.
    #[error("give a whole http or https address of at most 2,000 characters, without a user in it")]
    Url,
}

const LONGEST_ID: usize = 200;
const LONGEST_URL: usize = 2_000;

impl Link {
    /// Checks the link and takes away the space around it.
    pub fn checked(self) -> Result<Self, LinkError> {
        let Self { kind, id, url } = self;
        let (id, url) = (id.trim().to_owned(), url.trim().to_owned());
        if !is_table(&kind) {
            return Err(LinkError::Kind);
        }
        if family(&kind) == TASK || kind == LINK {
            return Err(LinkError::OwnKind);
        }
        if !(1..=LONGEST_ID).contains(&id.chars().count()) || id.contains(char::is_control) {
            return Err(LinkError::Id);
        }
        if url.chars().count() > LONGEST_URL || !leads_somewhere(&url) {
            return Err(LinkError::Url);
        }
        Ok(Self { kind, id, url })
    }
}

/// Whether an address is one that a browser may be sent to.
fn leads_somewhere(url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else {
        return false;
    };
    let known = ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
    let odd = |c: char| c.is_whitespace() || c.is_control() || "\\<>\"`{}|^".contains(c);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    known && !rest.contains(odd) && !authority.is_empty() && !authority.contains('@')
}

/// What an interaction has to do with: one of our tasks, or a record of another system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Its table: a kind of task, or a kind of link.
    pub table: String,
    /// What people or the other system know it by.
    pub id: String,
    /// The task, where it is one.
    pub task_id: Option<Uuid>,
    /// Where it is shown, where it is a link.
    pub url: Option<String>,
}

impl From<&Task> for Document {
    fn from(task: &Task) -> Self {
        let table = task.kind.as_str().to_owned();
        Self { table, id: task.number.clone(), task_id: Some(task.id), url: None }
    }
}

impl From<Link> for Document {
    fn from(link: Link) -> Self {
        Self { table: link.kind, id: link.id, task_id: None, url: Some(link.url) }
    }
}

/// A task or a record of another system that belongs to an interaction, for showing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow, utoipa::ToSchema)]
#[schema(as = RelatedTask)]
pub struct Related {
    /// Opaque id.
    pub id: Uuid,
    /// `incident`, `case` or `request`, or what the other system has.
    #[sqlx(rename = "document_table")]
    pub kind: String,
    /// The task's number, or what the other system knows it by.
    #[sqlx(rename = "document_id")]
    pub document: String,
    /// Where it is shown, where it is a record of another system.
    pub url: Option<String>,
    /// What the task is about.
    pub short_description: Option<String>,
    /// Where the task stands.
    pub state: Option<State>,
    /// The strongest of what was done to it; `null` where it was associated by hand.
    pub operation: Option<Operation>,
    /// What the author is.
    pub author_kind: AuthorKind,
    /// Who did that.
    pub author: String,
    /// When.
    #[serde(serialize_with = "crate::db::show_required_time")]
    #[schema(value_type = String, format = DateTime)]
    pub at: i64,
}

/// Whether anything is logged by itself at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Switch {
    /// It is on unless somebody switched it off.
    pub enabled: bool,
    /// Counts changes; 0 where nobody touched it.
    pub version: i64,
}

#[derive(sqlx::FromRow)]
struct PolicyRow {
    document_table: String,
    operations: Option<Json<Vec<Operation>>>,
    one_per_interaction: Option<bool>,
    version: i64,
}

impl From<PolicyRow> for Policy {
    fn from(row: PolicyRow) -> Self {
        Self {
            table: row.document_table,
            operations: row.operations.map(|Json(operations)| operations),
            one_per_interaction: row.one_per_interaction,
            version: row.version,
        }
    }
}
