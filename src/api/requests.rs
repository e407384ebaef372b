//! Every webhook request that came in, also the refused ones. What they carried of secrets was
//! never stored.

use axum::{Json, extract::State};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use frontdesk_adapters::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    Api, Context,
    agents::By,
    input::{MayBody, Path, Query, number},
    messages::EVENTS,
    output::{Page, Range},
    problem::{Code, Problem},
};
use crate::{
    audit::{self, Subject},
    ingest::{Again, Difference, IngestError, Receipt},
    messages::{
        self, EventFilter, EventRecord, Message, MessageFilter, RequestFilter, RequestOutcome,
        RequestRecord, StoredRequest,
    },
};

pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(get)).routes(routes!(replay))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Filter {
    /// Those for this channel.
    channel: Option<String>,
    /// Those with this outcome.
    outcome: Option<RequestOutcome>,
    /// Those that arrived at or after this time.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// Those that arrived before this time.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// How many: 1 to 200, by itself 50.
    #[serde(default, deserialize_with = "number")]
    limit: Option<u32>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// A request with its headers and body.
#[derive(Debug, Serialize, ToSchema)]
struct WholeRequest {
    #[serde(flatten)]
    record: RequestRecord,
    /// The headers, in order, without secrets.
    headers: Vec<Header>,
    /// The body, where it is text.
    body: Option<String>,
    /// The body in base64, where it is not text.
    body_base64: Option<String>,
    /// The messages it brought.
    messages: Vec<Message>,
    /// Everything else it brought, also what we have no word for.
    other_events: Vec<EventRecord>,
}

/// A header of a request.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RequestHeader)]
struct Header {
    /// Its name, in lower case.
    name: String,
    /// Its value.
    value: String,
}

impl WholeRequest {
    fn of(request: StoredRequest, messages: Vec<Message>, other_events: Vec<EventRecord>) -> Self {
        let (body, body_base64) = match String::from_utf8(request.body) {
            Ok(text) => (Some(text), None),
            Err(error) => (None, Some(BASE64.encode(error.as_bytes()))),
        };
        let headers = request.headers.0.into_iter().map(|(name, value)| Header { name, value });
        let (record, headers) = (request.record, headers.collect());
        Self { record, headers, body, body_base64, messages, other_events }
    }
}

/// Lists webhook requests, newest first.
#[utoipa::path(get, path = "/v1/requests", tag = "requests", params(Filter),
    responses((status = 200, body = Page<RequestRecord>, description = "Requests.")))]
async fn list(
    State(api): Context,
    Query(query): Query<Filter>,
) -> Result<Json<Page<RequestRecord>>, Problem> {
    let range = Range::new(query.limit, query.after.as_deref())?;
    let filter = RequestFilter {
        channel: query.channel,
        outcome: query.outcome.map(|outcome| outcome.as_str().to_owned()),
        since: query.since.map(Timestamp::as_millis),
        until: query.until.map(Timestamp::as_millis),
        before: range.after,
    };
    let mut tx = api.store.begin_read().await?;
    let requests = messages::requests(&mut tx, &filter, range.limit()).await?;
    tx.rollback().await?;
    Ok(Json(Page::of(requests)))
}

/// Shows a webhook request with its headers, its body and what it brought.
#[utoipa::path(get, path = "/v1/requests/{id}", tag = "requests",
    params(("id" = Uuid, Path, description = "The request's id.")),
    responses((status = 200, body = WholeRequest, description = "The request.")))]
async fn get(State(api): Context, Path(id): Path<Uuid>) -> Result<Json<WholeRequest>, Problem> {
    let mut tx = api.store.begin_read().await?;
    let request = messages::find_request(&mut tx, id).await?;
    let request = request.ok_or_else(|| Problem::not_found("request"))?;
    let of_request = MessageFilter { request: Some(id), limit: EVENTS, ..MessageFilter::default() };
    let brought = messages::list(&mut tx, &of_request).await?;
    let beside = EventFilter { request: Some(id), limit: EVENTS, ..EventFilter::default() };
    let other_events = messages::events(&mut tx, &beside).await?;
    tx.rollback().await?;
    Ok(Json(WholeRequest::of(request, brought, other_events)))
}

/// How to replay.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
struct HowToReplay {
    /// Say what would happen and record nothing.
    dry_run: bool,
}

/// What came of a replay.
#[derive(Debug, Serialize, ToSchema)]
struct Replayed {
    /// `accepted`, `duplicate`, `malformed` or `refused`; `null` for a set-up check.
    outcome: Option<RequestOutcome>,
    /// Why it was refused.
    reason: Option<String>,
    /// How many events it brings.
    events: usize,
    /// How many of them were recorded before.
    duplicates: usize,
    /// What a dry run found: events that would be new, and what would be read differently today.
    differences: Vec<Difference>,
}

/// Takes a stored request in once more: signed anew, at the time it came, behind live traffic.
///
/// What is recorded already stays as it is, so replaying twice is the same as replaying once. What
/// was refused has to prove itself.
#[utoipa::path(post, path = "/v1/requests/{id}/replay", tag = "requests",
    params(("id" = Uuid, Path, description = "The request's id.")), request_body = Option<HowToReplay>,
    responses((status = 200, body = Replayed, description = "What came of it.")))]
async fn replay(
    State(api): Context,
    By(author): By,
    Path(id): Path<Uuid>,
    MayBody(how): MayBody<HowToReplay>,
) -> Result<Json<Replayed>, Problem> {
    let mut tx = api.store.begin_read().await?;
    let stored = messages::find_request(&mut tx, id).await?;
    tx.rollback().await?;
    let stored = stored.ok_or_else(|| Problem::not_found("request"))?;
    let unusable = || Problem::new(Code::NotReplayable, "no active channel answers at its address");
    let Again { channel, request, proof, at } =
        Again::of(stored, &api.public_url).ok_or_else(unusable)?;
    let catalog = api.ingest.catalog();
    let channel = channel.and_then(|id| catalog.channel(&id).cloned()).ok_or_else(unusable)?;
    let unsigned =
        || Problem::new(Code::NotReplayable, "its channel has no secret to sign it with");
    let request = proof.give(&channel, request, at).map_err(|_| unsigned())?;
    let receipt = if how.dry_run {
        api.ingest.preview(&channel.id, request, at).await
    } else {
        api.ingest.replay(&channel.id, request, at).await.map(|receipt| (receipt, Vec::new()))
    };
    let replayed = match receipt {
        Ok((Receipt { outcome, events, duplicates, .. }, differences)) => {
            Replayed { outcome, reason: None, events, duplicates, differences }
        }
        Err(IngestError::Refused(refusal)) => Replayed {
            outcome: Some(RequestOutcome::Refused),
            reason: Some(refusal.to_string()),
            events: 0,
            duplicates: 0,
            differences: Vec::new(),
        },
        Err(IngestError::UnknownChannel | IngestError::ChannelUnusable) => return Err(unusable()),
        Err(IngestError::Poisoned) => {
            return Err(Problem::new(Code::NotReplayable, "the database refuses what it brings"));
        }
        Err(
            IngestError::Overloaded
            | IngestError::Unavailable
            | IngestError::NoKeys
            | IngestError::Stopping,
        ) => {
            return Err(Problem::new(Code::Unavailable, "nothing was recorded; try again"));
        }
    };
    if !how.dry_run {
        let mut tx = api.store.begin().await?;
        let subject = Subject::new("request", id.to_string());
        let now = api.clock.now().as_millis();
        audit::record(&mut tx, &author, subject, "replay", Vec::new(), now).await?;
        tx.commit().await?;
    }
    Ok(Json(replayed))
}
