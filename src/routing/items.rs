//! Work items: what waits in a queue, is offered, is worked on.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Decision, store};
use crate::{
    clock,
    db::{StoreError, Tx},
    interactions::ContactType,
};

/// An interaction that waits, for showing.
#[derive(Clone, Debug, PartialEq, Serialize, sqlx::FromRow, utoipa::ToSchema)]
pub struct WorkItem {
    /// Opaque id.
    pub id: Uuid,
    /// The interaction.
    pub interaction_id: Uuid,
    /// Its number.
    #[sqlx(rename = "seq", try_from = "i64")]
    #[schema(value_type = String)]
    pub interaction: crate::interactions::Number,
    /// The queue it waits in.
    #[sqlx(rename = "queue_id")]
    pub queue: String,
    /// `queued`, `pending_accept`, `accepted`, `completed` or `canceled`.
    pub state: String,
    /// The kind of contact, then the skills it takes, as in `messaging billing portuguese`.
    #[schema(value_type = String)]
    #[sqlx(try_from = "String")]
    pub lane: Lane,
    /// Lower numbers are served first.
    pub priority: i64,
    /// The route that chose the queue; `null` when none did.
    #[sqlx(rename = "route_id")]
    pub route: Option<String>,
    /// Whether no route wanted it, and nobody put it there.
    pub unrouted: bool,
    /// Why it is in this queue.
    pub reason: String,
    /// When it was queued.
    #[serde(serialize_with = "crate::db::show_required_time")]
    #[schema(value_type = String, format = DateTime)]
    pub queued_at: i64,
    /// The agent it is offered to, or who has it.
    pub assigned_to: Option<String>,
    /// Whether the offer was pushed, rather than claimed.
    pub pushed: bool,
    /// Since when it has been offered.
    #[serde(serialize_with = "crate::db::show_time")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub offered_at: Option<i64>,
    /// Until when the offer stands: after that it is back in its place.
    #[serde(serialize_with = "crate::db::show_time")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub lease_until: Option<i64>,
    /// The queue it overflowed from.
    pub overflowed_from: Option<String>,
    /// The item it follows, where the interaction went back into a queue.
    pub previous_id: Option<Uuid>,
    /// Its place in the queue.
    #[serde(skip)]
    pub sort_1: i64,
    /// Its place among those of the same first place.
    #[serde(skip)]
    pub sort_2: i64,
}

impl WorkItem {
    /// Whether it waits for an agent.
    #[must_use]
    pub fn is_queued(&self) -> bool {
        self.state == "queued"
    }

    /// Whether it is offered to `agent` and that still stands.
    #[must_use]
    pub fn is_offered_to(&self, agent: &str, now: i64) -> bool {
        self.state == "pending_accept"
            && self.assigned_to.as_deref() == Some(agent)
            && self.lease_until.is_some_and(|until| now < until)
    }
}

/// Where a work item stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ItemState {
    /// It waits.
    Queued,
    /// It is offered to an agent.
    PendingAccept,
    /// An agent works on its interaction.
    Accepted,
    /// Its interaction was finished, or went to another queue.
    Completed,
    /// Its interaction ended before an agent took it.
    Canceled,
}

impl ItemState {
    /// The word in JSON and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::PendingAccept => "pending_accept",
            Self::Accepted => "accepted",
            Self::Completed => "completed",
            Self::Canceled => "canceled",
        }
    }
}

/// What an item takes of an agent: the kind of contact, and skills.
///
/// As text the kind comes first, then the skills in order, each once. Items that are not offered to
/// somebody any more, since that agent rejected them, have lanes of their own, with a mark at the
/// end: so whoever may take one item of a lane without the mark may take any of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lane(String);

/// What ends the lanes of items that somebody rejected for good.
pub(super) const REJECTED: &str = " !";

impl Lane {
    /// A lane; skills may come in any order.
    #[must_use]
    pub fn new(contact_type: ContactType, skills: &[String]) -> Self {
        let mut skills: Vec<&str> = skills.iter().map(String::as_str).collect();
        skills.sort_unstable();
        skills.dedup();
        skills.insert(0, contact_type.as_str());
        Self(skills.join(" "))
    }

    /// The kind of contact.
    #[must_use]
    pub fn contact_type(&self) -> ContactType {
        match self.0.split(' ').next() {
            Some("chat") => ContactType::Chat,
            Some("phone") => ContactType::Phone,
            Some("walk_up") => ContactType::WalkUp,
            Some(_) | None => ContactType::Messaging,
        }
    }

    /// What an agent must know.
    pub fn skills(&self) -> impl Iterator<Item = &str> {
        self.shown().split(' ').skip(1)
    }

    /// The same without skills: what a route asked for holds in the route's own queue.
    #[must_use]
    pub fn without_skills(&self) -> Self {
        let mark = if self.is_rejected() { REJECTED } else { "" };
        Self(format!("{}{mark}", self.contact_type().as_str()))
    }

    /// Whether somebody rejected its items for good.
    #[must_use]
    pub fn is_rejected(&self) -> bool {
        self.0.ends_with(REJECTED)
    }

    fn shown(&self) -> &str {
        self.0.strip_suffix(REJECTED).unwrap_or(&self.0)
    }

    /// As it is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Lane {
    fn from(stored: String) -> Self {
        Self(stored)
    }
}

impl From<Lane> for String {
    fn from(lane: Lane) -> Self {
        lane.0
    }
}

impl Serialize for Lane {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.shown())
    }
}

/// An interaction that is to wait.
#[derive(Clone, Debug)]
pub struct NewWork {
    /// The interaction.
    pub interaction_id: Uuid,
    /// Its kind.
    pub contact_type: ContactType,
    /// When it was opened, in Unix milliseconds.
    pub opened_at: i64,
    /// Where it is to wait, and why.
    pub decision: Decision,
}

/// Puts interactions into their queues; the answer has the items' ids, in order.
pub async fn enqueue(tx: &mut Tx, work: Vec<NewWork>, now: i64) -> Result<Vec<Uuid>, StoreError> {
    let mut ids = Vec::with_capacity(work.len());
    let mut rows = Vec::with_capacity(work.len());
    for NewWork { interaction_id, contact_type, opened_at, decision } in work {
        let id = clock::new_id();
        ids.push(id);
        let [sort_1, sort_2] = decision.terms.place(decision.priority, now, opened_at);
        rows.push(store::NewItem {
            id,
            interaction_id,
            queue_id: decision.queue,
            lane: Lane::new(contact_type, &decision.skills).into(),
            priority: decision.priority,
            sort_1,
            sort_2,
            due_at: decision.terms.max_wait().map(|wait| now + wait),
            unrouted: decision.unrouted,
            route_id: decision.route,
            reason: decision.reason,
            now,
        });
    }
    store::insert_items(tx, rows).await?;
    Ok(ids)
}
