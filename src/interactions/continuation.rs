//! Continuing or opening, a whole group at a time.

use std::collections::HashMap;

use serde_json::Value;
use uuid::Uuid;

use super::{ContactType, Continuity, Current, Reason, State, continuity, country, number, store};
use crate::{
    channels::Continuation,
    clock,
    db::{JsonText, StoreError, Tx},
    profiles::{Decision, PersonKind},
};

/// The arrivals of one conversation. Each (profile, our address) appears once.
#[derive(Clone, Debug)]
pub struct Conversation {
    /// The sender.
    pub profile_id: Uuid,
    /// Whether the profile was made just now, so that nothing can be open.
    pub new_profile: bool,
    /// The channel.
    pub channel_id: String,
    /// Our address the sender writes to.
    pub our_address: String,
    /// When a message continues the open interaction.
    pub policy: Continuation,
    /// The kind of contact.
    pub contact_type: ContactType,
    /// The medium.
    pub subtype: &'static str,
    /// Whom a new interaction is for.
    pub decision: Decision,
    /// The sender's language.
    pub language: Option<String>,
    /// The sender's number, from which a new interaction reads the country.
    pub phone: Option<String>,
    /// What is needed to talk on the channel.
    pub channel_metadata: Value,
    /// The messages, in order of arrival.
    pub arrivals: Vec<Arrival>,
}

/// One message's claim on its conversation.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// When it arrived, in Unix milliseconds.
    pub at: i64,
    /// Whether it may open an interaction; our own words and keywords may not.
    pub may_open: bool,
}

/// What became of one arrival.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Continued {
    /// The interaction.
    pub interaction_id: Uuid,
    /// Its place; [`number`] makes it readable.
    pub seq: i64,
    /// Whether this arrival opened it.
    pub opened: bool,
    /// Whether it is still open: with conversations of one message, the next one closes it.
    pub active: bool,
    /// Why.
    pub reason: Reason,
}

impl Continued {
    /// The number people use.
    #[must_use]
    pub fn number(&self) -> String {
        number(self.seq)
    }

    /// `opened`, `continued` or `noted`.
    #[must_use]
    pub fn decision(&self) -> &'static str {
        match (self.opened, self.reason) {
            (true, _) => "opened",
            (false, Reason::Noted) => "noted",
            (false, _) => "continued",
        }
    }
}

/// An interaction while the group is worked through.
#[derive(Clone, Copy)]
struct Tip {
    id: Uuid,
    current: Current,
    /// Opened in this group, under this index of the new rows.
    planned: Option<usize>,
}

/// What became of a group's conversations.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// One entry per arrival, in order; `None` is one that may not open and found nothing open.
    pub arrivals: Vec<Vec<Option<Continued>>>,
    /// Interactions that were open before and are closed now, because another took their place.
    pub superseded: Vec<Uuid>,
}

/// Continues the open interaction of each conversation, or opens a new one.
///
/// Conversations must be sorted by (profile, our address), so that two committers wait for each
/// other's rows in the same order.
pub async fn continue_or_open(
    tx: &mut Tx,
    conversations: &[Conversation],
) -> Result<Outcome, StoreError> {
    let known = conversations.iter().filter(|conversation| !conversation.new_profile);
    let open = store::find_open(tx, known).await?;
    let plan = Plan::make(conversations, &open, false);
    let (mut outcome, lost) = plan.carry_out(tx, conversations, &open).await?;
    if lost.is_empty() {
        return Ok(outcome);
    }
    // The unique index gave these conversations to somebody else's interaction: join it.
    let again: Vec<Conversation> = lost.iter().map(|index| conversations[*index].clone()).collect();
    let open = store::find_open(tx, again.iter()).await?;
    let plan = Plan::make(&again, &open, true);
    let (second, still_lost) = plan.carry_out(tx, &again, &open).await?;
    if !still_lost.is_empty() {
        return Err(StoreError::Exists);
    }
    for (index, arrivals) in lost.into_iter().zip(second.arrivals) {
        outcome.arrivals[index] = arrivals;
    }
    outcome.superseded.extend(second.superseded);
    Ok(outcome)
}

struct Plan {
    arrivals: Vec<Vec<Option<(Uuid, bool, Reason)>>>,
    new: Vec<New>,
    superseded: Vec<store::Moved>,
    resumed: Vec<store::Moved>,
}

struct New {
    id: Uuid,
    conversation: usize,
    at: i64,
    parent: Option<Uuid>,
    /// Closed again by a later message of the same group.
    superseded_at: Option<i64>,
}

impl Plan {
    fn make(
        conversations: &[Conversation],
        open: &HashMap<(Uuid, String), store::Open>,
        joined: bool,
    ) -> Self {
        let mut plan = Self {
            arrivals: Vec::new(),
            new: Vec::new(),
            superseded: Vec::new(),
            resumed: Vec::new(),
        };
        for (index, conversation) in conversations.iter().enumerate() {
            let key = (conversation.profile_id, conversation.our_address.clone());
            let tip = open.get(&key).map(|open| Tip {
                id: open.id,
                current: open.current,
                planned: None,
            });
            let arrivals = plan.work_through(index, conversation, tip, joined);
            plan.arrivals.push(arrivals);
        }
        plan
    }

    fn work_through(
        &mut self,
        index: usize,
        conversation: &Conversation,
        mut tip: Option<Tip>,
        joined: bool,
    ) -> Vec<Option<(Uuid, bool, Reason)>> {
        let mut continued = Vec::with_capacity(conversation.arrivals.len());
        for arrival in &conversation.arrivals {
            if !arrival.may_open {
                continued.push(tip.map(|tip| (tip.id, false, Reason::Noted)));
                continue;
            }
            let current = tip.map(|tip| tip.current);
            match (continuity(current, conversation.policy, arrival.at), &mut tip) {
                (Continuity::Continue(reason, moved), Some(tip)) => {
                    if let Some(state) = moved {
                        self.resumed.push(store::Moved::resumed(tip.id, state, arrival.at));
                        tip.current = Current { state, parked: false, last_at: arrival.at };
                    }
                    tip.current.last_at = arrival.at;
                    let reason = if joined && tip.planned.is_none() && reason == Reason::Waiting {
                        Reason::JoinedConcurrent
                    } else {
                        reason
                    };
                    continued.push(Some((tip.id, false, reason)));
                }
                (Continuity::Continue(reason, _) | Continuity::Open(reason), _) => {
                    let parent = tip.map(|tip| tip.id);
                    match tip {
                        Some(Tip { planned: Some(planned), .. }) => {
                            self.new[planned].superseded_at = Some(arrival.at);
                        }
                        Some(tip) => {
                            self.superseded.push(store::Moved::superseded(tip.id, arrival.at))
                        }
                        None => {}
                    }
                    let id = clock::new_id();
                    let planned = self.new.len();
                    self.new.push(New {
                        id,
                        conversation: index,
                        at: arrival.at,
                        parent,
                        superseded_at: None,
                    });
                    let current = Current { state: State::New, parked: false, last_at: arrival.at };
                    tip = Some(Tip { id, current, planned: Some(planned) });
                    continued.push(Some((id, true, reason)));
                }
            }
        }
        continued
    }

    /// Writes the plan. Returns the conversations whose new interaction was not free to be opened;
    /// nothing of theirs is left behind.
    async fn carry_out(
        self,
        tx: &mut Tx,
        conversations: &[Conversation],
        open: &HashMap<(Uuid, String), store::Open>,
    ) -> Result<(Outcome, Vec<usize>), StoreError> {
        let parents = store::latest(tx, self.parents(conversations)).await?;
        store::supersede(tx, self.superseded.clone()).await?;
        let inserted = store::insert(tx, self.rows(conversations, &parents)).await?;
        let mut lost: Vec<usize> = Vec::new();
        for new in self.new.iter().filter(|new| !inserted.contains_key(&new.id)) {
            lost.push(new.conversation);
        }
        if !lost.is_empty() {
            let theirs = self.new.iter().filter(|new| lost.contains(&new.conversation));
            store::forget(tx, theirs.map(|new| new.id)).await?;
        }
        store::resume(tx, self.resumed.clone()).await?;
        let superseded = self.superseded.iter().map(|superseded| superseded.id).collect();
        Ok((Outcome { arrivals: self.finish(&inserted, open), superseded }, lost))
    }

    /// The conversations whose previous interaction is not known yet.
    fn parents(&self, conversations: &[Conversation]) -> Vec<(Uuid, String)> {
        let without = self.new.iter().filter(|new| new.parent.is_none());
        without
            .map(|new| &conversations[new.conversation])
            .filter(|conversation| !conversation.new_profile)
            .map(|conversation| (conversation.profile_id, conversation.our_address.clone()))
            .collect()
    }

    fn rows(
        &self,
        conversations: &[Conversation],
        parents: &HashMap<(Uuid, String), Uuid>,
    ) -> Vec<store::NewInteraction> {
        self.new
            .iter()
            .map(|new| {
                let conversation = &conversations[new.conversation];
                let key = (conversation.profile_id, conversation.our_address.clone());
                let person = conversation.decision.opened_for;
                let of_kind =
                    |kind| person.filter(|person| person.kind == kind).map(|person| person.id);
                let state =
                    if new.superseded_at.is_some() { State::ClosedComplete } else { State::New };
                store::NewInteraction {
                    id: new.id,
                    contact_type: conversation.contact_type.as_str(),
                    subtype: conversation.subtype,
                    state: state.as_str(),
                    state_reason: new.superseded_at.map(|_| "superseded"),
                    state_changed_at: new.superseded_at.unwrap_or(new.at),
                    active: state.is_open(),
                    profile_id: conversation.profile_id,
                    channel_id: conversation.channel_id.clone(),
                    our_address: conversation.our_address.clone(),
                    opened_for_kind: person.map_or("guest", |person| person.kind.as_str()),
                    opened_for: person.map(|person| person.id),
                    contact: of_kind(PersonKind::Contact),
                    consumer: of_kind(PersonKind::Consumer),
                    match_outcome: conversation.decision.outcome.as_str(),
                    candidates: JsonText::of(&conversation.decision.candidates),
                    opened_at: new.at,
                    closed_at: new.superseded_at,
                    closed_by: new.superseded_at.map(|_| "system"),
                    language: conversation.language.clone(),
                    country: conversation.phone.as_deref().and_then(country),
                    channel_metadata: JsonText::of(&conversation.channel_metadata),
                    parent_id: new.parent.or_else(|| parents.get(&key).copied()),
                }
            })
            .collect()
    }

    fn finish(
        self,
        inserted: &HashMap<Uuid, i64>,
        open: &HashMap<(Uuid, String), store::Open>,
    ) -> Vec<Vec<Option<Continued>>> {
        let known: HashMap<Uuid, i64> = open.values().map(|open| (open.id, open.seq)).collect();
        let seq =
            |id: &Uuid| inserted.get(id).or_else(|| known.get(id)).copied().unwrap_or_default();
        let closed: Vec<Uuid> =
            self.new.iter().filter(|new| new.superseded_at.is_some()).map(|new| new.id).collect();
        let finish = |(interaction_id, opened, reason): (Uuid, bool, Reason)| Continued {
            seq: seq(&interaction_id),
            active: !closed.contains(&interaction_id),
            interaction_id,
            opened,
            reason,
        };
        let conversations = self.arrivals.into_iter();
        conversations
            .map(|arrivals| arrivals.into_iter().map(|arrival| arrival.map(finish)).collect())
            .collect()
    }
}
