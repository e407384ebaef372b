//! Lists of interactions, by whatever is asked for.
//!
//! A page is read along one index, the one with the fewest rows that could fit. Where still few of
//! them do, a page ends after so many rows, and says where the next one goes on.

mod store;

pub use store::{few, list};
use uuid::Uuid;

use super::{ContactType, State};

/// Which interactions to list.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only open or only closed ones.
    pub active: Option<bool>,
    /// Those in this state.
    pub state: Option<State>,
    /// Those of this profile.
    pub profile: Option<Uuid>,
    /// Those opened for this person.
    pub person: Option<Uuid>,
    /// Those of this type.
    pub contact_type: Option<ContactType>,
    /// Those that came by this channel.
    pub channel: Option<String>,
    /// Those with an open work item in this queue.
    pub queue: Option<String>,
    /// Those assigned to this agent.
    pub agent: Option<String>,
    /// Those opened at or after this time, in Unix milliseconds.
    pub since: Option<i64>,
    /// Those opened before this time, in Unix milliseconds.
    pub until: Option<i64>,
    /// Those among these places.
    pub seqs: Option<Vec<i64>>,
    /// Those of one of each of these groups.
    pub parties: Vec<Vec<Party>>,
    /// Those before this place: newest first.
    pub before: Option<i64>,
}

/// Whose an interaction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Party {
    /// The person or profile.
    pub id: Uuid,
    /// Whether it is a person.
    pub is_person: bool,
}
