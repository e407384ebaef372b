//! Deliveries: what became of each event at each sink.

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    Api, Context,
    agents::By,
    input::{Path, Query, number},
    output::{Page, Range},
    problem::{Code, Problem},
};
use crate::{
    audit::{self, Change, Subject},
    deliveries::{self, Delivery, State as DeliveryState},
};

pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(get)).routes(routes!(retry))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Filter {
    /// Those for this sink.
    sink: Option<String>,
    /// Those that stand there.
    state: Option<DeliveryState>,
    /// How many: 1 to 200, by itself 50.
    #[serde(default, deserialize_with = "number")]
    limit: Option<u32>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// Lists deliveries, newest first. Accepted ones are kept for a while.
#[utoipa::path(get, path = "/v1/deliveries", tag = "deliveries", params(Filter),
    responses((status = 200, body = Page<Delivery>, description = "Deliveries.")))]
async fn list(
    State(api): Context,
    Query(query): Query<Filter>,
) -> Result<Json<Page<Delivery>>, Problem> {
    let range = Range::new(query.limit, query.after.as_deref())?;
    let filter = deliveries::Filter {
        sink: query.sink,
        state: query.state,
        id: None,
        before: range.after,
        limit: range.fetch(),
    };
    let mut tx = api.store.begin_read().await?;
    let found = deliveries::list(&mut tx, &filter).await?;
    tx.rollback().await?;
    Ok(Json(range.page(found, |delivery| delivery.id)))
}

/// Shows a delivery and its latest attempts.
#[utoipa::path(get, path = "/v1/deliveries/{id}", tag = "deliveries",
    params(("id" = Uuid, Path, description = "The delivery's id.")),
    responses((status = 200, body = Delivery, description = "The delivery.")))]
async fn get(State(api): Context, Path(id): Path<Uuid>) -> Result<Json<Delivery>, Problem> {
    let mut tx = api.store.begin_read().await?;
    let found = deliveries::get(&mut tx, id).await?;
    tx.rollback().await?;
    Ok(Json(found.ok_or_else(|| Problem::not_found("delivery"))?))
}

/// Takes up again what was given up, or waits for its next attempt: it is tried now.
///
/// Where it waits for another event of its interaction, that one is tried now: it comes first.
#[utoipa::path(post, path = "/v1/deliveries/{id}/retry", tag = "deliveries",
    params(("id" = Uuid, Path, description = "The delivery's id.")),
    responses((status = 200, body = Delivery, description = "The delivery, which waits again.")))]
async fn retry(
    State(api): Context,
    By(author): By,
    Path(id): Path<Uuid>,
) -> Result<Json<Delivery>, Problem> {
    let now = api.clock.now().as_millis();
    let missing = || Problem::not_found("delivery");
    let mut tx = api.store.begin().await?;
    deliveries::lock(&mut tx).await?;
    let before = deliveries::get(&mut tx, id).await?.ok_or_else(missing)?;
    if before.state == DeliveryState::Delivered {
        let detail =
            "the sink accepted this one; only what waits or was given up is taken up again";
        return Err(Problem::new(Code::IllegalTransition, detail));
    }
    deliveries::retry(&mut tx, &before.sink, Some(&before), now).await?;
    let after = deliveries::get(&mut tx, id).await?.ok_or_else(missing)?;
    let changes = vec![Change::new("state", before.state.as_str(), after.state.as_str())];
    audit::record(&mut tx, &author, Subject::new("delivery", id), "retry", changes, now).await?;
    tx.commit().await?;
    Ok(Json(after))
}
