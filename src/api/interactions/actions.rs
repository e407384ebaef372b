//! What agents do with an interaction: each action a path of its own.
//!
//! `If-Match` is welcome and not needed: the state machine refuses what does not fit any more, and
//! names what would.

use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Details, details, find};
use crate::{
    api::{
        Api, Context,
        agents::{self, By, OwnKey},
        input::{Body, MayBody, MayMatch, Path},
        output::Versioned,
        problem::{Code, Problem},
        queues,
    },
    audit::Author,
    db::Tx,
    desk::{self, DeskError},
    interactions::{Action, Interaction, Refused, StateReason},
    routing,
};

/// How often an action is tried again after somebody else was quicker.
const ATTEMPTS: usize = 4;

pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(accept))
        .routes(routes!(assign))
        .routes(routes!(hold))
        .routes(routes!(resume))
        .routes(routes!(transfer))
        .routes(routes!(end))
        .routes(routes!(wrap_up))
        .routes(routes!(close))
        .routes(routes!(abandon))
}

impl From<DeskError> for Problem {
    fn from(error: DeskError) -> Self {
        match error {
            DeskError::Refused(refused) => refused.into(),
            DeskError::Changed => Self::conflict(),
            DeskError::NoChannel => Self::new(
                Code::NoChannel,
                "this contact has no channel to write by; note what was said instead",
            ),
            DeskError::NotAnAgent => Self::new(
                Code::UnknownAgent,
                "only agents begin contacts; name one in the header Frontdesk-Agent",
            ),
            DeskError::Blocked => Self::new(
                Code::Blocked,
                "this customer is blocked; unblock the profile before writing to it",
            ),
            DeskError::OptedOut => Self::new(
                Code::OptedOut,
                "this customer wants no messages from this address of ours; wait for an opt-in, \
                 or enter one that was given elsewhere with PUT /v1/consents",
            ),
            DeskError::NotAnswerable => {
                Self::body("/to", "nothing can be sent to this address; use another one")
            }
            DeskError::HeldByOther => Self::new(
                Code::HeldByOther,
                "this address is another person's. If it changed hands, repeat the request with \
                 \"take_over\": true: what is open with them is closed, their profile is given up, \
                 and the address gets a profile of the person you name",
            ),
            DeskError::AtCapacity => Self::new(
                Code::AtCapacity,
                "the agent has as much at hand as the capacity allows; finish or park something, \
                 or assign it, which is a person's decision",
            ),
            DeskError::OfferedToOther => Self::new(
                Code::NotOffered,
                "it is offered to another agent at the moment; wait until that offer ends, or assign it",
            ),
            DeskError::NotOffered => Self::new(
                Code::NotOffered,
                "this item is not offered to the agent, or no longer; claim the next one",
            ),
            DeskError::Store(error) => error.into(),
        }
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let detail = refused.to_string();
        match refused {
            Refused::Illegal(_) | Refused::NotParked | Refused::SameAgent => {
                Self::new(Code::IllegalTransition, detail)
            }
            Refused::DescriptionNeeded => Self::new(Code::ShortDescriptionNeeded, detail),
            Refused::ReasonForMessagingOnly
            | Refused::HoldReasonNeeded
            | Refused::NotAHoldReason
            | Refused::NotAnEndReason => Self::body("/reason", detail),
        }
    }
}

/// Whom it is for.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ForAgent {
    /// The agent's id; by itself whoever makes the request.
    agent: Option<String>,
}

/// Why it is done.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Because {
    /// Why; by itself what usually is the reason.
    reason: Option<StateReason>,
}

/// Why it ends, and what it was about.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct End {
    /// Why; by itself what usually is the reason.
    reason: Option<StateReason>,
    /// What it was about, where nobody has said yet.
    short_description: Option<String>,
    /// What it was about, in codes of the wrap-up configuration that holds for it.
    codes: Option<Vec<String>>,
}

/// What it was about.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct About {
    /// In words, where nobody has said yet.
    short_description: Option<String>,
    /// In codes of the wrap-up configuration that holds for it.
    codes: Option<Vec<String>>,
}

impl From<End> for About {
    fn from(end: End) -> Self {
        Self { short_description: end.short_description, codes: end.codes }
    }
}

/// To whom it goes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct To {
    /// An agent's id.
    agent: Option<String>,
    /// A queue's id.
    queue: Option<String>,
}

/// Takes an interaction out of its queue.
#[utoipa::path(post, path = "/v1/interactions/{number}/accept", tag = "interactions",
    params(("number" = String, Path, description = "Its number.")), request_body = Option<ForAgent>,
    responses((status = 200, body = Details, description = "The interaction, with its agent.")))]
async fn accept(
    State(api): Context,
    By(author): By,
    own: OwnKey,
    Path(number): Path<String>,
    if_match: MayMatch,
    MayBody(body): MayBody<ForAgent>,
) -> Result<Versioned<Details>, Problem> {
    let agent = own.agent(&api, body.agent, &author).await?;
    act(&api, &number, &if_match, &author, None, &Action::Accept(agent)).await
}

/// Gives an interaction to an agent, past the queue or from another agent.
#[utoipa::path(post, path = "/v1/interactions/{number}/assign", tag = "interactions",
    params(("number" = String, Path, description = "Its number.")), request_body = Option<ForAgent>,
    responses((status = 200, body = Details, description = "The interaction, with its agent.")))]
async fn assign(
    State(api): Context,
    By(author): By,
    Path(number): Path<String>,
    if_match: MayMatch,
    MayBody(body): MayBody<ForAgent>,
) -> Result<Versioned<Details>, Problem> {
    let agent = agents::meant(&api, body.agent, &author).await?;
    act(&api, &number, &if_match, &author, None, &Action::Assign(agent)).await
}

/// Parks an interaction; the agent keeps it.
#[utoipa::path(post, path = "/v1/interactions/{number}/hold", tag = "interactions",
    params(("number" = String, Path, description = "Its number.")), request_body = Option<Because>,
    responses((status = 200, body = Details, description = "The parked interaction.")))]
async fn hold(
    State(api): Context,
    By(author): By,
    Path(number): Path<String>,
    if_match: MayMatch,
    MayBody(body): MayBody<Because>,
) -> Result<Versioned<Details>, Problem> {
    act(&api, &number, &if_match, &author, None, &Action::Hold(body.reason)).await
}

/// Takes a parked interaction up again.
#[utoipa::path(post, path = "/v1/interactions/{number}/resume", tag = "interactions",
    params(("number" = String, Path, description = "Its number.")),
    responses((status = 200, body = Details, description = "The interaction at work.")))]
async fn resume(
    State(api): Context,
    By(author): By,
    Path(number): Path<String>,
    if_match: MayMatch,
) -> Result<Versioned<Details>, Problem> {
    act(&api, &number, &if_match, &author, None, &Action::Resume).await
}

/// Hands an interaction to another agent or into a queue.
#[utoipa::path(post, path = "/v1/interactions/{number}/transfer", tag = "interactions",
    params(("number" = String, Path, description = "Its number.")), request_body = To,
    responses((status = 200, body = Details, description = "The interaction where it is now.")))]
async fn transfer(
    State(api): Context,
    By(author): By,
    Path(number): Path<String>,
    if_match: MayMatch,
    Body(body): Body<To>,
) -> Result<Versioned<Details>, Problem> {
    match (body.agent, body.queue) {
        (Some(named), None) => {
            let agent = agents::meant(&api, Some(named), &author).await?;
            act(&api, &number, &if_match, &author, None, &Action::Assign(agent)).await
        }
        (None, Some(queue)) => requeue(&api, &number, &if_match, &author, &queue).await,
        (Some(_), Some(_)) | (None, None) => {
            Err(Problem::body("", "name either an agent or a queue"))
        }
    }
}

/// Ends the conversation: into wrap-up where a configuration matches, else into closed complete.
#[utoipa::path(post, path = "/v1/interactions/{number}/end", tag = "interactions",
    params(("number" = String, Path, description = "Its number.")), request_body = Option<About>,
    responses((status = 200, body = Details, description = "The interaction, in wrap-up or closed.")))]
async fn end(
    State(api): Context,
    By(author): By,
    Path(number): Path<String>,
    if_match: MayMatch,
    MayBody(about): MayBody<About>,
) -> Result<Versioned<Details>, Problem> {
    changing(&api, &number, &if_match, &author, Some(&about), Wanted::End).await
}

/// Ends the conversation and leaves the paperwork.
#[utoipa::path(post, path = "/v1/interactions/{number}/wrap-up", tag = "interactions",
    params(("number" = String, Path, description = "Its number.")),
    responses((status = 200, body = Details, description = "The interaction in wrap-up.")))]
async fn wrap_up(
    State(api): Context,
    By(author): By,
    Path(number): Path<String>,
    if_match: MayMatch,
) -> Result<Versioned<Details>, Problem> {
    act(&api, &number, &if_match, &author, None, &Action::WrapUp).await
}

/// Closes an interaction that is done.
#[utoipa::path(post, path = "/v1/interactions/{number}/close", tag = "interactions",
    params(("number" = String, Path, description = "Its number.")), request_body = Option<End>,
    responses((status = 200, body = Details, description = "The closed interaction.")))]
async fn close(
    State(api): Context,
    By(author): By,
    Path(number): Path<String>,
    if_match: MayMatch,
    MayBody(body): MayBody<End>,
) -> Result<Versioned<Details>, Problem> {
    let (reason, about) = (body.reason, body.into());
    act(&api, &number, &if_match, &author, Some(&about), &Action::Close(reason)).await
}

/// Closes an interaction that was left before it was done.
#[utoipa::path(post, path = "/v1/interactions/{number}/abandon", tag = "interactions",
    params(("number" = String, Path, description = "Its number.")), request_body = Option<End>,
    responses((status = 200, body = Details, description = "The closed interaction.")))]
async fn abandon(
    State(api): Context,
    By(author): By,
    Path(number): Path<String>,
    if_match: MayMatch,
    MayBody(body): MayBody<End>,
) -> Result<Versioned<Details>, Problem> {
    let (reason, about) = (body.reason, body.into());
    act(&api, &number, &if_match, &author, Some(&about), &Action::Abandon(reason)).await
}

/// Does an action.
async fn act(
    api: &Api,
    number: &str,
    if_match: &MayMatch,
    author: &Author,
    about: Option<&About>,
    action: &Action,
) -> Result<Versioned<Details>, Problem> {
    changing(api, number, if_match, author, about, Wanted::Act(action)).await
}

async fn requeue(
    api: &Api,
    number: &str,
    if_match: &MayMatch,
    author: &Author,
    queue: &str,
) -> Result<Versioned<Details>, Problem> {
    let mut tx = api.store.begin_read().await?;
    let known = queues::find(&mut tx, queue).await?;
    tx.rollback().await?;
    if known.is_none() {
        let error = routing::RouteError::UnknownQueue(queue.to_owned());
        return Err(Problem::body("/queue", error));
    }
    changing(api, number, if_match, author, None, Wanted::Requeue(queue)).await
}

/// A change somebody wants.
#[derive(Clone, Copy)]
enum Wanted<'a> {
    Act(&'a Action),
    Requeue(&'a str),
    End,
}

impl Wanted<'_> {
    async fn make(
        self,
        tx: &mut Tx,
        interaction: &Interaction,
        author: &Author,
        now: i64,
    ) -> Result<Interaction, DeskError> {
        match self {
            Self::Act(action) => desk::act(tx, interaction, action, author, now).await,
            Self::Requeue(queue) => desk::requeue(tx, interaction, queue, author, now).await,
            Self::End => desk::end(tx, interaction, author, now).await,
        }
    }
}

/// Makes a change, again if somebody else was quicker and the caller named no version.
async fn changing(
    api: &Api,
    number: &str,
    if_match: &MayMatch,
    author: &Author,
    about: Option<&About>,
    wanted: Wanted<'_>,
) -> Result<Versioned<Details>, Problem> {
    let now = api.clock.now();
    for _ in 0..ATTEMPTS {
        let mut tx = api.store.begin().await?;
        let mut interaction = read(&mut tx, number, if_match).await?;
        if let Some(about) = about {
            interaction = say(&mut tx, interaction, about, author, now.as_millis()).await?;
        }
        match wanted.make(&mut tx, &interaction, author, now.as_millis()).await {
            Ok(after) => {
                let details = details(&mut tx, after, now).await?;
                tx.commit().await?;
                return Ok(details);
            }
            Err(DeskError::Changed) => tx.rollback().await?,
            Err(error) => return Err(error.into()),
        }
    }
    Err(Problem::conflict())
}

async fn read(tx: &mut Tx, number: &str, if_match: &MayMatch) -> Result<Interaction, Problem> {
    let interaction = find(tx, number).await?;
    if_match.check(interaction.version)?;
    Ok(interaction)
}

/// Says what it was about, on the way to ending it.
async fn say(
    tx: &mut Tx,
    interaction: Interaction,
    about: &About,
    author: &Author,
    now: i64,
) -> Result<Interaction, Problem> {
    let text = about.short_description.as_deref().map(super::edit::description).transpose()?;
    if !interaction.active {
        return Ok(interaction);
    }
    let mut after = interaction.clone();
    if let Some(text) = text {
        after.short_description = Some(text);
        after.description_generated = false;
    }
    if let Some(codes) = &about.codes {
        after.wrap_up_codes = super::edit::codes(tx, &interaction, codes, "/codes").await?;
    }
    Ok(desk::edit(tx, &interaction, after, author, now).await?)
}
