//! One step each: what happened, by which rule, for which reason.

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    db::{StoreError, Tx},
    interactions::{self, Reason},
    messages::{EventRecord, Message, StoredRequest},
    profiles::{self, MatchOutcome},
    routing,
};

/// How much of a message's text is shown.
const TEXT: usize = 60;

/// One step on the way from bytes to queue.
#[derive(Debug, Serialize)]
pub(super) struct Step {
    /// `received`, `understood`, `sender`, `interaction` or `queue`.
    pub step: &'static str,
    #[serde(serialize_with = "crate::db::show_required_time")]
    pub at: i64,
    pub what: String,
    /// The stored word for the rule that applied.
    pub rule: String,
    pub reason: Option<String>,
}

impl Step {
    /// Rule and reason, for people.
    pub fn why(&self) -> String {
        match &self.reason {
            Some(reason) => format!("{}: {reason}", self.rule),
            None => self.rule.clone(),
        }
    }
}

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

pub(super) fn event_steps(event: &EventRecord) -> Vec<Step> {
    let about = event.target.as_deref().map(|target| format!(" about {target}"));
    let known = event.message_id.map(|id| format!("it is about message {id}"));
    vec![Step {
        step: "understood",
        at: event.received_at,
        what: format!("{}{}", event.kind, about.unwrap_or_default()),
        rule: event.provider_type.clone().unwrap_or_else(|| event.kind.clone()),
        reason: Some(known.unwrap_or_else(|| "kept beside the messages".to_owned())),
    }]
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
    for item in routing::store::items_of(tx, message.interaction_id).await? {
        steps.push(Step {
            step: "queue",
            at: item.queued_at,
            what: format!("{} in {}, priority {}", item.state, item.queue, item.priority),
            rule: item.route.unwrap_or_else(|| "unrouted".to_owned()),
            reason: Some(item.reason),
        });
    }
    Ok(steps)
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
