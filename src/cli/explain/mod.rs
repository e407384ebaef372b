//! `frontdesk explain`: how something came to be, from bytes to queue.
//!
//! Nothing is worked out again: each step is shown with the rule and the reason that were stored
//! when it was taken.

mod steps;

use anyhow::Context;
use clap::Args;
use frontdesk_adapters::Timestamp;
use serde_json::json;
use uuid::Uuid;

use self::steps::{Step, event_steps, message_steps, request_step};
use super::{
    Exit, fault, open_existing,
    terminal::{BOLD, DIM, print, styled},
};
use crate::{
    config::Config,
    db::Tx,
    interactions,
    messages::{self, EventFilter, EventRecord, Message, MessageFilter, StoredRequest},
    routing,
};

/// The most messages of one interaction or request that are explained.
const MESSAGES: i64 = 50;

/// Say how something came to be, from bytes to queue: each step, rule and reason.
#[derive(Debug, Args)]
#[command(before_help = "Examples:
  frontdesk explain IMS0000001
  frontdesk explain 0198c6a2-7b1e-7000-8000-000000000001 --json")]
pub(super) struct Explain {
    /// An interaction's number, or the id of a message, event, request, interaction or work item.
    id: String,
    /// One JSON object a message.
    #[arg(long)]
    json: bool,
}

/// One message, event or bare request, and how it came to be.
#[derive(Debug)]
struct Story {
    title: String,
    steps: Vec<Step>,
}

impl Explain {
    pub async fn run(&self, config: &Config) -> anyhow::Result<Exit> {
        let store = open_existing(config).await?;
        let mut tx = store.begin_read().await?;
        let stories = self.stories(&mut tx).await?;
        tx.rollback().await?;
        store.close().await;
        for story in stories {
            if self.json {
                print(json!({"title": story.title, "steps": story.steps}))?;
            } else {
                story.show()?;
            }
        }
        Ok(Exit::Done)
    }

    async fn stories(&self, tx: &mut Tx) -> anyhow::Result<Vec<Story>> {
        let filter = |interaction| MessageFilter { interaction, limit: MESSAGES, ..<_>::default() };
        let missing =
            || fault(Exit::NotFound, format!("there is nothing with the id `{}`", self.id));
        if let Some(seq) = interactions::parse_number(&self.id) {
            let found = interactions::store::get(tx, seq).await?.ok_or_else(missing)?;
            return of_messages(tx, &filter(Some(found.id))).await;
        }
        let id: Uuid = self.id.parse().map_err(|_| missing())?;
        if let Some(request) = messages::find_request(tx, id).await? {
            return of_request(tx, request).await;
        }
        let one = MessageFilter { id: Some(id), limit: 1, ..<_>::default() };
        if !messages::list(tx, &one).await?.is_empty() {
            return of_messages(tx, &one).await;
        }
        let one = EventFilter { id: Some(id), limit: 1, ..<_>::default() };
        if let Some(event) = messages::events(tx, &one).await?.pop() {
            return Ok(vec![of_event(tx, &event).await?]);
        }
        if let Some(item) = routing::store::item(tx, id).await? {
            return of_messages(tx, &filter(Some(item.interaction_id))).await;
        }
        if interactions::store::seq_of(tx, id).await?.is_some() {
            return of_messages(tx, &filter(Some(id))).await;
        }
        Err(missing())
    }
}

async fn of_request(tx: &mut Tx, request: StoredRequest) -> anyhow::Result<Vec<Story>> {
    let id = Some(request.record.id);
    let filter = MessageFilter { request: id, limit: MESSAGES, ..<_>::default() };
    let mut stories = of_messages(tx, &filter).await?;
    let filter = EventFilter { request: id, limit: MESSAGES, ..<_>::default() };
    for event in messages::events(tx, &filter).await? {
        stories.push(of_event(tx, &event).await?);
    }
    if stories.is_empty() {
        let title = format!("request {}", request.record.id);
        stories.push(Story { title, steps: vec![request_step(&request)] });
    }
    Ok(stories)
}

async fn of_messages(tx: &mut Tx, filter: &MessageFilter) -> anyhow::Result<Vec<Story>> {
    let mut stories = Vec::new();
    for message in messages::list(tx, filter).await? {
        stories.push(of_message(tx, &message).await?);
    }
    Ok(stories)
}

async fn of_message(tx: &mut Tx, message: &Message) -> anyhow::Result<Story> {
    let mut steps = Vec::new();
    if let Some(request) = message.request_id
        && let Some(request) = messages::find_request(tx, request).await?
    {
        steps.push(request_step(&request));
    }
    steps.extend(message_steps(tx, message).await?);
    Ok(Story { title: format!("message {}", message.id), steps })
}

async fn of_event(tx: &mut Tx, event: &EventRecord) -> anyhow::Result<Story> {
    let request = messages::find_request(tx, event.request_id).await?;
    let mut steps: Vec<Step> = request.iter().map(request_step).collect();
    steps.extend(event_steps(event));
    Ok(Story { title: format!("{} {}", event.kind, event.id), steps })
}

impl Story {
    fn show(&self) -> anyhow::Result<()> {
        print(styled(BOLD, &self.title))?;
        for step in &self.steps {
            let at = Timestamp::from_millis(step.at).context("a stored time is no time")?;
            print(format!("  {}  {:<11}  {}", styled(DIM, at), step.step, step.what))?;
            print(format!("  {:24}  {:<11}  {}", "", "", styled(DIM, step.why())))?;
        }
        Ok(print("")?)
    }
}
