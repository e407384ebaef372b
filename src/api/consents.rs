//! What senders decided about messages from us.

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Api, Context,
    input::{Query, number, phone_like},
    output::{Page, Range},
    problem::Problem,
};
use crate::profiles::consents::{self, ConsentRecord};

pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Filter {
    /// The sender's address.
    address: String,
    /// How many: 1 to 200, by itself 50.
    #[serde(default, deserialize_with = "number")]
    limit: Option<u32>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// Lists what a sender decided, per address of ours.
#[utoipa::path(get, path = "/v1/consents", tag = "consents", params(Filter),
    responses((status = 200, body = Page<ConsentRecord>, description = "Decisions.")))]
async fn list(
    State(api): Context,
    Query(query): Query<Filter>,
) -> Result<Json<Page<ConsentRecord>>, Problem> {
    let range = Range::new(query.limit, query.after.as_deref())?;
    let mut tx = api.store.begin_read().await?;
    let decisions = consents::of_address(&mut tx, &phone_like(&query.address)).await?;
    tx.rollback().await?;
    let known_by =
        |decision: &ConsentRecord| (decision.scheme.clone(), decision.our_address.clone());
    Ok(Json(range.cut(decisions, known_by)))
}
