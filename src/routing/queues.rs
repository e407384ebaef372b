//! Queues: where interactions wait, and how they are served.
//!
//! A queue without pools is pull only: whoever serves it claims from it. With pools its items are
//! pushed as well, to the agents of each pool once an item has waited as long as the pool says.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    FURTHEST,
    schedule::{Opening, Schedule, ScheduleError},
};

/// The queue of interactions that no route wants.
pub const DEFAULT_QUEUE: &str = "default";

/// The most fields a queue is sorted by.
const SORT_FIELDS: usize = 2;

/// A place where interactions wait for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow, utoipa::ToSchema)]
pub struct Queue {
    /// Its name in configuration.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// Whether it takes what no route wants.
    pub is_default: bool,
    /// How it is served.
    #[sqlx(json)]
    pub settings: QueueSettings,
    /// When it was made.
    #[serde(serialize_with = "crate::db::show_required_time")]
    #[schema(value_type = String, format = DateTime)]
    pub created_at: i64,
    /// When it last changed.
    #[serde(serialize_with = "crate::db::show_required_time")]
    #[schema(value_type = String, format = DateTime)]
    pub changed_at: i64,
    /// Counts changes.
    pub version: i64,
}

impl Queue {
    /// Whether it is open at `at`, in Unix milliseconds.
    #[must_use]
    pub fn is_open(&self, at: i64) -> bool {
        let opening = self.settings.schedule.as_ref().map(Opening::new);
        // Checked on entry; better open than deaf.
        opening.is_none_or(|opening| opening.map_or(true, |opening| opening.is_open(at)))
    }
}

/// How a queue is served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct QueueSettings {
    /// Among the queues an agent serves, lower numbers come first; 100 unless said otherwise, and
    /// -1,000,000 to 1,000,000.
    pub priority: i64,
    /// In which order it is served: one or two fields; what is equal, in order of arrival.
    pub sort: Vec<SortField>,
    /// When it is open; by itself always. A closed queue is passed over by routes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// To whom it is pushed, and after how long; by itself to nobody: it is pulled.
    pub pools: Vec<Pool>,
    /// What happens to what waits too long; by itself nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_wait: Option<MaxWait>,
    /// Where it overflows to, and when; by itself never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overflow: Option<Overflow>,
    /// How many seconds a pushed offer stands: 5 to 3,600.
    pub offer_seconds: i64,
    /// Why an offer may be rejected, and whether the item may then be offered to the same agent
    /// again. None: it may not be rejected.
    pub reject_reasons: BTreeMap<String, bool>,
}

impl Default for QueueSettings {
    fn default() -> Self {
        let reasons = [("busy", true), ("wrong_skill", false), ("knows_customer", false)];
        Self {
            priority: super::DEFAULT_PRIORITY,
            sort: vec![SortField::Priority, SortField::QueuedAt],
            schedule: None,
            pools: Vec::new(),
            max_wait: None,
            overflow: None,
            offer_seconds: 30,
            reject_reasons: reasons.map(|(reason, again)| (reason.to_owned(), again)).into(),
        }
    }
}

/// What a queue is sorted by; with a hyphen, backwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub enum SortField {
    /// The route's priority, lower numbers first.
    #[serde(rename = "priority")]
    Priority,
    /// Higher numbers first.
    #[serde(rename = "-priority")]
    PriorityBackwards,
    /// What was queued first.
    #[serde(rename = "queued_at")]
    QueuedAt,
    /// What was queued last.
    #[serde(rename = "-queued_at")]
    QueuedAtBackwards,
    /// The interaction that was opened first, however often it was queued since.
    #[serde(rename = "opened_at")]
    OpenedAt,
    /// The interaction that was opened last.
    #[serde(rename = "-opened_at")]
    OpenedAtBackwards,
}

impl SortField {
    /// The field itself, whichever way it is sorted.
    fn forwards(self) -> Self {
        match self {
            Self::Priority | Self::PriorityBackwards => Self::Priority,
            Self::QueuedAt | Self::QueuedAtBackwards => Self::QueuedAt,
            Self::OpenedAt | Self::OpenedAtBackwards => Self::OpenedAt,
        }
    }
}

/// Agents to whom an item is pushed once it has waited for so long.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Pool {
    /// Seconds of waiting after which its agents are eligible.
    pub after_seconds: i64,
    /// These agents, who must be entered; by itself all who serve the queue.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub agents: Vec<String>,
    /// Only those of them with all these skills.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub skills: Vec<String>,
}

/// What happens to what waits too long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MaxWait {
    /// Seconds after which it has waited too long.
    pub seconds: i64,
    /// What then happens; by itself `notify`.
    #[serde(default)]
    pub action: MaxWaitAction,
    /// What the customer is told with `notify`, once; by itself nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// What happens when an item has waited too long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MaxWaitAction {
    /// That is told, once; the item stays.
    #[default]
    Notify,
    /// It moves to the queue that `overflow` names.
    Overflow,
}

/// Where a queue overflows to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Overflow {
    /// The queue that takes what is too much.
    pub queue: String,
    /// What is queued beyond so many items moves; absent: only what waits too long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub above: Option<i64>,
}

/// Why a queue's settings were refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueueError {
    /// A priority that cannot be reckoned with.
    #[error("a priority is -{FURTHEST} to {FURTHEST}")]
    Priority,
    /// Too many fields, or one of them twice, be it backwards.
    #[error("sort by one or two different fields")]
    Sort,
    /// The schedule.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    /// A time that is none.
    #[error("give 0 seconds or more, up to a year")]
    Seconds,
    /// An offer that nobody could take, or that stands for ever.
    #[error("an offer stands for 5 to 3600 seconds")]
    OfferSeconds,
    /// Overflowing without a place to go.
    #[error("say in `overflow` to which queue it goes")]
    NoOverflow,
    /// Overflowing into itself.
    #[error("a queue overflows into another queue")]
    OverflowIntoItself,
    /// A limit nothing can be under.
    #[error("give 1 or more")]
    Above,
    /// A message that cannot be sent.
    #[error("a message has 1 to 1000 characters")]
    Message,
    /// A message that nothing would say.
    #[error(
        "a message goes with the action `notify`; leave it out, or put it into the other queue"
    )]
    MessageOnOverflow,
    /// A word that is none.
    #[error("write lower-case letters, digits, hyphens, dots or underscores, 1 to 64 of them")]
    Word,
}

/// The most seconds anything here lasts.
const YEAR: i64 = 366 * 24 * 60 * 60;

impl QueueSettings {
    /// Checks the settings of the queue `id`; the answer has a JSON pointer to what is wrong.
    pub fn check(&self, id: &str) -> Result<(), (String, QueueError)> {
        let wrong = |pointer: &str, error| Err((pointer.to_owned(), error));
        if !super::is_near(self.priority) {
            return wrong("/priority", QueueError::Priority);
        }
        let field = |place: usize| self.sort.get(place).map(|field| field.forwards());
        let different = field(0) != field(1);
        if self.sort.is_empty() || self.sort.len() > SORT_FIELDS || !different {
            return wrong("/sort", QueueError::Sort);
        }
        if let Some(schedule) = &self.schedule {
            schedule
                .check()
                .map_err(|(pointer, error)| (format!("/schedule{pointer}"), error.into()))?;
        }
        for (index, pool) in self.pools.iter().enumerate() {
            if !(0..=YEAR).contains(&pool.after_seconds) {
                return wrong(&format!("/pools/{index}/after_seconds"), QueueError::Seconds);
            }
            if !pool.skills.iter().all(|skill| super::is_word(skill)) {
                return wrong(&format!("/pools/{index}/skills"), QueueError::Word);
            }
        }
        if let Some(max_wait) = &self.max_wait {
            if !(1..=YEAR).contains(&max_wait.seconds) {
                return wrong("/max_wait/seconds", QueueError::Seconds);
            }
            let fits = |text: &String| (1..=1000).contains(&text.trim().chars().count());
            if !max_wait.message.as_ref().is_none_or(fits) {
                return wrong("/max_wait/message", QueueError::Message);
            }
            if max_wait.action == MaxWaitAction::Overflow && self.overflow.is_none() {
                return wrong("/max_wait/action", QueueError::NoOverflow);
            }
            if max_wait.action == MaxWaitAction::Overflow && max_wait.message.is_some() {
                return wrong("/max_wait/message", QueueError::MessageOnOverflow);
            }
        }
        if let Some(overflow) = &self.overflow {
            if overflow.queue == id {
                return wrong("/overflow/queue", QueueError::OverflowIntoItself);
            }
            if overflow.above.is_some_and(|above| above < 1) {
                return wrong("/overflow/above", QueueError::Above);
            }
        }
        if !(5..=3600).contains(&self.offer_seconds) {
            return wrong("/offer_seconds", QueueError::OfferSeconds);
        }
        if !self.reject_reasons.keys().all(|reason| super::is_word(reason)) {
            return wrong("/reject_reasons", QueueError::Word);
        }
        Ok(())
    }

    /// Whether its items are pushed.
    #[must_use]
    pub fn pushes(&self) -> bool {
        !self.pools.is_empty()
    }

    /// What stands on an item that is queued here.
    #[must_use]
    pub fn terms(&self) -> Terms {
        Terms {
            sort: [self.sort.first().copied(), self.sort.get(1).copied()],
            max_wait_seconds: self.max_wait.as_ref().map(|max_wait| max_wait.seconds),
            notifies: self
                .max_wait
                .as_ref()
                .is_some_and(|max_wait| max_wait.action == MaxWaitAction::Notify),
        }
    }
}

/// What a queue makes of an item when it is queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Terms {
    sort: [Option<SortField>; 2],
    max_wait_seconds: Option<i64>,
    notifies: bool,
}

impl Terms {
    /// The item's place in the queue: lower ones are served first.
    #[must_use]
    pub fn place(&self, priority: i64, queued_at: i64, opened_at: i64) -> [i64; 2] {
        self.factors().map(|[of_priority, of_queued_at, of_opened_at]| {
            of_priority.saturating_mul(priority)
                + of_queued_at * queued_at
                + of_opened_at * opened_at
        })
    }

    /// For each of the two places, by what priority, time of queueing and time of opening are
    /// multiplied: one of them by 1 or -1, or none.
    #[must_use]
    pub fn factors(&self) -> [[i64; 3]; 2] {
        self.sort.map(|field| match field {
            Some(SortField::Priority) => [1, 0, 0],
            Some(SortField::PriorityBackwards) => [-1, 0, 0],
            Some(SortField::QueuedAt) => [0, 1, 0],
            Some(SortField::QueuedAtBackwards) => [0, -1, 0],
            Some(SortField::OpenedAt) => [0, 0, 1],
            Some(SortField::OpenedAtBackwards) => [0, 0, -1],
            None => [0, 0, 0],
        })
    }

    /// Whether what has waited too long stays, and somebody is told.
    #[must_use]
    pub fn notifies(&self) -> bool {
        self.notifies
    }

    /// How many milliseconds an item may wait.
    #[must_use]
    pub fn max_wait(&self) -> Option<i64> {
        self.max_wait_seconds.map(|seconds| seconds * 1000)
    }
}
