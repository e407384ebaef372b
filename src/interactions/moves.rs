//! What may be done to an interaction, and what doing it takes along.
//!
//! [`step`] permits an action or refuses it, with the legal ones named; [`carry`] is the
//! interaction afterwards, its clocks included. Both are plain: values in, values out.

use super::{Actor, ContactType, IllegalTransition, Interaction, State, StateReason, state};
use crate::audit::{Author, AuthorKind};

/// What somebody wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// An agent takes it out of the queue.
    Accept(String),
    /// It is given to an agent, past the queue or from another agent.
    Assign(String),
    /// A bot takes it, by the bot's name.
    EngageBot(String),
    /// Its agent parks it.
    Hold(Option<StateReason>),
    /// Its agent takes it up again.
    Resume,
    /// It goes back into a queue.
    Requeue,
    /// The conversation is over; paperwork remains.
    WrapUp,
    /// It is done.
    Close(Option<StateReason>),
    /// It was left before it was done.
    Abandon(Option<StateReason>),
    /// It broke down.
    Fault,
}

/// As far as moving it is concerned.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'a> {
    /// The kind of contact.
    pub contact_type: ContactType,
    /// Where it stands.
    pub state: State,
    /// Why.
    pub reason: Option<StateReason>,
    /// Who works on it.
    pub assigned_to: Option<&'a str>,
    /// Whether it says what it is about.
    pub described: bool,
}

impl<'a> From<&'a Interaction> for Standing<'a> {
    fn from(interaction: &'a Interaction) -> Self {
        Self {
            contact_type: interaction.contact_type,
            state: interaction.state,
            reason: interaction.state_reason,
            assigned_to: interaction.assigned_to.as_deref(),
            described: interaction.is_described(),
        }
    }
}

/// A permitted move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// To where.
    pub to: State,
    /// Why there.
    pub reason: Option<StateReason>,
    /// Who works on it then.
    pub assigned_to: Option<String>,
    /// What moved it, in a word.
    pub cause: &'static str,
}

/// Why an action was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The table does not have the move.
    #[error(transparent)]
    Illegal(#[from] IllegalTransition),
    /// It is not parked, so there is nothing to take up.
    #[error("it is not parked but waits for an agent; accept or assign it")]
    NotParked,
    /// The agent has it already.
    #[error("this agent has it already")]
    SameAgent,
    /// Nobody said what it is about.
    #[error("say in short_description what it is about first")]
    DescriptionNeeded,
    /// Only messaging has reasons to wait.
    #[error("only interactions of type messaging are parked with a reason; leave it out")]
    ReasonForMessagingOnly,
    /// Messaging is parked with a reason.
    #[error("say why: waiting_on_customer or waiting_internal")]
    HoldReasonNeeded,
    /// Not a reason to park.
    #[error("this is not a reason to park; use waiting_on_customer or waiting_internal")]
    NotAHoldReason,
    /// Not a reason to end in this way.
    #[error("this is not a reason to end it in this way")]
    NotAnEndReason,
}

/// As what an author moves interactions. Programs and commands act for our side.
#[must_use]
pub fn role(author: &Author) -> Actor {
    match author.kind {
        AuthorKind::Agent | AuthorKind::Key | AuthorKind::Command => Actor::Agent,
        AuthorKind::Requester => Actor::Requester,
        AuthorKind::System => Actor::System,
    }
}

/// Permits an action, or says why not.
pub fn step(standing: Standing<'_>, action: &Action, actor: Actor) -> Result<Step, Refused> {
    let Standing { state, assigned_to, .. } = standing;
    let parked = state == State::OnHold && (standing.reason.is_some() || assigned_to.is_some());
    let kept = assigned_to.map(str::to_owned);
    let to = |to, reason, assigned_to, cause| {
        state::permit(state, to, actor)?;
        Ok(Step { to, reason, assigned_to, cause })
    };
    match action {
        Action::Accept(_) if parked || state == State::WorkInProgress => {
            let legal = state::permit(state, State::New, actor).err().map(|error| error.legal);
            let legal = legal.unwrap_or_default();
            Err(IllegalTransition { from: state, to: State::WorkInProgress, legal }.into())
        }
        Action::Accept(agent) => to(State::WorkInProgress, None, Some(agent.clone()), "accepted"),
        Action::Assign(agent) if state == State::WorkInProgress && assigned_to == Some(agent) => {
            Err(Refused::SameAgent)
        }
        Action::Assign(agent) => to(State::WorkInProgress, None, Some(agent.clone()), "assigned"),
        Action::EngageBot(bot) => {
            let bot = Some(format!("bot:{bot}"));
            state::permit(state, State::WorkInProgress, Actor::Bot)?;
            Ok(Step { to: State::WorkInProgress, reason: None, assigned_to: bot, cause: "bot" })
        }
        Action::Hold(reason) => {
            hold_reason(standing.contact_type, *reason)?;
            if state == State::OnHold && !parked {
                let legal = vec![State::WorkInProgress];
                return Err(IllegalTransition { from: state, to: State::OnHold, legal }.into());
            }
            to(State::OnHold, *reason, kept, "held")
        }
        Action::Resume if state == State::OnHold && !parked => Err(Refused::NotParked),
        Action::Resume if state != State::OnHold => {
            let legal = state::permit(state, state, actor).err().map(|error| error.legal);
            let legal = legal.unwrap_or_default();
            Err(IllegalTransition { from: state, to: State::WorkInProgress, legal }.into())
        }
        Action::Resume => to(State::WorkInProgress, None, kept, "resumed"),
        Action::Requeue if state == State::New => to(State::New, None, None, "requeued"),
        Action::Requeue => to(State::OnHold, None, None, "requeued"),
        Action::WrapUp => to(State::WrapUp, None, kept, "wrap_up"),
        Action::Close(reason) => {
            let reason = reason.unwrap_or(match actor {
                Actor::Requester => StateReason::UserEnded,
                Actor::Agent => StateReason::AgentEnded,
                Actor::Bot | Actor::System => StateReason::AutoClosed,
            });
            end(standing, actor, reason.completes())?;
            to(State::ClosedComplete, Some(reason), kept, "closed")
        }
        Action::Abandon(reason) => {
            let reason = reason.unwrap_or(match assigned_to {
                Some(_) => StateReason::NoUserResponse,
                None => StateReason::LeftBeforeEngagement,
            });
            end(standing, actor, reason.abandons())?;
            to(State::ClosedAbandoned, Some(reason), kept, "abandoned")
        }
        Action::Fault => to(State::Faulted, Some(StateReason::Error), kept, "faulted"),
    }
}

fn hold_reason(contact_type: ContactType, reason: Option<StateReason>) -> Result<(), Refused> {
    match (contact_type, reason) {
        (ContactType::Messaging, None) => Err(Refused::HoldReasonNeeded),
        (ContactType::Messaging, Some(reason)) if !reason.parks() => Err(Refused::NotAHoldReason),
        (ContactType::Messaging, Some(_)) => Ok(()),
        (_, Some(_)) => Err(Refused::ReasonForMessagingOnly),
        (_, None) => Ok(()),
    }
}

/// What people end must say what it was about; what ends by itself is described by us.
fn end(standing: Standing<'_>, actor: Actor, fitting: bool) -> Result<(), Refused> {
    if !fitting {
        return Err(Refused::NotAnEndReason);
    }
    if standing.state.is_open() && !standing.described && actor == Actor::Agent {
        return Err(Refused::DescriptionNeeded);
    }
    Ok(())
}

/// The interaction after a step at `now`.
///
/// Time never runs backwards: a clock behind the last move's counts as that moment.
#[must_use]
pub fn carry(before: &Interaction, step: &Step, author: &Author, now: i64) -> Interaction {
    let at = now.max(before.state_changed_at);
    let span = at - before.state_changed_at;
    let mut after = before.clone();
    match before.state {
        State::WorkInProgress => after.worked_ms += span,
        State::WrapUp => after.wrap_up_ms += span,
        State::New
        | State::OnHold
        | State::ClosedComplete
        | State::ClosedAbandoned
        | State::Faulted => {}
    }
    if step.assigned_to != before.assigned_to {
        after.assigned_at = step.assigned_to.as_ref().map(|_| at);
    }
    after.assigned_to.clone_from(&step.assigned_to);
    if after.is_with_bot() {
        after.virtual_agent = true;
    } else if before.is_with_bot() && step.to.is_open() {
        after.agent_chat = true;
        after.live_requested_at.get_or_insert(at);
    }
    if !step.to.is_open() {
        after.active = false;
        after.closed_at = Some(at);
        after.closed_by = Some(author.to_string());
        after.system_wrap_up = before.state == State::WrapUp && author.kind == AuthorKind::System;
    }
    after.state = step.to;
    after.state_reason = step.reason;
    after.state_changed_at = at;
    after.version += 1;
    after
}
