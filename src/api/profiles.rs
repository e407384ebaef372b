//! Senders as they are known: one profile per address.

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    Api, Context,
    input::{Path, Query, number, phone_like},
    output::{Page, Range, Versioned},
    problem::Problem,
};
use crate::profiles::{self, Profile};

pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(get))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Filter {
    /// Those with this address, on any medium.
    address: Option<String>,
    /// Those of this person.
    person: Option<Uuid>,
    /// How many: 1 to 200, by itself 50.
    #[serde(default, deserialize_with = "number")]
    limit: Option<u32>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// Lists profiles, in the order they were made.
#[utoipa::path(get, path = "/v1/profiles", tag = "profiles", params(Filter),
    responses((status = 200, body = Page<Profile>, description = "Profiles.")))]
async fn list(
    State(api): Context,
    Query(query): Query<Filter>,
) -> Result<Json<Page<Profile>>, Problem> {
    let range = Range::new(query.limit, query.after.as_deref())?;
    let filter = profiles::store::Filter {
        address: query.address.as_deref().map(phone_like),
        person: query.person,
        after: range.after,
        limit: range.fetch(),
    };
    let mut tx = api.store.begin_read().await?;
    let profiles = profiles::store::list(&mut tx, &filter).await?;
    tx.rollback().await?;
    Ok(Json(range.page(profiles, |profile| profile.id)))
}

/// Shows a profile.
#[utoipa::path(get, path = "/v1/profiles/{id}", tag = "profiles",
    params(("id" = Uuid, Path, description = "The profile's id.")),
    responses((status = 200, body = Profile, description = "The profile.")))]
async fn get(State(api): Context, Path(id): Path<Uuid>) -> Result<Versioned<Profile>, Problem> {
    let mut tx = api.store.begin_read().await?;
    let profile = profiles::store::get(&mut tx, id).await?;
    tx.rollback().await?;
    let profile = profile.ok_or_else(|| Problem::not_found("profile"))?;
    let version = profile.version;
    Ok(Versioned(profile, version))
}
