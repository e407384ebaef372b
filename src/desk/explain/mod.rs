//! How something came to be, from bytes to agent.
//!
//! Nothing is worked out again: each step is shown with the rule and the reason that were stored
//! when it was taken.

mod steps;

use serde::Serialize;
use uuid::Uuid;

use self::steps::{agent_steps, event_steps, message_steps, queue_steps, request_step};
use crate::{
    db::{StoreError, Tx},
    interactions,
    messages::{self, EventFilter, EventRecord, Message, MessageFilter, StoredRequest},
    routing,
};

/// The most messages of one interaction or request that are explained, and the most other events of a
/// request: the last ones.
const NEWEST: i64 = 50;

/// What is known about how something came to be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Explanation {
    /// The interaction first, then its messages; or the one thing that was asked for. Empty when there
    /// is none.
    pub stories: Vec<Story>,
    /// How many earlier messages and events of the interaction or request are left out.
    pub left_out: i64,
}

impl From<Vec<Story>> for Explanation {
    fn from(stories: Vec<Story>) -> Self {
        Self { stories, left_out: 0 }
    }
}

/// One message, event, interaction or bare request, and how it came to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Story {
    /// What it is about, such as `message 0198…` or `interaction IMS0000001`.
    pub title: String,
    /// What happened, in order.
    pub steps: Vec<Step>,
}

/// One step on the way from bytes to agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = StoryStep)]
pub struct Step {
    /// `received`, `understood`, `sender`, `interaction`, `opened`, `queue`, `offer` or `agent`.
    pub step: &'static str,
    /// When.
    #[serde(serialize_with = "crate::db::show_required_time")]
    #[schema(value_type = String, format = DateTime)]
    pub at: i64,
    /// What happened.
    pub what: String,
    /// The stored word for the rule that applied.
    pub rule: String,
    /// Why, in a sentence or in the rule's own words.
    pub reason: Option<String>,
}

impl Step {
    /// Rule and reason, for people.
    #[must_use]
    pub fn why(&self) -> String {
        match &self.reason {
            Some(reason) => format!("{}: {reason}", self.rule),
            None => self.rule.clone(),
        }
    }
}

/// Tells how the thing with this id came to be: an interaction by its number, or a message, event,
/// request, interaction or work item.
pub async fn explain(tx: &mut Tx, id: &str) -> Result<Explanation, StoreError> {
    if let Some(seq) = interactions::parse_number(id) {
        return match interactions::store::get(tx, seq).await? {
            Some(found) => of_interaction(tx, found.id).await,
            None => Ok(Explanation::default()),
        };
    }
    let Ok(id) = id.parse::<Uuid>() else { return Ok(Explanation::default()) };
    if let Some(request) = messages::find_request(tx, id).await? {
        return of_request(tx, request).await;
    }
    let one = MessageFilter { id: Some(id), limit: 1, ..MessageFilter::default() };
    if let Some(message) = messages::list(tx, &one).await?.pop() {
        return Ok(vec![of_message(tx, &message).await?].into());
    }
    let one = EventFilter { id: Some(id), limit: 1, ..EventFilter::default() };
    if let Some(event) = messages::events(tx, &one).await?.pop() {
        return Ok(vec![of_event(tx, &event).await?].into());
    }
    if let Some(item) = routing::store::item(tx, id).await? {
        return of_interaction(tx, item.interaction_id).await;
    }
    of_interaction(tx, id).await
}

async fn of_request(tx: &mut Tx, request: StoredRequest) -> Result<Explanation, StoreError> {
    let id = Some(request.record.id);
    let mut stories = Vec::new();
    let filter = MessageFilter { request: id, limit: NEWEST, ..MessageFilter::default() };
    let (newest, messages_before) = messages::newest(tx, &filter).await?;
    for message in newest {
        stories.push(of_message(tx, &message).await?);
    }
    let filter = EventFilter { request: id, limit: NEWEST, ..EventFilter::default() };
    let (newest, events_before) = messages::newest_events(tx, &filter).await?;
    for event in newest {
        stories.push(of_event(tx, &event).await?);
    }
    if stories.is_empty() {
        let title = format!("request {}", request.record.id);
        stories.push(Story { title, steps: vec![request_step(&request)] });
    }
    Ok(Explanation { stories, left_out: messages_before + events_before })
}

/// The interaction itself, then each of its messages up to where it joined.
async fn of_interaction(tx: &mut Tx, id: Uuid) -> Result<Explanation, StoreError> {
    let Some(interaction) = interactions::work::by_id(tx, id).await? else {
        return Ok(Explanation::default());
    };
    let mut steps = vec![steps::opened_step(&interaction)];
    steps.extend(queue_steps(tx, id).await?);
    steps.extend(agent_steps(tx, id).await?);
    steps.sort_by_key(|step| step.at);
    let title = format!("interaction {}", interactions::number(interaction.number.0));
    let mut stories = vec![Story { title, steps }];
    let filter = MessageFilter { interaction: Some(id), limit: NEWEST, ..MessageFilter::default() };
    let (newest, left_out) = messages::newest(tx, &filter).await?;
    for message in newest {
        let steps = until_joined(tx, &message).await?;
        stories.push(Story { title: format!("message {}", message.id), steps });
    }
    Ok(Explanation { stories, left_out })
}

async fn of_message(tx: &mut Tx, message: &Message) -> Result<Story, StoreError> {
    let mut steps = until_joined(tx, message).await?;
    let mut since = queue_steps(tx, message.interaction_id).await?;
    since.extend(agent_steps(tx, message.interaction_id).await?);
    since.sort_by_key(|step| step.at);
    steps.extend(since);
    Ok(Story { title: format!("message {}", message.id), steps })
}

/// From the bytes to the interaction.
async fn until_joined(tx: &mut Tx, message: &Message) -> Result<Vec<Step>, StoreError> {
    let mut steps = Vec::new();
    if let Some(request) = message.request_id
        && let Some(request) = messages::find_request(tx, request).await?
    {
        steps.push(request_step(&request));
    }
    steps.extend(message_steps(tx, message).await?);
    Ok(steps)
}

async fn of_event(tx: &mut Tx, event: &EventRecord) -> Result<Story, StoreError> {
    let request = messages::find_request(tx, event.request_id).await?;
    let mut steps: Vec<Step> = request.iter().map(request_step).collect();
    steps.push(event_steps(event));
    Ok(Story { title: format!("{} {}", event.kind, event.id), steps })
}
