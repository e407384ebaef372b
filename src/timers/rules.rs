//! What is due on an interaction, and when: plain, from the record and what was said.

use std::{collections::HashMap, time::Duration};

use uuid::Uuid;

use super::{Action, Event, IDLE, MessagingAction, sweep::Limits};
use crate::{
    conditions::With,
    interactions::{ContactType, Interaction, State, StateReason},
};

/// All rules in force.
#[derive(Clone, Debug, Default)]
pub(super) struct Rules {
    pub actions: Vec<MessagingAction>,
    /// Channels that say for themselves how long a conversation may be silent, in minutes.
    pub idle: HashMap<String, u32>,
    pub limits: Limits,
}

/// A message, and when it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub id: Uuid,
    pub at: i64,
}

/// As far as timers are concerned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Conversation {
    /// The customer's first message since a person on our side last wrote.
    pub unanswered: Option<Said>,
    /// Our first message, by a person, since the customer last wrote.
    pub unreplied: Option<Said>,
    /// Anybody's last message.
    pub last: Option<Said>,
    /// Whether the customer wrote after one of our messages.
    pub engaged: bool,
}

/// A timer that runs.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Timer<'r> {
    pub kind: Kind<'r>,
    /// What it runs since: once per rule and arming.
    pub armed: Said,
    pub due_at: i64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind<'r> {
    Action(&'r MessagingAction),
    Idle {
        engaged: bool,
    },
    /// `enforced`, or only the limit for all.
    WrapUp {
        enforced: bool,
    },
}

impl Kind<'_> {
    /// The rule, as firings and moves name it.
    pub fn name(&self) -> &str {
        match self {
            Self::Action(action) => &action.id,
            Self::Idle { .. } => IDLE,
            Self::WrapUp { enforced: true } => "wrap_up_timer",
            Self::WrapUp { enforced: false } => "wrap_up_limit",
        }
    }

    /// What it does.
    pub fn action(&self) -> Action {
        match self {
            Self::Action(action) => action.action.clone(),
            // Who never engaged left; who did has nothing more to say.
            Self::Idle { engaged: true } => Action::SetState {
                state: State::ClosedComplete,
                reason: StateReason::NoUserResponse,
            },
            Self::Idle { engaged: false } => {
                Action::SetState { state: State::ClosedAbandoned, reason: StateReason::NoActivity }
            }
            Self::WrapUp { .. } => {
                Action::SetState { state: State::ClosedComplete, reason: StateReason::AutoClosed }
            }
        }
    }

    /// Whether it still may, when it is due.
    pub fn holds(&self, interaction: &Interaction) -> bool {
        match self {
            // Our own side owes the next word, so the customer's silence says nothing.
            Self::Action(MessagingAction { event: Event::AgentWrote, .. })
                if interaction.state_reason == Some(StateReason::WaitingInternal) =>
            {
                false
            }
            Self::Action(action) => action.when.hold(interaction),
            Self::Idle { .. } | Self::WrapUp { .. } => true,
        }
    }
}

/// The timers that run on an open interaction, in the order they are due.
pub(super) fn agenda<'r>(
    interaction: &Interaction,
    conversation: &Conversation,
    rules: &'r Rules,
) -> Vec<Timer<'r>> {
    let mut timers = Vec::new();
    if interaction.state == State::WrapUp {
        timers.extend(wrap_up(interaction, rules));
        return timers;
    }
    let actions = rules.actions.iter().filter(|action| action.active);
    for action in actions.filter(|action| action.when.can_hold(interaction)) {
        let armed = match action.event {
            Event::RequesterWrote => conversation.unanswered,
            Event::AgentWrote => conversation.unreplied,
        };
        if let Some(armed) = armed {
            let due_at = armed.at.saturating_add(action.after_seconds.saturating_mul(1000));
            timers.push(Timer { kind: Kind::Action(action), armed, due_at });
        }
    }
    if let (Some(armed), Some(idle)) = (conversation.last, rules.idle(interaction)) {
        let kind = Kind::Idle { engaged: conversation.engaged };
        timers.push(Timer { kind, armed, due_at: armed.at.saturating_add(millis(idle)) });
    }
    timers.sort_by_key(|timer| timer.due_at);
    timers
}

fn wrap_up(interaction: &Interaction, rules: &Rules) -> Option<Timer<'static>> {
    let armed = Said { id: interaction.id, at: interaction.state_changed_at };
    let (enforced, due_at) = match (interaction.wrap_up_ends_at, rules.limits.wrap_up) {
        (Some(ends_at), _) => (true, ends_at),
        (None, Some(limit)) => (false, armed.at.saturating_add(millis(limit))),
        (None, None) => return None,
    };
    Some(Timer { kind: Kind::WrapUp { enforced }, armed, due_at })
}

impl Rules {
    /// How long this conversation may be silent. What people work on by messaging lives as long as
    /// they let it.
    fn idle(&self, interaction: &Interaction) -> Option<Duration> {
        let bot_alone = With::of(interaction) == With::Bot;
        if interaction.contact_type != ContactType::Chat && !bot_alone {
            return None;
        }
        match interaction.channel_id.as_ref().and_then(|channel| self.idle.get(channel)) {
            Some(0) => None,
            Some(minutes) => Some(Duration::from_secs(u64::from(*minutes) * 60)),
            None => self.limits.idle,
        }
    }

    /// The shortest time after which anything that happens from now on can be due, in milliseconds.
    pub fn shortest(&self, contact_type: ContactType) -> i64 {
        let actions = self.actions.iter().filter(|action| {
            action.active && action.when.contact_type.allows(Some(contact_type.as_str()))
        });
        let actions = actions.map(|action| action.after_seconds.saturating_mul(1000));
        let channels = self.idle.values().filter(|minutes| **minutes > 0);
        let channels = channels.map(|minutes| i64::from(*minutes) * 60_000);
        let idle = self.limits.idle.map(millis);
        // Where there are no rules, somebody may still make one.
        actions.chain(channels).chain(idle).min().unwrap_or(3_600_000)
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
