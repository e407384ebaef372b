//! What agents decide about senders: each decision a path of its own.
//!
//! `If-Match` is welcome and not needed: a decision that does not fit any more is refused.

use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{ProfileDetails, details};
use crate::{
    api::{
        Api, Context,
        agents::By,
        input::{Body, MayMatch, Path},
        interactions::{find_person, plain},
        output::Versioned,
        problem::{Code, Problem},
    },
    audit::Author,
    db::Tx,
    desk::{
        DeskError,
        identity::{self, IdentityError, Verification},
    },
    messages,
    profiles::{self, PersonRef, Profile},
};

/// How often a decision is tried again after somebody else was quicker.
const ATTEMPTS: usize = 4;
/// No reason, method or account is longer, in characters.
const LONGEST: usize = 500;

pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(link))
        .routes(routes!(verify))
        .routes(routes!(reassociate))
        .routes(routes!(block))
        .routes(routes!(unblock))
        .routes(routes!(deactivate))
}

impl From<IdentityError> for Problem {
    fn from(error: IdentityError) -> Self {
        let detail = error.to_string();
        match error {
            IdentityError::GivenUp => Self::new(Code::GivenUp, detail),
            IdentityError::OtherPerson => Self::new(Code::HeldByOther, detail),
            IdentityError::Nobody => Self::body("/person", detail),
            IdentityError::Closed => Self::new(Code::IllegalTransition, detail),
            IdentityError::Desk(error) => error.into(),
        }
    }
}

/// The person a profile is linked to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ToPerson {
    /// The person's id; `null` for nobody.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(required)]
    person: Option<Uuid>,
}

/// The person who has an address now.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewHolder {
    /// The person's id.
    person: Uuid,
}

/// What an agent found out about a customer.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct VerificationForm {
    /// Who it is, by id; by itself whoever is known already.
    person: Option<Uuid>,
    /// The customer's account, as your own systems name it.
    account: Option<String>,
    /// How the agent made sure, such as `callback` or `passport`.
    method: String,
    /// Whether the profile is to remember it beyond the open interactions. Ask the customer first.
    #[serde(default)]
    confirm: bool,
}

impl VerificationForm {
    pub async fn read(self, tx: &mut Tx) -> Result<Verification, Problem> {
        let account = self.account.as_deref();
        Ok(Verification {
            person: find_person(tx, self.person).await?,
            account: account.map(|text| plain("/account", text, LONGEST)).transpose()?,
            method: plain("/method", &self.method, LONGEST)?,
            confirmed: self.confirm,
        })
    }
}

/// Why a sender is blocked.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BlockReason {
    /// Why.
    reason: String,
}

enum Decision {
    Link(Option<PersonRef>),
    Verify(Verification),
    Reassociate(PersonRef),
    Block(String),
    Unblock,
    Deactivate,
}

/// Links a profile and its open interactions to a person, or to nobody.
#[utoipa::path(post, path = "/v1/profiles/{id}/link", tag = "profiles",
    params(("id" = Uuid, Path, description = "The profile's id.")), request_body = ToPerson,
    responses((status = 200, body = ProfileDetails, description = "The linked profile.")))]
async fn link(
    State(api): Context,
    By(author): By,
    Path(id): Path<Uuid>,
    if_match: MayMatch,
    Body(body): Body<ToPerson>,
) -> Result<Versioned<ProfileDetails>, Problem> {
    let mut tx = api.store.begin_read().await?;
    let person = find_person(&mut tx, body.person).await?;
    tx.rollback().await?;
    decide(&api, id, &if_match, &author, &Decision::Link(person)).await
}

/// Confirms who is behind a profile: on its open interactions, and on the profile where `confirm`
/// says so.
#[utoipa::path(post, path = "/v1/profiles/{id}/verify", tag = "profiles",
    params(("id" = Uuid, Path, description = "The profile's id.")), request_body = VerificationForm,
    responses((status = 200, body = ProfileDetails, description = "The profile.")))]
async fn verify(
    State(api): Context,
    By(author): By,
    Path(id): Path<Uuid>,
    if_match: MayMatch,
    Body(body): Body<VerificationForm>,
) -> Result<Versioned<ProfileDetails>, Problem> {
    let mut tx = api.store.begin_read().await?;
    let verification = body.read(&mut tx).await?;
    tx.rollback().await?;
    decide(&api, id, &if_match, &author, &Decision::Verify(verification)).await
}

/// Hands an address over to the person who has it now. Its profile is given up; the answer is the
/// one that takes its place, with what is open.
#[utoipa::path(post, path = "/v1/profiles/{id}/reassociate", tag = "profiles",
    params(("id" = Uuid, Path, description = "The profile's id.")), request_body = NewHolder,
    responses((status = 200, body = ProfileDetails, description = "The profile of the address.")))]
async fn reassociate(
    State(api): Context,
    By(author): By,
    Path(id): Path<Uuid>,
    if_match: MayMatch,
    Body(body): Body<NewHolder>,
) -> Result<Versioned<ProfileDetails>, Problem> {
    let mut tx = api.store.begin_read().await?;
    let person = find_person(&mut tx, Some(body.person)).await?;
    tx.rollback().await?;
    let person = person.ok_or_else(|| Problem::not_found("person"))?;
    decide(&api, id, &if_match, &author, &Decision::Reassociate(person)).await
}

/// Blocks a sender: what it sends is acknowledged and kept, and nothing comes of it.
#[utoipa::path(post, path = "/v1/profiles/{id}/block", tag = "profiles",
    params(("id" = Uuid, Path, description = "The profile's id.")), request_body = BlockReason,
    responses((status = 200, body = ProfileDetails, description = "The blocked profile.")))]
async fn block(
    State(api): Context,
    By(author): By,
    Path(id): Path<Uuid>,
    if_match: MayMatch,
    Body(body): Body<BlockReason>,
) -> Result<Versioned<ProfileDetails>, Problem> {
    let reason = plain("/reason", &body.reason, LONGEST)?;
    decide(&api, id, &if_match, &author, &Decision::Block(reason)).await
}

/// Lets a blocked sender through again.
#[utoipa::path(post, path = "/v1/profiles/{id}/unblock", tag = "profiles",
    params(("id" = Uuid, Path, description = "The profile's id.")),
    responses((status = 200, body = ProfileDetails, description = "The profile.")))]
async fn unblock(
    State(api): Context,
    By(author): By,
    Path(id): Path<Uuid>,
    if_match: MayMatch,
) -> Result<Versioned<ProfileDetails>, Problem> {
    decide(&api, id, &if_match, &author, &Decision::Unblock).await
}

/// Gives a profile up for good: the next message from its address gets another one.
#[utoipa::path(post, path = "/v1/profiles/{id}/deactivate", tag = "profiles",
    params(("id" = Uuid, Path, description = "The profile's id.")),
    responses((status = 200, body = ProfileDetails, description = "The profile, given up.")))]
async fn deactivate(
    State(api): Context,
    By(author): By,
    Path(id): Path<Uuid>,
    if_match: MayMatch,
) -> Result<Versioned<ProfileDetails>, Problem> {
    decide(&api, id, &if_match, &author, &Decision::Deactivate).await
}

/// Carries out a decision, again if an interaction changed at the same moment.
async fn decide(
    api: &Api,
    id: Uuid,
    if_match: &MayMatch,
    author: &Author,
    decision: &Decision,
) -> Result<Versioned<ProfileDetails>, Problem> {
    let now = api.clock.now().as_millis();
    for _ in 0..ATTEMPTS {
        let mut tx = api.store.begin().await?;
        messages::hold_claims(&mut tx).await?;
        let profile = profiles::store::lock(&mut tx, id).await?;
        let profile = profile.ok_or_else(|| Problem::not_found("profile"))?;
        if_match.check(profile.version)?;
        match carry_out(&mut tx, &profile, decision, author, now).await {
            Ok(after) => {
                let details = details(&mut tx, after).await?;
                tx.commit().await?;
                return Ok(details);
            }
            Err(IdentityError::Desk(DeskError::Changed)) => tx.rollback().await?,
            Err(error) => return Err(error.into()),
        }
    }
    Err(Problem::conflict())
}

async fn carry_out(
    tx: &mut Tx,
    profile: &Profile,
    decision: &Decision,
    author: &Author,
    now: i64,
) -> Result<Profile, IdentityError> {
    match decision {
        Decision::Link(person) => identity::link(tx, profile, *person, author, now).await,
        Decision::Verify(verification) => {
            identity::verify(tx, profile, verification, author, now).await
        }
        Decision::Reassociate(person) => {
            identity::reassociate(tx, profile, *person, author, now).await
        }
        Decision::Block(reason) => identity::block(tx, profile, reason, author, now).await,
        Decision::Unblock => identity::unblock(tx, profile, author, now).await,
        Decision::Deactivate => identity::deactivate(tx, profile, author, now).await,
    }
}
