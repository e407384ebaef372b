//! First answers to requests that carry an `Idempotency-Key`.
//!
//! A key of the caller's is claimed before the work and answered after it. Whoever comes second is
//! told to wait, gets the same answer, or learns that it asked for something else.

mod store;

pub use store::{claim, prune, release, remember};
use uuid::Uuid;

/// A request under a key of the caller's.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The API key that asked: callers' keys do not meet.
    pub api_key: Uuid,
    /// The caller's key.
    pub key: String,
    /// A digest of method, path and body.
    pub digest: Vec<u8>,
}

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The headers that belong to the answer.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// What is known about a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// Nothing: it is the caller's to do.
    New,
    /// It is being done.
    Running,
    /// The key stands for another request.
    Different,
    /// It was done.
    Answered(Answer),
}
