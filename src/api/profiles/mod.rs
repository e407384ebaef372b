//! Senders as they are known: one profile per address, and who is behind it.
//!
//! What agents decide about them lies in files beside this one; here they are found and shown.

mod actions;
mod merges;

pub(super) use actions::VerificationForm;
use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    Api, Context,
    input::{Path, Query, flag, number, phone_like},
    names::Names,
    output::{Page, Range, Versioned},
    problem::Problem,
};
use crate::{
    db::Tx,
    profiles::{
        self, Alias, MatchOutcome, Profile,
        directory::{self, Named},
    },
};

pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get))
        .merge(actions::router())
        .merge(merges::router())
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Filter {
    /// Those with all these words in the name they give themselves, the last one perhaps only
    /// begun; the newest name first.
    name: Option<String>,
    /// Those with this address, on any medium.
    address: Option<String>,
    /// Those of this person.
    person: Option<Uuid>,
    /// `true` for those an agent should decide about: several people have the number, somebody
    /// else has it, or the person left.
    #[serde(default, deserialize_with = "flag")]
    undecided: Option<bool>,
    /// `true` for those that are blocked.
    #[serde(default, deserialize_with = "flag")]
    blocked: Option<bool>,
    /// How many: 1 to 200, by itself 50.
    #[serde(default, deserialize_with = "number")]
    limit: Option<u32>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// A profile with its further addresses and what the directory says of it now.
#[derive(Debug, Serialize, ToSchema)]
struct ProfileDetails {
    #[serde(flatten)]
    profile: Profile,
    /// Further addresses of the same sender.
    aliases: Vec<Alias>,
    /// What the directory says now.
    matching: Matching,
    /// The names of the person and of everybody an agent may want to choose from.
    people: Vec<Named>,
}

/// What the directory says of a profile.
#[derive(Debug, Serialize, ToSchema)]
struct Matching {
    /// The row of the matching table.
    outcome: MatchOutcome,
    /// The same in a sentence.
    reason: &'static str,
    /// People an agent may want to choose from.
    candidates: Vec<profiles::PersonRef>,
}

/// Lists profiles, in the order they were made, or by their names.
///
/// By name, what else is asked for narrows down each page: one may hold less than it could and
/// still have a `next`.
#[utoipa::path(get, path = "/v1/profiles", tag = "profiles", params(Filter),
    responses((status = 200, body = Page<Profile>, description = "Profiles.")))]
async fn list(
    State(api): Context,
    Query(query): Query<Filter>,
) -> Result<Json<Page<Profile>>, Problem> {
    for (name, given) in [("undecided", query.undecided), ("blocked", query.blocked)] {
        if given == Some(false) {
            return Err(Problem::parameter(name, "give true, or leave it out"));
        }
    }
    let filter = profiles::store::Filter {
        addresses: query.address.as_deref().map(phone_like).as_deref().map(profiles::spellings),
        person: query.person,
        undecided: query.undecided.unwrap_or_default(),
        blocked: query.blocked.unwrap_or_default(),
        ..profiles::store::Filter::default()
    };
    let mut tx = api.store.begin_read().await?;
    let page = match &query.name {
        Some(name) => {
            let range = Range::new(query.limit, query.after.as_deref())?;
            let names = Names::find(&mut tx, "profile", name, &range).await?;
            let limit = i64::MAX;
            let filter = profiles::store::Filter { ids: Some(names.ids()), limit, ..filter };
            names.page(profiles::store::list(&mut tx, &filter).await?, |profile| profile.id)
        }
        None => {
            let range = Range::new(query.limit, query.after.as_deref())?;
            let (after, limit) = (range.after, range.fetch());
            let filter = profiles::store::Filter { after, limit, ..filter };
            range.page(profiles::store::list(&mut tx, &filter).await?, |profile| profile.id)
        }
    };
    tx.rollback().await?;
    Ok(Json(page))
}

/// Shows a profile, with what the directory says of it now.
#[utoipa::path(get, path = "/v1/profiles/{id}", tag = "profiles",
    params(("id" = Uuid, Path, description = "The profile's id.")),
    responses((status = 200, body = ProfileDetails, description = "The profile.")))]
async fn get(
    State(api): Context,
    Path(id): Path<Uuid>,
) -> Result<Versioned<ProfileDetails>, Problem> {
    let mut tx = api.store.begin_read().await?;
    let profile = profiles::store::get(&mut tx, id).await?;
    let profile = profile.ok_or_else(|| Problem::not_found("profile"))?;
    let details = details(&mut tx, profile).await?;
    tx.rollback().await?;
    Ok(details)
}

async fn details(tx: &mut Tx, profile: Profile) -> Result<Versioned<ProfileDetails>, Problem> {
    let numbers = directory::numbers(tx, &profile).await?;
    let mut judged = vec![(profile, numbers)];
    let decision = directory::judge(tx, &judged).await?.pop();
    let (Some((profile, _)), Some(decision)) = (judged.pop(), decision) else {
        return Err(Problem::not_found("profile"));
    };
    let aliases = profiles::store::aliases(tx, profile.id).await?;
    let stored = profile.candidates.0.iter().copied();
    let people = profile.person().into_iter().chain(stored).chain(decision.candidates.clone());
    let people = directory::names(tx, people).await?;
    let matching = Matching {
        outcome: decision.outcome,
        reason: decision.outcome.sentence(),
        candidates: decision.candidates,
    };
    let version = profile.version;
    Ok(Versioned(ProfileDetails { profile, aliases, matching, people }, version))
}
