//! Opening and changing one interaction by hand.

mod store;

pub use store::{by_id, give_open, open, open_of, open_of_profile, save};
use uuid::Uuid;

use super::ContactType;
use crate::profiles::PersonRef;

/// An interaction that begins on our side.
#[derive(Clone, Debug)]
pub struct Opening {
    /// The kind of contact.
    pub contact_type: ContactType,
    /// The medium, or the kind of contact again.
    pub subtype: &'static str,
    /// `inbound` where the customer came, `outbound` where we wrote first.
    pub direction: &'static str,
    /// Whom it is for; `None` is a guest.
    pub person: Option<PersonRef>,
    /// How the person was found; `chosen` by the agent.
    pub match_outcome: &'static str,
    /// People the agent may want to choose from.
    pub candidates: Vec<PersonRef>,
    /// The customer's profile.
    pub profile_id: Option<Uuid>,
    /// The channel.
    pub channel_id: Option<String>,
    /// Our address.
    pub our_address: Option<String>,
    /// What it is about.
    pub description: Option<String>,
    /// The customer's country.
    pub country: Option<String>,
    /// The previous interaction of the same conversation.
    pub parent_id: Option<Uuid>,
}
