//! What senders decided about messages from us.

use axum::{Json, extract::State};
use frontdesk_adapters::{Medium, phone};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Api, Context,
    agents::By,
    input::{Body, Query, number, phone_like},
    interactions::plain,
    output::{Page, Range},
    problem::Problem,
};
use crate::{
    desk::consent::{self, Entered},
    profiles::consents::{self, Consent, ConsentChange, ConsentRecord, HistoryFilter},
};

/// No reason or address is longer, in characters.
const LONGEST: usize = 500;

pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list, enter)).routes(routes!(history))
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

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct PastFilter {
    /// The sender's address.
    address: String,
    /// Our address; by itself all of them.
    our_address: Option<String>,
    /// How many: 1 to 200, by itself 50.
    #[serde(default, deserialize_with = "number")]
    limit: Option<u32>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// A decision that a sender told somebody.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewDecision {
    /// The medium, such as `sms`.
    #[schema(value_type = String)]
    scheme: Medium,
    /// The sender's address.
    value: String,
    /// Our address it is about.
    our_address: String,
    /// What was decided.
    state: Consent,
    /// How it came to that, such as `said so on the telephone`.
    reason: String,
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

/// Lists every decision of a sender, newest first.
#[utoipa::path(get, path = "/v1/consents/history", tag = "consents", params(PastFilter),
    responses((status = 200, body = Page<ConsentChange>, description = "Decisions.")))]
async fn history(
    State(api): Context,
    Query(query): Query<PastFilter>,
) -> Result<Json<Page<ConsentChange>>, Problem> {
    let range = Range::new(query.limit, query.after.as_deref())?;
    let filter = HistoryFilter {
        value: phone_like(&query.address),
        our_address: query.our_address.as_deref().map(phone_like),
        before: range.after,
        limit: range.fetch(),
    };
    let mut tx = api.store.begin_read().await?;
    let changes = consents::history(&mut tx, &filter).await?;
    tx.rollback().await?;
    Ok(Json(range.page(changes, |change| change.id)))
}

/// Enters what a sender decided elsewhere. The latest decision counts; all stay on record.
#[utoipa::path(put, path = "/v1/consents", tag = "consents", request_body = NewDecision,
    responses((status = 200, body = ConsentRecord, description = "The decision that counts.")))]
async fn enter(
    State(api): Context,
    By(author): By,
    Body(new): Body<NewDecision>,
) -> Result<Json<ConsentRecord>, Problem> {
    let value = plain("/value", &new.value, LONGEST)?;
    let value = match new.scheme.has_numbers() {
        true => phone::address(&value, None).map_or(value, |address| address.value),
        false => value,
    };
    let entered = Entered {
        scheme: new.scheme.as_str().to_owned(),
        value,
        our_address: plain("/our_address", &new.our_address, LONGEST)?,
        state: new.state,
        reason: plain("/reason", &new.reason, LONGEST)?,
    };
    let now = api.clock.now().as_millis();
    let mut tx = api.store.begin().await?;
    let decision = consent::enter(&mut tx, entered, &author, now).await?;
    tx.commit().await?;
    Ok(Json(decision))
}
