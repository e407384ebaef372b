//! Lists of work items.

mod store;

pub use store::list;
use uuid::Uuid;

use super::ItemState;

/// Which work items to list.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Those offered to this agent, or that the agent has.
    pub agent: Option<String>,
    /// Those in this state.
    pub state: Option<ItemState>,
    /// Those of this queue.
    pub queue: Option<String>,
    /// Those before this one: newest first.
    pub before: Option<Uuid>,
}
