//! One request for help, from first message to wrap-up.
//!
//! [`continuity`] decides whether a message continues the open interaction of its conversation, and
//! says why; `state` holds the legal moves, `moves` what each takes along. A conversation (a profile and an address of ours) has at
//! most one open interaction: a unique index, which the loser of a race joins.

mod continuation;
pub mod history;
pub mod list;
mod moves;
mod record;
pub mod state;
pub mod store;
#[cfg(test)]
mod tests;
pub mod work;

pub use continuation::{Arrival, Continued, Conversation, Outcome, continue_or_open};
use frontdesk_adapters::{Medium, phone::Region};
pub use moves::{Action, Refused, Standing, Step, carry, role, step};
pub use record::{Clocks, ContactType, Interaction};
use serde::{Deserialize, Serialize};
pub use state::{Actor, IllegalTransition, State, StateReason};
pub use work::Opening;

use crate::channels::Continuation;

/// The open interaction of a conversation, as far as continuing it is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Current {
    /// Where it stands.
    pub state: State,
    /// Whether somebody parked it, rather than that it waits for somebody.
    pub parked: bool,
    /// When its last message came, in Unix milliseconds.
    pub last_at: i64,
}

/// What a message does to its conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Continuity {
    /// It joins the open interaction, which moves to another state where one is given.
    Continue(Reason, Option<State>),
    /// It opens a new interaction; the open one, if any, is superseded.
    Open(Reason),
}

/// Why a message continued or opened an interaction, in the words stored with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Nothing was open.
    NoneOpen,
    /// Open, and waiting for an agent: it keeps its place.
    Waiting,
    /// Open with an agent or a bot.
    InProgress,
    /// Parked by its agent: the message brings it back.
    ResumedFromHold,
    /// Back in the queue: it keeps its place.
    AwaitingAssignment,
    /// In wrap-up: the message brings it back to the same agent.
    ResumedFromWrapUp,
    /// Open, but silent for longer than the channel's conversations last.
    TooLongSilent,
    /// The channel makes every message an interaction of its own.
    AlwaysNew,
    /// Somebody else opened it while this message was being recorded.
    JoinedConcurrent,
    /// Our own side's words, or a keyword: noted on the open interaction.
    Noted,
}

impl Reason {
    /// The word in JSON and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoneOpen => "none_open",
            Self::Waiting => "waiting",
            Self::InProgress => "in_progress",
            Self::ResumedFromHold => "resumed_from_hold",
            Self::AwaitingAssignment => "awaiting_assignment",
            Self::ResumedFromWrapUp => "resumed_from_wrap_up",
            Self::TooLongSilent => "too_long_silent",
            Self::AlwaysNew => "always_new",
            Self::JoinedConcurrent => "joined_concurrent",
            Self::Noted => "noted",
        }
    }

    /// Why, in a sentence for people.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::NoneOpen => "no interaction was open for this sender and this address of ours",
            Self::Waiting => "the open interaction waits for an agent and keeps its place",
            Self::InProgress => "the open interaction is being worked on",
            Self::ResumedFromHold => "the open interaction was parked; the message brings it back",
            Self::AwaitingAssignment => {
                "the open interaction waits for another agent and keeps its place"
            }
            Self::ResumedFromWrapUp => {
                "the open interaction was in wrap-up; the message brings it back"
            }
            Self::TooLongSilent => {
                "the open interaction was silent for longer than this channel's conversations last"
            }
            Self::AlwaysNew => "on this channel every message is an interaction of its own",
            Self::JoinedConcurrent => "another message opened the interaction at the same moment",
            Self::Noted => "our own words or a keyword, noted on the open interaction",
        }
    }
}

/// Whether a message at `now` continues `current`, and why.
#[must_use]
pub fn continuity(current: Option<Current>, policy: Continuation, now: i64) -> Continuity {
    let Some(current) = current else {
        return Continuity::Open(Reason::NoneOpen);
    };
    match policy {
        Continuation::Never => return Continuity::Open(Reason::AlwaysNew),
        Continuation::WithinMinutes(minutes)
            if now.saturating_sub(current.last_at) > i64::from(minutes) * 60_000 =>
        {
            return Continuity::Open(Reason::TooLongSilent);
        }
        Continuation::Always | Continuation::WithinMinutes(_) => {}
    }
    match (current.state, current.parked) {
        (State::New, _) => Continuity::Continue(Reason::Waiting, None),
        (State::WorkInProgress, _) => Continuity::Continue(Reason::InProgress, None),
        (State::OnHold, true) => {
            Continuity::Continue(Reason::ResumedFromHold, Some(State::WorkInProgress))
        }
        (State::OnHold, false) => Continuity::Continue(Reason::AwaitingAssignment, None),
        (State::WrapUp, _) => {
            Continuity::Continue(Reason::ResumedFromWrapUp, Some(State::WorkInProgress))
        }
        (State::ClosedComplete | State::ClosedAbandoned | State::Faulted, _) => {
            Continuity::Open(Reason::NoneOpen)
        }
    }
}

/// What kind of contact a medium makes: `chat` beside `messaging`.
#[must_use]
pub fn contact_type(medium: Medium) -> ContactType {
    if medium == Medium::Chat { ContactType::Chat } else { ContactType::Messaging }
}

/// The country of a phone number, by its two-letter code.
#[must_use]
pub fn country(phone: &str) -> Option<String> {
    Region::of(phone).map(|region| region.to_string())
}

/// The number people use: `IMS0000001`.
#[must_use]
pub fn number(seq: i64) -> String {
    format!("IMS{seq:07}")
}

/// The place behind a number, if it is one.
#[must_use]
pub fn parse_number(number: &str) -> Option<i64> {
    let digits = number.strip_prefix("IMS").or_else(|| number.strip_prefix("ims"))?;
    let well_formed = digits.len() >= 7 && digits.bytes().all(|byte| byte.is_ascii_digit());
    well_formed.then(|| digits.parse().ok()).flatten()
}

/// A number, shown as `IMS0000001`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number(pub i64);

impl From<i64> for Number {
    fn from(seq: i64) -> Self {
        Self(seq)
    }
}

impl Serialize for Number {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&number(self.0))
    }
}
