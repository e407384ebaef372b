//! Keys that open the API.
//!
//! A key is shown once, when it is made, and stored as a hash: it has 256 random bits, so a plain
//! hash is as good as a slow one, and finding a key by its hash takes the same time whichever bytes
//! are wrong. [`answers`] remembers what was answered to a repeated request.

pub mod answers;
mod store;

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use frontdesk_adapters::Secret;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
pub use store::{exist, find, insert, list, revoke, used};
use uuid::Uuid;

use crate::clock;

/// What every key begins with, so that a leaked one is recognized.
const PREFIX: &str = "fd_";

/// What a key permits; each scope includes those before it.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    sqlx::Type,
    clap::ValueEnum,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Scope {
    /// Reading.
    Read,
    /// Changing everything except channels and keys.
    Write,
    /// Changing channels and keys, too.
    Admin,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        })
    }
}

/// A key, without what opens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct Key {
    /// Opaque id.
    pub id: Uuid,
    /// Whose or what for.
    pub name: String,
    /// What it permits.
    #[sqlx(rename = "scopes")]
    pub scope: Scope,
    /// Whose own it is: whatever it does, this agent did.
    pub agent_id: Option<String>,
    /// When it was made.
    #[serde(serialize_with = "crate::db::show_required_time")]
    pub created_at: i64,
    /// When it ends by itself.
    #[serde(serialize_with = "crate::db::show_time")]
    pub expires_at: Option<i64>,
    /// When it was last used, to the minute.
    #[serde(serialize_with = "crate::db::show_time")]
    pub last_used_at: Option<i64>,
    /// When it was ended.
    #[serde(serialize_with = "crate::db::show_time")]
    pub revoked_at: Option<i64>,
}

/// What a key is found by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hash([u8; 32]);

impl Hash {
    /// The hash of what a caller showed; `None` when it cannot be a key of ours.
    #[must_use]
    pub fn of(shown: &str) -> Option<Self> {
        shown.starts_with(PREFIX).then(|| Self(Sha256::digest(shown).into()))
    }
}

impl Key {
    /// A new key, what opens with it, and what it is found by.
    #[must_use]
    pub fn new(
        name: &str,
        scope: Scope,
        expires_at: Option<i64>,
        now: i64,
    ) -> (Self, Secret, Hash) {
        let secret = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(clock::random_bytes::<32>()));
        let hash = Hash(Sha256::digest(&secret).into());
        let key = Self {
            id: clock::new_id(),
            name: name.to_owned(),
            scope,
            agent_id: None,
            created_at: now,
            expires_at,
            last_used_at: None,
            revoked_at: None,
        };
        (key, Secret::new(secret), hash)
    }

    /// Whether it opens anything at `now`.
    #[must_use]
    pub fn opens(&self, now: i64) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }

    /// Whether its last use is old news that should be written down.
    #[must_use]
    pub fn use_is_news(&self, now: i64) -> bool {
        self.last_used_at.is_none_or(|last| now.saturating_sub(last) >= 60_000)
    }
}
