//! What erasures removed, and nothing about whom.

mod store;

use std::collections::BTreeMap;

use serde::Serialize;
pub use store::{keep, list, receipt};
use uuid::Uuid;

use crate::audit::AuthorKind;

/// What an erasure removed. It says nothing about whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = ErasureReceipt)]
pub struct Receipt {
    /// Opaque id; the audit has it, too.
    pub id: Uuid,
    /// What ordered it.
    pub author_kind: AuthorKind,
    /// Who ordered it.
    pub author: String,
    /// How many of what are gone, or emptied where something else must stay.
    #[schema(value_type = BTreeMap<String, u64>)]
    pub removed: Removed,
    /// When it began.
    #[serde(serialize_with = "crate::db::show_required_time")]
    #[schema(value_type = String, format = DateTime)]
    pub started_at: i64,
    /// When it ended.
    #[serde(serialize_with = "crate::db::show_required_time")]
    #[schema(value_type = String, format = DateTime)]
    pub finished_at: i64,
}

/// How many of what.
pub type Removed = BTreeMap<String, u64>;
