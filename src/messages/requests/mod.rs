//! Lists of requests.

mod store;

pub use store::requests;
use uuid::Uuid;

/// Which requests to list.
#[derive(Clone, Debug, Default)]
pub struct RequestFilter {
    /// Those for this channel.
    pub channel: Option<String>,
    /// Those with this outcome.
    pub outcome: Option<String>,
    /// Those that arrived at or after this time.
    pub since: Option<i64>,
    /// Those that arrived before this time.
    pub until: Option<i64>,
    /// Those before this one: newest first.
    pub before: Option<Uuid>,
}
