//! What happens because time passed: messaging actions, idle conversations, the end of wrap-up.
//!
//! Nothing is armed: what waits for whom is read from the messages when it is asked for, so intake
//! writes nothing for it and a restart forgets nothing. Each open interaction says before which
//! moment nothing can be due (`timers_due_at`), and is looked at then; looking moves the moment on,
//! at most by the shortest time that any timer takes. What fires is written down once per rule and
//! the message that armed it, in the transaction that did it, with the interaction locked: so a
//! reply at the same moment comes before it or after it, and two instances never do it twice.
//!
//! [`agenda`](rules::agenda) decides; it is plain.

mod rules;
pub mod store;
mod sweep;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
pub use sweep::{Limits, Sweeper, Swept, start};
use uuid::Uuid;

use crate::{
    conditions::Conditions,
    interactions::{State, StateReason},
};

/// The rule of what is done with idle conversations, as firings name it.
pub const IDLE: &str = "idle";

/// The longest that a messaging action waits.
const LONGEST_SECONDS: i64 = 366 * 24 * 60 * 60;
/// No prompt is longer, in characters.
const LONGEST_TEXT: usize = 1_000;

/// Something that is done when one side has been waiting for the other for too long.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct MessagingAction {
    /// Its name.
    pub id: String,
    /// What arms it.
    pub event: Event,
    /// How long after that it fires, in seconds, unless the other side answered.
    pub after_seconds: i64,
    /// What must hold of the interaction when it fires.
    pub when: Conditions,
    /// What it does.
    pub action: Action,
    /// Whether it does anything at all.
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

/// What arms a messaging action. Further messages of the same side do not arm it again.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[schema(as = MessagingEvent)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Event {
    /// The customer wrote; an agent is to answer.
    RequesterWrote,
    /// An agent wrote; the customer is to answer.
    AgentWrote,
}

/// What a messaging action does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = MessagingActionStep)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// Tells whoever listens to the events that an agent is waited for.
    PromptAgent,
    /// Writes to the customer, unless the customer opted out.
    PromptRequester {
        /// The text.
        text: String,
    },
    /// Takes it from its agent and puts it into a queue.
    Reassign {
        /// The queue; by itself the one it came from.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        queue: Option<String>,
    },
    /// Moves it.
    SetState {
        /// To where: `on_hold`, `closed_complete` or `closed_abandoned`.
        state: State,
        /// Why.
        reason: StateReason,
    },
}

impl Action {
    /// What it does, in words stored with a firing.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::PromptAgent => "prompt_agent".to_owned(),
            Self::PromptRequester { .. } => "prompt_requester".to_owned(),
            Self::Reassign { .. } => "reassign".to_owned(),
            Self::SetState { state, .. } => format!("set_state {state}"),
        }
    }
}

/// Why a messaging action was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ActionError {
    /// Its id would not fit into an address.
    #[error("an id is 1 to 64 lower-case letters, digits, hyphens or underscores, and not `idle`")]
    Id,
    /// No time at all, or more than a year.
    #[error("give 1 to 31622400 seconds")]
    After,
    /// Nothing to say.
    #[error("say something to the customer, in at most 1,000 characters")]
    Text,
    /// Not a state that time leads to.
    #[error("time leads to on_hold, closed_complete or closed_abandoned")]
    State,
    /// Not a reason for this state.
    #[error("this is not a reason for this state")]
    Reason,
}

impl MessagingAction {
    /// Checks it.
    pub fn check(&self) -> Result<(), ActionError> {
        let well_formed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
        let fits = (1..=64).contains(&self.id.len()) && self.id.bytes().all(well_formed);
        if !fits || self.id == IDLE {
            return Err(ActionError::Id);
        }
        if !(1..=LONGEST_SECONDS).contains(&self.after_seconds) {
            return Err(ActionError::After);
        }
        match &self.action {
            Action::PromptAgent | Action::Reassign { .. } => Ok(()),
            Action::PromptRequester { text } => {
                let length = text.trim().chars().count();
                let fits = (1..=LONGEST_TEXT).contains(&length) && !text.contains('\0');
                fits.then_some(()).ok_or(ActionError::Text)
            }
            Action::SetState { state, reason } => {
                let fits = match state {
                    State::OnHold => reason.parks(),
                    State::ClosedComplete => reason.completes(),
                    State::ClosedAbandoned => reason.abandons(),
                    State::New | State::WorkInProgress | State::WrapUp | State::Faulted => {
                        return Err(ActionError::State);
                    }
                };
                fits.then_some(()).ok_or(ActionError::Reason)
            }
        }
    }
}

/// What became of a timer that was due.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[schema(as = FiringOutcome)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Outcome {
    /// It was done.
    Done,
    /// Its conditions did not hold any more.
    Unmet,
    /// It could not be done as things stood.
    Refused,
    /// The customer does not want our messages.
    OptedOut,
    /// Nothing can be sent to the customer's address.
    NotAnswerable,
}

/// A timer that was due, for showing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow, utoipa::ToSchema)]
#[schema(as = TimerFiring)]
pub struct Firing {
    /// Opaque id; ids sort in the order things happened.
    pub id: Uuid,
    /// The messaging action, or `idle`.
    pub rule: String,
    /// The message that armed it.
    pub armed_by: Uuid,
    /// When that was.
    #[serde(serialize_with = "crate::db::show_required_time")]
    #[schema(value_type = String, format = DateTime)]
    pub armed_at: i64,
    /// When it was due.
    #[serde(serialize_with = "crate::db::show_required_time")]
    #[schema(value_type = String, format = DateTime)]
    pub due_at: i64,
    /// What became of it.
    pub outcome: Outcome,
    /// What it does, such as `prompt_agent`.
    pub what: String,
    /// When it fired.
    #[serde(serialize_with = "crate::db::show_required_time")]
    #[schema(value_type = String, format = DateTime)]
    pub at: i64,
}
