//! What must hold of an interaction for a rule of ours to take it.
//!
//! Wrap-up configurations and messaging actions ask it of the record, where routes ask it of a
//! message that has no record yet.

use serde::{Deserialize, Serialize};

use crate::{
    interactions::{Interaction, StateReason},
    routing::OneOrMany,
};

/// What must hold. Absent conditions always hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Conditions {
    /// The kind of contact is one of these: `messaging`, `chat`, `phone`, `walk_up`.
    #[serde(default, rename = "type", skip_serializing_if = "OneOrMany::is_empty")]
    pub contact_type: OneOrMany,
    /// The medium is one of these, such as `sms`.
    #[serde(default, skip_serializing_if = "OneOrMany::is_empty")]
    pub subtype: OneOrMany,
    /// The channel is one of these.
    #[serde(default, skip_serializing_if = "OneOrMany::is_empty")]
    pub channel: OneOrMany,
    /// Our address is one of these.
    #[serde(default, skip_serializing_if = "OneOrMany::is_empty")]
    pub address: OneOrMany,
    /// It stands in one of these states.
    #[serde(default, skip_serializing_if = "OneOrMany::is_empty")]
    pub state: OneOrMany,
    /// It stands there for one of these reasons.
    #[serde(default, skip_serializing_if = "OneOrMany::is_empty")]
    pub state_reason: OneOrMany,
    /// It was opened for one of these: `user`, `contact`, `consumer`, `employee`, `guest`.
    #[serde(default, skip_serializing_if = "OneOrMany::is_empty")]
    pub opened_for: OneOrMany,
    /// The agent who works on it is one of these.
    #[serde(default, skip_serializing_if = "OneOrMany::is_empty")]
    pub agent: OneOrMany,
    /// It is meant for one of these groups.
    #[serde(default, skip_serializing_if = "OneOrMany::is_empty")]
    pub group: OneOrMany,
    /// The customer's language is one of these.
    #[serde(default, skip_serializing_if = "OneOrMany::is_empty")]
    pub language: OneOrMany,
    /// The customer's country is one of these, such as `BR`.
    #[serde(default, skip_serializing_if = "OneOrMany::is_empty")]
    pub country: OneOrMany,
    /// Who has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub with: Option<With>,
}

/// Who has an interaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum With {
    /// An agent.
    Agent,
    /// A bot.
    Bot,
    /// Nobody yet.
    Nobody,
}

impl With {
    /// Who has this one.
    #[must_use]
    pub fn of(interaction: &Interaction) -> Self {
        match &interaction.assigned_to {
            None => Self::Nobody,
            Some(_) if interaction.is_with_bot() => Self::Bot,
            Some(_) => Self::Agent,
        }
    }
}

impl Conditions {
    /// Whether they can ever hold: what an interaction is born with never changes.
    #[must_use]
    pub fn can_hold(&self, interaction: &Interaction) -> bool {
        let born_with = [
            (&self.contact_type, Some(interaction.contact_type.as_str())),
            (&self.subtype, Some(interaction.subtype.as_str())),
            (&self.channel, interaction.channel_id.as_deref()),
            (&self.address, interaction.our_address.as_deref()),
        ];
        born_with.into_iter().all(|(allowed, found)| allowed.allows(found))
    }

    /// Whether all conditions hold.
    #[must_use]
    pub fn hold(&self, interaction: &Interaction) -> bool {
        let agent = interaction.assigned_to.as_deref().filter(|_| !interaction.is_with_bot());
        let reason = interaction.state_reason.map(StateReason::as_str);
        let today = [
            (&self.state, Some(interaction.state.as_str())),
            (&self.state_reason, reason),
            (&self.opened_for, Some(interaction.opened_for_kind.as_str())),
            (&self.agent, agent),
            (&self.group, interaction.assignment_group.as_deref()),
            (&self.language, interaction.language.as_deref()),
            (&self.country, interaction.country.as_deref()),
        ];
        self.can_hold(interaction)
            && today.into_iter().all(|(allowed, found)| allowed.allows(found))
            && self.with.is_none_or(|with| with == With::of(interaction))
    }
}
