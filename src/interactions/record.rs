//! An interaction as it is shown, and the clocks that run on it.

use frontdesk_adapters::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use uuid::Uuid;

use super::{Number, State, StateReason};
use crate::profiles::{PersonKind, PersonRef};

/// The kind of contact.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum ContactType {
    /// On a website, while somebody waits.
    Chat,
    /// By SMS and messengers, at anybody's pace.
    Messaging,
    /// On the telephone.
    Phone,
    /// Face to face.
    WalkUp,
}

impl ContactType {
    /// The word in JSON and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Messaging => "messaging",
            Self::Phone => "phone",
            Self::WalkUp => "walk_up",
        }
    }
}

/// An interaction, for showing.
#[derive(Clone, Debug, PartialEq, Serialize, sqlx::FromRow, utoipa::ToSchema)]
pub struct Interaction {
    /// The number people use, such as `IMS0000001`.
    #[sqlx(rename = "seq", try_from = "i64")]
    #[schema(value_type = String)]
    pub number: Number,
    /// Opaque id.
    pub id: Uuid,
    /// The kind of contact.
    #[sqlx(rename = "type")]
    #[serde(rename = "type")]
    pub contact_type: ContactType,
    /// The medium, such as `sms`.
    pub subtype: String,
    /// `inbound` or `outbound`.
    pub direction: String,
    /// `requester`, `agent` or `system`.
    pub initiated_by: String,
    /// Where it stands.
    pub state: State,
    /// Why it stands there.
    pub state_reason: Option<StateReason>,
    /// When it came to stand there.
    #[serde(serialize_with = "crate::db::show_required_time")]
    #[schema(value_type = String, format = DateTime)]
    pub state_changed_at: i64,
    /// Whether it is open.
    pub active: bool,
    /// The customer's profile; `null` where the contact has no address.
    pub profile_id: Option<Uuid>,
    /// The channel it came by; `null` where the contact has none.
    pub channel_id: Option<String>,
    /// Our address the customer wrote to.
    pub our_address: Option<String>,
    /// `user`, `contact`, `consumer`, `employee` or `guest`.
    pub opened_for_kind: String,
    /// The person; `null` for a guest.
    pub opened_for: Option<Uuid>,
    /// The customer's account, as your own systems name it.
    pub account: Option<String>,
    /// The customer's contact, where the person is one.
    pub contact: Option<Uuid>,
    /// The customer, where the person is a consumer.
    pub consumer: Option<Uuid>,
    /// Whether an agent confirmed the person. A matching number is no proof.
    pub verified: bool,
    /// How the person was found.
    pub match_outcome: String,
    /// People an agent may want to choose from.
    #[schema(value_type = Vec<PersonRef>)]
    pub candidates: Json<Vec<PersonRef>>,
    /// The agent who works on it, or `bot:` and the name of a bot.
    pub assigned_to: Option<String>,
    /// When it was assigned.
    #[serde(serialize_with = "crate::db::show_time")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub assigned_at: Option<i64>,
    /// The agents it is meant for.
    pub assignment_group: Option<String>,
    /// When it was opened.
    #[serde(serialize_with = "crate::db::show_required_time")]
    #[schema(value_type = String, format = DateTime)]
    pub opened_at: i64,
    /// Who opened it: `requester`, or such as `agent:ana`.
    pub opened_by: String,
    /// When it was closed.
    #[serde(serialize_with = "crate::db::show_time")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub closed_at: Option<i64>,
    /// Who closed it.
    pub closed_by: Option<String>,
    /// What it is about; empty until an agent says.
    pub short_description: Option<String>,
    /// Whether the description was made from the first message, because nobody wrote one.
    pub description_generated: bool,
    /// What it is about elsewhere, such as `{"table": "order", "id": "4711"}`.
    #[schema(value_type = Option<Object>)]
    pub context: Option<Json<serde_json::Value>>,
    /// What is needed to talk on the channel.
    #[schema(value_type = Object)]
    pub channel_metadata: Json<serde_json::Value>,
    /// The customer's language, where it is known.
    pub language: Option<String>,
    /// The customer's country, read from the number.
    pub country: Option<String>,
    /// Where the customer is.
    pub location: Option<String>,
    /// The customer's mood, in the words of whoever judged it.
    pub sentiment: Option<String>,
    /// Whether the agent asked for help with it.
    pub help_requested: bool,
    /// The session on the customer's side, where the channel has sessions.
    pub client_session_id: Option<String>,
    /// Whether a bot took part.
    pub virtual_agent: bool,
    /// Whether a bot handed it to a live agent.
    pub agent_chat: bool,
    /// Whether wrap-up was ended by its timer.
    pub system_wrap_up: bool,
    /// When it was put out of the way of those who work.
    #[serde(serialize_with = "crate::db::show_time")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub archived_at: Option<i64>,
    /// The wrap-up configuration it ended under; `null` where none matched or it has not ended.
    #[sqlx(rename = "wrap_up_id")]
    pub wrap_up_configuration: Option<String>,
    /// When its wrap-up ends by itself; `null` where its agent decides.
    #[serde(serialize_with = "crate::db::show_time")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub wrap_up_ends_at: Option<i64>,
    /// What it was about, in the codes of its wrap-up configuration.
    #[schema(value_type = Vec<String>)]
    pub wrap_up_codes: Json<Vec<String>>,
    /// The previous interaction of the same conversation.
    pub parent_id: Option<Uuid>,
    /// Time worked, of what is over.
    #[serde(skip)]
    pub worked_ms: i64,
    /// Time in wrap-up, of what is over.
    #[serde(skip)]
    pub wrap_up_ms: i64,
    /// When a live agent was wanted, where a bot went first.
    #[serde(skip)]
    pub live_requested_at: Option<i64>,
    /// When a person on our side first answered.
    #[serde(skip)]
    pub first_reply_at: Option<i64>,
    /// The last message of a person on our side.
    #[serde(skip)]
    pub last_reply_id: Option<Uuid>,
    /// How many times a person on our side answered something.
    #[serde(skip)]
    pub replies: i64,
    /// How long the customer waited for all of these together.
    #[serde(skip)]
    pub response_ms: i64,
    /// Counts changes.
    pub version: i64,
}

/// The clocks of an interaction, in milliseconds. Those that run are read at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Clocks {
    /// From opening (after a bot: from wanting a live agent) to the first answer of a person;
    /// `null` until then, and where our side wrote first.
    pub wait_time_ms: Option<i64>,
    /// How long it was worked on, all in all.
    pub duration_ms: i64,
    /// How long it was in wrap-up.
    pub wrap_up_duration_ms: i64,
    /// From opening to closing, or to now.
    pub elapsed_ms: i64,
    /// How long the customer waited for an answer, on average; `null` before the first.
    pub agent_avg_response_ms: Option<i64>,
}

impl Interaction {
    /// Reads the clocks at `now`.
    #[must_use]
    pub fn clocks(&self, now: Timestamp) -> Clocks {
        let running = |state| match self.state == state {
            true => now.as_millis().saturating_sub(self.state_changed_at).max(0),
            false => 0,
        };
        let wanted_at = self.live_requested_at.unwrap_or(self.opened_at);
        let waited = self.first_reply_at.filter(|_| self.direction == "inbound");
        let end = self.closed_at.unwrap_or(now.as_millis());
        Clocks {
            wait_time_ms: waited.map(|replied| replied.saturating_sub(wanted_at).max(0)),
            duration_ms: self.worked_ms.saturating_add(running(State::WorkInProgress)),
            wrap_up_duration_ms: self.wrap_up_ms.saturating_add(running(State::WrapUp)),
            elapsed_ms: end.saturating_sub(self.opened_at).max(0),
            agent_avg_response_ms: self.response_ms.checked_div(self.replies),
        }
    }

    /// Whether somebody parked it, rather than that it waits for somebody.
    #[must_use]
    pub fn is_parked(&self) -> bool {
        self.state == State::OnHold && (self.state_reason.is_some() || self.assigned_to.is_some())
    }

    /// Whether it says what it is about.
    #[must_use]
    pub fn is_described(&self) -> bool {
        self.short_description.as_deref().is_some_and(|text| !text.trim().is_empty())
    }

    /// The person it is for; `None` for a guest.
    #[must_use]
    pub fn person(&self) -> Option<PersonRef> {
        let kind = serde_json::Value::from(self.opened_for_kind.as_str());
        let kind: Option<PersonKind> = serde_json::from_value(kind).ok();
        kind.zip(self.opened_for).map(|(kind, id)| PersonRef { kind, id })
    }

    /// The interaction, for `person`; nobody has confirmed them yet.
    #[must_use]
    pub fn opened_for(&self, person: Option<PersonRef>, match_outcome: &str) -> Self {
        let of_kind = |kind| person.filter(|person| person.kind == kind).map(|person| person.id);
        Self {
            opened_for_kind: person.map_or("guest", |person| person.kind.as_str()).to_owned(),
            opened_for: person.map(|person| person.id),
            contact: of_kind(PersonKind::Contact),
            consumer: of_kind(PersonKind::Consumer),
            verified: false,
            match_outcome: match_outcome.to_owned(),
            candidates: Json(Vec::new()),
            ..self.clone()
        }
    }

    /// Whether a bot works on it.
    #[must_use]
    pub fn is_with_bot(&self) -> bool {
        self.assigned_to.as_deref().is_some_and(|name| name.starts_with("bot:"))
    }
}
