//! Two profiles that may be one sender: proposed by rules, decided here, taken back here.

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    api::{
        Api, Context,
        agents::By,
        input::{Body, MayMatch, Path, Query, number},
        output::{Page, Range, Versioned},
        problem::{Code, Problem},
    },
    audit::Author,
    db::Tx,
    desk::{
        DeskError,
        merges::{self as desk, MergeError},
    },
    messages,
    profiles::{
        self,
        merges::{self, Merge, State as MergeState, Unfit},
    },
};

/// How often a merge is tried again after an interaction changed at the same moment.
const ATTEMPTS: usize = 4;

pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(merge))
        .routes(routes!(list))
        .routes(routes!(get))
        .routes(routes!(confirm))
        .routes(routes!(dismiss))
        .routes(routes!(undo))
}

impl From<MergeError> for Problem {
    fn from(error: MergeError) -> Self {
        let detail = error.to_string();
        match error {
            MergeError::Unfit(Unfit::Same) => Self::body("/profile", detail),
            MergeError::Unfit(Unfit::GivenUp) => Self::new(Code::GivenUp, detail),
            MergeError::Unfit(Unfit::OtherMedium | Unfit::TwoPeople)
            | MergeError::BothOpen(..)
            | MergeError::State(_)
            | MergeError::BuiltUpon
            | MergeError::AddressTaken => Self::new(Code::CannotMerge, detail),
            MergeError::Desk(error) => error.into(),
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Filter {
    /// Those that stand so.
    state: Option<MergeState>,
    /// Those of this profile, kept or given up.
    profile: Option<Uuid>,
    /// How many: 1 to 200, by itself 50.
    #[serde(default, deserialize_with = "number")]
    limit: Option<u32>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// The profile that is given up.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Other {
    /// The id of the profile whose conversations this one takes over.
    profile: Uuid,
}

enum Decision {
    Merge { kept: Uuid, given_up: Uuid },
    Confirm(Uuid),
    Dismiss(Uuid),
    Undo(Uuid),
}

/// Lists merges, newest first.
#[utoipa::path(get, path = "/v1/merges", tag = "merges", params(Filter),
    responses((status = 200, body = Page<Merge>, description = "Merges.")))]
async fn list(
    State(api): Context,
    Query(query): Query<Filter>,
) -> Result<Json<Page<Merge>>, Problem> {
    let range = Range::new(query.limit, query.after.as_deref())?;
    let filter = merges::Filter {
        state: query.state,
        profile: query.profile,
        before: range.after,
        limit: range.fetch(),
    };
    let mut tx = api.store.begin_read().await?;
    let merges = merges::list(&mut tx, &filter).await?;
    tx.rollback().await?;
    Ok(Json(range.page(merges, |merge| merge.id)))
}

/// Shows a merge.
#[utoipa::path(get, path = "/v1/merges/{id}", tag = "merges",
    params(("id" = Uuid, Path, description = "The merge's id.")),
    responses((status = 200, body = Merge, description = "The merge.")))]
async fn get(State(api): Context, Path(id): Path<Uuid>) -> Result<Versioned<Merge>, Problem> {
    let mut tx = api.store.begin_read().await?;
    let merge = merges::get(&mut tx, id).await?;
    tx.rollback().await?;
    let merge = merge.ok_or_else(|| Problem::not_found("merge"))?;
    let version = merge.version;
    Ok(Versioned(merge, version))
}

/// Merges another profile into this one: conversations, tasks and addresses become this one's.
#[utoipa::path(post, path = "/v1/profiles/{id}/merge", tag = "profiles",
    params(("id" = Uuid, Path, description = "The id of the profile that is kept.")),
    request_body = Other,
    responses((status = 200, body = Merge, description = "The merge, by which it can be undone.")))]
async fn merge(
    State(api): Context,
    By(author): By,
    Path(id): Path<Uuid>,
    if_match: MayMatch,
    Body(body): Body<Other>,
) -> Result<Versioned<Merge>, Problem> {
    let decision = Decision::Merge { kept: id, given_up: body.profile };
    decide(&api, &if_match, &author, &decision).await
}

/// Confirms a proposed merge: the kept profile stands for both.
#[utoipa::path(post, path = "/v1/merges/{id}/confirm", tag = "merges",
    params(("id" = Uuid, Path, description = "The merge's id.")),
    responses((status = 200, body = Merge, description = "The merge.")))]
async fn confirm(
    State(api): Context,
    By(author): By,
    Path(id): Path<Uuid>,
    if_match: MayMatch,
) -> Result<Versioned<Merge>, Problem> {
    decide(&api, &if_match, &author, &Decision::Confirm(id)).await
}

/// Says that two profiles are two senders; they are not proposed again.
#[utoipa::path(post, path = "/v1/merges/{id}/dismiss", tag = "merges",
    params(("id" = Uuid, Path, description = "The merge's id.")),
    responses((status = 200, body = Merge, description = "The merge.")))]
async fn dismiss(
    State(api): Context,
    By(author): By,
    Path(id): Path<Uuid>,
    if_match: MayMatch,
) -> Result<Versioned<Merge>, Problem> {
    decide(&api, &if_match, &author, &Decision::Dismiss(id)).await
}

/// Takes a merge back: everything is whose it was.
#[utoipa::path(post, path = "/v1/merges/{id}/undo", tag = "merges",
    params(("id" = Uuid, Path, description = "The merge's id.")),
    responses((status = 200, body = Merge, description = "The merge.")))]
async fn undo(
    State(api): Context,
    By(author): By,
    Path(id): Path<Uuid>,
    if_match: MayMatch,
) -> Result<Versioned<Merge>, Problem> {
    decide(&api, &if_match, &author, &Decision::Undo(id)).await
}

async fn decide(
    api: &Api,
    if_match: &MayMatch,
    author: &Author,
    decision: &Decision,
) -> Result<Versioned<Merge>, Problem> {
    for _ in 0..ATTEMPTS {
        let mut tx = api.store.begin().await?;
        messages::hold_claims(&mut tx).await?;
        let now = api.clock.now().as_millis();
        match carry_out(&mut tx, if_match, author, decision, now).await {
            Ok(Ok(merge)) => {
                tx.commit().await?;
                let version = merge.version;
                return Ok(Versioned(merge, version));
            }
            Ok(Err(MergeError::Desk(DeskError::Changed))) => tx.rollback().await?,
            Ok(Err(error)) => return Err(error.into()),
            Err(problem) => return Err(problem),
        }
    }
    Err(Problem::conflict())
}

async fn carry_out(
    tx: &mut Tx,
    if_match: &MayMatch,
    author: &Author,
    decision: &Decision,
    now: i64,
) -> Result<Result<Merge, MergeError>, Problem> {
    let id = match decision {
        Decision::Merge { kept, given_up } => {
            let profile = profiles::store::get(tx, *kept).await?;
            if_match.check(profile.ok_or_else(|| Problem::not_found("profile"))?.version)?;
            if profiles::store::get(tx, *given_up).await?.is_none() {
                let detail = "there is no profile with this id; search /v1/profiles";
                return Err(Problem::body("/profile", detail));
            }
            return Ok(desk::merge(tx, *kept, *given_up, author, now).await);
        }
        Decision::Confirm(id) | Decision::Dismiss(id) | Decision::Undo(id) => *id,
    };
    let merge = merges::lock(tx, id).await?.ok_or_else(|| Problem::not_found("merge"))?;
    if_match.check(merge.version)?;
    Ok(match decision {
        Decision::Dismiss(_) => desk::dismiss(tx, merge, author, now).await,
        Decision::Undo(_) => desk::undo(tx, merge, author, now).await,
        Decision::Merge { .. } | Decision::Confirm(_) => {
            desk::confirm(tx, merge, author, now).await
        }
    })
}
