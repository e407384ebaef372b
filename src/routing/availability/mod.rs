//! What routing knows of an agent: whether they are there, what they serve, what they can take.
//!
//! What an agent has at hand is counted, not kept: open interactions at work or in wrap-up, and
//! offers that stand. Whoever gives an agent more work locks the agent's row first ([`lock`]) and
//! counts then, so two of them cannot both give the last unit away. What is parked is not counted;
//! taking it up again always works, and may lead past the capacity.

mod store;

use serde::{Deserialize, Serialize};
pub use store::{
    at_hand, available, away, get, left_behind, list, loads, lock, lock_all, save, set_presence,
    worked,
};

use crate::interactions::ContactType;

/// An agent, for routing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow, utoipa::ToSchema)]
pub struct Availability {
    /// The agent.
    #[serde(skip)]
    pub id: String,
    /// Whether work can be assigned to the agent.
    #[serde(skip)]
    pub active: bool,
    /// Whether the agent is there; work is pushed to those who are `available`.
    pub presence: Presence,
    /// Since when; `null` if the agent never said.
    #[serde(serialize_with = "show_since")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub presence_at: i64,
    /// How much the agent can take.
    #[sqlx(json)]
    pub capacity: Capacity,
    /// The queues the agent serves.
    #[sqlx(json)]
    pub queues: Vec<String>,
    /// What the agent knows.
    #[sqlx(json)]
    pub skills: Vec<String>,
    /// When the agent last was given work, in Unix milliseconds.
    #[serde(skip)]
    pub last_work_at: i64,
}

impl Availability {
    /// Whether work is pushed to the agent.
    #[must_use]
    pub fn is_available(&self) -> bool {
        self.active && self.presence == Presence::Available
    }
}

fn show_since<S: serde::Serializer>(at: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    crate::db::show_time(&Some(*at).filter(|at| *at > 0), serializer)
}

/// Whether an agent is there.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Presence {
    /// There, and takes work.
    Available,
    /// There, and takes no more.
    Busy,
    /// Not there for a while.
    Away,
    /// Gone.
    Offline,
}

/// How many interactions an agent can have at hand, by kind and in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Capacity {
    /// Of type messaging; 4 unless said otherwise.
    pub messaging: i64,
    /// Of type chat; 4 unless said otherwise.
    pub chat: i64,
    /// Of type phone; 1 unless said otherwise.
    pub phone: i64,
    /// Of type `walk_up`; 1 unless said otherwise.
    pub walk_up: i64,
    /// Of all types together; by itself as many as the types allow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<i64>,
}

impl Default for Capacity {
    fn default() -> Self {
        Self { messaging: 4, chat: 4, phone: 1, walk_up: 1, total: None }
    }
}

/// The most interactions of one kind.
const MOST: i64 = 1000;

impl Capacity {
    /// Whether every number can be meant.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let each = [self.messaging, self.chat, self.phone, self.walk_up];
        let fits = |number: i64| (0..=MOST).contains(&number);
        each.into_iter().all(fits) && self.total.is_none_or(fits)
    }

    fn of(&self, kind: ContactType) -> i64 {
        match kind {
            ContactType::Messaging => self.messaging,
            ContactType::Chat => self.chat,
            ContactType::Phone => self.phone,
            ContactType::WalkUp => self.walk_up,
        }
    }

    /// How many more of `kind` fit beside `load`.
    #[must_use]
    pub fn room(&self, load: &Load, kind: ContactType) -> i64 {
        let of_kind = self.of(kind) - load.of(kind);
        let in_all = self.total.map_or(i64::MAX, |total| total - load.total());
        of_kind.min(in_all).max(0)
    }
}

/// What an agent has at hand, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Load {
    /// Of type messaging.
    pub messaging: i64,
    /// Of type chat.
    pub chat: i64,
    /// Of type phone.
    pub phone: i64,
    /// Of type `walk_up`.
    pub walk_up: i64,
}

impl Load {
    /// Adds so many of `kind`.
    pub fn add(&mut self, kind: ContactType, count: i64) {
        match kind {
            ContactType::Messaging => self.messaging += count,
            ContactType::Chat => self.chat += count,
            ContactType::Phone => self.phone += count,
            ContactType::WalkUp => self.walk_up += count,
        }
    }

    /// How many of `kind`.
    #[must_use]
    pub fn of(&self, kind: ContactType) -> i64 {
        match kind {
            ContactType::Messaging => self.messaging,
            ContactType::Chat => self.chat,
            ContactType::Phone => self.phone,
            ContactType::WalkUp => self.walk_up,
        }
    }

    /// Of all kinds.
    #[must_use]
    pub fn total(&self) -> i64 {
        self.messaging + self.chat + self.phone + self.walk_up
    }
}
