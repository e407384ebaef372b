//! Whether a sender wants messages from one of our addresses.
//!
//! Opting out applies to the address that received it, not to all of ours. What an opted-out sender
//! writes is taken in as ever. The latest decision counts, and every decision stays on record.

mod store;

use serde::{Deserialize, Serialize};
pub use store::{
    HistoryFilter, NewConsent, Pair, changes_about, decisions, history, of_address, opted_out,
    record,
};
use uuid::Uuid;

use crate::audit::AuthorKind;

/// What a sender decided.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Consent {
    /// No more messages.
    OptedOut,
    /// Messages again.
    OptedIn,
}

impl Consent {
    /// The word in JSON and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OptedOut => "opted_out",
            Self::OptedIn => "opted_in",
        }
    }
}

/// A decision that counts, for showing.
#[derive(Clone, Debug, Serialize, sqlx::FromRow, utoipa::ToSchema)]
pub struct ConsentRecord {
    /// The medium.
    pub scheme: String,
    /// The sender's address.
    pub value: String,
    /// Our address.
    pub our_address: String,
    /// What was decided.
    pub state: Consent,
    /// Who reported it, such as `keyword stop`, `provider twilio` or `entered`.
    pub source: String,
    /// Why, where somebody entered it.
    pub reason: Option<String>,
    /// What its author is.
    pub author_kind: AuthorKind,
    /// Who decided: the requester, or who entered it.
    pub author: String,
    /// When.
    #[serde(serialize_with = "crate::db::show_required_time")]
    #[schema(value_type = String, format = DateTime)]
    pub changed_at: i64,
}

/// One decision of all there were, for showing.
#[derive(Clone, Debug, Serialize, sqlx::FromRow, utoipa::ToSchema)]
pub struct ConsentChange {
    /// Opaque id; ids sort in the order things happened.
    pub id: Uuid,
    /// The medium.
    pub scheme: String,
    /// The sender's address.
    pub value: String,
    /// Our address.
    pub our_address: String,
    /// What was decided.
    pub state: Consent,
    /// Who reported it, such as `keyword stop`, `provider twilio` or `entered`.
    pub source: String,
    /// Why, where somebody entered it.
    pub reason: Option<String>,
    /// What its author is.
    pub author_kind: AuthorKind,
    /// Who decided: the requester, or who entered it.
    pub author: String,
    /// The message or event that said it; `null` where somebody entered it.
    pub record_id: Option<Uuid>,
    /// When.
    #[serde(serialize_with = "crate::db::show_required_time")]
    #[schema(value_type = String, format = DateTime)]
    pub at: i64,
}
