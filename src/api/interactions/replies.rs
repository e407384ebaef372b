//! What our own side writes to the customer.

use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{edit::plain, find};
use crate::{
    api::{
        Context,
        agents::By,
        input::{Body, Path},
        output::{Created, Versioned},
        problem::{Code, Problem},
    },
    audit::AuthorKind,
    desk::{self, Reply},
    messages::{self, Message, MessageFilter},
};

const LONGEST: usize = 10_000;

/// A message to the customer.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewReply {
    /// The text.
    text: String,
    /// Whether a bot wrote it; a program's key is then the bot.
    #[serde(default)]
    bot: bool,
}

/// Records a message to the customer: the conversation and its clocks know it from then on.
///
/// Nothing is sent to the provider yet: whoever listens to the events passes it on.
#[utoipa::path(post, path = "/v1/interactions/{number}/messages", tag = "interactions",
    params(("number" = String, Path, description = "Its number.")), request_body = NewReply,
    responses((status = 201, body = Message, description = "The recorded message.")))]
pub(super) async fn reply(
    State(api): Context,
    By(author): By,
    Path(number): Path<String>,
    Body(new): Body<NewReply>,
) -> Result<Created<Message>, Problem> {
    let text = plain("/text", &new.text, LONGEST)?;
    if new.bot && author.kind != AuthorKind::Key {
        return Err(Problem::body("/bot", "an agent is not a bot; leave Frontdesk-Agent out"));
    }
    let now = api.clock.now().as_millis();
    let mut tx = api.store.begin().await?;
    let interaction = find(&mut tx, &number).await?;
    if !interaction.active {
        let detail = "it is closed and stays so; open another with POST /v1/interactions";
        return Err(Problem::new(Code::IllegalTransition, detail));
    }
    let reply = Reply { text: &text, by_bot: new.bot, opens: false };
    let (_, id) = desk::reply(&mut tx, &interaction, reply, &author, now).await?;
    desk::tasks::mentioned(&mut tx, &interaction, &text, &author, now).await?;
    let filter = MessageFilter { id: Some(id), limit: 1, ..MessageFilter::default() };
    let message = messages::list(&mut tx, &filter).await?.pop();
    tx.commit().await?;
    let message = message.ok_or_else(|| Problem::not_found("message"))?;
    Ok(Created(format!("/v1/messages/{id}"), Versioned(message, 1)))
}
