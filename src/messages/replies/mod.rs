//! What our own side writes through the gateway.

mod store;

pub use store::insert;
use uuid::Uuid;

/// A message of ours.
#[derive(Clone, Debug)]
pub struct NewReply<'a> {
    /// Opaque id.
    pub id: Uuid,
    /// The channel it goes out by.
    pub channel_id: &'a str,
    /// The interaction it belongs to.
    pub interaction_id: Uuid,
    /// The customer's profile.
    pub profile_id: Uuid,
    /// The text.
    pub text: &'a str,
    /// Who wrote it.
    pub author: &'a crate::audit::Author,
    /// When.
    pub now: i64,
    /// `opened` or `continued`.
    pub decision: &'static str,
}
