//! What was said, what became of what we said, and the requests that brought it.
//!
//! A provider's id is recorded once per channel: [`claim`] is a unique index. Everything else a
//! provider tells us (statuses, edits, reactions) is an event beside the messages.

pub mod changes;
pub mod parts;
pub mod replies;
mod requests;
mod store;

pub use requests::{RequestFilter, requests};
use serde::{Deserialize, Serialize};
pub use store::{
    Claim, Claimed, EventFilter, MessageFilter, NewEvent, NewMessage, NewRequest, Origin,
    StoredRequest, archive, by_ids, claim, events, events_by_ids, find_request, hold_claims,
    insert, insert_events, list, newest, newest_events, origins, prune_refused, record_ids,
};
use uuid::Uuid;

/// A message, for showing.
#[derive(Clone, Debug, Serialize, sqlx::FromRow, utoipa::ToSchema)]
pub struct Message {
    /// Opaque id; ids sort in order of arrival.
    pub id: Uuid,
    /// The request that brought it; `null` for what was written here.
    pub request_id: Option<Uuid>,
    /// The channel it came by.
    pub channel_id: String,
    /// The interaction it belongs to.
    pub interaction_id: Uuid,
    /// The sender's profile.
    pub profile_id: Uuid,
    /// `inbound`, or `outbound` for what our own side said.
    pub direction: String,
    /// What wrote it, where it was written here.
    pub author_kind: Option<crate::audit::AuthorKind>,
    /// Who wrote it, where it was written here.
    pub author: Option<String>,
    /// What kind of event it is, such as `message`, `postback` or `opt_out`.
    pub kind: String,
    /// The provider's id.
    pub provider_message_id: Option<String>,
    /// The text.
    pub text: Option<String>,
    /// Media and other parts, in order.
    #[schema(value_type = Vec<Object>)]
    pub attachments: sqlx::types::Json<serde_json::Value>,
    /// The provider's id of the message this one answers.
    pub reply_to: Option<String>,
    /// The provider's id of the conversation.
    pub conversation: Option<String>,
    /// What else the provider said about it.
    #[schema(value_type = Object)]
    pub details: sqlx::types::Json<serde_json::Value>,
    /// When the provider says it was sent.
    #[serde(serialize_with = "crate::db::show_time")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub sent_at: Option<i64>,
    /// When it arrived.
    #[serde(serialize_with = "crate::db::show_required_time")]
    #[schema(value_type = String, format = DateTime)]
    pub received_at: i64,
    /// When its sender edited it last, as the provider says; else when that arrived.
    #[serde(serialize_with = "crate::db::show_time")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub edited_at: Option<i64>,
    /// When its sender took it back. The text stays.
    #[serde(serialize_with = "crate::db::show_time")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub deleted_at: Option<i64>,
    /// `opened`, `continued` or `noted`.
    pub decision: String,
    /// Why.
    pub reason: String,
}

/// Something a provider told us that is not a message, for showing.
#[derive(Clone, Debug, Serialize, sqlx::FromRow, utoipa::ToSchema)]
pub struct EventRecord {
    /// Opaque id.
    pub id: Uuid,
    /// The request that brought it.
    pub request_id: Uuid,
    /// The channel it came by.
    pub channel_id: String,
    /// What kind of event it is, such as `status` or `reaction`.
    pub kind: String,
    /// The provider's own word for it.
    pub provider_type: Option<String>,
    /// The provider's id of the message it is about.
    pub target: Option<String>,
    /// Our id of that message, if we have it.
    pub message_id: Option<Uuid>,
    /// The event as decoded.
    #[schema(value_type = Object)]
    pub data: sqlx::types::Json<serde_json::Value>,
    /// When the provider says it happened.
    #[serde(serialize_with = "crate::db::show_time")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub at: Option<i64>,
    /// When it arrived.
    #[serde(serialize_with = "crate::db::show_required_time")]
    #[schema(value_type = String, format = DateTime)]
    pub received_at: i64,
}

/// A webhook request, for showing. Its body and headers are left out of lists.
#[derive(Clone, Debug, Serialize, sqlx::FromRow, utoipa::ToSchema)]
pub struct RequestRecord {
    /// Opaque id; ids sort in order of arrival.
    pub id: Uuid,
    /// The channel it was for; `null` when no channel answers at its address.
    pub channel_id: Option<String>,
    /// GET or POST.
    pub method: String,
    /// The address it was sent to, without secrets.
    pub target: String,
    /// When it arrived.
    #[serde(serialize_with = "crate::db::show_required_time")]
    #[schema(value_type = String, format = DateTime)]
    pub received_at: i64,
    /// `accepted`, `duplicate`, `malformed`, `refused`, `unknown_channel` or `failed`.
    pub outcome: String,
    /// Why, where there is something to say.
    pub reason: Option<String>,
    /// How many events it brought.
    pub events: i32,
    /// How many of them were known already.
    pub duplicates: i32,
}

/// What became of a request, in the words stored with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RequestOutcome {
    /// Verified, understood, recorded.
    Accepted,
    /// Everything in it was known already.
    Duplicate,
    /// Verified, but not in a form we can read; archived.
    Malformed,
    /// Not proven to come from the provider.
    Refused,
    /// No channel answers at this address.
    UnknownChannel,
    /// Verified, but the database refused it.
    Failed,
}

impl RequestOutcome {
    /// The word in JSON and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Duplicate => "duplicate",
            Self::Malformed => "malformed",
            Self::Refused => "refused",
            Self::UnknownChannel => "unknown_channel",
            Self::Failed => "failed",
        }
    }
}
