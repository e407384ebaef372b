//! One step each: what happened, by which rule, for which reason.

use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use super::Step;
use crate::{
    db::{StoreError, Tx},
    interactions::{self, Interaction, Reason, history},
    messages::{EventRecord, Message, StoredRequest},
    profiles::{self, MatchOutcome},
    routing,
};

/// How much of a message's text is shown.
const TEXT: usize = 60;

/// The most moves of an interaction that are told.
const MOVES: i64 = 500;

pub(super) fn request_step(request: &StoredRequest) -> Step {
    let record = &request.record;
    let channel = record.channel_id.as_deref().unwrap_or("no channel");
    let (method, size) = (&record.method, request.body.len());
    let path = record.target.split('?').next().unwrap_or_default();
    Step {
        step: "received",
        at: record.received_at,
        what: format!("{method} {path} for {channel}, {size} bytes, events: {}", record.events),
        rule: record.outcome.clone(),
        reason: record.reason.clone(),
    }
}

pub(super) fn event_steps(event: &EventRecord) -> Step {
    let about = event.target.as_deref().map(|target| format!(" about {target}"));
    let known = event.message_id.map(|id| format!("it is about message {id}"));
    Step {
        step: "understood",
        at: event.received_at,
        what: format!("{}{}", event.kind, about.unwrap_or_default()),
        rule: event.provider_type.clone().unwrap_or_else(|| event.kind.clone()),
        reason: Some(known.unwrap_or_else(|| "kept beside the messages".to_owned())),
    }
}

pub(super) async fn message_steps(tx: &mut Tx, message: &Message) -> Result<Vec<Step>, StoreError> {
    let at = message.received_at;
    let text = message.text.as_deref().map(|text| format!(" {:?}", shortened(text)));
    let mut steps = vec![Step {
        step: "understood",
        at,
        what: format!("{} {}{}", message.direction, message.kind, text.unwrap_or_default()),
        rule: message.kind.clone(),
        reason: message.provider_message_id.as_ref().map(|id| format!("the provider's id is {id}")),
    }];
    if let Some(profile) = profiles::store::get(tx, message.profile_id).await? {
        let person = match (&profile.person_kind, profile.person_id) {
            (Some(kind), Some(id)) => format!("{} {id}", kind.as_str()),
            (_, _) => "guest".to_owned(),
        };
        let name = profile.display_name.map(|name| format!(" ({name})")).unwrap_or_default();
        steps.push(Step {
            step: "sender",
            at,
            what: format!("{} {}{name} is {person}", profile.scheme, profile.value),
            reason: word::<MatchOutcome>(&profile.match_outcome)
                .map(|outcome| outcome.sentence().to_owned()),
            rule: profile.match_outcome,
        });
    }
    let seq = interactions::store::seq_of(tx, message.interaction_id).await?;
    let number = seq.map_or_else(|| message.interaction_id.to_string(), interactions::number);
    steps.push(Step {
        step: "interaction",
        at,
        what: format!("{} {number}", message.decision),
        rule: message.reason.clone(),
        reason: word::<Reason>(&message.reason).map(|reason| reason.sentence().to_owned()),
    });
    Ok(steps)
}

/// How an interaction began.
pub(super) fn opened_step(interaction: &Interaction) -> Step {
    let by_what = interaction.channel_id.as_deref().unwrap_or("no channel");
    Step {
        step: "opened",
        at: interaction.opened_at,
        what: format!("{} by {by_what}, for {}", interaction.subtype, interaction.opened_for_kind),
        rule: interaction.match_outcome.clone(),
        reason: word::<MatchOutcome>(&interaction.match_outcome)
            .map(|outcome| outcome.sentence().to_owned()),
    }
}

/// The queues it was put into, and what became of it there.
pub(super) async fn queue_steps(tx: &mut Tx, interaction: Uuid) -> Result<Vec<Step>, StoreError> {
    let mut steps = Vec::new();
    for item in routing::store::items_of(tx, interaction).await? {
        steps.push(Step {
            step: "queue",
            at: item.queued_at,
            what: format!("{} in {}, priority {}", item.state, item.queue, item.priority),
            rule: item
                .route
                .unwrap_or_else(|| if item.unrouted { "unrouted" } else { "put there" }.to_owned()),
            reason: Some(item.reason),
        });
        let events = routing::history::of_item(tx, item.id).await?.into_iter();
        // Who took it is told by the interaction's own move.
        let events = events.filter(|event| !matches!(&*event.kind, "accepted" | "assigned"));
        steps.extend(events.map(|event| Step {
            step: "offer",
            at: event.at,
            what: match event.agent.or(event.queue) {
                Some(name) => format!("{}, {name}", event.kind),
                None => event.kind,
            },
            rule: format!("by {} {}", event.author_kind.as_str(), event.author),
            reason: Some(event.reason),
        }));
    }
    Ok(steps)
}

/// Who took it, parked it, gave it away and closed it.
pub(super) async fn agent_steps(tx: &mut Tx, interaction: Uuid) -> Result<Vec<Step>, StoreError> {
    let moves = history::transitions(tx, interaction, None, MOVES).await?;
    let step = |made: history::Transition| {
        let with = made.assigned_to.map(|agent| format!(", with {agent}"));
        let why = made.to_reason.map(|reason| format!(" ({})", spelled(reason)));
        let to = format!("{}{}", made.to_state, why.unwrap_or_default());
        Step {
            step: "agent",
            at: made.at,
            what: format!("{} to {to}{}", made.from_state, with.unwrap_or_default()),
            rule: made.cause,
            reason: Some(format!("by {} {}", made.author_kind.as_str(), made.author)),
        }
    };
    Ok(moves.into_iter().map(step).collect())
}

/// The word a value is stored as.
fn spelled(value: impl Serialize) -> String {
    let word = serde_json::to_value(value).ok();
    word.and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}

/// Reads a stored word; one of another version is none.
fn word<T: DeserializeOwned>(word: &str) -> Option<T> {
    serde_json::from_value(word.into()).ok()
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(TEXT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
