//! One event for one sink, and what became of it.
//!
//! Events of one interaction are a lane. Of those in a lane that wait, the first alone is due, and
//! whoever leases it may tell the lane's events one after the other: nothing overtakes. Whatever
//! changes here happens under [`lock`], so that no lane has two firsts and none is forgotten; calls
//! to sinks happen outside of it.

mod store;

use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use uuid::Uuid;

pub use store::{
    Backlog, Due, Filter, Leased, NewDelivery, Settled, advance, backlogs, bury, claim, deal,
    forget, get, hasten, held, is_due, list, lock, position, promote, release, retry, settle, trim,
};

/// How many attempts are remembered.
const REMEMBERED: usize = 20;

/// One event for one sink, for showing.
#[derive(Clone, Debug, Serialize, sqlx::FromRow, utoipa::ToSchema)]
pub struct Delivery {
    /// Opaque id.
    pub id: Uuid,
    /// The sink.
    #[sqlx(rename = "sink_id")]
    pub sink: String,
    /// The event's id, the same at every attempt and for every sink.
    pub event_id: Uuid,
    /// The event's type.
    #[sqlx(rename = "type")]
    #[serde(rename = "type")]
    pub event_type: String,
    /// What it keeps its order with.
    #[serde(skip)]
    pub lane: Uuid,
    /// The interaction it belongs to.
    pub interaction_id: Option<Uuid>,
    /// Where it stands.
    pub state: State,
    /// When it is tried next; `null` when it waits for another event of its interaction, or not at
    /// all.
    #[serde(serialize_with = "crate::db::show_time")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub due_at: Option<i64>,
    /// How often it was tried since it was last taken up again.
    pub attempts: i32,
    /// The latest attempts, in order.
    #[schema(value_type = Vec<Attempt>)]
    pub log: Json<Vec<Attempt>>,
    /// When the event happened.
    #[serde(serialize_with = "crate::db::show_required_time")]
    #[schema(value_type = String, format = DateTime)]
    pub created_at: i64,
    /// When it was accepted or given up.
    #[serde(serialize_with = "crate::db::show_time")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub settled_at: Option<i64>,
}

/// Where a delivery stands.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[schema(as = DeliveryState)]
pub enum State {
    /// It is to be told.
    Waiting,
    /// The sink accepted it.
    Delivered,
    /// It was given up, and waits for somebody to say `retry`.
    Dead,
}

/// One attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = DeliveryAttempt)]
pub struct Attempt {
    /// When it began, in RFC 3339.
    #[schema(format = DateTime)]
    pub at: String,
    /// The HTTP status that was answered.
    pub status: Option<u16>,
    /// Why it failed; `null` when it was accepted.
    pub error: Option<String>,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

impl State {
    /// The word in JSON and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
        }
    }
}

/// Adds an attempt; the oldest are forgotten beyond [`REMEMBERED`].
pub fn remember(log: &mut Vec<Attempt>, attempt: Attempt) {
    if log.len() >= REMEMBERED {
        log.drain(..=log.len() - REMEMBERED);
    }
    log.push(attempt);
}
