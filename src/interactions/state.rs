//! The state machine of an interaction, in one table.
//!
//! [`TRANSITIONS`] is all there is; whatever it does not list is refused, with the legal ones
//! named. Closed and faulted interactions stay so: who writes again gets a new one.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where an interaction stands.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum State {
    /// Waits for its first agent.
    New,
    /// An agent or a bot works on it.
    WorkInProgress,
    /// Parked by its agent (with a reason), or waiting for another one (without).
    OnHold,
    /// The conversation is over; the agent finishes the paperwork.
    WrapUp,
    /// Done.
    ClosedComplete,
    /// Left before it was done.
    ClosedAbandoned,
    /// Broke down; what came in is kept.
    Faulted,
}

/// Why an interaction stands where it stands.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum StateReason {
    /// Open: the customer is to answer. Messaging only.
    WaitingOnCustomer,
    /// Open: somebody on our side is to answer. Messaging only.
    WaitingInternal,
    /// Closed: the requester left before an agent was assigned.
    LeftBeforeEngagement,
    /// Closed: nobody ever engaged.
    NoActivity,
    /// Closed: the requester ended it.
    UserEnded,
    /// Closed: the agent ended it.
    AgentEnded,
    /// Closed: the bot ended it.
    AutoClosed,
    /// Closed: the requester engaged, then went silent.
    NoUserResponse,
    /// Closed: no answer came in the channel's time.
    NoRequesterReply,
    /// Closed: another interaction took its place.
    Superseded,
    /// Faulted.
    Error,
}

impl StateReason {
    /// The word in JSON and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WaitingOnCustomer => "waiting_on_customer",
            Self::WaitingInternal => "waiting_internal",
            Self::LeftBeforeEngagement => "left_before_engagement",
            Self::NoActivity => "no_activity",
            Self::UserEnded => "user_ended",
            Self::AgentEnded => "agent_ended",
            Self::AutoClosed => "auto_closed",
            Self::NoUserResponse => "no_user_response",
            Self::NoRequesterReply => "no_requester_reply",
            Self::Superseded => "superseded",
            Self::Error => "error",
        }
    }

    /// Whether agents park with it.
    #[must_use]
    pub fn parks(self) -> bool {
        matches!(self, Self::WaitingOnCustomer | Self::WaitingInternal)
    }

    /// Whether what is done ends with it.
    #[must_use]
    pub fn completes(self) -> bool {
        match self {
            Self::UserEnded
            | Self::AgentEnded
            | Self::AutoClosed
            | Self::NoUserResponse
            | Self::Superseded => true,
            Self::WaitingOnCustomer
            | Self::WaitingInternal
            | Self::LeftBeforeEngagement
            | Self::NoActivity
            | Self::NoRequesterReply
            | Self::Error => false,
        }
    }

    /// Whether what was left before it was done ends with it.
    #[must_use]
    pub fn abandons(self) -> bool {
        match self {
            Self::LeftBeforeEngagement
            | Self::NoActivity
            | Self::NoUserResponse
            | Self::NoRequesterReply => true,
            Self::WaitingOnCustomer
            | Self::WaitingInternal
            | Self::UserEnded
            | Self::AgentEnded
            | Self::AutoClosed
            | Self::Superseded
            | Self::Error => false,
        }
    }
}

/// Who may move an interaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// The customer.
    Requester,
    /// A person on our side.
    Agent,
    /// A bot.
    Bot,
    /// Rules, timers, routing.
    System,
}

/// One legal move.
#[derive(Clone, Copy, Debug)]
pub struct Transition {
    /// From where; `None` is "does not exist yet".
    pub from: Option<State>,
    /// To where.
    pub to: State,
    /// By whom.
    pub by: &'static [Actor],
    /// On what.
    pub on: &'static str,
}

use Actor::{Agent, Bot, Requester, System};
use State::{ClosedAbandoned, ClosedComplete, Faulted, New, OnHold, WorkInProgress, WrapUp};

const fn from(from: State, to: State, by: &'static [Actor], on: &'static str) -> Transition {
    Transition { from: Some(from), to, by, on }
}

/// Every legal move.
pub const TRANSITIONS: &[Transition] = &[
    Transition {
        from: None,
        to: New,
        by: &[Requester, Agent, System],
        on: "first message, or created",
    },
    Transition { from: None, to: WorkInProgress, by: &[Agent], on: "an agent writes first" },
    from(New, WorkInProgress, &[Agent, Bot, System], "accepted, assigned, or a bot engages"),
    from(
        OnHold,
        WorkInProgress,
        &[Agent, Requester, System],
        "resumed, accepted, or the customer writes",
    ),
    from(New, New, &[Agent, System], "moved to another queue"),
    from(WorkInProgress, WorkInProgress, &[Agent, System], "given to another agent"),
    from(OnHold, OnHold, &[Agent, System], "parked for another reason, or handed back"),
    from(WorkInProgress, OnHold, &[Agent, System], "parked, or handed back for another agent"),
    from(WorkInProgress, WrapUp, &[Agent, Requester], "either party ends the conversation"),
    from(OnHold, WrapUp, &[Agent, Requester], "either party ends the conversation"),
    from(WrapUp, WorkInProgress, &[Requester], "the customer writes again"),
    from(WrapUp, ClosedComplete, &[Agent, System], "wrap-up ends"),
    from(WrapUp, ClosedAbandoned, &[Agent], "wrap-up ends without result"),
    from(New, ClosedComplete, &[Agent, Requester, Bot, System], "ended, or superseded"),
    from(WorkInProgress, ClosedComplete, &[Agent, Requester, Bot, System], "ended, or superseded"),
    from(OnHold, ClosedComplete, &[Agent, Requester, Bot, System], "ended, or superseded"),
    from(WrapUp, ClosedComplete, &[Requester], "superseded by another contact"),
    from(New, ClosedAbandoned, &[Agent, Requester, System], "left, no activity, or a timer"),
    from(
        WorkInProgress,
        ClosedAbandoned,
        &[Agent, Requester, System],
        "left, no activity, or a timer",
    ),
    from(OnHold, ClosedAbandoned, &[Agent, Requester, System], "left, no activity, or a timer"),
    from(New, Faulted, &[System], "a message could not be processed"),
    from(WorkInProgress, Faulted, &[System], "a message could not be processed"),
    from(OnHold, Faulted, &[System], "a message could not be processed"),
    from(WrapUp, Faulted, &[System], "a message could not be processed"),
];

/// A move the table does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an interaction that is {from} cannot become {to}; it can become {}", Listed(.legal))]
pub struct IllegalTransition {
    /// Where it stands.
    pub from: State,
    /// Where it should have gone.
    pub to: State,
    /// Where the actor may move it.
    pub legal: Vec<State>,
}

/// Permits a move, or says which ones `actor` may make instead.
pub fn permit(from: State, to: State, actor: Actor) -> Result<(), IllegalTransition> {
    let mut legal: Vec<State> = Vec::new();
    for transition in TRANSITIONS {
        if transition.from == Some(from) && transition.by.contains(&actor) {
            legal.push(transition.to);
        }
    }
    if legal.contains(&to) {
        return Ok(());
    }
    legal.retain(|to| *to != from);
    Err(IllegalTransition { from, to, legal })
}

impl State {
    /// All states.
    pub const ALL: [Self; 7] =
        [New, WorkInProgress, OnHold, WrapUp, ClosedComplete, ClosedAbandoned, Faulted];

    /// Whether the interaction can still move.
    #[must_use]
    pub fn is_open(self) -> bool {
        match self {
            New | WorkInProgress | OnHold | WrapUp => true,
            ClosedComplete | ClosedAbandoned | Faulted => false,
        }
    }

    /// The word in JSON and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            New => "new",
            WorkInProgress => "work_in_progress",
            OnHold => "on_hold",
            WrapUp => "wrap_up",
            ClosedComplete => "closed_complete",
            ClosedAbandoned => "closed_abandoned",
            Faulted => "faulted",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

struct Listed<'a>(&'a [State]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("nothing else");
        }
        for (index, state) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{state}")?;
        }
        Ok(())
    }
}
