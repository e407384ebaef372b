//! How something came to be, from bytes to agent.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Api, Context, input::Path, problem::Problem};
use crate::desk::explain::{self as desk, Story};

pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(explain))
}

/// What is known about how it came to be.
#[derive(Debug, Serialize, ToSchema)]
struct Explanation {
    /// The interaction first, then its messages; or the one thing that was asked for.
    stories: Vec<Story>,
}

/// Explains an interaction, message, event, request or work item: each step from bytes to agent,
/// with its time, rule and reason.
#[utoipa::path(get, path = "/v1/explain/{id}", tag = "requests",
    params(("id" = String, Path, description = "An interaction's number, or an id.")),
    responses((status = 200, body = Explanation, description = "The steps, as they were stored.")))]
async fn explain(
    State(api): Context,
    Path(id): Path<String>,
) -> Result<Json<Explanation>, Problem> {
    let mut tx = api.store.begin_read().await?;
    let stories = desk::explain(&mut tx, &id).await?;
    tx.rollback().await?;
    if stories.is_empty() {
        return Err(Problem::not_found("interaction, message, event, request or work item"));
    }
    Ok(Json(Explanation { stories }))
}
