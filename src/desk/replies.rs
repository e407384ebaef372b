//! What our own side writes to the customer.

use uuid::Uuid;

use super::{DeskError, act, consent, tell};
use crate::{
    audit::{Author, AuthorKind},
    clock,
    db::Tx,
    interactions::{Action, Interaction, State, history, work},
    messages::replies::{self, NewReply},
    outbox::EventType,
};

/// A message to the customer.
#[derive(Clone, Copy, Debug)]
pub struct Reply<'a> {
    /// The text.
    pub text: &'a str,
    /// Whether a bot wrote it: then nobody has answered yet.
    pub by_bot: bool,
    /// Whether it opens the conversation rather than answers.
    pub opens: bool,
}

/// Records a message of ours and what it does to the clocks; returns its id.
///
/// An agent who answers what waits takes it on; parked and finished conversations are taken up
/// again by their agent. A customer who is blocked or wants no messages gets none.
pub async fn reply(
    tx: &mut Tx,
    before: &Interaction,
    reply: Reply<'_>,
    author: &Author,
    now: i64,
) -> Result<(Interaction, Uuid), DeskError> {
    consent::permit(tx, before).await?;
    let mut current = before.clone();
    if let Some(action) = taken_on(&current, reply, author) {
        current = act(tx, &current, &action, author, now).await?;
    }
    let (Some(profile_id), Some(channel_id)) = (current.profile_id, current.channel_id.clone())
    else {
        return Err(DeskError::NoChannel);
    };
    let id = clock::new_id();
    let decision = if reply.opens { "opened" } else { "continued" };
    let row = NewReply {
        id,
        channel_id: &channel_id,
        interaction_id: current.id,
        profile_id,
        text: reply.text,
        author,
        now,
        decision,
    };
    if !reply.by_bot {
        let unanswered = history::first_unanswered(tx, &current).await?;
        let at = now.max(current.opened_at);
        if let Some(since) = unanswered {
            current.replies += 1;
            current.response_ms += at.saturating_sub(since).max(0);
        }
        current.first_reply_at.get_or_insert(at);
        current.last_reply_id = Some(id);
        current.version += 1;
        if !work::save(tx, &current).await? {
            return Err(DeskError::Changed);
        }
    }
    replies::insert(tx, &row).await?;
    tell(tx, EventType::MessageReceived, Some(current.id), id, now).await?;
    Ok((current, id))
}

/// Records a message of the gateway's own: it answers nothing and moves nothing. Returns its id. It
/// passes the same gate as any other.
pub async fn prompt(
    tx: &mut Tx,
    interaction: &Interaction,
    text: &str,
    author: &Author,
    now: i64,
) -> Result<Uuid, DeskError> {
    consent::permit(tx, interaction).await?;
    let (Some(profile_id), Some(channel_id)) = (interaction.profile_id, &interaction.channel_id)
    else {
        return Err(DeskError::NoChannel);
    };
    let id = clock::new_id();
    let decision = "continued";
    let interaction_id = interaction.id;
    let row = NewReply { id, channel_id, interaction_id, profile_id, text, author, now, decision };
    replies::insert(tx, &row).await?;
    tell(tx, EventType::MessageReceived, Some(interaction.id), id, now).await?;
    Ok(id)
}

/// What answering does by itself.
fn taken_on(interaction: &Interaction, reply: Reply<'_>, author: &Author) -> Option<Action> {
    let waits = interaction.state == State::New
        || interaction.state == State::OnHold && !interaction.is_parked();
    if reply.by_bot {
        return waits.then(|| Action::EngageBot(author.id.clone()));
    }
    match author.kind {
        AuthorKind::Agent if waits => Some(Action::Accept(author.id.clone())),
        AuthorKind::Agent
        | AuthorKind::Key
        | AuthorKind::Command
        | AuthorKind::Requester
        | AuthorKind::System => None,
    }
}
