//! How something came to be, from bytes to agent.

use axum::{Json, extract::State};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Api, Context, input::Path, problem::Problem};
use crate::desk::explain::{self as desk, Explanation};

pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(explain))
}

/// Explains an interaction, message, event, request or work item: each step from bytes to agent,
/// with its time, rule and reason. Of many messages the last are explained.
#[utoipa::path(get, path = "/v1/explain/{id}", tag = "requests",
    params(("id" = String, Path, description = "An interaction's number, or an id.")),
    responses((status = 200, body = Explanation, description = "The steps, as they were stored.")))]
async fn explain(
    State(api): Context,
    Path(id): Path<String>,
) -> Result<Json<Explanation>, Problem> {
    let mut tx = api.store.begin_read().await?;
    let explanation = desk::explain(&mut tx, &id).await?;
    tx.rollback().await?;
    if explanation.stories.is_empty() {
        return Err(Problem::not_found("interaction, message, event, request or work item"));
    }
    Ok(Json(explanation))
}
