//! What follows the end of a conversation: a while for the agent's paperwork, or nothing.
//!
//! Configurations are tried in order, the lowest first; the first whose conditions all hold is the
//! one an interaction ends under. Where none does, it closes at once. An enforced wrap-up ends by
//! itself; one that is not enforced lasts until its agent ends it, or until the limit for all.

mod store;
#[cfg(test)]
mod tests;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sqlx::types::Json;
pub use store::{delete, get, insert, list, save, watch};

use crate::{conditions::Conditions, interactions::Interaction};

/// The order of configurations that name none.
pub const DEFAULT_ORDER: i64 = 100;
/// The duration of configurations that name none.
pub const DEFAULT_SECONDS: i64 = 60;
/// No wrap-up is meant to be longer.
const LONGEST_SECONDS: i64 = 24 * 60 * 60;
const MOST_CODES: usize = 100;
const LONGEST_LABEL: usize = 100;

/// What holds for the wrap-up of interactions that fulfill its conditions.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = WrapUpConfiguration)]
pub struct Configuration {
    /// Its name.
    pub id: String,
    /// Lower ones are tried first; 100 unless said otherwise.
    pub order: i64,
    /// What must hold of the interaction.
    pub when: Conditions,
    /// Whether wrap-up ends by itself after the duration.
    pub enforced: bool,
    /// How long it lasts, in seconds: at least 1; 60 unless said otherwise.
    pub duration_seconds: i64,
    /// Whether agents are shown the time that is left.
    pub show_timer: bool,
    /// What agents may choose from to say what it was about.
    pub codes: Vec<Code>,
    /// What is recorded where nobody chose.
    pub default_code: Option<String>,
    /// Whether it is tried at all.
    pub active: bool,
    /// When it was made.
    #[serde(serialize_with = "crate::db::show_required_time")]
    #[schema(value_type = String, format = DateTime)]
    pub created_at: i64,
    /// When it last changed.
    #[serde(serialize_with = "crate::db::show_required_time")]
    #[schema(value_type = String, format = DateTime)]
    pub changed_at: i64,
    /// Counts changes.
    pub version: i64,
}

/// Something an interaction can have been about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = WrapUpCode)]
#[serde(deny_unknown_fields)]
pub struct Code {
    /// What is recorded.
    pub code: String,
    /// What agents read.
    pub label: String,
}

/// Why a configuration was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigurationError {
    /// Its id would not fit into an address.
    #[error("an id is 1 to 64 lower-case letters, digits, hyphens or underscores")]
    Id,
    /// No time at all, or days of it.
    #[error("give 1 to 86400 seconds")]
    Duration,
    /// The limit for all would come first.
    #[error(
        "an enforced wrap-up must end before the limit for all, which is {0} seconds; \
         make it shorter, or raise timers.wrap_up_limit_minutes"
    )]
    BeyondLimit(u64),
    /// A code nobody could choose.
    #[error(
        "a code is 1 to 64 lower-case letters, digits, hyphens or underscores, with a label of 1 to 100 characters, and there are at most 100, each once"
    )]
    Codes,
    /// The default is none of the codes.
    #[error("the default must be one of the codes")]
    DefaultCode,
}

impl Configuration {
    /// A configuration that says nothing: it matches everything and enforces nothing.
    #[must_use]
    pub fn new(id: &str, now: i64) -> Self {
        Self {
            id: id.to_owned(),
            order: DEFAULT_ORDER,
            when: Conditions::default(),
            enforced: false,
            duration_seconds: DEFAULT_SECONDS,
            show_timer: true,
            codes: Vec::new(),
            default_code: None,
            active: true,
            created_at: now,
            changed_at: now,
            version: 1,
        }
    }

    /// Checks it; `limit` is how long any wrap-up lasts at most.
    pub fn check(&self, limit: Option<Duration>) -> Result<(), ConfigurationError> {
        if !is_name(&self.id) {
            return Err(ConfigurationError::Id);
        }
        if !(1..=LONGEST_SECONDS).contains(&self.duration_seconds) {
            return Err(ConfigurationError::Duration);
        }
        if let Some(limit) = limit
            && self.enforced
            && self.duration_seconds.unsigned_abs() >= limit.as_secs()
        {
            return Err(ConfigurationError::BeyondLimit(limit.as_secs()));
        }
        let labeled = |code: &Code| {
            let length = code.label.trim().chars().count();
            is_name(&code.code)
                && (1..=LONGEST_LABEL).contains(&length)
                && !code.label.contains(char::is_control)
        };
        let mut codes: Vec<&str> = self.codes.iter().map(|code| code.code.as_str()).collect();
        codes.sort_unstable();
        let once = codes.windows(2).all(|pair| pair[0] != pair[1]);
        if self.codes.len() > MOST_CODES || !once || !self.codes.iter().all(labeled) {
            return Err(ConfigurationError::Codes);
        }
        match &self.default_code {
            Some(default) if !self.has(default) => Err(ConfigurationError::DefaultCode),
            Some(_) | None => Ok(()),
        }
    }

    /// Whether agents may choose this code.
    #[must_use]
    pub fn has(&self, code: &str) -> bool {
        self.codes.iter().any(|known| known.code == code)
    }

    /// When a wrap-up that begins or goes on at `now` ends by itself.
    ///
    /// A wrap-up that a message of the customer's interrupted goes on with what was left of it.
    #[must_use]
    pub fn ends_at(&self, spent: i64, now: i64) -> Option<i64> {
        let left = self.duration_seconds.saturating_mul(1000).saturating_sub(spent).max(0);
        self.enforced.then(|| now.saturating_add(left))
    }

    /// What is recorded of `chosen`: the default where nobody chose.
    #[must_use]
    pub fn recorded(&self, chosen: &Json<Vec<String>>) -> Json<Vec<String>> {
        match &self.default_code {
            Some(default) if chosen.0.is_empty() => Json(vec![default.clone()]),
            Some(_) | None => chosen.clone(),
        }
    }
}

/// The configuration an interaction ends under; `configurations` are in order.
#[must_use]
pub fn choose<'a>(
    configurations: &'a [Configuration],
    interaction: &Interaction,
) -> Option<&'a Configuration> {
    let mut active = configurations.iter().filter(|configuration| configuration.active);
    active.find(|configuration| configuration.when.hold(interaction))
}

fn is_name(text: &str) -> bool {
    let well_formed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
    (1..=64).contains(&text.len()) && text.bytes().all(well_formed)
}
